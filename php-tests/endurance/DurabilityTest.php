<?php

declare(strict_types=1);

namespace LocalApi\Endurance;

use PDO;

require_once __DIR__ . '/Processes.php';

/**
 * What was answered is on the disk: when it's flushed, what a flush that fails does, and how the log stays small. That
 * nothing is lost in a power cut is shown by the simulator among the Rust tests.
 */
final class DurabilityTest extends Processes
{
    public function testACommitIsFlushedBeforeItIsAnswered(): void
    {
        $this->start('create', [1])->answers();
        $calls = $this->trace([]);
        // The log is written, and nothing but its flush comes before the answer.
        self::assertSame(['pwrite64 -wal', 'fdatasync -wal', 'write'], array_slice($calls, -3));
        $calls = $this->trace(['localapi.durability' => 'normal']);
        self::assertSame(['pwrite64 -wal', 'write'], array_slice($calls, -2));
    }

    public function testAFlushThatFailsIsAnsweredAndTheStoreGoesOn(): void
    {
        $kept = $this->start('create', [3])->answers();
        // Another process keeps the log from being copied and removed when the first one ends.
        $other = $this->start('ask');
        $kept[] = $other->ask();
        // With its first flush SQLite flushes the folder, too.
        $worker = $this->start('ask', [], [], self::NOBODY, [], $this->failing(3));
        $kept[] = $worker->ask();
        $sentence = "The credential store could not be flushed to the disk of \"$this->store\": what this call has stored "
            . 'may be lost; look whether it is there.';
        self::assertSame(['result' => 'error', 'message' => $sentence], $worker->ask());
        // It's there, but nobody was told its secret.
        self::assertSame(6, $this->rows());
        foreach ([$worker, $other, $worker] as $process) {
            $kept[] = $process->ask();
        }
        $worker->output();
        $this->assertKept($kept, 9);
        // The log was written again before the next credential came after it, by the process that met the fault.
        $calls = $this->trace([]);
        self::assertSame(['pwrite64 -wal', 'fdatasync -wal', 'write'], array_slice($calls, -3));
    }

    public function testABatchWhoseFlushFailsIsAnErrorAsAWhole(): void
    {
        $this->start('create', [1])->answers();
        // The first flushes are of the log's header and the folder.
        $batch = $this->start('batch', [5], [], self::NOBODY, [], $this->failing(3))->answers();
        self::assertCount(5, $batch);
        foreach ($batch as $answer) {
            self::assertSame('error', $answer['result']);
            self::assertStringStartsWith('The credential store could not be flushed', $answer['message']);
        }
        $this->start('create', [1])->answers();
    }

    public function testTheLogStaysSmallUnderEndlessLoad(): void
    {
        $this->start('create', [1])->answers();
        $others = [$this->start('visit', [$this->store])];
        for ($i = 0; $i < 6; $i++) {
            // There is always somebody who reads.
            $others[] = $this->start('read');
        }
        $watch = $this->start('watch', ["$this->store-wal"]);
        foreach ([...$others, $watch] as $other) {
            self::assertSame('ready', $other->line());
        }
        $count = self::amount(1_000, 10_000);
        for ($i = 0; $i < 8; $i++) {
            $writers[] = $this->start('create', [$count], ['localapi.busy_timeout' => 60_000]);
        }
        // While the last ones end the log stays: whoever ends last removes it.
        $answers = Child::answersOf($writers);
        [$largest, $begun] = explode(' ', $watch->output());
        foreach ($others as $other) {
            self::assertSame('', $other->output());
        }
        self::assertGreaterThan(0, (int) $begun, 'how often it has begun anew');
        self::assertLessThan(64 << 20, (int) $largest);
        $this->assertKept($answers, 8 * $count + 1);
    }

    public function testWhatIsThereAlreadyIsFlushedBeforeThatIsAnswered(): void
    {
        $this->start('register')->ask();
        // Whoever has written it may wait for its flush still; later it's known to last.
        self::assertCount(1, array_keys($this->trace([], 'register'), 'fdatasync -wal', true));
        self::assertCount(0, array_keys($this->trace(['localapi.durability' => 'normal'], 'register'), 'fdatasync -wal', true));
    }

    public function testWhatRootMakesBesideAStoreBelongsToTheOwnerOfTheFolder(): void
    {
        $kept = $this->start('create', [1])->answers();
        // As after a restore.
        unlink("$this->store-gate");
        array_push($kept, ...$this->start('create', [1], [], 0)->answers());
        foreach (glob("$this->store*") as $file) {
            self::assertSame([self::NOBODY, 0600], [fileowner($file), fileperms($file) & 07777], $file);
        }
        array_push($kept, ...$this->start('create', [1])->answers());
        $this->assertKept($kept, 3);
    }

    public function testThoseWhoFollowALinkQueueWithTheOthers(): void
    {
        $kept = $this->start('create', [1])->answers();
        $this->makeFolder("$this->scratch/links", self::NOBODY, 0700);
        symlink($this->store, "$this->scratch/links/store");
        $ini = ['localapi.dsn' => "sqlite:$this->scratch/links/store", 'localapi.key_file' => "$this->store.key"];
        array_push($kept, ...$this->start('create', [1], $ini)->answers());
        self::assertSame(["$this->scratch/links/store"], glob("$this->scratch/links/*"));
        $this->assertKept($kept, 2);
    }

