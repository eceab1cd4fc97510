<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\Group;
use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/../process.php';

/**
 * LocalApi\Sandbox. It needs `localapi.sandbox=1` from the start, so its tests run in processes of their own.
 *
 * @group file
 */
#[Group('file')]
final class SandboxTest extends TestCase
{
    private const WITHOUT_EFFECT = "\nWarning: PHP Startup: localapi.sandbox has no effect: localapi.dsn is neither empty "
        . "nor sqlite::memory: in Unknown on line 0\n";

    public function testTheSuitesInTheSandboxPass(): void
    {
        $folder = scratch_folder();
        file_put_contents("{$folder}/sandbox.ini", "localapi.sandbox = 1\n");
        foreach (glob(__DIR__ . '/*Suite.php') as $suite) {
            $this->assertPasses('\\d+', $folder, __DIR__ . '/../phpunit.xml', $suite);
        }
    }

    public function testTheExamplesPassInAFolderOfTheirOwn(): void
    {
        // Where PHP looks for files that others have installed.
        $installed = scratch_folder();
        symlink(realpath(__DIR__ . '/../../sandbox'), "{$installed}/localapi");
        $path = "{$installed}:" . get_include_path();
        file_put_contents("{$installed}/path.ini", "include_path = \"{$path}\"");
        $folder = scratch_folder();
        run(['cp', '-R', __DIR__ . '/../../examples/.', $folder]);
        foreach (['module' => '4', 'addon' => '11'] as $example => $tests) {
            $ini = "{$folder}/{$example}/php.d:{$installed}";
            $this->assertPasses($tests, $ini, "{$folder}/{$example}/phpunit.xml");
        }
    }

    /** @dataProvider stores */
    #[DataProvider('stores')]
    public function testTenThousandTestsInOneProcessLeaveNoGrowth(string $begin, int $tests): void
    {
        $code = <<<'PHP'
            use LocalApi\Sandbox;
            $hooks = getenv('HOOKS');
            $test = function (int $number) use ($hooks): void {
                Sandbox::reset($number % 2 === 0);
                Sandbox::preventStrayCalls();
                Sandbox::fake('SendEmail', ['result' => 'success', 'number' => $number]);
                Sandbox::loadHooks($hooks);
                Sandbox::addService(Sandbox::addClient(['id' => 42]), ['id' => 7] + ($number % 50 ? [] : ['extra' => 1]));
                run_hook('AfterModuleCreate', ['params' => ['serviceid' => 7]]);
                count(Sandbox::calls('SendEmail')) === 1 || throw new Exception("test $number");
            };
            $resident = function (): int {
                preg_match('/VmRSS:\s*(\d+)/', file_get_contents('/proc/self/status'), $found);
                return (int) $found[1];
            };
            $used = [];
            for ($number = 1; $number <= TESTS; ++$number) {
                $test($number);
                if ($number % (TESTS / 10) === 0) {
                    $used[] = [memory_get_usage(), $resident()];
                }
            }
            // The second tenth, by when all is there, and the last.
            echo json_encode([$used[9][0] - $used[1][0] < 10_000, $used[9][1] - $used[1][1] < 1_024]);
            PHP;
        $environment = ['HOOKS' => realpath(__DIR__ . '/../../examples/module/hooks.php')];
        $said = php("const TESTS = {$tests}; {$begin} {$code}", ['localapi.sandbox' => 1], $environment);
        self::assertSame('[true,true]', $said);
    }

    public static function stores(): array
    {
        return [
            'in memory' => ['', 10_000],
            'shared with PDO' => ['$pdo = new PDO(LocalApi\Sandbox::pdoDsn());', 2_000],
        ];
    }

