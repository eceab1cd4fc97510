<?php

declare(strict_types=1);

namespace LocalApi\Endurance;

use PDO;

require_once __DIR__ . '/Processes.php';

/**
 * The store in a Galera cluster of three nodes: what was answered with success is stored, once and whole, and what was
 * answered with an error isn't.
 */
final class ClusterTest extends Processes
{
    private static string $cluster;

    /** The database of this test. */
    private string $database;

    public static function setUpBeforeClass(): void
    {
        self::$cluster = sys_get_temp_dir() . '/localapi-' . bin2hex(random_bytes(6));
        self::galera('start');
    }

    public static function tearDownAfterClass(): void
    {
        self::galera('stop');
        system('rm -rf ' . escapeshellarg(self::$cluster));
    }

    protected function setUp(): void
    {
        parent::setUp();
        $this->database = 'c' . bin2hex(random_bytes(6));
        self::galera('sql', '1', "CREATE DATABASE $this->database");
        // The first of these makes the tables and the key file.
        $this->startAt(1, 'create', [2])->answers();
    }

    public function testNoResetIsLostOrTornWhereNodesChangeTheSameCredentials(): void
    {
        $store = $this->connect();
        // What is stored, whatever becomes of it later.
        $store->exec('CREATE TABLE stored (id BIGINT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(80), resets INT)');
        $store->exec('CREATE TRIGGER stored AFTER UPDATE ON tbloauthserver_clients FOR EACH ROW
            INSERT INTO stored (name, resets) VALUES (NEW.name, NEW.secret <> OLD.secret)');
        $ids = implode(',', $store->query('SELECT id FROM tbloauthserver_clients')->fetchAll(PDO::FETCH_COLUMN));
        $this->awaitEverywhere('SELECT 1 FROM stored');
        $calls = $this->callsOf('reset', [1, 2, 3, 1, 2, 3], self::amount(8, 600), $ids);

        $done = array_filter($calls, self::succeeded(...));
        $names = array_map(static fn (array $call): string => $call['wish']['name'], $done);
        $stored = $store->query('SELECT name, sum(resets) FROM stored GROUP BY name')->fetchAll(PDO::FETCH_KEY_PAIR);
        self::assertEqualsCanonicalizing($names, array_keys($stored), 'each that is acknowledged is stored, and no other');
        self::assertSame([], array_filter($stored, static fn ($resets): bool => (int) $resets !== 1), 'each is whole');
        $lines = "SELECT count(*) FROM tblactivitylog WHERE description LIKE '%%%s'";
        foreach (['updated', 'secret reset'] as $what) {
            self::assertSame(count($done), (int) $store->query(sprintf($lines, $what))->fetchColumn(), $what);
        }
        $scopes = $store->query("SELECT c.name, group_concat(s.scope ORDER BY s.scope SEPARATOR ' ')
            FROM tbloauthserver_clients c JOIN tbloauthserver_client_scopes l ON l.client_id = c.id
            JOIN tbloauthserver_scopes s ON s.id = l.scope_id GROUP BY c.id")->fetchAll(PDO::FETCH_KEY_PAIR);
        $wished = array_column(array_column($done, 'wish'), 'scope', 'name');
        self::assertEquals(array_intersect_key($wished, $scopes), array_intersect_key($scopes, $wished));
        $this->assertFewContended($calls);
    }

    public function testNoCreateIsLostOrTornWhileAnotherNodeChangesTheKey(): void
    {
        $seconds = self::amount(8, 600);
        $rotation = $this->startAt(1, 'cluster', ['rotate', 0, $seconds]);
        $calls = $this->callsOf('create', [2, 3, 2, 3], $seconds);
        $rotations = array_filter($rotation->answers(), self::succeeded(...));
        self::assertNotSame([], $rotations);
        $this->assertStored($calls);
        $this->assertFewContended($calls);
        // The last rotation has sealed all that was there, also what was stored after it.
        $this->startAt(1, 'rotate')->output();
        $keys = "SELECT count(DISTINCT substring_index(secret, ':', 2)) FROM tbloauthserver_clients";
        self::assertSame(1, (int) $this->connect()->query($keys)->fetchColumn());
    }

    public function testANodeThatIsCutOffAnswersWhatIsStored(): void
    {
        $times = self::amount(1, 10);
        $workers = $this->begin('own', [3, 3, 3, 1, 2], $times * 26);
        for ($i = 0; $i < $times; $i++) {
            sleep(3);
            self::galera('sql', '3', "SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'");
            // How long it takes until the node notices depends on how busy it is.
            for ($j = 0; $j < 200 && self::nodesThatAreTogether() === 3; $j++) {
                usleep(100_000);
            }
            sleep(3);
            self::galera('sql', '3', "SET GLOBAL wsrep_provider_options = 'gmcast.isolate=0'");
            sleep(6);
        }
        $calls = Child::answersOf($workers);
        for ($i = 0; $i < 600 && self::nodesThatAreTogether() < 3; $i++) {
            usleep(100_000);
        }
        $this->assertStored($calls);
        $failed = array_filter($calls, static fn (array $call): bool => !self::succeeded($call));
        self::assertNotSame([], $failed, 'the node was cut off');
    }

    private static function nodesThatAreTogether(): int
    {
        return substr_count(self::galera('status'), '3 Primary Synced ON');
    }

    /** Less than one call in a hundred is given up for another's sake. */
    private function assertFewContended(array $calls): void
    {
        $failed = array_column(array_filter($calls, static fn (array $call): bool => !self::succeeded($call)), 'message');
        foreach ($failed as $message) {
            self::assertStringContainsString('is contended: nothing was stored', $message);
        }
        self::assertLessThan(count($calls) / 100, count($failed));
    }

    /**
     * Each credential is as the last call on it that has succeeded has left it, unless nobody knows what became of a later
     * one. Each process has credentials of its own, and each call gives another name.
     *
     * @param list<array<string, mixed>> $calls
     */
    private function assertStored(array $calls): void
    {
        $store = $this->connect();
        $there = $store->query("SELECT id, name, identifier FROM tbloauthserver_clients WHERE name LIKE 'call %'");
        $there = array_column($there->fetchAll(PDO::FETCH_ASSOC), null, 'id');
        [$may, $secrets, $refused] = [[], [], []];
        foreach ($calls as $call) {
            $id = $call['wish']['credentialId'] ?? $call['credentialId'] ?? null;
            $name = $call['command'] === 'DeleteOAuthCredential' ? null : $call['wish']['name'];
            if (self::succeeded($call)) {
                $may[$id] = [$name];
                $secrets[$id] = $call['newClientSecret'] ?? $call['clientSecret'] ?? null;
            } elseif (strpos($call['message'], 'look whether it has') === false) {
                $refused[] = $call['wish']['name'];
            } elseif ($id !== null) {
                $may[$id][] = $name;
            }
        }
        self::assertSame([], array_intersect(array_column($there, 'name'), $refused), 'refused, and stored');
        foreach ($may as $id => $names) {
            self::assertContains($there[$id]['name'] ?? null, $names, "credential $id");
            if ($names !== [null] && count($names) === 1) {
                $known[] = [$there[$id]['identifier'], $secrets[$id]];
            }
        }
        $verified = $this->startAt(1, 'verify');
        foreach ($known ?? [] as [$identifier, $secret]) {
            self::assertSame(['valid' => true], $verified->ask(compact('identifier', 'secret')), $identifier);
        }
        $lines = $store->query("SELECT description FROM tblactivitylog WHERE description LIKE '%created (authorization_code)'");
        $lines = array_count_values($lines->fetchAll(PDO::FETCH_COLUMN));
        foreach (array_keys($there) as $id) {
            self::assertSame(1, $lines["OAuth credential $id created (authorization_code)"] ?? 0, "lines of credential $id");
        }
        $torn = $store->query("SELECT c.id FROM tbloauthserver_clients c WHERE c.name LIKE 'call %' AND
                NOT EXISTS (SELECT 1 FROM tbloauthserver_client_scopes l WHERE l.client_id = c.id)
            UNION SELECT client_id FROM tbloauthserver_client_scopes WHERE client_id NOT IN
                (SELECT id FROM tbloauthserver_clients)");
        self::assertSame([], $torn->fetchAll(PDO::FETCH_COLUMN), 'stored in part');
    }

    /**
     * @param list<int> $nodes
     * @return list<Child> a process at each of these nodes
     */
    private function begin(string $what, array $nodes, int $seconds, string $ids = ''): array
    {
        foreach ($nodes as $number => $node) {
            $workers[] = $this->startAt($node, 'cluster', [$what, $number + 1, $seconds, $ids]);
        }
        return $workers;
    }

    /**
     * @param list<int> $nodes
     * @return list<array<string, mixed>> what processes at these nodes have asked and were answered
     */
    private function callsOf(string $what, array $nodes, int $seconds, string $ids = ''): array
    {
        return Child::answersOf($this->begin($what, $nodes, $seconds, $ids));
    }

    /** @param list<string|int> $arguments */
    private function startAt(int $node, string $script, array $arguments = []): Child
    {
        $dsn = trim(self::galera('dsn', (string) $node)) . $this->database;
        return $this->start($script, $arguments, ['localapi.dsn' => "'$dsn'", 'localapi.key_file' => "$this->folder/keys"]);
    }

    protected function connect(int $timeout = 60): PDO
    {
        $url = parse_url(trim(self::galera('dsn', '1')));
        $store = new PDO("mysql:host=127.0.0.1;port=$url[port];dbname=$this->database", $url['user'], rawurldecode($url['pass']), [
            PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
        ]);
        // What the other nodes have stored is here by then.
        $store->exec('SET SESSION wsrep_sync_wait = 1');
        return $store;
    }

    private function awaitEverywhere(string $query): void
    {
        foreach (['2', '3'] as $node) {
            self::galera('sql', $node, "USE $this->database; SET SESSION wsrep_sync_wait = 1; $query");
        }
    }

    /** @param array<string, mixed> $call */
    private static function succeeded(array $call): bool
    {
        return $call['result'] === 'success';
    }

    private static function galera(string $command, string ...$arguments): string
    {
        $words = [dirname(__DIR__) . '/galera', $command, self::$cluster, ...$arguments];
        exec(implode(' ', array_map('escapeshellarg', $words)), $lines, $status);
        self::assertSame(0, $status, "galera $command");
        return implode("\n", $lines);
    }
}
