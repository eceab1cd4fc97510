<?php

declare(strict_types=1);

/*
 * Measures the extension against PHP code that does the same (peer.php), both in this run, and prints a table of ratios.
 *
 * php benches/run.php [library]
 *
 * Needs valgrind, php-fpm, strace, MariaDB and PHP's pdo_sqlite, pdo_mysql, sodium and sqlite3; what is missing is left
 * out.
 */

require __DIR__ . '/bench.php';
require __DIR__ . '/fastcgi.php';

final class Ratios extends Bench
{
    private const MARIADB = __DIR__ . '/../php-tests/mariadb';

    /** A MariaDB, whose own user has to enter it. */
    private string $server;
    /** @var array<string, float>|null the processor time of requests to php-fpm */
    private ?array $requests = null;

    public function __construct(string $library)
    {
        parent::__construct($library);
        $this->server = "$this->disk.mariadb";
    }

    protected function print(): void
    {
        $less = 'less is better';
        $more = 'more is better';
        $rows = [
            ['instructions of a warm create, in memory', fn (): float => $this->warmCall(':memory:'), $less, 'at most 0.50'],
            ['the same on a file', fn (): float => $this->warmCall("$this->memory/warm"), $less, 'at most 0.60'],
            ['bytes that a create writes into the log', $this->bytesOfACreate(...), $less, 'at most 14,336'],
            ['lock calls of a create, on a file', fn (): float => $this->lockCalls('localapi'), $less, 'at most 7'],
            ['the same in PHP', fn (): float => $this->lockCalls('peer'), $less, ''],
            ['processor time of a php-fpm request that creates', fn (): float => $this->request('create', false), $less, ''],
            ['the same without that of an empty request', fn (): float => $this->request('create', true), $less, 'at most 0.18'],
            ['processor time of a php-fpm request that verifies', fn (): float => $this->request('verify', false), $less, ''],
            ['the same without that of an empty request', fn (): float => $this->request('verify', true), $less, 'at most 0.20'],
            ['credentials per second, durable, on disk', $this->durable(...), $more, 'at least 1.10'],
            ['credentials per second over HTTP, 8 workers', $this->overHttp(...), $more, 'at least 2.50'],
            ['credentials per second at MariaDB, 1 ms away', fn (): float => $this->atServer(1, 100, 1), $more, 'at least 3.00'],
            ['credentials per second at MariaDB, 16 processes', fn (): float => $this->atServer(16, 100, 0), $more, ''],
            ['credentials per second at MariaDB, 64 processes', fn (): float => $this->atServer(64, 40, 0), $more, ''],
            ['processor time of verifying a secret', fn (): float => $this->found('verify', 2_000), $less, 'at most 0.50'],
            ['processor time of finding a credential', fn (): float => $this->found('find', 2_000), $less, 'at most 1.00'],
            ['processor time of resetting a secret', fn (): float => $this->found('rotate', 1_000), $less, ''],
            ['processor time of creating one in 100,000', fn (): float => $this->found('create', 1_000), $less, ''],
            ['processor time of listing 100 of 100,000', fn (): float => $this->found('list', 50), $less, 'at most 0.18'],
            ['creating into 1,000,000, to an empty store', fn (): float => $this->growth('localapi'), $less, 'at most 1.30'],
            ['the same in PHP', fn (): float => $this->growth('peer'), $less, ''],
            ['megabytes that reading 1,000,000 in pages adds', $this->pages(...), $less, 'at most 1'],
            ['instructions of refusing an unknown identifier', fn (): float => $this->refusal('identifier', 'secret', 1_000), '', ''],
            ['the same of an unknown admin name', fn (): float => $this->refusal('admin', 'password', 2), '', '1.00'],
            ['instructions of loading, to those of sqlite3', $this->loadInstructions(...), $less, 'at most 1.30'],
            ['time of loading, to that of sqlite3', $this->loadTime(...), $less, 'at most 1.30'],
            ['files, sockets and threads that loading opens', $this->opened(...), $less, '0'],
        ];
        $extensions = $this->extensionsOfServer();
        echo "php-fpm has these extensions: ", implode(', ', $extensions), ' (', count($extensions), ")\n";
        printf("%-51s %10s   %-16s %s\n", '', 'ours/PHP', '', 'to reach');
        foreach ($rows as [$what, $measure, $better, $goal]) {
            try {
                $found = $measure();
                $found = is_int($found) ? number_format($found) : sprintf('%.2f', $found);
            } catch (Missing $missing) {
                $found = $missing->getMessage();
            }
            echo rtrim(sprintf('%-51s %10s   %-16s %s', $what, $found, $better, $goal)), "\n";
        }
    }

