--TEST--
Named arguments, spread, first-class callables, callbacks and any letter case of the function's name work
--INI--
localapi.dsn=sqlite::memory:
--FILE--
<?php
$command = 'CreateOAuthCredential';
$data = ['grantType' => 'authorization_code', 'name' => 'Forms', 'scope' => 'openid'];
$ids = [
    localAPI($command, $data, 'admin')['credentialId'],
    localAPI($command, $data)['credentialId'],
    localAPI(postData: $data, command: $command)['credentialId'],
    localAPI(adminUsername: 'admin', command: $command, postData: $data)['credentialId'],
    localAPI(...[$command, $data])['credentialId'],
    localAPI(...['command' => $command, 'postData' => $data, 'adminUsername' => null])['credentialId'],
    localAPI(...)($command, $data)['credentialId'],
    Closure::fromCallable('localAPI')($command, $data)['credentialId'],
    call_user_func('localAPI', $command, $data)['credentialId'],
    call_user_func_array('localAPI', ['command' => $command, 'postData' => $data])['credentialId'],
    array_map('localAPI', [$command], [$data])[0]['credentialId'],
    (new ReflectionFunction('localAPI'))->invoke($command, $data)['credentialId'],
    localapi($command, $data)['credentialId'],
    LOCALAPI($command, $data)['credentialId'],
    \LocalApi($command, $data)['credentialId'],
    LocalApi\call($command, $data)['credentialId'],
    localapi\CALL(command: $command, postData: $data)['credentialId'],
];
echo json_encode($ids), "\n";

// Left out, null and empty are the same.
$answers = [
    localAPI($command),
    localAPI($command, []),
    localAPI($command, null),
    localAPI($command, null, null),
    localAPI($command, adminUsername: ''),
];
echo count(array_unique($answers, SORT_REGULAR)), ' ', implode(' ', array_keys($answers[0])), "\n";

foreach ([fn () => localAPI(), fn () => localAPI(1, [], '', 4), fn () => localAPI($command, admin: 'x')] as $wrong) {
    try {
        $wrong();
    } catch (Error $error) {
        echo get_class($error), ': ', $error->getMessage(), "\n";
    }
}
?>
===DONE===
--EXPECT--
[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]
1 result message
ArgumentCountError: localAPI() expects at least 1 argument, 0 given
ArgumentCountError: localAPI() expects at most 3 arguments, 4 given
Error: Unknown named parameter $admin
===DONE===
