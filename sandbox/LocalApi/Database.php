<?php

declare(strict_types=1);

namespace LocalApi;

/** The sandbox's store by PDO: one connection, which Capsule and WHMCS's functions share. */
final class Database
{
    /** Capsule's connection, where it has made one: it counts its transactions itself. */
    public static ?\Illuminate\Database\Connection $capsules = null;

    private static ?\PDO $connection = null;

    public static function connection(): \PDO
    {
        return self::$connection ??= new \PDO(Sandbox::pdoDsn());
    }

    /** Rolls back what a test has left open: `Sandbox::reset()` asks for that. */
    public static function rollBack(): void
    {
        self::$capsules?->rollBack(0);
        if (self::$connection?->inTransaction()) {
            self::$connection->rollBack();
        }
    }

    /**
     * Runs one statement.
     *
     * @param list<scalar|null> $values
     */
    public static function run(string $sql, array $values): \PDOStatement
    {
        $statement = self::connection()->prepare($sql);
        $statement->execute($values);
        return $statement;
    }

    /**
     * The first column of the first row; `null` where there is no row.
     *
     * @param list<scalar|null> $values
     */
    public static function value(string $sql, array $values): mixed
    {
        $row = self::run($sql, $values)->fetchAll(\PDO::FETCH_COLUMN);
        return $row[0] ?? null;
    }

    /**
     * Inserts a row.
     *
     * @param array<string, scalar|null> $columns
     */
    public static function insert(string $table, array $columns): void
    {
        $names = implode(', ', array_keys($columns));
        $places = implode(', ', array_fill(0, count($columns), '?'));
        self::run("INSERT INTO {$table} ({$names}) VALUES ({$places})", array_values($columns));
    }
}
