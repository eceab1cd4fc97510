<?php

declare(strict_types=1);

require_once __DIR__ . '/CredentialTestCase.php';

use function LocalApi\prune;
use function LocalApi\verify_credential;

/** Rotation with overlap, expiry, last use, and creates that are made again. */
final class SecondHalfOfALifeTest extends CredentialTestCase
{
    public function test_both_secrets_verify_while_they_overlap(): void
    {
        $issued = self::authorizationCode();
        $id = $issued['credentialId'];
        $reset = ['credentialId' => $id, 'resetSecret' => true];
        $answer = self::answer('UpdateOAuthCredential', $reset + ['overlap' => 3_600]);
        self::assertSame(['result', 'credentialId', 'newClientSecret', 'previousSecretExpiresAt'], array_keys($answer));
        self::assertMatchesRegularExpression('/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/', $answer['previousSecretExpiresAt']);
        self::assertTrue(self::verifies($issued) && self::verifies($issued, $answer['newClientSecret']));
        self::assertSame($answer['newClientSecret'], self::client($id)['clientSecret']);
        self::answer('UpdateOAuthCredential', ['credentialId' => $id, 'revokePreviousSecret' => true]);
        self::assertFalse(self::verifies($issued));
        self::assertTrue(self::verifies($issued, $answer['newClientSecret']));
        $message = 'The overlap "2592001" is invalid: it must be 1 to 2,592,000 seconds.';
        self::assertError($message, 'UpdateOAuthCredential', $reset + ['overlap' => 2_592_001]);
    }

    public function test_a_credential_that_is_switched_off_verifies_as_null_and_is_listed(): void
    {
        $issued = self::authorizationCode(['expiresAt' => '2999-12-31T23:59:59Z']);
        $named = ['credentialId' => $issued['credentialId']];
        self::assertTrue(self::verifies($issued));
        self::answer('UpdateOAuthCredential', $named + ['disabled' => true]);
        self::assertFalse(self::verifies($issued));
        $shown = array_slice(self::client($issued['credentialId']), 14);
        self::assertSame(['expiresAt', 'disabled', 'lastUsedAt'], array_keys($shown));
        self::assertSame(['2999-12-31 23:59:59', true], [$shown['expiresAt'], $shown['disabled']]);
        self::answer('UpdateOAuthCredential', $named + ['disabled' => false, 'expiresAt' => '']);
        self::assertTrue(self::verifies($issued));
        self::assertNull(self::client($issued['credentialId'])['expiresAt']);
        $message = 'The expiry "2001-01-01 00:00:00" is invalid: it has passed.';
        self::assertError($message, 'UpdateOAuthCredential', $named + ['expiresAt' => '2001-01-01 00:00:00']);
    }

    public function test_what_has_expired_is_deleted_and_leaves_a_line(): void
    {
        [$gone, $kept] = [self::authorizationCode(['expiresAt' => '2999-12-31 23:59:59']), self::authorizationCode()];
        self::assertSame(0, prune(0));
        self::execute("UPDATE localapi_lifetimes SET expires_at = '2001-01-01 00:00:00'");
        self::assertNull(verify_credential($gone['clientIdentifier'], $gone['clientSecret']));
        self::assertSame(1, prune(86_400));
        self::assertSame([$kept['credentialId']], array_column(self::clients(), 'credentialId'));
        self::assertSame(["OAuth credential {$gone['credentialId']} deleted, expired 2001-01-01 00:00:00"], self::log());
        $this->expectException(ValueError::class);
        prune(-1);
    }

    public function test_a_verification_is_noted_once_its_request_has_ended(): void
    {
        $issued = self::authorizationCode();
        $verify = sprintf(
            'LocalApi\verify_credential("%s", "%s") !== null',
            $issued['clientIdentifier'],
            $issued['clientSecret']
        );
        self::assertNull(self::client($issued['credentialId'])['lastUsedAt']);
        self::assertTrue(self::elsewhere($verify));
        $noted = self::client($issued['credentialId'])['lastUsedAt'];
        self::assertNotNull($noted);
        self::assertTrue(self::elsewhere($verify));
        self::assertSame($noted, self::client($issued['credentialId'])['lastUsedAt']);
    }

    public function test_a_create_that_is_made_again_by_any_process_is_answered_the_same(): void
    {
        $issued = self::authorizationCode(['idempotencyKey' => 'order 1']);
        self::assertSame($issued, self::authorizationCode(['idempotencyKey' => 'order 1']));
        self::assertCount(1, self::clients());
        $request = self::request(['scope' => 'clientarea:sso', 'idempotencyKey' => 'order 1']);
        $there = self::elsewhere('localAPI("CreateOAuthCredential", ' . var_export($request, true) . ')');
        self::assertSame($issued, $there);
        $message = 'The idempotency key was used with other parameters: take another one.';
        self::assertError($message, 'CreateOAuthCredential', ['name' => 'Other'] + $request);
    }

    public function test_a_list_without_secrets_has_none_and_tells_how_many_there_are(): void
    {
        self::authorizationCode(['name' => 'One shop']);
        self::authorizationCode(['name' => 'Another SHOP']);
        self::authorizationCode(['name' => 'App']);
        $answer = self::answer('ListOAuthCredentials', ['secrets' => 0, 'search' => 'shop', 'limit' => 1, 'total' => 1]);
        self::assertSame(['result', 'clients', 'totalResults'], array_keys($answer));
        self::assertSame([2, null], [$answer['totalResults'], $answer['clients'][0]['clientSecret']]);
        self::assertArrayNotHasKey('totalResults', self::answer('ListOAuthCredentials'));
        foreach ([false, 0, '0', '', 'no'] as $off) {
            self::assertSame([null], array_unique(array_column(self::clients(['secrets' => $off]), 'clientSecret')));
        }
        self::assertNotContains(null, array_column(self::clients(['secrets' => null]), 'clientSecret'));
    }
}
