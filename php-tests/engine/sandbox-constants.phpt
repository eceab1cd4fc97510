--TEST--
WHMCS and ROOTDIR are defined in the sandbox, for each request, and nowhere else
--FILE--
<?php
require __DIR__ . '/../process.php';

$folder = scratch_folder();
$look = 'echo defined("WHMCS") && WHMCS === true ? "WHMCS, " : "no WHMCS, ",
    defined("ROOTDIR") ? (ROOTDIR === getcwd() ? "working folder" : var_export(ROOTDIR, true)) : "no ROOTDIR", "\n";';
file_put_contents("$folder/look.php", "<?php $look");
$sandbox = ['localapi.sandbox' => 1];
echo 'alone: ', php($look, $sandbox);
echo 'outside: ', php($look);
// Behind the warning that the sandbox has no effect.
$printed = php("echo '@'; $look", $sandbox + ['localapi.dsn' => "sqlite:$folder/a.sqlite"]);
echo 'a store in a file: ', explode('@', $printed)[1];
echo 'in the root: ', run(['sh', '-c', 'cd / && exec "$@"', '', PHP_BINARY, ...ini_options($sandbox), '-r', $look]);
$before = ini_options($sandbox + ['auto_prepend_file' => "$folder/look.php"]);
echo 'before the script: ', run([PHP_BINARY, ...$before, '/dev/null']);
echo 'a guarded definition: ', php("defined('WHMCS') || define('WHMCS', 5); $look", $sandbox);
// The rest of the warning differs from PHP to PHP.
[$warning, $rest] = explode(' already defined', php("define('WHMCS', 5); echo '@'; $look", $sandbox));
echo 'another definition: ', trim($warning), ', ', explode('@', $rest)[1];

// What is compiled in the sandbox says nothing outside of it, and the other way round.
$opcache = ['opcache.enable' => 1, 'opcache.enable_cli' => 1];
$cache = $opcache + ['opcache.file_cache' => $folder, 'opcache.file_cache_only' => 1];
foreach ([$sandbox, [], $sandbox] as $ini) {
    echo 'cached: ', run([PHP_BINARY, ...ini_options($ini + $cache), "$folder/look.php"]);
}
$preload = $opcache + ['opcache.file_cache_only' => 0, 'opcache.preload' => "$folder/look.php"];
$preload += ['opcache.preload_user' => posix_getpwuid(posix_geteuid())['name']];
echo 'preloaded, and after: ', php($look, $sandbox + $preload);

$server = new Server($folder, $sandbox + ['opcache.enable' => 1]);
for ($request = 1; $request <= 3; ++$request) {
    $here = var_export(getcwd(), true);
    echo "request $request: ", $server->answer("echo json_encode([WHMCS, ROOTDIR === $here, chdir('/')]);"), "\n";
}
?>
===DONE===
--EXPECT--
alone: WHMCS, working folder
outside: no WHMCS, no ROOTDIR
a store in a file: no WHMCS, no ROOTDIR
in the root: WHMCS, ''
before the script: WHMCS, working folder
a guarded definition: WHMCS, working folder
another definition: Warning: Constant WHMCS, WHMCS, working folder
cached: WHMCS, working folder
cached: no WHMCS, no ROOTDIR
cached: WHMCS, working folder
preloaded, and after: WHMCS, working folder
WHMCS, working folder
request 1: [true,true,true]
request 2: [true,true,true]
request 3: [true,true,true]
===DONE===
