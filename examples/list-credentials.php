<?php

// Shows the credentials of the store, the newest first. Run it: php examples/list-credentials.php

localAPI('CreateOAuthCredential', array(
    'grantType' => 'authorization_code',
    'name' => 'Mobile App',
    'scope' => 'openid profile',
));

$command = 'ListOAuthCredentials';
$postData = array(
    'sortField' => 'createdAt',
    'sortOrder' => 'DESC',
    'limit' => '20',
);
$adminUsername = 'admin'; // Optional

$results = localAPI($command, $postData, $adminUsername);
print_r($results);
