<?php

declare(strict_types=1);

use function LocalApi\handle;
use function LocalApi\issue_api_credential;
use function LocalApi\respond;

require_once __DIR__ . '/StoreTestCase.php';

/** LocalApi\respond(): a request over HTTP, gate by gate, and the formats of its answer. */
final class RespondTest extends StoreTestCase
{
    private const SERVER = ['REQUEST_METHOD' => 'POST', 'REMOTE_ADDR' => '127.0.0.1', 'CONTENT_LENGTH' => '64'];
    private const FAILED = "The command failed; the server's log says why.";

    private string $log;

    protected function setUp(): void
    {
        parent::setUp();
        $this->log = tempnam(sys_get_temp_dir(), 'localapi-log');
        ini_set('error_log', $this->log);
    }

    protected function tearDown(): void
    {
        handle('Test', null);
        ini_restore('error_log');
        unlink($this->log);
    }

    private function assertAnswer(int $status, array $expected, array $parameters, array $server = []): void
    {
        $response = respond($parameters, $server + self::SERVER);
        $this->assertSame($status, $response['status']);
        $this->assertSame($expected, json_decode($response['body'], true, 512, JSON_THROW_ON_ERROR));
    }

    private function assertRefusedWith(int $status, string $message, array $parameters, array $server = []): void
    {
        $this->assertAnswer($status, ['result' => 'error', 'message' => $message], $parameters, $server);
    }

    public function testCreateAnswersWhatLocalApiDoes(): void
    {
        $login = issue_api_credential('admin', ['CreateOAuthCredential', 'ListOAuthCredentials']);
        $response = respond(self::request(['action' => 'CREATEoauthCredential'] + $login), self::SERVER);
        $this->assertSame(200, $response['status']);
        $this->assertSame('application/json; charset=utf-8', $response['headers']['Content-Type']);
        $this->assertSame('no-store', $response['headers']['Cache-Control']);
        $answer = json_decode($response['body'], true);
        $this->assertSame(['result', 'credentialId', 'clientIdentifier', 'clientSecret'], array_keys($answer));
        $this->assertAnswer(200, localAPI('ListOAuthCredentials'), ['action' => 'ListOAuthCredentials'] + $login);
        // In the admin's name.
        $this->assertSame('admin', self::rows("SELECT user FROM tblactivitylog WHERE description LIKE 'OAuth%'")[0]['user']);
    }

    public function testALineOfTheActivityLogNamesTheAddressAndTheApiCredential(): void
    {
        $login = issue_api_credential('admin', ['CreateOAuthCredential']);
        $id = self::rows('SELECT max(id) AS id FROM tbldeviceauth')[0]['id'];
        $far = ['REMOTE_ADDR' => '::1'] + self::SERVER;
        respond(self::request(['action' => 'CreateOAuthCredential'] + $login), $far);
        respond(['action' => 'DeleteOAuthCredential'] + $login, $far);
        $lines = self::rows("SELECT description, user, ipaddr FROM tblactivitylog WHERE ipaddr = '::1' ORDER BY id");
        $created = self::rows('SELECT max(id) AS id FROM tbloauthserver_clients')[0]['id'];
        $created = "OAuth credential $created created (authorization_code) by API credential $id";
        $denied = "API credential $id denied the action \"deleteoauthcredential\"";
        $this->assertSame([[$created, 'admin', '::1'], [$denied, 'System', '::1']], array_map('array_values', $lines));
    }

    public function testAListOverHttpLeavesALineAMinuteOnceItIsAnswered(): void
    {
        localAPI('CreateOAuthCredential', self::request(['scope' => 'openid']));
        $lines = fn () => self::rows("SELECT description, user, ipaddr FROM tblactivitylog WHERE description LIKE '%listed%'");
        $line = function (): array {
            $id = self::rows('SELECT max(id) AS id FROM tbldeviceauth')[0]['id'];
            return ["OAuth credentials listed with their secrets by API credential $id", 'admin', '127.0.0.1'];
        };
        $login = issue_api_credential('admin') + ['action' => 'ListOAuthCredentials'];
        $expected = [$line()];
        $this->assertSame(200, respond($login, self::SERVER)['status']);
        $this->assertSame([], $lines(), 'not before the answer is there');
        $this->assertSame(200, respond($login, self::SERVER)['status']);
        $this->assertSame($expected, array_map('array_values', $lines()), 'before the next one');
        $login = issue_api_credential('admin') + ['action' => 'ListOAuthCredentials'];
        $expected[] = $line();
        $code = sprintf('LocalApi\respond(%s, %s);', var_export($login, true), var_export(self::SERVER, true));
        $this->assertSame('', php("$code $code", self::place()));
        $this->assertSame($expected, array_map('array_values', $lines()), 'at the end of the request');
    }

