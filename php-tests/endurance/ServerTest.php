<?php

declare(strict_types=1);

namespace LocalApi\Endurance;

use PDO;

require_once __DIR__ . '/Processes.php';

/**
 * The store at a MariaDB of its own: many processes, a fork, and what can happen to a server.
 */
final class ServerTest extends Processes
{
    private static string $server;

    /** The database of this test. */
    private string $database;

    /** @var list<string> the folders of other servers that a test has started */
    private array $others = [];

    public static function setUpBeforeClass(): void
    {
        self::$server = sys_get_temp_dir() . '/localapi-' . bin2hex(random_bytes(6));
        // What it has answered survives its crash.
        self::mariadb('start', self::$server, '--innodb-flush-log-at-trx-commit=1');
    }

    public static function tearDownAfterClass(): void
    {
        self::mariadb('stop', self::$server);
        system('rm -rf ' . escapeshellarg(self::$server));
    }

    protected function setUp(): void
    {
        parent::setUp();
        $this->database = 'e' . bin2hex(random_bytes(6));
        self::admin()->exec("CREATE DATABASE $this->database");
    }

    protected function tearDown(): void
    {
        foreach ($this->others as $folder) {
            self::mariadb('stop', $folder);
        }
        parent::tearDown();
    }

    public function testManyProcessesThatStartTogetherLoseAndDoubleNothing(): void
    {
        foreach ([16 => self::amount(10, 500), 64 => self::amount(2, 100)] as $processes => $count) {
            $writers = [];
            for ($i = 0; $i < $processes; $i++) {
                $writers[] = $this->begin('create', [$count]);
            }
            $answers = array_merge($answers ?? [], Child::answersOf($writers));
        }
        $this->assertKept($answers, count($answers));
        self::assertCount(16 * self::amount(10, 500) + 64 * self::amount(2, 100), $answers);
    }

    public function testNoIdIsGivenAgainAfterARestart(): void
    {
        $this->begin('create', [2])->answers();
        $tables = ['tbloauthserver_scopes' => 'scope', 'tbladmins' => 'username', 'tbldeviceauth' => 'identifier',
            'tblapi_roles' => 'role', 'tblclients' => 'email', 'tblhosting' => 'domain', 'tbloauthserver_clients' => 'identifier'];
        foreach (['TERM', 'KILL'] as $signal) {
            foreach ($tables as $table => $column) {
                $given[$table] = $this->insert($table, $column, "before $signal");
                $this->connect()->exec("DELETE FROM $table WHERE id = $given[$table]");
            }
            self::mariadb('restart', self::$server, $signal);
            foreach ($tables as $table => $column) {
                self::assertGreaterThan($given[$table], $this->insert($table, $column, "after $signal"), "$table, $signal");
            }
        }
    }

    private function insert(string $table, string $column, string $value): int
    {
        $pdo = $this->connect();
        $pdo->exec("INSERT INTO $table ($column) VALUES ('$value')");
        return (int) $pdo->lastInsertId();
    }

    public function testAProcessWithoutAFreeDescriptorIsToldSo(): void
    {
        $kept = $this->begin('create', [1])->answers();
        $named = ['localapi.dsn' => str_replace('127.0.0.1', 'localhost', $this->dsn())];
        foreach ([[], $named] as $ini) {
            $place = str_replace('127.0.0.1', $ini === [] ? '127.0.0.1' : 'localhost', $this->shown());
            $sentences = [
                "The credential store at $place cannot be opened: no file descriptor is free; raise the limit of open files (ulimit -n).",
                "The key file \"$this->store.key\" cannot be read: no file descriptor is free.",
            ];
            $told = 0;
            for ($free = 0; $free < 4; $free++) {
                $worker = $this->begin('ask-short-of-descriptors', [$free], $ini);
                $answer = $worker->ask();
                if ($answer['result'] === 'error') {
                    $told++;
                    self::assertContains($answer['message'], $sentences, "with $free free");
                } else {
                    $kept[] = $answer;
                }
                $kept[] = $worker->ask();
            }
            self::assertGreaterThan(0, $told);
            self::assertLessThan(4, $told, 'with enough of them it works');
        }
        $this->assertKept($kept, count($kept));
    }

