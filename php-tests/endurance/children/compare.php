<?php

// Makes so many random calls, by a seed, of the extension and of `peer.php` on a copy of its store, and compares what
// is answered and stored. Prints the first difference, or how many calls and different sentences there were.
require __DIR__ . '/peer.php';

[, $count, $seed, $store] = $argv;
mt_srand((int) $seed);

final class Text
{
    public function __construct(private string $text)
    {
    }

    public function __toString(): string
    {
        return $this->text;
    }
}

function one(array $of): mixed
{
    return $of[mt_rand(0, count($of) - 1)];
}

function rarely(int $in): bool
{
    return mt_rand(1, $in) === 1;
}

/** A text with something put in, taken away or doubled. */
function spoiled(string $text): string
{
    $what = ['', ' ', "\t", "\v", "\0", "\u{85}", "\u{a0}", "\u{2028}", "\u{202e}", "\u{fc}", "\u{e000}", "\u{fffe}",
        "\u{10ffff}", '#', '?', '/', '//', ':', '@', '*', '\\', '%', '%2e', '%2F', '%ff', '%zz', '..', '[', ']', '{',
        ',', ',https://', ', a.b:', '!', "'", '"', '<', '^', '|', '`', '~', '+', '1', 'A', "\xff", "\xe2\x82"];
    for ($times = mt_rand(1, 3); $times > 0; $times--) {
        $text = substr_replace($text, one($what), mt_rand(0, strlen($text)), mt_rand(0, 2));
    }
    return $text;
}

/** An absolute URI of which mostly one part is unusual. */
function uri(): string
{
    $parts = [
        ['https', 'http', 'HTTPS', 'com.example.app', 'a.b', 'myapp', 'urn', 'javascript', '1a', 'x+y.z', ''],
        ['://', ':', ':/', ':///', '//', ''],
        ['', 'u@', 'u:p@', '@', 'a@b@'],
        ['a.test', 'test', '.test', 'localhost', 'LOCALHOST', 'b.localhost', '127.0.0.1', '127.1', '127.0.0.01',
            '127.255.3.256', '[::1]', '[0:0::1]', '[::ffff:127.0.0.1]', '[::2]', '[::1', '[v1.a]', '[]', 'example.com',
            '', "b\u{fc}cher.example", 'ex%61mple.com', '2130706433', '*.example.com'],
        ['', ':', ':80', ':65535', ':65536', ':99999999999999999999', ':x', ':0080'],
        ['', '/', '/cb', '/a,b', '/../b', '//c', "/\u{fc}", '/{id}', '/%2e%2e/x', 'cb', '/*', '/a\\b', "/\u{202e}",
            "/\u{2028}"],
        ['', '?a=1', "?\u{e000}", '?[x]'],
        ['', '#', '#top', "#\u{e000}"],
    ];
    $uri = '';
    foreach ($parts as $part) {
        $uri .= rarely(4) ? one($part) : $part[0];
    }
    return rarely(4) ? spoiled($uri) : $uri;
}

function logo(): string
{
    if (rarely(3)) {
        return 'logo.png';
    }
    $logo = one(['logo.png', '/a/b.png', '../a', 'a/../b', 'a/%2e%2E/b', '//a.test/b', '/%2fa', 'a\\b', 'a%5cb', '%ff',
        'a%00', 'a:b', ':80', '?..', '#//', '..', '', ' ', str_repeat('x', 255), str_repeat("\u{fc}", 256), uri(),
        'https://a.test/logo.png', 'http://a.test']);
    return rarely(4) ? spoiled($logo) : $logo;
}

function line(): string
{
    $text = one(['Shop', 'Shop', 'Shop', '', ' ', "\t", '0', "a\nb", "a\u{202e}b", "\u{7f}", "\u{200f}",
        str_repeat('x', 255), str_repeat("\u{fc}", 255), str_repeat("\u{fc}", 256), str_repeat('x', 256)]);
    return rarely(8) ? spoiled($text) : $text;
}

function scope(): string
{
    $known = ['clientarea:sso', 'openid', 'profile', 'email', 's0', 's1', 's9'];
    if (rarely(30)) {
        return implode(' ', array_map(fn (int $number) => "s$number", range(0, one([62, 63, 64, 65]))));
    }
    for ($scope = one($known); rarely(2);) {
        $scope .= one([' ', '  ', "\t", "\n", "\v", "\f"]) . one($known);
    }
    return rarely(10) ? one(['', ' ', 'OpenID', "openid\u{a0}", str_repeat('long', 30), spoiled($scope)]) : $scope;
}

