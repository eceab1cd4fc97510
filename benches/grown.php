<?php

declare(strict_types=1);

/*
 * Does one thing with the credentials of the store of `localapi.dsn` over and over, as one process of `scale.php`, and
 * prints the median of the microseconds that each call took.
 *
 * php grown.php create|verify|find|first|middle|last|update|delete <times>
 * php grown.php write: creates until its input ends, and prints the 99th of 100 instead
 * php grown.php rotate: seals all with a new key, and prints the seconds and how many were
 * php grown.php pages: reads all, 1,000 at a time, and prints how many megabytes the process grows by after the first
 * 10,000
 */

require_once __DIR__ . '/issuer.php';

const PAGE = 100;

// A writer notes each of millions of calls.
ini_set('memory_limit', '-1');

[, $what] = $argv;
$times = (int) ($argv[2] ?? 0);
$list = static fn (array $data): array => localAPI('ListOAuthCredentials', $data)['clients'];
$stored = $list(['sortField' => 'credentialId', 'sortOrder' => 'DESC', 'limit' => 1])[0]['credentialId'];

if ($what === 'rotate') {
    $begin = microtime(true);
    $count = LocalApi\rotate_key();
    printf("%.1f %d\n", microtime(true) - $begin, $count);
    exit;
}
if ($what === 'pages') {
    $size = static fn (): int => (int) explode(' ', file_get_contents('/proc/self/statm'))[1] * 4_096;
    [$after, $read, $begin] = [0, 0, 0];
    while ($clients = $list(['limit' => 1_000, 'afterId' => $after])) {
        $after = end($clients)['credentialId'];
        $read += count($clients);
        $begin = $read > 10_000 ? $begin : $size();
    }
    if ($read < 10_000) {
        fwrite(STDERR, "only $read were read\n");
        exit(1);
    }
    printf("%.2f\n", ($size() - $begin) / 1e6);
    exit;
}
if ($what === 'find' && !function_exists('LocalApi\find_credential')) {
    echo "none\n";
    exit;
}
// Credentials from all over the store, read before the time is taken.
$chosen = [];
for ($i = 0; $i < $times && in_array($what, ['verify', 'find', 'update', 'delete'], true); $i++) {
    $at = intdiv($stored * $i, $times);
    $chosen[] = $list(['limit' => 1, 'afterId' => $at])[0];
}
$page = static fn (int $after): array => localAPI('ListOAuthCredentials', ['limit' => PAGE, 'afterId' => max(0, $after)]);
$act = match ($what) {
    'create', 'write' => static fn (): array => localAPI('CreateOAuthCredential', REQUEST),
    'verify' => static fn (array $of): ?array => LocalApi\verify_credential($of['clientIdentifier'], $of['clientSecret']),
    'find' => static fn (array $of): ?array => LocalApi\find_credential($of['clientIdentifier']),
    'first' => static fn (): array => $page(0),
    'middle' => static fn (): array => $page(intdiv($stored, 2)),
    'last' => static fn (): array => $page($stored - PAGE),
    'update' => static fn (array $of): array => localAPI('UpdateOAuthCredential',
        ['credentialId' => $of['credentialId'], 'description' => 'changed']),
    'delete' => static fn (array $of): array => localAPI('DeleteOAuthCredential', ['credentialId' => $of['credentialId']]),
};
if ($what === 'write') {
    echo "ready\n";
    stream_set_blocking(STDIN, false);
}
$taken = [];
for ($i = 0; $what === 'write' ? fgets(STDIN) === false && !feof(STDIN) : $i < $times; $i++) {
    $begin = hrtime(true);
    $answer = $act($chosen[$i] ?? []);
    $taken[] = (hrtime(true) - $begin) / 1_000;
    if ($answer === null || ($answer['result'] ?? 'success') !== 'success') {
        fwrite(STDERR, "$what: " . json_encode($answer) . "\n");
        exit(1);
    }
}
sort($taken);
printf("%.1f\n", $taken[(int) ((count($taken) - 1) * ($what === 'write' ? 0.99 : 0.5))]);
