<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\DataProvider;

require_once __DIR__ . '/StoreTestCase.php';

/** register_service, register_scope and register_admin. */
final class RegistrationTest extends StoreTestCase
{
    public function test_a_service_belongs_to_the_client_that_was_registered_last(): void
    {
        LocalApi\register_service(serviceId: 3, clientId: 42);
        $first = $this->created(self::request(['serviceId' => 3], 'single_sign_on'));
        LocalApi\register_service(3, 43);
        $second = $this->created(self::request(['serviceId' => 3], 'single_sign_on'));
        $this->assertSame(['42', '43'], [$first['user_id'], $second['user_id']]);
        $services = self::rows('SELECT id, userid, domainstatus FROM tblhosting');
        $this->assertSame([['id' => 3, 'userid' => 43, 'domainstatus' => 'Active']], $services);
        $this->assertSame([42, 43], array_column(self::rows('SELECT id FROM tblclients ORDER BY id'), 'id'));
    }

    public function test_a_missing_client_comes_back(): void
    {
        LocalApi\register_service(3, 42);
        self::pdo()->exec('DELETE FROM tblclients');
        $this->assertRefused(Message::SERVICE_WITHOUT_CLIENT, self::request(['serviceId' => 3], 'single_sign_on'));
        LocalApi\register_service(3, 42);
        $this->created(self::request(['serviceId' => 3], 'single_sign_on'));
    }

    public function test_the_largest_ids_work(): void
    {
        LocalApi\register_service(PHP_INT_MAX, PHP_INT_MAX);
        $row = $this->created(self::request(['serviceId' => PHP_INT_MAX], 'single_sign_on'));
        $this->assertSame([PHP_INT_MAX, (string) PHP_INT_MAX], [$row['service_id'], $row['user_id']]);
    }

    public function test_a_scope_can_be_asked_for_at_once(): void
    {
        $this->assertRefused(sprintf(Message::SCOPE_INVALID, 'shop:orders'), self::request(['scope' => 'shop:orders']));
        LocalApi\register_scope('shop:orders', 'See your orders');
        $this->created(self::request(['scope' => 'shop:orders']));
    }

    public function test_a_description_is_replaced_but_never_by_nothing(): void
    {
        $sql = "SELECT description FROM tbloauthserver_scopes WHERE scope = 'shop'";
        $description = fn () => self::rows($sql)[0]['description'];
        LocalApi\register_scope('shop');
        $this->assertSame('', $description());
        LocalApi\register_scope('shop', 'First');
        $this->assertSame('First', $description());
        LocalApi\register_scope('shop');
        $this->assertSame('First', $description());
        LocalApi\register_scope('shop', description: 'Second');
        $this->assertSame('Second', $description());
        $this->assertCount(1, self::rows("SELECT * FROM tbloauthserver_scopes WHERE scope = 'shop'"));
    }

    public function test_what_is_there_already_needs_no_lock_and_changes_nothing(): void
    {
        $register = function (): void {
            LocalApi\register_service(1, 42);
            LocalApi\register_scope('shop', 'Orders');
            LocalApi\register_scope('shop');
            LocalApi\register_admin('eve');
        };
        $register();
        $tables = ['tblhosting', 'tblclients', 'tbloauthserver_scopes', 'tbladmins'];
        $all = fn () => array_map(fn (string $table) => self::rows("SELECT * FROM $table"), $tables);
        foreach ($tables as $table) {
            self::pdo()->exec("UPDATE $table SET updated_at = '2001-01-01 00:00:00'");
        }
        $before = $all();
        $pdo = self::pdo();
        self::lock($pdo);
        $register();
        $pdo->exec('ROLLBACK');
        $this->assertSame($before, $all());
    }

    public function test_an_admin_that_is_there_stays_as_it_is(): void
    {
        LocalApi\register_admin('eve');
        self::pdo()->exec("UPDATE tbladmins SET password = 'kept', disabled = 1 WHERE username = 'eve'");
        LocalApi\register_admin('eve');
        $rows = self::rows("SELECT password, disabled FROM tbladmins WHERE username = 'eve'");
        $this->assertSame([['password' => 'kept', 'disabled' => 1]], $rows);
    }

    /** @dataProvider useless */
    #[DataProvider('useless')]
    public function test_an_argument_that_is_no_use_is_a_value_error(Closure $call, string $message): void
    {
        $this->expectException(ValueError::class);
        $this->expectExceptionMessage($message);
        $call();
    }

    public static function useless(): iterable
    {
        $service = 'LocalApi\register_service(): Argument #1 ($serviceId) must be greater than 0';
        $client = 'LocalApi\register_service(): Argument #2 ($clientId) must be greater than 0';
        yield [fn () => LocalApi\register_service(0, 1), $service];
        yield [fn () => LocalApi\register_service(-1, 0), $service];
        yield [fn () => LocalApi\register_service(1, 0), $client];
        $scope = 'LocalApi\register_scope(): Argument #1 ($scope) '
            . 'must be 1 to 80 printable characters without white space';
        foreach (['', ' ', 'a b', "a\tb", "a\0", "\xff", "a\u{202e}", str_repeat('ü', 81)] as $useless) {
            yield [fn () => LocalApi\register_scope($useless), $scope];
        }
        $description = 'LocalApi\register_scope(): Argument #2 ($description) must be at most 255 printable characters';
        foreach (["\n", "\xff", str_repeat('ü', 256)] as $useless) {
            yield [fn () => LocalApi\register_scope('shop', $useless), $description];
        }
        $username = 'LocalApi\register_admin(): Argument #1 ($username) must be 1 to 255 printable characters';
        foreach (['', " \t", "eve\n", "\xff", str_repeat('ü', 256)] as $useless) {
            yield [fn () => LocalApi\register_admin($useless), $username];
        }
    }

    public function test_the_longest_arguments_fit(): void
    {
        $longest = [str_repeat('ü', 80), str_repeat('ü', 255)];
        LocalApi\register_scope(...$longest);
        LocalApi\register_admin($longest[1]);
        $this->created(self::request(['scope' => $longest[0]]), $longest[1]);
    }
}
