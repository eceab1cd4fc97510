<?php

declare(strict_types=1);

use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/../process.php';
require_once __DIR__ . '/Message.php';

/** Each test has a new store at the command line's default place, in a scratch folder. */
abstract class StoreTestCase extends TestCase
{
    private static string $data;

    public static function setUpBeforeClass(): void
    {
        self::$data = scratch_folder();
        putenv('XDG_DATA_HOME=' . self::$data);
    }

    public static function tearDownAfterClass(): void
    {
        self::removeStore();
        putenv('XDG_DATA_HOME');
    }

    protected function setUp(): void
    {
        $this->assertSame('', ini_get('localapi.dsn'), 'the tests use the default place');
        self::removeStore();
    }

    /** The next store is another, and only a store that is gone is let go of. */
    private static function removeStore(): void
    {
        if (is_dir(self::folder())) {
            remove_folder(self::folder());
        }
    }

    /** The folder of the store. */
    protected static function folder(): string
    {
        return self::$data . '/localapi';
    }

    /** The store's file, opened as a host would. */
    protected static function pdo(): PDO
    {
        if (!is_file(self::folder() . '/store.sqlite')) {
            // Any call makes it.
            localAPI('CreateOAuthCredential');
        }
        $options = [PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC];
        return new PDO('sqlite:' . self::folder() . '/store.sqlite', options: $options);
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
