<?php

declare(strict_types=1);

use function LocalApi\handle;

require_once __DIR__ . '/StoreTestCase.php';

/** LocalApi\handle(): PHP answers the commands that aren't native. */
final class HandleTest extends StoreTestCase
{
    private const COMMANDS = ['GetInvoice', 'SendEmail', 'Deep', '*'];

    protected function tearDown(): void
    {
        foreach (self::COMMANDS as $command) {
            handle($command, null);
        }
    }

    public function testAHandlerReceivesWhatTheCallerWroteAndItsArrayIsTheAnswer(): void
    {
        handle('GetInvoice', fn (...$arguments) => ['result' => 'success', 'arguments' => $arguments]);
        $answer = localAPI('GETinvoice', ['invoiceid' => 7], 'nobody-knows-this-admin');
        $expected = [['invoiceid' => 7], 'GETinvoice', 'nobody-knows-this-admin'];
        self::assertSame(['result' => 'success', 'arguments' => $expected], $answer);
        self::assertSame([[], 'getinvoice', null], LocalApi\call('getinvoice', null)['arguments']);
    }

    public function testTheAnswerIsNotCompleted(): void
    {
        handle('GetInvoice', fn () => ['balance' => '1.00', 5 => null]);
        self::assertSame(['balance' => '1.00', 5 => null], localAPI('GetInvoice'));
    }

    public function testAHandlerIsReplacedAndRemoved(): void
    {
        handle('GetInvoice', fn () => ['result' => 'success', 'by' => 'the first']);
        handle('GETINVOICE', fn () => ['result' => 'success', 'by' => 'the second']);
        self::assertSame('the second', localAPI('GetInvoice')['by']);
        handle('getinvoice', null);
        handle('getinvoice', null);
        self::assertSame(sprintf(Message::COMMAND_UNANSWERED, 'GetInvoice'), localAPI('GetInvoice')['message']);
    }

    public function testNullPassesOnToTheHandlerOfTheRestAndThenToNotFound(): void
    {
        handle('GetInvoice', fn () => null);
        self::assertSame(sprintf(Message::COMMAND_UNANSWERED, 'GetInvoice'), localAPI('GetInvoice')['message']);
        handle('*', fn (array $p, string $command) => $command === 'Nothing' ? null : ['result' => 'success', 'rest' => $command]);
        self::assertSame('GetInvoice', localAPI('GetInvoice')['rest']);
        self::assertSame('Other', localAPI('Other')['rest']);
        self::assertSame(sprintf(Message::COMMAND_UNANSWERED, 'Nothing'), localAPI('Nothing')['message']);
        handle('GetInvoice', fn () => ['result' => 'success']);
        self::assertSame(['result' => 'success'], localAPI('GetInvoice'));
    }

    public function testTheHandlerOfTheRestIsNotAskedForANativeCommand(): void
    {
        handle('*', fn () => ['result' => 'success']);
        self::assertSame('A valid grant type is required.', localAPI('createoauthcredential')['message']);
    }

    public function testANativeCommandCannotBeReplaced(): void
    {
        foreach ([fn () => [], null] as $handler) {
            try {
                handle('createOAUTHcredential', $handler);
                self::fail('no exception');
            } catch (ValueError $error) {
                $expected = 'LocalApi\handle(): Argument #1 ($command) must not be a command that is answered natively';
                self::assertSame($expected, $error->getMessage());
            }
        }
    }

    public function testWhatIsNotCallableIsPhpsOwnTypeError(): void
    {
        $this->expectException(TypeError::class);
        $this->expectExceptionMessage('LocalApi\handle(): Argument #2 ($handler) must be a valid callback or null');
        handle('GetInvoice', 'no_such_function');
    }

    public function testAnExceptionReachesTheCallerUnchanged(): void
    {
        $thrown = new DomainException('mine', 7);
        handle('GetInvoice', fn () => throw $thrown);
        try {
            localAPI('GetInvoice');
            self::fail('no exception');
        } catch (DomainException $caught) {
            self::assertSame($thrown, $caught);
        }
        $parameters = ['grantType' => 'authorization_code', 'name' => 'n', 'scope' => 'openid'];
        self::assertSame('success', localAPI('CreateOAuthCredential', $parameters)['result']);
    }

