<?php

declare(strict_types=1);

namespace LocalApi\Endurance;

require_once __DIR__ . '/Processes.php';

/**
 * What can be wrong with the place of a store: the answer says what, nothing goes elsewhere or gets lost, and the same
 * process goes on once the cause is gone.
 */
final class FaultsTest extends Processes
{
    /** @var list<array<string, mixed>> */
    private array $kept = [];

    public function testAFullDiskIsAnswered(): void
    {
        $this->mountSmall(1024);
        $worker = $this->start('ask');
        $sentence = "The credential store is full: free space on the disk of \"$this->store\".";
        $refuses = function (Child $worker) use ($sentence): bool {
            $answer = $worker->ask();
            if ($answer['result'] === 'success') {
                $this->kept[] = $answer;
                return false;
            }
            self::assertSame(['result' => 'error', 'message' => $sentence], $answer);
            return true;
        };
        // One credential may need a page more than the next, whose random identifier has its place elsewhere in the index.
        for ($refused = 0; $refused < 20; $refused = $refuses($worker) ? $refused + 1 : 0) {
            self::assertLessThan(5_000, count($this->kept));
        }
        // What is there is for the data: the log has no more than it needs.
        self::assertGreaterThan(700, count($this->kept));
        for ($other = $this->start('ask'); !$refuses($other);) {
            self::assertLessThan(5_000, count($this->kept));
        }
        $this->remount('size=8m');
        $this->assertGoesOn($worker);
    }

    public function testOnASmallDiskTheLogLeavesTheRoomToTheData(): void
    {
        $this->mountSmall(14 * 1024);
        $half = disk_free_space($this->folder) / 2;
        $worker = $this->start('create', [5_000]);
        $this->kept = $worker->answers();
        clearstatcache();
        self::assertLessThan($half, filesize("$this->store-wal"));
        $this->assertKept($this->kept, 5_000);
    }

    public function testALogThatHasGrownIsCopiedAndCutBeforeTheDiskIsFull(): void
    {
        $this->mountSmall(90 * 1024);
        $worker = $this->start('ask');
        $this->kept[] = $worker->ask();
        $reader = $this->start('read-for-long', [$this->store]);
        self::assertSame(1, (int) $reader->line(), 'as long as somebody reads the log grows');
        array_push($this->kept, ...$this->start('create', [1_600])->answers());
        $reader->end();
        $reader->output();
        clearstatcache();
        self::assertGreaterThan(15 << 20, filesize("$this->store-wal"));
        // Somebody else takes nearly all that is left.
        $left = (int) disk_free_space($this->folder) - (1 << 20);
        file_put_contents("$this->folder/ballast", str_repeat('x', $left));
        for ($i = 0; $i < 1_200; $i++) {
            $this->kept[] = $worker->ask();
        }
        clearstatcache();
        self::assertLessThan(5 << 20, filesize("$this->store-wal"));
        $this->assertKept($this->kept, 2_801);
    }

    public function testAProcessWithoutAFreeDescriptorIsToldSo(): void
    {
        $this->fill();
        $sentence = "The credential store \"$this->store\" cannot be opened: no file descriptor is free; "
            . 'raise the limit of open files (ulimit -n).';
        $told = 0;
        // Each of the files that a store needs is the one that can't be opened once.
        for ($free = 0; $free < 9; $free++) {
            $worker = $this->start('ask-short-of-descriptors', [$free]);
            $answer = $worker->ask();
            if ($answer['result'] === 'error') {
                $told++;
                $key = "The key file \"$this->store.key\" cannot be read: no file descriptor is free.";
                self::assertContains($answer['message'], [$sentence, $key], "with $free free");
            } else {
                $this->kept[] = $answer;
            }
            // It has closed them by then.
            $this->assertGoesOn($worker);
        }
        self::assertGreaterThanOrEqual(5, $told);
        self::assertLessThan(9, $told, 'with enough of them it works');
    }

