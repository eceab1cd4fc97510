<?php

// Uses the store, forks children that use it too and then end without tidying up, and prints every answer. A parent
// that stays goes on using it.
require __DIR__ . '/issue.php';
[, $children, $count, $stays] = array_map('intval', $argv);
issue(1);
for ($i = 0; $i < $children; $i++) {
    if (pcntl_fork() === 0) {
        issue($count);
        posix_kill(getmypid(), SIGKILL);
    }
}
if ($stays) {
    issue($count);
    while (pcntl_wait($status) > 0) {
        pcntl_wifsignaled($status) && pcntl_wtermsig($status) === SIGKILL or exit(1);
    }
}
