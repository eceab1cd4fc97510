--TEST--
A value that makes no sense is warned of at start, by the entry's name only; the default, or nothing, is used
--FILE--
<?php
require __DIR__ . '/../process.php';

$call = 'echo localAPI("CreateOAuthCredential", ["grantType" => "authorization_code", "name" => "n", '
    . '"scope" => "openid"])["message"] ?? "success", "\n";';
$invalid = [
    'localapi.busy_timeout' => ['nonsense', '-1', '5 s', '99999999999'],
    'localapi.sandbox' => ['nonsense', '2'],
    'localapi.durability' => ['nonsense', 'half'],
    'localapi.api_allowed_ips' => ['nonsense', '127.0.0.1/99', '1.2.3.4, nonsense'],
    'localapi.company_name' => ["nonsense\xff"],
    'localapi.dsn' => ['nonsense', 'sqlite:nonsense.sqlite', 'sqlite:', "sqlite:/nonsense\xff", 'sqlite:/nonsense/'],
    'localapi.key_file' => ['nonsense', '/nonsense/', "/nonsense\xff"],
];
foreach ($invalid as $name => $values) {
    foreach ($values as $value) {
        $home = scratch_folder();
        $environment = ['HOME' => $home, 'XDG_DATA_HOME' => null];
        $output = php("echo json_encode(ini_get('$name')), ' '; $call", [$name => $value], $environment);
        echo trim(preg_replace('/\s+/', ' ', $output)), "\n";
        $kept = in_array($name, ['localapi.dsn', 'localapi.key_file'], true);
        if (!$kept && preg_match('/nonsense|99999|half|\/99/', $output)) {
            echo "  shows the value\n";
        }
        if ($kept && array_diff(scandir($home), ['.', '..']) !== []) {
            echo "  something was made all the same\n";
        }
    }
}
?>
===DONE===
--EXPECT--
Warning: PHP Startup: The value of localapi.busy_timeout makes no sense: the default is used instead in Unknown on line 0 "5000" success
Warning: PHP Startup: The value of localapi.busy_timeout makes no sense: the default is used instead in Unknown on line 0 "5000" success
Warning: PHP Startup: The value of localapi.busy_timeout makes no sense: the default is used instead in Unknown on line 0 "5000" success
Warning: PHP Startup: The value of localapi.busy_timeout makes no sense: the default is used instead in Unknown on line 0 "5000" success
Warning: PHP Startup: The value of localapi.sandbox makes no sense: the default is used instead in Unknown on line 0 "0" success
Warning: PHP Startup: The value of localapi.sandbox makes no sense: the default is used instead in Unknown on line 0 "0" success
Warning: PHP Startup: The value of localapi.durability makes no sense: the default is used instead in Unknown on line 0 "full" success
Warning: PHP Startup: The value of localapi.durability makes no sense: the default is used instead in Unknown on line 0 "full" success
Warning: PHP Startup: The value of localapi.api_allowed_ips makes no sense: the default is used instead in Unknown on line 0 "127.0.0.1, ::1" success
Warning: PHP Startup: The value of localapi.api_allowed_ips makes no sense: the default is used instead in Unknown on line 0 "127.0.0.1, ::1" success
Warning: PHP Startup: The value of localapi.api_allowed_ips makes no sense: the default is used instead in Unknown on line 0 "127.0.0.1, ::1" success
Warning: PHP Startup: The value of localapi.company_name makes no sense: the default is used instead in Unknown on line 0 "Company Name" success
Warning: PHP Startup: The value of localapi.dsn makes no sense: every call will fail until it is corrected in Unknown on line 0 "nonsense" The credential store has no place: localapi.dsn must be sqlite:/absolute/path or sqlite::memory:.
Warning: PHP Startup: The value of localapi.dsn makes no sense: every call will fail until it is corrected in Unknown on line 0 "sqlite:nonsense.sqlite" The credential store has no place: localapi.dsn must be sqlite:/absolute/path or sqlite::memory:.
Warning: PHP Startup: The value of localapi.dsn makes no sense: every call will fail until it is corrected in Unknown on line 0 "sqlite:" The credential store has no place: localapi.dsn must be sqlite:/absolute/path or sqlite::memory:.
Warning: PHP Startup: The value of localapi.dsn makes no sense: every call will fail until it is corrected in Unknown on line 0 The credential store has no place: localapi.dsn must be sqlite:/absolute/path or sqlite::memory:.
Warning: PHP Startup: The value of localapi.dsn makes no sense: every call will fail until it is corrected in Unknown on line 0 "sqlite:\/nonsense\/" The credential store has no place: localapi.dsn must be sqlite:/absolute/path or sqlite::memory:.
Warning: PHP Startup: The value of localapi.key_file makes no sense: every call will fail until it is corrected in Unknown on line 0 "nonsense" The key file has no place: localapi.key_file must be an absolute path.
Warning: PHP Startup: The value of localapi.key_file makes no sense: every call will fail until it is corrected in Unknown on line 0 "\/nonsense\/" The key file has no place: localapi.key_file must be an absolute path.
Warning: PHP Startup: The value of localapi.key_file makes no sense: every call will fail until it is corrected in Unknown on line 0 The key file has no place: localapi.key_file must be an absolute path.
===DONE===