    public function testManyProcessesThatResetOneSecretLeaveOneThatWasTold(): void
    {
        [$issued] = $this->begin('create', [1])->answers();
        $count = self::amount(5, 100);
        for ($i = 0; $i < 16; $i++) {
            $resetting[] = $this->begin('reset', [$issued['credentialId'], $count]);
        }
        $answers = Child::answersOf($resetting);
        self::assertCount(16 * $count, array_unique(array_column($answers, 'newClientSecret')), json_encode($answers));
        $sealed = $this->connect()->query('SELECT secret FROM tbloauthserver_clients')->fetchColumn();
        $left = base64_encode($this->open($sealed, $issued['clientIdentifier']));
        self::assertContains($left, array_column($answers, 'newClientSecret'));
        $lines = "SELECT count(*) FROM tblactivitylog WHERE description LIKE '% secret reset'";
        self::assertSame(16 * $count, (int) $this->connect()->query($lines)->fetchColumn());
    }

    public function testProcessesAtWorkSeeNothingOfARotationThatIsKilledAndFinished(): void
    {
        $this->begin('many', ['create', self::amount(1_500, 20_000)])->output();
        $workers = [$this->begin('work'), $this->begin('work')];
        foreach ($workers as $worker) {
            self::assertSame('{"begun":true}', $worker->line());
        }
        $killed = $this->begin('rotate');
        $noted = "SELECT value FROM localapi_store WHERE name = 'rotation'";
        for ($looks = 0; ($key = $this->connect()->query($noted)->fetchColumn()) === false; $looks++) {
            self::assertLessThan(2_000, $looks);
        }
        $killed->answersUntilKilled();
        $others = "SELECT count(*) FROM tbloauthserver_clients WHERE secret NOT LIKE 'v1:$key:%'";
        self::assertGreaterThan(0, (int) $this->connect()->query($others)->fetchColumn(), 'it was killed halfway');
        $this->begin('rotate')->answers();
        foreach ($workers as $worker) {
            [$answer] = $worker->answers();
            self::assertSame(['rounds'], array_keys($answer), json_encode($answer));
        }
        self::assertSame(0, (int) $this->connect()->query($others)->fetchColumn());
        self::assertFalse($this->connect()->query($noted)->fetchColumn());
    }

    public function testAServerThatRestartsUnderLoadIsWaitedFor(): void
    {
        [$writers, $answers] = $this->keepWriting();
        for ($restart = self::amount(2, 10); $restart > 0; $restart--) {
            usleep(random_int(100_000, 500_000));
            self::mariadb('restart', self::$server, $restart % 2 ? 'KILL' : 'TERM');
        }
        usleep(300_000);
        $this->assertAllWritten($writers, $answers);
    }

    public function testConnectionsThatTheServerEndsUnderLoadCostNothing(): void
    {
        [$writers, $answers] = $this->keepWriting();
        $admin = self::admin();
        for ($round = self::amount(30, 500); $round > 0; $round--) {
            usleep(random_int(1_000, 30_000));
            $sessions = "SELECT id FROM information_schema.processlist WHERE db = '$this->database'";
            foreach ($admin->query($sessions)->fetchAll(PDO::FETCH_COLUMN) as $session) {
                try {
                    $admin->exec((random_int(0, 1) ? 'KILL ' : 'KILL QUERY ') . $session);
                } catch (\PDOException) {
                    // It has ended by itself.
                }
            }
        }
        $this->assertAllWritten($writers, $answers);
    }

    public function testChildrenNeitherUseNorCloseTheConnectionOfTheirParent(): void
    {
        $count = self::amount(10, 200);
        foreach ([1, 0] as $stays) {
            $before = self::counter('Connections');
            $answers = $this->begin('fork', [8, $count, $stays])->answers();
            // The parent's, one of each child, and the one that asks.
            self::assertSame(10, self::counter('Connections') - $before);
            $all = array_merge($all ?? [], $answers);
        }
        self::assertCount(2 + 17 * $count, $all);
        $this->assertKept($all, count($all));
    }

