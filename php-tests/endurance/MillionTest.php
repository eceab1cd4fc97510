<?php

declare(strict_types=1);

namespace LocalApi\Endurance;

require_once __DIR__ . '/Processes.php';

/**
 * A process that calls for a long time holds what it stores in memory, and nothing else.
 */
final class MillionTest extends Processes
{
    private const MEMORY = ['localapi.dsn' => 'sqlite::memory:'];

    public function testCallsThatStoreNothingTakeNoMemory(): void
    {
        $more = (int) $this->start('many', ['refuse', self::amount(60_000, 1_000_000)], self::MEMORY)->output();
        // Not even one byte per call in full size.
        self::assertLessThan(512, $more);
    }

    public function testCallsThatStoreTakeTheMemoryOfTheirRows(): void
    {
        $calls = self::amount(60_000, 1_000_000);
        $more = (int) $this->start('many', ['create', $calls], self::MEMORY)->output();
        // What the same rows take in a file.
        $rows = 5_000;
        $this->start('many', ['create', $rows], ['localapi.durability' => 'normal'])->output();
        $row = filesize($this->store) / $rows / 1024;
        // SQLite needs 22 % more for a page of 2,048 bytes in memory, PHP's own too.
        self::assertLessThan(($calls - 10_000) * $row * 1.25 + 1_024, $more);
    }
}
