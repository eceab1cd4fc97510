<?php

declare(strict_types=1);

namespace LocalApi\Endurance;

use CurlHandle;
use DOMDocument;
use PDO;
use PHPUnit\Framework\Attributes\DataProvider;

require_once __DIR__ . '/AnyRequest.php';
require_once __DIR__ . '/Processes.php';

/**
 * nginx and php-fpm with eight workers, under load and abuse.
 */
final class HttpTest extends Processes
{
    private const WORKERS = 8;
    private const CONNECTIONS = 16;

    /** What wrk has seen that is neither a credential nor a list. */
    private array $others = [];

    /** Web servers for the PHP at hand: one with threads has no module of the distribution's. */
    public static function kinds(): iterable
    {
        yield 'nginx with php-fpm' => ['nginx'];
        if (PHP_ZTS) {
            yield 'Apache with threads' => ['Apache with threads'];
        }
    }

    /** @dataProvider kinds */
    #[DataProvider('kinds')]
    public function testCreatesAndListsUnderLoadAreNeitherLostNorDoubled(string $kind): void
    {
        [$server, $fpm, $login] = $this->serve(['localapi.busy_timeout' => 60_000], $kind);
        $answers = $this->answersUnderLoad($server, $login, self::amount(5, 60));
        self::assertSame([], $this->others);
        ($fpm ?? $server)->kill();
        $this->assertKept($answers);
        // What wrk no longer waited for.
        $unheard = (int) $this->connect()->query('SELECT count(*) FROM tbloauthserver_clients')->fetchColumn() - count($answers);
        self::assertGreaterThanOrEqual(0, $unheard);
        self::assertLessThanOrEqual(self::CONNECTIONS, $unheard, file_get_contents("$this->scratch/answers/wrk"));
        self::assertSame([], $fpm === null ? [] : self::complaints($fpm));
    }

    /** @dataProvider kinds */
    #[DataProvider('kinds')]
    public function testAnEntryThatMakesNoSenseIsToldOnce(string $kind): void
    {
        [$server, , $login] = $this->serve(['localapi.dsn' => 'nonsense'], $kind);
        $statuses = [];
        $fields = http_build_query($login + ['action' => 'ListOAuthCredentials']);
        $next = fn (): array => [CURLOPT_POSTFIELDS => $fields];
        $this->askAll($server, 64, $next, function (CurlHandle $ch) use (&$statuses): void {
            $statuses[] = curl_getinfo($ch, CURLINFO_RESPONSE_CODE);
        });
        self::assertSame([503], array_values(array_unique($statuses)));
        $said = file_get_contents("$this->folder/php.log");
        self::assertSame(1, substr_count($said, 'The value of localapi.dsn is invalid'), $said);
    }

    public function testAWorkerThatIsKilledTakesNoAnswerAlong(): void
    {
        [$server, $fpm, $login] = $this->serve(['localapi.busy_timeout' => 60_000]);
        $killed = 0;
        $kill = function () use ($fpm, &$killed): void {
            usleep(random_int(20_000, 200_000));
            $workers = array_filter($fpm->workers());
            $killed += $workers !== [] && posix_kill($workers[array_rand($workers)], SIGKILL) ? 1 : 0;
        };
        $answers = $this->answersUnderLoad($server, $login, self::amount(5, 60), $kill);
        self::assertGreaterThan(self::amount(10, 200), $killed);
        // What nginx makes of a worker that ends before its answer, or right after it: then it keeps the body to itself.
        self::assertSame([], preg_grep('/^(?:502 |200 $)/', $this->others, PREG_GREP_INVERT));
        self::assertLessThanOrEqual($killed, count($this->others));
        self::assertSame(200, $this->ask($server, $login + ['action' => 'ListOAuthCredentials', 'limit' => 1]));
        $fpm->kill();
        $this->assertKept($answers);
        $ends = preg_grep('/exited on signal 9 \(SIGKILL\)/', self::complaints($fpm), PREG_GREP_INVERT);
        self::assertSame([], $ends);
    }

