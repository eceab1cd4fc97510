--TEST--
A limit or fatal error in __toString ends the request only: no lock outlives it, and the same worker goes on
--FILE--
<?php
require __DIR__ . '/../process.php';

$store = scratch_folder() . '/store.sqlite';
$server = new Server(scratch_folder(), [
    'localapi.dsn' => "sqlite:$store",
    'localapi.busy_timeout' => 0,
    'memory_limit' => '16M',
    'opcache.enable' => 0,
    // Under valgrind tests run without PHP's allocator, which is what knows of the limit.
], ['USE_ZEND_ALLOC' => '1']);
$create = fn (string $name) => 'localAPI("CreateOAuthCredential", ["grantType" => "authorization_code", '
    . "'scope' => 'openid', 'name' => $name, 'redirectUri' => ['https://a.example/', $name]])";
$ends = [
    'memory' => '$all = []; while (true) { $all[] = str_repeat("x", 1000); }',
    'one allocation' => 'str_repeat("x", 50000000);',
    'time' => 'set_time_limit(1); while (true) { }',
    'fatal' => 'trigger_error("gone", E_USER_ERROR);',
    'uncaught' => 'no_such_function();',
    'exit' => 'exit("bye");',
];
foreach ($ends as $name => $end) {
    $class = "class Ends { function __toString(): string { $end return 'x'; } }";
    $body = $server->answer("$class {$create('new Ends')}; echo 'went on';");
    echo $name, ': ', str_contains($body, 'went on') ? 'went on' : 'ended';
    // Another process gets the write lock at once.
    $other = new PDO("sqlite:$store", options: [PDO::ATTR_TIMEOUT => 0]);
    $other->exec('BEGIN IMMEDIATE; ROLLBACK;');
    unset($other);
    $body = $server->answer("echo {$create('"https://after.example/"')}['credentialId'], ' ', getmypid();");
    echo ', then credential ', $body === strtok($body, ' ') . ' ' . $server->pid() ? strtok($body, ' ') : $body, "\n";
}
unset($server);
$pdo = new PDO("sqlite:$store");
echo $pdo->query('SELECT count(*) FROM tbloauthserver_clients')->fetchColumn(), ' ';
echo $pdo->query('SELECT count(*) FROM tblactivitylog')->fetchColumn(), ' ';
echo $pdo->query('PRAGMA integrity_check')->fetchColumn(), "\n";
?>
===DONE===
--EXPECT--
memory: ended, then credential 1
one allocation: ended, then credential 2
time: ended, then credential 3
fatal: ended, then credential 4
uncaught: ended, then credential 5
exit: ended, then credential 6
6 6 ok
===DONE===
