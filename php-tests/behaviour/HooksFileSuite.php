<?php

declare(strict_types=1);

use LocalApi\Sandbox;
use PHPUnit\Framework\Attributes\Depends;
use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/../process.php';

/** LocalApi\Sandbox::loadHooks(); SandboxTest runs this in a sandbox. */
final class HooksFileSuite extends TestCase
{
    private static string $folder;

    public static function setUpBeforeClass(): void
    {
        self::$folder = scratch_folder();
    }

    protected function setUp(): void
    {
        Sandbox::reset();
        $GLOBALS['included'] = [];
    }

    /** Writes a file that counts how often it's included, and returns its path. */
    private static function file(string $name, string $code): string
    {
        $path = self::$folder . "/{$name}.php";
        file_put_contents($path, "<?php\n\$GLOBALS['included'][] = '{$name}';\n{$code}\n");
        return $path;
    }

    public function testAFileIsIncludedOnceAndItsHooksAreThereAfterEachReset(): void
    {
        $file = self::file('once', '
            function declared_once() { return "function"; }
            add_hook("P", 2, "declared_once");
            add_hook("P", 1, fn () => "first");
            add_hook("P", 1, fn () => "second");
            add_hook("Q", 1, fn (array $vars) => $vars);
        ');
        for ($test = 1; $test <= 3; ++$test) {
            Sandbox::reset();
            self::assertSame([], Sandbox::hooks());
            add_hook('P', 1, fn () => 'own');
            Sandbox::loadHooks($file);
            self::assertSame(['own', 'first', 'second', 'function'], run_hook('P'));
            self::assertSame([['a' => 1]], run_hook('Q', ['a' => 1]));
        }
        self::assertSame(['once'], $GLOBALS['included']);
    }

    /** @depends testAFileIsIncludedOnceAndItsHooksAreThereAfterEachReset */
    #[Depends('testAFileIsIncludedOnceAndItsHooksAreThereAfterEachReset')]
    public function testAnotherTestGetsThemToo(): void
    {
        Sandbox::loadHooks(self::$folder . '/once.php');
        self::assertCount(4, Sandbox::hooks());
        self::assertSame([], $GLOBALS['included']);
    }

    public function testHooksThatAreThereAreNotAddedAgain(): void
    {
        $file = self::file('twice', 'add_hook("P", 1, fn () => 1);');
        Sandbox::loadHooks($file);
        Sandbox::loadHooks($file);
        Sandbox::loadHooks(self::$folder . '/./twice.php');
        symlink($file, self::$folder . '/link.php');
        Sandbox::loadHooks(self::$folder . '/link.php');
        self::assertSame([1], run_hook('P'));
        self::assertSame(['twice'], $GLOBALS['included']);
    }

    public function testHooksOfFunctionsThatAreCalledLaterAreNotTheFiles(): void
    {
        $file = self::file('later', 'add_hook("P", 1, fn () => add_hook("Later", 1, fn () => 1));');
        Sandbox::loadHooks($file);
        run_hook('P');
        self::assertCount(2, Sandbox::hooks());
        Sandbox::reset();
        Sandbox::loadHooks($file);
        self::assertSame(['P'], array_column(Sandbox::hooks(), 'point'));
    }

    public function testAFileThatThrowsIsNotRemembered(): void
    {
        $file = self::file('throws', 'add_hook("P", 1, fn () => 1); throw new DomainException("mine");');
        for ($attempt = 1; $attempt <= 2; ++$attempt) {
            Sandbox::reset();
            try {
                Sandbox::loadHooks($file);
                self::fail('no exception');
            } catch (DomainException $exception) {
                self::assertSame('mine', $exception->getMessage());
            }
        }
        self::assertSame(['throws', 'throws'], $GLOBALS['included']);
        Sandbox::reset();
        Sandbox::loadHooks(self::file('throws', 'add_hook("P", 1, fn () => 2);'));
        self::assertSame([2], run_hook('P'));
    }

    /** PHP itself would end here, and PHPUnit with it. */
    public function testAFileThatPhpCannotIncludeAgainIsALogicExceptionThatSaysWhy(): void
    {
        $declarations = [
            'declared_then_thrown' => 'function declared_then_thrown() { }',
            'DeclaredThenThrown' => 'final class DeclaredThenThrown { }',
            'ThrownChild' => 'class ThrownChild extends ArrayObject implements Stringable { function __toString() { } }',
        ];
        foreach ($declarations as $name => $declaration) {
            $file = self::file("throws-{$name}", "{$declaration} throw new DomainException('mine');");
            $said = [];
            for ($attempt = 1; $attempt <= 3; ++$attempt) {
                try {
                    Sandbox::loadHooks($file);
                } catch (DomainException | LogicException $exception) {
                    $said[] = $exception->getMessage();
                }
            }
            $why = "\"{$file}\" was included before, and PHP can't declare its \"{$name}\" again: mend what it threw then, "
                . 'or let LocalApi\Sandbox::loadHooks() be the first to include it';
            self::assertSame(['mine', $why, $why], $said);
        }
        $file = self::file('required', 'function required_by_others() { }');
        require $file;
        $this->expectException(LogicException::class);
        $this->expectExceptionMessage('PHP can\'t declare its "required_by_others" again');
        Sandbox::loadHooks($file);
    }

    public function testAFileThatDeclaresUnderAConditionIsIncludedAgain(): void
    {
        $declared = 'if (!function_exists("only_once")) { function only_once() { } class OnlyOnce { } }';
        $file = self::file('guarded', "{$declared} add_hook('P', 1, fn () => 1);");
        require $file;
        Sandbox::reset();
        Sandbox::loadHooks($file);
        self::assertSame([1], run_hook('P'));
    }

    public function testAFileThatIsNotThereOrCannotBeParsedIsPhpsOwnError(): void
    {
        $path = self::$folder . '/missing.php';
        $said = [];
        set_error_handler(function (int $level, string $message) use (&$said): bool {
            $said[] = $message;
            return true;
        });
        try {
            Sandbox::loadHooks($path);
            self::fail('no error');
        } catch (Error $error) {
            self::assertStringStartsWith("Failed opening required '{$path}'", $error->getMessage());
        } finally {
            restore_error_handler();
        }
        self::assertSame(["require({$path}): Failed to open stream: No such file or directory"], $said);
        try {
            Sandbox::loadHooks(self::file('missing', 'add_hook('));
            self::fail('no error');
        } catch (ParseError $error) {
            self::assertSame($path, $error->getFile());
        }
        Sandbox::loadHooks(self::file('missing', 'add_hook("P", 1, fn () => 1);'));
        self::assertSame([1], run_hook('P'));
        $this->expectException(ValueError::class);
        $this->expectExceptionMessage('Argument #1 ($file) must not contain any null bytes');
        Sandbox::loadHooks("{$path}\0");
    }

    public function testARelativePathIsResolvedAsRequireDoes(): void
    {
        self::file('relative', 'add_hook("P", 1, fn () => "working folder");');
        mkdir(self::$folder . '/included');
        file_put_contents(self::$folder . '/included/in-path.php', '<?php add_hook("P", 2, fn () => "include_path");');
        [$folder, $path] = [getcwd(), set_include_path(self::$folder . '/included')];
        try {
            chdir(self::$folder);
            Sandbox::loadHooks('./relative.php');
            Sandbox::loadHooks('in-path.php');
            chdir('/');
            Sandbox::loadHooks('relative-hooks.php');
        } finally {
            chdir($folder);
            set_include_path($path);
        }
        self::assertSame(['working folder', 'include_path', "this file's folder"], run_hook('P'));
    }

    public function testAFileHasAScopeOfItsOwn(): void
    {
        $mine = 'mine';
        Sandbox::loadHooks(self::file('scope', '
            $GLOBALS["seen"] = array_keys(get_defined_vars());
            $mine = "the file\'s";
            $closure = function () { return 1; };
            add_hook("P", 1, fn () => [isset($this), (new ReflectionFunction($closure))->getClosureScopeClass()]);
            function declared_in_a_file() { return "global"; }
        '));
        self::assertSame(['mine', ['file']], [$mine, $GLOBALS['seen']]);
        self::assertSame([[false, null]], run_hook('P'));
        self::assertSame('global', declared_in_a_file());
    }

    public function testAFileMayLoadOthersAndItself(): void
    {
        $inner = self::file('inner', 'add_hook("P", 1, fn () => "inner");');
        $outer = self::file('outer', '
            LocalApi\Sandbox::loadHooks(__FILE__);
            LocalApi\Sandbox::loadHooks(__DIR__ . "/inner.php");
            add_hook("P", 1, fn () => "outer");
        ');
        foreach ([[$outer], [$outer], [$inner, $outer], [$outer, $inner]] as $files) {
            Sandbox::reset();
            array_map(Sandbox::loadHooks(...), $files);
            self::assertSame(['inner', 'outer'], run_hook('P'));
        }
        Sandbox::reset();
        Sandbox::loadHooks($inner);
        self::assertSame(['inner'], run_hook('P'));
        self::assertSame(['outer', 'inner'], $GLOBALS['included']);
    }

    public function testAResetInAFileForgetsWhatWasAddedBefore(): void
    {
        add_hook('P', 1, fn () => 'before');
        $file = self::file('reset', '
            add_hook("P", 1, fn () => "forgotten");
            LocalApi\Sandbox::reset();
            add_hook("P", 1, fn () => "kept");
        ');
        Sandbox::loadHooks($file);
        self::assertSame(['kept'], run_hook('P'));
        Sandbox::reset();
        Sandbox::loadHooks($file);
        self::assertSame(['kept'], run_hook('P'));
    }

    public function testAStreamWrapperIsReadToo(): void
    {
        stream_wrapper_register('hooks', HooksStream::class);
        $path = get_include_path();
        try {
            Sandbox::loadHooks('hooks://file');
            Sandbox::reset();
            Sandbox::loadHooks('hooks://file');
            self::assertSame(['streamed'], run_hook('P'));
            self::assertSame(1, HooksStream::$opened);
            set_include_path('hooks://throws');
            $this->expectException(DomainException::class);
            Sandbox::loadHooks('any.php');
        } finally {
            set_include_path($path);
            stream_wrapper_unregister('hooks');
        }
    }
}

/** A stream wrapper with one file. */
final class HooksStream
{
    public static int $opened = 0;
    public $context;
    private string $rest = '<?php add_hook("P", 1, fn () => "streamed");';

    public function stream_open(): bool
    {
        ++self::$opened;
        return true;
    }

    public function stream_read(int $count): string
    {
        [$read, $this->rest] = [substr($this->rest, 0, $count), substr($this->rest, $count)];
        return $read;
    }

    public function stream_eof(): bool
    {
        return $this->rest === '';
    }

    public function stream_set_option(): bool
    {
        return false;
    }

    public function stream_stat(): array
    {
        return [];
    }

    public function url_stat(string $path): array
    {
        return str_starts_with($path, 'hooks://throws') ? throw new DomainException() : [];
    }
}
