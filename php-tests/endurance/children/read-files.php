<?php

// Creates credentials, and reads the store's files before each as plain PHP: closing them drops SQLite's locks.
require __DIR__ . '/issue.php';
[, $file, $count] = $argv;
for ($i = 0; $i < $count; $i++) {
    foreach (['', '-wal', '-shm'] as $suffix) {
        $i % 2 === 0 ? @hash_file('sha256', $file . $suffix) : @copy($file . $suffix, "$file-copy" . getmypid());
    }
    issue(1);
}
@unlink("$file-copy" . getmypid());
