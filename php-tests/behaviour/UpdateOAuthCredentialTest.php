<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\DataProvider;

require_once __DIR__ . '/CredentialTestCase.php';

/** UpdateOAuthCredential. */
final class UpdateOAuthCredentialTest extends CredentialTestCase
{
    private const FULL = [
        'name' => 'Shop',
        'description' => 'A shop',
        'scope' => 'clientarea:sso openid',
        'logoUri' => 'logo.png',
        'redirectUri' => 'https://example.com/cb',
    ];

    /** @dataProvider single */
    #[DataProvider('single')]
    public function test_what_is_not_passed_stays(array $postData, array $changed): void
    {
        $issued = self::authorizationCode(self::FULL);
        self::execute(
            "UPDATE tbloauthserver_clients SET created_at = '2016-11-18 09:32:24', updated_at = '2017-01-01 00:00:00'"
        );
        $before = self::client($issued['credentialId']);
        $answer = localAPI('UpdateOAuthCredential', ['credentialId' => $issued['credentialId']] + $postData);
        self::assertSame(['result' => 'success', 'credentialId' => $issued['credentialId']], $answer);
        $after = self::client($issued['credentialId']);
        self::assertNotSame($before['updatedAt'], $after['updatedAt']);
        unset($before['updatedAt'], $after['updatedAt']);
        self::assertSame(array_replace($before, $changed), $after);
        self::assertSame(["OAuth credential {$issued['credentialId']} updated"], self::log());
    }

    public static function single(): iterable
    {
        yield 'name' => [['name' => 'Büro'], ['name' => 'Büro']];
        yield 'description' => [['description' => "a\nb"], ['description' => "a\nb"]];
        yield 'scope' => [['scope' => 'email clientarea:invoices email'], ['scope' => 'clientarea:invoices email']];
        yield 'logoUri' => [['logoUri' => 'https://example.com/l.png'], ['logoUri' => 'https://example.com/l.png']];
        yield 'logoUri as a list' => [['logoUri' => ['l.png']], ['logoUri' => 'l.png']];
        yield 'redirectUri' => [
            ['redirectUri' => 'https://a.example/ https://b.example/'],
            ['redirectUri' => ['https://a.example/', 'https://b.example/']],
        ];
        yield 'redirectUri as a list' => [
            ['redirectUri' => ['https://a.example/x,y', 'com.example.app:/cb']],
            ['redirectUri' => ['https://a.example/x,y', 'com.example.app:/cb']],
        ];
        yield 'the same again' => [self::FULL, []];
        yield 'grantType it has' => [['grantType' => 'authorization_code'], []];
        yield 'blank description' => [['description' => ''], ['description' => '']];
        yield 'white description' => [['description' => " \n"], ['description' => '']];
        yield 'blank logoUri' => [['logoUri' => ' '], ['logoUri' => '']];
        yield 'no logoUri' => [['logoUri' => []], ['logoUri' => '']];
        yield 'blank redirectUri' => [['redirectUri' => "\t"], ['redirectUri' => []]];
        yield 'no redirectUri' => [['redirectUri' => []], ['redirectUri' => []]];
        yield 'two' => [['name' => 'B', 'scope' => 'email'], ['name' => 'B', 'scope' => 'email']];
    }

    /** @dataProvider nothing */
    #[DataProvider('nothing')]
    public function test_nothing_passed_is_a_success_that_writes_nothing(array $postData): void
    {
        $id = self::authorizationCode(self::FULL)['credentialId'];
        $store = self::pdo();
        $version = self::version($store);
        $answer = localAPI('UpdateOAuthCredential', ['credentialId' => $id] + $postData);
        self::assertSame(['result' => 'success', 'credentialId' => $id], $answer);
        self::assertSame($version, self::version($store));
        self::assertSame([], self::log());
    }

    public static function nothing(): iterable
    {
        yield 'the id alone' => [[]];
        yield 'nulls' => [array_fill_keys(['name', 'scope', 'grantType', 'redirectUri', 'resetSecret'], null)];
        yield 'what is not known' => [['responsetype' => 'json', 'clientSecret' => 'x', 'id' => 5]];
        yield 'no reset' => [['resetSecret' => false]];
    }

    public function test_a_credential_is_found_by_its_identifier(): void
    {
        $other = self::authorizationCode();
        $issued = self::authorizationCode();
        $found = ['clientApiIdentifier' => $issued['clientIdentifier']];
        foreach ([[], ['credentialId' => ''], ['credentialId' => null], ['credentialId' => ' ']] as $blank) {
            $name = json_encode($blank);
            $answer = localAPI('UpdateOAuthCredential', ['name' => $name] + $found + $blank);
            self::assertSame(['result' => 'success', 'credentialId' => $issued['credentialId']], $answer);
            self::assertSame($name, self::client($issued['credentialId'])['name']);
        }
        self::assertSame('Shop', self::client($other['credentialId'])['name']);
    }

