--TEST--
After a fork the child has a copy of the sandbox of its own
--EXTENSIONS--
pcntl
--INI--
localapi.sandbox=1
--FILE--
<?php
function create(): int
{
    $parameters = ['grantType' => 'authorization_code', 'name' => 'n', 'scope' => 'openid'];
    return localAPI('CreateOAuthCredential', $parameters)['credentialId'];
}

LocalApi\handle('Kept', fn () => ['result' => 'success']);
create();
$child = pcntl_fork();
if ($child === 0) {
    echo 'child: ', create(), ' ', localAPI('Kept')['result'], ' ', count(LocalApi\Sandbox::calls()), "\n";
    LocalApi\Sandbox::reset();
    echo 'child: ', create(), ' ', localAPI('Kept')['result'], "\n";
    exit;
}
pcntl_waitpid($child, $status);
echo 'parent: ', create(), ' ', localAPI('Kept')['result'], ' ', count(LocalApi\Sandbox::calls()), "\n";
?>
===DONE===
--EXPECT--
child: 2 success 3
child: 1 error
parent: 2 success 3
===DONE===
