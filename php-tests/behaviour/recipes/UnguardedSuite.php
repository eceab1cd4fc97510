<?php

declare(strict_types=1);

use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/module.php';

function localAPI(string $command, array $postData = []): array
{
    $GLOBALS['calls'][] = [$command, $postData];
    return ['result' => 'success', 'firstname' => 'A'];
}

function logActivity(string $message): void
{
    $GLOBALS['log'][] = $message;
}

/** A suite with fakes that don't step aside. */
final class UnguardedSuite extends TestCase
{
    public function testAClientIsGreeted(): void
    {
        [$GLOBALS['calls'], $GLOBALS['log']] = [[], []];
        self::assertSame('Hello A', greet(7));
        self::assertSame([['GetClientsDetails', ['clientid' => 7]]], $GLOBALS['calls']);
        self::assertSame(['Greeted A'], $GLOBALS['log']);
    }
}
