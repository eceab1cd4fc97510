<?php

declare(strict_types=1);

namespace LocalApi\Endurance;

require_once __DIR__ . '/Processes.php';

/**
 * The sandbox in a worker of php-fpm that answers one request after the other.
 */
final class SandboxTest extends Processes
{
    public function testEachRequestOfAWorkerStartsWithAnEmptySandbox(): void
    {
        $ini = ['localapi.sandbox' => 1, 'localapi.dsn' => 'sqlite::memory:'];
        $ini += ['memory_limit' => '32M', 'output_buffering' => 0];
        $fpm = $this->startFpm(1, $ini);
        $expected = [['error', 'error', 2, [], [], []], ['success', 'success', 1]];
        foreach (['script', 'fatal', 'script', 'fatal', 'script'] as $end) {
            $body = (string) $fpm->get("$this->scratch/php/sandbox.php", ['end' => $end]);
            self::assertSame($expected, json_decode((string) strtok($body, "\n"), true), $body . $fpm->log());
        }
    }
}
