<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\DataProvider;

require_once __DIR__ . '/CredentialTestCase.php';

/** LocalApi\batch(): many calls with one durable commit. */
final class BatchTest extends CredentialTestCase
{
    private const CALL = [
        'CreateOAuthCredential',
        ['grantType' => 'authorization_code', 'name' => 'A', 'scope' => 'openid'],
    ];

    public function test_each_call_is_answered_as_if_it_were_alone_and_in_order(): void
    {
        $answers = LocalApi\batch([
            self::CALL,
            ['createoauthcredential', ['name' => ''] + self::CALL[1]],
            ['CreateOAuthCredential'],
            ['CreateOAuthCredential', null, null],
            ['UpdateOAuthCredential', ['credentialId' => 1, 'name' => 'B', 'resetSecret' => true], 'admin'],
            ['UpdateOAuthCredential', ['credentialId' => 1, 'name' => 'C'], 'nobody'],
            ['ListOAuthCredentials'],
            self::CALL,
            ['DeleteOAuthCredential', ['credentialId' => 1]],
            ['DeleteOAuthCredential', ['credentialId' => 1]],
            ['ListOAuthCredentials', ['limit' => 5]],
            ['GetClients', []],
        ]);
        $error = static fn (string $message): array => ['result' => 'error', 'message' => $message];
        self::assertSame(['result', 'credentialId', 'clientIdentifier', 'clientSecret'], array_keys($answers[0]));
        self::assertSame(['result' => 'success', 'credentialId' => 1], array_slice($answers[0], 0, 2));
        self::assertSame($error('A name for the Client Credential is required.'), $answers[1]);
        self::assertSame($error('A valid grant type is required.'), $answers[2]);
        self::assertSame($answers[2], $answers[3]);
        self::assertSame(['result', 'credentialId', 'newClientSecret'], array_keys($answers[4]));
        self::assertSame($error('The admin user "nobody" was not found.'), $answers[5]);
        self::assertSame(['B'], array_column($answers[6]['clients'], 'name'));
        self::assertSame($answers[4]['newClientSecret'], $answers[6]['clients'][0]['clientSecret']);
        self::assertSame(2, $answers[7]['credentialId']);
        self::assertSame(['result' => 'success', 'credentialId' => 1], $answers[8]);
        self::assertSame($error('Invalid Credential ID provided.'), $answers[9]);
        self::assertSame([2], array_column($answers[10]['clients'], 'credentialId'));
        self::assertSame($error('The requested command "GetClients" was not found.'), $answers[11]);
        self::assertCount(12, $answers);
        self::assertTrue(self::verifies($answers[7]));
        self::assertSame([2], array_column(self::clients(), 'credentialId'));
        $log = array_column(self::rows('SELECT description FROM tblactivitylog ORDER BY id'), 'description');
        self::assertSame([
            'OAuth credential 1 created (authorization_code)', 'OAuth credential 1 updated',
            'OAuth credential 1 secret reset', 'OAuth credential 2 created (authorization_code)',
            'OAuth credential 1 deleted',
        ], $log);
    }

    public function test_an_empty_list_has_no_answers(): void
    {
        self::assertSame([], LocalApi\batch([]));
    }

    public function test_a_list_longer_than_a_chunk_is_answered_whole(): void
    {
        $answers = LocalApi\batch(array_fill(0, 2_001, self::CALL));
        self::assertSame(range(1, 2_001), array_column($answers, 'credentialId'));
        self::assertCount(2_001, array_unique(array_column($answers, 'clientSecret')));
        self::assertSame([2_001], self::column('SELECT count(*) FROM tbloauthserver_client_scopes'));
    }

    /** @dataProvider shapes */
    #[DataProvider('shapes')]
    public function test_what_is_no_call_is_refused_before_anything_is_stored(array $calls): void
    {
        try {
            LocalApi\batch($calls);
            self::fail();
        } catch (ValueError $error) {
            $must = 'must be a list of [command, postData, adminUsername]';
            self::assertSame("LocalApi\\batch(): Argument #1 (\$calls) $must", $error->getMessage());
        }
        self::assertSame([], self::clients());
    }

    public static function shapes(): iterable
    {
        yield 'no array' => [[self::CALL, 'CreateOAuthCredential']];
        yield 'keys' => [['a' => self::CALL]];
        yield 'named parts' => [[self::CALL, ['command' => 'CreateOAuthCredential', 'postData' => []]]];
        yield 'nothing' => [[self::CALL, []]];
        yield 'too much' => [[self::CALL, ['CreateOAuthCredential', [], null, null]]];
        yield 'a number for a command' => [[self::CALL, [1]]];
        yield 'text for data' => [[self::CALL, ['CreateOAuthCredential', 'a']]];
        yield 'a list for an admin' => [[self::CALL, ['CreateOAuthCredential', [], []]]];
    }

    public function test_what_a_value_throws_reaches_the_caller_and_nothing_is_stored(): void
    {
        $name = new class {
            public function __toString(): string
            {
                throw new DomainException('no text');
            }
        };
        try {
            LocalApi\batch([self::CALL, ['CreateOAuthCredential', ['name' => $name] + self::CALL[1]]]);
            self::fail();
        } catch (DomainException $thrown) {
            self::assertSame('no text', $thrown->getMessage());
        }
        self::assertSame([], self::clients());
    }

    public function test_a_value_that_changes_the_list_while_it_is_read_changes_nothing(): void
    {
        $calls = [self::CALL, self::CALL, self::CALL];
        $calls[1][1]['name'] = new class ($calls) {
            public function __construct(private array &$calls)
            {
            }

            public function __toString(): string
            {
                $this->calls = [];
                gc_collect_cycles();
                return 'changed';
            }
        };
        $answers = LocalApi\batch($calls);
        self::assertSame(['success', 'success', 'success'], array_column($answers, 'result'));
        self::assertSame(['A', 'changed', 'A'], array_column(self::clients(), 'name'));
    }

    public function test_handlers_are_not_asked(): void
    {
        LocalApi\handle('GetClients', static fn (): array => ['result' => 'success']);
        self::assertSame('error', LocalApi\batch([['GetClients']])[0]['result']);
        LocalApi\handle('GetClients', null);
    }

    public function test_a_batch_that_cannot_have_the_store_is_an_error_for_each_call(): void
    {
        $answers = self::elsewhere(
            'LocalApi\batch([' . var_export(self::CALL, true) . ', ["ListOAuthCredentials"]])',
            ['localapi.dsn' => 'sqlite:/no/such/folder/store.sqlite'],
        );
        $message = 'The credential store cannot be opened: the folder "/no/such/folder" does not exist.';
        self::assertSame(array_fill(0, 2, ['result' => 'error', 'message' => $message]), $answers);
    }
}
