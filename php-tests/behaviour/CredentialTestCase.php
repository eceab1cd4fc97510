<?php

declare(strict_types=1);

require_once __DIR__ . '/StoreTestCase.php';

/** Tests of what becomes of a credential. */
abstract class CredentialTestCase extends StoreTestCase
{
    /** Issues an authorization_code credential and returns the answer. */
    protected static function authorizationCode(array $more = []): array
    {
        return self::answer('CreateOAuthCredential', self::request($more + ['scope' => 'clientarea:sso']));
    }

    /** Issues a single_sign_on credential for service 7 of client 70, or another, and returns the answer. */
    protected static function singleSignOn(array $more = []): array
    {
        LocalApi\register_service(7, 70);
        $more += ['scope' => 'clientarea:sso', 'serviceId' => 7];
        return self::answer('CreateOAuthCredential', self::request($more, 'single_sign_on'));
    }

    /** The answer of a command that must succeed. */
    protected static function answer(string $command, array $postData = [], ?string $admin = null): array
    {
        $answer = localAPI($command, $postData, $admin);
        self::assertSame('success', $answer['result'], $answer['message'] ?? '');
        return $answer;
    }

    protected static function assertError(string $message, string $command, array $postData = []): void
    {
        self::assertSame(['result' => 'error', 'message' => $message], localAPI($command, $postData));
    }

    /** What ListOAuthCredentials has. */
    protected static function clients(array $postData = []): array
    {
        return self::answer('ListOAuthCredentials', $postData)['clients'];
    }

    /** What ListOAuthCredentials has of this one. */
    protected static function client(int $id): array
    {
        return array_column(self::clients(), null, 'credentialId')[$id];
    }

    protected static function verifies(array $issued, ?string $secret = null): bool
    {
        $found = LocalApi\verify_credential($issued['clientIdentifier'], $secret ?? $issued['clientSecret']);
        self::assertSame($found === null ? null : $issued['credentialId'], $found['credentialId'] ?? null);
        return $found !== null;
    }

    /** Runs a statement in the store, as a host might. */
    protected static function execute(string $sql, array $values = []): void
    {
        self::pdo()->prepare($sql)->execute($values);
    }

    /** The first column of what a statement finds. */
    protected static function column(string $sql): array
    {
        return self::pdo()->query($sql)->fetchAll(PDO::FETCH_COLUMN);
    }

    /** The activity log, without the lines that say how the credentials of the test began. */
    protected static function log(): array
    {
        $sql = "SELECT description FROM tblactivitylog WHERE description NOT LIKE '%created%' ORDER BY id";
        return self::column($sql);
    }

    /** The sentence for a key file that is gone. */
    protected static function missingKeyFile(): string
    {
        return 'The key file "' . self::keyFile()
            . '" is missing: put it back, the stored secrets cannot be read without it.';
    }

    /** The key file's content. */
    protected static function keys(): array
    {
        return json_decode(file_get_contents(self::keyFile()), true, 8, JSON_THROW_ON_ERROR);
    }

    protected static function writeKeys(array $keys): void
    {
        file_put_contents(self::keyFile(), json_encode($keys));
    }

    /** What creates a credential, as code for another process. */
    protected const CREATE = 'localAPI("CreateOAuthCredential", ["grantType" => "authorization_code", "name" => "A",
        "scope" => "openid"])';

    /** Runs PHP code in another process and returns what it gives. */
    protected static function elsewhere(string $expression, array $ini = []): mixed
    {
        $output = php("print json_encode($expression);", $ini);
        return json_decode($output, true, 64, JSON_THROW_ON_ERROR);
    }
}
