<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\Group;

require_once __DIR__ . '/StoreTestCase.php';

/** What is in the file once a credential was answered. */
final class StoredCredentialTest extends StoreTestCase
{
    public function test_a_single_sign_on_credential_has_its_row_its_scopes_and_its_log_line(): void
    {
        LocalApi\register_service(7, 42);
        $before = gmdate('Y-m-d H:i:s');
        $answer = self::create(self::request([
            'serviceId' => '7',
            'scope' => 'profile clientarea:sso',
            'name' => 'Portal',
            'description' => 'Signs in',
            'logoUri' => 'images/logo.png',
            'redirectUri' => ['https://a.example/', 'https://b.example/'],
        ], 'single_sign_on'), 'admin');
        $after = gmdate('Y-m-d H:i:s');

        [$row] = self::rows('SELECT * FROM tbloauthserver_clients');
        $this->assertUtcBetween($before, $after, $row['created_at']);
        $this->assertSame($row['created_at'], $row['updated_at']);
        $this->assertSame($answer['clientSecret'], self::opened($row));
        unset($row['secret'], $row['created_at'], $row['updated_at']);
        $this->assertSame([
            'id' => $answer['credentialId'],
            'identifier' => $answer['clientIdentifier'],
            'redirect_uri' => 'https://a.example/ https://b.example/',
            'grant_types' => 'single_sign_on',
            'user_id' => '42',
            'service_id' => 7,
            'name' => 'Portal',
            'description' => 'Signs in',
            'logo_uri' => 'images/logo.png',
            'rsa_key_pair_id' => 0,
        ], $row);

        $scopes = self::rows('SELECT client_id, scope FROM tbloauthserver_client_scopes
            JOIN tbloauthserver_scopes s ON s.id = scope_id ORDER BY s.id');
        $this->assertSame([
            ['client_id' => $answer['credentialId'], 'scope' => 'clientarea:sso'],
            ['client_id' => $answer['credentialId'], 'scope' => 'profile'],
        ], $scopes);

        [$line] = self::rows('SELECT * FROM tblactivitylog');
        $this->assertUtcBetween($before, $after, $line['date']);
        unset($line['date']);
        $this->assertSame([
            'id' => 1,
            'description' => "OAuth credential {$answer['credentialId']} created (single_sign_on, service 7)",
            'user' => 'admin',
            'userid' => 42,
            'admin_id' => 1,
            'ipaddr' => '',
        ], $line);
    }

    public function test_an_authorization_code_credential_has_no_service_and_no_owner(): void
    {
        LocalApi\register_service(1, 42);
        $row = $this->created(self::request(['serviceId' => 1]));
        $this->assertSame(['authorization_code', 0, ''], [$row['grant_types'], $row['service_id'], $row['user_id']]);
        $line = self::rows('SELECT description, user, userid, admin_id FROM tblactivitylog')[0];
        $expected = ["OAuth credential {$row['id']} created (authorization_code)", 'System', 0, 0];
        $this->assertSame($expected, array_values($line));
    }

    /** @group file */
    #[Group('file')]
    public function test_no_file_holds_a_secret_in_clear(): void
    {
        for ($secrets = [], $calls = 0; $calls < 20; ++$calls) {
            $secrets[] = self::create(self::request())['clientSecret'];
        }
        $files = glob(self::folder() . '/*');
        $this->assertGreaterThanOrEqual(3, count($files), 'the store, its log and its keys');
        $content = implode('', array_map(file_get_contents(...), $files));
        $this->assertStringContainsString('OAuth credential 20 created', $content);
        foreach ($secrets as $secret) {
            $raw = base64_decode($secret, true);
            foreach ([$secret, rtrim($secret, '='), strtr($secret, '+/', '-_'), $raw, bin2hex($raw)] as $clear) {
                $this->assertFalse(str_contains($content, $clear));
            }
        }
    }

    public function test_a_sealed_secret_opens_with_the_key_file_and_for_its_own_identifier_only(): void
    {
        $answers = [self::create(self::request()), self::create(self::request())];
        [$first, $second] = self::rows('SELECT * FROM tbloauthserver_clients ORDER BY id');
        $this->assertSame($answers[0]['clientSecret'], self::opened($first));
        $this->assertSame($answers[1]['clientSecret'], self::opened($second));
        $this->assertNull(self::opened(['identifier' => $second['identifier']] + $first));
        $this->assertLessThanOrEqual(255, strlen($first['secret']));
    }

    public function test_ids_are_never_used_again(): void
    {
        $this->created(self::request());
        $last = $this->created(self::request())['id'];
        self::pdo()->exec('DELETE FROM tbloauthserver_clients');
        $this->assertSame($last + 1, $this->created(self::request())['id']);
    }

    public function test_a_refused_request_leaves_nothing_behind(): void
    {
        $this->assertRefused(Message::NAME_REQUIRED, self::request(['name' => '']));
        $this->assertSame([], self::rows('SELECT * FROM tbloauthserver_client_scopes'));
        $this->assertFileDoesNotExist(self::keyFile());
    }

    /** The secret of a row, opened as the format says and without localapi. */
    private static function opened(array $row): ?string
    {
        $file = json_decode(file_get_contents(self::keyFile()), true);
        $keys = array_column($file['keys'], 'key', 'id');
        [$version, $id, $sealed] = explode(':', $row['secret']);
        self::assertSame('v1', $version);
        $sealed = sodium_base642bin($sealed, SODIUM_BASE64_VARIANT_URLSAFE_NO_PADDING);
        $raw = sodium_crypto_aead_xchacha20poly1305_ietf_decrypt(
            substr($sealed, 24),
            $row['identifier'],
            substr($sealed, 0, 24),
            base64_decode($keys[$id], true),
        );
        return $raw === false ? null : base64_encode($raw);
    }

    private function assertUtcBetween(string $from, string $to, string $time): void
    {
        $this->assertMatchesRegularExpression('/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/', $time);
        $this->assertTrue($from <= $time && $time <= $to, "$time is not between $from and $to");
    }
}
