<?php

declare(strict_types=1);

namespace LocalApi\Endurance;

require_once __DIR__ . '/Processes.php';

/**
 * Many processes on one store.
 */
final class WritersTest extends Processes
{
    public function testSixteenProcessesThatStartTogetherAllFinish(): void
    {
        $count = self::size(30, 500);
        for ($i = 0; $i < 16; $i++) {
            $writers[] = $this->start('create', [$count], ['localapi.busy_timeout' => 60_000]);
        }
        $answers = Child::answersOf($writers);
        self::assertCount(16 * $count, $answers);
        $this->assertKept($answers, 16 * $count);
    }

    public function testAScriptThatOpensAndClosesTheFileItselfLosesNothing(): void
    {
        $count = self::size(150, 2_000);
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
        for ($kill = self::size(10, 100); $kill > 0; $kill--) {
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

    public function testAProcessKilledWhileItMakesTheStoreLeavesOneThatWorks(): void
    {
        for ($kill = self::size(10, 100); $kill > 0; $kill--) {
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
