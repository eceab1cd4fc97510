--TEST--
An invalid value is warned of at start, by the entry's name only; the default, or nothing, is used
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
    'localapi.redirect_http_hosts' => ['http://nonsense', '*'],
    // PHP makes that of many a value that isn't in quotes.
    'localapi.company_name' => ["nonsense\xff", '0'],
    'localapi.api_access_key' => ['0', '-1', '7'],
    'localapi.dsn' => ['nonsense', 'sqlite:nonsense.sqlite', 'sqlite:', "sqlite:/nonsense\xff", 'sqlite:/nonsense/'],
    'localapi.key_file' => ['nonsense', '/nonsense/', "/nonsense\xff"],
];
foreach ($invalid as $name => $values) {
    foreach ($values as $value) {
        $home = scratch_folder();
        $environment = ['HOME' => $home, 'XDG_DATA_HOME' => null];
        $output = php("echo json_encode(ini_get('$name')), ' '; $call", [$name => $value], $environment);
        preg_match('/^Warning: PHP Startup: (.+) in Unknown on line 0$/m', $output, $warning);
        echo $warning[1] ?? 'no warning', "\n  ", trim(substr($output, strrpos($output, 'line 0') + 6)), "\n";
        if (str_contains($warning[1] ?? '', $value)) {
            echo "  shows the value\n";
        }
        $kept = in_array($name, ['localapi.dsn', 'localapi.key_file'], true);
        if ($kept && array_diff(scandir($home), ['.', '..']) !== []) {
            echo "  something was made all the same\n";
        }
    }
}
?>
===DONE===
--EXPECT--
The value of localapi.busy_timeout is invalid: the default is used instead
  "5000" success
The value of localapi.busy_timeout is invalid: the default is used instead
  "5000" success
The value of localapi.busy_timeout is invalid: the default is used instead
  "5000" success
The value of localapi.busy_timeout is invalid: the default is used instead
  "5000" success
The value of localapi.sandbox is invalid: the default is used instead
  "0" success
The value of localapi.sandbox is invalid: the default is used instead
  "0" success
The value of localapi.durability is invalid: the default is used instead
  "full" success
The value of localapi.durability is invalid: the default is used instead
  "full" success
The value of localapi.api_allowed_ips is invalid: the default is used instead
  "127.0.0.1, ::1" success
The value of localapi.api_allowed_ips is invalid: the default is used instead
  "127.0.0.1, ::1" success
The value of localapi.api_allowed_ips is invalid: the default is used instead
  "127.0.0.1, ::1" success
The value of localapi.redirect_http_hosts is invalid: the default is used instead
  "" success
The value of localapi.redirect_http_hosts is invalid: the default is used instead
  "" success
The value of localapi.company_name is invalid: the default is used instead
  "Company Name" success
The value of localapi.company_name is invalid: the default is used instead
  "Company Name" success
The value of localapi.api_access_key is invalid: the default is used instead
  "" success
The value of localapi.api_access_key is invalid: the default is used instead
  "" success
The value of localapi.api_access_key is invalid: the default is used instead
  "" success
The value of localapi.dsn is invalid: every call will fail until it is corrected
  "nonsense" The credential store has no place: localapi.dsn must be sqlite:/absolute/path, sqlite::memory: or mysql://user:password@host/database.
The value of localapi.dsn is invalid: every call will fail until it is corrected
  "sqlite:nonsense.sqlite" The credential store has no place: localapi.dsn must be sqlite:/absolute/path, sqlite::memory: or mysql://user:password@host/database.
The value of localapi.dsn is invalid: every call will fail until it is corrected
  "sqlite:" The credential store has no place: localapi.dsn must be sqlite:/absolute/path, sqlite::memory: or mysql://user:password@host/database.
The value of localapi.dsn is invalid: every call will fail until it is corrected
  The credential store has no place: localapi.dsn must be sqlite:/absolute/path, sqlite::memory: or mysql://user:password@host/database.
The value of localapi.dsn is invalid: every call will fail until it is corrected
  "sqlite:\/nonsense\/" The credential store has no place: localapi.dsn must be sqlite:/absolute/path, sqlite::memory: or mysql://user:password@host/database.
The value of localapi.key_file is invalid: every call will fail until it is corrected
  "nonsense" The key file has no place: localapi.key_file must be an absolute path.
The value of localapi.key_file is invalid: every call will fail until it is corrected
  "\/nonsense\/" The key file has no place: localapi.key_file must be an absolute path.
The value of localapi.key_file is invalid: every call will fail until it is corrected
  The key file has no place: localapi.key_file must be an absolute path.
===DONE===
