<?php

// Creates a credential whenever a line comes in: what it says replaces parameters.
while (($line = fgets(STDIN)) !== false) {
    $answer = localAPI('CreateOAuthCredential', json_decode($line, true) + [
        'grantType' => 'authorization_code',
        'name' => 'Asked',
        'scope' => 'clientarea:sso clientarea:invoices',
    ]);
    print json_encode($answer) . "\n";
}
