<?php

// Calls over and over in one process, and prints how much more memory, in KiB, it holds in the end than after the first
// ten thousand calls.
function resident(): int
{
    preg_match('/^VmRSS:\s+(\d+)/m', file_get_contents('/proc/self/status'), $found);
    return (int) $found[1];
}

[, $what, $count] = $argv;
$sound = [
    'grantType' => 'authorization_code',
    'name' => 'A',
    'scope' => 'clientarea:sso clientarea:invoices',
    'redirectUri' => 'https://a.test/ https://b.test/',
    'logoUri' => 'https://a.test/logo.png',
    'description' => 'A description',
];
$faulty = [
    ['grantType' => 'implicit'],
    ['name' => "\xff"],
    ['scope' => 'clientarea:none'],
    ['grantType' => 'single_sign_on', 'serviceId' => 7],
    ['logoUri' => '//a.test/'],
    ['redirectUri' => ['https://a.test/', 'http://a.example/']],
    ['DESCRIPTION' => [], 'description' => "a\x01"],
];
$data = array_map(static fn (array $fault): array => $fault + $sound, $what === 'create' ? [[]] : $faulty);
$result = $what === 'create' ? 'success' : 'error';
for ($i = 0; $i < $count; $i++) {
    if ($i === 10_000) {
        $before = resident();
    }
    $answer = localAPI('CreateOAuthCredential', $data[$i % count($data)], $i % 2 ? 'admin' : null);
    $answer['result'] === $result or exit(json_encode($answer));
}
print resident() - ($before ?? 0) . "\n";
