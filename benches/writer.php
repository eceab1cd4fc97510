<?php

declare(strict_types=1);

/*
 * Creates credentials until a moment, as one of the processes of `writers.php`, and prints how long each call took, in
 * microseconds.
 *
 * php writer.php localapi|peer|bare <seconds> <store> <size of a batch>
 *
 * It says that it's ready, and begins when its input ends.
 */

require_once __DIR__ . '/issuer.php';

[, $by, $seconds, $store, $size] = $argv;
$size = (int) $size;
if ($by === 'peer') {
    $peer = peer($store, "$store.key");
}
$act = match (true) {
    $by === 'peer' && $size === 1 => static fn (): array => $peer->create(REQUEST),
    $by === 'peer' => static fn (): array => $peer->createMany(REQUEST, $size),
    $size === 1 => static fn (): array => localAPI('CreateOAuthCredential', REQUEST),
    default => static fn (): array => LocalApi\batch(array_fill(0, $size, ['CreateOAuthCredential', REQUEST])),
};
$check = static function (array $answer) use ($size): void {
    $answers = $size === 1 ? [$answer] : $answer;
    if (array_unique(array_column($answers, 'result')) !== ['success'] || count($answers) !== $size) {
        fwrite(STDERR, json_encode($answers[0]) . "\n");
        exit(1);
    }
};
$check($act());
echo "ready\n";
stream_get_contents(STDIN);
$taken = [];
$end = hrtime(true) + (int) ($seconds * 1e9);
do {
    $begin = hrtime(true);
    $answer = $act();
    $now = hrtime(true);
    $taken[] = intdiv($now - $begin, 1000);
    $check($answer);
} while ($now < $end);
echo implode("\n", $taken), "\n";
