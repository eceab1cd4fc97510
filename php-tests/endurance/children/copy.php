<?php

// Copies a store and prints how far it is after each batch, and the report in the end. It ends itself after so many
// batches, if that is asked for.
[, $from, $to, $batches] = $argv + [3 => 0];
try {
    $report = LocalApi\copy_store($from, $to, static function (int $done, int $total) use (&$batches): void {
        print json_encode(['done' => $done, 'total' => $total]) . "\n";
        if (--$batches === 0) {
            posix_kill(getmypid(), SIGKILL);
        }
    });
} catch (LocalApi\StoreException $fault) {
    $report = ['message' => $fault->getMessage()];
}
print json_encode($report) . "\n";
