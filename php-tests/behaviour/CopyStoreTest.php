<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\DataProvider;

require_once __DIR__ . '/CredentialTestCase.php';

/** copy_store. */
final class CopyStoreTest extends CredentialTestCase
{
    private string $folder;

    protected function setUp(): void
    {
        parent::setUp();
        $this->folder = scratch_folder();
    }

    protected function tearDown(): void
    {
        if (tests_run_at_a_server()) {
            self::pdo()->exec('DROP DATABASE IF EXISTS copied');
        }
    }

    /** @return array<string, array{bool}> */
    public static function targets(): array
    {
        return tests_run_at_a_server() ? ['a file' => [false], 'the server' => [true]] : ['a file' => [false]];
    }

    /** The DSN of a place that holds nothing. */
    private function target(bool $server = false): string
    {
        if (!$server) {
            return "sqlite:$this->folder/copy.sqlite";
        }
        self::pdo()->exec('CREATE DATABASE copied');
        return dirname(self::place()['localapi.dsn']) . '/copied';
    }

    /** @dataProvider targets */
    #[DataProvider('targets')]
    public function test_a_copy_is_a_store_with_the_same_credentials(bool $server): void
    {
        [$first, $second] = [self::authorizationCode(), self::singleSignOn()];
        $last = self::authorizationCode();
        self::answer('DeleteOAuthCredential', ['credentialId' => $last['credentialId']]);
        $api = LocalApi\issue_api_credential('admin');
        $to = $this->target($server);
        $report = LocalApi\copy_store(self::place()['localapi.dsn'], $to);
        $rows = 0;
        foreach (['tbloauthserver_clients', 'tbloauthserver_client_scopes', 'tbloauthserver_scopes', 'tblhosting',
            'tblclients', 'tbladmins', 'tblactivitylog', 'tbldeviceauth', 'tblapi_roles'] as $table) {
            $rows += (int) self::column("SELECT count(*) FROM $table")[0];
        }
        $this->assertSame(['rows' => $rows, 'secrets' => 2, 'unreadable' => 0, 'leftOut' => []], $report);

        $ini = ['localapi.dsn' => $to, 'localapi.key_file' => ini_get('localapi.key_file')];
        $clients = self::elsewhere('localAPI("ListOAuthCredentials")', $ini);
        $this->assertSame(localAPI('ListOAuthCredentials'), $clients);
        $secrets = array_column([$first, $second], 'clientSecret', 'credentialId');
        $this->assertSame($secrets, array_column($clients['clients'], 'clientSecret', 'credentialId'));
        $called = ['identifier' => $api['identifier'], 'secret' => $api['secret'], 'action' => 'ListOAuthCredentials'];
        $request = ['REQUEST_METHOD' => 'POST', 'REMOTE_ADDR' => '127.0.0.1', 'CONTENT_LENGTH' => '9'];
        $response = 'LocalApi\respond(' . var_export($called, true) . ', ' . var_export($request, true) . ')';
        $this->assertSame(200, self::elsewhere($response, $ini)['status']);
        $created = self::elsewhere(self::CREATE, $ini);
        $this->assertSame($last['credentialId'] + 1, $created['credentialId']);
    }

    public function test_the_callback_is_told_done_and_total(): void
    {
        self::authorizationCode();
        $told = [];
        $progress = function (int $done, int $total) use (&$told): void {
            $told[] = [$done, $total];
        };
        $report = LocalApi\copy_store(self::place()['localapi.dsn'], $this->target(), $progress);
        $this->assertSame([2 * $report['rows'] + $report['secrets']], array_values(array_unique(array_column($told, 1))));
        $done = array_column($told, 0);
        $ascending = $done;
        sort($ascending);
        $this->assertSame($ascending, $done);
        $this->assertSame([0, $told[0][1]], [$done[0], end($done)]);
    }

    public function test_what_the_callback_throws_reaches_the_caller_and_the_next_call_goes_on(): void
    {
        $issued = self::authorizationCode();
        $to = $this->target();
        for ($batches = 1; $batches < 20; $batches += 6) {
            $left = $batches;
            try {
                LocalApi\copy_store(self::place()['localapi.dsn'], $to, function () use (&$left): void {
                    --$left ?: throw new DomainException('enough');
                });
                $this->fail('nothing was thrown');
            } catch (DomainException $thrown) {
                $this->assertSame('enough', $thrown->getMessage());
            }
            $ini = ['localapi.dsn' => $to, 'localapi.key_file' => ini_get('localapi.key_file')];
            $this->assertSame([
                'result' => 'error',
                'message' => 'The credential store is an unfinished copy: finish it with LocalApi\copy_store, or remove it.',
            ], self::elsewhere(self::CREATE, $ini));
        }
        LocalApi\copy_store(self::place()['localapi.dsn'], $to, progress: null);
        $clients = self::elsewhere('localAPI("ListOAuthCredentials")', $ini)['clients'];
        $this->assertSame([$issued['clientSecret']], array_column($clients, 'clientSecret'));
    }

