<?php

// Reads the store by PDO in one transaction, from the first row there is until the input ends.
[, $file] = $argv;
while (!is_file($file)) {
    usleep(1_000);
}
$store = new PDO("sqlite:$file", null, null, [PDO::ATTR_TIMEOUT => 60]);
do {
    $store->exec('BEGIN');
    $count = $store->query('SELECT count(*) FROM tbloauthserver_clients')->fetchColumn();
} while ($count === 0 && $store->exec('COMMIT') !== false);
print "$count\n";
fgets(STDIN);
