<?php

// Calls with every kind of value, over and over. Prints what is wrong with an answer, a warning, or how much more memory
// the process holds, in KiB, after so many rounds than after the first ones.
set_error_handler(static function (int $level, string $message): void {
    print "warning: $message\n";
});

class Text
{
    public function __construct(private string $text)
    {
    }

    public function __toString(): string
    {
        return $this->text;
    }
}

class Thrower
{
    public function __toString(): string
    {
        throw new DomainException('thrown inside');
    }
}

/** An element that takes away the list it is in. */
class Remover
{
    public function __construct(private ?array &$list)
    {
    }

    public function __toString(): string
    {
        $this->list = null;
        $this->list = array_fill(0, 8, 'overwritten');
        return 'https://a.test/';
    }
}

/** @return iterable<string, mixed> */
function values(): iterable
{
    $recursive = ['a'];
    $recursive[] = &$recursive;
    $deep = [];
    for ($i = 0; $i < 1_000; $i++) {
        $deep = [$deep];
    }
    $text = 'authorization_code';
    static $file;
    $file ??= fopen('php://memory', 'r');
    $closed = fopen('php://memory', 'r');
    fclose($closed);
    yield 'text' => $text;
    yield 'empty' => '';
    yield 'int' => 1;
    yield 'least int' => PHP_INT_MIN;
    yield 'float' => 1.5;
    yield 'not a number' => NAN;
    yield 'infinite' => -INF;
    yield 'true' => true;
    yield 'false' => false;
    yield 'null' => null;
    yield 'list' => ['clientarea:sso', 'clientarea:invoices'];
    yield 'list with a binary key' => ["\xff" => 'clientarea:sso', '' => 'a', -3 => 'b'];
    yield 'nested list' => [['a'], [['b']]];
    yield 'recursive list' => $recursive;
    yield 'deep list' => $deep;
    yield 'mixed list' => [1, 1.5, null, true, new stdClass(), new Text('x'), $file, "\xff"];
    yield 'list of a thrower' => ['https://a.test/', new Thrower()];
    yield 'object' => new stdClass();
    yield 'closure' => static fn () => 1;
    yield 'enum-like object' => new ArrayObject(['a']);
    yield 'text object' => new Text('clientarea:sso');
    yield 'binary text object' => new Text("\0\xff");
    yield 'thrower' => new Thrower();
    yield 'resource' => $file;
    yield 'closed resource' => $closed;
    yield 'NUL' => "a\0b";
    yield 'only NUL' => "\0";
    yield 'invalid UTF-8' => "\xc3\x28 \xff\xfe";
    yield 'cut UTF-8' => "a\xf0\x9f\x98";
    yield 'white space' => " \t\n\v\f\r";
    yield '10 MB' => str_repeat('x', 10_000_000);
    yield '10 MB of white space' => str_repeat(' ', 10_000_000);
    yield '10 MB invalid' => str_repeat("\xff", 10_000_000);
    yield '10,000 scopes' => implode(' ', array_map(static fn ($i) => "scope:$i", range(1, 10_000)));
    yield '10,000 times a scope' => str_repeat('clientarea:sso ', 10_000);
    yield '10,000 URIs' => array_map(static fn ($i) => "https://host$i.example/", range(1, 10_000));
    yield '10,000 URIs in one text' => str_repeat('https://host.example/ ', 10_000);
}

function check(string $what, array $postData, mixed $admin = null, string $command = 'CreateOAuthCredential'): void
{
    try {
        $answer = localAPI($command, $postData, $admin);
    } catch (DomainException $thrown) {
        $thrown->getMessage() === 'thrown inside' or print "$what: {$thrown->getMessage()}\n";
        return;
    }
    $shape = array_map('get_debug_type', $answer);
    $success = ['result' => 'string', 'credentialId' => 'int', 'clientIdentifier' => 'string', 'clientSecret' => 'string'];
    $error = ['result' => 'string', 'message' => 'string'];
    $expected = ['success' => $success, 'error' => $error][$answer['result']];
    $shape === $expected or print "$what: " . json_encode($answer) . "\n";
    mb_check_encoding($answer['message'] ?? '', 'UTF-8') or print "$what: the message is not UTF-8\n";
    strlen($answer['message'] ?? '') < 600 or print "$what: the message is " . strlen($answer['message']) . " long\n";
}

function round_of_calls(): void
{
    $sound = ['grantType' => 'authorization_code', 'scope' => 'clientarea:sso', 'name' => 'A'];
    $single = ['grantType' => 'single_sign_on', 'serviceId' => 1] + $sound;
    foreach (values() as $kind => $value) {
        foreach (['grantType', 'scope', 'name', 'description', 'logoUri', 'redirectUri', 'serviceId', 'NAME'] as $name) {
            check("$name: $kind", [$name => $value] + $sound);
            $reference = &$value;
            check("$name: reference to $kind", [$name => &$reference] + $sound);
            unset($reference);
        }
        check("serviceId: $kind", ['serviceId' => $value] + $single);
        check("alone: $kind", [$value]);
        if (is_array($value)) {
            check("as data: $kind", $value);
        }
        if (is_string($value)) {
            check("admin: $kind", $sound, $value);
            check("command: $kind", $sound, null, $value);
            check("key: $kind", [$value => $value] + $sound);
        }
    }
    check('int keys', [5 => 'a', -1 => 'b', PHP_INT_MAX => 'c', '07' => 'd'] + $sound);
    check('many keys', array_fill(0, 10_000, 'x') + $sound);
    check('no data', []);
    $data = $sound;
    $data['self'] = &$data;
    check('data that holds itself', $data);
    $list = null;
    $list = [new Remover($list), 'https://' . str_repeat('b', 8) . '.test/', ...array_fill(0, 8, 'https://c.test/')];
    check('list that an element takes away', ['redirectUri' => &$list] + $sound);
    $before = serialize($sound);
    check('data is left as it is', $sound);
    serialize($sound) === $before or print "data was changed\n";
}

/** What the process holds, in KiB. */
function resident(): int
{
    gc_collect_cycles();
    gc_mem_caches();
    preg_match('/^VmRSS:\s+(\d+)/m', file_get_contents('/proc/self/status'), $found);
    return (int) $found[1];
}

[, $first, $rounds] = $argv + [0, 1, 0];
ini_set('memory_limit', '1G');
LocalApi\register_service(1, 1);
for ($i = 0; $i < $first; $i++) {
    round_of_calls();
}
$before = resident();
for ($i = 0; $i < $rounds; $i++) {
    round_of_calls();
}
print $rounds > 0 ? 'more memory: ' . (resident() - $before) . "\n" : "done\n";
