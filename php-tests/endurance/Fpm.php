<?php

declare(strict_types=1);

namespace LocalApi\Endurance;

use PHPUnit\Framework\Assert;

/**
 * A php-fpm of our own, spoken to in FastCGI.
 */
final class Fpm
{
    private const BEGIN = 1;
    private const END = 3;
    private const PARAMETERS = 4;
    private const INPUT = 5;
    private const OUTPUT = 6;
    private const RESPONDER = 1;

    /** @var resource */
    private $process;

    private string $socket;

    private string $log;

    /**
     * @param array<string, string|int> $ini
     * @param list<string> $as what runs a command as its user, to whom the folder belongs
     * @param array<string, string> $environment
     */
    public function __construct(string $folder, int $workers, array $ini, array $as, array $environment)
    {
        $this->socket = "$folder/fpm.sock";
        $this->log = "$folder/fpm.log";
        $settings = "[global]\nerror_log = $this->log\ndaemonize = no\n"
            . "[www]\nlisten = $this->socket\npm = static\npm.max_children = $workers\n";
        file_put_contents("$folder/fpm.conf", $settings);
        chmod("$folder/fpm.conf", 0644);
        $command = [...$as, self::binary(), '-F', '-y', "$folder/fpm.conf"];
        foreach ($ini as $name => $value) {
            array_push($command, '-d', "$name=$value");
        }
        $nothing = ['file', '/dev/null', 'w'];
        $this->process = proc_open($command, [['file', '/dev/null', 'r'], $nothing, $nothing], $pipes, '/', $environment);
        for ($wait = 0; @stream_socket_client("unix://$this->socket") === false; $wait++) {
            Assert::assertLessThan(500, $wait, 'php-fpm does not answer: ' . $this->log());
            usleep(20_000);
        }
    }

    /** @return list<int> the processes that answer requests */
    public function workers(): array
    {
        $master = proc_get_status($this->process)['pid'];
        $children = (string) @file_get_contents("/proc/$master/task/$master/children");
        return array_map('intval', explode(' ', trim($children)));
    }

    /** What it and its workers have complained of. */
    public function log(): string
    {
        return (string) @file_get_contents($this->log);
    }

    /**
     * Sends a request without waiting for its answer.
     *
     * @param array<string, string|int> $query
     * @return resource
     */
    public function send(string $script, array $query = [])
    {
        $parameters = [
            'SCRIPT_FILENAME' => $script,
            'SCRIPT_NAME' => '/' . basename($script),
            'REQUEST_METHOD' => 'GET',
            'QUERY_STRING' => http_build_query($query),
            'SERVER_PROTOCOL' => 'HTTP/1.1',
        ];
        $pairs = '';
        foreach ($parameters as $name => $value) {
            $pairs .= pack('N', strlen($name) | 1 << 31) . pack('N', strlen($value) | 1 << 31) . $name . $value;
        }
        $stream = stream_socket_client("unix://$this->socket");
        fwrite($stream, self::record(self::BEGIN, pack('nCx5', self::RESPONDER, 0))
            . self::record(self::PARAMETERS, $pairs) . self::record(self::PARAMETERS, '')
            . self::record(self::INPUT, ''));
        return $stream;
    }

    /**
     * The body of a request's answer; `null` where the worker ended without one.
     *
     * @param resource $stream
     */
    public function receive($stream): ?string
    {
        $output = '';
        $body = null;
        while (strlen($header = (string) stream_get_contents($stream, 8)) === 8) {
            ['type' => $type, 'length' => $length, 'padding' => $padding] =
                unpack('Cversion/Ctype/nid/nlength/Cpadding', $header);
            $content = $length + $padding > 0 ? stream_get_contents($stream, $length + $padding) : '';
            if ($type === self::OUTPUT) {
                $output .= substr($content, 0, $length);
            } elseif ($type === self::END) {
                $body = explode("\r\n\r\n", $output, 2)[1] ?? null;
            }
        }
        // The worker waits for this before it takes another request.
        fclose($stream);
        return $body;
    }

    /** @param array<string, string|int> $query */
    public function get(string $script, array $query = []): ?string
    {
        return $this->receive($this->send($script, $query));
    }

    /** Ends the master, which ends its workers. */
    public function kill(): void
    {
        if (is_resource($this->process)) {
            proc_terminate($this->process, SIGTERM);
            proc_close($this->process);
        }
    }

    private static function record(int $type, string $content): string
    {
        return pack('CCnnCx', 1, $type, 1, strlen($content), 0) . $content;
    }

    /** That of this PHP, whatever others are installed: beside it and with the same end of its name. */
    private static function binary(): string
    {
        $php = realpath(PHP_BINARY);
        $binary = dirname($php, 2) . '/sbin/php-fpm' . substr(basename($php), strlen('php'));
        Assert::assertTrue(is_executable($binary), "There is no $binary.");
        return $binary;
    }
}
