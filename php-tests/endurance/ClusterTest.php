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
        $this->openEverywhere('stored', 'tbloauthserver_clients');
        $calls = $this->callsOf('reset', [1, 2, 3, 1, 2, 3], self::amount(8, 600), $ids);

        $names = self::namesOf(array_filter($calls, self::succeeded(...)));
        $unknown = self::namesOf(array_filter($calls, self::isUnknown(...)));
        $stored = $store->query('SELECT name, sum(resets) FROM stored GROUP BY name')->fetchAll(PDO::FETCH_KEY_PAIR);
        self::assertSame([], array_diff($names, array_keys($stored)), 'acknowledged, and not stored');
        self::assertSame([], array_diff(array_keys($stored), $names, $unknown), 'refused, and stored');
        self::assertSame([], array_filter($stored, static fn ($resets): bool => (int) $resets !== 1), 'each is whole');
        $lines = "SELECT count(*) FROM tblactivitylog WHERE description LIKE '%%%s'";
        foreach (['updated', 'secret reset'] as $what) {
            self::assertSame(count($stored), (int) $store->query(sprintf($lines, $what))->fetchColumn(), $what);
        }
        $scopes = $store->query("SELECT c.name, group_concat(s.scope ORDER BY s.scope SEPARATOR ' ')
            FROM tbloauthserver_clients c JOIN tbloauthserver_client_scopes l ON l.client_id = c.id
            JOIN tbloauthserver_scopes s ON s.id = l.scope_id GROUP BY c.id")->fetchAll(PDO::FETCH_KEY_PAIR);
        $wished = array_column(array_column($calls, 'wish'), 'scope', 'name');
        self::assertEquals(array_intersect_key($wished, $scopes), array_intersect_key($scopes, $wished));
        self::assertFewFailed($calls, 6);
    }

    public function testNoCreateIsLostOrTornWhileAnotherNodeChangesTheKey(): void
    {
        $seconds = self::amount(8, 600);
        $rotation = $this->startAt(1, 'cluster', ['rotate', 0, $seconds]);
        $calls = $this->callsOf('create', [2, 3, 2, 3], $seconds);
        $rotations = array_filter($rotation->answers(), self::succeeded(...));
        self::assertNotSame([], $rotations);
        $this->assertStored($calls);
        self::assertFewFailed($calls, 4);
        // The last rotation has sealed all that was there, also what was stored after it.
        $this->startAt(1, 'rotate')->output();
        $keys = "SELECT count(DISTINCT substring_index(secret, ':', 2)) FROM tbloauthserver_clients";
        self::assertSame(1, (int) $this->connect()->query($keys)->fetchColumn());
    }

    public function testANodeThatIsCutOffAnswersWhatIsStored(): void
    {
        $times = self::amount(1, 10);
        foreach (['1', '2', '3'] as $node) {
            self::galera('set', $node, 'evs.suspect_timeout', 'PT5S');
            self::galera('set', $node, 'evs.inactive_timeout', 'PT10S');
        }
        $workers = $this->begin('own', [3, 3, 3, 1, 2], $times * 26);
        for ($i = 0; $i < $times; $i++) {
            sleep(3);
            self::galera('set', '3', 'gmcast.isolate', '1');
            // How long it takes until the other nodes go on without it depends on how busy they are.
            self::await('2 Primary Synced ON', 2);
            sleep(3);
            self::galera('set', '3', 'gmcast.isolate', '0');
            sleep(6);
        }
        $calls = Child::answersOf($workers);
        self::await('3 Primary Synced ON', 3);
        $this->assertStored($calls);
    }

    /** Waits until so many nodes say this of themselves: how many are together, of what kind, and what it does. */
    private static function await(string $state, int $nodes): void
    {
        for ($i = 0; $i < 600 && substr_count(self::galera('status'), $state) !== $nodes; $i++) {
            usleep(100_000);
        }
        self::assertLessThan(600, $i, $state);
    }

    /**
     * Less than one call in a hundred fails for another's sake. No other fails but where MariaDB stalls all nodes, as it may
     * where one applies a change while a session of its own commits: then each process gives up a call or two.
     *
     * @param list<array<string, mixed>> $calls
     */
    private static function assertFewFailed(array $calls, int $processes): void
    {
        $failed = array_filter($calls, static fn (array $call): bool => !self::succeeded($call));
        $is = static fn (array $call): bool => strpos($call['message'], 'is contended: nothing was stored') !== false;
        $contended = array_filter($failed, $is);
        $others = array_diff_key($failed, $contended);
        // A call that gives up has waited as long as localapi.busy_timeout.
        $stalled = array_filter($others, static fn (array $call): bool => $call['seconds'] >= 5);
        self::assertSame([], array_values(array_diff_key($others, $stalled)));
        self::assertLessThan(count($calls) / 100, count($contended));
        self::assertLessThanOrEqual(2 * $processes * self::amount(1, 10), count($stalled));
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
            } elseif (!self::isUnknown($call)) {
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

    /**
     * Has each node open these tables for as many sessions as there will be. Where it ends a transaction that is just
     * reading a trigger, MariaDB takes that trigger for broken from then on.
     */
    private function openEverywhere(string ...$tables): void
    {
        $statements = "USE $this->database; SET SESSION wsrep_sync_wait = 1";
        foreach ($tables as $table) {
            $statements .= "; SELECT count(*), sleep(1) FROM $table";
        }
        $command = [dirname(__DIR__) . '/galera', 'sql', self::$cluster];
        for ($session = 0; $session < 3 * 6; $session++) {
            $node = (string) ($session % 3 + 1);
            $sessions[] = new Child([...$command, $node, $statements], ['PATH' => getenv('PATH')]);
        }
        foreach ($sessions as $session) {
            $session->output();
        }
    }

    /** @param array<string, mixed> $call */
    private static function succeeded(array $call): bool
    {
        return $call['result'] === 'success';
    }

    /**
     * Whether nobody can say what became of it.
     *
     * @param array<string, mixed> $call
     */
    private static function isUnknown(array $call): bool
    {
        return strpos($call['message'] ?? '', 'look whether it has') !== false;
    }

    /**
     * @param list<array<string, mixed>> $calls
     * @return list<string>
     */
    private static function namesOf(array $calls): array
    {
        return array_column(array_column($calls, 'wish'), 'name');
    }

    private static function galera(string $command, string ...$arguments): string
    {
        $words = [dirname(__DIR__) . '/galera', $command, self::$cluster, ...$arguments];
        exec(implode(' ', array_map('escapeshellarg', $words)), $lines, $status);
        self::assertSame(0, $status, "galera $command");
        return implode("\n", $lines);
    }
}
