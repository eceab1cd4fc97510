<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\Group;
use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/../process.php';

/** No secret is in clear in anything that is left behind: the store, its log, the key file, PHP's log. */
final class CanaryTest extends TestCase
{
    /** Puts a credential through all that can happen to it, prints each secret, and dies without tidying up. */
    private const LIFE = <<<'PHP'
        ini_set('zend.exception_ignore_args', '0');
        $data = ['grantType' => 'authorization_code', 'name' => 'Canary', 'scope' => 'openid'];
        foreach ([1, 2, 3] as $round) {
            $issued = localAPI('CreateOAuthCredential', $data);
            print "{$issued['clientSecret']}\n";
            $update = ['credentialId' => $issued['credentialId'], 'resetSecret' => true];
            print localAPI('UpdateOAuthCredential', $update)['newClientSecret'] . "\n";
            LocalApi\verify_credential($issued['clientIdentifier'], $issued['clientSecret']);
            localAPI('ListOAuthCredentials');
            LocalApi\rotate_key();
        }
        localAPI('DeleteOAuthCredential', ['credentialId' => 1]);
        localAPI('UpdateOAuthCredential', ['credentialId' => 2, 'resetSecret' => true, 'name' => "\xff"]);
        error_log(print_r(localAPI('CreateOAuthCredential', ['grantType' => 'none'] + $data), true));
        $key = getenv('XDG_DATA_HOME') . '/localapi/store.sqlite.key';
        rename($key, "$key.away");
        try {
            LocalApi\verify_credential($issued['clientIdentifier'], $issued['clientSecret']);
        } catch (LocalApi\StoreException $fault) {
            error_log((string) $fault);
            error_log(print_r($fault->getTrace(), true));
        }
        rename("$key.away", $key);
        register_shutdown_function(static fn () => posix_kill(getmypid(), SIGKILL));
        (static function () use ($key, $issued): void {
            unlink($key);
            LocalApi\verify_credential($issued['clientIdentifier'], $issued['clientSecret']);
        })();
        PHP;

    private string $folder;

    protected function setUp(): void
    {
        $this->folder = scratch_folder();
    }

    /** @group file */
    #[Group('file')]
    public function test_no_secret_is_left_in_clear(): void
    {
        $log = "$this->folder/php.log";
        $ini = ['log_errors' => 1, 'display_errors' => 0, 'error_log' => $log];
        $secrets = explode("\n", rtrim(php(self::LIFE, $ini, ['XDG_DATA_HOME' => $this->folder])));
        self::assertSame(array_fill(0, 6, 64), array_map(strlen(...), array_map(base64_decode(...), $secrets)));
        self::assertStringContainsString('StoreException', file_get_contents($log));
        $files = glob("$this->folder/{*,localapi/*}", GLOB_BRACE);
        $names = array_map('basename', array_filter($files, 'is_file'));
        sort($names);
        self::assertSame(['php.log', 'store.sqlite', 'store.sqlite-gate', 'store.sqlite-shm', 'store.sqlite-wal'], $names);
        self::assertSame([], $this->leaks($secrets));
    }

    /** @dataProvider spellings */
    #[DataProvider('spellings')]
    public function test_a_secret_in_clear_would_be_found(callable $spell): void
    {
        $bytes = random_bytes(64);
        $spelt = $spell($bytes, base64_encode($bytes));
        file_put_contents("$this->folder/leak", random_bytes(99) . $spelt . random_bytes(99));
        self::assertSame(['leak'], $this->leaks([base64_encode($bytes)]));
    }

    public static function spellings(): iterable
    {
        yield 'raw' => [static fn (string $bytes, string $text): string => $bytes];
        yield 'base64' => [static fn (string $bytes, string $text): string => $text];
        yield 'cut base64' => [static fn (string $bytes, string $text): string => substr($text, 0, 40)];
        yield 'base64 for URLs' => [static fn (string $bytes, string $text): string => strtr($text, '+/', '-_')];
        yield 'base64 in JSON' => [static fn (string $bytes, string $text): string => json_encode($text)];
        yield 'base64 in a URL' => [static fn (string $bytes, string $text): string => rawurlencode($text)];
        yield 'base64 of base64' => [static fn (string $bytes, string $text): string => base64_encode($text)];
        yield 'bytes in a URL' => [static fn (string $bytes, string $text): string => rawurlencode($bytes)];
        yield 'hex' => [static fn (string $bytes, string $text): string => bin2hex($bytes)];
        yield 'upper hex' => [static fn (string $bytes, string $text): string => strtoupper(bin2hex($bytes))];
        yield 'hex of base64' => [static fn (string $bytes, string $text): string => bin2hex($text)];
    }

    /** The files below the folder that hold a piece of one of these secrets, however it is spelt. */
    private function leaks(array $secrets): array
    {
        $leaks = [];
        $files = new RecursiveIteratorIterator(new RecursiveDirectoryIterator(
            $this->folder,
            FilesystemIterator::SKIP_DOTS
        ));
        foreach ($files as $file) {
            $content = file_get_contents($file->getPathname());
            $readings = [
                $content,
                rawurldecode($content),
                strtolower($content),
                str_replace('\\/', '/', $content),
                strtr($content, '-_', '+/'),
            ];
            foreach ($secrets as $secret) {
                foreach (self::pieces($secret) as $piece) {
                    foreach ($readings as $reading) {
                        if (str_contains($reading, $piece)) {
                            $leaks[$file->getFilename()] = true;
                        }
                    }
                }
            }
        }
        return array_keys($leaks);
    }

    /** What would be seen of a secret: pieces, so that one that was cut is found too. */
    private static function pieces(string $secret): iterable
    {
        $bytes = base64_decode($secret, true);
        for ($at = 0; $at + 12 <= 64; $at += 12) {
            yield substr($bytes, $at, 12);
            yield bin2hex(substr($bytes, $at, 12));
        }
        for ($at = 0; $at + 18 <= 88; $at += 18) {
            yield substr($secret, $at, 18);
            yield base64_encode(substr($secret, $at, 18));
            yield bin2hex(substr($secret, $at, 18));
        }
    }
}
