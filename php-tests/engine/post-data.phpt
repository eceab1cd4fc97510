--TEST--
Arrays of every make are read and left as they were: references, int keys, recursion, $GLOBALS, symbol tables
--INI--
localapi.dsn=sqlite::memory:
--FILE--
<?php
$base = ['grantType' => 'authorization_code', 'name' => 'n', 'scope' => 'openid'];
function create(?array $postData): string
{
    $answer = localAPI('CreateOAuthCredential', $postData);
    return $answer['message'] ?? (string) $answer['credentialId'];
}

$name = 'by reference';
$outer = ['name' => &$name] + $base;
echo 'reference: ', create($outer), "\n";
$name = '';
echo 'reference, changed: ', create($outer), "\n";

echo 'int keys: ', create([1 => 'x', -5 => 'y', PHP_INT_MAX => 'z'] + $base), ' ', create([1, 2, 3]), "\n";

$recursive = $base;
$recursive['self'] = &$recursive;
$recursive['description'] = &$recursive;
echo 'recursive: ', create($recursive), ' ';
unset($recursive['description']);
$recursive['redirectUri'] = &$recursive;
echo create($recursive), "\n";
unset($recursive['self'], $recursive['redirectUri']);

$grantType = 'authorization_code';
$scope = 'openid';
$name = 'from the symbol table';
echo '$GLOBALS: ', create($GLOBALS), "\n";
echo 'compact: ', create(compact('grantType', 'name', 'scope')), "\n";
echo 'defined variables: ', create(get_defined_vars()), "\n";

$declared = new class {
    public $grantType = 'authorization_code';
    public $name = 'of an object';
    public $scope = 'openid';
};
$dynamic = (object) $base;
$dynamic->description = 'd';
echo 'objects: ', create((array) $declared), ' ', create((array) $dynamic), ' ';
echo create(get_object_vars($declared)), "\n";

const FIXED = ['grantType' => 'authorization_code', 'name' => 'constant', 'scope' => 'openid'];
echo 'constant: ', create(FIXED), "\n";
echo 'empty: ', create([]), ' ', create(null), "\n";

$values = [
    'null' => null, 'bool' => true, 'int' => 5, 'float' => 1.5, 'string' => 'text', 'array' => [1, [2]],
    'object' => new ArrayObject, 'closure' => fn () => 1, 'resource' => fopen('php://memory', 'r'),
];
$values['closed'] = fopen('php://memory', 'r');
fclose($values['closed']);
$all = ['redirectUri' => $values] + $base;
$before = $all;
echo 'every type: ', create($all), ' ', json_encode($all === $before), "\n";
echo 'closed: ', create(['logoUri' => $values['closed']] + $base), "\n";

$hole = $base + ['a' => 1, 'redirectUri' => ['https://a.example/', 'x', 'https://b.example/']];
unset($hole['a'], $hole['redirectUri'][1]);
echo 'holes: ', create($hole), "\n";

$nested = 'leaf';
for ($depth = 0; $depth < 10_000; ++$depth) {
    $nested = [$nested];
}
echo 'deep: ', create(['name' => $nested] + $base), ' ', create(['redirectUri' => $nested] + $base), "\n";

// The same calls again and again leave nothing behind but their rows.
$calls = [$outer, $all, ['redirectUri' => [new ArrayObject]] + $base, ['name' => "\xff"] + $base];
for ($round = 0; $round < 300; ++$round) {
    foreach ($calls as $call) {
        localAPI('CreateOAuthCredential', $call);
    }
    $used[$round] = memory_get_usage();
}
echo 'memory: ', $used[299] - $used[199] < 10_000 ? 'flat' : $used[299] - $used[199], "\n";
?>
===DONE===
--EXPECT--
reference: 1
reference, changed: A name for the Client Credential is required.
int keys: 2 A valid grant type is required.
recursive: The parameter "description" must be a string. The redirect URI "authorization_code" is invalid: it is not an absolute URI.
$GLOBALS: 3
compact: 4
defined variables: 5
objects: 6 7 8
constant: 9
empty: A valid grant type is required. A valid grant type is required.
every type: The redirect URI "null" is invalid: it is not a string. true
closed: The parameter "logoUri" must be a string.
holes: 10
deep: A name for the Client Credential is required. The redirect URI "array" is invalid: it is not a string.
memory: flat
===DONE===
