--TEST--
With disable_functions=localapi a script declares its own localAPI(), and LocalApi\call() still answers
--INI--
localapi.dsn=sqlite::memory:
disable_functions=localapi
--FILE--
<?php
function localAPI($command)
{
    return ['result' => 'success', 'by' => 'the host'];
}
echo json_encode(localAPI('CreateOAuthCredential')), "\n";
echo json_encode((new ReflectionFunction('localapi'))->isUserDefined()), "\n";
echo json_encode(LocalApi\call('CreateOAuthCredential')), "\n";
?>
===DONE===
--EXPECT--
{"result":"success","by":"the host"}
true
{"result":"error","message":"A valid grant type is required."}
===DONE===