    public function testADiskThatIsFullBeforeTheStoreIsMadeIsAnswered(): void
    {
        $this->mountSmall(64);
        $ballast = "$this->folder/ballast";
        @file_put_contents($ballast, str_repeat('x', 128 * 1024));
        $worker = $this->start('ask');
        self::assertRefused($worker, "The credential store is full: free space on the disk of \"$this->store\".");
        unlink($ballast);
        $this->remount('size=8m');
        $this->assertGoesOn($worker);
    }

    public function testADiskThatIsFullWhenTheKeyFileIsMadeIsAnswered(): void
    {
        $this->mountSmall(64);
        $elsewhere = "$this->scratch/elsewhere";
        $this->makeFolder($elsewhere, self::NOBODY, 0700);
        $keys = "$this->folder/keys";
        @file_put_contents("$this->folder/ballast", str_repeat('x', 128 * 1024));
        $worker = $this->start('ask', [], [
            'localapi.dsn' => "sqlite:$elsewhere/store.sqlite",
            'localapi.key_file' => $keys,
        ]);
        self::assertRefused($worker, "The key file \"$keys\" cannot be written: no space is left.");
        self::assertSame(['ballast'], array_values(array_diff(scandir($this->folder), ['.', '..'])));
        unlink("$this->folder/ballast");
        $this->kept[] = $worker->ask();
        rename($keys, "$elsewhere/store.sqlite.key");
        $this->store = "$elsewhere/store.sqlite";
        $this->assertKept($this->kept, 1);
    }

    public function testAFileThatIsReadOnlyIsAnswered(): void
    {
        $this->fill();
        chmod($this->store, 0444);
        $worker = $this->start('ask');
        $sentence = "The credential store is read-only: this user needs to write \"$this->store\" and its folder.";
        self::assertRefused($worker, $sentence);
        chmod($this->store, 0600);
        $this->assertGoesOn($worker);
    }

    public function testAFileThatCannotBeReadIsAnswered(): void
    {
        $this->fill();
        chmod($this->store, 0);
        $worker = $this->start('ask');
        self::assertRefused($worker, $this->unreachable());
        chmod($this->store, 0600);
        $this->assertGoesOn($worker);
    }

    public function testAFolderThatIsReadOnlyIsAnswered(): void
    {
        chmod($this->folder, 0500);
        $sentence = "The credential store is read-only: this user needs to write \"$this->store\" and its folder.";
        $worker = $this->start('ask');
        self::assertRefused($worker, $sentence);
        chmod($this->folder, 0700);
        $this->assertGoesOn($worker);
        $worker->output();
        // With a store in it, but no place for a write-ahead log.
        unlink("$this->store-wal");
        chmod($this->folder, 0500);
        $worker = $this->start('ask');
        self::assertRefused($worker, $sentence);
        chmod($this->folder, 0700);
        $this->assertGoesOn($worker);
    }

    public function testAFileSystemThatIsReadOnlyIsAnswered(): void
    {
        $this->mountSmall(8 * 1024);
        $sentence = "The credential store is read-only: this user needs to write \"$this->store\" and its folder.";
        $this->remount('ro');
        $worker = $this->start('ask');
        self::assertRefused($worker, $sentence);
        $this->remount('rw');
        $this->assertGoesOn($worker);
    }

    public function testAFolderThatIsNotThereIsAnswered(): void
    {
        rmdir($this->folder);
        $worker = $this->start('ask');
        $sentence = "The credential store cannot be opened: the folder \"$this->folder\" does not exist.";
        self::assertRefused($worker, $sentence);
        touch($this->folder);
        self::assertRefused($worker, $sentence);
        unlink($this->folder);
        $this->makeFolder($this->folder, self::NOBODY, 0700);
        $this->assertGoesOn($worker);
        // Gone again, while the worker has the store open.
        rename($this->folder, "$this->folder.away");
        self::assertRefused($worker, $sentence);
        rename("$this->folder.away", $this->folder);
        $this->assertGoesOn($worker);
    }