/** Anything but what is expected, now and then. */
function perhaps(mixed $value): mixed
{
    $others = [null, '', ' ', 0, 1, -1, 2.5, 1e100, NAN, true, false, [], ['x'], [null], [[1]], new stdClass(), STDIN,
        "\xff", str_repeat("\u{fc}", 81), new Text('authorization_code'), new Text('openid'), new Text("\xff")];
    return rarely(20) ? one($others) : $value;
}

function perhapsList(callable $make): mixed
{
    if (!rarely(4)) {
        return perhaps($make());
    }
    for ($list = []; !rarely(3);) {
        $list[] = perhaps($make());
    }
    return rarely(40) ? array_fill(0, one([32, 33]), str_pad('https://a.test/', one([15, 61, 62]), 'x')) : $list;
}

/**
 * @param list<int> $ids
 * @return array<mixed>
 */
function parameters(array $ids, bool $create): array
{
    $all = [
        'grantType' => fn () => perhaps(rarely(5) ? 'password' : one(['authorization_code', 'single_sign_on'])),
        'name' => fn () => perhaps(line()),
        'serviceId' => fn () => perhaps(one(['1', '1', '1', 1, '2', '3', '0', '00', '01', '0.0', '1 ', '-1', '+1', '',
            '9223372036854775807', '9223372036854775808'])),
        'scope' => fn () => perhapsList(scope(...)),
        'description' => fn () => perhaps(line()),
        'logoUri' => fn () => perhapsList(logo(...)),
        'redirectUri' => fn () => rarely(3)
            ? perhapsList(uri(...))
            : implode(one([' ', ',', ', ', "\n", "\v,"]), array_map(uri(...), range(1, one([1, 1, 1, 2])))),
    ];
    $chosen = $create ? [] : [
        'credentialId' => fn () => perhaps(rarely(20) ? '0' : one([one($ids), '0' . one($ids), max($ids) + 1])),
        'resetSecret' => fn () => perhaps(one(['true', 'on', 'YES', '1', 'no', ''])),
    ];
    // Mostly all is well but for one or two, so that rules are reached which come late.
    $plain = ['grantType' => 'authorization_code', 'name' => 'Shop', 'serviceId' => '1', 'scope' => 'openid'];
    $focus = rarely(3) ? [] : [array_rand($all), array_rand($all)];
    foreach ($all as $name => $make) {
        $required = $create && isset($plain[$name]);
        if ($focus === [] || in_array($name, $focus, true)) {
            if ($required ? !rarely(25) : $focus !== [] || rarely(3)) {
                $chosen[$name] = $make;
            }
        } elseif ($required) {
            $chosen[$name] = fn () => $plain[$name];
        }
    }
    $data = ['responsetype' => 'json'];
    foreach ($chosen as $name => $make) {
        $spellings = [$name, $name, $name, $name, strtolower($name), strtoupper($name)];
        $data[one($spellings)] = $make();
        if (rarely(20)) {
            $data[one($spellings)] = $make();
        }
    }
    return $data;
}

