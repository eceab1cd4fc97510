<?php

declare(strict_types=1);

/** The request of the documented sample. */
const REQUEST = [
    'grantType' => 'single_sign_on',
    'scope' => 'clientarea:sso clientarea:billing_info clientarea:announcements',
    'serviceId' => '1',
];

/** The peer on a store: a file, or PDO's DSN of a database. */
function peer(string $store, string $keyFile): Peer
{
    require_once __DIR__ . '/peer.php';
    $keys = json_decode(file_get_contents($keyFile), true);
    $dsn = str_starts_with($store, 'mysql:') ? $store : "sqlite:$store";
    return new Peer($dsn, base64_decode($keys['keys'][0]['key']), $keys['active']);
}

/** Gives a store in memory the tables of a file, and the rows that are not credentials. */
function copy_tables(string $file, PDO $database): void
{
    $size = (new PDO("sqlite:$file"))->query('PRAGMA page_size')->fetchColumn();
    $database->exec("PRAGMA page_size = $size");
    $database->exec('ATTACH ' . $database->quote($file) . ' AS file');
    $made = $database->query(
        "SELECT type, name, sql FROM file.sqlite_master WHERE sql <> '' AND name NOT LIKE 'sqlite%' ORDER BY type <> 'table'"
    );
    $filled = ['tbloauthserver_clients', 'tbloauthserver_client_scopes', 'tblactivitylog'];
    foreach ($made->fetchAll(PDO::FETCH_ASSOC) as ['type' => $type, 'name' => $name, 'sql' => $sql]) {
        $database->exec($sql);
        if ($type === 'table' && !in_array($name, $filled, true)) {
            $database->exec("INSERT INTO main.$name SELECT * FROM file.$name");
        }
    }
    $database->exec('DETACH file');
}