    protected function remove(): void
    {
        if (is_dir($this->server)) {
            self::run([self::MARIADB, 'stop', $this->server]);
            array_map(unlink(...), glob("$this->server/*"));
            rmdir($this->server);
        }
        parent::remove();
    }

    private function warmCall(string $store): float
    {
        return $this->instructionsOfCall('localapi', $store) / $this->instructionsOfCall('peer', $store);
    }

    /** What more calls take more: the start takes as long in both runs. */
    private function instructionsOfCall(string $by, string $store): float
    {
        $run = fn (int $calls): int => $this->instructions($this->calls($by, $calls, $this->fresh($store, "$by.$calls")));
        return ($run(2500) - $run(500)) / 2000;
    }

    /** How often a create asks the kernel for a lock of a file, or gives it back. */
    private function lockCalls(string $by): float
    {
        $run = function (int $calls) use ($by): int {
            $trace = "$this->memory/trace";
            self::run([self::tool('strace'), '-f', '-qq', '-e', 'trace=fcntl,flock', '-o', $trace,
                ...$this->calls($by, $calls, $this->fresh("$this->memory/locks", "$by.$calls"))]);
            return count(preg_grep('/F_(OFD_)?SETLK|flock/', file($trace)));
        };
        return ($run(600) - $run(100)) / 500;
    }

    /** A new store of this name, unless it is in memory. */
    private function fresh(string $store, string $suffix): string
    {
        if ($store === ':memory:') {
            return $store;
        }
        $this->copyStore("$store.$suffix");
        return "$store.$suffix";
    }

    /** @return list<string> */
    private function calls(string $by, int $count, string $store): array
    {
        return [...$this->php($this->library), '-d', "localapi.dsn=sqlite:$store", __DIR__ . '/calls.php', $by,
            (string) $count, $store, $this->tables];
    }

    /** Reading from a store of 100,000. */
    private function found(string $what, int $count): float
    {
        $store = "$this->memory/large";
        $this->fill($store, 100_000);
        $taken = ['localapi' => [], 'peer' => []];
        for ($round = 0; $round < 15; $round++) {
            foreach (array_keys($taken) as $by) {
                $taken[$by][] = (float) self::run($this->life($by, $what, $count, $store));
            }
        }
        return self::median($taken['localapi']) / self::median($taken['peer']);
    }

    /** What creating in a large store takes, to what it takes in a small one. */
    private function growth(string $by): float
    {
        $stores = ['large' => "$this->disk/million", 'small' => "$this->disk/$by.empty"];
        $this->fill($stores['large'], 1_000_000);
        $this->fill($stores['small'], 1);
        $taken = ['large' => [], 'small' => []];
        for ($round = 0; $round < 15; $round++) {
            foreach ($stores as $size => $store) {
                $taken[$size][] = (float) self::run($this->life($by, 'create', 1_000, $store));
            }
        }
        return self::median($taken['large']) / self::median($taken['small']);
    }

    /** By how many megabytes a process grows that reads a large store page by page. */
    private function pages(): float
    {
        $store = "$this->disk/million";
        $this->fill($store, 1_000_000);
        return (float) self::run([...$this->php($this->library), '-d', "localapi.dsn=sqlite:$store",
            __DIR__ . '/grown.php', 'pages']);
    }

    /** Refusing what is unknown, to refusing what is wrong: who calls should not be able to tell them apart. */
    private function refusal(string $unknown, string $wrong, int $count): float
    {
        $taken = [];
        foreach (["unknown $unknown", "wrong $wrong"] as $what) {
            foreach ([$count, 2 * $count] as $calls) {
                $store = "$this->memory/$what.$calls";
                $taken[] = $this->instructions([...$this->php($this->library), '-d', "localapi.dsn=sqlite:$store",
                    __DIR__ . '/refuse.php', $what, (string) $calls, $store]);
            }
        }
        return ($taken[1] - $taken[0]) / ($taken[3] - $taken[2]);
    }

