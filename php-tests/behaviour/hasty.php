<?php

/** An entry point of a host that has met an error before it answers. */

declare(strict_types=1);

@file_get_contents('/nowhere');

require dirname(__DIR__, 2) . '/public/includes/api.php';
