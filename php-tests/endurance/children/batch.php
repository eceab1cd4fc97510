<?php

// Creates so many credentials in one batch, and prints each answer.
$call = ['CreateOAuthCredential', [
    'grantType' => 'authorization_code',
    'name' => 'In a batch',
    'scope' => 'clientarea:sso clientarea:invoices',
]];
foreach (LocalApi\batch(array_fill(0, (int) $argv[1], $call)) as $answer) {
    print json_encode($answer) . "\n";
}
