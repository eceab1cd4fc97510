<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\DataProvider;

require_once __DIR__ . '/CredentialTestCase.php';

/** ListOAuthCredentials. */
final class ListOAuthCredentialsTest extends CredentialTestCase
{
    private string $timeZone;

    protected function setUp(): void
    {
        parent::setUp();
        $this->timeZone = date_default_timezone_get();
    }

    protected function tearDown(): void
    {
        date_default_timezone_set($this->timeZone);
        parent::tearDown();
    }

    public function test_a_store_without_credentials_has_an_empty_list(): void
    {
        self::assertSame(['result' => 'success', 'clients' => []], localAPI('ListOAuthCredentials'));
    }

    public function test_a_credential_has_these_keys_in_this_order(): void
    {
        date_default_timezone_set('UTC');
        $issued = self::authorizationCode([
            'name' => 'Büro & Co',
            'description' => "two\nlines",
            'scope' => 'openid clientarea:invoices clientarea:sso',
            'logoUri' => 'images/logo.png',
            'redirectUri' => ['https://example.com/b', 'https://example.com/a,b'],
        ]);
        self::execute(
            "UPDATE tbloauthserver_clients SET created_at = '2016-11-18 09:32:24', updated_at = '2016-12-01 23:00:09'"
        );
        self::assertSame([
            'result' => 'success',
            'clients' => [[
                'credentialId' => $issued['credentialId'],
                'name' => 'Büro & Co',
                'description' => "two\nlines",
                'grantTypes' => 'authorization_code',
                'scope' => 'clientarea:sso clientarea:invoices openid',
                'clientIdentifier' => $issued['clientIdentifier'],
                'clientSecret' => $issued['clientSecret'],
                'uuid' => null,
                'serviceId' => 0,
                'logoUri' => 'images/logo.png',
                'redirectUri' => ['https://example.com/b', 'https://example.com/a,b'],
                'rsaKeyPairId' => 0,
                'createdAt' => '18th November 2016 9:32:24am',
                'updatedAt' => '1st December 2016 11:00:09pm',
                'expiresAt' => null,
                'disabled' => false,
                'lastUsedAt' => null,
            ]],
        ], localAPI('ListOAuthCredentials'));
    }

    public function test_a_single_sign_on_credential_has_its_service(): void
    {
        self::singleSignOn();
        [$client] = self::clients();
        self::assertSame(
            ['', '', 'single_sign_on', 7, '', []],
            [
                $client['name'], $client['description'], $client['grantTypes'], $client['serviceId'],
                $client['logoUri'], $client['redirectUri'],
            ]
        );
    }

    public function test_times_are_in_the_default_time_zone_of_php(): void
    {
        $id = self::authorizationCode()['credentialId'];
        self::execute("UPDATE tbloauthserver_clients SET created_at = '2016-11-18 02:32:24'");
        $shown = [
            'America/New_York' => '17th November 2016 9:32:24pm',
            'Asia/Tokyo' => '18th November 2016 11:32:24am',
        ];
        foreach ($shown as $zone => $time) {
            date_default_timezone_set($zone);
            self::assertSame($time, self::client($id)['createdAt']);
            $elsewhere = self::elsewhere('localAPI("ListOAuthCredentials")["clients"][0]', ['date.timezone' => $zone]);
            self::assertSame($time, $elsewhere['createdAt']);
        }
    }

    public function test_a_credential_is_created_now(): void
    {
        date_default_timezone_set('UTC');
        $before = time();
        $id = self::authorizationCode()['credentialId'];
        $created = DateTimeImmutable::createFromFormat('!jS F Y g:i:sa', self::client($id)['createdAt'])->getTimestamp(
            
        );
        self::assertGreaterThanOrEqual($before, $created);
        self::assertLessThanOrEqual(time(), $created);
        self::assertSame(self::client($id)['createdAt'], self::client($id)['updatedAt']);
    }