    public function testAnAnswerThatIsNoArrayIsATypeError(): void
    {
        handle('GetInvoice', fn () => 'success');
        $this->expectException(TypeError::class);
        $this->expectExceptionMessage('The handler of "GetInvoice" must return an array or null, string returned');
        localAPI('GetInvoice');
    }

    public function testAHandlerMayCallLocalApiTo64Deep(): void
    {
        $calls = 0;
        handle('Deep', function (array $postData) use (&$calls): array {
            $calls++;
            return $postData['left'] > 1 ? localAPI('Deep', ['left' => $postData['left'] - 1]) : ['result' => 'success'];
        });
        self::assertSame(['result' => 'success'], localAPI('Deep', ['left' => 64]));
        self::assertSame(64, $calls);
        $message = 'The command "Deep" was not run: handlers have called localAPI 64 deep.';
        self::assertSame(['result' => 'error', 'message' => $message], localAPI('Deep', ['left' => 65]));
        self::assertSame(['result' => 'success'], localAPI('Deep', ['left' => 64]), 'nothing is left of the last call');
    }

    public function testAHandlerMayCallANativeCommand(): void
    {
        handle('*', fn (array $postData) => localAPI('CreateOAuthCredential', $postData));
        self::assertSame('A valid grant type is required.', localAPI('Other')['message']);
    }

    public function testAHandlerMayReplaceItself(): void
    {
        handle('GetInvoice', function (): array {
            handle('GetInvoice', null);
            return ['result' => 'success'];
        });
        self::assertSame('success', localAPI('GetInvoice')['result']);
        self::assertSame('error', localAPI('GetInvoice')['result']);
    }

    public function testThingsThatPhpCanCallAreHandlers(): void
    {
        $object = new class {
            public function register(): void
            {
                handle('GetInvoice', [$this, 'hidden']);
            }

            private function hidden(): array
            {
                return ['by' => 'a private method'];
            }

            public function __call(string $name, array $arguments): array
            {
                return ['by' => "__call of {$name}"];
            }

            public function __invoke(): array
            {
                return ['by' => 'an object'];
            }

            public static function still(): array
            {
                return ['by' => 'a static method'];
            }

            public function &reference(): array
            {
                static $answer = ['by' => 'a reference'];
                return $answer;
            }
        };
        $object->register();
        self::assertSame('a private method', localAPI('GetInvoice')['by']);
        $by = [
            '__call of magic' => [$object, 'magic'],
            'an object' => $object,
            'a static method' => $object::class . '::still',
            'a reference' => $object->reference(...),
        ];
        foreach ($by as $name => $handler) {
            handle('GetInvoice', $handler);
            self::assertSame($name, localAPI('GetInvoice')['by']);
        }
    }

    public function testAReplacedHandlerIsLetGoOf(): void
    {
        $object = new class {
            public function __invoke(): array
            {
                return [];
            }
        };
        $alive = WeakReference::create($object);
        handle('GetInvoice', $object);
        unset($object);
        self::assertSame([], localAPI('GetInvoice'));
        self::assertNotNull($alive->get());
        handle('GetInvoice', fn () => []);
        self::assertNull($alive->get());
    }

    public function testTheDestructorOfAReplacedHandlerMaySetAnother(): void
    {
        handle('GetInvoice', new class {
            public function __invoke(): array
            {
                return [];
            }

            public function __destruct()
            {
                handle('GetInvoice', fn () => ['by' => 'the destructor']);
            }
        });
        handle('GetInvoice', null);
        self::assertSame('the destructor', localAPI('GetInvoice')['by']);
    }

    public function testEachFiberHasADepthOfItsOwn(): void
    {
        handle('Deep', function (): array {
            Fiber::suspend();
            return ['result' => 'success'];
        });
        $fibers = array_map(fn () => new Fiber(fn () => localAPI('Deep')), range(1, 100));
        foreach ($fibers as $fiber) {
            $fiber->start();
        }
        foreach ($fibers as $fiber) {
            $fiber->resume();
            self::assertSame('success', $fiber->getReturn()['result']);
        }
    }
}
