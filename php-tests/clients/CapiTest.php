<?php

declare(strict_types=1);

use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/../process.php';

/** The C interface, called by programs that aren't PHP. */
final class CapiTest extends TestCase
{
    public function test_a_program_in_c_calls_it(): void
    {
        $folder = scratch_folder();
        $include = __DIR__ . '/../../include';
        $library = (string) getenv('LOCALAPI_TEST_CAPI');
        $warnings = ['-Wall', '-Wextra', '-Werror', '-std=c11', '-D_POSIX_C_SOURCE=200809L'];
        $command = ['cc', ...$warnings, "-I$include", __DIR__ . '/capi.c', $library, '-o', "$folder/capi"];
        self::assertSame('', run([...$command, '-Wl,-rpath,' . dirname($library)]));
        self::assertSame("well\n", run(["$folder/capi", "$folder/store.sqlite"]));
    }

    public function test_threads_of_python_share_a_handle(): void
    {
        $folder = scratch_folder();
        $command = ['python3', __DIR__ . '/capi.py', (string) getenv('LOCALAPI_TEST_CAPI'), "$folder/store.sqlite"];
        self::assertSame("well\n", run($command));
    }

    public function test_the_ffi_of_php_declares_what_the_header_does(): void
    {
        $functions = function (string $file): array {
            $code = file_get_contents(__DIR__ . "/../../$file");
            preg_match_all('/^ *((?:char|void|localapi) \*?localapi_\w+\([^;]*\));/m', $code, $found);
            return preg_replace('/\s+/', ' ', $found[1]);
        };
        self::assertSame($functions('include/localapi.h'), $functions('ffi/localapi.php'));
        self::assertCount(6, $functions('include/localapi.h'));
    }
}