    public function test_an_id_goes_before_an_identifier(): void
    {
        [$first, $second] = [self::authorizationCode(), self::authorizationCode()];
        $identifier = ['clientApiIdentifier' => $second['clientIdentifier'], 'name' => 'By id'];
        self::answer('UpdateOAuthCredential', ['credentialId' => $first['credentialId']] + $identifier);
        self::assertSame(['By id', 'Shop'], array_column(self::clients(), 'name'));
        self::assertError(
            'Invalid Credential ID provided.',
            'UpdateOAuthCredential',
            ['credentialId' => 99] + $identifier
        );
    }

    /** @dataProvider mistakes */
    #[DataProvider('mistakes')]
    public function test_a_mistake_is_named_and_nothing_is_written(string $message, array $postData): void
    {
        LocalApi\register_service(7, 70);
        self::execute('INSERT INTO tblhosting (id, userid) VALUES (8, 80)');
        $issued = self::authorizationCode(self::FULL);
        $before = self::rows('SELECT * FROM tbloauthserver_clients');
        $good = ['credentialId' => 1, 'description' => 'new', 'resetSecret' => true];
        self::assertError($message, 'UpdateOAuthCredential', $postData + $good);
        self::assertSame($before, self::rows('SELECT * FROM tbloauthserver_clients'));
        self::assertSame([], self::log());
        self::assertTrue(self::verifies($issued));
    }

    public static function mistakes(): iterable
    {
        foreach ([null, '', ' '] as $none) {
            $postData = ['credentialId' => $none, 'clientApiIdentifier' => $none];
            yield ['A Credential ID or Client Identifier is required.', $postData];
        }
        foreach ([0, '0', -1, 2, '1.0', 'x', ' 1', '9223372036854775808'] as $id) {
            yield ['Invalid Credential ID provided.', ['credentialId' => $id, 'grantType' => 'x']];
        }
        foreach (['x', 'COMPANY-NAME.', '1'] as $identifier) {
            $postData = ['credentialId' => null, 'clientApiIdentifier' => $identifier, 'grantType' => 'x'];
            yield ['Invalid Client Identifier provided.', $postData];
        }
        foreach (['', ' ', "\n"] as $blank) {
            yield ['A valid grant type is required.', ['grantType' => $blank, 'name' => '']];
            yield ['A name for the Client Credential is required.', ['name' => $blank, 'scope' => 'x']];
            yield ['At least one valid scope is required.', ['scope' => $blank, 'name' => "\n\x01"]];
        }
        yield ['The requested grant type "x" is invalid.', ['grantType' => 'x', 'name' => '']];
        $single = ['grantType' => 'single_sign_on'];
        foreach ([null, '', ' ', 0, '0'] as $service) {
            $message = 'A service ID is required for the single sign-on grant type.';
            yield [$message, $single + ['serviceId' => $service, 'scope' => 'x']];
        }
        yield ['The requested scope "x" is invalid.', ['scope' => 'openid x y', 'name' => "\x01"]];
        yield ['The requested scope "x" is invalid.', $single + ['serviceId' => 99, 'scope' => 'x']];
        foreach (['99', '00', '0.0', '-7', 'x', ' 7'] as $service) {
            yield ['A valid Service ID is required.', $single + ['serviceId' => $service, 'name' => "\x01"]];
        }
        yield ['Service ID not associated with valid Client.', $single + ['serviceId' => 8, 'name' => "\x01"]];
        yield ['The name is longer than 255 characters.', ['name' => str_repeat('é', 256), 'logoUri' => '..']];
        yield ['The name contains control characters.', ['name' => "a\u{202e}b", 'logoUri' => '..']];
        yield [
            'The description is longer than 255 characters.',
            ['description' => str_repeat('é', 256), 'logoUri' => '..'],
        ];
        yield ['The description contains control characters.', ['description' => "a\0b", 'logoUri' => '..']];
        yield [
            'The logo URI is longer than 255 characters.',
            ['logoUri' => str_repeat('l', 256), 'redirectUri' => 'x'],
        ];
        yield ['The logo URI ".." is invalid: it leaves the client area.', ['logoUri' => '..', 'redirectUri' => 'x']];
        yield ['The logo URI "b.png" is invalid: only one is allowed.', ['logoUri' => ['a.png', 'b.png']]];
        yield ['The logo URI "array" is invalid: it is not a string.', ['logoUri' => [[1]]]];
        yield ['At most 32 redirect URIs are allowed.', ['redirectUri' => array_fill(0, 33, 'https://a.example/')]];
        $long = array_fill(0, 30, 'https://a.example/' . str_repeat('x', 60));
        yield ['The redirect URIs are longer than 2,000 characters.', ['redirectUri' => $long]];
        yield [
            'The redirect URI "http://example.com" is invalid: http is for loopback hosts and *.test only.',
            ['redirectUri' => ['https://a.example/', 'http://example.com']],
        ];
        foreach (['credentialId', 'grantType', 'name', 'scope', 'description', 'logoUri', 'redirectUri'] as $name) {
            yield ["The parameter \"$name\" must be valid UTF-8.", [$name => "\xff"]];
        }
        yield [
            'The parameter "clientApiIdentifier" must be valid UTF-8.',
            ['credentialId' => null, 'clientApiIdentifier' => "\xff"],
        ];
        yield ['The parameter "serviceId" must be valid UTF-8.', $single + ['serviceId' => "\xff"]];
    }

