<?php

declare(strict_types=1);

namespace LocalApi\Endurance;

require_once __DIR__ . '/Processes.php';

/**
 * The files of a store while it is in use: read by the worker itself, and opened and closed by programs that know
 * SQLite only.
 */
final class FilesInUseTest extends Processes
{
    public function testAWorkerThatReadsTheFilesItselfLosesNothingToAProgramThatClosesThem(): void
    {
        $worker = $this->start('read-files-asked', [$this->store]);
        $answers = [$worker->ask()];
        foreach (['open-and-close', 'create'] as $other) {
            $child = $this->start($other, $other === 'create' ? [1] : [$this->store, 0.2]);
            array_push($answers, ...$child->answers());
            for ($i = 0; $i < 5; $i++) {
                $answers[] = $worker->ask();
            }
        }
        array_push($answers, ...$worker->answersUntilKilled());
        array_push($answers, ...$this->start('create', [1])->answers());
        $this->assertKept($answers, count($answers));
    }

    public function testWorkersThatReadTheFilesLoseNothingAmongOthersThatOpenAndCloseThem(): void
    {
        $this->start('create', [1])->answers();
        $seconds = self::amount(3, 60);
        for ($i = 0; $i < 2; $i++) {
            $others[] = $this->start('open-and-close', [$this->store, $seconds]);
        }
        $answers = [];
        for ($end = microtime(true) + $seconds; microtime(true) < $end;) {
            $killed = $this->start('read-files', [$this->store, 100_000], ['localapi.busy_timeout' => 60_000]);
            $whole = $this->start('read-files', [$this->store, 40], ['localapi.busy_timeout' => 60_000]);
            array_push($answers, ...$whole->answers());
            array_push($answers, ...$killed->answersUntilKilled());
        }
        foreach ($others as $other) {
            $other->output();
        }
        self::assertGreaterThan(50, count($answers));
        $this->assertKept($answers);
    }

    public function testALogThatIsRemovedWhileTheStoreIsInUseTakesNothingThatIsAnsweredAfterThat(): void
    {
        $worker = $this->start('read-files-asked', [$this->store]);
        $worker->ask();
        foreach (['-wal', '-shm'] as $suffix) {
            $before = $this->start('create', [1])->answers();
            unlink($this->store . $suffix);
            $answers = [$worker->ask(), $worker->ask()];
            $other = $this->start('create', [1])->answers();
            $stored = $this->connect()->query('SELECT identifier FROM tbloauthserver_clients')->fetchAll(\PDO::FETCH_COLUMN);
            foreach (array_merge($answers, $other) as $answer) {
                self::assertContains($answer['clientIdentifier'], $stored, "after $suffix was removed");
            }
            self::assertCount(1, $before);
        }
    }

    public function testALogThatAFileIsMountedOverTakesNothingThatIsAnsweredAfterThat(): void
    {
        $worker = $this->start('ask');
        $first = $worker->ask();
        $verify = ['verify' => [$first['clientIdentifier'], $first['clientSecret']]];
        $other = "$this->folder/other";
        touch($other);
        chown($other, self::NOBODY);
        // Nothing changes in the folder from then on.
        usleep(200_000);
        for ($i = 0; $i < 3; $i++) {
            self::assertSame($first['credentialId'], $worker->ask($verify)['credentialId']);
        }
        $this->mountOver($other, "$this->store-wal");
        $answer = $worker->ask();
        $stored = $this->connect()->query('SELECT identifier FROM tbloauthserver_clients')->fetchAll(\PDO::FETCH_COLUMN);
        self::assertContains($answer['clientIdentifier'] ?? $answer['message'], $stored);
    }

    public function testACommitToALogThatIsRemovedMeanwhileIsMadeAgain(): void
    {
        $this->start('create', [1])->answers();
        // The log goes when the commit is in it, and before it is flushed.
        $stopped = "$this->folder/stopped";
        $child = $this->start('create', [1], [], self::NOBODY, [], [
            'strace', '-f', '-qq', '-o', $stopped, '-e', 'trace=fdatasync', '-e', 'inject=fdatasync:signal=STOP:when=1',
        ]);
        for ($tries = 0; $tries < 500 && !preg_match('/^(\d+).*stopped by SIGSTOP/m', (string) @file_get_contents($stopped), $found); $tries++) {
            usleep(10_000);
        }
        self::assertNotEmpty($found, 'the process was stopped');
        unlink("$this->store-wal");
        unlink("$this->store-shm");
        $others = $this->start('create', [2])->answers();
        posix_kill((int) $found[1], SIGCONT);
        $answers = $child->answers();
        self::assertSame('success', $answers[0]['result'], json_encode($answers));
        $stored = $this->connect()->query('SELECT identifier FROM tbloauthserver_clients')->fetchAll(\PDO::FETCH_COLUMN);
        foreach (array_merge($answers, $others) as $answer) {
            self::assertContains($answer['clientIdentifier'], $stored);
        }
        $this->assertSound($this->connect());
    }
}
