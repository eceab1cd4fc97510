<?php

declare(strict_types=1);

/*
 * Measures what calls take in a store of many credentials, to what they take in one of 200, and what a change of the key
 * takes there; in a file, and in MariaDB if that is installed. Every credential is created and sealed like any other.
 *
 * php benches/scale.php [library [count [folder]]]: 10,000,000 credentials in the folder, which needs 10 GB for them in a
 * file and as much for them in MariaDB
 */

require __DIR__ . '/bench.php';

final class Scale extends Bench
{
    private const MARIADB = __DIR__ . '/../php-tests/mariadb';
    private const SMALL = 200;
    private const FILLERS = 4;
    private const CALLS = 100;
    private const ROUNDS = 5;
    private const ACTS = ['create', 'verify', 'find', 'first', 'middle', 'last', 'update', 'delete'];

    private string $folder;

    protected function print(string $count = '10000000', ?string $folder = null): void
    {
        $this->folder = ($folder ?? dirname($this->library)) . '/scale.' . getmypid();
        mkdir($this->folder, 0711);
        $this->measure('a file', (int) $count, fn (string $size): array => ['-d', "localapi.dsn=sqlite:$this->folder/$size"]);
        try {
            $this->measure('MariaDB', (int) $count, $this->server());
        } catch (Missing $missing) {
            echo "\n", $missing->getMessage(), "\n";
        }
    }

    protected function remove(): void
    {
        if (isset($this->folder)) {
            if (is_dir("$this->folder/mariadb")) {
                self::run([self::MARIADB, 'stop', "$this->folder/mariadb"]);
                array_map(unlink(...), glob("$this->folder/mariadb/*"));
                rmdir("$this->folder/mariadb");
            }
            array_map(unlink(...), glob("$this->folder/*"));
            rmdir($this->folder);
        }
        parent::remove();
    }

    /** @return callable(string): list<string> the settings that lead to a database of this name */
    private function server(): callable
    {
        self::tool('mariadbd');
        $server = "$this->folder/mariadb";
        self::run([self::MARIADB, 'start', $server, '--innodb-flush-log-at-trx-commit=1', '--innodb-flush-method=fsync',
            '--innodb-buffer-pool-size=4G', '--innodb-log-file-size=1G']);
        $port = (int) file_get_contents("$server/port");
        return function (string $size) use ($server, $port): array {
            self::run(['mariadb', '--no-defaults', '--socket=' . trim(file_get_contents("$server/socket")), '--user=root',
                '-e', "CREATE DATABASE IF NOT EXISTS scale_$size"]);
            return ['-d', "localapi.dsn='mysql://localapi:pass%3Aw%40rd@127.0.0.1:$port/scale_$size'",
                '-d', "localapi.key_file=$this->folder/$size.server.key"];
        };
    }

    /** @param callable(string): list<string> $settings of the store of this size */
    private function measure(string $where, int $count, callable $settings): void
    {
        $call = fn (string $size, string ...$arguments): array => [...$this->php($this->library), ...$settings($size),
            '-d', 'localapi.busy_timeout=60000', ...$arguments];
        self::run($call('small', __DIR__ . '/fill.php', (string) self::SMALL));
        $seconds = self::fill($call('large', __DIR__ . '/fill.php', (string) intdiv($count, self::FILLERS)));
        printf("\n%s of %s credentials, filled in %.0f s (less is better)\n", ucfirst($where), number_format($count), $seconds);
        printf("%-30s %12s %12s %8s   %s\n", '', 'of ' . self::SMALL, 'large, µs', 'ratio', 'to reach');
        foreach (self::ACTS as $act) {
            $taken = ['small' => [], 'large' => []];
            for ($round = 0; $round < self::ROUNDS; $round++) {
                foreach (array_keys($taken) as $size) {
                    // What is deleted is there no more: a few each time.
                    $times = $act === 'delete' ? 10 : self::CALLS;
                    $taken[$size][] = trim(self::run($call($size, __DIR__ . '/grown.php', $act, (string) $times)));
                }
            }
            if ($taken['large'][0] === 'none') {
                printf("%-30s %12s\n", $act, 'not there');
                continue;
            }
            [$small, $large] = [self::median(array_map(floatval(...), $taken['small'])),
                self::median(array_map(floatval(...), $taken['large']))];
            printf("%-30s %12.1f %12.1f %8.2f   at most 1.30\n", $act, $small, $large, $large / $small);
        }
        $this->rotate($call);
    }

    /**
     * Lets several processes fill a store. Returns the seconds that they took.
     *
     * @param list<string> $command
     */
    private static function fill(array $command): float
    {
        $begin = microtime(true);
        $fillers = [];
        for ($i = 0; $i < self::FILLERS; $i++) {
            $fillers[] = proc_open($command, [['file', '/dev/null', 'r'], STDERR, STDERR], $pipes);
        }
        foreach ($fillers as $filler) {
            proc_close($filler) === 0 || throw new RuntimeException('the store was not filled');
        }
        return microtime(true) - $begin;
    }

    /** @param callable(string, string...): list<string> $call */
    private function rotate(callable $call): void
    {
        $alone = $this->besides($call, static fn () => sleep(5));
        $rotated = '';
        $meanwhile = $this->besides($call, function () use ($call, &$rotated): void {
            $rotated = self::run($call('large', __DIR__ . '/grown.php', 'rotate'));
        });
        [$seconds, $count] = explode(' ', trim($rotated));
        printf("%-30s %25s s %8s   at most 1,800\n", 'rotate_key of ' . number_format((int) $count), $seconds, '');
        printf("%-30s %12.1f %12.1f %8.2f   at most 3.00\n", "another writer's p99", $alone, $meanwhile, $meanwhile / $alone);
    }

    /**
     * The p99 of a writer beside this.
     *
     * @param callable(string, string...): list<string> $call
     */
    private function besides(callable $call, callable $work): float
    {
        $command = $call('large', __DIR__ . '/grown.php', 'write');
        $writer = proc_open($command, [['pipe', 'r'], ['pipe', 'w'], STDERR], $pipes);
        fgets($pipes[1]) === "ready\n" || throw new RuntimeException('the writer does not begin');
        $work();
        fclose($pipes[0]);
        $taken = (float) stream_get_contents($pipes[1]);
        proc_close($writer) === 0 || throw new RuntimeException('the writer has failed');
        return $taken;
    }
}

Scale::main($argv);
