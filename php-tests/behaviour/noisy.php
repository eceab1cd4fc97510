<?php

/** An entry point whose handlers do what would spoil an answer. */

declare(strict_types=1);

use function LocalApi\handle;

final class Talkative
{
    public function __destruct()
    {
        echo 'a destructor', $undefined;
    }
}

handle('Print', static function (): array {
    echo "printed \0";
    print_r(debug_backtrace());
    ob_start();
    echo 'in a buffer that stays open';
    return ['result' => 'success'];
});
handle('Complain', static function (): array {
    trigger_error('a deprecation', E_USER_DEPRECATED);
    trigger_error('a warning', E_USER_WARNING);
    return ['result' => 'success', 'undefined' => $undefined];
});
handle('Insist', static function (): array {
    ini_set('display_errors', '1');
    $GLOBALS['talkative'] = new Talkative();
    register_shutdown_function(static function (): void {
        echo 'a shutdown function', $undefined;
    });
    while (@ob_end_clean() || @ob_end_flush()) {
        echo 'in no buffer';
    }
    return ['result' => 'success', 'undefined' => $undefined];
});
handle('Throw', static fn () => throw new RuntimeException('the password of the database'));
handle('Exit', static fn () => exit('a last word'));
handle('Fail', static function (): void {
    set_time_limit(1);
    while (true) {
    }
});

require dirname(__DIR__, 2) . '/public/includes/api.php';
