<?php

declare(strict_types=1);

use LocalApi\Sandbox;
use PHPUnit\Framework\TestCase;
use function LocalApi\handle;

/** What a test can do with the sandbox; SandboxTest runs this in one. */
final class SandboxSuite extends TestCase
{
    private const CREATE = ['grantType' => 'authorization_code', 'name' => 'n', 'scope' => 'openid'];

    protected function setUp(): void
    {
        Sandbox::reset();
    }

    public function testResetLeavesNothing(): void
    {
        foreach ([1, 2] as $_) {
            Sandbox::seed(1);
            Sandbox::addClient(['id' => 9]);
            handle('GetInvoice', fn () => []);
            Sandbox::fake('SendEmail', []);
            add_hook('P', 1, fn () => 1);
            logActivity('line');
            logModuleCall('m', 'a', 1, 2);
            $created = localAPI('CreateOAuthCredential', self::CREATE);
            self::assertSame(1, $created['credentialId']);
            self::assertStringStartsWith('TEST-COMPANY-NAME.', $created['clientIdentifier']);
            Sandbox::reset();
            $lists = [Sandbox::calls(), Sandbox::hooks(), Sandbox::activityLog(), Sandbox::moduleLog(), run_hook('P')];
            self::assertSame([[], [], [], [], []], $lists);
            self::assertSame([], localAPI('ListOAuthCredentials')['clients']);
            self::assertSame('error', localAPI('GetInvoice')['result']);
            self::assertSame('error', localAPI('SendEmail')['result']);
            self::assertSame(1, Sandbox::addClient());
            $created = localAPI('CreateOAuthCredential', self::CREATE);
            self::assertStringStartsWith('COMPANY-NAME.', $created['clientIdentifier']);
            Sandbox::reset();
        }
    }

    public function testResetMayKeepTheHooks(): void
    {
        add_hook('P', 1, fn () => 'kept');
        Sandbox::fake('SendEmail', []);
        handle('GetInvoice', fn () => []);
        logActivity('line');
        localAPI('SendEmail');
        Sandbox::reset(keepHooks: true);
        self::assertSame(['kept'], run_hook('P'));
        self::assertSame([[], []], [Sandbox::calls(), Sandbox::activityLog()]);
        self::assertSame(['error', 'error'], [localAPI('SendEmail')['result'], localAPI('GetInvoice')['result']]);
        Sandbox::reset(keepHooks: false);
        self::assertSame([], Sandbox::hooks());
    }

    public function testACredentialLivesAsLongAsTheClockSays(): void
    {
        Sandbox::seed(1);
        $issued = localAPI('CreateOAuthCredential', self::CREATE + ['expiresAt' => '2016-11-18 10:32:24']);
        $verifies = fn (string $secret): bool =>
            LocalApi\verify_credential($issued['clientIdentifier'], $secret) !== null;
        $reset = ['credentialId' => 1, 'resetSecret' => 1, 'overlap' => 60];
        $new = localAPI('UpdateOAuthCredential', $reset)['newClientSecret'];
        self::assertTrue($verifies($issued['clientSecret']) && $verifies($new));
        Sandbox::travel(60);
        self::assertFalse($verifies($issued['clientSecret']));
        self::assertTrue($verifies($new));
        $client = localAPI('ListOAuthCredentials')['clients'][0];
        self::assertSame('2016-11-18 09:33:24', $client['lastUsedAt']);
        Sandbox::travel(3_540);
        self::assertFalse($verifies($new));
        self::assertSame(0, LocalApi\prune(1));
        Sandbox::travel(1);
        self::assertSame(1, LocalApi\prune(1));
        Sandbox::reset();
        $now = gmdate('Y-m-d H:i:s');
        $issued = localAPI('CreateOAuthCredential', self::CREATE);
        LocalApi\verify_credential($issued['clientIdentifier'], $issued['clientSecret']);
        self::assertGreaterThanOrEqual($now, localAPI('ListOAuthCredentials')['clients'][0]['lastUsedAt']);
        $this->expectException(ValueError::class);
        Sandbox::travel(PHP_INT_MIN);
    }

