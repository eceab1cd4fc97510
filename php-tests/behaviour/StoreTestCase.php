<?php

declare(strict_types=1);

use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/../process.php';
require_once __DIR__ . '/Message.php';

/**
 * Each test has a new store: at the command line's default place, in a scratch folder, or at the server that
 * LOCALAPI_TEST_DSN names.
 */
abstract class StoreTestCase extends TestCase
{
    private static string $data;
    /** The rows that a new store at a server has, by table. */
    private static ?array $new = null;

    public static function setUpBeforeClass(): void
    {
        self::$data = scratch_folder();
        putenv('XDG_DATA_HOME=' . self::$data);
        if (tests_run_at_a_server() && self::$new === null) {
            $server = self::connect('');
            $database = self::server()['database'];
            $server->exec("DROP DATABASE IF EXISTS $database; CREATE DATABASE $database");
            localAPI('CreateOAuthCredential');
            foreach (self::pdo()->query('SHOW TABLES')->fetchAll(PDO::FETCH_COLUMN) as $table) {
                self::$new[$table] = self::rows("SELECT * FROM $table");
            }
        }
    }

    public static function tearDownAfterClass(): void
    {
        self::removeStore();
        putenv('XDG_DATA_HOME');
    }

    protected function setUp(): void
    {
        // The FFI has no entries of PHP's.
        $dsn = (string) ini_get('localapi.dsn');
        $this->assertSame((string) getenv('LOCALAPI_TEST_DSN'), $dsn, 'the store is where it should be');
        self::removeStore();
    }

    /** The next store is another, and only a store that is gone is let go of. */
    private static function removeStore(): void
    {
        if (is_dir(self::folder())) {
            remove_folder(self::folder());
        }
        if (tests_run_at_a_server()) {
            @unlink(self::keyFile());
            $pdo = self::pdo();
            foreach (self::$new as $table => $rows) {
                $pdo->exec("TRUNCATE TABLE $table");
                foreach ($rows as $row) {
                    $places = implode(', ', array_fill(0, count($row), '?'));
                    $columns = implode(', ', array_keys($row));
                    $pdo->prepare("INSERT INTO $table ($columns) VALUES ($places)")->execute(array_values($row));
                }
            }
        }
    }

    /** The folder of the store. */
    protected static function folder(): string
    {
        return self::$data . '/localapi';
    }

    protected static function keyFile(): string
    {
        return tests_run_at_a_server() ? ini_get('localapi.key_file') : self::folder() . '/store.sqlite.key';
    }

    /** The INI entries that lead another process to this store. */
    protected static function place(): array
    {
        $dsn = tests_run_at_a_server() ? ini_get('localapi.dsn') : 'sqlite:' . self::folder() . '/store.sqlite';
        return ['localapi.dsn' => $dsn, 'localapi.key_file' => self::keyFile()];
    }

    /** What changes with each write of others. */
    protected static function version(PDO $pdo): mixed
    {
        if (!tests_run_at_a_server()) {
            return $pdo->query('PRAGMA data_version')->fetchColumn();
        }
        return $pdo->query('CHECKSUM TABLE ' . implode(', ', array_keys(self::$new)))->fetchAll();
    }

    /** Keeps all others from writing until it's rolled back. */
    protected static function lock(PDO $pdo): void
    {
        if (!tests_run_at_a_server()) {
            $pdo->exec('BEGIN IMMEDIATE');
            return;
        }
        $pdo->exec('START TRANSACTION');
        foreach (array_keys(self::$new) as $table) {
            $pdo->query("SELECT * FROM $table FOR UPDATE")->fetchAll();
        }
    }

    /** The store, opened as a host would. */
    protected static function pdo(): PDO
    {
        if (tests_run_at_a_server()) {
            return self::connect(';dbname=' . self::server()['database']);
        }
        if (!is_file(self::folder() . '/store.sqlite')) {
            // Any call makes it.
            localAPI('CreateOAuthCredential');
        }
        $options = [PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC];
        return new PDO('sqlite:' . self::folder() . '/store.sqlite', options: $options);
    }

    private static function connect(string $more): PDO
    {
        ['host' => $host, 'port' => $port, 'user' => $user, 'pass' => $password] = self::server();
        $options = [PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC];
        $pdo = new PDO("mysql:host=$host;port=$port;charset=utf8mb4$more", $user, $password, $options);
        $pdo->exec("SET sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES', time_zone = '+00:00'");
        return $pdo;
    }

    /** What the DSN says. */
    private static function server(): array
    {
        $parts = array_map(rawurldecode(...), array_map(strval(...), parse_url(getenv('LOCALAPI_TEST_DSN'))));
        return $parts + ['database' => ltrim($parts['path'], '/')];
    }

    protected static function rows(string $sql): array
    {
        return self::pdo()->query($sql)->fetchAll();
    }

    /** A valid request of this grant type; what is given here goes before it. */
    protected static function request(array $postData = [], string $grantType = 'authorization_code'): array
    {
        $base = ['grantType' => $grantType, 'scope' => 'openid'];
        $needed = $grantType === 'authorization_code' ? ['name' => 'Shop'] : ['serviceId' => 1];
        return $postData + $base + $needed;
    }

    protected static function create(array $postData, ?string $admin = null): array
    {
        return localAPI('CreateOAuthCredential', $postData, $admin);
    }

    /** The row of a credential that this request creates. */
    protected function created(array $postData, ?string $admin = null): array
    {
        $answer = self::create($postData, $admin);
        $this->assertSame('success', $answer['result'], $answer['message'] ?? '');
        return self::rows('SELECT * FROM tbloauthserver_clients WHERE id = ' . $answer['credentialId'])[0];
    }

    /** That this request is answered with this error, and that nothing was stored. */
    protected function assertRefused(string $message, array $postData, ?string $admin = null): void
    {
        $answer = self::create($postData, $admin);
        unset($answer['clientSecret']);
        $this->assertSame(['result' => 'error', 'message' => $message], $answer);
        $this->assertSame([], self::rows('SELECT id FROM tbloauthserver_clients'));
        $this->assertSame([], self::rows('SELECT id FROM tblactivitylog'));
    }
}
