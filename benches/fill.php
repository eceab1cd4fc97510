<?php

declare(strict_types=1);

/*
 * Creates credentials in the store of `localapi.dsn` until it has so many, a thousand with each commit, each sealed like
 * any other. Others may do the same meanwhile.
 *
 * php fill.php <count>
 */

require_once __DIR__ . '/issuer.php';

const AT_ONCE = 1_000;

[, $count] = $argv;
LocalApi\register_service(1, 1);
$made = static fn (): int
    => localAPI('ListOAuthCredentials', ['sortField' => 'credentialId', 'sortOrder' => 'DESC', 'limit' => 1])
        ['clients'][0]['credentialId'] ?? 0;
while (($left = $count - $made()) > 0) {
    $size = min(AT_ONCE, $left);
    $answers = LocalApi\batch(array_fill(0, $size, ['CreateOAuthCredential', REQUEST]));
    if (array_column($answers, 'result') !== array_fill(0, $size, 'success')) {
        fwrite(STDERR, json_encode($answers[0]) . "\n");
        exit(1);
    }
}
