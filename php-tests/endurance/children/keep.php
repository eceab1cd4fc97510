<?php

// Creates credentials until its input ends, and prints each answer as soon as it has it.
require __DIR__ . '/issue.php';
stream_set_blocking(STDIN, false);
do {
    issue(1);
} while (fgets(STDIN) !== false || !feof(STDIN));
