<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\Group;

require_once __DIR__ . '/StoreTestCase.php';

/** The documented tables, as a host that writes them finds them. */
final class TablesTest extends StoreTestCase
{
    private const TIME = '/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/';

    /** @dataProvider tables */
    #[DataProvider('tables')]
    public function test_every_column_but_the_id_has_a_default(string $table, array $defaults): void
    {
        $pdo = self::pdo();
        $pdo->exec("DELETE FROM $table");
        $now = gmdate('Y-m-d H:i:s');
        $pdo->exec("INSERT INTO $table " . (tests_run_at_a_server() ? '() VALUES ()' : 'DEFAULT VALUES'));
        [$row] = self::rows("SELECT * FROM $table");
        $this->assertSame(array_keys($defaults), array_keys($row));
        foreach ($defaults as $column => $default) {
            if ($default === self::TIME) {
                $this->assertMatchesRegularExpression(self::TIME, $row[$column]);
                $this->assertGreaterThanOrEqual($now, $row[$column]);
            } elseif ($column !== 'id') {
                $this->assertSame($default, $row[$column], $column);
            }
        }
    }

    public static function tables(): array
    {
        $times = ['created_at' => self::TIME, 'updated_at' => self::TIME];
        return [
            ['tbloauthserver_clients', [
                'id' => 0, 'identifier' => '', 'secret' => '', 'redirect_uri' => '', 'grant_types' => '',
                'user_id' => '', 'service_id' => 0, 'name' => '', 'description' => '', 'logo_uri' => '',
                'rsa_key_pair_id' => 0,
            ] + $times],
            ['tbloauthserver_client_scopes', ['client_id' => 0, 'scope_id' => 0]],
            ['tbloauthserver_scopes', ['id' => 0, 'scope' => '', 'description' => '', 'is_default' => 0] + $times],
            ['tblhosting', ['id' => 0, 'userid' => 0, 'domain' => '', 'domainstatus' => 'Active'] + $times],
            ['tblclients', [
                'id' => 0, 'firstname' => '', 'lastname' => '', 'companyname' => '', 'email' => '',
                'status' => 'Active',
            ] + $times],
            ['tbladmins', ['id' => 0, 'username' => '', 'password' => '', 'disabled' => 0] + $times],
            ['tblactivitylog', [
                'id' => 0, 'date' => self::TIME, 'description' => '', 'user' => '', 'userid' => 0, 'admin_id' => 0,
                'ipaddr' => '',
            ]],
            ['tbldeviceauth', [
                'id' => 0, 'identifier' => '', 'secret' => '', 'user_id' => 0, 'role_ids' => '', 'description' => '',
                'last_access' => null,
            ] + $times + ['deleted_at' => null]],
            ['tblapi_roles', ['id' => 0, 'role' => '', 'description' => '', 'permissions' => ''] + $times],
        ];
    }

    public function test_identifiers_scopes_and_admins_are_unique(): void
    {
        $unique = [
            'tbloauthserver_clients' => 'identifier',
            'tbloauthserver_scopes' => 'scope',
            'tbladmins' => 'username',
            'tbldeviceauth' => 'identifier',
        ];
        foreach ($unique as $table => $column) {
            $pdo = self::pdo();
            $pdo->exec("INSERT INTO $table ($column) VALUES ('twice')");
            $caught = null;
            try {
                $pdo->exec("INSERT INTO $table ($column) VALUES ('twice')");
            } catch (PDOException $caught) {
            }
            $this->assertSame('23000', $caught?->getCode(), $table);
        }
    }

    public function test_a_new_store_has_the_documented_scopes_and_one_admin(): void
    {
        $scopes = [
            'clientarea:sso', 'clientarea:profile', 'clientarea:billing_info', 'clientarea:emails',
            'clientarea:announcements', 'clientarea:downloads', 'clientarea:knowledgebase', 'clientarea:network_status',
            'clientarea:services', 'clientarea:product_details', 'clientarea:domains', 'clientarea:domain_details',
            'clientarea:invoices', 'clientarea:tickets', 'clientarea:submit_ticket', 'clientarea:shopping_cart',
            'clientarea:shopping_cart_addons', 'clientarea:shopping_cart_domain_register',
            'clientarea:shopping_cart_domain_transfer', 'openid', 'profile', 'email', 'sso:custom_redirect',
        ];
        $rows = self::rows('SELECT * FROM tbloauthserver_scopes ORDER BY id');
        $this->assertSame($scopes, array_column($rows, 'scope'));
        $this->assertNotContains('', array_column($rows, 'description'));
        $this->assertSame(array_fill(0, 23, 0), array_column($rows, 'is_default'));
        $admins = self::rows('SELECT username, password, disabled FROM tbladmins');
        $this->assertSame([['username' => 'admin', 'password' => '', 'disabled' => 0]], $admins);
        // Each of them can be asked for.
        $this->created(self::request(['scope' => implode(' ', $scopes)]));
    }

    public function test_rows_that_a_host_writes_count(): void
    {
        $pdo = self::pdo();
        $pdo->exec('INSERT INTO tblclients (id) VALUES (42)');
        $pdo->exec("INSERT INTO tblhosting (id, userid, domainstatus) VALUES (7, '42', 'Suspended')");
        $pdo->exec("INSERT INTO tbladmins (username) VALUES ('eve')");
        $row = $this->created(self::request(['serviceId' => 7], 'single_sign_on'), 'eve');
        $this->assertSame([7, '42'], [$row['service_id'], $row['user_id']]);
    }

    public function test_the_scope_table_is_read_again_when_another_connection_has_changed_it(): void
    {
        $request = self::request(['scope' => 'shop:orders']);
        $this->assertRefused(sprintf(Message::SCOPE_INVALID, 'shop:orders'), $request);
        $this->assertSame(1, self::pdo()->exec("INSERT INTO tbloauthserver_scopes (scope) VALUES ('shop:orders')"));
        $this->created($request);
        $this->assertSame(1, self::pdo()->exec("DELETE FROM tbloauthserver_scopes WHERE scope = 'shop:orders'"));
        $this->assertSame(sprintf(Message::SCOPE_INVALID, 'shop:orders'), self::create($request)['message']);
    }

    /** @group file */
    #[Group('file')]
    public function test_the_file_says_whose_it_is_and_keeps_a_write_ahead_log(): void
    {
        $pragma = fn (string $name) => self::pdo()->query("PRAGMA $name")->fetchColumn();
        $this->assertSame(unpack('N', 'LAPI')[1], $pragma('application_id'));
        $this->assertGreaterThanOrEqual(1, $pragma('user_version'));
        $this->assertSame('wal', $pragma('journal_mode'));
        $this->assertSame('ok', $pragma('integrity_check'));
    }
}
