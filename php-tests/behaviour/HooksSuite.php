<?php

declare(strict_types=1);

use LocalApi\Sandbox;
use PHPUnit\Framework\TestCase;

/** Hooks as modules write them; SandboxTest runs this in a sandbox. */
final class HooksSuite extends TestCase
{
    protected function setUp(): void
    {
        Sandbox::reset();
    }

    public function testAPriorityMayBeAnyNumber(): void
    {
        foreach (['10', 2, '1', -1.0, ' 3', false, null] as $priority) {
            add_hook('P', $priority, fn () => $priority);
        }
        self::assertSame([-1.0, false, null, '1', 2, ' 3', '10'], run_hook('P'));
        self::assertSame([-1, 0, 0, 1, 2, 3, 10], array_column(Sandbox::hooks('P'), 'priority'));
    }

    public function testAPriorityThatIsNoNumberIsATypeErrorOfPhp(): void
    {
        $priorities = ['string' => 'first', 'array' => [], 'stdClass' => new stdClass(), 'float' => NAN];
        foreach ($priorities as $type => $priority) {
            try {
                add_hook('P', $priority, fn () => 1);
                self::fail($type);
            } catch (TypeError $error) {
                $expected = "add_hook(): Argument #2 (\$priority) must be of type int, {$type} given";
                self::assertSame($expected, $error->getMessage());
            }
        }
        self::assertSame([], Sandbox::hooks());
    }

    public function testFurtherArgumentsAreIgnored(): void
    {
        add_hook('P', 1, fn () => 'ran', '', null, []);
        self::assertSame(['ran'], run_hook('P'));
    }

    public function testAFunctionMayBeDeclaredLater(): void
    {
        add_hook('P', 1, 'declared_later');
        add_hook('P', 2, ['DeclaredLater', 'method']);
        add_hook('P', 3, 'DeclaredLater::method');
        self::assertSame('declared_later', Sandbox::hooks()[0]['function']);
        eval('function declared_later(array $vars) { return $vars["id"]; }');
        eval('final class DeclaredLater { public static function method(array $vars) { return $vars["id"] + 1; } }');
        self::assertSame([5, 6, 6], run_hook('P', ['id' => 5]));
    }

    public function testAFunctionThatNeverComesIsATypeErrorWhenTheHookRuns(): void
    {
        add_hook('P', 1, fn () => localAPI('Before'));
        add_hook('P', 2, 'never_declared');
        add_hook('P', 3, fn () => localAPI('Behind'));
        try {
            run_hook('P');
            self::fail('no exception');
        } catch (TypeError $error) {
            $expected = 'No valid callback: function "never_declared" not found or invalid function name';
            self::assertSame($expected, $error->getMessage());
        }
        self::assertSame(['Before'], array_column(Sandbox::calls(), 'command'));
    }

    public function testWhatCanNeverBeCalledIsATypeErrorAtOnce(): void
    {
        foreach ([42, null, new stdClass(), ['one'], [1, 2]] as $function) {
            try {
                add_hook('P', 1, $function);
                self::fail(get_debug_type($function));
            } catch (TypeError $error) {
                $expected = 'add_hook(): Argument #3 ($function) must be a valid callback, ';
                self::assertStringStartsWith($expected, $error->getMessage());
            }
        }
        self::assertSame([], Sandbox::hooks());
    }

    private function secretly(): string
    {
        return 'private';
    }

    public function testAPrivateMethodIsCallableWhereItWasGiven(): void
    {
        add_hook('P', 1, [$this, 'secretly']);
        self::assertSame(['private'], run_hook('P'));
    }

    public function testWhatAnAutoloaderThrowsReachesTheCaller(): void
    {
        $loader = fn (string $class) => $class === 'Missing' ? throw new DomainException('loader') : null;
        spl_autoload_register($loader, prepend: true);
        try {
            add_hook('P', 1, 'Missing::method');
            self::fail('no exception');
        } catch (DomainException) {
            self::assertSame([], Sandbox::hooks());
        } finally {
            spl_autoload_unregister($loader);
        }
        add_hook('P', 1, 'Missing::method');
        spl_autoload_register($loader, prepend: true);
        try {
            run_hook('P');
            self::fail('no exception');
        } catch (DomainException $exception) {
            self::assertSame('loader', $exception->getMessage());
        } finally {
            spl_autoload_unregister($loader);
        }
    }

    public function testHooksReceiveWhatIsPassed(): void
    {
        add_hook('P', 1, fn (...$arguments) => $arguments);
        $object = new ArrayObject();
        foreach ([[['a' => 1]], [$object], ['user', ['b' => 2]], [null], [null, $object, 1.5]] as $arguments) {
            self::assertSame([$arguments], run_hook('P', ...$arguments));
            self::assertSame([$arguments], Sandbox::runHook('P', ...$arguments));
        }
        self::assertSame([[[]]], run_hook('P'));
        self::assertSame([[[]]], Sandbox::runHook('P'));
    }

    public function testEveryHookReceivesTheSame(): void
    {
        add_hook('P', 1, function (ArrayObject $navbar, array $vars): void {
            $navbar['seen'] = true;
            $vars['changed'] = true;
        });
        add_hook('P', 2, fn (ArrayObject $navbar, array $vars) => [$navbar['seen'], $vars]);
        $value = 1;
        self::assertSame([null, [true, ['a' => 1]]], run_hook('P', new ArrayObject(), ['a' => &$value]));
    }

    public function testAHookMayEndWhatItWasPassed(): void
    {
        $passed = [new ArrayObject([1])];
        add_hook('P', 1, function () use (&$passed): void {
            $passed = [];
            Sandbox::reset();
        });
        add_hook('P', 2, fn (ArrayObject $object) => count($object));
        self::assertSame([null, 1], run_hook('P', ...$passed));
    }
}
