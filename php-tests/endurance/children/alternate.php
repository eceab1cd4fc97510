<?php

// Creates credentials, and opens and closes the store's file itself after each.
require __DIR__ . '/issue.php';
[, $file, $count] = $argv;
for ($i = 0; $i < $count; $i++) {
    issue(1);
    $store = new PDO("sqlite:$file", null, null, [PDO::ATTR_TIMEOUT => 60]);
    $store->query('SELECT count(*) FROM tbloauthserver_clients')->fetchColumn();
    if ($i % 3 === 0) {
        $store->exec("UPDATE tbladmins SET password = '' WHERE username = 'admin'");
    }
    $store = null;
}
