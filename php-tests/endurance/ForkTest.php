<?php

declare(strict_types=1);

namespace LocalApi\Endurance;

require_once __DIR__ . '/Processes.php';

/**
 * SQLite's locks don't survive a fork: a child that goes on with its parent's connection loses credentials.
 */
final class ForkTest extends Processes
{
    private const CHILDREN = 8;
    private const PATIENT = ['localapi.busy_timeout' => 60_000];

    public function testChildrenOfAParentThatHasUsedTheStoreLoseNothing(): void
    {
        $count = self::amount(25, 500);
        $answers = $this->start('fork', [self::CHILDREN, $count, 1], self::PATIENT)->answers();
        $total = 1 + (self::CHILDREN + 1) * $count;
        self::assertCount($total, $answers);
        $this->assertKept($answers, $total);
    }

    public function testAParentThatEndsFirstTakesNothingAlong(): void
    {
        $count = self::amount(25, 500);
        $answers = $this->start('fork', [self::CHILDREN, $count, 0], self::PATIENT)->answers();
        $total = 1 + self::CHILDREN * $count;
        self::assertCount($total, $answers);
        $this->assertKept($answers, $total);
    }

    public function testAProcessThatOpensAndClosesTheStoreMeanwhileTakesNothingAlong(): void
    {
        $count = self::amount(25, 500);
        $visitors = [$this->start('visit', [$this->store]), $this->start('visit', [$this->store])];
        foreach ($visitors as $visitor) {
            self::assertSame('ready', $visitor->line());
        }
        foreach ([0, 1] as $stays) {
            $family = $this->start('fork', [self::CHILDREN, $count, $stays], self::PATIENT);
            $all[] = $family->answers();
        }
        foreach ($visitors as $visitor) {
            $visitor->output();
        }
        $total = 2 + (2 * self::CHILDREN + 1) * $count;
        self::assertCount($total, array_merge(...$all));
        $this->assertKept(array_merge(...$all), $total);
    }

    public function testWorkersOfAMasterThatHasPreloadedLoseNothing(): void
    {
        $count = self::amount(25, 500);
        $ini = self::PATIENT + ['opcache.enable' => 1, 'opcache.preload' => "$this->scratch/php/preload.php"];
        $visitor = $this->start('visit', [$this->store]);
        $fpm = $this->startFpm(self::CHILDREN, $ini);
        self::assertSame(1, (int) $this->connect()->query('SELECT count(*) FROM tbloauthserver_clients')->fetchColumn());
        for ($i = 0; $i < self::CHILDREN; $i++) {
            $requests[] = $fpm->send("$this->scratch/php/create.php", ['count' => $count]);
        }
        $bodies = implode('', array_map([$fpm, 'receive'], $requests));
        $fpm->kill();
        $visitor->output();
        $lines = explode("\n", trim($bodies));
        $answers = array_map(static fn (string $line): ?array => json_decode($line, true), $lines);
        self::assertCount(self::CHILDREN * $count, $answers, $bodies);
        $this->assertKept($answers, 1 + self::CHILDREN * $count);
    }
}
