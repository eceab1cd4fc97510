--TEST--
php --ri shows the version, the store's engine with its version at run time, the sandbox and the durability
--FILE--
<?php
require __DIR__ . '/../process.php';

preg_match('/^version = "(.+)"/m', file_get_contents(__DIR__ . '/../../Cargo.toml'), $manifest);
$engine = 'SQLite ' . (new PDO('sqlite::memory:'))->query('SELECT sqlite_version()')->fetchColumn();
foreach ([['disabled', 'full'], ['enabled', 'normal']] as $sandbox => [$shown, $durability]) {
    $ini = ini_options(['localapi.sandbox' => $sandbox, 'localapi.durability' => $durability]);
    $info = run([PHP_BINARY, ...$ini, '--ri', 'localapi']);
    $rows = ["Version => $manifest[1]", "Store => $engine", "Sandbox => $shown", "Durability => $durability"];
    foreach ($rows as $row) {
        echo strtok($row, ' '), ' ', json_encode(in_array($row, explode("\n", $info), true)), "\n";
    }
}
var_dump(phpversion('localapi') === $manifest[1]);
?>
===DONE===
--EXPECT--
Version true
Store true
Sandbox true
Durability true
Version true
Store true
Sandbox true
Durability true
bool(true)
===DONE===
