<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\Group;
use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/../process.php';
require_once __DIR__ . '/Message.php';

/**
 * Where the store is, who may read it, and which files are left alone.
 *
 * @group file
 */
#[Group('file')]
final class PlaceTest extends TestCase
{
    private const CREATE = '
        $postData = ["grantType" => "authorization_code", "name" => "n", "scope" => "openid"];
        $answer = localAPI("CreateOAuthCredential", $postData);
        echo $answer["message"] ?? $answer["result"];';

    private string $folder;

    protected function setUp(): void
    {
        $this->folder = scratch_folder();
    }

    /** @dataProvider defaults */
    #[DataProvider('defaults')]
    public function test_on_the_command_line_the_environment_says_where(array $environment, string $expected): void
    {
        $environment = str_replace('<folder>', $this->folder, array_filter($environment)) + $environment;
        $this->assertSame('success', php(self::CREATE, [], $environment));
        $this->assertFileExists("$this->folder/$expected");
        $this->assertFileExists("$this->folder/$expected.key");
    }

    public static function defaults(): array
    {
        return [
            'HOME' => [['HOME' => '<folder>', 'XDG_DATA_HOME' => null], '.local/share/localapi/store.sqlite'],
            'XDG_DATA_HOME' => [['HOME' => '/none', 'XDG_DATA_HOME' => '<folder>/xdg'], 'xdg/localapi/store.sqlite'],
            'no HOME' => [['HOME' => null, 'XDG_DATA_HOME' => '<folder>'], 'localapi/store.sqlite'],
            'relative' => [['HOME' => '<folder>', 'XDG_DATA_HOME' => 'data'], '.local/share/localapi/store.sqlite'],
            'empty' => [['HOME' => '<folder>', 'XDG_DATA_HOME' => ''], '.local/share/localapi/store.sqlite'],
        ];
    }

    /** @dataProvider homeless */
    #[DataProvider('homeless')]
    public function test_without_a_home_there_is_no_default(?string $home): void
    {
        $said = php(self::CREATE, [], ['HOME' => $home, 'XDG_DATA_HOME' => null]);
        $message = 'The credential store has no place: set localapi.dsn in php.ini, or HOME in the environment.';
        $this->assertSame($message, $said);
    }

    public static function homeless(): array
    {
        return [[null], [''], ['relative/home']];
    }

    public function test_a_folder_and_files_that_we_make_are_for_this_user_only(): void
    {
        $look = 'umask(0);' . self::CREATE . '
            foreach (["", "store.sqlite", "store.sqlite-wal", "store.sqlite-shm", "store.sqlite.key"] as $name) {
                printf(" %o", fileperms(getenv("XDG_DATA_HOME") . "/localapi/$name") & 07777);
            }';
        $said = php($look, [], ['XDG_DATA_HOME' => "$this->folder/data"]);
        $this->assertSame('success 700 600 600 600 600', $said);
        $this->assertSame(0700, fileperms("$this->folder/data") & 07777);
    }

    public function test_in_a_group_writable_folder_the_files_are_the_groups_too(): void
    {
        // Root may give the folder any group; others have the choice of their own.
        $groups = posix_geteuid() === 0 ? [posix_getgrnam('daemon')['gid']] : posix_getgroups();
        $group = end($groups);
        chgrp($this->folder, $group);
        chmod($this->folder, 0770);
        $look = 'umask(077);' . self::CREATE . '
            foreach (["store.sqlite", "store.sqlite-wal", "store.sqlite-shm", "store.sqlite.key"] as $name) {
                $path = "' . $this->folder . '/$name";
                printf(" %o:%d", fileperms($path) & 07777, filegroup($path));
            }';
        $said = php($look, ['localapi.dsn' => "sqlite:$this->folder/store.sqlite"]);
        $this->assertSame("success 660:$group 660:$group 660:$group 660:$group", $said);
    }

    public function test_the_key_file_is_where_its_entry_says(): void
    {
        mkdir("$this->folder/keys");
        $ini = [
            'localapi.dsn' => "sqlite:$this->folder/store.sqlite",
            'localapi.key_file' => "$this->folder/keys/vault",
        ];
        $this->assertSame('success', php(self::CREATE, $ini));
        $this->assertFileExists("$this->folder/keys/vault");
        $this->assertFileDoesNotExist("$this->folder/store.sqlite.key");
    }

