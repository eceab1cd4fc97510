<?php

declare(strict_types=1);

/*
 * One request to php-fpm: creates a credential or verifies one, does nothing, or tells how much processor time this worker
 * has taken so far.
 */

require_once __DIR__ . '/issuer.php';

$store = $_SERVER['LOCALAPI_BENCH_STORE'];
$credential = [$_SERVER['LOCALAPI_BENCH_IDENTIFIER'] ?? '', $_SERVER['LOCALAPI_BENCH_SECRET'] ?? ''];
$answer = match ($_SERVER['QUERY_STRING']) {
    'time' => getrusage(),
    'empty' => [],
    'localapi create' => localAPI('CreateOAuthCredential', REQUEST),
    'peer create' => peer($store, "$store.key")->create(REQUEST),
    'localapi verify' => LocalApi\verify_credential(...$credential),
    'peer verify' => peer($store, "$store.key")->verify(...$credential),
};
header('Content-Type: application/json');
echo json_encode($answer);
