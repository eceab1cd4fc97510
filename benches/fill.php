<?php

declare(strict_types=1);

/*
 * Creates so many credentials in the store of `localapi.dsn`, a thousand with each commit, each sealed like any other.
 *
 * php fill.php <count>
 */

require_once __DIR__ . '/issuer.php';

const AT_ONCE = 1_000;

$count = (int) $argv[1];
LocalApi\register_service(1, 1);
for (; $count > 0; $count -= $size) {
    $size = min(AT_ONCE, $count);
    $answers = LocalApi\batch(array_fill(0, $size, ['CreateOAuthCredential', REQUEST]));
    if (array_column($answers, 'result') !== array_fill(0, $size, 'success')) {
        fwrite(STDERR, json_encode($answers[0]) . "\n");
        exit(1);
    }
}
