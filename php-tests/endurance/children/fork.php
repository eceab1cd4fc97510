<?php

// Uses the store, forks children that use it too, and prints every answer. A parent that stays goes on using it.
require __DIR__ . '/issue.php';
[, $children, $count, $stays] = array_map('intval', $argv);
issue(1);
for ($i = 0; $i < $children; $i++) {
    if (pcntl_fork() === 0) {
        issue($count);
        exit;
    }
}
if ($stays) {
    issue($count);
    while (pcntl_wait($status) > 0) {
        $status === 0 or exit(1);
    }
}
