<?php

/** The hooks of a small module: a new service gets a credential of its own, and its owner a mail about it. */
declare(strict_types=1);

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

add_hook('AfterModuleCreate', 1, function (array $vars): array {
    $credential = localAPI('CreateOAuthCredential', [
        'grantType' => 'single_sign_on',
        'scope' => 'clientarea:sso clientarea:services',
        'serviceId' => $vars['params']['serviceid'],
    ]);
    if ($credential['result'] !== 'success') {
        logActivity("No credential for service {$vars['params']['serviceid']}: {$credential['message']}");
        return ['credential' => null];
    }
    localAPI('SendEmail', [
        'messagename' => 'Single Sign-On',
        'id' => $vars['params']['serviceid'],
        'customvars' => ['identifier' => $credential['clientIdentifier']],
    ]);
    logModuleCall('example', 'AfterModuleCreate', $vars, $credential, '', [$credential['clientSecret']]);
    return ['credential' => $credential['credentialId']];
});
