--TEST--
exit() in __toString ends the script as anywhere else, and nothing is stored
--FILE--
<?php
require __DIR__ . '/../process.php';

$store = scratch_folder() . '/store.sqlite';
$code = <<<'PHP'
final class Leaver
{
    function __toString(): string
    {
        exit('left');
    }
}
register_shutdown_function(function () use ($data): void {
    echo ', then ', localAPI('CreateOAuthCredential', ['name' => 'after'] + $data)['credentialId'], "\n";
});
localAPI('CreateOAuthCredential', ['name' => new Leaver] + $data);
echo 'went on';
PHP;
$data = '$data = ["grantType" => "authorization_code", "scope" => "openid"];';
echo php($data . $code, ['localapi.dsn' => "sqlite:$store"]);
$rows = (new PDO("sqlite:$store"))->query('SELECT id, name FROM tbloauthserver_clients');
echo json_encode($rows->fetchAll(PDO::FETCH_NUM));
?>

===DONE===
--EXPECT--
left, then 1
[[1,"after"]]
===DONE===