    public function testFixturesKeepTheIdsTheyAreGiven(): void
    {
        self::assertSame(42, Sandbox::addClient(['id' => '42', 'firstname' => 'A', 'email' => null]));
        self::assertSame(7, Sandbox::addService(42, ['id' => 7, 'domain' => 'a.test']));
        self::assertSame(8, Sandbox::addService(99));
        self::assertSame(3, Sandbox::addAdmin('bob', ['id' => 3]));
        self::assertSame(1, Sandbox::addAdmin('admin', ['disabled' => true]));
        $scope = Sandbox::addScope('my:scope', 'Mine');
        self::assertSame($scope, Sandbox::addScope('my:scope'));
        $parameters = ['grantType' => 'single_sign_on', 'scope' => 'my:scope'];
        $created = localAPI('CreateOAuthCredential', $parameters + ['serviceId' => 7], 'bob');
        self::assertSame('success', $created['result']);
        $message = 'Service ID not associated with valid Client.';
        self::assertSame($message, localAPI('CreateOAuthCredential', $parameters + ['serviceId' => 8])['message']);
        $message = 'The admin user "admin" is disabled.';
        self::assertSame($message, localAPI('CreateOAuthCredential', $parameters, 'admin')['message']);
    }

    public function testAFixtureThatCannotBeIsAValueErrorThatNamesTheColumn(): void
    {
        Sandbox::addClient(['id' => 42]);
        $cases = [
            'hold names of columns, "no name" is none' => fn () => Sandbox::addClient(['no name' => 1]),
            "hold names of columns, \"\u{fffd}\" is none" => fn () => Sandbox::addClient(["\xff" => 1]),
            'hold an "id" and other unique values that no other row has' => fn () => Sandbox::addClient(['id' => 42]),
            'hold an "id" greater than 0' => fn () => Sandbox::addClient(['id' => 0]),
            'hold a whole number as "id"' => fn () => Sandbox::addClient(['id' => 'x']),
            'hold "Email" once, in whatever letter case' => fn () => Sandbox::addClient(['Email' => 'a', 'email' => 'b']),
            'hold "nick" once, in whatever letter case' => fn () => Sandbox::addClient(['nick' => null, 'Nick' => 'b']),
            'hold text or a number as "email"' => fn () => Sandbox::addClient(['email' => []]),
            'hold valid UTF-8 as "email"' => fn () => Sandbox::addClient(['email' => "\xff"]),
        ];
        foreach ($cases as $must => $add) {
            try {
                $add();
                self::fail($must);
            } catch (ValueError $error) {
                $expected = "LocalApi\\Sandbox::addClient(): Argument #1 (\$columns) must {$must}";
                self::assertSame($expected, $error->getMessage());
            }
        }
        self::assertSame(43, Sandbox::addClient());
    }

    public function testAFakeAnswersANativeCommandToo(): void
    {
        Sandbox::fake('createOAUTHcredential', ['result' => 'error', 'message' => 'no']);
        self::assertSame(['result' => 'error', 'message' => 'no'], localAPI('CreateOAuthCredential', self::CREATE));
        Sandbox::fake('CreateOAuthCredential', fn (...$arguments) => $arguments);
        $arguments = [['a' => 1], 'Createoauthcredential', 'x'];
        self::assertSame($arguments, localAPI('Createoauthcredential', ['a' => 1], 'x'));
        Sandbox::fake('CreateOAuthCredential', fn () => null);
        self::assertSame('success', localAPI('CreateOAuthCredential', self::CREATE)['result']);
        Sandbox::fake('*', ['result' => 'success', 'rest' => true]);
        self::assertTrue(localAPI('Anything')['rest']);
    }

    public static function answer(): array
    {
        return ['by' => 'a method'];
    }

    public function testAListOfTwoThatIsCallableIsACallable(): void
    {
        Sandbox::fake('A', [self::class, 'answer']);
        self::assertSame(['by' => 'a method'], localAPI('A'));
        Sandbox::fake('A', [self::class, 'nothing']);
        self::assertSame([self::class, 'nothing'], localAPI('A'));
        $this->expectException(TypeError::class);
        $this->expectExceptionMessage('Argument #2 ($answer) must be of type array|callable, string given');
        Sandbox::fake('A', 'no function');
    }

