<?php

declare(strict_types=1);

use LocalApi\Sandbox;
use PHPUnit\Framework\TestCase;

/** What modules log; SandboxTest runs this in a sandbox. */
final class LogsSuite extends TestCase
{
    protected function setUp(): void
    {
        Sandbox::reset();
    }

    private static function stringable(callable $text): Stringable
    {
        return new class ($text) implements Stringable {
            public function __construct(private Closure $text)
            {
            }

            public function __toString(): string
            {
                return ($this->text)();
            }
        };
    }

    public function testWhatHasATextIsLoggedAsThat(): void
    {
        foreach (['line', null, 5, 1.5, true, NAN, "\xff", self::stringable(fn () => 'object')] as $text) {
            logActivity($text);
            logModuleCall($text, $text, $text, $text);
        }
        $expected = ['line', '', '5', '1.5', '1', 'NAN', "\xff", 'object'];
        self::assertSame($expected, array_column(Sandbox::activityLog(), 'message'));
        self::assertSame($expected, array_column(Sandbox::moduleLog(), 'module'));
        self::assertSame($expected, array_column(Sandbox::moduleLog(), 'action'));
    }

    public function testWhatHasNoTextIsATypeErrorOfPhp(): void
    {
        $functions = [
            'logActivity(): Argument #1 ($message)' => fn (mixed $value) => logActivity($value),
            'logModuleCall(): Argument #1 ($module)' => fn (mixed $value) => logModuleCall($value, 'a', 1, 2),
            'logModuleCall(): Argument #2 ($action)' => fn (mixed $value) => logModuleCall('m', $value, 1, 2),
        ];
        foreach ($functions as $argument => $function) {
            foreach (['array' => [], 'stdClass' => new stdClass(), 'resource' => STDIN] as $type => $value) {
                try {
                    $function($value);
                    self::fail($argument);
                } catch (TypeError $error) {
                    self::assertSame("{$argument} must be of type string, {$type} given", $error->getMessage());
                }
            }
        }
        self::assertSame([[], []], [Sandbox::activityLog(), Sandbox::moduleLog()]);
    }

    public function testAUserIsANumberOrNobody(): void
    {
        foreach ([5, '5', 5.0, '', null, 'nobody', [], new stdClass(), true, NAN] as $user) {
            logActivity('line', $user);
        }
        logActivity('line');
        self::assertSame([5, 5, 5, 0, 0, 0, 0, 0, 1, 0, 0], array_column(Sandbox::activityLog(), 'userId'));
    }

    public function testOtherValuesAreLoggedAsTheyAre(): void
    {
        $object = new ArrayObject();
        $number = 1;
        foreach ([0, null, '', 'word', ['word'], $object, NAN] as $value) {
            Sandbox::reset();
            logModuleCall('m', 'a', $value, [&$number], $value, $value);
            $line = Sandbox::moduleLog()[0];
            $expected = serialize([$value, [1], $value, $value]);
            self::assertSame($expected, serialize(array_slice(array_values($line), 2)));
        }
        logModuleCall('m', 'a', 1, 2);
        self::assertSame(['', []], array_slice(array_values(Sandbox::moduleLog()[1]), 4));
    }

    public function testFurtherArgumentsAreIgnored(): void
    {
        logActivity('line', 1, 2, 3);
        logModuleCall('m', 'a', 1, 2, 3, 4, 5, 6);
        self::assertSame([1, 1], [count(Sandbox::activityLog()), count(Sandbox::moduleLog())]);
    }

    public function testAnExceptionOfATextReachesTheCaller(): void
    {
        $throws = self::stringable(fn () => throw new DomainException('mine'));
        foreach ([fn () => logActivity($throws), fn () => logModuleCall('m', $throws, 1, 2)] as $log) {
            try {
                $log();
                self::fail('no exception');
            } catch (DomainException) {
            }
        }
        self::assertSame([[], []], [Sandbox::activityLog(), Sandbox::moduleLog()]);
    }

    public function testATextMayLogAndReset(): void
    {
        logActivity('before');
        logActivity(self::stringable(function (): string {
            Sandbox::reset();
            logActivity('inner');
            return 'outer';
        }));
        self::assertSame(['inner', 'outer'], array_column(Sandbox::activityLog(), 'message'));
    }
}
