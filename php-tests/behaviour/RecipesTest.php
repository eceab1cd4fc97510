<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\Group;
use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/../process.php';

/**
 * Suites that have fakes of their own, with the INI entries that docs/testing.md gives for each.
 *
 * @group file
 */
#[Group('file')]
final class RecipesTest extends TestCase
{
    private const SANDBOX = ['localapi.sandbox' => '1'];

    /** @dataProvider recipes */
    #[DataProvider('recipes')]
    public function test_a_suite_passes_by_its_recipe(string $suite, array $ini): void
    {
        self::assertMatchesRegularExpression('/^OK/m', self::said($suite, $ini));
    }

    public static function recipes(): array
    {
        $all = ['disable_functions' => 'localapi,add_hook,run_hook,logactivity,logmodulecall'];
        $prepended = ['auto_prepend_file' => __DIR__ . '/recipes/glue.php'];
        return [
            'guarded, without the sandbox' => ['GuardedSuite', ['disable_functions' => 'localapi']],
            'guarded, with it' => ['GuardedSuite', self::SANDBOX + ['disable_functions' => 'localapi,logactivity']],
            'unguarded, without the sandbox' => ['UnguardedSuite', ['disable_functions' => 'localapi']],
            'unguarded, with it' => ['UnguardedSuite', self::SANDBOX + ['disable_functions' => 'localapi,logactivity']],
            'unguarded, all off' => ['UnguardedSuite', self::SANDBOX + $all],
            'in a namespace, without the sandbox' => ['NamespacedSuite', []],
            'in a namespace, with it' => ['NamespacedSuite', self::SANDBOX],
            'a recorder of its own' => ['MixedSuite', self::SANDBOX + ['disable_functions' => 'logactivity']],
            'global arrays' => ['RecordingSuite', self::SANDBOX + $prepended],
        ];
    }

    public function test_without_its_recipe_a_suite_fails_with_a_word_of_localapi(): void
    {
        $hint = 'LocalApi\handle() or the sandbox (localapi.sandbox=1) would answer it.';
        self::assertStringContainsString($hint, self::said('GuardedSuite', []));
        $hint = 'LocalApi\Sandbox::fake() or LocalApi\handle() would answer it.';
        self::assertStringContainsString($hint, self::said('GuardedSuite', self::SANDBOX));
        self::assertStringContainsString('Cannot redeclare', self::said('UnguardedSuite', []));
    }

    public function test_with_the_sandbox_alone_a_guarded_recorder_records_nothing(): void
    {
        self::assertStringContainsString("-    0 => 'Greeted A'", self::said('MixedSuite', self::SANDBOX));
    }

    /** What PHPUnit says of one of these suites. */
    private static function said(string $suite, array $ini): string
    {
        $folder = scratch_folder();
        $entries = array_map(fn ($name, $value) => "{$name} = \"{$value}\"\n", array_keys($ini), $ini);
        file_put_contents("{$folder}/recipe.ini", implode('', $entries));
        $command = [PHP_BINARY, $_SERVER['argv'][0], '--no-configuration', __DIR__ . "/recipes/{$suite}.php"];
        return run($command, ['PHP_INI_SCAN_DIR' => $folder]);
    }
}