    public function testAnEmptyListIsAnArray(): void
    {
        $login = issue_api_credential('admin');
        $body = respond(['action' => 'ListOAuthCredentials'] + $login, self::SERVER)['body'];
        $this->assertSame('{"result":"success","clients":[]}', $body);
    }

    public function testACommandsOwnErrorHasStatus200(): void
    {
        $login = issue_api_credential('admin');
        $this->assertRefusedWith(200, Message::GRANT_TYPE_REQUIRED, ['action' => 'CreateOAuthCredential'] + $login);
        $this->assertRefusedWith(200, sprintf(Message::COMMAND_UNKNOWN, 'Nothing'), ['action' => 'Nothing'] + $login);
    }

    public function testTheGatesComeInTheirOrder(): void
    {
        $login = issue_api_credential('admin', ['GetClients']);
        $this->assertRefusedWith(405, 'Only POST is accepted', [], ['REQUEST_METHOD' => 'GET', 'CONTENT_LENGTH' => '9999999']);
        $far = ['REMOTE_ADDR' => '203.0.113.9', 'HTTP_X_FORWARDED_FOR' => '127.0.0.1'];
        $this->assertRefusedWith(413, 'The request is too large', [], ['CONTENT_LENGTH' => '1048577'] + $far);
        $this->assertRefusedWith(415, 'The request must be a form', [], ['CONTENT_TYPE' => 'application/json'] + $far);
        $this->assertRefusedWith(403, 'Invalid IP 203.0.113.9', $login, $far);
        $this->assertRefusedWith(403, 'Invalid or missing credentials', ['action' => 'GetClients']);
        $this->assertRefusedWith(400, 'Empty action request', $login);
        $message = 'Invalid Permissions: API action "createoauthcredential" is not allowed';
        $this->assertRefusedWith(403, $message, ['action' => 'CreateOAuthCredential'] + $login);
        $this->assertSame('POST', respond([], [])['headers']['Allow']);
    }

    public function testARequestHasALimit(): void
    {
        $login = issue_api_credential('admin') + ['action' => 'Nothing'];
        $this->assertSame(200, respond($login + array_fill(0, 997, ''), self::SERVER)['status']);
        $this->assertSame(413, respond($login + array_fill(0, 998, ''), self::SERVER)['status']);
        $this->assertSame(413, respond($login + ['list' => array_fill(0, 998, '')], self::SERVER)['status']);
        $this->assertSame(200, respond($login + ['a' => [[[1]]]], self::SERVER)['status']);
        $this->assertSame(413, respond($login + ['a' => [[[[1]]]]], self::SERVER)['status']);
        $long = ['a' => str_repeat('x', 1 << 20)];
        $this->assertSame(413, respond($login + $long, ['CONTENT_LENGTH' => ''] + self::SERVER)['status']);
    }

    public function testXmlAndNvpHoldTheSame(): void
    {
        $login = issue_api_credential('admin');
        handle('Test', fn () => ['result' => 'success', 'clients' => [['id' => 1, 'name' => 'A & B'], ['id' => 2]], 7 => true]);
        $ask = fn (string $type) => respond(['action' => 'Test', 'responsetype' => $type] + $login, self::SERVER);
        $xml = $ask('xml');
        $this->assertStringStartsWith('application/xml', $xml['headers']['Content-Type']);
        $this->assertStringStartsWith('<?xml version="1.0" encoding="utf-8"?>', $xml['body']);
        $root = new DOMDocument();
        $this->assertTrue($root->loadXML($xml['body']));
        $this->assertSame(['whmcsapi', 'action'], [$root->documentElement->nodeName, $root->documentElement->firstChild->nodeName]);
        $inner = '<action>test</action><result>success</result><clients><client><id>1</id><name>A &amp; B</name></client>'
            . '<client><id>2</id></client></clients><item name="7">1</item></whmcsapi>';
        $this->assertStringEndsWith($inner, $xml['body']);
        $nvp = 'result=success;clients[0][id]=1;clients[0][name]=A & B;clients[1][id]=2;7=1;';
        $this->assertSame($nvp, $ask('nvp')['body']);
        $this->assertSame($ask('json')['body'], $ask('yaml')['body']);
    }