    public function testWhatTheExampleTestsEndsAllWhereWhmcsIsNotDefined(): void
    {
        $hooks = var_export(__DIR__ . '/../../examples/module/hooks.php', true);
        $code = "require {$hooks}; echo count(LocalApi\\Sandbox::hooks());";
        self::assertSame('This file cannot be accessed directly', php($code));
        self::assertSame('1', php($code, ['localapi.sandbox' => 1]));
    }

    public function testEveryMethodThrowsOutsideTheSandbox(): void
    {
        $code = <<<'PHP'
            foreach ((new ReflectionClass('LocalApi\Sandbox'))->getMethods() as $method) {
                try {
                    $method->invoke(null);
                } catch (LogicException $e) {
                    echo $method->name, ': ', $e->getMessage(), "\n";
                }
            }
            PHP;
        $methods = array_map(fn ($method) => $method->name, (new ReflectionClass('LocalApi\Sandbox'))->getMethods());
        self::assertCount(18, $methods);
        $all = fn (string $why) => implode('', array_map(fn ($name) => "{$name}: LocalApi\\Sandbox {$why}\n", $methods));
        $off = 'needs localapi.sandbox=1 in php.ini, and a store in memory';
        self::assertSame($all($off), php($code));
        $file = scratch_folder() . '/store.sqlite';
        $elsewhere = 'needs a store in memory: leave localapi.dsn empty in php.ini, or set it to sqlite::memory:';
        $printed = php($code, ['localapi.sandbox' => 1, 'localapi.dsn' => "sqlite:{$file}"]);
        self::assertSame(self::WITHOUT_EFFECT . $all($elsewhere), $printed);
        self::assertFileDoesNotExist($file);
    }

    public function testTheGlobalFunctionsAreTheSandboxsOnly(): void
    {
        $names = '["add_hook", "run_hook", "logActivity", "logModuleCall"]';
        $code = "echo json_encode(array_map(function_exists(...), {$names}));";
        self::assertSame('[false,false,false,false]', php($code));
        self::assertSame('[true,true,true,true]', php($code, ['localapi.sandbox' => 1]));
        $ini = ['localapi.sandbox' => 1, 'localapi.dsn' => 'sqlite:' . scratch_folder() . '/store.sqlite'];
        self::assertSame(self::WITHOUT_EFFECT . '[false,false,false,false]', php($code, $ini));
        $ini = ['localapi.sandbox' => 1, 'disable_functions' => 'run_hook,logmodulecall'];
        self::assertSame('[true,false,true,false]', php($code, $ini));
    }

    public function testStubsOfASuiteNeverMeetCannotRedeclare(): void
    {
        $guarded = 'if (!function_exists("add_hook")) { function add_hook() { return "stub"; } } ';
        self::assertSame('stub', php($guarded . 'echo add_hook();'));
        $used = $guarded . 'add_hook("P", 1, fn () => 1); echo run_hook("P")[0];';
        self::assertSame('1', php($used, ['localapi.sandbox' => 1]));
        $unguarded = 'function add_hook() { return "stub"; } echo add_hook();';
        $ini = ['localapi.sandbox' => 1, 'disable_functions' => 'add_hook'];
        self::assertSame('stub', php($unguarded, $ini));
        $namespaced = 'namespace App; function localAPI() { return "stub"; } echo localAPI();';
        self::assertSame('stub', php($namespaced, ['localapi.sandbox' => 1]));
    }

    /** Runs PHPUnit with a folder of INI files. PHPUnit 13 has another name for an attribute that 9.6 needs, and says so. */
    private function assertPasses(string $tests, string $folder, string $configuration, string ...$more): void
    {
        $command = [PHP_BINARY, $_SERVER['argv'][0], '-c', $configuration, ...$more];
        $output = run($command, ['PHP_INI_SCAN_DIR' => $folder]);
        $passed = "OK \\($tests tests, |OK, but there were issues!\nTests: $tests, Assertions: \\d+, PHPUnit Deprecations: 1\\.$";
        self::assertMatchesRegularExpression("/^(?:$passed)/m", $output);
    }
}