    public function testASequenceAnswersOnePerCallAndTheLastStays(): void
    {
        Sandbox::fakeSequence('A', ['n' => 1], ['n' => 2]);
        self::assertSame([1, 2, 2], [localAPI('A')['n'], localAPI('a')['n'], localAPI('A')['n']]);
    }

    public function testASequenceOfNothingOrOfOtherThingsIsRefused(): void
    {
        try {
            Sandbox::fakeSequence('A');
            self::fail('no exception');
        } catch (ArgumentCountError $error) {
            self::assertStringContainsString('expects at least 2 arguments, 1 given', $error->getMessage());
        }
        $this->expectException(TypeError::class);
        $this->expectExceptionMessage('Argument #3 must be of type array, int given');
        Sandbox::fakeSequence('A', [], 1);
    }

    public function testAStrayCallThrowsWhereThatIsWanted(): void
    {
        Sandbox::preventStrayCalls();
        Sandbox::fake('Faked', ['n' => 1]);
        handle('Handled', fn () => ['n' => 2]);
        handle('PassedOn', fn () => null);
        self::assertSame([1, 2], [localAPI('faked')['n'], localAPI('handled')['n']]);
        self::assertSame('success', localAPI('ListOAuthCredentials')['result']);
        $strays = [
            'without data' => fn () => localAPI('PassedOn'),
            "with invoiceid, 0, \u{fffd}" => fn () => localAPI('PassedOn', ['invoiceid' => 5, 'x', "\xff" => 1]),
            'with a' => fn () => LocalApi\batch([['PassedOn', ['a' => 1]]]),
        ];
        foreach ($strays as $data => $call) {
            try {
                $call();
                self::fail($data);
            } catch (LocalApi\StrayCall $stray) {
                $expected = "Nothing answers the command \"PassedOn\", called {$data}: "
                    . "LocalApi\Sandbox::fake('PassedOn', ['result' => 'success']) would";
                self::assertSame($expected, $stray->getMessage());
            }
        }
        self::assertInstanceOf(LogicException::class, $stray);
        self::assertNull(Sandbox::calls('PassedOn')[0]['result']);
        Sandbox::preventStrayCalls(false);
        self::assertSame('error', localAPI('PassedOn')['result']);
        Sandbox::preventStrayCalls();
        Sandbox::reset();
        self::assertSame('error', localAPI('Stray')['result']);
        handle('*', fn () => ['n' => 3]);
        Sandbox::preventStrayCalls();
        self::assertSame(3, localAPI('Stray')['n']);
    }

    public function testCallsAreRecordedInTheirOrder(): void
    {
        handle('Outer', fn () => localAPI('Inner', ['b' => 2]));
        handle('Throws', fn () => throw new DomainException());
        LocalApi\call('OUTER', ['a' => 1], 'bob');
        try {
            localAPI('Throws');
        } catch (DomainException) {
        }
        $message = 'The requested command "Inner" was not found: '
            . 'LocalApi\Sandbox::fake() or LocalApi\handle() would answer it.';
        $missing = ['result' => 'error', 'message' => $message];
        $expected = [
            ['command' => 'OUTER', 'postData' => ['a' => 1], 'adminUsername' => 'bob', 'result' => $missing],
            ['command' => 'Inner', 'postData' => ['b' => 2], 'adminUsername' => null, 'result' => $missing],
            ['command' => 'Throws', 'postData' => [], 'adminUsername' => null, 'result' => null],
        ];
        self::assertSame($expected, Sandbox::calls());
        self::assertSame([$expected[0]], Sandbox::calls('outer'));
    }

    public function testAResetInsideACallForgetsThatCall(): void
    {
        handle('A', function (): array {
            Sandbox::reset();
            localAPI('B');
            return ['result' => 'success'];
        });
        self::assertSame('success', localAPI('A')['result']);
        self::assertSame(['B'], array_column(Sandbox::calls(), 'command'));
        self::assertSame('error', Sandbox::calls()[0]['result']['result']);
    }