    public function testAWorkerKeepsItsConnectionFromRequestToRequest(): void
    {
        $fpm = $this->startFpm(2, $this->place() + ['opcache.preload' => "$this->scratch/php/preload.php"]);
        $before = self::counter('Connections');
        for ($i = 0; $i < 20; $i++) {
            $bodies[] = $fpm->get("$this->scratch/php/create.php", ['count' => 1]);
        }
        self::assertLessThanOrEqual(3, self::counter('Connections') - $before);
        $answers = array_map(static fn (string $body): array => json_decode($body, true), $bodies);
        $this->assertKept($answers, 21);
    }

    public function testAServerThatIsReadOnlyAnswersWhatOnlyReads(): void
    {
        self::admin()->exec("CREATE USER plain IDENTIFIED BY 'plain'; GRANT ALL ON $this->database.* TO plain");
        try {
            $worker = $this->begin('ask', [], ['localapi.dsn' => $this->dsn('plain:plain')]);
            $kept = [$worker->ask()];
            self::admin()->exec('SET GLOBAL read_only = 1');
            $sentence = "The credential store at {$this->shown()} is read-only: the server takes no changes.";
            self::assertSame(['result' => 'error', 'message' => $sentence], $worker->ask());
            $list = $this->begin('list', [], ['localapi.dsn' => $this->dsn('plain:plain')]);
            self::assertSame(1, json_decode($list->line(), true)['count']);
            $list->kill();
            self::admin()->exec('SET GLOBAL read_only = 0');
            $kept[] = $worker->ask();
            $this->assertKept($kept, 2);
        } finally {
            self::admin()->exec('SET GLOBAL read_only = 0; DROP USER plain');
        }
    }

    public function testAFullDiskOfTheServerIsAnswered(): void
    {
        $this->mountSmall(64 * 1024);
        chmod($this->folder, 0755);
        $other = "$this->folder/mariadb";
        mkdir($other);
        $keys = "$this->scratch/keys";
        $this->makeFolder($keys, self::NOBODY, 0700);
        $small = ['--innodb-log-file-size=4M', '--innodb-autoextend-increment=1',
            '--innodb-temp-data-file-path=ibtmp1:3M:autoextend', '--innodb-log-buffer-size=2M', '--skip-log-bin'];
        $this->others[] = $other;
        self::mariadb('start', $other, ...$small);
        self::admin($other)->exec("CREATE DATABASE $this->database");
        $dsn = self::mariadb('dsn', $other) . $this->database;
        $place = ['localapi.dsn' => $dsn, 'localapi.key_file' => "$keys/keys"];
        $worker = $this->begin('ask', [], $place + ['localapi.busy_timeout' => 2_000]);
        $kept = [$worker->ask()];
        self::assertSame('success', $kept[0]['result'], json_encode($kept));
        $free = disk_free_space($this->folder);
        file_put_contents("$this->folder/ballast", str_repeat("\0", (int) $free - 4096));
        @file_put_contents("$this->folder/rest", str_repeat("\0", 4096));
        for ($full = null; $full === null && count($kept) < 20_000;) {
            $answer = $worker->ask(['description' => str_repeat('x', 255)]);
            $answer['result'] === 'success' ? $kept[] = $answer : $full = $answer;
        }
        $name = preg_replace('~^.*@~', '', $dsn);
        $sentence = "The credential store is full: free space on the disk of the server at $name.";
        self::assertSame(['result' => 'error', 'message' => $sentence], $full);
        unlink("$this->folder/ballast");
        $kept[] = $worker->ask();
        self::assertSame('success', end($kept)['result'], json_encode(end($kept)));
        $store = self::admin($other, $this->database);
        foreach (['tbloauthserver_clients', 'tblactivitylog'] as $table) {
            self::assertSame(count($kept), (int) $store->query("SELECT count(*) FROM $table")->fetchColumn());
        }
        $scopes = $store->query('SELECT count(*) FROM tbloauthserver_client_scopes')->fetchColumn();
        self::assertSame(2 * count($kept), (int) $scopes);
    }

