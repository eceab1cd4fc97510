<?php

declare(strict_types=1);

use LocalApi\Sandbox;
use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/module.php';

if (!function_exists('logActivity')) {
    function logActivity(string $message): void
    {
        $GLOBALS['log'][] = $message;
    }
}

/** A suite with a recorder of its own, and the sandbox for all the rest. */
final class MixedSuite extends TestCase
{
    public function testAClientIsGreeted(): void
    {
        $GLOBALS['log'] = [];
        Sandbox::reset();
        Sandbox::fake('GetClientsDetails', ['result' => 'success', 'firstname' => 'A']);
        self::assertSame('Hello A', greet(7));
        self::assertSame(['GetClientsDetails'], array_column(Sandbox::calls(), 'command'));
        self::assertSame(['Greeted A'], $GLOBALS['log']);
    }
}
