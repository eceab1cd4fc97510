<?php

/** Every credential that the ledgers of a folder name is in its store. Usage: php kept.php FOLDER STORE */
declare(strict_types=1);

$lines = file("$argv[1]/$argv[2].ledger");
$lost = array_filter($lines, fn (string $line): bool => LocalApi\verify_credential(...json_decode($line)) === null);
printf("%d credentials, %d lost\n", count($lines), count($lost));
exit($lines === [] || $lost !== [] ? 1 : 0);
