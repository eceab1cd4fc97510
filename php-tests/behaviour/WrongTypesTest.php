<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\Group;

require_once __DIR__ . '/CredentialTestCase.php';

/** Lists and other values that are no strings, where a command reads a string, and the one parameter that may be a list. */
final class WrongTypesTest extends CredentialTestCase
{
    private static function values(): array
    {
        return [
            'a list' => ['single_sign_on'],
            'an empty list' => [],
            'a list in a list' => [['1']],
            'an object' => new stdClass(),
            'a closure' => fn () => '1',
            'a resource' => STDIN,
        ];
    }

    /** Each call with each of these values for each of these parameters says so and changes nothing. */
    private static function assertRefusedEverywhere(string $command, array $names, array $postData, ?array $values = null): void
    {
        $before = self::rowsOfAll();
        foreach ($names as $name) {
            foreach ($values ?? self::values() as $what => $value) {
                $answer = localAPI($command, [$name => $value] + $postData);
                $message = sprintf(Message::NOT_A_STRING, $name);
                self::assertSame(['result' => 'error', 'message' => $message], $answer, "$command: $what as $name");
            }
        }
        self::assertSame($before, self::rowsOfAll());
    }

    private static function rowsOfAll(): array
    {
        $tables = ['tbloauthserver_clients', 'tbloauthserver_client_scopes', 'tblactivitylog'];
        return array_map(fn (string $table) => self::rows("SELECT * FROM $table"), $tables);
    }

    public function testCreateRefusesThemForWhatItDoesNotRequire(): void
    {
        LocalApi\register_service(1, 1);
        self::assertRefusedEverywhere('CreateOAuthCredential', ['description', 'logoUri'], self::request());
        $names = ['name', 'description', 'logoUri'];
        self::assertRefusedEverywhere('CreateOAuthCredential', $names, self::request([], 'single_sign_on'));
        $others = array_filter(self::values(), fn ($value) => !is_array($value));
        self::assertRefusedEverywhere('CreateOAuthCredential', ['redirectUri'], self::request(), $others);
    }

    public function testUpdateRefusesThemAndChangesNothing(): void
    {
        $names = ['grantType', 'name', 'serviceId', 'description', 'resetSecret'];
        $others = array_filter(self::values(), fn ($value) => !is_array($value));
        foreach ([self::authorizationCode(), self::singleSignOn()] as ['credentialId' => $id, 'clientIdentifier' => $by]) {
            foreach ([['credentialId' => $id], ['clientApiIdentifier' => $by]] as $named) {
                self::assertRefusedEverywhere('UpdateOAuthCredential', $names, $named + ['description' => 'changed']);
                $maybeLists = ['scope', 'logoUri', 'redirectUri'];
                self::assertRefusedEverywhere('UpdateOAuthCredential', $maybeLists, $named, $others);
            }
        }
    }

    public function testListRefusesThem(): void
    {
        self::authorizationCode();
        $names = ['grantType', 'sortField', 'sortOrder', 'limit', 'limitstart'];
        self::assertRefusedEverywhere('ListOAuthCredentials', $names, []);
    }

    public function testWhatNamesACredentialIsNoneThen(): void
    {
        self::authorizationCode();
        foreach (self::values() as $value) {
            self::assertError('Invalid Credential ID provided.', 'DeleteOAuthCredential', ['credentialId' => $value]);
            foreach (['credentialId', 'clientApiIdentifier'] as $name) {
                $message = 'A Credential ID or Client Identifier is required.';
                self::assertError($message, 'UpdateOAuthCredential', [$name => $value, 'name' => 'B']);
            }
        }
        self::assertCount(1, self::clients());
    }

    public function testScopesMayComeAsAListOfTokensOrOfSeveral(): void
    {
        $lists = [
            [['email', 'openid'], 'openid email'],
            [['profile openid', " email\t"], 'openid profile email'],
            [['b' => 'openid', 'a' => 'openid', ''], 'openid'],
        ];
        foreach ($lists as [$list, $scope]) {
            $issued = self::authorizationCode(['scope' => $list]);
            self::assertSame($scope, self::client($issued['credentialId'])['scope']);
            $issued = self::authorizationCode(['scope' => 'clientarea:sso']);
            self::answer('UpdateOAuthCredential', ['credentialId' => $issued['credentialId'], 'scope' => $list]);
            self::assertSame($scope, self::client($issued['credentialId'])['scope']);
        }
    }

    public function testAListOfScopesIsCheckedAsAStringOfThem(): void
    {
        $id = self::authorizationCode()['credentialId'];
        $lists = [
            [[], Message::SCOPE_REQUIRED],
            [['', ' '], Message::SCOPE_REQUIRED],
            [['email', 'no:such', 'nor:this'], sprintf(Message::SCOPE_INVALID, 'no:such')],
            [['email', ['openid']], sprintf(Message::SCOPE_INVALID, 'array')],
            [[null], sprintf(Message::SCOPE_INVALID, 'null')],
            [[new stdClass(), 'no:such'], sprintf(Message::SCOPE_INVALID, 'object')],
            [['email', "\xff"], sprintf(Message::NOT_UTF8, 'scope')],
        ];
        LocalApi\register_scope('array');
        foreach ($lists as [$list, $message]) {
            self::assertError($message, 'CreateOAuthCredential', self::request(['scope' => $list]));
            self::assertError($message, 'UpdateOAuthCredential', ['credentialId' => $id, 'scope' => $list]);
        }
        self::assertSame('clientarea:sso', self::client($id)['scope']);
    }

    public function testAnIdOf0BesideAnIdentifierIsNone(): void
    {
        ['credentialId' => $id, 'clientIdentifier' => $identifier] = self::authorizationCode();
        foreach ([0, '0', 0.0, '', ' ', null, false] as $number => $none) {
            $postData = ['credentialId' => $none, 'clientApiIdentifier' => $identifier, 'name' => "Name $number"];
            self::assertSame($id, self::answer('UpdateOAuthCredential', $postData)['credentialId']);
            self::assertSame("Name $number", self::client($id)['name']);
        }
        foreach ([[0, null], ['00', $identifier], [99, $identifier], [-1, $identifier]] as [$wrong, $beside]) {
            $postData = ['credentialId' => $wrong, 'clientApiIdentifier' => $beside, 'name' => 'x'];
            self::assertError('Invalid Credential ID provided.', 'UpdateOAuthCredential', $postData);
        }
    }

    /** @group extension */
    #[Group('extension')]
    public function testOverHttpListsAreTheSame(): void
    {
        $id = self::authorizationCode()['credentialId'];
        $key = LocalApi\issue_api_credential('admin');
        $server = ['REQUEST_METHOD' => 'POST', 'REMOTE_ADDR' => '127.0.0.1'];
        $update = function (array $more) use ($id, $key, $server): array {
            $parameters = $key + ['action' => 'UpdateOAuthCredential', 'credentialId' => (string) $id] + $more;
            return json_decode(LocalApi\respond($parameters, $server)['body'], true);
        };
        self::assertSame('success', $update(['scope' => ['openid', 'email']])['result']);
        self::assertSame('openid email', self::client($id)['scope']);
        $refused = ['result' => 'error', 'message' => sprintf(Message::NOT_A_STRING, 'name')];
        self::assertSame($refused, $update(['name' => ['x']]));
    }
}