    public function test_the_order_is_by_id_unless_asked_otherwise(): void
    {
        $ids = $this->fill();
        self::assertSame($ids, array_column(self::clients(), 'credentialId'));
        self::assertSame($ids, array_column(self::clients(['sortOrder' => 'ASC']), 'credentialId'));
        self::assertSame(array_reverse($ids), array_column(self::clients(['sortOrder' => 'DESC']), 'credentialId'));
    }

    /** @dataProvider sortFields */
    #[DataProvider('sortFields')]
    public function test_each_field_sorts_and_ties_are_broken_by_id(string $field, string $column): void
    {
        $this->fill();
        $sorted = self::column("SELECT id FROM tbloauthserver_clients ORDER BY $column, id");
        self::assertSame(
            array_map('intval', $sorted),
            array_column(self::clients(['sortField' => $field]), 'credentialId')
        );
        foreach (['desc', 'DESC', 'Desc'] as $order) {
            $clients = self::clients(['sortField' => $field, 'sortOrder' => $order]);
            self::assertSame(array_map('intval', array_reverse($sorted)), array_column($clients, 'credentialId'));
        }
    }

    public static function sortFields(): iterable
    {
        yield ['credentialId', 'id'];
        yield ['id', 'id'];
        yield ['name', 'name'];
        yield ['description', 'description'];
        yield ['grantTypes', 'grant_types'];
        yield ['grantType', 'grant_types'];
        yield ['clientIdentifier', 'identifier'];
        yield ['serviceId', 'service_id'];
        yield ['createdAt', 'created_at'];
        yield ['updatedAt', 'updated_at'];
    }

    public function test_sorting_by_name_is_the_order_of_this_list(): void
    {
        $this->fill();
        $names = array_column(self::clients(['sortField' => 'name']), 'name');
        self::assertSame(['', 'Alpha', 'Beta', 'Beta', 'Gamma'], $names);
    }

    public function test_a_limit_and_a_start_take_a_piece_of_the_order(): void
    {
        $ids = $this->fill();
        $pieces = [
            [['limit' => 2], array_slice($ids, 0, 2)],
            [['limit' => '2', 'limitstart' => '1'], array_slice($ids, 1, 2)],
            [['limitstart' => 3], array_slice($ids, 3)],
            [['limit' => 0], $ids],
            [['limit' => '0', 'limitstart' => 0], $ids],
            [['limit' => 99], $ids],
            [['limit' => 9223372036854775807], $ids],
            [['limitstart' => 5], []],
            [['limitstart' => 9223372036854775807], []],
            [['limit' => 2, 'limitstart' => 1, 'sortOrder' => 'DESC'], array_slice(array_reverse($ids), 1, 2)],
        ];
        foreach ($pieces as [$postData, $expected]) {
            self::assertSame($expected, array_column(self::clients($postData), 'credentialId'), json_encode($postData));
        }
    }

    public function test_a_grant_type_takes_those_that_have_it(): void
    {
        $this->fill();
        foreach (['authorization_code' => 4, 'single_sign_on' => 1] as $grantType => $count) {
            $clients = self::clients(['grantType' => $grantType]);
            self::assertSame(array_fill(0, $count, $grantType), array_column($clients, 'grantTypes'));
        }
        $piece = self::clients(['grantType' => 'authorization_code', 'limit' => 1, 'limitstart' => 3]);
        self::assertSame(['Gamma'], array_column($piece, 'name'));
    }

    public function test_blank_parameters_count_as_absent(): void
    {
        $ids = $this->fill();
        foreach (['', " \t\n", null, false] as $blank) {
            $postData = array_fill_keys(['grantType', 'sortField', 'sortOrder', 'limit', 'limitstart'], $blank);
            self::assertSame($ids, array_column(self::clients($postData), 'credentialId'));
        }
    }

    /** @dataProvider mistakes */
    #[DataProvider('mistakes')]
    public function test_a_mistake_is_named(array $postData, string $message): void
    {
        self::assertError($message, 'ListOAuthCredentials', $postData);
        $this->fill();
        self::assertError($message, 'ListOAuthCredentials', $postData);
    }

