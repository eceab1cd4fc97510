--TEST--
Nothing of the sandbox and no handler is left for the next request, whatever ended the one before
--FILE--
<?php
require __DIR__ . '/../process.php';

$fill = <<<'PHP'
LocalApi\Sandbox::seed(1);
LocalApi\handle('Kept', fn () => ['result' => 'success']);
LocalApi\Sandbox::fake('Faked', ['result' => 'success']);
add_hook('P', 1, fn () => 1);
logActivity('line');
$created = localAPI('CreateOAuthCredential', ['grantType' => 'authorization_code', 'name' => 'n', 'scope' => 'openid']);
echo localAPI('Kept')['result'], ' ', $created['credentialId'], ' ';
PHP;
$look = <<<'PHP'
echo json_encode([
    localAPI('Kept')['result'], localAPI('Faked')['result'], count(LocalApi\Sandbox::calls()),
    LocalApi\Sandbox::hooks(), LocalApi\Sandbox::activityLog(), localAPI('ListOAuthCredentials')['clients'],
]);
PHP;
$destructor = <<<'PHP'
final class Late {
    private static int $made = 0;
    public function __invoke() { return []; }
    public function __destruct() {
        ++self::$made < 20 && LocalApi\handle('Kept', new Late);
        echo localAPI('CreateOAuthCredential')['message'], ' ';
    }
}
PHP;
$ends = [
    'a script that ends' => '',
    'exit in a handler' => 'LocalApi\handle("E", function () { exit("bye "); }); localAPI("E");',
    'a fatal error in a handler' => 'LocalApi\handle("E", fn () => eval("function twice() {} function twice() {}")); localAPI("E");',
    'the memory limit in a handler' => 'LocalApi\handle("E", fn () => str_repeat("x", 1 << 28)); localAPI("E");',
    'the memory limit in a fake' => 'LocalApi\Sandbox::fake("E", fn () => [str_repeat("x", 1 << 28)]); localAPI("E");',
    'exit in a batch' => 'LocalApi\Sandbox::fake("E", function () { exit("bye "); }); LocalApi\batch([["E"], ["E"]]);',
    'the memory limit in a batch' =>
        'LocalApi\Sandbox::fake("E", fn () => [str_repeat("x", 1 << 24)]); LocalApi\batch([["E"], ["E"], ["E"]]);',
    'an exception in a handler' => 'LocalApi\handle("E", fn () => throw new Exception("x")); localAPI("E");',
    'a destructor at shutdown' => "$destructor LocalApi\\handle('Late', new Late); LocalApi\\Sandbox::fake('Late2', new Late);",
    'a stream that is closed after the rest' => <<<'PHP'
        final class Closing {
            public $context;
            public function stream_open() { return true; }
            public function stream_close() { LocalApi\handle('Kept', fn () => []); localAPI('Kept'); add_hook('P', 1, fn () => 1); }
        }
        stream_wrapper_register('closing', Closing::class);
        $GLOBALS['stream'] = fopen('closing://', 'r');
        PHP,
    'an output callback' => 'ob_start(function ($text) { LocalApi\handle("Kept", fn () => []); return $text . localAPI("Kept2")["result"]; });',
];
$ini = ['localapi.sandbox' => 1, 'display_errors' => 0, 'memory_limit' => '32M', 'output_buffering' => 0];
$server = new Server(scratch_folder(), $ini);
foreach ($ends as $name => $end) {
    $seen = $server->answer($fill . $end);
    echo $name, ': ', str_starts_with($seen, 'success 1 ') ? 'ran' : $seen, ', then ', $server->answer($look), "\n";
}
?>
===DONE===
--EXPECT--
a script that ends: ran, then ["error","error",2,[],[],[]]
exit in a handler: ran, then ["error","error",2,[],[],[]]
a fatal error in a handler: ran, then ["error","error",2,[],[],[]]
the memory limit in a handler: ran, then ["error","error",2,[],[],[]]
the memory limit in a fake: ran, then ["error","error",2,[],[],[]]
exit in a batch: ran, then ["error","error",2,[],[],[]]
the memory limit in a batch: ran, then ["error","error",2,[],[],[]]
an exception in a handler: ran, then ["error","error",2,[],[],[]]
a destructor at shutdown: ran, then ["error","error",2,[],[],[]]
a stream that is closed after the rest: ran, then ["error","error",2,[],[],[]]
an output callback: ran, then ["error","error",2,[],[],[]]
===DONE===
