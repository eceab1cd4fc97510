<?php

declare(strict_types=1);

use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/../process.php';

/** What the Makefile does with a target folder of its own, and what it says. */
final class MakefileTest extends TestCase
{
    private const ROOT = __DIR__ . '/../..';

    /** A folder as `target`, with the library in it. */
    private string $target;

    private string $scratch;

    protected function setUp(): void
    {
        $this->scratch = scratch_folder();
        $this->target = "$this->scratch/target";
        mkdir("$this->target/release", 0700, true);
        copy(dirname((string) php_ini_loaded_file()) . '/release/liblocalapi.so', $this->library());
    }

    public function test_a_version_that_is_installed_is_neither_loaded_nor_configured(): void
    {
        $installed = "$this->scratch/installed";
        mkdir("$installed/conf.d", 0700, true);
        copy($this->library(), "$installed/localapi.so");
        $others = preg_grep('/^(?:zend_)?extension=/', file((string) php_ini_loaded_file()));
        file_put_contents("$installed/php.ini", implode('', $others) . "extension=\"$installed/localapi.so\" ; ours\n");
        file_put_contents("$installed/conf.d/30-own.ini", "memory_limit=1G\nextension = localapi");
        file_put_contents("$installed/conf.d/40-own.ini", 'localapi.dsn="sqlite:/elsewhere/store.sqlite"');
        $system = ['PHPRC' => "$installed/php.ini", 'PHP_INI_SCAN_DIR' => "$installed/conf.d"];
        self::assertSame([0, ''], $this->make(['ini'], $system));
        $look = 'preg_match_all("~/\S*localapi\.so$~m", file_get_contents("/proc/self/maps"), $loaded);
            echo implode(" ", array_unique($loaded[0])), "|", ini_get("localapi.dsn"), "|", ini_get("memory_limit");';
        $said = php($look, [], ['PHPRC' => "$this->target/php.ini", 'LOCALAPI_TEST_DSN' => null]);
        self::assertSame("{$this->library()}||128M", $said);
    }

    /** @return array{int, string} the status of make, and what it says */
    private function make(array $arguments, array $environment = []): array
    {
        $command = implode(' ', array_map('escapeshellarg', ['make', '-sC', self::ROOT, ...$arguments]));
        // As from a shell, and not from the make that runs this.
        $own = ['CARGO_TARGET_DIR' => $this->target, 'MAKEFLAGS' => null, 'MAKELEVEL' => null, 'MFLAGS' => null];
        $own += ['PHPRC' => null, 'PHP_INI_SCAN_DIR' => null];
        $output = run(['sh', '-c', "$command </dev/null; echo \"status \$?\""], $environment + $own);
        self::assertSame(1, preg_match('/^(.*)status (\d+)$/s', trim($output), $found), $output);
        return [(int) $found[2], trim($found[1])];
    }

    private function library(): string
    {
        return "$this->target/release/liblocalapi.so";
    }
}