/** @return array<string, list<mixed>> what both must have stored, and of the activity log what came after a row */
function stored(PDO $database, int $after): array
{
    $all = fn (string $sql) => $database->query($sql)->fetchAll(PDO::FETCH_NUM);
    return [
        'credentials' => $all('SELECT id, redirect_uri, grant_types, user_id, service_id, name, description, logo_uri,
            length(identifier), length(secret), created_at <= updated_at FROM tbloauthserver_clients ORDER BY id'),
        'scopes' => $all('SELECT client_id, scope_id FROM tbloauthserver_client_scopes ORDER BY 1, 2'),
        'lines' => $all("SELECT id, description, user, userid, admin_id, ipaddr FROM tblactivitylog
            WHERE id > $after ORDER BY id"),
    ];
}

function same(string $what, mixed $ours, mixed $peers, mixed $asked = null): void
{
    if ($ours !== $peers) {
        $shown = array_map(fn ($value) => var_export($value, true), [$asked, $ours, $peers]);
        exit("$what: $shown[0]\nours: $shown[1]\npeer: $shown[2]\n");
    }
}

/**
 * @param array<int, array{string, string}> $identifiers of the extension and of the peer
 * @param array<int, array{string, string}> $secrets
 * @return int the last row of the activity log
 */
function compare_stores(PDO $database, Peer $peer, int $line, array $identifiers, array $secrets): int
{
    $found = stored($database, $line);
    same('stored', $found, stored($peer->database(), $line));
    $limit = mt_rand(1, 100);
    $lists = [localAPI('ListOAuthCredentials', ['limit' => $limit])['clients'], $peer->list($limit)['clients']];
    foreach ($lists as $side => &$clients) {
        foreach ($clients as &$client) {
            $id = $client['credentialId'];
            same('listed', $client['clientIdentifier'], $identifiers[$id][$side]);
            same('listed', $client['clientSecret'], $secrets[$id][$side]);
            unset($client['clientIdentifier'], $client['clientSecret'], $client['createdAt'], $client['updatedAt']);
            unset($client['lastUsedAt']);
        }
        unset($client);
    }
    unset($clients);
    same('listed', $lists[0], $lists[1]);
    return end($found['lines'])[0] ?? $line;
}

LocalApi\register_service(1, 10);
LocalApi\register_service(2, 20);
array_map(fn (int $number) => LocalApi\register_scope("s$number"), range(0, 65));
$first = ['grantType' => 'authorization_code', 'name' => 'First', 'scope' => 'openid'];
$identifiers = $secrets = [];
$answer = localAPI('CreateOAuthCredential', $first);
$identifiers[1] = [$answer['clientIdentifier'], $answer['clientIdentifier']];
$secrets[1] = [$answer['clientSecret'], $answer['clientSecret']];
$database = new PDO("sqlite:$store");
$database->exec("PRAGMA wal_autocheckpoint = 0;
    DELETE FROM tblclients WHERE id = 20;
    INSERT INTO tbladmins (username, disabled) VALUES ('former', 1);
    VACUUM INTO '$store.peer'");
$keys = json_decode(file_get_contents("$store.key"), true);
$key = base64_decode($keys['keys'][0]['key']);
$peer = new Peer("sqlite:$store.peer", $key, $keys['active'], 'COMPANY-NAME');
$peer->database()->exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF');

$sentences = [];
$newest = 1;
$line = 0;
for ($call = 1; $call <= $count; $call++) {
    if ($call % 500 === 0) {
        $line = compare_stores($database, $peer, $line, $identifiers, $secrets);
    }
    $admin = rarely(10) ? one(['admin', 'former', 'nobody', '', "n\u{202e}" . str_repeat("\u{fc}", 90), "\xff"]) : null;
    $what = one(['create', 'create', 'create', 'update', 'update', 'update', 'delete', 'verify']);
    if ($what === 'verify') {
        $id = array_rand($secrets);
        $right = rarely(2);
        $told = LocalApi\verify_credential($identifiers[$id][0], $secrets[$id][0] . ($right ? '' : 'x'));
        $peers = $peer->verify($identifiers[$id][1], $secrets[$id][1] . ($right ? '' : 'x'));
        $own = ['clientIdentifier' => 1];
        same('verify', array_diff_key((array) $told, $own), array_diff_key((array) $peers, $own));
        same('verify', $told === null, !$right);
        continue;
    }
    if ($what === 'delete') {
        $asked = ['credentialId' => perhaps(rarely(4) ? '0' : mt_rand(2, $newest + 1))];
    } else {
        $asked = parameters(array_keys($identifiers), $what === 'create');
    }
    $asked_peer = $asked;
    if ($what === 'update' && rarely(4)) {
        rarely(4) || $asked['credentialId'] = rarely(2) ? null : '0';
        $id = array_rand($identifiers);
        [$asked['clientApiIdentifier'], $theirs] = rarely(8) ? ['nobody', 'nobody'] : $identifiers[$id];
        $asked_peer = $asked;
        $asked_peer['clientApiIdentifier'] = $theirs;
    }
    $ours = localAPI(ucfirst($what) . 'OAuthCredential', $asked, $admin);
    $peers = $peer->$what($asked_peer, $admin);
    $random = ['clientIdentifier' => 1, 'clientSecret' => 1, 'newClientSecret' => 1];
    $shape = fn (array $answer): array => array_map(
        fn ($key) => isset($random[$key]) ? "$key of " . strlen($answer[$key]) : $answer[$key],
        array_combine(array_keys($answer), array_keys($answer))
    );
    same($what, $shape($ours), $shape($peers), [$asked, $admin]);
    $sentences[preg_replace('/".*"/s', '…', $ours['message'] ?? $what)] = true;
    if ($ours['result'] !== 'success') {
        continue;
    }
    $id = $ours['credentialId'];
    if ($what === 'create') {
        $newest = $id;
        $identifiers[$id] = [$ours['clientIdentifier'], $peers['clientIdentifier']];
        $secrets[$id] = [$ours['clientSecret'], $peers['clientSecret']];
    } elseif ($what === 'delete') {
        unset($identifiers[$id], $secrets[$id]);
    } elseif (isset($ours['newClientSecret'])) {
        $secrets[$id] = [$ours['newClientSecret'], $peers['newClientSecret']];
    }
}
$line = compare_stores($database, $peer, $line, $identifiers, $secrets);
// What the extension has sealed is opened here.
$reader = new Peer("sqlite:$store", $key, $keys['active']);
foreach ($reader->list(-1)['clients'] as ['credentialId' => $id, 'clientSecret' => $secret]) {
    same('sealed', $secret, $secrets[$id][0]);
}
echo "$count calls, ", count($sentences), " sentences\n";
