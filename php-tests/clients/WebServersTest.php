<?php

declare(strict_types=1);

use LocalApi\Endurance\Processes;
use LocalApi\Endurance\WebServer;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\Group;

require_once __DIR__ . '/../endurance/Processes.php';
require_once __DIR__ . '/Client.php';

/** docs/http.md, taken at its word. */
final class WebServersTest extends Processes
{
    /** What a server in development says, so that there is something to keep out of an answer. */
    private const LOUD = ['display_errors' => 1, 'display_startup_errors' => 1, 'html_errors' => 1];

    public static function servers(): iterable
    {
        yield 'nginx with php-fpm' => ['nginx'];
        yield 'Apache with php-fpm' => ['Apache with php-fpm'];
    }

    /** @dataProvider servers */
    #[DataProvider('servers')]
    public function test_a_server_configured_as_documented_answers(string $kind): void
    {
        $this->startFpm(2, self::LOUD);
        $this->assertAnswers($kind);
    }

    /** @group apache-module */
    #[Group('apache-module')]
    public function test_apache_with_its_module_configured_as_documented_answers(): void
    {
        $this->assertAnswers('Apache with its module');
    }

    private function assertAnswers(string $kind): void
    {
        $login = $this->login();
        $server = $this->startWebServer($kind, self::LOUD);
        foreach (['json', 'xml'] as $format) {
            $client = new CurlClient($server->url(), $login, $format);
            $answer = $client->ask('CreateOAuthCredential', ['grantType' => 'authorization_code', 'name' => 'Shop', 'scope' => self::SCOPES]);
            self::assertSame('success', ((array) $answer)['result'] ?? $answer);
            $answers[] = ['credentialId' => (int) $answer['credentialId']] + $answer;
        }
        $this->assertKept($answers, 2);

        $refused = fn (int $status, string $message): string => $status . json_encode(['result' => 'error', 'message' => $message]);
        self::assertSame($refused(405, 'Only POST is accepted'), $this->ask($server, [CURLOPT_HTTPGET => true]));
        // PHP says of each of these, before the script starts, that it has dropped something.
        $many = http_build_query($login + array_fill(0, 1_100, 'x'));
        self::assertSame($refused(413, 'The request is too large'), $this->ask($server, [CURLOPT_POSTFIELDS => $many]));
        $parts = $login + array_combine(array_map(fn (int $i): string => "p$i", range(1, 1_100)), array_fill(0, 1_100, 'x'));
        self::assertSame($refused(413, 'The request is too large'), $this->ask($server, [CURLOPT_POSTFIELDS => $parts]));
        $deep = http_build_query($login) . '&description' . str_repeat('[a]', 65) . '=x';
        self::assertSame($refused(413, 'The request is too large'), $this->ask($server, [CURLOPT_POSTFIELDS => $deep]));
        $long = http_build_query($login + ['description' => str_repeat('x', 1 << 20)]);
        self::assertSame($refused(413, 'The request is too large'), $this->ask($server, [CURLOPT_POSTFIELDS => $long]));
        $headers = ['X-Forwarded-For: 203.0.113.9', 'Forwarded: for=203.0.113.9', 'Client-IP: 203.0.113.9'];
        $nothing = $this->ask($server, [CURLOPT_POSTFIELDS => http_build_query($login), CURLOPT_HTTPHEADER => $headers]);
        self::assertSame($refused(400, 'Empty action request'), $nothing);
    }

    /** A status and a body, which must say that it's JSON and not to be kept. */
    private function ask(WebServer $server, array $options): string
    {
        $ch = curl_init($server->url());
        $headers = [];
        curl_setopt_array($ch, $options + [
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_HEADERFUNCTION => function ($ch, string $line) use (&$headers): int {
                [$name, $value] = explode(':', $line, 2) + [1 => ''];
                $headers[strtolower($name)] = trim($value);
                return strlen($line);
            },
        ]);
        $body = curl_exec($ch);
        $said = array_intersect_key($headers, ['content-type' => 1, 'cache-control' => 1]);
        ksort($said);
        $expected = ['cache-control' => 'no-store', 'content-type' => 'application/json; charset=utf-8'];
        self::assertSame($expected, $said, $body);
        return curl_getinfo($ch, CURLINFO_RESPONSE_CODE) . $body;
    }

    public function test_a_credential_is_issued_and_used_on_the_command_line_as_documented(): void
    {
        $issue = str_replace('/var/lib/localapi/store.sqlite', $this->store, WebServer::documented('sh', 0), $changed);
        self::assertSame(1, $changed);
        $printed = $this->runAsOwner(['sh', '-ec', $issue]);
        preg_match_all('/\[(?:identifier|secret)\] => (\w{32})$/m', $printed, $login);
        self::assertCount(2, $login[1], $printed);

        $this->startFpm(1);
        $server = $this->startWebServer('nginx');
        $curl = str_replace('https://example.com/includes/api.php', $server->url(), WebServer::documented('sh', 1), $changed);
        self::assertSame(1, $changed);
        $curl = preg_replace_callback('/…/u', function () use (&$login): string { return array_shift($login[1]); }, $curl);
        $answer = json_decode($this->runAsOwner(['sh', '-ec', "exec 2>/dev/null\n$curl"]), true);
        self::assertSame('success', $answer['result'] ?? null, json_encode($answer));
        $scopes = $this->connect()->query('SELECT count(*) FROM tbloauthserver_client_scopes')->fetchColumn();
        self::assertSame(2, (int) $scopes);
    }

    public function test_a_script_of_the_host_answers_other_actions_as_documented(): void
    {
        $script = str_replace('/srv/localapi', $this->scratch, "<?php\n" . WebServer::documented('php', 0), $changed);
        self::assertSame(1, $changed);
        $this->makeFolder("$this->scratch/own", 0, 0755);
        $this->makeFolder("$this->scratch/own/includes", 0, 0755);
        file_put_contents("$this->scratch/own/includes/api.php", $script);
        $login = $this->login();
        $this->startFpm(1);
        $client = new CurlClient($this->startWebServer('nginx', [], 'own')->url(), $login, 'json');
        self::assertSame(['result' => 'success', 'clients' => []], $client->ask('GetClients'));
        self::assertSame(['result' => 'success', 'clients' => []], $client->ask('ListOAuthCredentials'));
        self::assertSame('200 The requested command "GetUsers" was not found.', $client->ask('GetUsers'));
    }
}
