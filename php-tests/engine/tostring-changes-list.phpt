--TEST--
A list that __toString changes through a reference is read as it was
--INI--
localapi.dsn=sqlite::memory:
--FILE--
<?php
final class Changer
{
    function __construct(private Closure $change)
    {
    }
    function __toString(): string
    {
        ($this->change)();
        // What was freed is used again at once.
        $GLOBALS['junk'][] = array_fill(0, 8, str_repeat('j', random_int(20, 30)));
        return 'https://first.example/';
    }
}
final class Ends
{
    function __toString(): string
    {
        return 'https://last.example/';
    }
    function __destruct()
    {
        echo 'destroyed, ';
    }
}
function create(array $postData): void
{
    $data = $postData + ['grantType' => 'authorization_code', 'name' => 'n', 'scope' => 'openid'];
    $answer = localAPI('CreateOAuthCredential', $data);
    echo $answer['message'] ?? $answer['credentialId'], "\n";
}
function second(): string
{
    return 'https://second.example/' . random_int(1, 9);
}
$changes = [
    'emptied' => function () use (&$list) { $list = []; },
    'set to null' => function () use (&$list) { $list = null; },
    'appended to' => function () use (&$list) { for ($i = 0; $i < 100; ++$i) { $list[] = "no URI $i"; } },
    'overwritten' => function () use (&$list) { foreach ($list as $key => $_) { $list[$key] = 'no URI'; } },
    'shortened' => function () use (&$list) { while (array_pop($list)) { } },
];
foreach ($changes as $name => $change) {
    $list = [new Changer($change), second(), second(), new Ends];
    echo $name, ': ';
    create(['redirectUri' => &$list]);
    $list = null;
}

echo "thrown: ";
final class Throws
{
    function __destruct()
    {
        throw new LogicException('by a destructor');
    }
    function __toString(): string
    {
        return 'https://last.example/';
    }
}
$list = [new Changer($changes['emptied']), new Throws];
try {
    create(['redirectUri' => &$list]);
} catch (LogicException $thrown) {
    echo $thrown->getMessage(), ', then ';
}
create([]);
?>
===DONE===
--EXPECT--
emptied: destroyed, 1
set to null: destroyed, 2
appended to: 3
destroyed, overwritten: destroyed, 4
shortened: destroyed, 5
thrown: by a destructor, then 6
===DONE===
