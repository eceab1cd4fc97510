<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\DataProvider;

require_once __DIR__ . '/CredentialTestCase.php';

/** DeleteOAuthCredential. */
final class DeleteOAuthCredentialTest extends CredentialTestCase
{
    public function test_a_credential_goes_with_its_scopes(): void
    {
        $stays = self::authorizationCode(['scope' => 'openid email']);
        $goes = self::authorizationCode(['scope' => 'openid profile']);
        $id = $goes['credentialId'];
        $answer = localAPI('DeleteOAuthCredential', ['credentialId' => $id]);
        self::assertSame(['result' => 'success', 'credentialId' => $id], $answer);
        self::assertSame([$stays['credentialId']], array_column(self::clients(), 'credentialId'));
        self::assertSame('openid email', self::client($stays['credentialId'])['scope']);
        $scoped = self::column('SELECT DISTINCT client_id FROM tbloauthserver_client_scopes');
        self::assertSame([$stays['credentialId']], $scoped);
        self::assertFalse(self::verifies($goes));
        self::assertTrue(self::verifies($stays));
    }

    public function test_the_id_may_be_text(): void
    {
        $id = self::authorizationCode()['credentialId'];
        $answer = localAPI('deleteoauthcredential', ['CredentialID' => (string) $id]);
        self::assertSame(['result' => 'success', 'credentialId' => $id], $answer);
    }

    public function test_an_id_is_never_given_again(): void
    {
        $seen = [];
        for ($i = 0; $i < 5; $i++) {
            $seen[] = $id = self::authorizationCode()['credentialId'];
            self::answer('DeleteOAuthCredential', ['credentialId' => $id]);
        }
        $seen[] = self::elsewhere(self::CREATE)['credentialId'];
        $ascending = array_unique($seen);
        sort($ascending);
        self::assertSame($ascending, $seen);
    }

    public function test_the_line_in_the_log_names_who_did_it_and_the_client(): void
    {
        $id = self::singleSignOn()['credentialId'];
        self::answer('DeleteOAuthCredential', ['credentialId' => $id], 'admin');
        $lines = self::rows('SELECT description, user, userid, admin_id FROM tblactivitylog ORDER BY id DESC LIMIT 1');
        self::assertSame(
            [['description' => "OAuth credential $id deleted", 'user' => 'admin', 'userid' => 70, 'admin_id' => 1]],
            $lines
        );
        $id = self::authorizationCode()['credentialId'];
        self::answer('DeleteOAuthCredential', ['credentialId' => $id]);
        $lines = self::rows('SELECT description, user, userid, admin_id FROM tblactivitylog ORDER BY id DESC LIMIT 1');
        self::assertSame(
            [['description' => "OAuth credential $id deleted", 'user' => 'System', 'userid' => 0, 'admin_id' => 0]],
            $lines
        );
    }

    /** @dataProvider mistakes */
    #[DataProvider('mistakes')]
    public function test_an_id_that_is_none_is_refused_and_nothing_goes(array $postData, string $message): void
    {
        $issued = self::authorizationCode();
        self::assertError($message, 'DeleteOAuthCredential', $postData);
        self::assertTrue(self::verifies($issued));
        self::assertSame([], self::log());
    }

    public static function mistakes(): iterable
    {
        $ids = [null, '', " \t", 0, '0', -1, '-1', '+1', '1.0', 1.5, ' 1', '1 ', '0x1', 'one', '2', [1], true . '0'];
        foreach ([...$ids, '9223372036854775807', '9223372036854775808'] as $id) {
            yield [['credentialId' => $id], 'Invalid Credential ID provided.'];
        }
        yield [[], 'Invalid Credential ID provided.'];
        yield [['id' => 1, 'clientIdentifier' => 'A'], 'Invalid Credential ID provided.'];
        yield [['credentialId' => "1\xff"], 'The parameter "credentialId" must be valid UTF-8.'];
    }

    public function test_what_is_gone_cannot_go_again(): void
    {
        $id = self::authorizationCode()['credentialId'];
        self::answer('DeleteOAuthCredential', ['credentialId' => $id]);
        self::assertError('Invalid Credential ID provided.', 'DeleteOAuthCredential', ['credentialId' => $id]);
        self::assertError('Invalid Credential ID provided.', 'UpdateOAuthCredential', ['credentialId' => $id]);
        self::assertSame(["OAuth credential $id deleted"], self::log());
    }

    public function test_a_credential_goes_whatever_became_of_its_service_and_its_key(): void
    {
        $id = self::singleSignOn()['credentialId'];
        self::execute('DELETE FROM tblhosting');
        unlink(self::keyFile());
        self::answer('DeleteOAuthCredential', ['credentialId' => $id]);
        self::assertSame([], self::clients());
    }
}
