<?php

/**
 * The HTTP entry point. A script that registers handlers of other commands requires this one then.
 */

declare(strict_types=1);

// What PHP or a handler prints is replaced by the answer; a script that dies before there is one says 500.
$body = '';
ob_start(static function () use (&$body): string { return $body; }, 0, 0);
http_response_code(500);
ini_set('display_errors', '0');

// The body wins, in any letter case.
$answer = LocalApi\respond($_POST + array_diff_ukey($_GET, $_POST, 'strcasecmp'), $_SERVER);

http_response_code($answer['status']);
foreach ($answer['headers'] as $name => $value) {
    header("$name: $value");
}
$body = $answer['body'];

// What the call owes, such as a line in a log, is done when the caller has the answer.
if (function_exists('fastcgi_finish_request')) {
    fastcgi_finish_request();
}
