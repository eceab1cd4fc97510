<?php

// Run as an ordinary user, php-fpm preloads in its master: every worker is a child of a process that has used the store.
localAPI('CreateOAuthCredential', [
    'grantType' => 'authorization_code',
    'name' => 'Preloaded',
    'scope' => 'clientarea:sso clientarea:invoices',
]);
