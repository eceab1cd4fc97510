<?php

// As ask.php, but for the first call so many descriptors are free and no more.
require __DIR__ . '/issue.php';
$taken = [];
while ($file = @fopen('/dev/null', 'r')) {
    $taken[] = $file;
}
array_map(fclose(...), array_splice($taken, 0, (int) $argv[1]));
while (fgets(STDIN) !== false) {
    issue(1);
    array_map(fclose(...), $taken);
    $taken = [];
}
