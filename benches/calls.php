<?php

declare(strict_types=1);

/*
 * Creates credentials one after another and prints the seconds that this took: one process of `run.php`.
 *
 * php calls.php localapi|peer <count> <store> <file> [time]: the peer has its keys beside the file, and for a store in
 * memory its tables too. The extension's store is `localapi.dsn`. Those that are to begin together are given a time.
 */

require_once __DIR__ . '/issuer.php';

[, $by, $count, $store, $file] = $argv;
$answer = [];
$wait = static fn (): bool => !isset($argv[5]) || time_sleep_until((float) $argv[5]);
if ($by === 'localapi') {
    LocalApi\register_service(1, 1);
    localAPI('CreateOAuthCredential', REQUEST);
    $wait();
    $begin = hrtime(true);
    for ($i = 0; $i < $count; $i++) {
        $answer = localAPI('CreateOAuthCredential', REQUEST);
    }
} else {
    $peer = peer($store, "$file.key");
    if ($store === ':memory:') {
        copy_tables($file, $peer->database());
    }
    $peer->create(REQUEST);
    $wait();
    $begin = hrtime(true);
    for ($i = 0; $i < $count; $i++) {
        $answer = $peer->create(REQUEST);
    }
}
$seconds = (hrtime(true) - $begin) / 1e9;
if ($answer['result'] !== 'success' || strlen($answer['clientSecret']) !== 88) {
    fwrite(STDERR, json_encode($answer) . "\n");
    exit(1);
}
echo $seconds, "\n";
