<?php

/** Creates so many credentials, 0 for no end, and prints each answer as soon as it has it. */
function issue(int $count): void
{
    for ($i = 1; $count === 0 || $i <= $count; $i++) {
        $answer = localAPI('CreateOAuthCredential', [
            'grantType' => 'authorization_code',
            'name' => getmypid() . " $i",
            'scope' => 'clientarea:sso clientarea:invoices',
        ]);
        // One write, so that the lines of several processes don't mix.
        print json_encode($answer) . "\n";
    }
}
