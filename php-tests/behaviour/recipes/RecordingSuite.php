<?php

declare(strict_types=1);

use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/module.php';

if (!function_exists('localAPI')) {
    function localAPI(string $command, array $postData = []): array
    {
        $GLOBALS['calls'][] = [$command, $postData];
        return $GLOBALS['answers'][$command] ?? ['result' => 'success'];
    }
}

/** A suite whose calls and answers are in global arrays, with the sandbox for what it doesn't fake. */
final class RecordingSuite extends TestCase
{
    public function testAClientIsGreeted(): void
    {
        $GLOBALS['calls'] = [];
        $GLOBALS['answers'] = ['GetClientsDetails' => ['result' => 'success', 'firstname' => 'A']];
        self::assertSame('Hello A', greet(7));
        self::assertSame([['GetClientsDetails', ['clientid' => 7]]], $GLOBALS['calls']);
    }

    public function testAResetDropsTheHandler(): void
    {
        LocalApi\Sandbox::reset();
        self::assertStringContainsString('LocalApi\handle() would answer it', greet(7));
        require __DIR__ . '/glue.php';
        $GLOBALS['answers'] = ['GetClientsDetails' => ['result' => 'success', 'firstname' => 'A']];
        self::assertSame('Hello A', greet(7));
    }
}