    public function testAnyBodyIsAnswered(): void
    {
        [$server, $fpm, $login] = $this->serve(['localapi.durability' => 'normal', 'localapi.busy_timeout' => 60_000]);
        mt_srand($seed = random_int(0, PHP_INT_MAX));
        $statuses = [];
        $this->askAll($server, self::amount(4_000, 300_000), fn (): array => AnyRequest::options($server->url(), $login), function (CurlHandle $ch, string $body) use (&$statuses, $seed): void {
            $status = curl_getinfo($ch, CURLINFO_RESPONSE_CODE);
            $type = (string) curl_getinfo($ch, CURLINFO_CONTENT_TYPE);
            self::assertTrue(self::isWhole($type, $body), "$status $type: $body (seed $seed)");
            $statuses[$status] = ($statuses[$status] ?? 0) + 1;
        });
        ksort($statuses);
        self::assertSame([200, 400, 403, 405, 413, 415], array_keys($statuses), json_encode($statuses) . " (seed $seed)");
        self::assertSame([], self::complaints($fpm));
        $said = preg_grep('/ in Unknown on line 0$/', file("$this->folder/php.log"), PREG_GREP_INVERT);
        self::assertSame([], $said, "(seed $seed)");
        self::assertSame('ok', $this->connect()->query('PRAGMA integrity_check')->fetchColumn());
    }

    public function testWorkersThatRefuseAtOnceWriteTenLinesAMinute(): void
    {
        [$server] = $this->serve(['localapi.busy_timeout' => 60_000]);
        $wrong = ['identifier' => 'sent-name', 'secret' => 'sent-secret', 'action' => 'ListOAuthCredentials'];
        for ($i = 0; $i < 5; $i++) {
            self::assertSame(403, $this->ask($server, $wrong));
        }
        $statuses = $this->statusesOfWaiting($server, $wrong);
        self::assertSame(array_fill(0, self::WORKERS, 403), $statuses);
        $lines = $this->connect()->query("SELECT * FROM tblactivitylog WHERE ipaddr = '127.0.0.1'")->fetchAll(PDO::FETCH_ASSOC);
        self::assertCount(10, $lines);
        self::assertStringNotContainsString('sent-', json_encode($lines));
    }

