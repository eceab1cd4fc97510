<?php

declare(strict_types=1);

use LocalApi\Sandbox;
use LocalApi\SandboxAssertions;
use PHPUnit\Framework\AssertionFailedError;
use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/../../sandbox/LocalApi/SandboxAssertions.php';

/** What a test asserts of calls and hooks; SandboxTest runs this in a sandbox. */
final class AssertionsSuite extends TestCase
{
    use SandboxAssertions;

    protected function setUp(): void
    {
        Sandbox::reset();
        Sandbox::fake('*', ['result' => 'success']);
    }

    private static function assertFails(string $message, callable $assertion): void
    {
        try {
            $assertion();
        } catch (AssertionFailedError $failure) {
            self::assertSame($message, $failure->getMessage());
            return;
        }
        self::fail("passes: {$message}");
    }

    public function testWithoutCalls(): void
    {
        self::assertNothingCalled();
        self::assertNotCalled('SendEmail');
        self::assertCalledTimes('SendEmail', 0);
        $none = 'No command was called.';
        self::assertFails("SendEmail was not called. {$none}", fn () => self::assertCalled('SendEmail'));
        $once = fn () => self::assertCalledTimes('SendEmail', 1);
        self::assertFails("Calls of SendEmail: 0, expected: 1. {$none}", $once);
    }

    public function testAFailureShowsWhatWasCalledInstead(): void
    {
        localAPI('SendEmail', ['id' => 7], 'admin');
        localAPI('GetInvoice', ['invoiceid' => 'a/b', 'x' => "\xff"]);
        localAPI('Long', ['text' => str_repeat('x', 400)]);
        $made = "These calls were made:\n"
            . '  SendEmail {"id":7} as admin' . "\n"
            . '  GetInvoice {"invoiceid":"a/b","x":"\ufffd"}' . "\n"
            . '  Long {"text":"' . str_repeat('x', 291) . '…';
        $isEight = fn (array $postData) => $postData['id'] === 8;
        $isSeven = fn (array $postData, ?string $admin) => $postData['id'] === 7 && $admin === 'admin';
        self::assertCalled('SENDEMAIL');
        self::assertCalled('SendEmail', $isSeven);
        self::assertNotCalled('SendEmail', $isEight);
        self::assertCalledTimes('sendemail', 1);
        foreach ([
            'SendSMS was not called.' => fn () => self::assertCalled('SendSMS'),
            'SendEmail was not called as expected.' => fn () => self::assertCalled('SendEmail', $isEight),
            'SendEmail was called.' => fn () => self::assertNotCalled('SendEmail'),
            'Calls of GetInvoice: 1, expected: 2.' => fn () => self::assertCalledTimes('GetInvoice', 2),
            'Commands were called.' => fn () => self::assertNothingCalled(),
        ] as $message => $assertion) {
            self::assertFails("{$message} {$made}", $assertion);
        }
        self::assertFails("SendEmail was called. {$made}", fn () => self::assertNotCalled('SendEmail', $isSeven));
    }

    public function testAPointHasAHook(): void
    {
        self::assertFails('P has no hook. There are no hooks.', fn () => self::assertHooked('P'));
        add_hook('P', 1, fn () => 1);
        add_hook('Q', 1, fn () => 1);
        add_hook('P', 2, fn () => 1);
        self::assertHooked('P');
        self::assertFails('p has no hook. These points have hooks: P, Q.', fn () => self::assertHooked('p'));
    }

    public function testAnAssertionCounts(): void
    {
        $before = self::getCount();
        self::assertNothingCalled();
        self::assertSame($before + 1, self::getCount());
    }
}