    public function testAHandlerGetsNothingOfTheCallersLogin(): void
    {
        $login = issue_api_credential('admin');
        handle('Test', fn (...$arguments) => ['result' => 'success', 'arguments' => $arguments]);
        $sent = ['action' => 'Test', 'username' => '', 'PASSWORD' => 'x', 'accesskey' => '', 'limit' => '5'] + $login;
        $this->assertAnswer(200, ['result' => 'success', 'arguments' => [['limit' => '5'], 'Test', 'admin']], $sent);
    }

    public function testAHandlerThatThrowsIsANeutralAnswerAndALineInTheLog(): void
    {
        $login = ['action' => 'Test'] + issue_api_credential('admin');
        handle('Test', fn () => throw new RuntimeException('password of the database'));
        $this->assertRefusedWith(200, self::FAILED, $login);
        $this->assertStringContainsString('RuntimeException: password of the database', file_get_contents($this->log));
        $this->assertStringNotContainsString($login['secret'], file_get_contents($this->log));
        handle('Test', fn () => 'no array');
        $this->assertRefusedWith(200, self::FAILED, $login);
        handle('Test', function () { $a = ['result' => 'success']; return $a + ['me' => [&$a, 'deep' => self::cycle()]]; });
        $this->assertRefusedWith(200, self::FAILED, $login);
    }

    private static function cycle(): array
    {
        $cycle = [];
        $cycle['me'] = &$cycle;
        return $cycle;
    }

    public function testObjectsInAnAnswerAreWhatPhpsJsonMakesOfThem(): void
    {
        $login = ['action' => 'Test'] + issue_api_credential('admin');
        handle('Test', fn () => ['result' => 'success', 'o' => (object) ['a' => 1.0, 'b' => [null]], "k\xff" => "v\xff"]);
        $expected = ['result' => 'success', 'o' => ['a' => 1.0, 'b' => [null]], "k\u{fffd}" => "v\u{fffd}"];
        $this->assertAnswer(200, $expected, $login);
        $answer = ['o' => new stdClass(), 'l' => (object) ['x'], 'e' => [], 'd' => new DateTimeZone('UTC'), 'f' => fn () => 1];
        handle('Test', fn () => $answer);
        $body = '{"o":{},"l":{"0":"x"},"e":[],"d":{"timezone_type":3,"timezone":"UTC"},"f":{}}';
        self::assertSame($body, respond($login, self::SERVER)['body']);
        self::assertSame($body, json_encode($answer));
        $nested = ['outer' => ['inner' => [new stdClass(), 'x' => (object) ['a' => [1, 'b' => new stdClass()]]]]];
        handle('Test', fn () => $nested);
        self::assertSame(json_encode($nested), respond($login, self::SERVER)['body']);
        // A key that begins with a null byte is no property of an object.
        handle('Test', fn () => ['private' => (array) new class () { private $p = 1; }, 'o' => new stdClass()]);
        $private = json_decode(respond($login, self::SERVER)['body'], true)['private'];
        self::assertSame([1], array_values($private));
        foreach ([[], ['o' => new stdClass()]] as $more) {
            $deep = fn (int $arrays): array => ['deep' => array_reduce(range(1, $arrays - 1), fn ($deep) => [$deep])] + $more;
            handle('Test', fn () => $deep(256));
            self::assertSame(json_encode($deep(256)), respond($login, self::SERVER)['body']);
            handle('Test', fn () => $deep(257));
            $this->assertRefusedWith(200, self::FAILED, $login);
        }
        handle('Test', fn () => ['x' => [0.9769410844784887, 99.99 * 1.19, 1.5e300], 'o' => new stdClass()]);
        self::assertSame('{"x":[0.9769410844784887,118.98809999999999,1.5e+300],"o":{}}', respond($login, self::SERVER)['body']);
        handle('Test', fn () => [new stdClass()]);
        self::assertSame('[{}]', respond($login, self::SERVER)['body']);
    }

    public function testAHandlerMayRespondTo64Deep(): void
    {
        $login = ['action' => 'Test'] + issue_api_credential('admin');
        $calls = 0;
        handle('Test', function () use (&$calls, $login): array {
            $calls++;
            return json_decode(respond($login, self::SERVER)['body'], true);
        });
        $this->assertRefusedWith(200, 'The command "Test" was not run: handlers have called localAPI 64 deep.', $login);
        self::assertSame(64, $calls);
    }
}
