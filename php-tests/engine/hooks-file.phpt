--TEST--
A file of hooks is included anew in each request, and again where the script ended in it
--FILE--
<?php
require __DIR__ . '/../process.php';

$folder = scratch_folder();
$server = new Server($folder, ['localapi.sandbox' => 1, 'display_errors' => 0]);
$ends = [
    'no end' => '',
    'exit' => 'exit;',
    'a fatal error' => 'eval("function twice() {} function twice() {}");',
    'an exception' => 'throw new Exception;',
];
foreach ($ends as $end => $code) {
    file_put_contents("$folder/hooks.php", "<?php
        echo 'included, ';
        if (!isset(\$GLOBALS['again'])) {
            $code
        }
        add_hook('P', 1, fn () => 'ran');
    ");
    foreach ([1, 2] as $request) {
        echo "$end, request $request: ", $server->answer('
            register_shutdown_function(function () {
                $GLOBALS["again"] = true;
                LocalApi\Sandbox::reset();
                LocalApi\Sandbox::loadHooks("hooks.php");
                echo json_encode(run_hook("P"));
            });
            LocalApi\Sandbox::loadHooks("hooks.php");
        '), "\n";
    }
}
?>
===DONE===
--EXPECT--
no end, request 1: included, ["ran"]
no end, request 2: included, ["ran"]
exit, request 1: included, included, ["ran"]
exit, request 2: included, included, ["ran"]
a fatal error, request 1: included, included, ["ran"]
a fatal error, request 2: included, included, ["ran"]
an exception, request 1: included, included, ["ran"]
an exception, request 2: included, included, ["ran"]
===DONE===
