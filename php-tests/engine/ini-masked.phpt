--TEST--
php --ri and phpinfo() mask the DSN's password and the access key, and show no markup as such
--FILE--
<?php
require __DIR__ . '/../process.php';

$ini = ['localapi.api_access_key' => 'open<sesame>'];
$dsns = [
    'mysql://shop:hunter2@db.example:3306/local?ssl_verify=1',
    'mysql://shop:hunter2@home@db.example/local',
    'hunter2',
    'mysql://<b>&:hunter2@db.example/local',
    'sqlite:/nowhere/<b>&/store.sqlite',
];
foreach ($dsns as $dsn) {
    $ini['localapi.dsn'] = $dsn;
    $text = run([PHP_BINARY, ...ini_options($ini), '--ri', 'localapi']);
    $server = new Server(scratch_folder(), $ini);
    $html = $server->answer('phpinfo(INFO_MODULES);');
    unset($server);
    $rows = [
        ...preg_grep('/^localapi\.(dsn|api_access_key) /', explode("\n", $text)),
        ...preg_grep('/>localapi\.(dsn|api_access_key)<|nowhere/', explode("\n", $html)),
    ];
    echo implode("\n", $rows), "\n";
    foreach (['hunter2', 'sesame'] as $secret) {
        echo $secret, ' ', json_encode(str_contains($text . $html, $secret)), "\n";
    }
}
?>
===DONE===
--EXPECT--
localapi.dsn => mysql://shop:********@db.example:3306/local?ssl_verify=1 => mysql://shop:********@db.example:3306/local?ssl_verify=1
localapi.api_access_key => ******** => ********
<tr><td class="e">localapi.api_access_key</td><td class="v">********</td><td class="v">********</td></tr>
<tr><td class="e">localapi.dsn</td><td class="v">mysql://shop:********@db.example:3306/local?ssl_verify=1</td><td class="v">mysql://shop:********@db.example:3306/local?ssl_verify=1</td></tr>
hunter2 false
sesame false
localapi.dsn => mysql://shop:********@db.example/local => mysql://shop:********@db.example/local
localapi.api_access_key => ******** => ********
<tr><td class="e">localapi.api_access_key</td><td class="v">********</td><td class="v">********</td></tr>
<tr><td class="e">localapi.dsn</td><td class="v">mysql://shop:********@db.example/local</td><td class="v">mysql://shop:********@db.example/local</td></tr>
hunter2 false
sesame false
localapi.dsn => ******** => ********
localapi.api_access_key => ******** => ********
<tr><td class="e">localapi.api_access_key</td><td class="v">********</td><td class="v">********</td></tr>
<tr><td class="e">localapi.dsn</td><td class="v">********</td><td class="v">********</td></tr>
hunter2 false
sesame false
localapi.dsn => mysql://<b>&:********@db.example/local => mysql://<b>&:********@db.example/local
localapi.api_access_key => ******** => ********
<tr><td class="e">localapi.api_access_key</td><td class="v">********</td><td class="v">********</td></tr>
<tr><td class="e">localapi.dsn</td><td class="v">mysql://&lt;b&gt;&amp;:********@db.example/local</td><td class="v">mysql://&lt;b&gt;&amp;:********@db.example/local</td></tr>
hunter2 false
sesame false
localapi.dsn => sqlite:/nowhere/<b>&/store.sqlite => sqlite:/nowhere/<b>&/store.sqlite
localapi.api_access_key => ******** => ********
<tr><td class="e">Store </td><td class="v">SQLite, /nowhere/&lt;b&gt;&amp;/store.sqlite </td></tr>
<tr><td class="e">Key file </td><td class="v">/nowhere/&lt;b&gt;&amp;/store.sqlite.key </td></tr>
<tr><td class="e">localapi.api_access_key</td><td class="v">********</td><td class="v">********</td></tr>
<tr><td class="e">localapi.dsn</td><td class="v">sqlite:/nowhere/&lt;b&gt;&amp;/store.sqlite</td><td class="v">sqlite:/nowhere/&lt;b&gt;&amp;/store.sqlite</td></tr>
hunter2 false
sesame false
===DONE===
