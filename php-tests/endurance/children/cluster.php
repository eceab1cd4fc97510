<?php

// Makes calls at a node of a cluster for so many seconds, and prints what was asked with what was answered.
// reset: resets the secrets of the credentials with these ids, and renames them; create; rotate: changes the key;
// own: creates credentials, and changes and deletes them.
[, $what, $me, $seconds] = $argv;
$ids = explode(',', $argv[4] ?? '');
$mine = [];
mt_srand((int) $me);

$create = fn (string $name): array => ['CreateOAuthCredential',
    ['grantType' => 'authorization_code', 'name' => $name, 'scope' => 'openid profile email']];
$change = fn (string $name, string $id): array => ['UpdateOAuthCredential', ['credentialId' => $id, 'name' => $name,
    'scope' => ['openid', 'email openid'][mt_rand(0, 1)], 'resetSecret' => true]];
$own = function (string $name) use (&$mine, $create, $change): array {
    $dice = $mine === [] ? 0 : mt_rand(1, 10);
    $id = $mine === [] ? '' : (string) array_rand($mine);
    return match (true) {
        $dice <= 5 => $create($name),
        $dice <= 8 => $change($name, $id),
        default => ['DeleteOAuthCredential', ['credentialId' => $id]],
    };
};

for ($n = 1, $end = microtime(true) + $seconds; microtime(true) < $end; ++$n) {
    $name = "call $me-$n";
    $begun = microtime(true);
    if ($what === 'rotate') {
        try {
            $answer = ['result' => 'success', 'resealed' => LocalApi\rotate_key()];
        } catch (LocalApi\StoreException $fault) {
            $answer = ['result' => 'error', 'message' => $fault->getMessage()];
        }
        [$command, $wish] = ['rotate_key', []];
    } else {
        [$command, $wish] = match ($what) {
            'reset' => $change($name, $ids[array_rand($ids)]),
            'create' => $create($name),
            'own' => $own($name),
        };
        $answer = localAPI($command, $wish);
    }
    $answer['seconds'] = microtime(true) - $begun;
    // Nobody reads before the end, and a pipe that is full would stop the calls.
    $told[] = json_encode(['command' => $command, 'wish' => $wish + ['name' => $name]] + $answer);
    if ($answer['result'] !== 'success') {
        usleep(20_000);
    } elseif ($command === 'CreateOAuthCredential') {
        $mine[$answer['credentialId']] = true;
    } elseif ($command === 'DeleteOAuthCredential') {
        unset($mine[$wish['credentialId']]);
    }
}
echo implode("\n", $told ?? []), "\n";
