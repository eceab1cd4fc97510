--TEST--
A server without localapi.dsn answers with a sentence that names it, and makes no file
--FILE--
<?php
require __DIR__ . '/../process.php';

$home = scratch_folder();
$environment = ['HOME' => $home, 'XDG_DATA_HOME' => $home];
$call = 'echo PHP_SAPI, ": ", localAPI("CreateOAuthCredential")["message"], "\n";';

$server = new Server(scratch_folder(), [], $environment);
echo $server->answer($call);
echo $server->answer('try { LocalApi\register_admin("eve"); } catch (LocalApi\StoreException $fault) {
    echo get_parent_class($fault), ": ", $fault->getMessage(), "\n";
}');
echo json_encode(array_diff(scandir($home), ['.', '..'])), "\n";
unset($server);

$server = new Server(scratch_folder(), ['localapi.dsn' => "sqlite:$home/store.sqlite"], $environment);
echo $server->answer($call);
unset($server);

echo php($call, [], $environment);
?>
===DONE===
--EXPECT--
cli-server: The credential store has no place: set localapi.dsn in php.ini, for example localapi.dsn = "sqlite:/var/lib/localapi/store.sqlite".
RuntimeException: The credential store has no place: set localapi.dsn in php.ini, for example localapi.dsn = "sqlite:/var/lib/localapi/store.sqlite".
[]
cli-server: A valid grant type is required.
cli: A valid grant type is required.
===DONE===
