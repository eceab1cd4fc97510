<?php

declare(strict_types=1);

/*
 * Creates credentials in the store of `localapi.dsn` until it has so many, a thousand with each commit, each sealed like
 * any other. Prints how many it has come to, each time that it's another 100,000, and the seconds that it took.
 *
 * php fill.php <count>
 */

require_once __DIR__ . '/issuer.php';

const AT_ONCE = 1_000;

[, $count] = $argv;
LocalApi\register_service(1, 1);
$last = localAPI('ListOAuthCredentials', ['sortField' => 'credentialId', 'sortOrder' => 'DESC', 'limit' => 1])['clients'];
$begin = microtime(true);
for ($made = $last[0]['credentialId'] ?? 0; $made < $count; $made += $size) {
    $size = min(AT_ONCE, $count - $made);
    $answers = LocalApi\batch(array_fill(0, $size, ['CreateOAuthCredential', REQUEST]));
    if (array_column($answers, 'result') !== array_fill(0, $size, 'success')) {
        fwrite(STDERR, json_encode($answers[0]) . "\n");
        exit(1);
    }
    if (intdiv($made + $size, 100_000) > intdiv($made, 100_000)) {
        printf("%d after %.0f s\n", $made + $size, microtime(true) - $begin);
    }
}
printf("%.1f\n", microtime(true) - $begin);
