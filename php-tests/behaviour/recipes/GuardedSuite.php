<?php

declare(strict_types=1);

use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/module.php';

if (!function_exists('localAPI')) {
    function localAPI(string $command, array $postData = []): array
    {
        $GLOBALS['calls'][] = [$command, $postData];
        return ['result' => 'success', 'firstname' => 'A'];
    }
}
if (!function_exists('logActivity')) {
    function logActivity(string $message): void
    {
        $GLOBALS['log'][] = $message;
    }
}

/** A suite with fakes that step aside, and record. */
final class GuardedSuite extends TestCase
{
    public function testAClientIsGreeted(): void
    {
        [$GLOBALS['calls'], $GLOBALS['log']] = [[], []];
        self::assertSame('Hello A', greet(7));
        self::assertSame([['GetClientsDetails', ['clientid' => 7]]], $GLOBALS['calls']);
        self::assertSame(['Greeted A'], $GLOBALS['log']);
    }
}
