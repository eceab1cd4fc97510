<?php

declare(strict_types=1);

require_once __DIR__ . '/CredentialTestCase.php';

use PHPUnit\Framework\Attributes\Group;
use LocalApi\StoreException;
use function LocalApi\verify_credential;

/** LocalApi\verify_credential(). */
final class VerifyCredentialTest extends CredentialTestCase
{
    public function test_it_returns_what_a_token_endpoint_needs(): void
    {
        $issued = self::authorizationCode([
            'scope' => 'openid clientarea:sso',
            'redirectUri' => ['https://a.example/x,y', 'com.example.app:/cb'],
            'name' => 'Shop',
            'description' => "Two\nlines",
            'logoUri' => 'assets/shop.png',
        ]);
        self::assertSame([
            'credentialId' => $issued['credentialId'],
            'clientIdentifier' => $issued['clientIdentifier'],
            'grantType' => 'authorization_code',
            'scope' => ['clientarea:sso', 'openid'],
            'serviceId' => 0,
            'userId' => 0,
            'redirectUri' => ['https://a.example/x,y', 'com.example.app:/cb'],
            'name' => 'Shop',
            'description' => "Two\nlines",
            'logoUri' => 'assets/shop.png',
            'expiresAt' => null,
            'disabled' => false,
        ], verify_credential($issued['clientIdentifier'], $issued['clientSecret']));
        $issued = self::singleSignOn();
        self::assertSame([
            'credentialId' => $issued['credentialId'],
            'clientIdentifier' => $issued['clientIdentifier'],
            'grantType' => 'single_sign_on',
            'scope' => ['clientarea:sso'],
            'serviceId' => 7,
            'userId' => 70,
            'redirectUri' => [],
            'name' => '',
            'description' => '',
            'logoUri' => '',
            'expiresAt' => null,
            'disabled' => false,
        ], verify_credential($issued['clientIdentifier'], $issued['clientSecret']));
    }

    public function test_anything_else_is_null(): void
    {
        $other = self::authorizationCode();
        ['clientIdentifier' => $identifier, 'clientSecret' => $secret] = self::authorizationCode();
        $changed = $secret[40] === 'A' ? 'B' : 'A';
        $wrong = [
            [$identifier, ''],
            [$identifier, $other['clientSecret']],
            [$identifier, substr($secret, 0, -1)],
            [$identifier, substr($secret, 0, -2)],
            [$identifier, "$secret "],
            [$identifier, "$secret\0"],
            [$identifier, "$secret\n"],
            [$identifier, substr_replace($secret, $changed, 40, 1)],
            [$identifier, base64_decode($secret)],
            [$identifier, rawurlencode($secret)],
            [$identifier, "\xff"],
            [$identifier, str_repeat('x', 1_000_000)],
            [$other['clientIdentifier'], $secret],
            ['', $secret],
            ['', ''],
            ["$identifier ", $secret],
            ["$identifier\0", $secret],
            [strtolower($identifier), $secret],
            [substr($identifier, 0, -1), $secret],
            ["$identifier\xff", $secret],
            ["\xff", $secret],
            ['%', $secret],
            [(string) 1, $secret],
        ];
        foreach ($wrong as [$what, $with]) {
            self::assertNull(
                verify_credential($what, $with),
                json_encode([$what, $with], JSON_INVALID_UTF8_SUBSTITUTE)
            );
        }
        self::assertNotNull(verify_credential($identifier, $secret));
    }

    public function test_an_empty_store_knows_nobody(): void
    {
        LocalApi\register_admin('eve');
        self::assertNull(verify_credential('COMPANY-NAME.AAAAAAAAAAAAAAAAAAAAAA==', str_repeat('A', 86) . '=='));
    }

    public function test_a_changed_credential_is_seen_at_once_in_another_process(): void
    {
        $issued = self::authorizationCode();
        self::assertTrue(self::verifies($issued));
        $reset = "localAPI('UpdateOAuthCredential', ['credentialId' => {$issued['credentialId']}, 'resetSecret' => 1])";
        $secret = self::elsewhere($reset)['newClientSecret'];
        self::assertFalse(self::verifies($issued));
        self::assertTrue(self::verifies($issued, $secret));
        $postData = ['credentialId' => $issued['credentialId'], 'scope' => 'email'];
        self::elsewhere('localAPI("UpdateOAuthCredential", ' . var_export($postData, true) . ')');
        self::assertSame(['email'], verify_credential($issued['clientIdentifier'], $secret)['scope']);
        self::elsewhere("localAPI('DeleteOAuthCredential', ['credentialId' => {$issued['credentialId']}])");
        self::assertFalse(self::verifies($issued, $secret));
    }

