<?php

declare(strict_types=1);

use LocalApi\Sandbox;
use PHPUnit\Framework\TestCase;
use function LocalApi\batch;
use function LocalApi\handle;

/** LocalApi\batch() in the sandbox, where it is a loop of localAPI(); SandboxTest runs this in one. */
final class BatchSuite extends TestCase
{
    private const CREATE = ['grantType' => 'authorization_code', 'name' => 'n', 'scope' => 'openid'];

    protected function setUp(): void
    {
        Sandbox::reset();
    }

    /** What a loop does, to compare: the answers or what it threw, and the recorded calls. */
    private static function loop(array $calls): array
    {
        $answers = [];
        foreach ($calls as $call) {
            $answers[] = localAPI(...$call);
        }
        return $answers;
    }

    private static function outcome(callable $run, callable $prepare): array
    {
        Sandbox::reset();
        Sandbox::seed(1);
        $prepare();
        try {
            $answers = $run();
        } catch (Throwable $thrown) {
            $answers = get_class($thrown) . ': ' . $thrown->getMessage();
        }
        return [$answers, Sandbox::calls(), localAPI('ListOAuthCredentials')['clients']];
    }

    private static function assertIsALoop(array $calls, ?callable $prepare = null): array
    {
        $prepare ??= fn () => null;
        $expected = self::outcome(fn () => self::loop($calls), $prepare);
        self::assertSame($expected, self::outcome(fn () => batch($calls), $prepare));
        return $expected;
    }

    public function testNativeCommandsAreAnsweredAndRecorded(): void
    {
        $calls = [
            ['CreateOAuthCredential', self::CREATE, 'admin'],
            ['createoauthcredential', ['name' => ''] + self::CREATE],
            ['CreateOAuthCredential', self::CREATE, 'nobody'],
            ['UpdateOAuthCredential', ['credentialId' => '1', 'name' => 'B']],
            ['ListOAuthCredentials'],
            ['DeleteOAuthCredential', null, null],
            ['Unknown', []],
        ];
        [$answers, $recorded] = self::assertIsALoop($calls);
        self::assertSame('B', $answers[4]['clients'][0]['name']);
        self::assertSame(array_column($calls, 0), array_column($recorded, 'command'));
        self::assertSame($answers, array_column($recorded, 'result'));
    }

    public function testFakesAndHandlersAnswer(): void
    {
        $calls = [
            ['CreateOAuthCredential', self::CREATE], ['Sequence'], ['SEQUENCE'], ['Sequence'],
            ['Callable', ['a' => 1], 'x'], ['Handled'], ['Passed'], ['Rest', ['b' => 2]],
            ['DeleteOAuthCredential', ['credentialId' => 1]],
        ];
        [$answers] = self::assertIsALoop($calls, function (): void {
            Sandbox::fake('CreateOAuthCredential', ['result' => 'error', 'message' => 'as faked']);
            Sandbox::fakeSequence('Sequence', ['n' => 1], ['n' => 2]);
            Sandbox::fake('Callable', fn (...$arguments) => $arguments);
            handle('Handled', fn () => ['inner' => localAPI('Inner')]);
            handle('Passed', fn () => null);
            handle('*', fn (array $postData, string $command) => [$command => $postData]);
        });
        self::assertSame('as faked', $answers[0]['message']);
        self::assertSame([1, 2, 2], array_column([$answers[1], $answers[2], $answers[3]], 'n'));
        self::assertSame(['Rest' => ['b' => 2]], $answers[7]);
    }

    public function testAnExceptionEndsItWhereItWouldEndALoop(): void
    {
        $calls = [['CreateOAuthCredential', self::CREATE], ['Throws'], ['CreateOAuthCredential', self::CREATE]];
        $throw = fn () => throw new DomainException('mine');
        foreach ([fn () => Sandbox::fake('Throws', $throw), fn () => handle('Throws', $throw)] as $prepare) {
            [$thrown, $recorded, $stored] = self::assertIsALoop($calls, $prepare);
            self::assertSame('DomainException: mine', $thrown);
            self::assertSame(['CreateOAuthCredential', 'Throws'], array_column($recorded, 'command'));
            self::assertCount(1, $stored);
        }
        [$thrown] = self::assertIsALoop($calls, fn () => Sandbox::fake('Throws', fn () => 1));
        self::assertStringStartsWith('TypeError: The handler of "Throws" must return', $thrown);
    }

    public function testAnExceptionOfAParameterEndsItThereToo(): void
    {
        $throwing = new class {
            public function __toString(): string
            {
                throw new DomainException('mine');
            }
        };
        $throws = ['name' => $throwing] + self::CREATE;
        $calls = [['CreateOAuthCredential', self::CREATE], ['CreateOAuthCredential', $throws]];
        [$thrown, , $stored] = self::assertIsALoop($calls);
        self::assertSame('DomainException: mine', $thrown);
        self::assertCount(1, $stored);
    }

    public function testBatchesInsideOneAnotherEndAtTheSameDepth(): void
    {
        $depth = function (callable $again): int {
            Sandbox::reset();
            $depth = 0;
            handle('Deeper', function () use (&$depth, $again): array {
                ++$depth;
                return ['result' => $again()];
            });
            $again();
            return $depth;
        };
        self::assertSame($depth(fn () => localAPI('Deeper')), $depth(fn () => batch([['Deeper']])));
    }

    public function testACallBeginsWhenTheOneBeforeHasEnded(): void
    {
        Sandbox::fake('First', function (): array {
            Sandbox::fake('Second', ['by' => 'the first']);
            return [];
        });
        self::assertSame([[], ['by' => 'the first']], batch([['First'], ['Second']]));
    }

    public function testTheListIsTheOneThatWasGiven(): void
    {
        $second = ['Second', ['a' => 1]];
        $calls = [['First'], &$second];
        Sandbox::fake('First', function () use (&$calls, &$second): array {
            $second = ['Third'];
            $calls = [];
            return [];
        });
        Sandbox::fake('Second', fn (array $postData) => $postData);
        self::assertSame([[], ['a' => 1]], batch($calls));
    }

    public function testAListThatIsNoneAnswersNothing(): void
    {
        try {
            batch([['Faked'], 'Faked']);
            self::fail('no exception');
        } catch (ValueError) {
            self::assertSame([], Sandbox::calls());
        }
        self::assertSame([], batch([]));
    }
}
