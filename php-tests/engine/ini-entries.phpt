--TEST--
Each INI entry has its default, takes another value, and shows either in ini_get() and php --ri
--FILE--
<?php
require __DIR__ . '/../process.php';

$others = [
    'localapi.dsn' => 'sqlite:/srv/a b/store.sqlite',
    'localapi.key_file' => '/srv/keys/localapi.key',
    'localapi.company_name' => 'Müller & Söhne',
    'localapi.busy_timeout' => '60000',
    'localapi.sandbox' => '1',
    'localapi.durability' => 'normal',
    'localapi.api_allowed_ips' => '10.0.0.0/8, ::1',
    'localapi.api_access_key' => 'letmein',
    'localapi.redirect_http_hosts' => 'app, *.dev',
];
$look = '
    foreach (ini_get_all("localapi") as $name => $entry) {
        echo "$name {$entry["access"]} {$entry["local_value"]}\n";
    }';

echo "-- defaults\n", php($look), info([]);
// As the user of a preload script PHP may have another process print what it has printed so far.
echo "-- others\n", php($look, $others + ['opcache.preload' => '']), info($others);

function info(array $ini): string
{
    $shown = run([PHP_BINARY, ...ini_options($ini), '--ri', 'localapi']);
    return implode("\n", preg_grep('/^localapi\.|^Sandbox|^Durability/', explode("\n", $shown))) . "\n";
}

echo "-- a script can't change one\n";
foreach (array_keys(ini_get_all('localapi')) as $name) {
    $before = ini_get($name);
    echo $name, ' ', json_encode(ini_set($name, $others[$name])), ' ', json_encode(ini_get($name) === $before), "\n";
}
?>
===DONE===
--EXPECT--
-- defaults
localapi.api_access_key 4 
localapi.api_allowed_ips 4 127.0.0.1, ::1
localapi.busy_timeout 4 5000
localapi.company_name 4 Company Name
localapi.dsn 4 
localapi.durability 4 full
localapi.key_file 4 
localapi.redirect_http_hosts 4 
localapi.sandbox 4 0
Sandbox => disabled
Durability => full
localapi.dsn => no value => no value
localapi.key_file => no value => no value
localapi.company_name => Company Name => Company Name
localapi.busy_timeout => 5000 => 5000
localapi.sandbox => 0 => 0
localapi.durability => full => full
localapi.api_allowed_ips => 127.0.0.1, ::1 => 127.0.0.1, ::1
localapi.api_access_key => no value => no value
localapi.redirect_http_hosts => no value => no value
-- others

Warning: PHP Startup: localapi.sandbox has no effect: localapi.dsn is neither empty nor sqlite::memory: in Unknown on line 0
localapi.api_access_key 4 letmein
localapi.api_allowed_ips 4 10.0.0.0/8, ::1
localapi.busy_timeout 4 60000
localapi.company_name 4 Müller & Söhne
localapi.dsn 4 sqlite:/srv/a b/store.sqlite
localapi.durability 4 normal
localapi.key_file 4 /srv/keys/localapi.key
localapi.redirect_http_hosts 4 app, *.dev
localapi.sandbox 4 1
Sandbox => no effect: localapi.dsn is neither empty nor sqlite::memory:
Durability => normal
localapi.dsn => sqlite:/srv/a b/store.sqlite => sqlite:/srv/a b/store.sqlite
localapi.key_file => /srv/keys/localapi.key => /srv/keys/localapi.key
localapi.company_name => Müller & Söhne => Müller & Söhne
localapi.busy_timeout => 60000 => 60000
localapi.sandbox => 1 => 1
localapi.durability => normal => normal
localapi.api_allowed_ips => 10.0.0.0/8, ::1 => 10.0.0.0/8, ::1
localapi.api_access_key => ******** => ********
localapi.redirect_http_hosts => app, *.dev => app, *.dev
-- a script can't change one
localapi.api_access_key false true
localapi.api_allowed_ips false true
localapi.busy_timeout false true
localapi.company_name false true
localapi.dsn false true
localapi.durability false true
localapi.key_file false true
localapi.redirect_http_hosts false true
localapi.sandbox false true
===DONE===
