<?php

declare(strict_types=1);

namespace LocalApi\Endurance;

use PHPUnit\Framework\Attributes\DataProvider;

require_once __DIR__ . '/Processes.php';

/**
 * php-fpm's user and another one, a cron job's, on one store.
 */
final class SharedFolderTest extends Processes
{
    private const GROUP = 54322;

    /** @return array<string, array{int, int}> the folder's mode, the umask of both */
    public static function folders(): array
    {
        return [
            'a folder that hands its group down' => [02770, 022],
            'a folder that does not' => [0770, 022],
            'a umask that takes the group away' => [0770, 077],
        ];
    }

    /** @dataProvider folders */
    #[DataProvider('folders')]
    public function testTwoUsersShareAStoreThroughAGroupWritableFolder(int $mode, int $umask): void
    {
        chown($this->folder, 0);
        chgrp($this->folder, self::GROUP);
        chmod($this->folder, $mode);
        umask($umask);
        $answers = [];
        // In turn each finds what the other has left, and each makes the files anew that the last to close takes away.
        foreach ([self::NOBODY, self::NAMELESS, self::NOBODY, self::NAMELESS] as $user) {
            array_push($answers, ...$this->issueAs([$user], 2));
            $this->assertShared();
        }
        // At the same time, and opened and closed often.
        for ($round = self::amount(5, 50); $round > 0; $round--) {
            $users = [self::NOBODY, self::NAMELESS, self::NAMELESS, self::NOBODY];
            array_push($answers, ...$this->issueAs($users, 3));
        }
        // The files of a process that was killed stay behind.
        foreach ([[self::NOBODY, self::NAMELESS], [self::NAMELESS, self::NOBODY]] as [$killed, $next]) {
            $writer = $this->start('create', [0], [], $killed, [self::GROUP]);
            $writer->line();
            $writer->kill();
            self::assertFileExists("$this->store-wal");
            $this->assertShared();
            array_push($answers, ...$this->issueAs([$next], 2));
        }
        umask(022);
        $this->assertKept($answers);
    }

    public function testTheFirstUsersMakeTheStoreTogether(): void
    {
        for ($round = self::amount(5, 50); $round > 0; $round--) {
            chgrp($this->folder, self::GROUP);
            chmod($this->folder, 0770);
            $answers = $this->issueAs([self::NOBODY, self::NAMELESS, self::NOBODY, self::NAMELESS], 3);
            $this->assertShared();
            $this->assertKept($answers, 12);
            array_map('unlink', glob("$this->folder/*"));
        }
    }

    public function testAUserOutsideTheGroupGetsNothing(): void
    {
        chgrp($this->folder, self::GROUP);
        chmod($this->folder, 02775);
        $answers = $this->issueAs([self::NOBODY], 2);
        $this->assertShared();
        $sentence = "The credential store cannot be opened: this user needs to read and write \"$this->store\" and its "
            . 'folder.';
        $stranger = $this->start('ask', [], [], self::NAMELESS);
        self::assertSame(['result' => 'error', 'message' => $sentence], $stranger->ask());
        $this->assertKept($answers, 2);
    }

    /**
     * @param list<int> $users
     * @return list<array<string, mixed>>
     */
    private function issueAs(array $users, int $count): array
    {
        $patient = ['localapi.busy_timeout' => 60_000];
        $start = fn (int $user): Child => $this->start('create', [$count], $patient, $user, [self::GROUP]);
        return Child::answersOf(array_map($start, $users));
    }

    private function assertShared(): void
    {
        clearstatcache();
        foreach (glob("$this->store*") as $file) {
            self::assertSame([0660, self::GROUP], [fileperms($file) & 07777, filegroup($file)], $file);
        }
    }
}