    public function test_it_neither_writes_nor_waits_for_a_writer(): void
    {
        $issued = self::authorizationCode();
        $store = self::pdo();
        $version = self::version($store);
        self::lock($store);
        self::assertTrue(self::verifies($issued));
        self::assertFalse(self::verifies($issued, 'x'));
        $store->exec('ROLLBACK');
        self::assertSame($version, self::version($store));
    }

    public function test_a_missing_key_file_is_no_answer(): void
    {
        $issued = self::authorizationCode();
        rename(self::keyFile(), self::keyFile() . '.away');
        foreach ([$issued['clientSecret'], 'wrong'] as $secret) {
            self::assertFault(
                self::missingKeyFile(),
                static fn () => verify_credential($issued['clientIdentifier'], $secret)
            );
        }
        rename(self::keyFile() . '.away', self::keyFile());
        self::assertTrue(self::verifies($issued));
    }

    public function test_a_key_file_that_lacks_the_key_is_no_answer(): void
    {
        $issued = self::authorizationCode();
        $keys = self::keys();
        $lost = $keys['active'];
        $keys['active'] = $keys['keys'][0]['id'] = '0123456789abcdef';
        self::writeKeys($keys);
        self::assertFault(
            'The key file "' . self::keyFile() . "\" lacks the key \"$lost\" of this store: put a newer copy in its place, or the store's own file.",
            static fn () => verify_credential($issued['clientIdentifier'], $issued['clientSecret'])
        );
    }

    public function test_a_damaged_secret_is_no_answer(): void
    {
        $issued = self::authorizationCode();
        self::execute("UPDATE tbloauthserver_clients SET secret = 'v1:' || substr(secret, 4, 40)");
        self::assertFault(
            "The secret of OAuth credential {$issued['credentialId']} is damaged.",
            static fn () => verify_credential($issued['clientIdentifier'], $issued['clientSecret'])
        );
    }

    public function test_a_store_that_cannot_be_opened_is_no_answer(): void
    {
        $code = 'try {
            LocalApi\verify_credential("a", "b");
        } catch (RuntimeException $fault) {
            print get_class($fault) . ": " . $fault->getMessage();
        }';
        $output = php($code, ['localapi.dsn' => 'sqlite:/no/such/folder/store.sqlite']);
        $sentence = 'The credential store cannot be opened: the folder "/no/such/folder" does not exist.';
        self::assertSame(StoreException::class . ": $sentence", $output);
    }

    /** @group extension */
    #[Group('extension')]
    public function test_arguments_of_the_wrong_type_are_phps_own_errors(): void
    {
        foreach ([[['a'], 'b'], ['a', null], ['a', 1], ['a']] as $arguments) {
            try {
                verify_credential(...$arguments);
                self::fail(json_encode($arguments));
            } catch (TypeError $error) {
                self::assertStringStartsWith('LocalApi\verify_credential()', $error->getMessage());
            }
        }
    }

    public function test_a_backtrace_does_not_show_the_secret(): void
    {
        $issued = self::authorizationCode();
        unlink(self::keyFile());
        $ignore = ini_set('zend.exception_ignore_args', '0');
        try {
            verify_credential($issued['clientIdentifier'], $issued['clientSecret']);
            self::fail('no exception');
        } catch (StoreException $fault) {
            $arguments = array_column($fault->getTrace(), 'args', 'function');
            [$identifier, $secret] = $arguments['LocalApi\verify_credential'];
            self::assertSame($issued['clientIdentifier'], $identifier);
            // PHP 8.1 hides nothing.
            $hides = PHP_VERSION_ID >= 80200;
            self::assertSame($hides ? 'SensitiveParameterValue' : 'string', get_debug_type($secret));
            self::assertSame(!$hides, str_contains((string) $fault, substr($issued['clientSecret'], 0, 10)));
        } finally {
            ini_set('zend.exception_ignore_args', $ignore);
        }
    }

    private static function assertFault(string $message, callable $verify): void
    {
        try {
            $verify();
            self::fail('no exception');
        } catch (StoreException $fault) {
            self::assertInstanceOf(RuntimeException::class, $fault);
            self::assertSame([$message, 0], [$fault->getMessage(), $fault->getCode()]);
        }
    }
}
