<?php

declare(strict_types=1);

namespace LocalApi\Endurance;

use PDO;
use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/Child.php';
require_once __DIR__ . '/Fpm.php';
require_once __DIR__ . '/WebServer.php';

/**
 * Tests that need more than one process, or an ordinary user: PHP children with the extension, in a scratch folder.
 */
abstract class Processes extends TestCase
{
    /** An ordinary user, and one that the password file doesn't know. */
    protected const NOBODY = 65534;
    protected const NAMELESS = 54321;

    protected const SCOPES = 'clientarea:sso clientarea:invoices';

    /** Everybody may enter it, only root may write. */
    protected string $scratch;

    /** A folder of the user that children run as. */
    protected string $folder;

    /** The store in that folder. */
    protected string $store;

    /** @var list<Child|Fpm|WebServer> */
    private array $children = [];

    /** @var list<string> */
    private array $mounts = [];

    protected function setUp(): void
    {
        self::assertSame(0, posix_geteuid(), 'These tests change users and mount a small file system: run them as root.');
        $this->scratch = sys_get_temp_dir() . '/localapi-' . bin2hex(random_bytes(6));
        $this->makeFolder($this->scratch, 0, 0755);
        $this->folder = "$this->scratch/store";
        $this->makeFolder($this->folder, self::NOBODY, 0700);
        $this->store = "$this->folder/store.sqlite";
        // Copies, because an ordinary user may not be able to read where this repository is.
        $this->makeFolder("$this->scratch/php", 0, 0755);
        $ini = file_get_contents((string) php_ini_loaded_file());
        self::assertSame(1, preg_match('~^extension = "(.*localapi\.so)"$~m', $ini, $found), 'Run this by make test.');
        copy($found[1], "$this->scratch/php/localapi.so");
        file_put_contents("$this->scratch/php/php.ini", str_replace($found[1], "$this->scratch/php/localapi.so", $ini));
        // What the documented commands call php.
        symlink(PHP_BINARY, "$this->scratch/php/php");
        foreach (glob(__DIR__ . '/children/*.php') as $script) {
            copy($script, "$this->scratch/php/" . basename($script));
        }
        system('chmod -R a+rX ' . escapeshellarg("$this->scratch/php"));
    }

    protected function tearDown(): void
    {
        foreach ($this->children as $child) {
            $child->kill();
        }
        // PHPUnit keeps this object, and later processes would inherit their pipes.
        $this->children = [];
        foreach ($this->mounts as $mount) {
            system('umount ' . escapeshellarg($mount));
        }
        system('rm -rf ' . escapeshellarg($this->scratch));
    }

    /** The full amount with LOCALAPI_FULL=1, the short one otherwise. */
    protected static function amount(int $short, int $full): int
    {
        return getenv('LOCALAPI_FULL') === '1' ? $full : $short;
    }

    protected function makeFolder(string $path, int $user, int $mode, ?int $group = null): void
    {
        mkdir($path);
        chown($path, $user);
        chgrp($path, $group ?? $user);
        chmod($path, $mode);
    }

    /** A file system of its own, of this many KiB, at the folder of the store. */
    protected function mountSmall(int $kibibytes): void
    {
        $options = sprintf('size=%dk,uid=%d,gid=%2$d,mode=0700', $kibibytes, self::NOBODY);
        exec("mount -t tmpfs -o $options localapi " . escapeshellarg($this->folder), $lines, $status);
        self::assertSame(0, $status, 'mount');
        $this->mounts[] = $this->folder;
    }

    /** Lets a file be what the name of another means. */
    protected function mountOver(string $file, string $name): void
    {
        exec('mount --bind ' . escapeshellarg($file) . ' ' . escapeshellarg($name), $lines, $status);
        self::assertSame(0, $status, 'mount');
        $this->mounts[] = $name;
    }

    /** Changes how that file system is mounted. */
    protected function remount(string $options): void
    {
        exec("mount -o remount,$options " . escapeshellarg($this->folder), $lines, $status);
        self::assertSame(0, $status, 'remount');
    }

    /**
     * Starts a script of `children/` with the extension.
     *
     * @param list<string|int> $arguments
     * @param array<string, string|int> $ini
     * @param list<int> $groups of the user, beside the group of its own
     * @param list<string> $through a command that runs PHP
     */
    protected function start(
        string $script,
        array $arguments = [],
        array $ini = [],
        int $user = self::NOBODY,
        array $groups = [],
        array $through = []
    ): Child {
        $command = [...$through, PHP_BINARY];
        foreach ($ini + ['localapi.dsn' => "sqlite:$this->store"] as $name => $value) {
            array_push($command, '-d', "$name=$value");
        }
        array_push($command, "$this->scratch/php/$script.php", ...array_map('strval', $arguments));
        $child = new Child([...self::as($user, $groups), ...$command], $this->environment());
        return $this->children[] = $child;
    }

    /**
     * Starts php-fpm with this many workers.
     *
     * @param array<string, string|int> $ini
     */
    protected function startFpm(int $workers, array $ini = []): Fpm
    {
        $ini += ['localapi.dsn' => "sqlite:$this->store"];
        $fpm = new Fpm($this->folder, $workers, $ini, self::as(self::NOBODY), $this->environment());
        return $this->children[] = $fpm;
    }

