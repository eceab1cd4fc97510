<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\DataProvider;
use function LocalApi\issue_api_credential;

require_once __DIR__ . '/StoreTestCase.php';

/** public/includes/api.php under PHP's own web server, called with cURL. */
final class EntryPointTest extends StoreTestCase
{
    private const PUBLIC = __DIR__ . '/../../public';
    private const FAILED = '{"result":"error","message":"The command failed; the server\'s log says why."}';

    /**
     * A status, the content type and a body.
     *
     * @return array{int, string, string}
     */
    private static function ask(string $url, array|string $fields, array $options = []): array
    {
        $ch = curl_init($url);
        curl_setopt_array($ch, $options + [CURLOPT_POSTFIELDS => $fields, CURLOPT_RETURNTRANSFER => true]);
        $body = curl_exec($ch);
        $type = explode(';', (string) curl_getinfo($ch, CURLINFO_CONTENT_TYPE))[0];
        return [curl_getinfo($ch, CURLINFO_RESPONSE_CODE), $type, $body];
    }

    public function testFieldsMayComeInTheBodyOrTheQueryAndTheBodyWins(): void
    {
        $login = issue_api_credential('admin');
        $server = new Server(self::PUBLIC, self::place());
        $url = "http://{$server->address()}/includes/api.php";
        $create = ['action' => 'CreateOAuthCredential', 'grantType' => 'authorization_code', 'scope' => 'openid'];
        $in = fn (string $where, array $fields): array => $create + $login + $fields + ['name' => "In the $where"];
        $uris = ['redirectUri' => ['https://a.example/', 'https://b.example/']];
        self::assertSame(200, self::ask($url, http_build_query($in('body', $uris)))[0]);
        $uris = ['redirectUri[0]' => 'https://a.example/', 'redirectUri[1]' => 'https://b.example/'];
        self::assertSame(200, self::ask($url, $in('parts', $uris))[0]);
        self::assertSame(200, self::ask($url . '?' . http_build_query($in('query', ['redirectUri' => 'https://a.example/'])), '')[0]);
        $other = http_build_query(['name' => 'Not this', 'secret' => 'nor this'] + $in('query', []));
        self::assertSame(200, self::ask("$url?$other", http_build_query($in('body, too', [])))[0]);
        $rows = self::rows('SELECT name, redirect_uri FROM tbloauthserver_clients ORDER BY id');
        self::assertSame(['In the body', 'In the parts', 'In the query', 'In the body, too'], array_column($rows, 'name'));
        $both = 'https://a.example/ https://b.example/';
        self::assertSame([$both, $both, 'https://a.example/', ''], array_column($rows, 'redirect_uri'));
        $listed = self::ask("$url?action=GetNothing&7=x", http_build_query(['Action' => 'ListOAuthCredentials', 7 => 'y'] + $login));
        self::assertStringStartsWith('{"result":"success"', $listed[2], 'in any letter case');
    }

