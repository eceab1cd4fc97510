<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\Group;
use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/../process.php';

/**
 * The time zone of the times in an answer.
 *
 * @group file
 */
#[Group('file')]
final class TimeZoneTest extends TestCase
{
    /** Prints the time of a credential, and whether it's the one that PHP shows, or UTC where PHP can't show any. */
    private const CODE = <<<'PHP'
        echo '@';
        set_error_handler(function (int $level, string $message): void {
            echo "PHP says: $message\n";
        });
        LocalApi\Sandbox::seed(1);
        localAPI('CreateOAuthCredential', ['grantType' => 'authorization_code', 'name' => 'n', 'scope' => 'openid']);
        localAPI('CreateOAuthCredential', ['grantType' => 'authorization_code', 'name' => 'n', 'scope' => 'openid']);
        foreach (localAPI('ListOAuthCredentials')['clients'] as ['createdAt' => $time]) {
            echo $time, "\n";
        }
        try {
            $expected = (new DateTime())->setTimestamp(1479461544)->format('jS F Y g:i:sa');
        } catch (Error) {
            $expected = gmdate('jS F Y g:i:sa', 1479461544);
        }
        echo $time === $expected ? 'as PHP' : "PHP: $expected";
        PHP;

    private const UTC = "18th November 2016 9:32:24am\n18th November 2016 9:32:24am\nas PHP";

    /** What the code prints where PHP starts with these entries; what is said before is PHP's and strace's own. */
    private static function shown(
        array $ini = [],
        array $environment = [],
        array $through = [],
        string $first = '',
    ): string {
        $ini = ini_options($ini + ['localapi.sandbox' => 1, 'display_startup_errors' => 0]);
        $printed = run([...$through, PHP_BINARY, ...$ini, '-r', $first . self::CODE], $environment);
        return explode('@', $printed, 2)[1] ?? $printed;
    }

    public function testWherePhpFindsNoTimeZonesTimesAreInUtc(): void
    {
        $through = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=open,openat'];
        array_push($through, '-e', 'inject=open,openat:error=ENOENT');
        foreach (['UTC', 'Europe/Berlin', 'America/New_York'] as $zone) {
            array_push($through, '-P', "/usr/share/zoneinfo/{$zone}");
        }
        self::assertSame(self::UTC, self::shown([], [], $through));
        // A PHP that has its own time zones shows them all the same.
        $times = '/^18th November 2016 (9|10):32:24am\n.*\nas PHP$/';
        self::assertMatchesRegularExpression($times, self::shown(['date.timezone' => 'Europe/Berlin'], [], $through));
        self::assertMatchesRegularExpression(
            '/^18th November 2016 (9|4):32:24am\n.*\nas PHP$/',
            self::shown([], [], $through, 'date_default_timezone_set("America/New_York");'),
        );
    }

    public function testTimesAreInPhpsDefaultTimeZone(): void
    {
        self::assertSame(self::UTC, self::shown());
        self::assertSame(self::UTC, self::shown(['date.timezone' => 'Nowhere/None']));
        self::assertStringEndsWith("\nas PHP", self::shown([], ['TZ' => 'America/New_York']));
        $berlin = ['date.timezone' => 'Europe/Berlin'];
        self::assertStringStartsWith('18th November 2016 10:32:24am', self::shown($berlin));
        $first = 'date_default_timezone_set("America/New_York");';
        $shown = self::shown($berlin, [], [], $first);
        self::assertSame("18th November 2016 4:32:24am\n18th November 2016 4:32:24am\nas PHP", $shown);
    }
}
