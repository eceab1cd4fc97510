<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\Group;

require_once __DIR__ . '/CredentialTestCase.php';

/** Ids: one that was given is never given again, so that nothing gets what belonged to a row that is gone. */
final class IdsTest extends CredentialTestCase
{
    private const SERVER = ['REQUEST_METHOD' => 'POST', 'REMOTE_ADDR' => '127.0.0.1'];

    private static function asked(array $credential, string $action): int
    {
        return LocalApi\respond($credential + ['action' => $action], self::SERVER)['status'];
    }

    public function testACredentialDoesNotGetTheScopeThatFollowsOneOfItsOwn(): void
    {
        LocalApi\register_scope('shop:read');
        $issued = self::authorizationCode(['scope' => 'openid shop:read']);
        self::execute("DELETE FROM tbloauthserver_scopes WHERE scope = 'shop:read'");
        LocalApi\register_scope('shop:admin');
        self::assertSame('openid', self::client($issued['credentialId'])['scope']);
        $found = LocalApi\verify_credential($issued['clientIdentifier'], $issued['clientSecret']);
        self::assertSame(['openid'], $found['scope']);
        // Nor does it get back what was taken away.
        LocalApi\register_scope('shop:read');
        self::assertSame('openid', self::client($issued['credentialId'])['scope']);
    }

    /** @group extension */
    #[Group('extension')]
    public function testTheKeyOfAnAdminWhoIsGoneStaysDead(): void
    {
        LocalApi\register_admin('bob');
        $key = LocalApi\issue_api_credential('bob');
        self::assertSame(200, self::asked($key, 'ListOAuthCredentials'));
        self::execute("DELETE FROM tbladmins WHERE username = 'bob'");
        LocalApi\register_admin('alice');
        self::assertSame(403, self::asked($key, 'ListOAuthCredentials'));
        LocalApi\register_admin('bob');
        self::assertSame(403, self::asked($key, 'ListOAuthCredentials'), 'it is another bob');
    }

    /** @group extension */
    #[Group('extension')]
    public function testARoleThatIsGoneAllowsNothingWhateverComesAfterIt(): void
    {
        $key = LocalApi\issue_api_credential('admin', ['ListOAuthCredentials']);
        self::execute('DELETE FROM tblapi_roles');
        LocalApi\issue_api_credential('admin', ['*']);
        self::assertSame(403, self::asked($key, 'ListOAuthCredentials'));
        self::assertSame(403, self::asked($key, 'CreateOAuthCredential'));
    }

    public function testTheLogTellsACredentialFromOneThatIsGone(): void
    {
        LocalApi\issue_api_credential('admin');
        self::execute('DELETE FROM tbldeviceauth');
        LocalApi\issue_api_credential('admin');
        $lines = self::column("SELECT description FROM tblactivitylog WHERE description LIKE 'API credential%' ORDER BY id");
        self::assertSame(['API credential 1 issued (admin 1)', 'API credential 2 issued (admin 1)'], $lines);
    }

    public function testRowsThatSqlAddsGetNoIdAgainEither(): void
    {
        foreach (['tblhosting', 'tblclients', 'tbladmins', 'tbloauthserver_scopes', 'tblapi_roles', 'tbldeviceauth',
            'tbloauthserver_clients'] as $table) {
            self::execute("INSERT INTO $table (id) VALUES (500)");
            self::execute("DELETE FROM $table WHERE id >= 400");
            self::execute("INSERT INTO $table " . (tests_run_at_a_server() ? '() VALUES ()' : 'DEFAULT VALUES'));
            self::assertSame(['501'], array_map(strval(...), self::column("SELECT max(id) FROM $table")), $table);
        }
    }
}
