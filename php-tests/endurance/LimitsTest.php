<?php

declare(strict_types=1);

namespace LocalApi\Endurance;

use PHPUnit\Framework\Attributes\DataProvider;

require_once __DIR__ . '/Processes.php';

/**
 * PHP ends a request, or a worker, in the middle of a call: its limits, or the script itself.
 */
final class LimitsTest extends Processes
{
    private Fpm $fpm;

    /** @var list<array<string, mixed>> */
    private array $kept = [];

    protected function setUp(): void
    {
        parent::setUp();
        $this->fpm = $this->startFpm(1, [
            'display_errors' => 1,
            'html_errors' => 0,
            'output_buffering' => 0,
            'memory_limit' => '32M',
            'localapi.busy_timeout' => 2_000,
            'localapi.durability' => 'normal',
        ]);
        $this->assertGoesOn();
    }

    /** @return array<string, array{string, string}> */
    public static function ends(): array
    {
        return [
            'memory_limit in a value' => ['memory in a value', 'Allowed memory size'],
            'memory_limit in an element' => ['memory in a list', 'Allowed memory size'],
            'max_execution_time in a value' => ['time in a value', 'Maximum execution time of 1 second exceeded'],
            'max_execution_time anywhere' => ['time between calls', 'Maximum execution time of 1 second exceeded'],
            'exit in a value' => ['exit in a value', 'ended'],
            'exit in a call in a call' => ['exit in a value of a call in a value', 'ended'],
        ];
    }

    /** @dataProvider ends */
    #[DataProvider('ends')]
    public function testARequestThatEndsInsideACallLeavesNothingBehind(string $what, string $message): void
    {
        for ($round = self::amount(1, 10); $round > 0; $round--) {
            $body = $this->request($what);
            self::assertStringContainsString($message, $body);
            self::assertStringNotContainsString('went on', $body);
            $this->assertGoesOn();
        }
    }

    public function testMemoryLimitWhileTheAnswerIsBuiltLosesTheAnswerOnly(): void
    {
        for ($round = self::amount(2, 20); $round > 0; $round--) {
            $before = $this->rows();
            $body = $this->request('memory in the answer');
            self::assertStringContainsString('Allowed memory size', $body);
            self::assertStringNotContainsString('went on', $body);
            self::assertSame(1, preg_match('/^\.{20,}/', $body, $answered), $body);
            self::assertSame($before + strlen($answered[0]) + 1, $this->rows());
            $this->assertGoesOn();
        }
    }

    public function testMaxExecutionTimeInABusyWaitEndsTheRequestAfterTheCall(): void
    {
        foreach ([true, false] as $released) {
            $other = $this->connect();
            $other->exec('BEGIN IMMEDIATE');
            [$stream, $pid] = $this->waiting();
            // What the kernel sends when the time is over.
            posix_kill($pid, SIGPROF);
            if ($released) {
                $other->exec('ROLLBACK');
            }
            $body = $this->fpm->receive($stream);
            self::assertStringContainsString('Maximum execution time', (string) $body);
            self::assertStringNotContainsString('went on', (string) $body);
            $other = null;
            $this->assertGoesOn();
        }
    }

    public function testABatchBeginsNoMoreCommitsOnceItsTimeIsOver(): void
    {
        $body = $this->start('batch-in-time', [], ['localapi.durability' => 'normal'])->last();
        self::assertStringContainsString('Maximum execution time of 1 second exceeded', $body);
        self::assertStringNotContainsString('went on', $body);
        $stored = $this->rows() - count($this->kept);
        self::assertSame(0, $stored % 1_000);
        self::assertGreaterThan(0, $stored);
        self::assertLessThan(300_000, $stored);
        self::assertStringContainsString('success', $this->request('call'));
    }

    public function testHardTimeoutInABusyWaitEndsTheWorkerWhereThereAreNoThreads(): void
    {
        $other = $this->connect();
        $other->exec('BEGIN IMMEDIATE');
        [$stream, $pid] = $this->waiting();
        posix_kill($pid, SIGPROF);
        // With threads PHP takes each signal for the end of the time, and the worker stays.
        for ($signals = 0; PHP_ZTS ? $signals < 100 : file_exists("/proc/$pid"); $signals++) {
            self::assertLessThan(3_000, $signals);
            usleep(10_000);
            posix_kill($pid, SIGPROF);
        }
        $other->exec('ROLLBACK');
        $body = $this->fpm->receive($stream);
        self::assertSame(PHP_ZTS ? 1 : null, $body === null ? null : substr_count($body, 'Maximum execution time'), (string) $body);
        self::assertSame((bool) PHP_ZTS, file_exists("/proc/$pid"));
        $this->assertGoesOn();
    }

    /**
     * A request whose call waits for another process's lock.
     *
     * @return array{resource, int}
     */
    private function waiting(): array
    {
        $pid = end($this->kept)['pid'];
        $stream = $this->fpm->send("$this->scratch/php/limits.php", ['what' => 'wait']);
        for ($looks = 0; !str_contains((string) @file_get_contents("/proc/$pid/wchan"), 'nanosleep'); $looks++) {
            self::assertLessThan(20_000, $looks, 'the worker does not wait');
            usleep(100);
        }
        return [$stream, $pid];
    }

    private function request(string $what): string
    {
        return (string) $this->fpm->get("$this->scratch/php/limits.php", ['what' => $what]);
    }

    private function rows(): int
    {
        return (int) $this->connect()->query('SELECT count(*) FROM tbloauthserver_clients')->fetchColumn();
    }

    /** Nobody holds a lock, all that is there is whole, and the worker, or the one after it, issues again. */
    private function assertGoesOn(): void
    {
        if (is_file($this->store)) {
            $other = $this->connect(0);
            $other->exec('BEGIN IMMEDIATE');
            $other->exec('ROLLBACK');
        }
        $answer = json_decode($body = $this->request('call'), true);
        self::assertIsArray($answer, $body . $this->fpm->log());
        $this->kept[] = $answer;
        $this->assertKept($this->kept);
    }
}
