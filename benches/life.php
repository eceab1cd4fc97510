<?php

declare(strict_types=1);

/*
 * Does one thing with the credentials of a store over and over, as one process of `run.php`, and prints the seconds of
 * processor time that this took.
 *
 * php life.php localapi|peer verify|find|list|create|rotate <count> <store>
 */

require_once __DIR__ . '/issuer.php';

[, $by, $what, $count, $store] = $argv;
$peer = peer($store, "$store.key");
// As localapi.durability says for the extension; its checkpoints are at its own times too.
$peer->database()->exec('PRAGMA synchronous = NORMAL');
['credentialId' => $id, 'clientIdentifier' => $identifier, 'clientSecret' => $secret] = $peer->list(1)['clients'][0];
$act = match ("$by $what") {
    'localapi verify' => static fn (): ?array => LocalApi\verify_credential($identifier, $secret),
    'peer verify' => static fn (): ?array => $peer->verify($identifier, $secret),
    'localapi find' => static fn (): ?array => LocalApi\find_credential($identifier),
    'peer find' => static fn (): ?array => $peer->find($identifier),
    'localapi list' => static fn (): array => localAPI('ListOAuthCredentials', ['limit' => 100]),
    'peer list' => static fn (): array => $peer->list(100),
    'localapi create' => static fn (): array => localAPI('CreateOAuthCredential', REQUEST),
    'localapi rotate' => static fn (): array => localAPI(
        'UpdateOAuthCredential',
        ['credentialId' => $id, 'resetSecret' => true],
    ),
    'peer rotate' => static fn (): array => $peer->update(['credentialId' => $id, 'resetSecret' => true]),
    'peer create' => static fn (): array => $peer->create(REQUEST),
};
// The first call opens the store. A process that goes on looks at its folder once, as soon as nothing in there has changed
// for a tenth of a second.
$act();
usleep(200_000);
$begin = getrusage();
for ($i = 0; $i < $count; $i++) {
    $answer = $act();
}
$end = getrusage();
if (!isset($answer['credentialId']) && count($answer['clients'] ?? []) !== 100) {
    fwrite(STDERR, json_encode($answer) . "\n");
    exit(1);
}
$seconds = 0;
foreach (['utime', 'stime'] as $time) {
    $seconds += $end["ru_$time.tv_sec"] - $begin["ru_$time.tv_sec"];
    $seconds += ($end["ru_$time.tv_usec"] - $begin["ru_$time.tv_usec"]) / 1e6;
}
echo $seconds, "\n";