    public function testAHandlerMayReplaceANativeCommandHere(): void
    {
        handle('CreateOAuthCredential', fn (array $postData) => isset($postData['pass']) ? null : ['mine' => true]);
        self::assertSame(['mine' => true], localAPI('CreateOAuthCredential'));
        self::assertSame('success', localAPI('CreateOAuthCredential', self::CREATE + ['pass' => 1])['result']);
    }

    public function testASeedGivesTheSameEveryTimeAndInEveryVersion(): void
    {
        Sandbox::seed(1);
        $created = localAPI('CreateOAuthCredential', self::CREATE);
        self::assertSame('TEST-COMPANY-NAME.EPZW5tH9VQU+UMSHXJkwow==', $created['clientIdentifier']);
        $secret = 'xdMKfOHsEZN4yE9IfXdahULxPs4jipRV6CKeiI3oW70p62PQoXpbmZtS2iK+QCPrB2IKVPb6athze3HrBGTawA==';
        self::assertSame($secret, $created['clientSecret']);
        $second = localAPI('CreateOAuthCredential', self::CREATE);
        $listed = localAPI('ListOAuthCredentials')['clients'];
        date_default_timezone_set('UTC');
        self::assertSame('18th November 2016 9:32:24am', localAPI('ListOAuthCredentials')['clients'][0]['createdAt']);
        Sandbox::reset();
        Sandbox::seed(1);
        self::assertSame($created, localAPI('CreateOAuthCredential', self::CREATE));
        self::assertSame($second, localAPI('CreateOAuthCredential', self::CREATE));
        $again = localAPI('ListOAuthCredentials')['clients'];
        self::assertSame(array_column($listed, 'clientSecret'), array_column($again, 'clientSecret'));
        Sandbox::reset();
        Sandbox::seed(-1);
        self::assertNotSame($secret, localAPI('CreateOAuthCredential', self::CREATE)['clientSecret']);
    }

    public function testHooksRunInTheOrderOfTheirPriority(): void
    {
        add_hook('P', 2, fn (array $vars) => "{$vars['a']} third");
        add_hook('P', -1, fn () => null);
        add_hook('P', 2, fn () => 'fourth');
        add_hook('P', 1, fn (array $vars) => "{$vars['a']} second");
        add_hook('Other', 0, fn () => throw new LogicException());
        $expected = [null, 'x second', 'x third', 'fourth'];
        self::assertSame($expected, Sandbox::runHook('P', ['a' => 'x']));
        self::assertSame($expected, run_hook('P', ['a' => 'x']));
        self::assertSame([-1, 1, 2, 2], array_column(Sandbox::hooks('P'), 'priority'));
        self::assertCount(5, Sandbox::hooks());
        self::assertSame([], run_hook('Nothing'));
    }

    public function testAHookThatThrowsReachesTheCaller(): void
    {
        add_hook('P', 1, fn () => throw new DomainException('mine'));
        $this->expectExceptionMessage('mine');
        run_hook('P');
    }

    public function testHooksThatRunThemselvesEnd(): void
    {
        add_hook('P', 1, fn () => run_hook('P'));
        $this->expectException(Error::class);
        $this->expectExceptionMessage('Hooks have run hooks 64 deep');
        run_hook('P');
    }

    public function testLogsAreKeptAsTheyWereWritten(): void
    {
        logActivity('one');
        logActivity('two', 5);
        $lines = [['message' => 'one', 'userId' => 0], ['message' => 'two', 'userId' => 5]];
        self::assertSame($lines, Sandbox::activityLog());
        logModuleCall('m', 'a', ['q' => 1], 'r', 'p', ['secret']);
        self::assertSame([[
            'module' => 'm', 'action' => 'a', 'requestString' => ['q' => 1], 'responseData' => 'r',
            'processedData' => 'p', 'replaceVars' => ['secret'],
        ]], Sandbox::moduleLog());
    }
}