    public function testWorkersThatAreCalledAtOnceNoteOneAccessAMinute(): void
    {
        [$server, , $login] = $this->serve(['localapi.busy_timeout' => 60_000]);
        $store = $this->connect();
        $store->exec('CREATE TABLE history (time TEXT)');
        $store->exec('CREATE TRIGGER keep_history AFTER UPDATE OF last_access ON tbldeviceauth
            BEGIN INSERT INTO history VALUES (new.last_access); END');
        $statuses = $this->statusesOfWaiting($server, $login + ['action' => 'ListOAuthCredentials']);
        self::assertSame(array_fill(0, self::WORKERS, 200), $statuses);
        self::assertCount(1, $store->query('SELECT * FROM history')->fetchAll());
    }

    /**
     * A web server, its php-fpm where it needs one, and a login.
     *
     * @param array<string, string|int> $ini
     * @return array{WebServer, ?Fpm, array{identifier: string, secret: string}}
     */
    private function serve(array $ini, string $kind = 'nginx'): array
    {
        $login = $this->login();
        $log = ['log_errors' => 1, 'error_log' => "$this->folder/php.log", 'display_errors' => 1, 'display_startup_errors' => 1];
        if ($kind === 'Apache with threads') {
            $log = ['display_errors' => 0, 'display_startup_errors' => 0] + $log;
        }
        touch("$this->folder/php.log");
        chown("$this->folder/php.log", self::NOBODY);
        if ($kind !== 'nginx') {
            return [$this->startWebServer($kind, $ini + $log), null, $login];
        }
        $fpm = $this->startFpm(self::WORKERS, $ini + $log);
        return [$this->startWebServer($kind), $fpm, $login];
    }

    /**
     * Lets wrk create and list for so many seconds.
     *
     * @param array<string, string> $login
     * @param ?callable(): void $meanwhile is called until then
     * @return list<array<string, mixed>> what it was told of credentials
     */
    private function answersUnderLoad(WebServer $server, array $login, int $seconds, ?callable $meanwhile = null): array
    {
        $folder = "$this->scratch/answers";
        mkdir($folder);
        $command = ['wrk', '-t', '2', '-c', self::CONNECTIONS, '-d', "{$seconds}s", '--timeout', '30s', '-s', __DIR__ . '/load.lua',
            $server->url(), '--', http_build_query($login), $folder];
        $output = ["$folder/wrk", 'w'];
        $process = proc_open(array_map('strval', $command), [1 => ['file', ...$output], 2 => ['file', ...$output]], $pipes);
        while (proc_get_status($process)['running']) {
            $meanwhile !== null ? $meanwhile() : usleep(10_000);
        }
        proc_close($process);
        self::assertStringContainsString('requests in', file_get_contents("$folder/wrk"));
        $lines = array_merge(...array_map(static fn (string $file): array => file($file, FILE_IGNORE_NEW_LINES), glob("$folder/answers.*")));
        $this->others = array_values(preg_grep('/^\{/', $lines, PREG_GREP_INVERT));
        $answers = array_map(static fn (string $line): array => json_decode($line, true, 8, JSON_THROW_ON_ERROR), preg_grep('/^\{/', $lines));
        self::assertGreaterThan(20 * $seconds, count($answers), file_get_contents("$folder/wrk"));
        return array_values($answers);
    }

    /**
     * The statuses of one request for each worker, where all of them want to write before the first can.
     *
     * @param array<string, string> $fields
     * @return list<int>
     */
    private function statusesOfWaiting(WebServer $server, array $fields): array
    {
        $other = $this->connect();
        $other->exec('BEGIN IMMEDIATE');
        // Long enough for all of them to have looked, and to wait for the lock.
        $until = hrtime(true) + 500_000_000;
        $release = static function () use ($until, &$other): void {
            if ($other !== null && hrtime(true) > $until) {
                $other->exec('ROLLBACK');
                $other = null;
            }
        };
        $statuses = [];
        $next = fn (): array => [CURLOPT_POSTFIELDS => http_build_query($fields)];
        $note = function (CurlHandle $ch) use (&$statuses): void {
            $statuses[] = curl_getinfo($ch, CURLINFO_RESPONSE_CODE);
        };
        $this->askAll($server, self::WORKERS, $next, $note, $release);
        return $statuses;
    }

    /**
     * Sends requests, as many at once as there are workers.
     *
     * @param callable(): array<int, mixed> $next the options of a request
     * @param callable(CurlHandle, string): void $answered
     * @param ?callable(): void $meanwhile
     */
    private function askAll(WebServer $server, int $count, callable $next, callable $answered, ?callable $meanwhile = null): void
    {
        $multi = curl_multi_init();
        $send = static function (CurlHandle $ch) use ($multi, $server, $next): void {
            curl_reset($ch);
            curl_setopt_array($ch, $next() + [CURLOPT_URL => $server->url(), CURLOPT_RETURNTRANSFER => true, CURLOPT_POST => true]);
            curl_multi_add_handle($multi, $ch);
        };
        for ($sent = 0; $sent < min($count, self::WORKERS); $sent++) {
            $send(curl_init());
        }
        for ($running = 1; $running > 0;) {
            curl_multi_exec($multi, $running);
            while ($done = curl_multi_info_read($multi)) {
                $ch = $done['handle'];
                self::assertSame(CURLE_OK, $done['result'], curl_strerror($done['result']));
                $answered($ch, (string) curl_multi_getcontent($ch));
                curl_multi_remove_handle($multi, $ch);
                if ($sent < $count) {
                    $sent++;
                    $running++;
                    $send($ch);
                }
            }
            if ($meanwhile !== null) {
                $meanwhile();
                usleep(1_000);
            } elseif ($running > 0) {
                curl_multi_select($multi, 0.1);
            }
        }
    }

    /** @param array<string, string> $fields */
    private function ask(WebServer $server, array $fields): int
    {
        $ch = curl_init($server->url());
        curl_setopt_array($ch, [CURLOPT_POSTFIELDS => http_build_query($fields), CURLOPT_RETURNTRANSFER => true]);
        curl_exec($ch);
        return curl_getinfo($ch, CURLINFO_RESPONSE_CODE);
    }

    /** @return list<string> what php-fpm says beside that it has started and ended processes */
    private static function complaints(Fpm $fpm): array
    {
        return array_values(preg_grep('/^$|\] NOTICE: /', explode("\n", $fpm->log()), PREG_GREP_INVERT));
    }

    /** Whether a body is one of ours from its first byte to its last. */
    private static function isWhole(string $type, string $body): bool
    {
        return match ($type) {
            'application/json; charset=utf-8' => is_array(json_decode($body, true)),
            'application/xml; charset=utf-8' => (new DOMDocument())->loadXML($body, LIBXML_NONET),
            'text/plain; charset=utf-8' => preg_match('/^result=(?:success|error);.*;$|^result=success;$/sDu', $body) === 1,
            default => false,
        };
    }
}