    public function test_more_scopes_than_allowed_are_refused(): void
    {
        $scopes = array_map(static fn (int $number): string => "test:$number", range(1, 65));
        array_map(LocalApi\register_scope(...), $scopes);
        $id = self::authorizationCode()['credentialId'];
        $update = ['credentialId' => $id, 'scope' => implode(' ', $scopes)];
        self::assertError('At most 64 scopes are allowed.', 'UpdateOAuthCredential', $update);
        array_pop($scopes);
        self::answer('UpdateOAuthCredential', ['scope' => implode(' ', $scopes) . ' test:1'] + $update);
        self::assertSame(implode(' ', $scopes), self::client($id)['scope']);
    }

    public function test_an_unknown_admin_changes_nothing(): void
    {
        $id = self::authorizationCode()['credentialId'];
        $answer = localAPI('UpdateOAuthCredential', ['credentialId' => $id, 'name' => 'B'], 'nobody');
        self::assertSame(['result' => 'error', 'message' => 'The admin user "nobody" was not found.'], $answer);
        self::assertSame('Shop', self::client($id)['name']);
    }

    public function test_a_change_to_single_sign_on_takes_a_service_and_its_owner(): void
    {
        $id = self::authorizationCode()['credentialId'];
        LocalApi\register_service(7, 70);
        $postData = ['credentialId' => $id, 'grantType' => 'single_sign_on', 'serviceId' => '7'];
        self::answer('UpdateOAuthCredential', $postData);
        $client = self::client($id);
        self::assertSame(['single_sign_on', 7, 'Shop'], [$client['grantTypes'], $client['serviceId'], $client['name']]);
        self::assertSame(['70'], self::column('SELECT user_id FROM tbloauthserver_clients'));
        self::assertSame([70], self::column("SELECT userid FROM tblactivitylog WHERE description LIKE '% updated'"));
        // It has a service now, and may lose its name.
        self::answer('UpdateOAuthCredential', ['credentialId' => $id, 'grantType' => 'single_sign_on', 'name' => '']);
        self::assertSame(['', 7], [self::client($id)['name'], self::client($id)['serviceId']]);
    }

    public function test_a_change_to_authorization_code_takes_a_name_and_drops_the_service(): void
    {
        $id = self::singleSignOn()['credentialId'];
        $postData = ['credentialId' => $id, 'grantType' => 'authorization_code'];
        $message = 'A name for the Client Credential is required.';
        self::assertError($message, 'UpdateOAuthCredential', $postData);
        self::assertError($message, 'UpdateOAuthCredential', $postData + ['name' => ' ']);
        self::assertSame(7, self::client($id)['serviceId']);
        self::answer('UpdateOAuthCredential', $postData + ['name' => 'Shop', 'serviceId' => '7']);
        $client = self::client($id);
        self::assertSame(
            ['authorization_code', 0, 'Shop'],
            [$client['grantTypes'], $client['serviceId'], $client['name']]
        );
        self::assertSame([''], self::column('SELECT user_id FROM tbloauthserver_clients'));
    }

    public function test_a_name_that_is_there_is_enough_for_a_change_to_authorization_code(): void
    {
        $id = self::singleSignOn(['name' => 'Shop'])['credentialId'];
        self::answer('UpdateOAuthCredential', ['credentialId' => $id, 'grantType' => 'authorization_code']);
        self::assertSame('authorization_code', self::client($id)['grantTypes']);
    }

