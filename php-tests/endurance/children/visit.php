<?php

// Opens and closes the store's file over and over, as a host's script does, and writes to it, until its input ends.
stream_set_blocking(STDIN, false);
print "ready\n";
do {
    try {
        $store = new PDO("sqlite:$argv[1]", null, null, [PDO::ATTR_TIMEOUT => 60]);
        $store->exec('PRAGMA wal_autocheckpoint = 0');
        $store->query('SELECT count(*) FROM tbloauthserver_clients')->fetchColumn();
        $store->exec("UPDATE tbladmins SET password = password || 'x' WHERE username = 'admin'");
    } catch (PDOException $tooEarly) {
        // The tables aren't there yet.
    }
    $store = null;
    usleep(random_int(0, 3_000));
} while (fgets(STDIN) !== false || !feof(STDIN));
