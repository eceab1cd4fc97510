<?php

// One request of a worker with the sandbox: says what it finds, fills the sandbox, and ends as it is told.
use LocalApi\Sandbox;

$found = [
    localAPI('Kept')['result'],
    localAPI('Faked')['result'],
    count(Sandbox::calls()),
    Sandbox::hooks(),
    Sandbox::activityLog(),
    localAPI('ListOAuthCredentials')['clients'],
];
LocalApi\handle('Kept', fn () => ['result' => 'success']);
Sandbox::fake('Faked', ['result' => 'success']);
add_hook('Point', 1, fn () => 1);
logActivity('line');
$request = ['grantType' => 'authorization_code', 'name' => 'n', 'scope' => 'openid'];
$created = localAPI('CreateOAuthCredential', $request)['credentialId'];
$filled = [localAPI('Kept')['result'], localAPI('Faked')['result'], $created];
echo json_encode([$found, $filled]), "\n";
if ($_GET['end'] === 'fatal') {
    LocalApi\handle('End', fn () => str_repeat('x', 1 << 28));
    localAPI('End');
}