    public static function mistakes(): iterable
    {
        foreach (['clientSecret', 'secret', 'id desc', 'rowid', 'name, id', '1'] as $field) {
            yield [['sortField' => $field], "The sort field \"$field\" is invalid."];
        }
        foreach (['up', 'ASC ', 'ASCENDING', '1'] as $order) {
            yield [['sortOrder' => $order], "The sort order \"$order\" is invalid."];
        }
        foreach (['-1', '1.5', 'ten', ' 5', '+5', '0x10', '1e3', '9223372036854775808'] as $limit) {
            yield [['limit' => $limit], "The limit \"$limit\" is invalid."];
            yield [['limitstart' => $limit], "The limit start \"$limit\" is invalid."];
        }
        foreach (['password', 'Authorization_Code', 'authorization_code '] as $grantType) {
            yield [['grantType' => $grantType], "The requested grant type \"$grantType\" is invalid."];
        }
        foreach (['grantType', 'sortField', 'sortOrder', 'limit', 'limitstart'] as $name) {
            yield [[$name => "\xff"], "The parameter \"$name\" must be valid UTF-8."];
        }
        yield [['sortField' => str_repeat('é', 81)], 'The sort field "' . str_repeat('é', 80) . '…" is invalid.'];
    }

    public function test_a_list_neither_writes_nor_waits_for_a_writer(): void
    {
        $ids = $this->fill();
        $database = self::pdo();
        $version = self::version($database);
        self::lock($database);
        self::assertSame($ids, array_column(self::clients(), 'credentialId'));
        $database->exec('ROLLBACK');
        self::assertSame($version, self::version($database));
    }

    public function test_an_unknown_admin_sees_nothing(): void
    {
        self::authorizationCode();
        $answer = localAPI('ListOAuthCredentials', ['limit' => 'ten'], 'nobody');
        self::assertSame(['result' => 'error', 'message' => 'The admin user "nobody" was not found.'], $answer);
        self::assertCount(1, localAPI('ListOAuthCredentials', [], 'admin')['clients']);
    }

    public function test_a_credential_whose_scope_has_gone_is_shown_without_it(): void
    {
        $id = self::authorizationCode(['scope' => 'clientarea:sso openid'])['credentialId'];
        self::execute("DELETE FROM tbloauthserver_scopes WHERE scope = 'clientarea:sso'");
        self::assertSame('openid', self::client($id)['scope']);
    }

    public function test_a_secret_that_was_changed_is_null_and_the_message_says_so(): void
    {
        [$first, $second] = [self::authorizationCode(), self::authorizationCode()];
        self::execute(
            // MySQL reads no table that it changes, but a query's result.
            'UPDATE tbloauthserver_clients SET secret = (SELECT secret FROM
             (SELECT secret FROM tbloauthserver_clients WHERE id = ?) AS first) WHERE id = ?',
            [$first['credentialId'], $second['credentialId']]
        );
        $answer = self::answer('ListOAuthCredentials');
        self::assertSame([$first['clientSecret'], null], array_column($answer['clients'], 'clientSecret'));
        self::assertSame('1 client secret cannot be read: it is damaged.', $answer['message']);
    }

    /** Five credentials; returns their ids. */
    private function fill(): array
    {
        $issued = [
            self::authorizationCode(['name' => 'Beta', 'description' => 'z']),
            self::authorizationCode(['name' => 'Alpha', 'description' => 'y']),
            self::singleSignOn(['description' => 'y']),
            self::authorizationCode(['name' => 'Beta', 'description' => 'x']),
            self::authorizationCode(['name' => 'Gamma']),
        ];
        $ids = array_column($issued, 'credentialId');
        foreach ([3, 1, 2, 3, 1] as $place => $day) {
            self::execute(
                'UPDATE tbloauthserver_clients SET created_at = ?, updated_at = ? WHERE id = ?',
                ["2020-01-0$day 00:00:00", '2021-01-0' . (4 - $day) . ' 00:00:00', $ids[$place]]
            );
        }
        return $ids;
    }
}