    /** @return list<string> */
    private function life(string $by, string $what, int $count, string $store): array
    {
        return [...$this->php($this->library), '-d', "localapi.dsn=sqlite:$store", '-d', 'localapi.durability=normal',
            __DIR__ . '/life.php', $by, $what, (string) $count, $store];
    }

    /** Makes a store of so many credentials, unless it is there. */
    private function fill(string $store, int $count): void
    {
        if (!file_exists($store)) {
            self::run([...$this->php($this->library), '-d', "localapi.dsn=sqlite:$store",
                '-d', 'localapi.durability=normal', __DIR__ . '/calls.php', 'localapi', (string) $count, $store, $store]);
        }
    }

    private function durable(): float
    {
        $seconds = ['localapi' => [], 'peer' => []];
        foreach (array_keys($seconds) as $by) {
            $this->copyStore("$this->disk/$by");
        }
        for ($round = 0; $round < 15; $round++) {
            foreach (array_keys($seconds) as $by) {
                $seconds[$by][] = $this->seconds($by, 200, "$this->disk/$by");
            }
        }
        return self::median($seconds['peer']) / self::median($seconds['localapi']);
    }

    /** Creates per second of so many processes at a server that flushes, behind so many milliseconds each way. */
    private function atServer(int $processes, int $count, int $milliseconds): float
    {
        self::tool('mariadbd');
        self::module('pdo_mysql');
        if (!is_dir($this->server)) {
            self::run([self::MARIADB, 'start', $this->server, '--innodb-flush-log-at-trx-commit=1',
                '--innodb-flush-method=fsync', '--innodb-doublewrite=1']);
        }
        $direct = (int) file_get_contents("$this->server/port");
        $network = proc_open(
            [PHP_BINARY, '-n', ...self::load(...self::shared('sockets')), __DIR__ . '/delay.php', (string) $direct,
                (string) $milliseconds],
            [['pipe', 'r'], ['pipe', 'w']],
            $pipes,
        );
        $port = $milliseconds === 0 ? $direct : (int) fgets($pipes[1]);
        $taken = ['localapi' => [], 'peer' => []];
        for ($round = 0; $round < 7; $round++) {
            foreach (array_keys($taken) as $by) {
                // Each has a database of its own, which the extension makes.
                $command = fn (string $who, int $count, int $port): array => [
                    ...$this->php(...self::shared('mysqlnd', 'pdo_mysql'), ...[$this->library]),
                    '-d', "localapi.dsn='mysql://localapi:pass%3Aw%40rd@127.0.0.1:$port/bench_$by'",
                    '-d', "localapi.key_file=$this->tables.key", '-d', 'localapi.busy_timeout=60000',
                    __DIR__ . '/calls.php', $who, (string) $count,
                    "mysql:host=127.0.0.1;port=$port;dbname=bench_$by;charset=utf8mb4;user=localapi;password=pass:w@rd",
                    $this->tables,
                ];
                if ($round === 0) {
                    self::run(['mariadb', '--no-defaults', '--socket=' . trim(file_get_contents("$this->server/socket")),
                        '--user=root', '-e', "CREATE DATABASE IF NOT EXISTS bench_$by"]);
                    self::run($command('localapi', 1, $direct));
                }
                $taken[$by][] = self::longest(array_fill(0, $processes, $command($by, $count, $port)));
            }
        }
        fclose($pipes[0]);
        proc_close($network);
        return self::median($taken['peer']) / self::median($taken['localapi']);
    }

    /**
     * The longest that any of these takes, which begin together.
     *
     * @param list<list<string>> $commands
     */
    private static function longest(array $commands): float
    {
        // Until then all have started and logged in.
        $begin = (string) (microtime(true) + 1 + count($commands) / 10);
        $running = [];
        foreach ($commands as $command) {
            $process = proc_open([...$command, $begin], [['file', '/dev/null', 'r'], ['pipe', 'w'], ['pipe', 'w']], $pipes);
            $running[] = [$process, $pipes];
        }
        $longest = 0.0;
        foreach ($running as [$process, $pipes]) {
            [$output, $errors] = [stream_get_contents($pipes[1]), stream_get_contents($pipes[2])];
            if (proc_close($process) !== 0) {
                throw new RuntimeException("$output$errors");
            }
            $longest = max($longest, (float) $output);
        }
        return $longest;
    }

