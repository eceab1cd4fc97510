<?php

declare(strict_types=1);

/*
 * What `public/includes/api.php` does, in PHP: who may call, the command, and its answer as JSON.
 */

require_once __DIR__ . '/issuer.php';

function answer(int $status, array $answer): never
{
    http_response_code($status);
    header('Content-Type: application/json; charset=utf-8');
    header('Cache-Control: no-store');
    exit(json_encode($answer, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR));
}

function refuse(int $status, string $message): never
{
    answer($status, ['result' => 'error', 'message' => $message]);
}

$given = $_POST + $_GET;
if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    refuse(405, 'Only POST is accepted');
}
if ((int) $_SERVER['CONTENT_LENGTH'] > 1 << 20 || count($given, COUNT_RECURSIVE) > 1_000) {
    refuse(413, 'The request is too large');
}
if (!in_array($_SERVER['REMOTE_ADDR'], ['127.0.0.1', '::1'], true)) {
    refuse(403, "Invalid IP $_SERVER[REMOTE_ADDR]");
}
$store = $_SERVER['LOCALAPI_BENCH_STORE'];
$peer = peer($store, "$store.key");
$admin = $peer->caller((string) ($given['identifier'] ?? ''), (string) ($given['secret'] ?? ''), $actions)
    ?? refuse(403, 'Invalid or missing credentials');
$action = strtolower((string) ($given['action'] ?? ''));
if (!in_array('*', $actions, true) && !in_array($action, $actions, true)) {
    refuse(403, "Invalid Permissions: API action \"$action\" is not allowed");
}
try {
    answer(200, $peer->create($given, $admin));
} catch (InvalidArgumentException $refusal) {
    refuse(200, $refusal->getMessage());
}
