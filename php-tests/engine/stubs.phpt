--TEST--
The stub file is equal to the extension, name by name, type by type, default by default
--FILE--
<?php
require __DIR__ . '/../process.php';

$stub = __DIR__ . '/../../stubs/localapi.stubs.php';
// The sandbox is on so that the functions that only it has are there too.
$sandbox = ini_options(['localapi.sandbox' => 1, 'localapi.dsn' => 'sqlite::memory:']);
$built = signatures([PHP_BINARY, ...$sandbox, __DIR__ . '/signatures.php']);
$said = signatures([PHP_BINARY, '-n', __DIR__ . '/signatures.php', $stub]);

function signatures(array $command): array
{
    $output = run($command);
    return json_decode($output, true) ?? [$output => ''];
}

function differences(array $built, array $said): array
{
    $differences = [];
    foreach ($built + $said as $name => $_) {
        [$ours, $theirs] = [$built[$name] ?? 'none', $said[$name] ?? 'none'];
        if ($ours !== $theirs) {
            $differences[] = "$name\n  extension: $ours\n  stub:      $theirs";
        }
    }
    return $differences;
}

echo isset($built['function localAPI'], $built['class LocalApi\StoreException']) ? "found\n" : "not found\n";
echo implode("\n", differences($built, $said)), "-- and every kind of difference is seen\n";

$wrong = [
    'a name' => ['function register_scope(', 'function register_scopes('],
    'letter case' => ['function localAPI(', 'function localApi('],
    'a parameter' => ['string $username', 'string $name'],
    'a type' => ['int $clientId', 'string $clientId'],
    'nullability' => ['?array $postData = []', 'array $postData = []'],
    'a default' => ["\$description = ''", "\$description = '-'"],
    'a missing default' => ["\$description = ''", '$description'],
    'a return type' => ['string $username): void', 'string $username)'],
    'a global constant' => ['const WHMCS = true;', 'const WHMCS = 1;'],
    'an attribute' => ['string $username)', '#[\Attribute] string $username)'],
    'a parent' => ['extends \RuntimeException', 'extends \LogicException'],
    'final' => ['class StoreException', 'final class StoreException'],
    'a method' => ["\\RuntimeException\n    {", "\\RuntimeException\n    { function more() {}"],
    'a constant' => ["\\RuntimeException\n    {", "\\RuntimeException\n    { const MORE = 1;"],
    'a property' => ["\\RuntimeException\n    {", "\\RuntimeException\n    { public \$more;"],
    'one too many' => ['namespace LocalApi {', 'namespace LocalApi { function more() {}'],
];
$copy = scratch_folder() . '/stub.php';
foreach ($wrong as $kind => [$from, $to]) {
    $changed = str_replace($from, $to, file_get_contents($stub), $count);
    file_put_contents($copy, $changed);
    $seen = count(differences($built, signatures([PHP_BINARY, '-n', __DIR__ . '/signatures.php', $copy])));
    echo $kind, ': ', $count > 0 && $seen > count(differences($built, $said)) ? 'seen' : 'NOT SEEN', "\n";
}
?>
===DONE===
--EXPECT--
found
-- and every kind of difference is seen
a name: seen
letter case: seen
a parameter: seen
a type: seen
nullability: seen
a default: seen
a missing default: seen
a return type: seen
a global constant: seen
an attribute: seen
a parent: seen
final: seen
a method: seen
a constant: seen
a property: seen
one too many: seen
===DONE===
