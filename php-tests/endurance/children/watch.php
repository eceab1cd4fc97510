<?php

// Prints how large a write-ahead log ever was, in bytes, and how often it has begun anew, once its input ends.
stream_set_blocking(STDIN, false);
[$largest, $first] = [0, null];
print "ready\n";
do {
    clearstatcache();
    $largest = max($largest, (int) @filesize($argv[1]));
    // A number in its header grows by one each time (sqlite.org/fileformat2.html, "The Write-Ahead Log").
    $salt = @unpack('N', (string) @file_get_contents($argv[1], false, null, 16, 4))[1] ?? null;
    $first ??= $salt;
    usleep(1_000);
} while (fgets(STDIN) !== false || !feof(STDIN));
print $largest . ' ' . ($salt - $first & 0xffffffff) . "\n";
