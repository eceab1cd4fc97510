<?php

declare(strict_types=1);

/** What the suites in this folder test. */
function greet(int $clientId): string
{
    $client = localAPI('GetClientsDetails', ['clientid' => $clientId]);
    if ($client['result'] !== 'success') {
        return $client['message'];
    }
    logActivity("Greeted {$client['firstname']}", $clientId);
    return "Hello {$client['firstname']}";
}
