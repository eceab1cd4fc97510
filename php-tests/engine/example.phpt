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
1. A service that nobody has registered isn't known:

Array
(
    [result] => error
    [message] => A valid Service ID is required.
)

2. So register each one, by the host's own ids: LocalApi\register_service(serviceId: 1, clientId: 42)

3. Then the documented call answers:

Array
(
    [result] => success
    [credentialId] => %d
    [clientIdentifier] => COMPANY-NAME.%s==
    [clientSecret] => %s==
)

4. The documented errors:
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