    public function testAnEncryptedConnectionIsTrustedOnlyWhereItsCertificateIs(): void
    {
        $folder = "$this->scratch/tls";
        $this->makeFolder($folder, 0, 0755);
        $this->certify($folder, 'ca', 'right', 'DNS:localhost, IP:127.0.0.1', 30);
        $this->certify($folder, 'ca', 'elsewhere', 'DNS:db.example', 30);
        $this->certify($folder, 'other', 'foreign', 'DNS:localhost, IP:127.0.0.1', 30);
        $this->certify($folder, 'ca', 'expired', 'DNS:localhost, IP:127.0.0.1', -1);
        $other = "$this->scratch/mariadb";
        $this->others[] = $other;
        symlink('right.pem', "$folder/server.pem");
        symlink('right.key', "$folder/server.key");
        self::mariadb('start', $other, "--ssl-cert=$folder/server.pem", "--ssl-key=$folder/server.key",
            '--require-secure-transport');
        $sql = fn (string $sql) => system('mariadb --no-defaults --skip-ssl -uroot --socket='
            . trim(file_get_contents("$other/socket")) . ' -e ' . escapeshellarg($sql));
        $sql("CREATE DATABASE $this->database");
        $dsn = self::mariadb('dsn', $other) . $this->database;
        $name = preg_replace('~^.*@~', '', $dsn);
        $untrusted = "The credential store at $name cannot be trusted: ";
        foreach ([
            'right' => 'success',
            'elsewhere' => "{$untrusted}its certificate is for another name.",
            'foreign' => "{$untrusted}its certificate is not trusted.",
            'expired' => "{$untrusted}its certificate has expired.",
        ] as $certificate => $answer) {
            foreach (['pem', 'key'] as $end) {
                unlink("$folder/server.$end");
                symlink("$certificate.$end", "$folder/server.$end");
            }
            $sql('FLUSH SSL');
            $answers = [
                // MariaDB before 11 doesn't say why.
                '' => ["{$untrusted}the server requires TLS: set ssl_ca or ssl_verify.",
                    "The credential store at $name refused the login: check user, password and, where the server "
                    . 'requires TLS, ssl_ca or ssl_verify in localapi.dsn.'],
                'ssl_verify=0' => 'success',
                "ssl_ca=$folder/ca.pem" => $answer,
                "ssl_ca=$folder/ca.pem&ssl_verify=0" => 'success',
                "ssl_ca=$folder/ca.pem&ssl_verify=ca" => $certificate === 'elsewhere' ? 'success' : $answer,
            ];
            if ($certificate === 'right') {
                $answers['ssl_verify=1'] = "{$untrusted}its certificate is not trusted.";
                $answers["ssl_ca=$folder/right.ext"] = "{$untrusted}the file of ssl_ca holds no certificate.";
            }
            foreach ($answers as $options => $expected) {
                // Without quotes, an INI value ends at some of these characters.
                $ini = ['localapi.dsn' => "'$dsn?$options'", 'localapi.key_file' => "$this->folder/tls"];
                $worker = $this->begin('ask', [], $ini);
                $answered = $worker->ask();
                $worker->kill();
                $said = $answered['message'] ?? $answered['result'];
                self::assertContains($said, (array) $expected, "$certificate $options: $said");
            }
        }
    }

    public function testACopyThatIsKilledGoesOnWithTheNextCall(): void
    {
        $count = self::amount(1_200, 100_000);
        $this->start('many', ['create', $count], ['localapi.durability' => 'normal'])->output();
        $from = "sqlite:$this->store";
        $key = ['localapi.key_file' => "$this->folder/copied.key", 'localapi.durability' => 'normal'];
        $reached = 0;
        for ($batches = 1; $batches < 8; $batches += 3) {
            $killed = $this->start('copy', [$from, $this->dsn(), $batches], $key)->last();
            $lines = explode("\n", trim($killed));
            self::assertCount($batches, $lines, $killed);
            $reached = max($reached, json_decode(end($lines), true)['done']);
        }
        self::assertGreaterThan(0, $reached);
        $answers = $this->start('copy', [$from, $this->dsn()], $key)->answers();
        $report = array_pop($answers);
        self::assertSame($report['rows'] * 2 + $report['secrets'], end($answers)['done'], json_encode($report));
        self::assertSame([$count, 0, []], [$report['secrets'], $report['unreadable'], $report['leftOut']]);
        foreach (['tbloauthserver_clients', 'tbloauthserver_client_scopes', 'tblactivitylog'] as $table) {
            $all = "SELECT * FROM $table";
            $content = static fn (PDO $store): array => array_map('json_encode', $store->query($all)->fetchAll(PDO::FETCH_ASSOC));
            self::assertEquals($content(parent::connect()), $content($this->connect()), $table);
        }
    }

