<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\DataProvider;
use function LocalApi\issue_api_credential;
use function LocalApi\register_service;
use function LocalApi\verify_credential;

require_once __DIR__ . '/../behaviour/StoreTestCase.php';
require_once __DIR__ . '/Client.php';

/** includes/api.php as the clients that people use see it. */
final class ClientsTest extends StoreTestCase
{
    private const FORBIDDEN = 'Invalid or missing credentials';

    private ?Server $server = null;
    private array $login;

    protected function setUp(): void
    {
        parent::setUp();
        $this->login = issue_api_credential('admin');
        register_service(1, 42);
    }

    protected function tearDown(): void
    {
        $this->server = null;
    }

    private function url(array $ini = []): string
    {
        $this->server = new Server(__DIR__ . '/public', $ini + self::place());
        return "http://{$this->server->address()}/includes/api.php";
    }

    private static function client(string $name, string $url, array $login): Client
    {
        return match ($name) {
            'cURL, JSON' => new CurlClient($url, $login, 'json'),
            'cURL, XML' => new CurlClient($url, $login, 'xml'),
            'npm, JSON' => new NpmClient($url, $login, 'json'),
            'npm, XML' => new NpmClient($url, $login, 'xml'),
            'PyPI, JSON' => new PypiClient($url, $login),
        };
    }

    public static function clients(): iterable
    {
        foreach (['cURL, JSON', 'cURL, XML', 'npm, JSON', 'npm, XML', 'PyPI, JSON'] as $name) {
            yield $name => [$name];
        }
    }

    /** The clients of a list; in XML one isn't a list, and none isn't anything. */
    private static function listed(array|string $answer): array
    {
        self::assertIsArray($answer, (string) json_encode($answer));
        $clients = $answer['clients'] ?: [];
        $clients = $clients['client'] ?? $clients;
        return array_is_list($clients) ? $clients : [$clients];
    }

    /** @dataProvider clients */
    #[DataProvider('clients')]
    public function test_a_credential_is_created_listed_updated_and_deleted(string $name): void
    {
        $client = self::client($name, $this->url(), $this->login);
        $uris = ['https://example.com/a?x=1&y=2', 'com.example.app:/callback'];
        $postData = ['name' => "Shop & \"Töchter\"\u{2028}", 'redirectUri' => $uris];
        if (str_starts_with($name, 'npm')) {
            // It repeats a list's name, and PHP takes the last: programs join such a list themselves.
            $postData['redirectUri'] = implode(',', $uris);
        }
        $created = $client->ask('CreateOAuthCredential', self::request($postData));
        self::assertIsArray($created, (string) json_encode($created));
        self::assertSame('1', (string) $created['credentialId']);
        $other = $client->ask('CreateOAuthCredential', self::request([], 'single_sign_on'));
        self::assertSame('2', (string) $other['credentialId']);

        [$first, $second] = self::listed($client->ask('ListOAuthCredentials'));
        self::assertSame([$created['clientIdentifier'], $other['clientIdentifier']], [$first['clientIdentifier'], $second['clientIdentifier']]);
        self::assertSame([$created['clientSecret'], $other['clientSecret']], [$first['clientSecret'], $second['clientSecret']]);
        self::assertSame($postData['name'], $first['name']);
        self::assertSame($uris, $first['redirectUri']['item'] ?? $first['redirectUri']);

        $updated = $client->ask('UpdateOAuthCredential', ['credentialId' => 1, 'scope' => 'openid email', 'resetSecret' => true]);
        self::assertSame('1', (string) $updated['credentialId']);
        self::assertNull(verify_credential($created['clientIdentifier'], $created['clientSecret']));
        $verified = verify_credential($created['clientIdentifier'], $updated['newClientSecret']);
        self::assertSame(['openid', 'email'], $verified['scope']);

        self::assertSame('1', (string) $client->ask('DeleteOAuthCredential', ['credentialId' => 1])['credentialId']);
        self::assertCount(1, self::listed($client->ask('ListOAuthCredentials')));
        self::assertSame('2', (string) $client->ask('DeleteOAuthCredential', ['credentialId' => 2])['credentialId']);
        self::assertSame([], self::listed($client->ask('ListOAuthCredentials')));
    }

