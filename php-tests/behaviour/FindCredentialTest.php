<?php

declare(strict_types=1);

require_once __DIR__ . '/CredentialTestCase.php';

use LocalApi\StoreException;
use function LocalApi\find_credential;
use function LocalApi\redirect_uri_matches;

/** LocalApi\find_credential() and redirect_uri_matches(). */
final class FindCredentialTest extends CredentialTestCase
{
    public function test_it_returns_what_a_consent_screen_needs_and_no_secret(): void
    {
        LocalApi\register_scope('7', 'A number');
        LocalApi\register_scope('shop:orders', 'Your & "orders"');
        $issued = self::authorizationCode([
            'scope' => 'shop:orders 7 openid',
            'redirectUri' => ['https://a.example/x,y', 'com.example.app:/cb'],
            'description' => "Two\nlines",
            'logoUri' => 'assets/shop.png',
        ]);
        self::assertSame([
            'credentialId' => $issued['credentialId'],
            'name' => 'Shop',
            'description' => "Two\nlines",
            'logoUri' => 'assets/shop.png',
            'grantType' => 'authorization_code',
            'scope' => ['openid' => 'Confirm who you are', 7 => 'A number', 'shop:orders' => 'Your & "orders"'],
            'redirectUri' => ['https://a.example/x,y', 'com.example.app:/cb'],
            'serviceId' => 0,
            'userId' => 0,
            'expiresAt' => null,
            'disabled' => false,
        ], find_credential($issued['clientIdentifier']));
        $issued = self::singleSignOn();
        self::assertSame([
            'credentialId' => $issued['credentialId'],
            'name' => '',
            'description' => '',
            'logoUri' => '',
            'grantType' => 'single_sign_on',
            'scope' => ['clientarea:sso' => 'Sign in to the client area'],
            'redirectUri' => [],
            'serviceId' => 7,
            'userId' => 70,
            'expiresAt' => null,
            'disabled' => false,
        ], find_credential($issued['clientIdentifier']));
    }

    public function test_it_needs_no_key_and_a_damaged_secret_is_no_matter(): void
    {
        $issued = self::authorizationCode();
        $found = find_credential($issued['clientIdentifier']);
        unlink(self::keyFile());
        self::execute("UPDATE tbloauthserver_clients SET secret = 'v1:damaged'");
        self::assertSame($found, find_credential($issued['clientIdentifier']));
    }

    public function test_an_identifier_that_is_not_known_byte_for_byte_is_null(): void
    {
        ['clientIdentifier' => $identifier] = self::authorizationCode();
        $wrong = ['', '%', '1', "\xff", "$identifier ", "$identifier\0", "$identifier\xff", strtolower($identifier),
            substr($identifier, 0, -1), rawurlencode($identifier)];
        foreach ($wrong as $other) {
            self::assertNull(find_credential($other), json_encode($other, JSON_INVALID_UTF8_SUBSTITUTE));
        }
        self::assertNotNull(find_credential($identifier));
    }

    public function test_a_changed_credential_is_seen_at_once(): void
    {
        ['clientIdentifier' => $identifier, 'credentialId' => $id] = self::authorizationCode();
        self::elsewhere("localAPI('UpdateOAuthCredential', ['credentialId' => $id, 'name' => 'New', 'scope' => 'email'])");
        $found = find_credential($identifier);
        self::assertSame(['New', ['email' => 'See your email address']], [$found['name'], $found['scope']]);
        self::elsewhere("LocalApi\\register_scope('email', 'Write to you')");
        self::assertSame(['email' => 'Write to you'], find_credential($identifier)['scope']);
        self::elsewhere("localAPI('DeleteOAuthCredential', ['credentialId' => $id])");
        self::assertNull(find_credential($identifier));
    }

    public function test_it_neither_writes_nor_waits_for_a_writer(): void
    {
        $issued = self::authorizationCode();
        $store = self::pdo();
        $version = self::version($store);
        self::lock($store);
        self::assertSame($issued['credentialId'], find_credential($issued['clientIdentifier'])['credentialId']);
        self::assertNull(find_credential('x'));
        $store->exec('ROLLBACK');
        self::assertSame($version, self::version($store));
    }

    public function test_a_store_that_cannot_be_opened_is_no_answer(): void
    {
        $code = 'try {
            LocalApi\find_credential("a");
        } catch (RuntimeException $fault) {
            print get_class($fault) . ": " . $fault->getMessage();
        }';
        $output = php($code, ['localapi.dsn' => 'sqlite:/no/such/folder/store.sqlite']);
        $sentence = 'The credential store cannot be opened: the folder "/no/such/folder" does not exist.';
        self::assertSame(StoreException::class . ": $sentence", $output);
    }

    public function test_a_redirect_goes_to_what_was_registered_and_to_any_port_of_a_loopback_address(): void
    {
        $uris = ['https://a.example/x,y', 'http://127.0.0.1/cb', 'http://localhost:3000/cb'];
        self::authorizationCode(['redirectUri' => $uris]);
        $registered = self::clients()[0]['redirectUri'];
        foreach ([...$uris, 'http://127.0.0.1:49152/cb'] as $given) {
            self::assertTrue(redirect_uri_matches($registered, $given), $given);
        }
        $others = ['', "https://a.example/x,y\0", "https://a.example/\xff", 'https://A.example/x,y', 'https://a.example/',
            'http://localhost:3001/cb', 'http://127.0.0.1:49152@evil.example/cb', 'http://127.0.0.1:49152/other'];
        foreach ($others as $given) {
            self::assertFalse(redirect_uri_matches($registered, $given), $given);
        }
        self::assertFalse(redirect_uri_matches([], ''));
        self::assertFalse(redirect_uri_matches([''], ''));
        $reference = 'com.a:/';
        self::assertTrue(redirect_uri_matches(['a' => 'com.b:/', 'b' => &$reference], 'com.a:/'));
    }

    public function test_what_is_registered_must_be_strings(): void
    {
        $issued = self::authorizationCode(['redirectUri' => 'https://a.example/']);
        foreach ([[null], [7], [['https://a.example/']], find_credential($issued['clientIdentifier'])] as $registered) {
            try {
                redirect_uri_matches($registered, 'https://a.example/');
                self::fail((string) json_encode($registered));
            } catch (ValueError $error) {
                $said = 'LocalApi\redirect_uri_matches(): Argument #1 ($registered) must be an array of strings';
                self::assertSame($said, $error->getMessage());
            }
        }
    }
}
