<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\Group;

require_once __DIR__ . '/StoreTestCase.php';

/**
 * Where there is no store: what makes no sense with a new one makes none, so that a wrong place isn't taken for the
 * right one.
 *
 * @group file
 */
#[Group('file')]
final class MissingStoreTest extends StoreTestCase
{
    private const CALLS = [
        'LocalApi\rotate_key()',
        'LocalApi\rotate_key(stage: true)',
        'LocalApi\verify_credential("a", "b")',
        'LocalApi\find_credential("a")',
        'LocalApi\revoke_api_credential("a")',
    ];

    /** What a call throws in a process of its own. */
    private static function thrown(string $call, array $ini, array $environment = []): string
    {
        $code = "try { var_dump($call); } catch (LocalApi\StoreException \$fault) { print \$fault->getMessage(); }";
        return php($code, $ini, $environment);
    }

    private static function sentence(string $path): string
    {
        return "There is no credential store at \"$path\": look whether that is the place that was meant.";
    }

    public function testNothingIsMadeWhereTheStoreIsMissing(): void
    {
        $folder = scratch_folder();
        touch("$folder/empty");
        foreach (self::CALLS as $call) {
            foreach (["$folder/store", "$folder/empty"] as $path) {
                self::assertSame(self::sentence($path), self::thrown($call, ['localapi.dsn' => "sqlite:$path"]), $call);
            }
            // As on a command line without the pool's INI entries.
            $home = ['HOME' => $folder, 'XDG_DATA_HOME' => null];
            $path = "$folder/.local/share/localapi/store.sqlite";
            self::assertSame(self::sentence($path), self::thrown($call, [], $home), $call);
            self::assertSame(['.', '..', 'empty'], scandir($folder));
            self::assertSame('', file_get_contents("$folder/empty"));
        }
    }

    public function testNothingIsCopiedFromAStoreThatIsMissing(): void
    {
        $folder = scratch_folder();
        $thrown = self::thrown("LocalApi\copy_store('sqlite:$folder/from', 'sqlite:$folder/to')", []);
        self::assertSame(self::sentence("$folder/from"), $thrown);
        self::assertSame(['.', '..'], scandir($folder));
    }

    public function testOnceAStoreIsThereAllOfThemWork(): void
    {
        LocalApi\register_admin('eve');
        self::assertSame(0, LocalApi\rotate_key());
        self::assertNull(LocalApi\verify_credential('a', 'b'));
        self::assertNull(LocalApi\find_credential('a'));
        self::assertFalse(LocalApi\revoke_api_credential('a'));
    }

    public function testAStoreInMemoryIsAlwaysThere(): void
    {
        $code = 'print json_encode([LocalApi\rotate_key(), LocalApi\verify_credential("a", "b"),
            LocalApi\find_credential("a"), LocalApi\revoke_api_credential("a")]);';
        self::assertSame('[0,null,null,false]', php($code, ['localapi.dsn' => 'sqlite::memory:']));
    }
}