    public function testAPathThatIsAFolderIsAnswered(): void
    {
        $this->makeFolder($this->store, self::NOBODY, 0700);
        $worker = $this->start('ask');
        self::assertRefused($worker, "The credential store cannot be opened: \"$this->store\" is not a file.");
        rmdir($this->store);
        $this->assertGoesOn($worker);
    }

    public function testAFolderThatMayNotBeEnteredIsAnswered(): void
    {
        $this->fill();
        chmod($this->folder, 0);
        $worker = $this->start('ask');
        self::assertRefused($worker, $this->unreachable());
        chmod($this->folder, 0700);
        $this->assertGoesOn($worker);
    }

    public function testADamagedHeaderIsAnsweredAndTheFileLeftAsItIs(): void
    {
        $this->fill();
        $whole = file_get_contents($this->store);
        // SQLite's user_version.
        [, $version] = unpack('N', $whole, 60);
        $untouched = "The file \"$this->store\" is not a credential store; it was left untouched.";
        $damages = [
            [str_repeat("\0", 16) . substr($whole, 16), $untouched],
            [random_bytes(4096) . substr($whole, 4096), $untouched],
            ["not a database\n", $untouched],
            [substr($whole, 0, 60) . pack('N', 99) . substr($whole, 64), "The credential store \"$this->store\" has "
                . "schema version 99, and this localapi knows up to $version; it was left untouched."],
        ];
        foreach ($damages as [$damaged, $sentence]) {
            file_put_contents($this->store, $damaged);
            $worker = $this->start('ask');
            self::assertRefused($worker, $sentence);
            self::assertSame($damaged, file_get_contents($this->store));
            file_put_contents($this->store, $whole);
            $this->kept[] = $worker->ask();
            $this->assertKept($this->kept);
            $worker->output();
            $whole = file_get_contents($this->store);
        }
    }

    public function testADamagedPageIsAnswered(): void
    {
        $this->fill(300);
        $whole = file_get_contents($this->store);
        $pages = intdiv(strlen($whole), 4096);
        for ($page = 1; $page < $pages; $page++) {
            $damaged = substr_replace($whole, str_repeat("\xff", 4096), $page * 4096, 4096);
            file_put_contents($this->store, $damaged);
            $worker = $this->start('ask', [], ['localapi.busy_timeout' => 100]);
            $answer = $worker->ask();
            if ($answer['result'] === 'error') {
                $sentence = "The credential store is damaged: restore \"$this->store\" from a backup.";
                self::assertSame($sentence, $answer['message'], "page $page");
                $refused[] = $page;
                // The backup is put into the same file, without the log of the damaged one.
                file_put_contents($this->store, $whole);
                array_map('unlink', glob("$this->store-*"));
                self::assertSame('success', $worker->ask()['result'], "page $page");
            }
            $worker->kill();
            array_map('unlink', glob("$this->store-*"));
            file_put_contents($this->store, $whole);
        }
        self::assertGreaterThan(5, count($refused));
        $this->assertKept($this->kept, 300);
    }

    public function testALockThatOutlastsTheTimeoutIsAnswered(): void
    {
        $this->fill();
        $sentence = "The credential store is locked: another process has kept \"$this->store\" for more than 100 ms; "
            . 'try again, or raise localapi.busy_timeout.';
        $warm = $this->start('ask', [], ['localapi.busy_timeout' => 100]);
        $this->assertGoesOn($warm);
        $cold = $this->start('ask', [], ['localapi.busy_timeout' => 100]);
        $other = $this->connect();
        $other->exec('BEGIN IMMEDIATE');
        self::assertRefused($warm, $sentence);
        self::assertRefused($cold, $sentence);
        $other->exec('ROLLBACK');
        $this->assertGoesOn($warm);
        $this->assertGoesOn($cold);
        $warm->output();
        $cold->output();
        $cold = $this->start('ask', [], ['localapi.busy_timeout' => 100]);
        $other->exec('PRAGMA locking_mode = EXCLUSIVE');
        $other->exec('BEGIN EXCLUSIVE');
        self::assertRefused($cold, $sentence);
        $other->exec('ROLLBACK');
        $other = null;
        $this->assertGoesOn($cold);
    }

