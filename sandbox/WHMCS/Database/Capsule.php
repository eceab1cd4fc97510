<?php

declare(strict_types=1);

namespace WHMCS\Database;

use Illuminate\Database\Capsule\Manager;
use Illuminate\Database\SQLiteConnection;
use LocalApi\Database;

if (!class_exists(Manager::class)) {
    // Debian's php-illuminate-database.
    $autoload = stream_resolve_include_path('Illuminate/Database/autoload.php');
    if ($autoload === false) {
        throw new \LogicException('WHMCS\Database\Capsule needs Illuminate: apt-get install php-illuminate-database, '
            . 'or composer require --dev illuminate/database');
    }
    require_once $autoload;
}

/** WHMCS's database layer, on the sandbox's store. */
class Capsule extends Manager
{
    /** Makes the store the default connection, of Eloquent's models too. */
    public static function boot(): void
    {
        $capsule = new self();
        $capsule->addConnection(['driver' => 'sqlite']);
        $connect = fn (array $config, string $name): SQLiteConnection
            => Database::$capsules = new SQLiteConnection(Database::connection(...), $name);
        $capsule->getDatabaseManager()->extend('default', $connect);
        $capsule->setAsGlobal();
        $capsule->bootEloquent();
    }
}

Capsule::boot();
