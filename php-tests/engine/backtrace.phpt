--TEST--
A backtrace shows no argument of a function that may hold a secret
--INI--
localapi.sandbox=1
localapi.dsn=
zend.exception_ignore_args=0
--FILE--
<?php
// Traces of PHP 8.1 can't hide anything.
const HIDES = PHP_VERSION_ID >= 80200;

final class Tracing
{
    public static array $traces = [];

    public function __toString(): string
    {
        self::$traces = [debug_backtrace(), (new Exception())->getTrace()];
        return 'openid';
    }
}

$tracing = new Tracing();
$trace = fn () => $tracing->__toString();
$key = LocalApi\issue_api_credential('admin');
LocalApi\handle('Handled', fn (#[SensitiveParameter] array $postData) => ['result' => $trace()]);
add_hook('P', 1, fn () => localAPI('Handled', ['p' => 's3cret']));
$server = ['REQUEST_METHOD' => 'POST', 'REMOTE_ADDR' => '127.0.0.1', 'QUERY_STRING' => 's3cret'];
$create = ['CreateOAuthCredential', ['grantType' => $tracing, 'name' => 's3cret']];
$calls = [
    'localAPI' => fn () => localAPI(...$create),
    'LocalApi\call' => fn () => LocalApi\call('Handled', ['name' => 's3cret']),
    'LocalApi\batch' => fn () => LocalApi\batch([$create]),
    'LocalApi\respond' => fn () => LocalApi\respond(['action' => 'Handled', 'x' => 's3cret'] + $key, $server),
    'run_hook' => fn () => run_hook('P'),
];
foreach ($calls as $function => $call) {
    Tracing::$traces = [];
    $call();
    $shown = print_r(Tracing::$traces, true);
    $frames = array_column(Tracing::$traces[0], 'function');
    echo $function, ': ', in_array($function, $frames, true) ? 'traced' : 'not traced', ', ';
    $is_shown = str_contains($shown, 's3cret') || str_contains($shown, $key['secret']);
    echo HIDES && $is_shown ? "shown\n" : "hidden\n";
}
?>
===DONE===
--EXPECT--
localAPI: traced, hidden
LocalApi\call: traced, hidden
LocalApi\batch: traced, hidden
LocalApi\respond: traced, hidden
run_hook: traced, hidden
===DONE===
