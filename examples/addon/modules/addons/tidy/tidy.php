<?php

/** An addon module: it takes the credentials of ended services away each day, and shows what it has taken. */
declare(strict_types=1);

use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

function tidy_config(): array
{
    return ['name' => 'Tidy', 'version' => '1.0', 'author' => 'Example', 'fields' => []];
}

function tidy_activate(): array
{
    Capsule::schema()->create('mod_tidy', function ($table): void {
        $table->increments('id');
        $table->integer('service_id');
        $table->integer('credential_id');
    });
    return ['status' => 'success', 'description' => 'Tidy is active.'];
}

function tidy_deactivate(): array
{
    Capsule::schema()->dropIfExists('mod_tidy');
    return ['status' => 'success', 'description' => 'Tidy is gone.'];
}

function tidy_output(array $vars): void
{
    echo 'Credentials taken away: ', Capsule::table('mod_tidy')->count();
}
