--TEST--
php --ri shows the version, which store and which key file are used, whether the sandbox has an effect, and the durability
--FILE--
<?php
require __DIR__ . '/../process.php';

function shown(array $ini, array $environment = []): array
{
    $info = run([PHP_BINARY, ...ini_options($ini), '--ri', 'localapi'], $environment);
    preg_match_all('/^(Version|SQLite|Store|Key file|Sandbox|Durability) => (.*)$/m', $info, $rows);
    return array_combine($rows[1], $rows[2]);
}

preg_match('/^version = "(.+)"/m', file_get_contents(__DIR__ . '/../../Cargo.toml'), $manifest);
$sqlite = (new PDO('sqlite::memory:'))->query('SELECT sqlite_version()')->fetchColumn();
$row = shown([]);
var_dump($row['Version'] === $manifest[1], $row['Version'] === phpversion('localapi'), $row['SQLite'] === $sqlite);

$folder = scratch_folder();
mkdir("$folder/data");
symlink('data', "$folder/link");
$linked = "sqlite:$folder/link/store.sqlite";
$server = ['localapi.dsn' => 'mysql://u:hunter2@db.example/whmcs'];
$home = ['HOME' => $folder, 'XDG_DATA_HOME' => null];
foreach ([
    'at home' => [['localapi.dsn' => ''], $home],
    'through a link' => [['localapi.dsn' => $linked, 'localapi.durability' => 'normal']],
    'with a key file' => [['localapi.dsn' => $linked, 'localapi.key_file' => "$folder/link/key"]],
    'in memory' => [['localapi.dsn' => 'sqlite::memory:']],
    'in the sandbox' => [['localapi.sandbox' => '1', 'localapi.dsn' => '']],
    'in no sandbox' => [['localapi.sandbox' => '1', 'localapi.dsn' => $linked]],
    'at a server' => [['localapi.key_file' => "$folder/key"] + $server],
    'at a server without a key file' => [$server],
    'nowhere' => [['localapi.dsn' => 'mysql://u:hunter2@db.example/whmcs?charset=utf8'], $home],
] as $where => $given) {
    $row = shown(...$given);
    unset($row['Version'], $row['SQLite']);
    echo "$where:\n";
    foreach ($row as $name => $value) {
        echo "  $name: ", str_replace($folder, '.', $value), "\n";
    }
}
echo json_encode(glob("$folder/*") === ["$folder/data", "$folder/link"] && glob("$folder/data/*") === []), "\n";
?>
===DONE===
--EXPECT--
bool(true)
bool(true)
bool(true)
at home:
  Store: SQLite, ./.local/share/localapi/store.sqlite
  Key file: ./.local/share/localapi/store.sqlite.key
  Sandbox: disabled
  Durability: full
through a link:
  Store: SQLite, ./data/store.sqlite
  Key file: ./data/store.sqlite.key
  Sandbox: disabled
  Durability: normal
with a key file:
  Store: SQLite, ./data/store.sqlite
  Key file: ./data/key
  Sandbox: disabled
  Durability: full
in memory:
  Store: SQLite, in memory
  Key file: none: the key is in memory
  Sandbox: disabled
  Durability: full
in the sandbox:
  Store: SQLite, in memory
  Key file: none: the key is in memory
  Sandbox: enabled
  Durability: full
in no sandbox:
  Store: SQLite, ./data/store.sqlite
  Key file: ./data/store.sqlite.key
  Sandbox: no effect: localapi.dsn is neither empty nor sqlite::memory:
  Durability: full
at a server:
  Store: MariaDB or MySQL, db.example:3306/whmcs
  Key file: ./key
  Sandbox: disabled
  Durability: full
at a server without a key file:
  Store: MariaDB or MySQL, db.example:3306/whmcs
  Key file: The key file has no place: set localapi.key_file, to the same file on every machine.
  Sandbox: disabled
  Durability: full
nowhere:
  Store: The credential store has no place: the DSN has an unknown option "charset"; known are socket, ssl_ca, ssl_verify, connect_timeout and read_timeout.
  Key file: The credential store has no place: the DSN has an unknown option "charset"; known are socket, ssl_ca, ssl_verify, connect_timeout and read_timeout.
  Sandbox: disabled
  Durability: full
true
===DONE===
