<?php

declare(strict_types=1);

namespace LocalApi\Endurance;

require_once __DIR__ . '/Processes.php';

/**
 * `benches/peer.php` has the same rules, written a second time in PHP: a mistake has to be made twice the same way.
 */
final class PeerTest extends Processes
{
    protected function setUp(): void
    {
        parent::setUp();
        copy(dirname(__DIR__, 2) . '/benches/peer.php', "$this->scratch/php/peer.php");
        chmod("$this->scratch/php/peer.php", 0644);
    }

    public function testWhatIsAnsweredAndStoredIsWhatASecondImplementationAnswersAndStores(): void
    {
        $count = self::amount(6_000, 100_000);
        $seed = self::amount(1, random_int(2, PHP_INT_MAX >> 32));
        $output = $this->start('compare', [$count, $seed, $this->store], ['localapi.durability' => 'normal'])->output();
        self::assertSame(1, preg_match('/^(\d+) calls, (\d+) sentences\n$/', $output, $found), "seed $seed: $output");
        self::assertSame($count, (int) $found[1]);
        // Each that a call can be answered with, of which some have their reason in them.
        self::assertGreaterThan(45, (int) $found[2]);
    }
}
