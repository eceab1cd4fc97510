--TEST--
Opcache, its JIT and a preload script change nothing
--FILE--
<?php
require __DIR__ . '/../process.php';

$folder = scratch_folder();
$store = "$folder/store.sqlite";
file_put_contents("$folder/preload.php", '<?php
    final class Issuer {
        const BASE = ["grantType" => "authorization_code", "scope" => "openid"];
        function __construct(private string $name) { }
        function __toString(): string { return $this->name; }
        static function issue(string $name): int {
            return localAPI("CreateOAuthCredential", ["name" => new self($name)] + self::BASE)["credentialId"];
        }
    }
    Issuer::issue("preloaded");
');
file_put_contents("$folder/script.php", '<?php
    for ($last = 0, $i = 0; $i < 200; ++$i) {
        $last = Issuer::issue("call $i");
    }
    echo opcache_get_status()["opcache_enabled"] ? "opcache, " : "no opcache, ", $last, "\n";
');
$ini = [
    'localapi.dsn' => "sqlite:$store",
    'localapi.durability' => 'normal',
    'opcache.enable' => 1,
    'opcache.enable_cli' => 1,
    // Xdebug has no JIT beside it, and PHP warns of that; without shared memory nothing is preloaded.
    'opcache.jit' => extension_loaded('xdebug') ? 'disable' : 'tracing',
    'opcache.file_cache_only' => 0,
    'opcache.jit_buffer_size' => '16M',
    'opcache.preload' => "$folder/preload.php",
    'opcache.preload_user' => posix_getpwuid(posix_geteuid())['name'],
];
for ($run = 0; $run < 2; ++$run) {
    echo run([PHP_BINARY, ...ini_options($ini), "$folder/script.php"]);
}
$pdo = new PDO("sqlite:$store");
echo $pdo->query('SELECT count(DISTINCT identifier) FROM tbloauthserver_clients')->fetchColumn(), ' ';
echo $pdo->query('PRAGMA integrity_check')->fetchColumn(), "\n";
?>
===DONE===
--EXPECT--
opcache, 201
opcache, 402
402 ok
===DONE===
