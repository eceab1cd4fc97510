<?php

declare(strict_types=1);

namespace LocalApi\Endurance;

use PDO;

require_once __DIR__ . '/Processes.php';

/**
 * Credentials while many processes change them, the key is rotated, and the store is large.
 */
final class CredentialsAtWorkTest extends Processes
{
    /** Nothing here has to survive a power cut but what is flushed on purpose. */
    private const FAST = ['localapi.durability' => 'normal', 'localapi.busy_timeout' => 60_000];

    public function testTwoProcessesThatResetOneSecretLeaveOneAndWereToldNoOther(): void
    {
        [$issued] = $this->start('create', [1])->answers();
        $store = $this->connect();
        $store->exec('CREATE TABLE history (id INTEGER PRIMARY KEY, secret TEXT)');
        $store->exec('CREATE TRIGGER keep_history AFTER UPDATE OF secret ON tbloauthserver_clients
            BEGIN INSERT INTO history (secret) VALUES (new.secret); END');
        $count = self::amount(100, 1_000);
        $resetting = [];
        for ($i = 0; $i < 2; $i++) {
            $resetting[] = $this->start('reset', [$issued['credentialId'], $count], self::FAST);
        }
        $told = array_column(Child::answersOf($resetting), 'newClientSecret');
        $history = $store->query('SELECT secret FROM history ORDER BY id')->fetchAll(PDO::FETCH_COLUMN);
        $valid = array_map(
            fn (string $sealed): string => base64_encode($this->open($sealed, $issued['clientIdentifier'])),
            $history
        );
        self::assertCount(2 * $count, array_unique($valid));
        [$last, $ascending] = [end($valid), $valid];
        sort($ascending);
        sort($told);
        self::assertSame($ascending, $told);
        $sealed = $store->query('SELECT secret FROM tbloauthserver_clients')->fetchColumn();
        self::assertSame($last, base64_encode($this->open($sealed, $issued['clientIdentifier'])));
        $lines = $store->query("SELECT count(*) FROM tblactivitylog WHERE description LIKE '% secret reset'");
        self::assertSame(2 * $count, (int) $lines->fetchColumn());
    }

    public function testARotationThatIsKilledHalfwayIsFinishedByTheNextWhileOthersWork(): void
    {
        $count = self::amount(4_000, 20_000);
        $this->fill($count);
        $secrets = $this->secrets();
        $workers = [$this->start('work', [], self::FAST), $this->start('work', [], self::FAST)];
        foreach ($workers as $worker) {
            self::assertSame('{"begun":true}', $worker->line());
        }
        // The key file is flushed by fsync, each of at least twenty batches and now and then a checkpoint by fdatasync.
        $killed = $this->startTraced('rotate', 'inject=fdatasync:signal=SIGKILL:when=12');
        self::assertSame('', $killed->last());
        $store = $this->connect();
        $noted = "SELECT value FROM localapi_store WHERE name = 'rotation'";
        $key = $store->query($noted)->fetchColumn();
        self::assertIsString($key);
        $unsealed = "SELECT count(*) FROM tbloauthserver_clients WHERE id <= $count AND secret NOT LIKE 'v1:$key:%'";
        $left = (int) $store->query($unsealed)->fetchColumn();
        self::assertGreaterThan(0, $left);
        self::assertLessThan($count, $left);

        [$finished] = $this->start('rotate', [], self::FAST)->answers();
        self::assertGreaterThanOrEqual($left, $finished['resealed']);
        self::assertLessThan($count, $finished['resealed']);
        foreach ($workers as $worker) {
            [$answer] = $worker->answers();
            self::assertSame(['rounds'], array_keys($answer), json_encode($answer));
        }
        self::assertFalse($store->query($noted)->fetchColumn());
        $others = "SELECT count(*) FROM tbloauthserver_clients WHERE secret NOT LIKE 'v1:$key:%'";
        self::assertSame(0, (int) $store->query($others)->fetchColumn());
        self::assertSame($secrets, array_intersect_key($this->secrets(), $secrets));
    }

    public function testARotationThatRunsOutOfTimeStopsBetweenBatchesAndIsFinishedByTheNext(): void
    {
        $this->fill(2_000);
        $inject = 'inject=fdatasync:signal=SIGPROF:when=5';
        $stopped = $this->startTraced('rotate', $inject, [], ['max_execution_time' => 3_600, 'display_errors' => 1]);
        self::assertStringContainsString('Maximum execution time', $stopped->last());
        $store = $this->connect();
        $key = $store->query("SELECT value FROM localapi_store WHERE name = 'rotation'")->fetchColumn();
        $left = (int) $store->query(
            "SELECT count(*) FROM tbloauthserver_clients WHERE secret NOT LIKE 'v1:$key:%'"
        )->fetchColumn();
        self::assertGreaterThan(0, $left);
        self::assertLessThan(2_000, $left);
        self::assertSame([['resealed' => $left]], $this->start('rotate', [], self::FAST)->answers());
    }

    public function testAListThatRunsOutOfTimeStopsBetweenBatchesAndLeavesNoLock(): void
    {
        $count = self::amount(20_000, 100_000);
        $this->fill($count);
        $whole = $this->start('list', [], self::FAST + ['memory_limit' => -1]);
        self::assertSame($count, json_decode($whole->line(), true)['count']);
        $peak = json_decode($whole->line(), true)['peak'];
        // Deep in the rows: the ids take fewer pages than this.
        $inject = 'inject=pread64:signal=SIGPROF:when=' . intdiv($count, 10);
        $ini = ['max_execution_time' => 3_600, 'memory_limit' => -1, 'display_errors' => 0];
        $this->assertGoesOnAtShutdown($this->startTraced('list', $inject, [], $ini), $peak / 2);
    }

    public function testAListThatReachesTheMemoryLimitLeavesNoLock(): void
    {
        $this->fill(20_000);
        // PHP versions without a second, hard limit ignore its entry and unwind at the first.
        $ini = ['memory_limit' => '16M', 'memory_hard_limit_percent' => 10_000, 'display_errors' => 0];
        $this->assertGoesOnAtShutdown($this->start('list', [], self::FAST + $ini));
    }

    public function testAListThatEndsItsProcessLeavesNoLock(): void
    {
        $this->fill(20_000);
        $ini = ['memory_limit' => '16M', 'memory_hard_limit_percent' => 100];
        $output = $this->start('list', [], self::FAST + $ini)->last();
        self::assertStringNotContainsString('"count"', $output);
        $answer = $this->start('create', [1], ['localapi.busy_timeout' => 0])->answers()[0];
        self::assertSame('success', $answer['result']);
        self::assertSame('ok', $this->connect()->query('PRAGMA integrity_check')->fetchColumn());
    }

    public function testALongListTakesLessThanTwiceTheMemoryOfItsArray(): void
    {
        $count = self::amount(20_000, 100_000);
        $this->fill($count);
        $listed = json_decode($this->start('list', [], self::FAST + ['memory_limit' => -1])->line(), true);
        self::assertSame($count, $listed['count']);
        self::assertLessThan(2 * $listed['array'], $listed['peak']);
    }

    public function testALimitCostsWhatItReturnsWhateverTheSizeOfTheStore(): void
    {
        $this->fill(1_000);
        $few = $this->pagesRead(10);
        $this->fill(self::amount(20_000, 99_000));
        // The tree grows by a level or two, and a checkpoint may be due.
        self::assertLessThan($few + 20, $this->pagesRead(10));
        self::assertGreaterThan($few + 100, $this->pagesRead(0));
    }

    /** Issues so many credentials. */
    private function fill(int $count): void
    {
        $this->start('many', ['create', $count], self::FAST)->output();
    }

    /** @return array<string, string> every secret by its identifier */
    private function secrets(): array
    {
        $sealed = $this->connect()->query('SELECT identifier, secret FROM tbloauthserver_clients WHERE id <= 2000');
        $secrets = $sealed->fetchAll(PDO::FETCH_KEY_PAIR);
        array_walk($secrets, fn (string &$secret, string $identifier) => $secret = $this->open($secret, $identifier));
        return $secrets;
    }

    /** How many pages SQLite reads from the disk for a list. */
    private function pagesRead(int $limit): int
    {
        $trace = "$this->folder/trace";
        $through = ['strace', '-f', '-qq', '-e', 'trace=pread64', '-o', $trace];
        $child = $this->start('list', [$limit], self::FAST + ['memory_limit' => -1], through: $through);
        $child->line();
        $child->output();
        return count(file($trace));
    }

    /**
     * @param list<string|int> $arguments
     * @param array<string, string|int> $ini
     */
    private function startTraced(string $script, string $inject, array $arguments = [], array $ini = []): Child
    {
        $call = preg_replace('/^inject=(\w+):.*$/', '$1', $inject);
        $through = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', "trace=$call", '-e', $inject];
        return $this->start($script, $arguments, $ini + ['localapi.busy_timeout' => 60_000], through: $through);
    }

    /** The list was ended, the same process goes on, and so does another that waits for no lock. */
    private function assertGoesOnAtShutdown(Child $ended, float $most = INF): void
    {
        $own = json_decode($ended->line(), true);
        self::assertSame('success', $own['result'] ?? null, json_encode($own));
        self::assertLessThan($most, $own['peak']);
        [$other] = $this->start('create', [1], ['localapi.busy_timeout' => 0])->answers();
        self::assertSame($own['credentialId'] + 1, $other['credentialId']);
    }
}
