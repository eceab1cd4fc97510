--TEST--
Every function and method does what it's for, with all functions of PHP's disabled, too
--INI--
localapi.sandbox=1
localapi.dsn=
error_log=/dev/null
--FILE--
<?php
require __DIR__ . '/../process.php';

$own = array_map(strtolower(...), array_keys((new ReflectionExtension('localapi'))->getFunctions()));
// These are words of the language that can't be disabled.
$theirs = implode(',', array_diff(get_defined_functions()['internal'], $own, ['clone', 'die', 'exit']));
echo "In the sandbox:\n";
(fn (string ...$argv) => require __DIR__ . '/every-call.php')('', scratch_folder());
foreach (['With a store' => '', 'With a store and no function of PHP\'s' => $theirs] as $what => $disabled) {
    $folder = scratch_folder();
    $ini = ['localapi.dsn' => "sqlite:$folder/store.sqlite", 'disable_functions' => $disabled];
    $ini += ['error_log' => '/dev/null'];
    echo "$what:\n", run([PHP_BINARY, ...ini_options($ini), __DIR__ . '/every-call.php', $folder]);
}
?>
===DONE===
--EXPECT--
In the sandbox:
LocalApi\copy_store: The credential store cannot be opened: the folder "/none" does not exist.
With a store:
With a store and no function of PHP's:
===DONE===
