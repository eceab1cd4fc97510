--TEST--
Wrong types are answered as by PHP's own functions, in weak and in strict mode
--INI--
localapi.dsn=sqlite::memory:
--FILE--
<?php
// Each argument, and an argument of the same type in the same place of one of PHP's own functions.
$pairs = [
    '#1' => [
        ['strlen', '$string'], fn ($give) => "strlen($give)",
        ['localAPI', '$command'], fn ($give) => "localAPI($give)",
    ],
    '#2' => [
        ['stream_context_create', '$params'], fn ($give) => "stream_context_create([], $give)",
        ['localAPI', '$postData'], fn ($give) => "localAPI('', $give)",
    ],
    '#3' => [
        ['htmlspecialchars', '$encoding'], fn ($give) => "htmlspecialchars('', 0, $give)",
        ['localAPI', '$adminUsername'], fn ($give) => "localAPI('', [], $give)",
    ],
];
$values = [
    "''", "'UTF-8'", 'null', 'true', 'false', '7', '1.5', 'NAN', '[]', '[1]', 'new stdClass', 'STDIN', 'fn () => 1',
    'new ArrayObject', 'new class { function __toString(): string { return "UTF-8"; } }',
];

function outcome(string $call, string $mode): string
{
    $said = [];
    set_error_handler(function (int $level, string $message) use (&$said): bool {
        // What a function makes of a value that it takes is its own affair.
        $level === E_DEPRECATED and $said[] = "deprecated: $message";
        return true;
    });
    try {
        eval("$mode $call;");
        $said[] = 'taken';
    } catch (TypeError $error) {
        $said[] = get_class($error) . ': ' . $error->getMessage();
    }
    restore_error_handler();
    return implode(', ', $said);
}

foreach (['weak' => '', 'strict' => 'declare(strict_types=1);'] as $name => $mode) {
    $refused = $deprecated = 0;
    foreach ($pairs as [$theirs, $call, $ours, $callOurs]) {
        foreach ($values as $value) {
            $expected = str_replace($theirs, $ours, outcome($call($value), $mode));
            $given = outcome($callOurs($value), $mode);
            if ($given !== $expected) {
                echo "$name: {$callOurs($value)}\n  expected $expected\n  given    $given\n";
            }
            $refused += str_contains($given, 'TypeError');
            $deprecated += str_contains($given, 'deprecated');
        }
    }
    echo "$name: $refused refused, $deprecated deprecated\n";
}

// And once in full, so that nothing above can agree by accident.
echo outcome('localAPI([])', ''), "\n", outcome('localAPI(7)', $mode), "\n", outcome('localAPI(null)', ''), "\n";
echo outcome("localAPI('', 'x')", ''), "\n", outcome("localAPI('', [], [])", ''), "\n";
echo outcome("LocalApi\\register_service('one', 1)", ''), "\n", outcome("LocalApi\\register_scope([])", ''), "\n";
?>
===DONE===
--EXPECT--
weak: 24 refused, 1 deprecated
strict: 37 refused, 0 deprecated
TypeError: localAPI(): Argument #1 ($command) must be of type string, array given
TypeError: localAPI(): Argument #1 ($command) must be of type string, int given
deprecated: localAPI(): Passing null to parameter #1 ($command) of type string is deprecated, taken
TypeError: localAPI(): Argument #2 ($postData) must be of type ?array, string given
TypeError: localAPI(): Argument #3 ($adminUsername) must be of type ?string, array given
TypeError: LocalApi\register_service(): Argument #1 ($serviceId) must be of type int, string given
TypeError: LocalApi\register_scope(): Argument #1 ($scope) must be of type string, array given
===DONE===