    /** What a request takes, with all that PHP does for it or without. */
    private function request(string $what, bool $alone): float
    {
        $this->requests ??= $this->measureRequests();
        $empty = $alone ? $this->requests['empty'] : 0;
        return ($this->requests["localapi $what"] - $empty) / ($this->requests["peer $what"] - $empty);
    }

    /** @return array<string, float> */
    private function measureRequests(): array
    {
        foreach (['localapi', 'peer'] as $by) {
            $this->copyStore("$this->memory/$by");
        }
        // As on a server with more than one worker: the peer's connection is not the last one on the file, which would
        // have to tidy up after each request.
        $other = new PDO("sqlite:$this->memory/peer");
        $other->query('SELECT count(*) FROM tbladmins')->fetchAll();
        return $this->withFpm(1, "$this->memory/localapi", $this->requests(...));
    }

    /**
     * What a server's PHP has: those that the INI files of this one load.
     *
     * @return list<string>
     */
    private function extensionsOfServer(): array
    {
        $loaded = array_map(strtolower(...), get_loaded_extensions());
        // The last one is loaded by the bench itself.
        $shared = array_diff(self::shared(...$loaded), ['localapi', 'zend opcache']);
        return array_values(array_unique([...self::shared('ctype', 'pdo', 'pdo_sqlite', 'sodium'), ...$shared]));
    }

    /** Creates through the entry point, as many at once as there are workers. */
    private function overHttp(): float
    {
        $login = json_decode(self::run([...$this->php($this->library), '-d', "localapi.dsn=sqlite:$this->tables",
            '-r', 'LocalApi\register_service(1, 1); echo json_encode(LocalApi\issue_api_credential("admin"));']), true);
        foreach (['localapi', 'peer'] as $by) {
            $this->copyStore("$this->disk/$by.http");
        }
        $other = new PDO("sqlite:$this->disk/peer.http");
        $other->query('SELECT count(*) FROM tbladmins')->fetchAll();
        $scripts = ['localapi' => dirname(__DIR__) . '/public/includes/api.php', 'peer' => __DIR__ . '/api.php'];
        $measure = function (FastCgi $server) use ($login, $scripts): float {
            $seconds = array_fill_keys(array_keys($scripts), []);
            for ($round = 0; $round < 16; $round++) {
                foreach ($scripts as $by => $script) {
                    $variables = ['SCRIPT_FILENAME' => $script, 'REMOTE_ADDR' => '127.0.0.1',
                        'LOCALAPI_BENCH_STORE' => "$this->disk/peer.http"];
                    $begin = hrtime(true);
                    $answers = $server->post($variables, $login + ['action' => 'CreateOAuthCredential'] + REQUEST, 200, 8);
                    $seconds[$by][] = hrtime(true) - $begin;
                    foreach ($answers as $answer) {
                        if (!str_starts_with($answer, '{"result":"success","credentialId":')) {
                            throw new RuntimeException("$by: $answer");
                        }
                    }
                }
            }
            // The first round opens the store in each worker.
            array_walk($seconds, static fn (array &$taken): mixed => array_shift($taken));
            return self::median($seconds['peer']) / self::median($seconds['localapi']);
        };
        return $this->withFpm(8, "$this->disk/localapi.http", $measure);
    }

    /** @param callable(FastCgi): float $measure */
    private function withFpm(int $workers, string $store, callable $measure): mixed
    {
        // That of this PHP: beside it and with the same end of its name.
        $php = realpath(PHP_BINARY);
        $binary = dirname($php, 2) . '/sbin/php-fpm' . substr(basename($php), strlen('php'));
        is_executable($binary) || throw new Missing("no $binary");
        $socket = "$this->memory/fpm.sock";
        file_put_contents("$this->memory/fpm.conf", "[global]\nerror_log = $this->memory/fpm.log\n[bench]\n"
            . "user = root\nlisten = $socket\npm = static\npm.max_children = $workers\n");
        $asRoot = posix_getuid() === 0 ? ['-R'] : [];
        $command = [$binary, ...array_slice($this->php($this->library), 1), ...$asRoot, '-F',
            ...self::load(...array_diff($this->extensionsOfServer(), ['ctype', 'pdo', 'pdo_sqlite', 'sodium'])),
            '-y', "$this->memory/fpm.conf", '-d', "localapi.dsn=sqlite:$store", '-d', 'localapi.busy_timeout=60000'];
        $log = ['file', "$this->memory/fpm.out", 'a'];
        $server = proc_open($command, [['file', '/dev/null', 'r'], $log, $log], $pipes);
        try {
            for ($tries = 0; !file_exists($socket) && $tries < 100; $tries++) {
                usleep(50_000);
            }
            return $measure(new FastCgi($socket));
        } finally {
            proc_terminate($server);
            proc_close($server);
        }
    }

