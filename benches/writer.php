<?php

declare(strict_types=1);

/*
 * Creates credentials for some seconds, as one of the processes of `writers.php`, and prints how long each call took, in
 * microseconds. It says that it's ready, and begins when its input ends.
 *
 * php writer.php localapi|peer <seconds> <store> <size>: the size of a batch, 1 for single calls
 * php writer.php bare <seconds> <file> <size>: only writes so many bytes and flushes them, as a log is written
 */

require_once __DIR__ . '/issuer.php';

const LOG = 8 << 20;

[, $by, $seconds, $store, $size] = $argv;
$size = (int) $size;
if ($by === 'bare') {
    $file = fopen($store, 'c+');
    $bytes = random_bytes($size);
    $act = static function () use ($file, $bytes): bool {
        ftell($file) < LOG || rewind($file);
        return fwrite($file, $bytes) === strlen($bytes) && fdatasync($file);
    };
} else {
    $peer = $by === 'peer' ? peer($store, "$store.key") : null;
    $answers = match (true) {
        $peer !== null => static fn (): array => $size === 1 ? [$peer->create(REQUEST)] : $peer->createMany(REQUEST, $size),
        $size === 1 => static fn (): array => [localAPI('CreateOAuthCredential', REQUEST)],
        default => static fn (): array => LocalApi\batch(array_fill(0, $size, ['CreateOAuthCredential', REQUEST])),
    };
    $act = static fn (): bool => array_column($answers(), 'result') === array_fill(0, $size, 'success');
}
$act() || exit(1);
echo "ready\n";
stream_get_contents(STDIN);
$taken = [];
$end = hrtime(true) + (int) ($seconds * 1e9);
do {
    $begin = hrtime(true);
    $act() || exit(1);
    $now = hrtime(true);
    $taken[] = intdiv($now - $begin, 1000);
} while ($now < $end);
echo implode("\n", $taken), "\n";