    public function test_a_service_moves_a_single_sign_on_credential(): void
    {
        $id = self::singleSignOn()['credentialId'];
        LocalApi\register_service(8, 80);
        self::answer('UpdateOAuthCredential', ['credentialId' => $id, 'serviceId' => 8]);
        self::assertSame(8, self::client($id)['serviceId']);
        self::assertSame(['80'], self::column('SELECT user_id FROM tbloauthserver_clients'));
        $message = 'A service ID is required for the single sign-on grant type.';
        self::assertError($message, 'UpdateOAuthCredential', ['credentialId' => $id, 'serviceId' => '']);
    }

    public function test_a_service_is_nothing_to_an_authorization_code_credential(): void
    {
        $id = self::authorizationCode()['credentialId'];
        self::answer('UpdateOAuthCredential', ['credentialId' => $id, 'serviceId' => '99', 'name' => 'B']);
        self::assertSame([0, 'B'], [self::client($id)['serviceId'], self::client($id)['name']]);
    }

    public function test_a_credential_whose_service_has_gone_can_be_renamed(): void
    {
        $id = self::singleSignOn()['credentialId'];
        self::execute('DELETE FROM tblhosting');
        self::answer('UpdateOAuthCredential', ['credentialId' => $id, 'name' => 'B', 'grantType' => 'single_sign_on']);
        self::assertSame(['B', 7], [self::client($id)['name'], self::client($id)['serviceId']]);
        $again = ['credentialId' => $id, 'serviceId' => 7];
        self::assertError('A valid Service ID is required.', 'UpdateOAuthCredential', $again);
        self::execute('INSERT INTO tblhosting (id, userid) VALUES (7, 71)');
        self::assertError('Service ID not associated with valid Client.', 'UpdateOAuthCredential', $again);
    }

    public function test_a_credential_whose_scope_has_gone_can_be_renamed(): void
    {
        $id = self::authorizationCode(['scope' => 'openid email'])['credentialId'];
        self::execute("DELETE FROM tbloauthserver_scopes WHERE scope = 'email'");
        self::answer('UpdateOAuthCredential', ['credentialId' => $id, 'name' => 'B']);
        self::assertSame(['B', 'openid'], [self::client($id)['name'], self::client($id)['scope']]);
        $again = ['credentialId' => $id, 'scope' => 'openid email'];
        self::assertError('The requested scope "email" is invalid.', 'UpdateOAuthCredential', $again);
    }

    public function test_the_old_secret_is_invalid_at_once(): void
    {
        $issued = self::authorizationCode();
        $id = $issued['credentialId'];
        $answer = localAPI('UpdateOAuthCredential', ['credentialId' => $id, 'resetSecret' => true]);
        self::assertSame(['result', 'credentialId', 'newClientSecret'], array_keys($answer));
        self::assertMatchesRegularExpression('~^[A-Za-z0-9+/]{86}==$~', $answer['newClientSecret']);
        self::assertFalse(self::verifies($issued));
        self::assertTrue(self::verifies($issued, $answer['newClientSecret']));
        self::assertSame($answer['newClientSecret'], self::client($id)['clientSecret']);
        self::assertSame(["OAuth credential $id secret reset"], self::log());
    }

    public function test_a_reset_and_a_change_are_one(): void
    {
        $issued = self::authorizationCode();
        $id = $issued['credentialId'];
        $answer = self::answer(
            'UpdateOAuthCredential',
            ['credentialId' => $id, 'name' => 'B', 'resetSecret' => '1'],
            'admin'
        );
        self::assertTrue(self::verifies($issued, $answer['newClientSecret']));
        self::assertSame('B', self::client($id)['name']);
        $lines = self::rows("SELECT description, user, admin_id FROM tblactivitylog WHERE admin_id > 0 ORDER BY id");
        self::assertSame([
            ['description' => "OAuth credential $id updated", 'user' => 'admin', 'admin_id' => 1],
            ['description' => "OAuth credential $id secret reset", 'user' => 'admin', 'admin_id' => 1],
        ], $lines);
    }

    public function test_only_a_true_flag_resets(): void
    {
        $issued = self::authorizationCode();
        foreach ([false, null, 0, '', '0', 'false', 'off', 'no', 'reset', '2'] as $no) {
            $answer = localAPI(
                'UpdateOAuthCredential',
                ['credentialId' => $issued['credentialId'], 'resetSecret' => $no]
            );
            self::assertSame(['result' => 'success', 'credentialId' => $issued['credentialId']], $answer);
        }
        self::assertTrue(self::verifies($issued));
        foreach ([true, 1, '1', 'true', 'TRUE', 'on', 'Yes'] as $yes) {
            $answer = localAPI(
                'UpdateOAuthCredential',
                ['credentialId' => $issued['credentialId'], 'resetSecret' => $yes]
            );
            self::assertTrue(self::verifies($issued, $answer['newClientSecret']));
        }
    }
}