    /** @dataProvider clients */
    #[DataProvider('clients')]
    public function test_each_error_of_a_command_arrives(string $name): void
    {
        self::pdo()->exec('INSERT INTO tblhosting (id, userid) VALUES (9, 999)');
        $client = self::client($name, $this->url(), $this->login);
        $client->ask('CreateOAuthCredential', self::request());
        $sso = fn (array $postData): array => self::request($postData, 'single_sign_on');
        $errors = [
            ['Create', [], Message::GRANT_TYPE_REQUIRED],
            ['Create', self::request(['grantType' => 'a & <b>']), sprintf(Message::GRANT_TYPE_INVALID, 'a & <b>')],
            ['Create', self::request(['name' => '']), Message::NAME_REQUIRED],
            ['Create', $sso(['serviceId' => 0]), Message::SERVICE_REQUIRED],
            ['Create', self::request(['scope' => '']), Message::SCOPE_REQUIRED],
            ['Create', self::request(['scope' => 'openid näh']), sprintf(Message::SCOPE_INVALID, 'näh')],
            ['Create', $sso(['serviceId' => 8]), Message::SERVICE_INVALID],
            ['Create', $sso(['serviceId' => 9]), Message::SERVICE_WITHOUT_CLIENT],
            ['Create', self::request(['scope' => self::scopes(65)]), Message::TOO_MANY_SCOPES],
            ['Create', self::request(['name' => str_repeat('é', 256)]), Message::NAME_TOO_LONG],
            ['Create', self::request(['name' => "a\x01"]), Message::NAME_CONTROLS],
            ['Create', self::request(['description' => str_repeat('x', 256)]), Message::DESCRIPTION_TOO_LONG],
            ['Create', self::request(['description' => "\u{202e}"]), Message::DESCRIPTION_CONTROLS],
            ['Create', self::request(['logoUri' => str_repeat('x', 256)]), Message::LOGO_URI_TOO_LONG],
            ['Create', self::request(['logoUri' => '//x']), sprintf(Message::LOGO_URI_INVALID, '//x', 'it begins with //')],
            ['Create', self::request(['redirectUri' => str_repeat('https://a.example ', 33)]), Message::TOO_MANY_REDIRECT_URIS],
            ['Create', self::request(['redirectUri' => str_repeat('https://a.example/' . str_repeat('x', 900) . ' ', 3)]), Message::REDIRECT_URIS_TOO_LONG],
            ['Create', self::request(['redirectUri' => 'http://a.example']), sprintf(Message::REDIRECT_URI_INVALID, 'http://a.example', 'http is for loopback hosts and *.test only')],
            ['List', ['grantType' => 'x'], sprintf(Message::GRANT_TYPE_INVALID, 'x')],
            ['List', ['sortField' => 'x'], 'The sort field "x" is invalid.'],
            ['List', ['sortOrder' => 'x'], 'The sort order "x" is invalid.'],
            ['List', ['limit' => 'x'], 'The limit "x" is invalid.'],
            ['List', ['limitstart' => 'x'], 'The limit start "x" is invalid.'],
            ['Update', [], 'A Credential ID or Client Identifier is required.'],
            ['Update', ['credentialId' => 99], 'Invalid Credential ID provided.'],
            ['Update', ['clientApiIdentifier' => 'x'], 'Invalid Client Identifier provided.'],
            ['Update', ['credentialId' => 1, 'grantType' => 'x'], sprintf(Message::GRANT_TYPE_INVALID, 'x')],
            ['Update', ['credentialId' => 1, 'name' => ' '], Message::NAME_REQUIRED],
            ['Update', ['credentialId' => 1, 'grantType' => 'single_sign_on'], Message::SERVICE_REQUIRED],
            ['Update', ['credentialId' => 1, 'scope' => 'x'], sprintf(Message::SCOPE_INVALID, 'x')],
            ['Delete', [], 'Invalid Credential ID provided.'],
            ['Delete', ['credentialId' => 99], 'Invalid Credential ID provided.'],
        ];
        foreach ($errors as [$verb, $postData, $message]) {
            $answer = $client->ask($verb . ($verb === 'List' ? 'OAuthCredentials' : 'OAuthCredential'), $postData);
            self::assertSame($client->failure(200, $message), $answer);
        }
        $unknown = sprintf(Message::COMMAND_UNKNOWN, 'GetNothing');
        self::assertSame($client->failure(200, $unknown), $client->ask('GetNothing'));
        self::assertCount(1, self::rows('SELECT id FROM tbloauthserver_clients'));
    }

