<?php

declare(strict_types=1);

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

require_once __DIR__ . '/lib/EndedServices.php';

function tidy_daily(array $vars): void
{
    $taken = (new Tidy\EndedServices())->tidy();
    if ($taken > 0) {
        localAPI('SendAdminEmail', ['customsubject' => 'Tidy', 'custommessage' => "Credentials taken away: {$taken}"]);
    }
}

add_hook('DailyCronJob', 1, 'tidy_daily');
