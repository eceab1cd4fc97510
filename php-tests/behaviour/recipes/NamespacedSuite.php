<?php

declare(strict_types=1);

namespace App;

use PHPUnit\Framework\TestCase;

function localAPI(string $command, array $postData = []): array
{
    return ['result' => 'success', 'firstname' => $postData['clientid'] === 7 ? 'A' : 'B'];
}

/** What is tested calls the function without a backslash. */
function greet(int $clientId): string
{
    return 'Hello ' . localAPI('GetClientsDetails', ['clientid' => $clientId])['firstname'];
}

/** A suite with fakes in the module's namespace. */
final class NamespacedSuite extends TestCase
{
    public function testAClientIsGreeted(): void
    {
        self::assertSame('Hello A', greet(7));
    }
}
