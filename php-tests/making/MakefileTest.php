<?php

declare(strict_types=1);

use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/../process.php';

/** What the Makefile and .ci/packages do with a target folder of their own, and what they say. */
final class MakefileTest extends TestCase
{
    private const ROOT = __DIR__ . '/../..';

    /** A folder as `target`, with the library in it. */
    private string $target;

    private string $scratch;

    /** Where commands are looked for. The tests' home folder has no Rust: one that does is in front. */
    private string $path;

    protected function setUp(): void
    {
        $this->scratch = scratch_folder();
        $rust = ['rustc' => "echo 'rustc {$this->neededRust()}.0'; echo 'host: here'", 'cargo' => ''];
        $this->path = $this->commands($rust) . ':' . getenv('PATH');
        $this->target = "$this->scratch/target";
        mkdir("$this->target/release", 0700, true);
        copy(dirname((string) php_ini_loaded_file()) . '/release/liblocalapi.so', $this->library());
    }

    public function test_a_version_that_is_installed_is_neither_loaded_nor_configured(): void
    {
        $installed = "$this->scratch/installed";
        mkdir("$installed/conf.d", 0700, true);
        copy($this->library(), "$installed/localapi.so");
        $others = preg_grep('/^(?:zend_)?extension=/', file((string) php_ini_loaded_file()));
        file_put_contents("$installed/php.ini", implode('', $others) . "extension=\"$installed/localapi.so\" ; ours\n");
        file_put_contents("$installed/conf.d/30-own.ini", "memory_limit=1G\nextension = localapi");
        file_put_contents("$installed/conf.d/40-own.ini", 'localapi.dsn="sqlite:/elsewhere/store.sqlite"');
        $system = ['PHPRC' => "$installed/php.ini", 'PHP_INI_SCAN_DIR' => "$installed/conf.d"];
        self::assertSame([0, ''], $this->make(['ini'], $system));
        $look = 'preg_match_all("~/\S*localapi\.so$~m", file_get_contents("/proc/self/maps"), $loaded);
            echo implode(" ", array_unique($loaded[0])), "|", ini_get("localapi.dsn"), "|", ini_get("memory_limit");';
        $said = php($look, [], ['PHPRC' => "$this->target/php.ini", 'LOCALAPI_TEST_DSN' => null]);
        self::assertSame("{$this->library()}||128M", $said);
    }

    public function test_uninstall_takes_away_what_install_has_put_there(): void
    {
        $debians = $this->phpConfig(['version' => '9.9.1', 'ini-dir' => '/etc/php/9.9/cli/conf.d']);
        $others = $this->phpConfig(['ini-dir' => '/opt/php/conf.d', 'ini-path' => '/opt/php/lib']);
        $library = [$this->extensions() . '/localapi.so' => file_get_contents($this->library())];
        [, $path] = explode(':', run([PHP_BINARY, '-n', '-r', 'echo get_include_path();']));
        foreach ($this->files(self::ROOT . '/sandbox') as $name => $content) {
            $library["{$path}/localapi{$name}"] = $content;
        }
        self::assertCount(7, $library);
        ksort($library);
        $ini = ['/etc/php/9.9/mods-available/localapi.ini' => "; priority=30\nextension=localapi.so\n"];
        $enable = 'To enable it, add this line to /opt/php/lib/php.ini: extension=localapi';
        $disable = "Take the line extension=localapi out of /opt/php/lib/php.ini, if it's there.";
        foreach ([[$debians, $ini + $library, '', ''], [$others, $library, $enable, $disable]] as $case) {
            [$config, $files, $installed, $uninstalled] = $case;
            $package = dirname($config) . '/package';
            $arguments = ["PHP_CONFIG=$config", "DESTDIR=$package"];
            // The second time nothing changes.
            foreach (['install', 'install', 'uninstall', 'uninstall'] as $target) {
                $installs = $target === 'install';
                self::assertSame([0, $installs ? $installed : $uninstalled], $this->make([$target, ...$arguments]));
                self::assertSame($installs ? $files : [], $this->files($package));
            }
        }
    }

