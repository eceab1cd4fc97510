<?php

// Renames a credential and gives it a new secret. Run it: php examples/update-credential.php

$issued = localAPI('CreateOAuthCredential', array(
    'grantType' => 'authorization_code',
    'name' => 'Mobile App',
    'scope' => 'openid profile',
));

$command = 'UpdateOAuthCredential';
$postData = array(
    'credentialId' => $issued['credentialId'],
    'name' => 'Mobile App 2',
    'resetSecret' => true,
);
$adminUsername = 'admin'; // Optional

$results = localAPI($command, $postData, $adminUsername);
print_r($results);
