<?php

// Creates credentials.
require_once __DIR__ . '/issue.php';
issue((int) ($argv[1] ?? $_GET['count']));
