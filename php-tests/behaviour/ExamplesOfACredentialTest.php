<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\Group;
use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/../process.php';

/**
 * The samples of the documentation pages run as they are, each in a place without a store.
 *
 * @group file
 */
#[Group('file')]
final class ExamplesOfACredentialTest extends TestCase
{
    /** @dataProvider samples */
    #[DataProvider('samples')]
    public function test_a_sample_prints_a_success(string $sample, array $keys, array $shown): void
    {
        $file = dirname(__DIR__, 2) . "/examples/$sample.php";
        $output = run([PHP_BINARY, ...ini_options([]), $file], ['XDG_DATA_HOME' => scratch_folder()]);
        self::assertStringStartsWith("Array\n(\n    [result] => success\n", $output);
        preg_match_all('/^    \[(\w+)\] => /m', $output, $found);
        self::assertSame(['result', ...$keys], $found[1]);
        foreach ($shown as $line) {
            self::assertMatchesRegularExpression($line, $output);
        }
    }

    public static function samples(): iterable
    {
        yield ['list-credentials', ['clients'], ['/\[name\] => Mobile App$/m', '/\[scope\] => openid profile$/m']];
        yield ['update-credential', ['credentialId', 'newClientSecret'], ['/\[credentialId\] => 1$/m']];
        yield ['delete-credential', ['credentialId'], ['/\[credentialId\] => 1$/m']];
    }
}
