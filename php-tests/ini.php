<?php

/**
 * Prints an INI file to read instead of this system's: it loads the extensions that those load, this library instead of
 * any localapi among them, and leaves all the rest but these entries to PHP's own defaults.
 * Usage: php ini.php LIBRARY [NAME=VALUE]...
 */
declare(strict_types=1);

$loads = '/^\s*(?:(?:zend_)?extension|extension_dir)\s*=/i';
$localapi = '~^\s*extension\s*=\s*["\']?(?:[^;"\']*/)?(?:lib)?localapi(?:\.so)?["\']?\s*(?:;|$)~i';
$files = [(string) php_ini_loaded_file(), ...array_map(trim(...), explode(',', (string) php_ini_scanned_files()))];
foreach (array_filter($files) as $file) {
    $lines = preg_grep($loads, file($file, FILE_IGNORE_NEW_LINES));
    echo implode("\n", preg_grep($localapi, $lines, PREG_GREP_INVERT)), "\n";
}
// Tests need it, and a PHP that was built from source may have no INI file.
if (!extension_loaded('Zend OPcache') && is_file(PHP_EXTENSION_DIR . '/opcache.so')) {
    echo "zend_extension = opcache\n";
}
// Where Debian has PHPUnit's classes.
echo "include_path = \".:/usr/share/php\"\n";
$entries = array_slice($argv, 2);
foreach ($entries as $entry) {
    echo "$entry\n";
}
// The C library stands for the extension.
echo preg_grep('/^localapi\.library=/', $entries) === [] ? "extension = \"$argv[1]\"\n" : '';