    public function test_the_callback_may_use_the_store_and_fork_and_exit(): void
    {
        self::authorizationCode();
        $from = var_export(self::place()['localapi.dsn'], true);
        $to = var_export($this->target(), true);
        $code = "\$told = 0;
            \$report = LocalApi\\copy_store($from, $to, function () use (&\$told): void {
                localAPI('ListOAuthCredentials')['result'] === 'success' or print 'no list';
                if (\$told++ % 5 === 0 && pcntl_fork() === 0) {
                    localAPI('ListOAuthCredentials')['result'] === 'success' or print 'no list in the child';
                    exit;
                }
                pcntl_wait(\$status);
            });
            print json_encode(\$report['secrets']);";
        $exits = "LocalApi\\copy_store($from, $to, fn () => exit('ended'));";
        $this->assertSame('ended', php($exits, self::place()));
        $this->assertSame('1', php($code, self::place()));
    }

    public function test_a_request_that_ends_in_the_callback_leaves_a_copy_that_goes_on(): void
    {
        self::authorizationCode();
        $from = var_export(self::place()['localapi.dsn'], true);
        $to = var_export($this->target(), true);
        $exhaust = "LocalApi\\copy_store($from, $to, function () { static \$n = 0; ++\$n < 5 ?: str_repeat('x', 1 << 30); });";
        $this->assertStringContainsString('Allowed memory size', php($exhaust, self::place() + ['memory_limit' => '32M']));
        $this->assertSame('1', php("print LocalApi\\copy_store($from, $to)['secrets'];", self::place()));
    }

    public function test_a_target_that_is_another_store_is_refused(): void
    {
        self::authorizationCode();
        $to = $this->target();
        $ini = ['localapi.dsn' => $to, 'localapi.key_file' => "$this->folder/other.key"];
        self::elsewhere(self::CREATE, $ini);
        $before = file_get_contents("$this->folder/copy.sqlite");
        $this->expectExceptionObject(new LocalApi\StoreException(
            'The store to copy to is neither new nor an unfinished copy of the same store: it was left untouched.'
        ));
        try {
            LocalApi\copy_store(self::place()['localapi.dsn'], $to);
        } finally {
            $this->assertSame($before, file_get_contents("$this->folder/copy.sqlite"));
        }
    }

    public function test_open_basedir_holds_for_both_sides(): void
    {
        $outside = scratch_folder();
        self::authorizationCode();
        LocalApi\copy_store(self::place()['localapi.dsn'], "sqlite:$this->folder/inside.sqlite");
        copy("$this->folder/inside.sqlite", "$outside/outside.sqlite");
        symlink("$outside/outside.sqlite", "$this->folder/link.sqlite");
        symlink($outside, "$this->folder/link");
        $before = scandir($outside);
        $copy = fn (string $from, string $to): string => php(sprintf(
            'try { print LocalApi\copy_store("sqlite:%s", "sqlite:%s")["rows"] > 0 ? "copied" : "none"; }
            catch (LocalApi\StoreException $error) { print $error->getMessage(); }',
            $from,
            $to
        ), ['open_basedir' => $this->folder, 'localapi.dsn' => 'sqlite::memory:']);
        foreach (["$outside/outside.sqlite", "$this->folder/link.sqlite", "$this->folder/link/outside.sqlite"] as $from) {
            $sentence = "The file \"$outside/outside.sqlite\" is outside of the folders that open_basedir allows.";
            $this->assertSame($sentence, $copy($from, "$this->folder/new.sqlite"));
        }
        foreach (["$outside/new.sqlite", "$this->folder/link/new.sqlite"] as $to) {
            $sentence = "The file \"$outside/new.sqlite\" is outside of the folders that open_basedir allows.";
            $this->assertSame($sentence, $copy("$this->folder/inside.sqlite", $to));
        }
        $this->assertSame($before, scandir($outside));
        $this->assertFileDoesNotExist("$this->folder/new.sqlite");
        $this->assertSame('copied', $copy("$this->folder/inside.sqlite", "$this->folder/new.sqlite"));
    }

    /** @dataProvider useless */
    #[DataProvider('useless')]
    public function test_a_dsn_that_is_no_use_is_a_value_error_that_does_not_show_it(array $arguments, string $message): void
    {
        try {
            LocalApi\copy_store(...$arguments);
            $this->fail('nothing was thrown');
        } catch (ValueError $error) {
            $this->assertSame("LocalApi\\copy_store(): Argument $message", $error->getMessage());
            $shown = print_r($error->getTrace()[0]['args'] ?? [], true) . $error->getTraceAsString();
            $this->assertStringNotContainsString('s3cret', $shown);
        }
    }

    public static function useless(): iterable
    {
        $sound = 'sqlite:/tmp/localapi-sound.sqlite';
        $must = 'must be the DSN of a store in a file or at a server';
        foreach (['', 'sqlite::memory:', 'sqlite:a', 'mysql://u:s3cret@h', "sqlite:/a\0b", "\xff"] as $useless) {
            yield [[$useless, $sound], "#1 (\$from) $must"];
            yield [[$sound, $useless], "#2 (\$to) $must"];
        }
        yield [[$sound, $sound], '#2 ($to) must be the DSN of another store'];
    }

    public function test_a_progress_that_cannot_be_called_is_a_type_error(): void
    {
        $this->expectException(TypeError::class);
        $this->expectExceptionMessage('LocalApi\copy_store(): Argument #3 ($progress) must be a valid callback or null');
        LocalApi\copy_store('sqlite:/a', 'sqlite:/b', 'no such function');
    }
}
