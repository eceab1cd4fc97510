--TEST--
The example creates a credential and is answered each documented error
--EXTENSIONS--
localapi
pdo_sqlite
--FILE--
<?php
require __DIR__ . '/../../examples/create-credential.php';
?>
--EXPECTF--
Array
(
    [result] => success
    [credentialId] => %d
    [clientIdentifier] => COMPANY-NAME.%s==
    [clientSecret] => %s==
)

The documented errors:
%A
    A valid grant type is required.
%A
    The requested grant type "password" is invalid.
%A
    A name for the Client Credential is required.
%A
    A service ID is required for the single sign-on grant type.
%A
    At least one valid scope is required.
%A
    The requested scope "clientarea:none" is invalid.
%A
    A valid Service ID is required.
%A
    Service ID not associated with valid Client.

Credential %d is one of %d in %s/localapi/store.sqlite.
