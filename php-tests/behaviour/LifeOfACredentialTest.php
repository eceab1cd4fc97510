<?php

declare(strict_types=1);

require_once __DIR__ . '/CredentialTestCase.php';

use function LocalApi\verify_credential;

/** All commands on one credential, as a host uses them one after another. */
final class LifeOfACredentialTest extends CredentialTestCase
{
    public function test_a_credential_is_issued_shown_changed_and_deleted(): void
    {
        $issued = localAPI('CreateOAuthCredential', [
            'grantType' => 'authorization_code',
            'name' => 'Mobile app',
            'scope' => 'openid profile',
            'redirectUri' => 'com.example.app:/callback',
        ]);
        self::assertSame('success', $issued['result']);
        ['credentialId' => $id, 'clientIdentifier' => $identifier, 'clientSecret' => $secret] = $issued;

        [$listed] = localAPI('ListOAuthCredentials')['clients'];
        $found = [$listed['credentialId'], $listed['clientIdentifier'], $listed['clientSecret']];
        self::assertSame([$id, $identifier, $secret], $found);
        self::assertSame(['openid', 'profile'], verify_credential($identifier, $secret)['scope']);

        $reset = localAPI('UpdateOAuthCredential', ['credentialId' => $id, 'resetSecret' => true]);
        $new = $reset['newClientSecret'];
        self::assertNotSame($secret, $new);
        self::assertNull(verify_credential($identifier, $secret));
        self::assertSame($id, verify_credential($identifier, $new)['credentialId']);

        self::assertSame(1, LocalApi\rotate_key());
        self::assertNull(verify_credential($identifier, $secret));
        self::assertSame($id, verify_credential($identifier, $new)['credentialId']);

        localAPI('UpdateOAuthCredential', ['clientApiIdentifier' => $identifier, 'scope' => 'openid']);
        self::assertSame(['openid'], verify_credential($identifier, $new)['scope']);

        self::assertSame(
            ['result' => 'success', 'credentialId' => $id],
            localAPI('DeleteOAuthCredential', ['credentialId' => $id])
        );
        self::assertNull(verify_credential($identifier, $new));
        self::assertSame([], localAPI('ListOAuthCredentials')['clients']);
        self::assertSame([
            "OAuth credential $id created (authorization_code)",
            "OAuth credential $id secret reset",
            'Key rotated: everything is sealed with the new one from now on',
            "OAuth credential $id updated",
            "OAuth credential $id deleted",
        ], self::column('SELECT description FROM tblactivitylog ORDER BY id'));
    }
}