    public function testAKeyFileThatIsMissingIsNeverMadeAnew(): void
    {
        $sentence = "The key file \"$this->store.key\" is missing: put it back, the stored secrets cannot be read "
            . 'without it.';
        $this->checkKeyFile($sentence, static fn (string $file) => unlink($file));
    }

    public function testAKeyFileThatIsDamagedIsAnswered(): void
    {
        $sentence = "The key file \"$this->store.key\" is damaged: restore it from a backup.";
        $whole = static fn (string $file): array => json_decode(file_get_contents($file), true);
        $damages = [
            static fn (string $file) => file_put_contents($file, ''),
            static fn (string $file) => file_put_contents($file, substr(file_get_contents($file), 0, -10)),
            static fn (string $file) => file_put_contents($file, random_bytes(200)),
            static fn (string $file) => file_put_contents($file, json_encode(['format' => '2'] + $whole($file))),
            static fn (string $file) => file_put_contents($file, json_encode(['keys' => []] + $whole($file))),
            static fn (string $file) => file_put_contents($file, json_encode(['active' => '../x'] + $whole($file))),
        ];
        foreach ($damages as $damage) {
            $this->checkKeyFile($sentence, $damage);
        }
    }

    public function testAKeyFileOfAnotherStoreIsAnswered(): void
    {
        $this->fill();
        $id = json_decode(file_get_contents("$this->store.key"))->active;
        $sentence = "The key file \"$this->store.key\" lacks the key \"$id\" of this store: put a newer copy in its place, or the store's own file.";
        $this->checkKeyFile($sentence, static function (string $file): void {
            $other = '0123456789abcdef';
            $key = ['id' => $other, 'key' => base64_encode(random_bytes(32))];
            $content = ['format' => 'localapi keys 1', 'active' => $other, 'keys' => [$key]];
            file_put_contents($file, json_encode($content));
        });
    }

    public function testAKeyFileThatOthersCanReadIsAnswered(): void
    {
        $sentence = "The key file \"$this->store.key\" is open to other users: take their permissions away "
            . '(chmod o= on it).';
        foreach ([0604, 0602, 0601] as $mode) {
            $this->checkKeyFile($sentence, static fn (string $file) => chmod($file, $mode));
        }
    }

    public function testAKeyFileThatThisUserCannotReadIsAnswered(): void
    {
        $sentence = "The key file \"$this->store.key\" cannot be read: ";
        $this->checkKeyFile($sentence . 'permission denied.', static fn (string $file) => chmod($file, 0));
        $this->checkKeyFile($sentence . 'it is not a regular file with one name.', static function (string $file): void {
            unlink($file);
            mkdir($file, 0700);
            chown($file, self::NOBODY);
        });
    }

    public function testAMistypedDsnIsNeverReadAsAnotherStore(): void
    {
        $sentence = 'The credential store has no place: localapi.dsn must be ';
        $this->makeFolder("$this->scratch/home", self::NOBODY, 0700);
        foreach (['sqlit:', '', 'sqlite://', 'SQLITE:', 'file:', 'sqlite:.'] as $scheme) {
            $ini = ['localapi.dsn' => "$scheme$this->store/", 'display_startup_errors' => 0];
            $worker = $this->start('ask', [], $ini);
            $answer = $worker->ask();
            self::assertSame('error', $answer['result'], $scheme);
            self::assertStringStartsWith($sentence, $answer['message'], $scheme);
            self::assertSame($answer, $worker->ask());
            $worker->kill();
        }
        $files = [...glob("$this->folder/*"), ...glob("$this->scratch/home/{,.}[!.]*", GLOB_BRACE)];
        self::assertSame([], $files);
    }

