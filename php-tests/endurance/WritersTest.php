<?php

declare(strict_types=1);

namespace LocalApi\Endurance;

use PDO;

require_once __DIR__ . '/Processes.php';

/**
 * Many processes on one store.
 */
final class WritersTest extends Processes
{
    public function testSixteenProcessesThatStartTogetherAllFinish(): void
    {
        $count = self::amount(30, 500);
        for ($i = 0; $i < 16; $i++) {
            $writers[] = $this->start('create', [$count], ['localapi.busy_timeout' => 60_000]);
        }
        $answers = Child::answersOf($writers);
        self::assertCount(16 * $count, $answers);
        $this->assertKept($answers, 16 * $count);
    }

    public function testAScriptThatOpensAndClosesTheFileItselfLosesNothing(): void
    {
        $count = self::amount(150, 2_000);
        $patient = ['localapi.busy_timeout' => 60_000];
        $writers = [
            $this->start('create', [$count], $patient),
            $this->start('alternate', [$this->store, $count], $patient),
            $this->start('alternate', [$this->store, $count], $patient),
        ];
        $answers = Child::answersOf($writers);
        self::assertCount(3 * $count, $answers);
        $this->assertKept($answers, 3 * $count);
    }

    public function testAKilledProcessTakesNoAnsweredCredentialAlong(): void
    {
        $answers = [];
        for ($kill = self::amount(10, 100); $kill > 0; $kill--) {
            $writers = [$this->start('create', [0]), $this->start('create', [0])];
            usleep(random_int(20_000, 400_000));
            foreach ($writers as $writer) {
                array_push($answers, ...$writer->answersUntilKilled());
            }
            // What the next one finds is a store that works.
            array_push($answers, ...$this->start('create', [1])->answers());
        }
        $this->assertKept($answers);
    }

    public function testWhatAStoreHasAnsweredStaysWhereverACopyBegins(): void
    {
        $from = "$this->folder/source.sqlite";
        $this->start('create', [3], ['localapi.dsn' => "sqlite:$from"])->answers();
        $copied = $kept = 0;
        // How long a process takes to start depends on how busy the machine is.
        $wait = 25_000;
        for ($round = self::amount(40, 400); $round > 0; $round--) {
            $worker = $this->start('ask');
            // The store is there, and new.
            self::assertSame('error', $worker->ask(['scope' => 'none'])['result']);
            $copy = $this->start('copy', ["sqlite:$from", "sqlite:$this->store"]);
            usleep(random_int(intdiv($wait, 2), 2 * $wait));
            $answers = array_filter([$worker->ask()], fn (array $answer): bool => $answer['result'] === 'success');
            $report = $copy->answers();
            self::assertContains(array_keys(end($report)), [['message'], ['rows', 'secrets', 'unreadable', 'leftOut']]);
            $isCopied = isset(end($report)['rows']);
            $copied += $isCopied ? 1 : 0;
            $kept += count($answers);
            // As often before the copy begins as after that: what is in a store already keeps a copy out of it.
            $wait = (int) ($isCopied ? $wait * 0.8 : $wait * 1.25);
            $there = $this->connect()->query('SELECT identifier FROM tbloauthserver_clients')->fetchAll(PDO::FETCH_COLUMN);
            self::assertSame([], array_diff(array_column($answers, 'clientIdentifier'), $there));
            $worker->kill();
            array_map('unlink', glob("$this->store*"));
        }
        self::assertGreaterThan(0, $copied);
        self::assertGreaterThan(0, $kept);
    }

    public function testAProcessKilledWhileItMakesTheStoreLeavesOneThatWorks(): void
    {
        for ($kill = self::amount(10, 100); $kill > 0; $kill--) {
            $writer = $this->start('create', [0]);
            // PHP itself takes about as long to start.
            usleep(random_int(20_000, 60_000));
            $answers = $writer->answersUntilKilled();
            array_push($answers, ...$this->start('create', [1])->answers());
            $this->assertKept($answers);
            array_map('unlink', glob("$this->folder/*"));
        }
    }
}
