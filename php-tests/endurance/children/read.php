<?php

// Lists credentials over and over, until its input ends.
stream_set_blocking(STDIN, false);
print "ready\n";
do {
    $answer = localAPI('ListOAuthCredentials', ['limit' => 20]);
    $answer['result'] === 'success' or exit(json_encode($answer) . "\n");
} while (fgets(STDIN) !== false || !feof(STDIN));
