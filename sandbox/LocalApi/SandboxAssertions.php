<?php

declare(strict_types=1);

namespace LocalApi;

use PHPUnit\Framework\Assert;

/** What a test asserts of calls and hooks in the sandbox: for classes of PHPUnit 9.6 to 13, and Pest's `uses()`. */
trait SandboxAssertions
{
    /**
     * This command was called at least once.
     *
     * @param string $command In any letter case.
     * @param (callable(array<mixed> $postData, ?string $adminUsername): bool)|null $matches Which calls count; all by
     *     default.
     */
    public static function assertCalled(string $command, ?callable $matches = null): void
    {
        $of = $matches === null ? '' : ' as expected';
        self::assertOfCalls(self::matching($command, $matches) !== [], "{$command} was not called{$of}.");
    }

    /**
     * This command was never called.
     *
     * @param string $command In any letter case.
     * @param (callable(array<mixed> $postData, ?string $adminUsername): bool)|null $matches Which calls count; all by
     *     default.
     */
    public static function assertNotCalled(string $command, ?callable $matches = null): void
    {
        self::assertOfCalls(self::matching($command, $matches) === [], "{$command} was called.");
    }

    /**
     * This command was called so often.
     *
     * @param string $command In any letter case.
     */
    public static function assertCalledTimes(string $command, int $times): void
    {
        $found = count(Sandbox::calls($command));
        self::assertOfCalls($found === $times, "Calls of {$command}: {$found}, expected: {$times}.");
    }

    /** No command was called. */
    public static function assertNothingCalled(): void
    {
        self::assertOfCalls(Sandbox::calls() === [], 'Commands were called.');
    }

    /** A point has a hook at least. */
    public static function assertHooked(string $point): void
    {
        $points = array_unique(array_column(Sandbox::hooks(), 'point'));
        $others = $points === [] ? 'There are no hooks.' : 'These points have hooks: ' . implode(', ', $points) . '.';
        self::assertSandbox(in_array($point, $points, true), "{$point} has no hook. {$others}");
    }

    /** @return list<array<string, mixed>> */
    private static function matching(string $command, ?callable $matches): array
    {
        $calls = Sandbox::calls($command);
        $counts = fn (array $call): bool => (bool) $matches($call['postData'], $call['adminUsername']);
        return $matches === null ? $calls : array_values(array_filter($calls, $counts));
    }

    private static function assertOfCalls(bool $holds, string $message): void
    {
        if ($holds) {
            self::assertSandbox(true, '');
            return;
        }
        $calls = array_map(self::line(...), Sandbox::calls());
        $made = $calls === [] ? 'No command was called.' : "These calls were made:\n" . implode("\n", $calls);
        self::assertSandbox(false, "{$message} {$made}");
    }

    private static function assertSandbox(bool $holds, string $message): void
    {
        $holds ? Assert::assertTrue(true) : Assert::fail($message);
    }

    /** @param array<string, mixed> $call */
    private static function line(array $call): string
    {
        $options = JSON_PARTIAL_OUTPUT_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE;
        $data = (string) json_encode($call['postData'], $options | JSON_UNESCAPED_SLASHES);
        $by = $call['adminUsername'] === null ? '' : " as {$call['adminUsername']}";
        return "  {$call['command']} " . (strlen($data) > 300 ? substr($data, 0, 300) . '…' : $data) . $by;
    }
}