    public function testOnlyPostIsAccepted(): void
    {
        $login = http_build_query(issue_api_credential('admin') + ['action' => 'ListOAuthCredentials']);
        $server = new Server(self::PUBLIC, self::place());
        $url = "http://{$server->address()}/includes/api.php";
        $refusal = [405, 'application/json', '{"result":"error","message":"Only POST is accepted"}'];
        foreach (['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as $method) {
            self::assertSame($refusal, self::ask("$url?$login", $login, [CURLOPT_CUSTOMREQUEST => $method]), $method);
        }
        self::assertSame([405, 'application/json', ''], self::ask("$url?$login", '', [CURLOPT_POST => false, CURLOPT_NOBODY => true]));
    }

    public function testARequestThatPhpHasCutIsTooLarge(): void
    {
        $login = issue_api_credential('admin') + ['action' => 'ListOAuthCredentials'];
        $server = new Server(self::PUBLIC, ['display_errors' => 0, 'display_startup_errors' => 0] + self::place());
        $url = "http://{$server->address()}/includes/api.php";
        $refusal = [413, 'application/json', '{"result":"error","message":"The request is too large"}'];
        self::assertSame($refusal, self::ask($url, http_build_query($login + array_fill(0, 1_000, 'x'))));
        self::assertSame($refusal, self::ask($url . '?' . http_build_query(array_fill(0, 1_001, 'x')), $login));
        self::assertSame($refusal, self::ask($url, http_build_query($login) . '&a' . str_repeat('[b]', 65) . '=1'));
        self::assertSame($refusal, self::ask($url, http_build_query($login + ['a' => str_repeat('x', 9 << 20)])));
        $file = fn (string $content): array => $login + ['file' => new CURLStringFile($content, 'a.txt')];
        self::assertSame($refusal, self::ask($url, $file(str_repeat('x', 1 << 20))));
        self::assertSame(200, self::ask($url, $file('x'))[0]);
    }

    public function testARequestIsTooLargeWhateverPhpHasSaidOfItLast(): void
    {
        $login = issue_api_credential('admin') + ['action' => 'ListOAuthCredentials'];
        $many = array_combine(array_map(fn (int $i): string => "p$i", range(1, 1_100)), array_fill(0, 1_100, 'x'));
        $server = new Server(__DIR__, ['display_startup_errors' => 0] + self::place());
        $url = "http://{$server->address()}/hasty.php";
        self::assertSame(200, self::ask($url, $login)[0]);
        self::assertSame(413, self::ask($url, $login + $many)[0], 'in parts');
        self::assertSame(413, self::ask($url, http_build_query($login + $many))[0], 'encoded');
        $parts = [CURLOPT_HTTPHEADER => ['Content-Type: multipart/form-data']];
        self::assertSame(413, self::ask("$url?" . http_build_query($login + $many), 'x', $parts)[0], 'in the query');
    }

    public function testABodyOfUntoldLengthIsMeasured(): void
    {
        $login = issue_api_credential('admin') + ['action' => 'ListOAuthCredentials'];
        $server = new Server(self::PUBLIC, self::place());
        $url = "http://{$server->address()}/includes/api.php?" . http_build_query($login);
        foreach (['application/octet-stream', 'application/x-www-form-urlencoded'] as $type) {
            $chunked = [CURLOPT_HTTPHEADER => ["Content-Type: $type", 'Transfer-Encoding: chunked', 'Expect:']];
            self::assertSame(200, self::ask($url, 'a=' . str_repeat('x', 1_000), $chunked)[0], $type);
            self::assertSame(413, self::ask($url, 'a=' . str_repeat('x', 1 << 20), $chunked)[0], $type);
        }
    }

    public static function displays(): iterable
    {
        yield 'off' => [['display_errors' => 0]];
        yield 'text' => [['display_errors' => 1, 'html_errors' => 0]];
        yield 'HTML' => [['display_errors' => 1, 'html_errors' => 1, 'output_buffering' => 0, 'implicit_flush' => 1]];
        yield 'stderr' => [['display_errors' => 'stderr']];
    }

    /** @dataProvider displays */
    #[DataProvider('displays')]
    public function testNothingStandsBeforeOrBehindAnAnswer(array $display): void
    {
        $login = issue_api_credential('admin');
        $server = new Server(__DIR__, $display + ['error_reporting' => -1, 'display_startup_errors' => 0] + self::place());
        $url = "http://{$server->address()}/noisy.php";
        $ask = fn (string $action, string $type): array => self::ask($url, $login + ['action' => $action, 'responsetype' => $type]);
        $bodies = [
            'Print' => ['{"result":"success"}', '<result>success</result>', 'result=success;'],
            'Complain' => ['{"result":"success","undefined":null}', '<result>success</result><undefined></undefined>', 'result=success;undefined=;'],
        ];
        $bodies['Insist'] = $bodies['Complain'];
        foreach ($bodies as $action => [$json, $xml, $nvp]) {
            self::assertSame([200, 'application/json', $json], $ask($action, 'json'));
            [$status, $type, $body] = $ask($action, 'xml');
            self::assertSame([200, 'application/xml'], [$status, $type]);
            $lower = strtolower($action);
            $pattern = '~^<\?xml version="1\.0" encoding="utf-8"\?>\n<whmcsapi version="[\d.]+"><action>' . $lower . "</action>$xml</whmcsapi>$~D";
            self::assertMatchesRegularExpression($pattern, $body);
            self::assertSame([200, 'text/plain', $nvp], $ask($action, 'nvp'));
        }
        self::assertSame([200, 'application/json', self::FAILED], $ask('Throw', 'json'));
    }

    public function testAScriptThatDiesWithoutAnAnswerSaysSoAndNothingElse(): void
    {
        $login = issue_api_credential('admin');
        $server = new Server(__DIR__, ['display_errors' => 1, 'display_startup_errors' => 0] + self::place());
        foreach (['Exit', 'Fail'] as $action) {
            [$status, , $body] = self::ask("http://{$server->address()}/noisy.php", $login + ['action' => $action]);
            self::assertSame([500, ''], [$status, $body], $action);
        }
    }
}
