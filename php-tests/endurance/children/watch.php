<?php

// Prints how large a write-ahead log ever was, in bytes, and how often it has begun anew, once its input ends.
stream_set_blocking(STDIN, false);
$largest = 0;
print "ready\n";
do {
    clearstatcache();
    $largest = max($largest, (int) @filesize($argv[1]));
    usleep(1_000);
} while (fgets(STDIN) !== false || !feof(STDIN));
// Its header counts that (sqlite.org/fileformat2.html, "The Write-Ahead Log").
print $largest . ' ' . unpack('N', file_get_contents($argv[1], false, null, 12, 4))[1] . "\n";
