<?php

// Takes a credential away for good. Run it: php examples/delete-credential.php

$issued = localAPI('CreateOAuthCredential', array(
    'grantType' => 'authorization_code',
    'name' => 'Mobile App',
    'scope' => 'openid profile',
));

$command = 'DeleteOAuthCredential';
$postData = array(
    'credentialId' => $issued['credentialId'],
);
$adminUsername = 'admin'; // Optional

$results = localAPI($command, $postData, $adminUsername);
print_r($results);
