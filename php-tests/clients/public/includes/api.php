<?php

/** An entry point of a host's: it answers other commands too. */

declare(strict_types=1);

use function LocalApi\handle;

$known = ['owner_id' => 7, 'clientid' => 42, 'contactid' => 3];
foreach (['AddClient', 'AddContact', 'DeleteClient', 'ValidateLogin', 'CreateSsoToken'] as $command) {
    handle($command, static fn (): array => ['result' => 'success'] + $known);
}

require dirname(__DIR__, 4) . '/public/includes/api.php';
