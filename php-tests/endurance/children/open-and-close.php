<?php

// Opens, reads and closes a store by PDO, again and again: the last one to close copies the log and deletes it.
[, $file, $seconds] = $argv;
for ($end = microtime(true) + $seconds; microtime(true) < $end; usleep(random_int(0, 500))) {
    $store = new PDO("sqlite:$file", null, null, [PDO::ATTR_TIMEOUT => 60]);
    $store->exec('PRAGMA wal_autocheckpoint = 0');
    $store->query('SELECT count(*) FROM tbloauthserver_clients')->fetchColumn();
    $store = null;
}
