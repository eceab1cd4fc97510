<?php

declare(strict_types=1);

require_once __DIR__ . '/issuer.php';

set_error_handler(static function (int $level, string $message, string $file, int $line): never {
    throw new ErrorException($message, 0, $level, $file, $line);
});

/** What measures the extension beside PHP code that does the same: processes of PHP, and folders for their stores. */
abstract class Bench
{
    private const MEMORY_FILE_SYSTEM = '/dev/shm';

    /** For what waits for a flush. */
    protected string $disk;
    /** For what shouldn't. */
    protected string $memory;
    /** A new store, with its keys beside it. */
    protected string $tables;

    public function __construct(protected string $library)
    {
        $this->disk = dirname($library) . '/bench.' . getmypid();
        $this->memory = self::MEMORY_FILE_SYSTEM . '/localapi-bench.' . getmypid();
        mkdir($this->disk, 0700);
        mkdir($this->memory, 0700);
        $this->tables = "$this->memory/tables";
        $this->seconds('localapi', 1, $this->tables);
    }

    /** Measures with the library of a script's first argument, or the one that was built. */
    public static function main(array $arguments): void
    {
        $bench = new static(realpath($arguments[1] ?? dirname(__DIR__) . '/target/release/liblocalapi.so'));
        try {
            $bench->print(...array_slice($arguments, 2));
        } finally {
            $bench->remove();
        }
    }

    abstract protected function print(): void;

    protected function remove(): void
    {
        foreach ([$this->disk, $this->memory] as $folder) {
            array_map(unlink(...), glob("$folder/*"));
            rmdir($folder);
        }
    }

    /** What so many creates take. */
    protected function seconds(string $by, int $count, string $store): float
    {
        $php = [...$this->php($this->library), '-d', "localapi.dsn=sqlite:$store"];
        return (float) self::run([...$php, __DIR__ . '/calls.php', $by, (string) $count, $store, $store]);
    }

    /** What a commit adds to the log. */
    protected function bytesOfACreate(): int
    {
        $this->copyStore($store = "$this->disk/bytes");
        $code = sprintf(
            'require %s; localAPI("CreateOAuthCredential", REQUEST); $before = filesize(%s); clearstatcache();'
                . ' for ($i = 0; $i < 100; $i++) { localAPI("CreateOAuthCredential", REQUEST); }'
                . ' echo intdiv(filesize(%2$s) - $before, 100);',
            var_export(__DIR__ . '/issuer.php', true),
            var_export("$store-wal", true),
        );
        // A log that is flushed gets longer than what it has.
        return (int) self::run([...$this->php($this->library), '-d', "localapi.dsn=sqlite:$store",
            '-d', 'localapi.durability=normal', '-r', $code]);
    }

    protected function copyStore(string $to): void
    {
        copy($this->tables, $to);
        copy("$this->tables.key", "$to.key");
        chmod("$to.key", 0600);
    }

    /**
     * PHP with all that the peer needs, opcache included.
     *
     * @return list<string>
     */
    protected function php(string ...$extensions): array
    {
        $needed = self::shared('ctype', 'pdo', 'pdo_sqlite', 'sodium');
        $opcache = is_file(ini_get('extension_dir') . '/opcache.so') ? ['-d', 'zend_extension=opcache'] : [];
        return [PHP_BINARY, '-n', ...$opcache, '-d', 'opcache.enable_cli=1', ...self::load(...$needed, ...$extensions)];
    }

    /**
     * Those of these extensions that have to be loaded.
     *
     * @return list<string>
     */
    protected static function shared(string ...$extensions): array
    {
        static $built_in = [];
        $built_in = $built_in ?: explode("\n", strtolower(self::run([PHP_BINARY, '-n', '-m'])));
        return array_values(array_diff($extensions, $built_in));
    }

    /** @return list<string> */
    protected static function load(string ...$extensions): array
    {
        return array_merge(...array_map(static fn (string $name): array => ['-d', "extension=$name"], $extensions));
    }

    protected static function module(string $name): string
    {
        return is_file(ini_get('extension_dir') . "/$name.so") ? $name : throw new Missing("no $name.so");
    }

    protected static function tool(string $name): string
    {
        foreach (explode(':', getenv('PATH') . ':/usr/sbin') as $folder) {
            if (is_executable("$folder/$name")) {
                return "$folder/$name";
            }
        }
        throw new Missing("no $name");
    }

    /** @param list<string> $command */
    protected static function run(array $command): string
    {
        $process = proc_open($command, [['file', '/dev/null', 'r'], ['pipe', 'w'], ['pipe', 'w']], $pipes);
        [$output, $errors] = [stream_get_contents($pipes[1]), stream_get_contents($pipes[2])];
        if (proc_close($process) !== 0) {
            throw new RuntimeException(implode(' ', $command) . ": $output$errors");
        }
        return $output;
    }

    /** @param list<int|float> $values */
    protected static function median(array $values): float
    {
        sort($values);
        return $values[intdiv(count($values), 2)];
    }
}

/** What a measurement needs and this machine doesn't have. */
final class Missing extends RuntimeException
{
}
