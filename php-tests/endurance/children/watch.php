<?php

// Prints how large a file ever was, in bytes, once its input ends.
stream_set_blocking(STDIN, false);
$largest = 0;
print "ready\n";
do {
    clearstatcache();
    $largest = max($largest, (int) @filesize($argv[1]));
    usleep(1_000);
} while (fgets(STDIN) !== false || !feof(STDIN));
print "$largest\n";