    /** So many scopes, each of which there is. */
    private static function scopes(int $count): string
    {
        foreach ($scopes = array_map(fn (int $i): string => "test:$i", range(1, $count)) as $scope) {
            LocalApi\register_scope($scope);
        }
        return implode(' ', $scopes);
    }

    /** @dataProvider clients */
    #[DataProvider('clients')]
    public function test_each_gate_is_told(string $name): void
    {
        $url = $this->url();
        $lister = issue_api_credential('admin', ['ListOAuthCredentials', 'AddClient']);
        $client = self::client($name, $url, $lister);
        $message = 'Invalid Permissions: API action "createoauthcredential" is not allowed';
        self::assertSame($client->failure(403, $message), $client->ask('CreateOAuthCredential', self::request()));
        self::assertSame([], self::listed($client->ask('ListOAuthCredentials')));
        self::assertSame('42', (string) $client->ask('AddClient', ['firstname' => 'John'])['clientid']);
        self::assertSame($client->failure(400, 'Empty action request'), $client->ask(''));
        $tooLarge = ['description' => str_repeat('x', 1 << 20)];
        self::assertSame($client->failure(413, 'The request is too large'), $client->ask('ListOAuthCredentials', $tooLarge));
        $wrong = self::client($name, $url, ['secret' => strrev($lister['secret'])] + $lister);
        self::assertSame($wrong->failure(403, self::FORBIDDEN), $wrong->ask('ListOAuthCredentials'));
    }

    /** @dataProvider clients */
    #[DataProvider('clients')]
    public function test_an_address_that_is_not_allowed_needs_the_access_key(string $name): void
    {
        $url = $this->url(['localapi.api_allowed_ips' => '203.0.113.0/24', 'localapi.api_access_key' => 'open sesame']);
        $far = self::client($name, $url, $this->login);
        self::assertSame($far->failure(403, 'Invalid IP 127.0.0.1'), $far->ask('ListOAuthCredentials'));
        $let = self::client($name, $url, $this->login + ['accesskey' => 'open sesame']);
        self::assertSame([], self::listed($let->ask('ListOAuthCredentials')));
    }

    public function test_the_suite_of_the_npm_package_passes(): void
    {
        $mocha = self::installedMocha();
        $suite = Client::installed('npm/node_modules/@dojnaz/whmcs/test/authentication.js');
        $output = run(['node', $mocha, '--reporter', 'json', $suite], [
            'WHMCS_URL' => substr($this->url(), 0, -strlen('/includes/api.php')),
            'WHMCS_API_IDENTIFIER' => $this->login['identifier'],
            'WHMCS_API_SECRET' => $this->login['secret'],
        ]);
        self::assertSame(1, preg_match('/^\{\n.*^\}$/ms', $output, $found), $output);
        $stats = json_decode($found[0], true)['stats'];
        self::assertSame([3, 0, 0], [$stats['passes'], $stats['failures'], $stats['pending']], $output);
        $created = self::rows("SELECT count(*) n FROM tblactivitylog WHERE description LIKE 'OAuth credential 1 %'");
        self::assertSame(3, (int) $created[0]['n'], 'created, updated and deleted');
    }

    private static function installedMocha(): string
    {
        return Client::installed('npm/node_modules/mocha/bin/mocha.js');
    }

    public function test_the_documented_sample_works_unchanged_but_for_the_url(): void
    {
        $insert = 'INSERT INTO tbldeviceauth (identifier, secret, user_id, role_ids) VALUES (?, ?, 1, ?)';
        $verifier = hash('sha256', 'SECRET_OR_HASHED_PASSWORD');
        self::pdo()->prepare($insert)->execute(['IDENTIFIER_OR_ADMIN_USERNAME', $verifier, '1']);
        $sample = str_replace('https://www.example.com/includes/api.php', $this->url(), file_get_contents(__DIR__ . '/sample.php'), $changed);
        self::assertSame(1, $changed);
        // PHP 8.5 would do without curl_close.
        $ini = ['error_reporting' => E_ALL & ~E_DEPRECATED];
        $answer = json_decode(php(substr($sample, strlen('<?php')) . "\nprint \$response;", $ini), true);
        self::assertSame(['result', 'credentialId', 'clientIdentifier', 'clientSecret'], array_keys((array) $answer));
        $known = verify_credential($answer['clientIdentifier'], $answer['clientSecret']);
        self::assertSame([1, 42], [$known['serviceId'], $known['userId']]);
    }
}