    /**
     * Starts a web server as the user of the store: `WebServer` knows the kinds.
     *
     * @param array<string, string|int> $ini for a PHP in the web server itself
     * @param string $root a folder of the scratch folder, where `public` is a copy of the repository's
     */
    protected function startWebServer(string $kind, array $ini = [], string $root = 'public'): WebServer
    {
        system(sprintf('cp -r %s %s', escapeshellarg(dirname(__DIR__, 2) . '/public'), escapeshellarg("$this->scratch/public")));
        system('chmod -R a+rX ' . escapeshellarg("$this->scratch/public"));
        $this->makeFolder("$this->scratch/web", 0, 0755);
        $lines = '';
        foreach ($ini + ['localapi.dsn' => "sqlite:$this->store"] as $name => $value) {
            $lines .= "$name = '$value'\n";
        }
        file_put_contents("$this->scratch/web/settings.ini", $lines);
        $environment = ['PHP_INI_SCAN_DIR' => "$this->scratch/web"] + $this->environment();
        $server = new WebServer($kind, $this->folder, "$this->scratch/$root", self::as(self::NOBODY), $environment);
        return $this->children[] = $server;
    }

    /**
     * Runs a command as the user of the store, and returns what it prints.
     *
     * @param list<string> $command
     */
    protected function runAsOwner(array $command): string
    {
        $child = new Child([...self::as(self::NOBODY), ...$command], $this->environment());
        $this->children[] = $child;
        return $child->output();
    }

    /** @return array{identifier: string, secret: string} what a program shows to call over HTTP */
    protected function login(): array
    {
        return $this->start('login')->answers()[0];
    }

    /**
     * Every answer is a credential that is in the store whole, and the store holds nothing that isn't whole.
     *
     * @param list<array<string, mixed>> $answers
     * @param ?int $total how many credentials there are, where that is known
     */
    protected function assertKept(array $answers, ?int $total = null): void
    {
        $store = $this->connect();
        $this->assertSound($store);
        $scopes = array_map('intval', $store->query(
            'SELECT client_id, count(*) FROM tbloauthserver_client_scopes GROUP BY client_id'
        )->fetchAll(PDO::FETCH_KEY_PAIR));
        $lines = $store->query(
            "SELECT description FROM tblactivitylog WHERE description LIKE 'OAuth credential %'"
        )->fetchAll(PDO::FETCH_COLUMN);
        $logged = array_count_values(array_map(
            static fn (string $line): int => (int) preg_replace('/^OAuth credential (\d+) created .*$/', '$1', $line),
            $lines
        ));
        $rows = $store->query('SELECT id, identifier, secret FROM tbloauthserver_clients')->fetchAll(PDO::FETCH_ASSOC);
        $kept = [];
        foreach ($rows as ['id' => $id, 'identifier' => $identifier, 'secret' => $sealed]) {
            self::assertSame(2, $scopes[$id] ?? 0, "scopes of credential $id");
            self::assertSame(1, $logged[$id] ?? 0, "log lines of credential $id");
            $kept[$identifier] = [$id, base64_encode($this->open($sealed, $identifier))];
        }
        self::assertCount(count($rows), $scopes, 'scopes without a credential');
        self::assertCount(count($rows), $lines, 'log lines without a credential');
        self::assertCount(count($rows), array_unique(array_column($kept, 1)), 'a secret was given twice');
        foreach ($answers as $answer) {
            self::assertSame('success', $answer['result'], json_encode($answer));
            self::assertSame(
                [$answer['credentialId'], $answer['clientSecret']],
                $kept[$answer['clientIdentifier']] ?? null,
                "the store lacks {$answer['clientIdentifier']}"
            );
        }
        self::assertCount(count($answers), array_unique(array_column($answers, 'clientIdentifier')));
        if ($total !== null) {
            self::assertCount($total, $rows);
        }
    }

    /** That the database itself finds no fault. */
    protected function assertSound(PDO $store): void
    {
        self::assertSame('ok', $store->query('PRAGMA integrity_check')->fetchColumn());
    }

    /** The store's file as any other program opens it, waiting so many seconds for a lock. */
    protected function connect(int $timeout = 60): PDO
    {
        return new PDO("sqlite:$this->store", null, null, [
            PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
            PDO::ATTR_TIMEOUT => $timeout,
        ]);
    }

    /** Opens a sealed secret as the format says, with no code of the extension. */
    protected function open(string $sealed, string $identifier): string
    {
        [$version, $id, $value] = explode(':', $sealed);
        self::assertSame('v1', $version);
        $file = json_decode(file_get_contents("$this->store.key"), true, 8, JSON_THROW_ON_ERROR);
        $key = base64_decode(array_column($file['keys'], 'key', 'id')[$id], true);
        $bytes = sodium_base642bin($value, SODIUM_BASE64_VARIANT_URLSAFE_NO_PADDING);
        $nonce = SODIUM_CRYPTO_AEAD_XCHACHA20POLY1305_IETF_NPUBBYTES;
        $secret = sodium_crypto_aead_xchacha20poly1305_ietf_decrypt(
            substr($bytes, $nonce),
            $identifier,
            substr($bytes, 0, $nonce),
            $key
        );
        self::assertIsString($secret, "the secret of $identifier does not open");
        return $secret;
    }

    /**
     * @param list<int> $groups
     * @return list<string> what runs a command as this user
     */
    private static function as(int $user, array $groups = []): array
    {
        $others = $groups === [] ? ['--clear-groups'] : ['--groups', implode(',', $groups)];
        return ['setpriv', "--reuid=$user", "--regid=$user", ...$others];
    }

    /** @return array<string, string> */
    private function environment(): array
    {
        return [
            'PATH' => "$this->scratch/php:" . getenv('PATH'),
            'HOME' => "$this->scratch/home",
            'TMPDIR' => sys_get_temp_dir(),
            'PHPRC' => "$this->scratch/php/php.ini",
            'PHP_INI_SCAN_DIR' => '/dev/null',
        ];
    }
}
