<?php

declare(strict_types=1);

namespace LocalApi\Endurance;

require_once __DIR__ . '/Processes.php';

/**
 * Every kind of value that PHP can pass, wherever one can be passed.
 */
final class ValuesTest extends Processes
{
    private const MEMORY = ['localapi.dsn' => 'sqlite::memory:'];

    public function testNoValueIsACrashAWarningOrALeak(): void
    {
        $output = $this->start('values', [3, self::amount(4, 40)], self::MEMORY)->output();
        self::assertSame(1, preg_match('/^more memory: (-?\d+)\n$/', $output, $found), $output);
        // Half of one of the long strings, let alone one in each round; the table of credentials is less than that.
        self::assertLessThan(self::amount(4_000, 12_000), (int) $found[1]);
    }

    public function testAFileStoreTakesTheSameValues(): void
    {
        $output = $this->start('values', [1, 0])->output();
        self::assertSame("done\n", $output);
        $integrity = $this->connect()->query('PRAGMA integrity_check')->fetchColumn();
        self::assertSame('ok', $integrity);
    }

    /** Under valgrind in full size; otherwise with an allocator that spoils what is freed. */
    public function testMemoryIsUsedAsItMustBe(): void
    {
        $through = ['env', 'USE_ZEND_ALLOC=0', 'ZEND_DONT_UNLOAD_MODULES=1', 'MALLOC_PERTURB_=165', 'MALLOC_CHECK_=3'];
        if (self::amount(0, 1) === 1) {
            array_push($through, 'valgrind', '-q', '--error-exitcode=99', '--leak-check=full');
            array_push($through, '--errors-for-leak-kinds=definite', '--suppressions=' . __DIR__ . '/valgrind.supp');
        }
        $output = $this->start('values', [1, 0], self::MEMORY, self::NOBODY, [], $through)->output();
        self::assertSame("done\n", $output);
    }
}
