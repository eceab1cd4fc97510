<?php

// Creates a credential whenever a line comes in: what it says replaces parameters. Where it says `verify`, with identifier
// and secret, these are verified instead.
while (($line = fgets(STDIN)) !== false) {
    $asked = json_decode($line, true);
    $answer = isset($asked['verify']) ? LocalApi\verify_credential(...$asked['verify']) : localAPI(
        'CreateOAuthCredential',
        $asked + [
            'grantType' => 'authorization_code',
            'name' => 'Asked',
            'scope' => 'clientarea:sso clientarea:invoices',
        ],
    );
    print json_encode($answer) . "\n";
}
