<?php

declare(strict_types=1);

/*
 * One request to php-fpm: creates a credential, or tells how much processor time this worker has taken so far.
 */

require_once __DIR__ . '/issuer.php';

$store = $_SERVER['LOCALAPI_BENCH_STORE'];
$answer = match ($_SERVER['QUERY_STRING']) {
    'time' => getrusage(),
    'localapi' => localAPI('CreateOAuthCredential', REQUEST),
    'peer' => peer($store, "$store.key")->create(REQUEST),
};
header('Content-Type: application/json');
echo json_encode($answer);
