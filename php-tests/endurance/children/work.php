<?php

// Creates, verifies, resets, lists and deletes until its input ends. Prints how often it did, and what went wrong.
function expect(bool $right, string $what): void
{
    $right or print json_encode(['wrong' => $what]) . "\n";
}

stream_set_blocking(STDIN, false);
$data = ['grantType' => 'authorization_code', 'name' => 'At work', 'scope' => 'clientarea:sso'];
$rounds = 0;
do {
    $issued = localAPI('CreateOAuthCredential', $data);
    expect($issued['result'] === 'success', json_encode($issued));
    ['credentialId' => $id, 'clientIdentifier' => $identifier, 'clientSecret' => $secret] = $issued;
    expect(LocalApi\verify_credential($identifier, $secret)['credentialId'] === $id, 'the secret is not accepted');
    $answer = localAPI('ListOAuthCredentials', ['limit' => 300, 'sortOrder' => 'DESC']);
    expect(!isset($answer['message']), $answer['message'] ?? '');
    $listed = array_column($answer['clients'], 'clientSecret', 'credentialId');
    expect($listed[$id] === $secret, 'the list has another secret');
    expect(!in_array(null, $listed, true), 'the list lacks a secret');
    $new = localAPI('UpdateOAuthCredential', ['credentialId' => $id, 'resetSecret' => true])['newClientSecret'];
    expect(LocalApi\verify_credential($identifier, $secret) === null, 'the old secret is accepted');
    expect(LocalApi\verify_credential($identifier, $new)['credentialId'] === $id, 'the new secret is not accepted');
    if ($rounds++ % 2 === 0) {
        expect(localAPI('DeleteOAuthCredential', ['credentialId' => $id])['result'] === 'success', 'not deleted');
    }
    if ($rounds === 1) {
        print json_encode(['begun' => true]) . "\n";
    }
} while (fgets(STDIN) !== false || !feof(STDIN));
print json_encode(['rounds' => $rounds]) . "\n";
