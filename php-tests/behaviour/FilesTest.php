<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\Group;

require_once __DIR__ . '/CredentialTestCase.php';

/**
 * The files of a store in a file: which ones they are where links lead there, and what may stand in their place.
 *
 * @group file
 */
#[Group('file')]
final class FilesTest extends CredentialTestCase
{
    private string $scratch;

    protected function setUp(): void
    {
        parent::setUp();
        $this->scratch = scratch_folder();
    }

    private static function gate(): string
    {
        return self::folder() . '/store.sqlite-gate';
    }

    /** What creating says, in a process that has nothing open yet. */
    private static function createElsewhere(array $ini): string
    {
        return php('$r = ' . self::CREATE . '; print $r["message"] ?? $r["result"];', $ini);
    }

    public function testWhatStandsInTheGatesPlaceIsNeitherFollowedNorWrittenToNorWaitedFor(): void
    {
        self::authorizationCode();
        $other = "$this->scratch/other";
        $sentence = 'The file "' . self::gate() . '" is not a regular file with one name: '
            . 'find out who has put it there, then remove it.';
        foreach ([
            'a link to an empty file' => fn () => touch($other) && symlink($other, self::gate()),
            'a link to a longer one' => fn () => file_put_contents($other, str_repeat('v', 9000)) && symlink($other, self::gate()),
            'a link to none' => fn () => symlink("$this->scratch/none", self::gate()),
            'another name of a file' => fn () => touch($other) && link($other, self::gate()),
            'a pipe' => fn () => posix_mkfifo(self::gate(), 0600),
            'a folder' => fn () => mkdir(self::gate()),
        ] as $what => $put) {
            is_dir(self::gate()) ? rmdir(self::gate()) : unlink(self::gate());
            @unlink($other);
            $put();
            clearstatcache();
            $before = is_file($other) ? hash_file('sha256', $other) . fileperms($other) : '';
            self::assertSame($sentence, self::createElsewhere(self::place()), $what);
            clearstatcache();
            self::assertSame($before, is_file($other) ? hash_file('sha256', $other) . fileperms($other) : '', $what);
            self::assertFileDoesNotExist("$this->scratch/none");
        }
        rmdir(self::gate());
        self::assertSame('success', self::createElsewhere(self::place()));
    }

    public function testAGateThatIsCutWhileItIsInUseIsNoReasonToCrash(): void
    {
        for ($round = 1; $round <= 3; ++$round) {
            self::authorizationCode();
            file_put_contents(self::gate(), '');
        }
        self::assertCount(3, self::clients());
        self::authorizationCode();
        clearstatcache();
        self::assertSame(4096, filesize(self::gate()));
    }

    public function testAllFilesLieBesideTheStoreThatALinkLeadsTo(): void
    {
        mkdir("$this->scratch/shared");
        foreach (['first', 'second'] as $release) {
            mkdir("$this->scratch/$release");
            symlink('../shared/store.sqlite', "$this->scratch/$release/store.sqlite");
        }
        $ini = fn (string $folder) => ['localapi.dsn' => "sqlite:$this->scratch/$folder/store.sqlite"];
        self::assertSame('success', self::createElsewhere($ini('first')), 'there is no file yet where the link leads');
        self::assertSame('success', self::createElsewhere($ini('second')));
        self::assertSame('success', self::createElsewhere($ini('shared')));
        self::assertSame(['.', '..', 'store.sqlite'], scandir("$this->scratch/first"));
        self::assertTrue(is_link("$this->scratch/first/store.sqlite"));
        self::assertSame(0, array_sum(array_map(is_link(...), glob("$this->scratch/shared/*"))));
        self::assertFileExists("$this->scratch/shared/store.sqlite.key");
        $count = 'count(localAPI("ListOAuthCredentials")["clients"])';
        self::assertSame(3, self::elsewhere($count, $ini('second')));
    }

    public function testALinkThatLeadsElsewhereByNowIsNoticed(): void
    {
        foreach (['a', 'b'] as $store) {
            self::assertSame('success', self::createElsewhere(['localapi.dsn' => "sqlite:$this->scratch/$store"]));
        }
        self::assertSame('success', self::createElsewhere(['localapi.dsn' => "sqlite:$this->scratch/b"]));
        symlink('a', "$this->scratch/link");
        $count = 'count(localAPI("ListOAuthCredentials")["clients"])';
        $code = "print $count; unlink('$this->scratch/link'); symlink('b', '$this->scratch/link'); print $count;";
        self::assertSame('12', php($code, ['localapi.dsn' => "sqlite:$this->scratch/link"]));
    }

    public function testALinkInACircleIsAClearAnswer(): void
    {
        symlink('link', "$this->scratch/link");
        self::assertSame(
            "The link \"$this->scratch/link\" is not followed: it leads to itself, or another user has put it there.",
            self::createElsewhere(['localapi.dsn' => "sqlite:$this->scratch/link"]),
        );
    }

    public function testNothingIsLeftOfAProcessThatWasKilledAtItsKeyFile(): void
    {
        self::authorizationCode();
        $left = self::keyFile() . '.0123456789abcdef.draft';
        file_put_contents($left, 'half of a key');
        self::assertIsArray(self::elsewhere(self::CREATE));
        self::assertFileDoesNotExist($left);
    }
}
