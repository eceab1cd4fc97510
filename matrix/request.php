<?php

/**
 * A request of matrix/threads.c: it works with its own store or an empty sandbox, and sees nothing of other threads'.
 * What it was told of a store is a line of the folder's ledger. In one request of the first thread the process forks.
 */
declare(strict_types=1);

$name = ini_get('localapi.sandbox') ? 'sandbox' : basename(ini_get('localapi.dsn'));
$call = function (string $command, array $postData = []): array {
    $answer = localAPI($command, $postData, 'admin');
    if ($answer['result'] !== 'success') {
        fwrite(fopen('php://stderr', 'w'), "$command: $answer[message]\n");
        exit(99);
    }
    return $answer;
};
$expect = function (bool $holds, string $what) use ($name, $thread, $request): void {
    if (!$holds) {
        fwrite(fopen('php://stderr', 'w'), "request $request of thread $thread, $name: $what\n");
        exit(99);
    }
};
$create = ['grantType' => 'authorization_code', 'name' => $name, 'scope' => 'openid email'];

if ($name === 'sandbox') {
    $expect($call('ListOAuthCredentials')['clients'] === [], 'the sandbox is not empty');
    LocalApi\Sandbox::fake('GetInvoice', ['result' => 'success', 'thread' => $thread]);
    $expect(localAPI('GetInvoice')['thread'] === $thread, "another thread's fake");
}
$made = $call('CreateOAuthCredential', $create);
$gone = $call('CreateOAuthCredential', $create);
$call('DeleteOAuthCredential', ['credentialId' => $gone['credentialId']]);
$reset = ['credentialId' => $made['credentialId'], 'resetSecret' => true];
['newClientSecret' => $secret] = $call('UpdateOAuthCredential', $reset);
$old = LocalApi\verify_credential($made['clientIdentifier'], $made['clientSecret']);
$expect($old === null, 'the old secret is valid');
$expect(LocalApi\verify_credential($made['clientIdentifier'], $secret) !== null, 'the new secret is not valid');
$newest = ['limit' => 20, 'sortField' => 'credentialId', 'sortOrder' => 'DESC'];
foreach ($call('ListOAuthCredentials', $newest)['clients'] as $client) {
    $expect($client['name'] === $name, "a credential of $client[name]");
}
if ($name !== 'sandbox') {
    $ledger = dirname(substr(ini_get('localapi.dsn'), strlen('sqlite:'))) . "/$name.ledger";
    file_put_contents($ledger, json_encode([$made['clientIdentifier'], $secret]) . "\n", FILE_APPEND | LOCK_EX);
}

if ($thread === 0 && $request === 1) {
    $child = pcntl_fork();
    if ($child === 0) {
        // One that hangs is ended. An exit would end PHP's other threads, which the child does not have.
        pcntl_alarm(60);
        localAPI('CreateOAuthCredential', $create);
        posix_kill(getmypid(), SIGKILL);
    }
    $call('CreateOAuthCredential', $create);
    pcntl_waitpid($child, $status);
    $expect(pcntl_wifsignaled($status) && pcntl_wtermsig($status) === SIGKILL, 'the child has not answered');
}