    /**
     * Processes that create credentials until they are told to end.
     *
     * @return array{list<Child>, list<array<string, mixed>>} with the first answer of each
     */
    private function keepWriting(): array
    {
        for ($i = 0; $i < 4; $i++) {
            $writers[] = $this->begin('keep');
        }
        return [$writers, array_map(static fn (Child $writer): array => json_decode($writer->line(), true), $writers)];
    }

    /** That each of their calls has succeeded, and nothing is there that was not answered. */
    private function assertAllWritten(array $writers, array $answers): void
    {
        array_map(static fn (Child $writer) => $writer->end(), $writers);
        array_push($answers, ...Child::answersOf($writers));
        self::assertGreaterThan(8, count($answers));
        $this->assertKept($answers, count($answers));
    }

    /** InnoDB looks after itself. */
    protected function assertSound(PDO $store): void
    {
    }

    /** Starts a child whose store is at the server. */
    private function begin(string $script, array $arguments = [], array $ini = []): Child
    {
        return $this->start($script, $arguments, $ini + $this->place() + ['localapi.busy_timeout' => 60_000]);
    }

    /** @return array<string, string> the INI entries that lead to the store */
    private function place(): array
    {
        return ['localapi.dsn' => $this->dsn(), 'localapi.key_file' => "$this->store.key"];
    }

    private function dsn(string $user = 'localapi:pass%3Aw%40rd'): string
    {
        return preg_replace('~//.*@~', "//$user@", self::mariadb('dsn', self::$server)) . $this->database;
    }

    /** How a message names it. */
    private function shown(): string
    {
        return preg_replace('~^.*@~', '', $this->dsn());
    }

    protected function connect(int $timeout = 60): PDO
    {
        return self::admin(self::$server, $this->database);
    }

    private static function admin(?string $folder = null, string $database = ''): PDO
    {
        $port = trim(file_get_contents(($folder ?? self::$server) . '/port'));
        return new PDO("mysql:host=127.0.0.1;port=$port;dbname=$database;charset=utf8mb4", 'localapi', 'pass:w@rd');
    }

    private static function counter(string $name): int
    {
        return (int) self::admin()->query("SHOW GLOBAL STATUS LIKE '$name'")->fetch(PDO::FETCH_NUM)[1];
    }

    /** Runs php-tests/mariadb. */
    private static function mariadb(string ...$arguments): string
    {
        $command = implode(' ', array_map('escapeshellarg', [dirname(__DIR__) . '/mariadb', ...$arguments]));
        exec("$command 2>&1", $lines, $status);
        self::assertSame(0, $status, implode("\n", $lines));
        return implode("\n", $lines);
    }

    /** Makes a server's certificate that is valid for so many days, and the authority's, unless it's there. */
    private function certify(string $folder, string $authority, string $name, string $for, int $days): void
    {
        $openssl = function (string $command): void {
            exec("openssl $command 2>&1", $lines, $status);
            self::assertSame(0, $status, implode("\n", $lines));
        };
        $key = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout';
        if (!file_exists("$folder/$authority.pem")) {
            $openssl("req -x509 $key $folder/$authority.key -out $folder/$authority.pem -days 30 -subj /CN=$authority");
        }
        $openssl("req -new $key $folder/$name.key -out $folder/$name.csr -subj /CN=$name");
        file_put_contents("$folder/$name.ext", "subjectAltName = $for\n");
        $since = gmdate('YmdHis\Z', time() - 40 * 86_400);
        $until = gmdate('YmdHis\Z', time() + $days * 86_400);
        touch("$folder/index.txt");
        $config = "[ca]\ndefault_ca = own\n[own]\ndatabase = $folder/index.txt\nnew_certs_dir = $folder\nrand_serial = yes\n"
            . "default_md = sha256\nunique_subject = no\npolicy = any\n[any]\ncommonName = supplied\n";
        file_put_contents("$folder/ca.conf", $config);
        $openssl("ca -batch -config $folder/ca.conf -cert $folder/$authority.pem -keyfile $folder/$authority.key "
            . "-startdate $since -enddate $until -extfile $folder/$name.ext -in $folder/$name.csr -out $folder/$name.pem -notext");
        chmod("$folder/$name.key", 0644);
    }
}
