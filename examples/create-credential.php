<?php

// The sample of the documentation, then each of its errors. Run it with `make demo`.

declare(strict_types=1);

if (!extension_loaded('localapi')) {
    exit("Load the extension first: make demo\n");
}

$command = 'CreateOAuthCredential';
$postData = array(
    'grantType' => 'single_sign_on',
    'scope' => 'clientarea:sso clientarea:billing_info clientarea:announcements',
    'serviceId' => '1',
    'description' => 'Billing and Announcements SSO',
);
$adminUsername = 'admin'; // Optional for WHMCS 7.2 and later

echo "1. A service that nobody has registered isn't known:\n\n";
$results = localAPI($command, array('serviceId' => '2147483647') + $postData, $adminUsername);
print_r($results);

echo "\n2. So register each one, by the host's own ids: LocalApi\\register_service(serviceId: 1, clientId: 42)\n";
LocalApi\register_service(serviceId: 1, clientId: 42);

echo "\n3. Then the documented call answers:\n\n";
$results = localAPI($command, $postData, $adminUsername);
print_r($results);

if ($results['result'] !== 'success') {
    exit(1);
}

// A service whose client is not known: only SQL can make one.
$file = str_starts_with((string) ini_get('localapi.dsn'), 'sqlite:')
    ? substr(ini_get('localapi.dsn'), strlen('sqlite:'))
    : (getenv('XDG_DATA_HOME') ?: getenv('HOME') . '/.local/share') . '/localapi/store.sqlite';
$store = new PDO("sqlite:$file");
$store->exec('PRAGMA wal_autocheckpoint = 0'); // localapi makes the checkpoints
$store->exec('INSERT INTO tblhosting (userid) VALUES (0)');
$orphan = (int) $store->lastInsertId();

$sso = ['grantType' => 'single_sign_on', 'scope' => 'clientarea:sso', 'serviceId' => 1];
$code = ['grantType' => 'authorization_code', 'scope' => 'openid', 'name' => 'Reports'];
$errors = [
    'A valid grant type is required.' => ['scope' => 'openid'],
    'The requested grant type "password" is invalid.' => ['grantType' => 'password'] + $code,
    'A name for the Client Credential is required.' => ['name' => ''] + $code,
    'A service ID is required for the single sign-on grant type.' => ['serviceId' => null] + $sso,
    'At least one valid scope is required.' => ['scope' => ' '] + $code,
    'The requested scope "clientarea:none" is invalid.' => ['scope' => 'openid clientarea:none'] + $code,
    'A valid Service ID is required.' => ['serviceId' => 'one'] + $sso,
    'Service ID not associated with valid Client.' => ['serviceId' => $orphan] + $sso,
];

echo "\n4. The documented errors:\n\n";
$unexpected = 0;
foreach ($errors as $message => $postData) {
    $answer = localAPI('CreateOAuthCredential', $postData, 'admin');
    echo '  ', json_encode($postData, JSON_UNESCAPED_SLASHES), "\n    ", $answer['message'] ?? '(none)', "\n";
    $unexpected += (int) ($answer !== ['result' => 'error', 'message' => $message]);
}
$store->exec("DELETE FROM tblhosting WHERE id = $orphan");

$count = $store->query('SELECT count(*) FROM tbloauthserver_clients')->fetchColumn();
echo "\nCredential {$results['credentialId']} is one of $count in $file.\n";
if ($unexpected > 0) {
    echo "$unexpected of the errors are not the documented ones.\n";
    exit(1);
}