    public function testAQuietServerCopiesTheLogAfterARequest(): void
    {
        $fpm = $this->startFpm(1);
        $create = fn (int $count): ?string => $fpm->get("$this->scratch/php/create.php", ['count' => $count]);
        $create(40);
        $this->assertCopied(40);
        // Not while others write.
        $create(40);
        $create(1);
        self::assertSame(40, $this->copied());
        usleep(1_200_000);
        $create(1);
        $this->assertCopied(82);
    }

    public function testAChildHasNoneOfItsParentsFiles(): void
    {
        $answers = $this->start('descriptors', [$this->store])->answers();
        $found = array_values(array_filter($answers, static fn (array $line): bool => isset($line['parent'])));
        // The database, its log, the index and the gate; and what tells that the database and the index are in use.
        self::assertSame([['parent' => 6, 'child' => []]], $found);
        $this->assertKept(array_values(array_filter($answers, static fn (array $line): bool => isset($line['result']))), 3);
    }

    public function testAGateThatIsKeptShutStopsNobody(): void
    {
        $kept = $this->start('create', [1])->answers();
        $worker = $this->start('ask', [], ['localapi.busy_timeout' => 50]);
        $kept[] = $worker->ask();
        $gate = fopen("$this->store-gate", 'r+');
        self::assertTrue(flock($gate, LOCK_EX));
        $kept[] = $worker->ask();
        flock($gate, LOCK_UN);
        $kept[] = $worker->ask();
        // Whatever is in it, and if it's gone.
        fwrite($gate, random_bytes(4096));
        fflush($gate);
        $kept[] = $worker->ask();
        unlink("$this->store-gate");
        $kept[] = $worker->ask();
        $worker->output();
        $kept[] = $this->start('create', [1])->answers()[0];
        $this->assertKept($kept, 7);
    }

    public function testOneWriterGoesOnWhileAnotherWaitsForItsFlush(): void
    {
        $this->start('create', [1])->answers();
        for ($i = 0; $i < 4; $i++) {
            $traces[$i] = "$this->folder/trace.$i";
            $slow = ['strace', '-f', '-ttt', '-o', $traces[$i], '-e', 'trace=fdatasync',
                '-e', 'inject=fdatasync:delay_exit=20000'];
            $ini = ['localapi.busy_timeout' => 60_000];
            $writers[] = $this->start('create', [20], $ini, self::NOBODY, [], $slow);
        }
        $this->assertKept(Child::answersOf($writers), 81);
        $flushes = [];
        foreach ($traces as $writer => $trace) {
            preg_match_all('~^\d+ +([\d.]+) fdatasync~m', file_get_contents($trace), $lines);
            foreach ($lines[1] as $begin) {
                $flushes[] = [(float) $begin, $writer];
            }
            unlink($trace);
        }
        sort($flushes);
        $shared = 0;
        for ($i = 1; $i < count($flushes); $i++) {
            [$before, $now] = [$flushes[$i - 1], $flushes[$i]];
            // The one before takes 20 ms.
            $shared += $now[0] < $before[0] + 0.02 && $now[1] !== $before[1];
        }
        self::assertGreaterThan(20, $shared, 'of ' . count($flushes) . ' flushes');
    }

    /**
     * What one process does that creates a credential, from the last time it begins to write on: the calls of the kernel
     * that write or flush, and the end of the name of what they are about; what repeats only once.
     *
     * @param array<string, string> $ini
     * @return list<string>
     */
    private function trace(array $ini, string $script = 'ask'): array
    {
        $trace = "$this->folder/trace";
        $strace = ['strace', '-f', '-y', '-o', $trace, '-e', 'trace=pwrite64,fdatasync,fsync,write'];
        $worker = $this->start($script, [], $ini, self::NOBODY, [], $strace);
        $worker->ask();
        $worker->ask();
        $worker->kill();
        $found = [];
        foreach (file($trace) as $line) {
            if (preg_match('~^\d+ +(\w+)\((\d+)<([^>]*)>~', $line, $parts)) {
                [, $call, , $file] = $parts;
                $about = str_starts_with($file, $this->store) ? ' ' . substr($file, strlen($this->store)) : '';
                if (end($found) !== $call . $about) {
                    $found[] = $call . $about;
                }
            }
        }
        unlink($trace);
        return $found;
    }

    /** @return list<string> what runs PHP so that one of its flushes fails */
    private function failing(int $which): array
    {
        return ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=fdatasync',
            '-e', "inject=fdatasync:error=EIO:when=$which"];
    }

    private function assertCopied(int $count): void
    {
        for ($looks = 0; $this->copied() !== $count; $looks++) {
            self::assertLessThan(500, $looks, "there are {$this->copied()} in the database");
            usleep(10_000);
        }
    }

    private function rows(): int
    {
        return (int) $this->connect()->query('SELECT count(*) FROM tbloauthserver_clients')->fetchColumn();
    }

    /** How many credentials are in the database without its log. */
    private function copied(): int
    {
        copy($this->store, "$this->scratch/copy");
        $copy = new PDO("sqlite:file:$this->scratch/copy?immutable=1", null, null, [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
        return (int) $copy->query('SELECT count(*) FROM tbloauthserver_clients')->fetchColumn();
    }
}
