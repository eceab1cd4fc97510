<?php

// Lists credentials at once and prints what that took. Where PHP ends the list, this goes on at shutdown: it creates a
// credential, and waits for a line before it ends.
function resident(string $what): int
{
    preg_match("/^$what:\s+(\d+)/m", file_get_contents('/proc/self/status'), $found);
    return 1024 * $found[1];
}

register_shutdown_function(static function (): void {
    $answer = localAPI('CreateOAuthCredential', [
        'grantType' => 'authorization_code',
        'name' => 'At shutdown',
        'scope' => 'clientarea:sso clientarea:invoices',
    ]);
    print json_encode(['peak' => memory_get_peak_usage()] + $answer) . "\n";
    fgets(STDIN);
});
localAPI('ListOAuthCredentials', ['limit' => 1]);
$limit = (int) ($argv[1] ?? 0);
$start = (int) ($argv[2] ?? 0);
[$memory, $held] = [memory_get_usage(), resident('VmRSS')];
$answer = localAPI('ListOAuthCredentials', ['limit' => $limit, 'limitstart' => $start]);
print json_encode([
    'count' => count($answer['clients']),
    'first' => $answer['clients'][0]['credentialId'] ?? null,
    'array' => memory_get_usage() - $memory,
    'peak' => resident('VmHWM') - $held,
]) . "\n";