    /** @return array<string, float> */
    private function requests(FastCgi $server): array
    {
        $of = [];
        $get = function (string $what) use ($server, &$of): array {
            [$by] = explode(' ', $what);
            $variables = ['SCRIPT_FILENAME' => __DIR__ . '/request.php', 'QUERY_STRING' => $what,
                'LOCALAPI_BENCH_STORE' => "$this->memory/$by"];
            return json_decode($server->get($variables + ($of[$by] ?? [])), true, 512, JSON_THROW_ON_ERROR);
        };
        $time = static function () use ($get): float {
            $time = $get('time');
            return $time['ru_utime.tv_sec'] + $time['ru_stime.tv_sec']
                + ($time['ru_utime.tv_usec'] + $time['ru_stime.tv_usec']) / 1e6;
        };
        foreach (['localapi', 'peer'] as $by) {
            $created = $get("$by create");
            $of[$by] = ['LOCALAPI_BENCH_IDENTIFIER' => $created['clientIdentifier'],
                'LOCALAPI_BENCH_SECRET' => $created['clientSecret']];
        }
        $taken = array_fill_keys(['empty', 'localapi create', 'peer create', 'localapi verify', 'peer verify'], []);
        for ($round = 0; $round < 10; $round++) {
            foreach (array_keys($taken) as $what) {
                $begin = $time();
                for ($i = 0; $i < 300; $i++) {
                    $answer = $get($what);
                    if (!isset($answer['credentialId']) && $what !== 'empty') {
                        throw new RuntimeException("$what: " . json_encode($answer));
                    }
                }
                $taken[$what][] = $time() - $begin;
            }
        }
        return array_map(self::median(...), $taken);
    }

    private function loadInstructions(): float
    {
        $nothing = $this->instructions([...$this->php(), '-r', '']);
        $ours = $this->instructions([...$this->php($this->library), '-r', '']);
        $theirs = $this->instructions([...$this->php(self::module('sqlite3')), '-r', '']);
        return ($ours - $nothing) / ($theirs - $nothing);
    }

    private function loadTime(): float
    {
        $variants = ['nothing' => [], 'ours' => [$this->library], 'theirs' => [self::module('sqlite3')]];
        $times = array_fill_keys(array_keys($variants), []);
        for ($round = 0; $round < 200; $round++) {
            foreach ($variants as $name => $extension) {
                $begin = hrtime(true);
                self::run([PHP_BINARY, '-n', ...self::load(...$extension), '-r', '']);
                $times[$name][] = hrtime(true) - $begin;
            }
        }
        $nothing = self::median($times['nothing']);
        return (self::median($times['ours']) - $nothing) / (self::median($times['theirs']) - $nothing);
    }

    /** How much is opened with the extension that isn't without it, shared libraries left out. */
    private function opened(): int
    {
        $opened = function (string ...$extensions): array {
            $trace = "$this->memory/trace";
            $calls = 'open,openat,creat,socket,connect,clone,clone3,fork,vfork';
            $php = [PHP_BINARY, '-n', ...self::load(...$extensions), '-r', ''];
            self::run([self::tool('strace'), '-f', '-qq', '-e', "trace=$calls", '-o', $trace, ...$php]);
            $lines = preg_replace('/^\d+ +/', '', file($trace, FILE_IGNORE_NEW_LINES));
            return array_filter($lines, static fn (string $line): bool => !preg_match('~= -1 |\.so[."]~', $line));
        };
        return max(0, count($opened($this->library)) - count($opened()));
    }

    /** @param list<string> $command */
    private function instructions(array $command): int
    {
        $file = "$this->memory/callgrind";
        self::run([self::tool('valgrind'), '--tool=callgrind', "--callgrind-out-file=$file", ...$command]);
        return preg_match('/^(?:summary|totals): (\d+)/m', file_get_contents($file), $found)
            ? (int) $found[1]
            : throw new RuntimeException('callgrind has counted nothing');
    }
}

Ratios::main($argv);