    public function test_nothing_is_installed_where_something_is_wrong(): void
    {
        $package = "$this->scratch/package";
        $name = 'or name it, as in make install PHP_CONFIG=/path/to/php-config.';
        $none = "There is no /nowhere/php-config: install PHP's development files, $name";
        $this->assertRefused([$none], ['install', "DESTDIR=$package", 'PHP_CONFIG=/nowhere/php-config']);
        file_put_contents($this->library(), 'of another PHP');
        $php = realpath(PHP_BINARY);
        $other = "What is built doesn't load in $php: make build for it, with the same PHP_CONFIG.";
        $this->assertRefused([$other], ['install', "DESTDIR=$package"]);
        unlink($this->library());
        $this->assertRefused(['Nothing is built yet: make build.'], ['install', "DESTDIR=$package"]);
        self::assertFileDoesNotExist($package);
    }

    public function test_all_that_is_wrong_is_said_before_anything_is_done(): void
    {
        $name = 'name the one you mean, as in make build PHP_CONFIG=/path/to/php-config.';
        $bin = $this->commands(['rustc' => 'echo "rustc 1.63.0 (4b91a6ea7 2022-08-08)"', 'id' => 'echo 1000']);
        $old = "Rust is 1.63.0, and {$this->neededRust()} or later is needed: rustup update, or see https://rustup.rs.";
        $this->assertRefused([$old], ['packages-build'], ['PATH' => "$bin:$this->path"]);
        [, $said] = $this->make(['packages-test'], ['PATH' => "$bin:$this->path"]);
        $user = 'Some tests change users and mount a file system: run make test as root.';
        self::assertStringStartsWith("$old\n$user\n", $said);
        $bin = $this->commands([
            'php' => 'exec ' . escapeshellarg(PHP_BINARY) . ' "$@"',
            'php-config' => 'case $1 in --version) echo 8.0.30 ;; *) echo /opt/php/extensions ;; esac',
        ]);
        $theirs = 'php is PHP ' . PHP_VERSION . ' with ' . PHP_EXTENSION_DIR;
        $this->assertRefused([
            "$theirs, and php-config belongs to PHP 8.0.30 with /opt/php/extensions: $name",
        ], ['packages-build'], ['PATH' => "$bin:$this->path", 'PHP_CONFIG' => null, 'PHP' => null]);
        $none = "There is no /nowhere/php-config: $name";
        $this->assertRefused([$none], ['packages-build', 'PHP_CONFIG=/nowhere/php-config']);
    }

    public function test_without_root_and_sudo_the_packages_and_the_command_are_named(): void
    {
        $missing = 'Packages are missing, and only root can install them: '
            . 'apt-get update && apt-get install --no-install-recommends libsqlite3-dev pkg-config';
        $this->assertRefused([$missing], ['packages-build'], ['PATH' => $this->withoutPkgConfig()]);
        self::assertFileDoesNotExist("$this->scratch/called");
    }

    public function test_packages_are_named_and_then_installed_by_one_call_of_sudo(): void
    {
        $log = "echo sudo >>$this->scratch/called";
        $sudo = $this->commands(['sudo' => '[ "$1" = -n ] || { ' . $log . '; exec "$@"; }']);
        // This apt-get has installed nothing.
        $this->assertRefused([
            'Installing packages: libsqlite3-dev pkg-config',
            'Still missing after their installation: libsqlite3-dev pkg-config',
        ], ['packages-build'], ['PATH' => "$sudo:" . $this->withoutPkgConfig()]);
        $called = "sudo\nupdate\ninstall -q -y --no-install-recommends libsqlite3-dev pkg-config\n";
        self::assertSame($called, file_get_contents("$this->scratch/called"));
    }