    public function test_a_store_in_memory_leaves_no_file(): void
    {
        $environment = ['HOME' => $this->folder, 'XDG_DATA_HOME' => $this->folder];
        $this->assertSame('success', php(self::CREATE, ['localapi.dsn' => 'sqlite::memory:'], $environment));
        $this->assertSame([], array_diff(scandir($this->folder), ['.', '..']));
    }

    public function test_a_path_with_any_character_is_that_file(): void
    {
        foreach (['a b', 'ü', '100%', '50%25', 'a?mode=ro', 'a#b', "quo'te", 'file:x'] as $name) {
            $path = "$this->folder/$name.sqlite";
            // PHP's reader of options ends a value at its quote, so this one comes from a file.
            file_put_contents("$this->folder/dsn.ini", 'localapi.dsn="sqlite:' . $path . '"');
            $environment = ['PHP_INI_SCAN_DIR' => $this->folder];
            $this->assertSame('success', php(self::CREATE, [], $environment), $name);
            $this->assertSame('success', php(self::CREATE, [], $environment), $name);
            $this->assertStringStartsWith('SQLite format 3', file_get_contents($path));
        }
    }

    public function test_an_empty_file_becomes_a_store(): void
    {
        touch("$this->folder/store.sqlite");
        $this->assertSame('success', php(self::CREATE, ['localapi.dsn' => "sqlite:$this->folder/store.sqlite"]));
    }

    /** @dataProvider foreign */
    #[DataProvider('foreign')]
    public function test_a_file_that_is_not_ours_is_refused_and_left_untouched(Closure $make, string $message): void
    {
        $path = "$this->folder/store.sqlite";
        $make($path);
        $before = $this->contents();
        $ini = ['localapi.dsn' => "sqlite:$path"];
        $message = str_replace('<path>', $path, $message);
        $this->assertSame("$message|$message", php(self::CREATE . 'echo "|"; ' . self::CREATE, $ini));
        $register = '
            try {
                LocalApi\register_admin("eve");
            } catch (LocalApi\StoreException $fault) {
                echo $fault->getMessage();
            }';
        $this->assertSame($message, php($register, $ini));
        $this->assertSame($before, $this->contents());
    }

    public static function foreign(): array
    {
        $sql = fn (string $sql) => function (string $path) use ($sql): void {
            (new PDO("sqlite:$path"))->exec($sql);
        };
        $foreign = 'The file "<path>" is not a credential store; it was left untouched.';
        return [
            'text' => [fn (string $path) => file_put_contents($path, str_repeat("not a database\n", 100)), $foreign],
            // SQLite takes a file of one byte for an empty one.
            'two bytes' => [fn (string $path) => file_put_contents($path, "x\n"), $foreign],
            'another database' => [$sql('CREATE TABLE users (id INTEGER PRIMARY KEY)'), $foreign],
            'with a write-ahead log' => [$sql('PRAGMA journal_mode = WAL; CREATE TABLE users (id INTEGER)'), $foreign],
            'another application' => [$sql('PRAGMA application_id = 7; CREATE TABLE users (id INTEGER)'), $foreign],
            'a version but no tables' => [$sql('PRAGMA user_version = 3'), $foreign],
            'a newer store' => [
                function (string $path): void {
                    php(self::CREATE, ['localapi.dsn' => "sqlite:$path"]);
                    (new PDO("sqlite:$path"))->exec('PRAGMA user_version = 9999');
                },
                'The credential store "<path>" has schema version 9999, and this localapi knows up to '
                    . self::newestVersion() . '; it was left untouched.',
            ],
        ];
    }

    /** The schema version that a new store has. */
    private static function newestVersion(): int
    {
        $path = scratch_folder() . '/store.sqlite';
        php(self::CREATE, ['localapi.dsn' => "sqlite:$path"]);
        return (int) (new PDO("sqlite:$path"))->query('PRAGMA user_version')->fetchColumn();
    }

    private function contents(): array
    {
        $files = array_filter(glob("$this->folder/*"), is_file(...));
        return array_combine($files, array_map(sha1_file(...), $files));
    }
}
