<?php

declare(strict_types=1);

use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/../process.php';

/** The packages of packaging/build, and the version that they and all else have. */
final class PackageTest extends TestCase
{
    private const ROOT = __DIR__ . '/../..';

    private string $folder;

    protected function setUp(): void
    {
        $this->folder = scratch_folder();
    }

    public function test_the_packages_hold_the_library_stripped_and_without_a_path_of_this_machine(): void
    {
        $this->build('dist');
        $number = PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION;
        $machine = ['aarch64' => 'arm64'][php_uname('m')] ?? php_uname('m');
        $kind = (PHP_DEBUG ? '-debug' : '') . (PHP_ZTS ? '-zts' : '-nts');
        $names = [sprintf('php_localapi-%s_php%s-%s-linux-glibc%s.zip', self::version(), $number, $machine, $kind)];
        run(['unzip', '-q', "$this->folder/dist/$names[0]", '-d', "$this->folder/zip"]);
        $libraries = ["$this->folder/zip/localapi.so"];
        self::assertSame($libraries, glob("$this->folder/zip/*"));
        if (str_starts_with((string) PHP_CONFIG_FILE_SCAN_DIR, "/etc/php/$number/")) {
            $architecture = trim(run(['dpkg', '--print-architecture']));
            $names[] = $package = sprintf('php%s-localapi_%s-1_%s.deb', $number, self::version(), $architecture);
            run(['dpkg-deb', '-R', "$this->folder/dist/$package", "$this->folder/deb"]);
            $libraries[] = "$this->folder/deb" . PHP_EXTENSION_DIR . '/localapi.so';
            $stubs = "$this->folder/deb/usr/share/php$number-localapi/stubs/localapi.stubs.php";
            self::assertFileEquals(self::ROOT . '/stubs/localapi.stubs.php', $stubs);
            $whmcs = "$this->folder/deb/usr/share/php$number-localapi/sandbox/whmcs.php";
            self::assertFileEquals(self::ROOT . '/sandbox/whmcs.php', $whmcs);
            foreach (['install /usr/share/php/localapi' => 'postinst', 'remove' => 'prerm'] as $what => $script) {
                $said = file_get_contents("$this->folder/deb/DEBIAN/$script");
                self::assertStringContainsString("update-alternatives --$what localapi-sandbox", $said);
            }
            self::assertFileExists("$this->folder/deb/usr/share/doc/php$number-localapi/docs/testing.md");
            $control = file_get_contents("$this->folder/deb/DEBIAN/control");
            self::assertStringContainsString("\nVersion: " . self::version() . "-1\n", $control);
        }
        $sums = file("$this->folder/dist/SHA256SUMS", FILE_IGNORE_NEW_LINES);
        $sum = fn (string $name): string => hash_file('sha256', "$this->folder/dist/$name");
        $files = array_map(fn (string $name): string => "{$sum($name)}  ./$name", $names);
        self::assertEqualsCanonicalizing($files, $sums);
        foreach ($libraries as $library) {
            self::assertFileEquals($libraries[0], $library);
            self::assertStringNotContainsString('.symtab', run(['readelf', '-SW', $library]));
            foreach ([realpath(self::ROOT), '/.cargo/'] as $path) {
                self::assertStringNotContainsString($path, file_get_contents($library));
            }
        }
    }

    public function test_the_same_library_makes_the_same_packages_again(): void
    {
        $this->build('first');
        // Times have no say.
        sleep(1);
        touch(self::ROOT . '/LICENSE');
        $this->build('second');
        self::assertFileEquals("$this->folder/first/SHA256SUMS", "$this->folder/second/SHA256SUMS");
    }

    public function test_all_that_names_the_version_names_the_same(): void
    {
        $read = fn (string $file): string => file_get_contents(self::ROOT . "/$file");
        $found = fn (string $pattern, string $text): string =>
            preg_match($pattern, $text, $match) === 1 ? $match[1] : "no $pattern";
        self::assertSame([
            'the library' => self::version(),
            'php --ri' => self::version(),
            'Cargo.lock' => self::version(),
            'the stubs' => self::version(),
            'the package of the stubs' => self::version(),
            'the changelog' => self::version(),
        ], [
            'the library' => phpversion('localapi'),
            'php --ri' => $found('/^Version => (.+)$/m', run([PHP_BINARY, '--ri', 'localapi'])),
            'Cargo.lock' => $found('/^name = "localapi"\nversion = "(.+)"$/m', $read('Cargo.lock')),
            'the stubs' => $found('/^ \* @version (.+)$/m', $read('stubs/localapi.stubs.php')),
            'the package of the stubs' => $found('/^    "version": "(.+)"/m', $read('stubs/composer.json')),
            // The newest, below what isn't released.
            'the changelog' => $found('/^## \[(\d[^]]*)\] - \d{4}-\d\d-\d\d$/m', $read('CHANGELOG.md')),
        ]);
    }

    private function build(string $folder): void
    {
        $config = getenv('PHP_CONFIG') ?: 'php-config';
        $environment = ['PHP' => PHP_BINARY, 'PHP_CONFIG' => $config, 'OUT' => "$this->folder/target"];
        @mkdir("$this->folder/target/release", 0700, true);
        $library = dirname((string) php_ini_loaded_file()) . '/release/liblocalapi.so';
        file_put_contents("$this->folder/target/crates", "a v1.0.0 MIT\n");
        copy($library, "$this->folder/target/release/liblocalapi.so");
        $script = self::ROOT . '/packaging/build';
        $said = run(['sh', '-c', '"$@" && echo built', 'sh', $script, "$this->folder/$folder"], $environment);
        self::assertStringEndsWith("built\n", $said);
    }

    private static function version(): string
    {
        preg_match('/^version = "(.+)"$/m', file_get_contents(self::ROOT . '/Cargo.toml'), $found);
        return $found[1];
    }
}