    /**
     * A folder with all commands but sudo and pkg-config, by which SQLite's development files are found, too. Its user
     * isn't root, and its apt-get only notes what it was called with.
     */
    private function withoutPkgConfig(): string
    {
        $bin = $this->commands(['id' => 'echo 1000', 'apt-get' => 'echo "$@" >>' . "$this->scratch/called"]);
        foreach (explode(':', "$this->path:/usr/sbin") as $folder) {
            foreach (preg_grep('~/sudo$|pkg-?conf~', glob("$folder/*"), PREG_GREP_INVERT) as $command) {
                file_exists("$bin/" . basename($command)) || @symlink($command, "$bin/" . basename($command));
            }
        }
        return $bin;
    }

    public function test_help_lists_every_target(): void
    {
        preg_match_all('/^\.PHONY: (.+)$/m', file_get_contents(self::ROOT . '/Makefile'), $targets);
        [, $help] = $this->make(['help']);
        preg_match_all('/^([a-z]+) +\S/m', $help, $listed);
        self::assertSame(explode(' ', implode(' ', $targets[1])), $listed[1]);
    }

    /** That make fails and says these sentences, and nothing else but that. */
    private function assertRefused(array $sentences, array $arguments, array $environment = []): void
    {
        [$status, $said] = $this->make($arguments, $environment);
        self::assertNotSame(0, $status, $said);
        $lines = preg_grep('/^make: \*\*\* /', explode("\n", trim($said)), PREG_GREP_INVERT);
        self::assertSame($sentences, array_values($lines));
    }

    /** @return array{int, string} the status of make, and what it says */
    private function make(array $arguments, array $environment = []): array
    {
        $command = implode(' ', array_map('escapeshellarg', ['make', '-sC', self::ROOT, ...$arguments]));
        // As from a shell, and not from the make that runs this.
        $own = ['CARGO_TARGET_DIR' => $this->target, 'MAKEFLAGS' => null, 'MAKELEVEL' => null, 'MFLAGS' => null];
        $own += ['PHPRC' => null, 'PHP_INI_SCAN_DIR' => null, 'PATH' => $this->path];
        $output = run(['sh', '-c', "$command </dev/null; echo \"status \$?\""], $environment + $own);
        self::assertSame(1, preg_match('/^(.*)status (\d+)$/s', trim($output), $found), $output);
        return [(int) $found[2], trim($found[1])];
    }

    /** A folder with commands that are these scripts. */
    private function commands(array $scripts): string
    {
        mkdir($folder = "$this->scratch/bin" . count(glob("$this->scratch/bin*")));
        foreach ($scripts as $name => $script) {
            file_put_contents("$folder/$name", "#!/bin/sh\n$script\n");
            chmod("$folder/$name", 0700);
        }
        return $folder;
    }

    /** A php-config like that of this PHP, but for these answers. */
    private function phpConfig(array $answers): string
    {
        $script = 'case $1 in ';
        foreach ($answers as $question => $answer) {
            $script .= "--$question) echo $answer ;; ";
        }
        $own = run(['sh', '-c', 'command -v ' . (getenv('PHP_CONFIG') ?: 'php-config')]);
        return $this->commands(['php-config' => $script . '*) exec ' . trim($own) . ' "$@" ;; esac']) . '/php-config';
    }

    private function library(): string
    {
        return "$this->target/release/liblocalapi.so";
    }

    private function extensions(): string
    {
        return trim(run([getenv('PHP_CONFIG') ?: 'php-config', '--extension-dir']));
    }

    private function neededRust(): string
    {
        preg_match('/^rust-version = "(.+)"$/m', file_get_contents(self::ROOT . '/Cargo.toml'), $found);
        return $found[1];
    }

    /** @return array<string, string> what the files below a folder hold */
    private function files(string $folder): array
    {
        $files = [];
        $below = new RecursiveDirectoryIterator($folder, FilesystemIterator::SKIP_DOTS);
        foreach (new RecursiveIteratorIterator($below) as $file) {
            $files[substr($file->getPathname(), strlen($folder))] = file_get_contents($file->getPathname());
        }
        ksort($files);
        return $files;
    }
}
