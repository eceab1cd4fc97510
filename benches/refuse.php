<?php

declare(strict_types=1);

/*
 * Refuses a call over HTTP over and over, as one process of `run.php`. The store is new.
 *
 * php refuse.php "unknown identifier"|"wrong secret"|"unknown admin"|"wrong password" <count> <store>
 */

[, $what, $count, $store] = $argv;
['identifier' => $identifier, 'secret' => $secret] = LocalApi\issue_api_credential('admin');
$hash = password_hash(md5('password'), PASSWORD_BCRYPT, ['cost' => 10]);
$database = new PDO("sqlite:$store");
$database->exec('PRAGMA wal_autocheckpoint = 0');
$database->prepare('UPDATE tbladmins SET password = ?')->execute([$hash]);
$parameters = ['action' => 'ListOAuthCredentials'] + match ($what) {
    'unknown identifier' => ['identifier' => strrev($identifier), 'secret' => $secret],
    'wrong secret' => ['identifier' => $identifier, 'secret' => strrev($secret)],
    'unknown admin' => ['username' => 'nobody', 'password' => md5('password')],
    'wrong password' => ['username' => 'admin', 'password' => md5('other')],
};
$server = ['REQUEST_METHOD' => 'POST', 'REMOTE_ADDR' => '127.0.0.1', 'CONTENT_LENGTH' => '100'];
// Ten of them are written into the log.
for ($i = 0; $i < 10; $i++) {
    $answer = LocalApi\respond($parameters, $server);
}
for ($i = 0; $i < $count; $i++) {
    $answer = LocalApi\respond($parameters, $server);
}
if ($answer['status'] !== 403) {
    fwrite(STDERR, json_encode($answer) . "\n");
    exit(1);
}
