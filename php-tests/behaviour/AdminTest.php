<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\DataProvider;

require_once __DIR__ . '/StoreTestCase.php';

/** In whose name a command runs. */
final class AdminTest extends StoreTestCase
{
    /** @dataProvider system */
    #[DataProvider('system')]
    public function test_nobody_named_is_the_system(?string $admin): void
    {
        $this->created(self::request(), $admin);
        $this->assertLogged('System', 0);
    }

    public static function system(): array
    {
        return [[null], ['']];
    }

    public function test_a_registered_admin_is_in_the_activity_log(): void
    {
        LocalApi\register_admin('Jörg');
        $this->created(self::request(), 'Jörg');
        $this->assertLogged('Jörg', 2);
    }

    /** @dataProvider unknown */
    #[DataProvider('unknown')]
    public function test_an_unknown_admin_is_answered_before_any_parameter(string $admin, string $quoted): void
    {
        $this->assertRefused(sprintf(Message::ADMIN_UNKNOWN, $quoted), ['grantType' => "\xff"], $admin);
    }

    public static function unknown(): array
    {
        return [
            ['nobody', 'nobody'], ['Admin', 'Admin'], ['admin ', 'admin '], [' ', ' '], ['0', '0'], ['1', '1'],
            ["admin\0", "admin\u{fffd}"], ["\xff", "\u{fffd}"], ["x' OR '1'='1", "x' OR '1'='1"],
            [str_repeat('a', 81), str_repeat('a', 80) . '…'],
        ];
    }

    public function test_a_disabled_admin_is_refused_until_enabled_again(): void
    {
        self::pdo()->exec("UPDATE tbladmins SET disabled = 1 WHERE username = 'admin'");
        $this->assertRefused(sprintf(Message::ADMIN_DISABLED, 'admin'), ['grantType' => "\xff"], 'admin');
        LocalApi\register_admin('admin');
        $this->assertRefused(sprintf(Message::ADMIN_DISABLED, 'admin'), self::request(), 'admin');
        self::pdo()->exec("UPDATE tbladmins SET disabled = 0 WHERE username = 'admin'");
        $this->created(self::request(), 'admin');
    }

    private function assertLogged(string $user, int $admin): void
    {
        $logged = self::rows('SELECT user, admin_id FROM tblactivitylog');
        $this->assertSame([['user' => $user, 'admin_id' => $admin]], $logged);
    }
}
