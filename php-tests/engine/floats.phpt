--TEST--
Floats are read as PHP prints them, NaN without the warning of PHP 8.5
--INI--
localapi.sandbox=1
localapi.dsn=
precision=5
--FILE--
<?php
set_error_handler(function (int $level, string $message): void {
    echo "PHP says: $message\n";
});

$create = ['grantType' => 'authorization_code', 'name' => 'n', 'scope' => 'openid'];
$newest = ['sortOrder' => 'DESC', 'limit' => 1];
foreach ([NAN, sqrt(-1), INF, -INF, 1.0, -0.0, 1 / 3, 1e300] as $float) {
    localAPI('CreateOAuthCredential', ['name' => $float] + $create);
    echo localAPI('ListOAuthCredentials', $newest)['clients'][0]['name'], ' ';
    LocalApi\batch([['CreateOAuthCredential', ['name' => $float] + $create]]);
    echo localAPI('ListOAuthCredentials', $newest)['clients'][0]['name'], ' ';
    $message = localAPI('CreateOAuthCredential', ['redirectUri' => ['https://a.test', $float]] + $create)['message'];
    echo explode('"', $message)[1], ' ';
    echo localAPI('DeleteOAuthCredential', ['credentialId' => $float])['result'], ' ';
    echo LocalApi\Sandbox::addClient(['firstname' => $float]), "\n";
}
?>
===DONE===
--EXPECT--
NAN NAN NAN error 1
NAN NAN NAN error 2
INF INF INF error 3
-INF -INF -INF error 4
1 1 1 success 5
-0 -0 -0 error 6
0.33333 0.33333 0.33333 error 7
1.0E+300 1.0E+300 1.0E+300 error 8
===DONE===
