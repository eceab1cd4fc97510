<?php

// Uses the store, forks, and prints which of its files the child has open before it uses the store itself.
require __DIR__ . '/issue.php';
$open = static fn (): array => array_values(array_filter(
    array_map(static fn (string $link): string => (string) @readlink($link), glob('/proc/self/fd/*')),
    static fn (string $file): bool => str_starts_with($file, $GLOBALS['argv'][1]),
));
issue(1);
$before = $open();
if (pcntl_fork() === 0) {
    print json_encode(['parent' => count($before), 'child' => $open()]) . "\n";
    issue(1);
    exit;
}
pcntl_wait($status);
issue(1);