    public function testAMistypedPlaceOfTheKeyFileIsNeverReadAsAnother(): void
    {
        $ini = ['localapi.key_file' => 'keys', 'display_startup_errors' => 0];
        $sentence = 'The key file has no place: localapi.key_file must be an absolute path.';
        self::assertRefused($this->start('ask', [], $ini), $sentence);
        self::assertSame([], glob("$this->folder/*"));
        $this->assertGoesOn($this->start('ask'));
    }

    public function testAStoreThatIsRemovedWhileItIsOpenIsMadeAnew(): void
    {
        foreach (['{,-wal,-shm}', ''] as $suffixes) {
            $workers = [$this->start('ask'), $this->start('ask'), $this->start('ask')];
            foreach ($workers as $worker) {
                $this->assertGoesOn($worker);
            }
            foreach (glob("$this->store$suffixes", GLOB_BRACE) as $file) {
                unlink($file);
            }
            $this->kept = [];
            // One after the other: the last still has the old file open when the first writes to the new one.
            foreach ($workers as $worker) {
                $this->assertGoesOn($worker);
            }
            foreach ($workers as $worker) {
                $worker->output();
            }
            $this->assertKept($this->kept, count($this->kept));
        }
    }

    public function testAStoreThatIsReplacedWhileItIsOpenTakesWhatComesNext(): void
    {
        $this->fill();
        $backup = "$this->folder/backup";
        copy($this->store, $backup);
        chown($backup, self::NOBODY);
        $saved = $this->kept;
        $workers = [$this->start('ask'), $this->start('ask'), $this->start('ask')];
        foreach ($workers as $worker) {
            $this->assertGoesOn($worker);
        }
        // As SQLite's documentation says, a backup is put in place without the log of what was there.
        array_map('unlink', glob("$this->store-*"));
        rename($backup, $this->store);
        $this->kept = $saved;
        foreach ($workers as $worker) {
            $this->assertGoesOn($worker);
        }
        foreach ($workers as $worker) {
            $worker->output();
        }
        $this->assertKept($this->kept, count($this->kept));
    }

    /** Issues credentials into a store of this user's. */
    private function fill(int $count = 3): void
    {
        array_push($this->kept, ...$this->start('create', [$count])->answers());
    }

    private static function assertRefused(Child $worker, string $sentence): void
    {
        self::assertSame(['result' => 'error', 'message' => $sentence], $worker->ask());
    }

    /** The same process issues again, into this store, which has all that was answered and nothing else. */
    private function assertGoesOn(Child $worker): void
    {
        $this->kept[] = $worker->ask();
        $this->assertKept($this->kept, count($this->kept));
    }

    private function unreachable(): string
    {
        return "The credential store cannot be opened: this user needs to read and write \"$this->store\" and its "
            . 'folder.';
    }

    /** Spoils the key file, for a process that has read it and one that hasn't, and puts it back. */
    private function checkKeyFile(string $sentence, callable $spoil): void
    {
        $file = "$this->store.key";
        [$warm, $cold] = [$this->start('ask'), $this->start('ask')];
        $this->assertGoesOn($warm);
        exec('cp -p ' . escapeshellarg($file) . " $this->scratch/keys");
        $spoil($file);
        self::assertRefused($warm, $sentence);
        self::assertRefused($cold, $sentence);
        exec('rm -rf ' . escapeshellarg($file) . "; cp -p $this->scratch/keys " . escapeshellarg($file));
        $this->assertGoesOn($warm);
        $this->assertGoesOn($cold);
        $warm->output();
        $cold->output();
    }
}
