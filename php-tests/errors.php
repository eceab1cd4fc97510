<?php

/**
 * What PHP complains of in this repository's code fails the test, a deprecation too, whatever PHPUnit makes of it. What is
 * deprecated in PHPUnit's own code, which may be older than PHP, is passed over.
 */
declare(strict_types=1);

set_error_handler(static function (int $level, string $message, string $file, int $line): bool {
    if ((error_reporting() & $level) === 0) {
        return false;
    }
    if (!str_starts_with($file, dirname(__DIR__) . '/')) {
        return ($level & (E_DEPRECATED | E_USER_DEPRECATED)) !== 0;
    }
    throw new ErrorException($message, 0, $level, $file, $line);
});
