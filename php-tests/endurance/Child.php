<?php

declare(strict_types=1);

namespace LocalApi\Endurance;

use PHPUnit\Framework\Assert;

/**
 * A process that answers on its standard output.
 */
final class Child
{
    /** @var resource */
    private $process;

    /** @var array<int, resource> */
    private array $pipes = [];

    /** What it has printed and nobody has looked at. */
    private string $printed = '';

    /** @var resource */
    private $errors;

    /**
     * @param list<string> $command
     * @param array<string, string> $environment
     */
    public function __construct(array $command, array $environment)
    {
        $this->errors = tmpfile();
        $places = [['pipe', 'r'], ['pipe', 'w'], $this->errors];
        $this->process = proc_open($command, $places, $this->pipes, '/', $environment);
    }

    public function pid(): int
    {
        return proc_get_status($this->process)['pid'];
    }

    /** The next line it prints, without its end. */
    public function line(): string
    {
        $line = fgets($this->pipes[1]);
        if ($line === false) {
            // Its output ends a moment before it does.
            usleep(100_000);
            ['exitcode' => $exit, 'termsig' => $signal] = proc_get_status($this->process);
            Assert::fail("the child ended with $exit by signal $signal: " . $this->errors());
        }
        return rtrim($line, "\n");
    }

    /**
     * Lets a child that waits for its next task do one, and reads what it answers.
     *
     * @param array<string, mixed> $postData
     * @return array<string, mixed>
     */
    public function ask(array $postData = []): array
    {
        fwrite($this->pipes[0], json_encode((object) $postData) . "\n");
        return json_decode($this->line(), true, 64, JSON_THROW_ON_ERROR);
    }

    /** Ends its input: it has no more to do. */
    public function end(): void
    {
        if (is_resource($this->pipes[0])) {
            fclose($this->pipes[0]);
        }
    }

    /**
     * Ends its input, waits until it and its own children have ended, and reads the answers they printed.
     *
     * @return list<array<string, mixed>>
     */
    public function answers(): array
    {
        $answers = self::parse($this->output());
        Assert::assertSame('', $this->errors());
        return $answers;
    }

    /**
     * The answers of several that run at the same time: none waits for its output to be read.
     *
     * @param list<self> $children
     * @return list<array<string, mixed>>
     */
    public static function answersOf(array $children): array
    {
        for ($running = $children; $running !== [];) {
            $ready = array_map(static fn (self $child) => $child->pipes[1], $running);
            $none = null;
            stream_select($ready, $none, $none, null);
            foreach ($ready as $number => $pipe) {
                $read = (string) fread($pipe, 65_536);
                $running[$number]->printed .= $read;
                if ($read === '') {
                    unset($running[$number]);
                }
            }
        }
        return array_merge(...array_map(static fn (self $child): array => $child->answers(), $children));
    }

    /** What it prints until it ends, which must be well. */
    public function output(): string
    {
        $this->end();
        $output = $this->printed . stream_get_contents($this->pipes[1]);
        $status = proc_close($this->process);
        Assert::assertSame(0, $status, substr($output, -500) . substr($this->errors(), 0, 2_000));
        return $output;
    }

    /**
     * Kills it, and reads the answers that it had printed.
     *
     * @return list<array<string, mixed>>
     */
    public function answersUntilKilled(): array
    {
        proc_terminate($this->process, SIGKILL);
        $answers = self::parse(stream_get_contents($this->pipes[1]));
        $this->kill();
        return $answers;
    }

    /** What it prints until it ends, well or not. */
    public function last(): string
    {
        fclose($this->pipes[0]);
        $output = stream_get_contents($this->pipes[1]);
        proc_close($this->process);
        return $output;
    }

    public function kill(): void
    {
        if (is_resource($this->process)) {
            proc_terminate($this->process, SIGKILL);
            proc_close($this->process);
        }
    }

    /**
     * One answer per line; a last line without an end was never printed as a whole.
     *
     * @return list<array<string, mixed>>
     */
    private static function parse(string $output): array
    {
        $lines = explode("\n", $output);
        array_pop($lines);
        return array_map(static fn (string $line): array => json_decode($line, true, 64, JSON_THROW_ON_ERROR), $lines);
    }

    private function errors(): string
    {
        rewind($this->errors);
        return stream_get_contents($this->errors);
    }
}
