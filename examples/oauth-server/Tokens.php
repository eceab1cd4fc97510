<?php

declare(strict_types=1);

/**
 * Codes and tokens in a SQLite file, by their hashes: who reads the file can use none. All that came from one consent
 * of a user is one grant.
 */
final class Tokens
{
    /** In seconds. */
    public const LIFETIMES = ['code' => 60, 'access' => 3_600, 'refresh' => 30 * 86_400, 'sso' => 60];

    private PDO $file;

    public function __construct(string $path)
    {
        $this->file = new PDO("sqlite:$path", options: [PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC]);
        $this->file->exec('CREATE TABLE IF NOT EXISTS tokens (hash TEXT PRIMARY KEY, kind TEXT, grant_id TEXT,
            client TEXT, user TEXT, scope TEXT, redirect_uri TEXT, challenge TEXT, expires_at INTEGER,
            spent INTEGER DEFAULT 0)');
    }

    /** Does work that no other request comes between. What was spent stays spent, whatever becomes of the work. */
    public function atOnce(callable $work): mixed
    {
        $this->file->exec('BEGIN IMMEDIATE');
        try {
            return $work();
        } finally {
            $this->file->exec('COMMIT');
        }
    }

    /** Makes a token of this kind: for a new grant, or for the one that is continued. */
    public function issue(string $kind, array $grant): string
    {
        // One that was spent is kept as long as its grant may live, so that it's known when it comes again.
        $this->run('DELETE FROM tokens WHERE expires_at < ?', [time() - self::LIFETIMES['refresh']]);
        $token = rtrim(strtr(base64_encode(random_bytes(32)), '+/', '-_'), '=');
        $values = [hash('sha256', $token), $kind, $grant['grant_id'] ?? bin2hex(random_bytes(16)), $grant['client'],
            $grant['user'], $grant['scope'], $grant['redirect_uri'] ?? null, $grant['challenge'] ?? null,
            time() + self::LIFETIMES[$kind]];
        $this->run('INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)', $values);
        return $token;
    }

    /** The token of one of these kinds, unless it has expired or was spent. */
    public function find(string $token, string ...$kinds): ?array
    {
        $found = $this->run('SELECT * FROM tokens WHERE hash = ?', [hash('sha256', $token)])->fetch();
        $isValid = $found && !$found['spent'] && $found['expires_at'] > time();
        return $isValid && in_array($found['kind'], $kinds, true) ? $found : null;
    }

    /** Spends what may be used once. Where it comes a second time somebody has stolen it, and the whole grant ends. */
    public function spend(string $token, string $kind, string $client): ?array
    {
        $select = 'SELECT * FROM tokens WHERE hash = ? AND kind = ? AND client = ?';
        $found = $this->run($select, [hash('sha256', $token), $kind, $client])->fetch();
        if ($found && $found['spent']) {
            $this->revoke($found['grant_id']);
        }
        $this->run('UPDATE tokens SET spent = 1 WHERE hash = ?', [$found['hash'] ?? '']);
        return $found && !$found['spent'] && $found['expires_at'] > time() ? $found : null;
    }

    /** Ends a grant. */
    public function revoke(string $grant): void
    {
        $this->run('UPDATE tokens SET spent = 1 WHERE grant_id = ?', [$grant]);
    }

    private function run(string $sql, array $values): PDOStatement
    {
        $statement = $this->file->prepare($sql);
        $statement->execute($values);
        return $statement;
    }
}
