<?php

declare(strict_types=1);

/**
 * An OAuth 2.0 authorization server for the credentials of a store; docs/oauth.md explains it. To try it:
 *
 *     OAUTH_ISSUER=http://127.0.0.1:8080 OAUTH_TOKENS=/var/tmp/tokens.sqlite \
 *         php -d localapi.dsn=sqlite:/absolute/path/store.sqlite -S 127.0.0.1:8080 index.php
 */
require __DIR__ . '/OAuthError.php';
require __DIR__ . '/Tokens.php';
require __DIR__ . '/AuthorizationServer.php';

/** The parameters of a query or a form: none twice (RFC 6749 §3.1), and one without a value is not there. */
function parameters(string $encoded): array
{
    $found = [];
    foreach (array_filter(explode('&', $encoded), fn (string $pair): bool => $pair !== '') as $pair) {
        [$name, $value] = array_map(urldecode(...), explode('=', $pair, 2) + [1 => '']);
        if (isset($found[$name])) {
            throw new OAuthError('invalid_request', 'A parameter is given twice.');
        }
        $found[$name] = $value;
    }
    return array_filter($found, fn (string $value): bool => $value !== '');
}

/** Answers a request with its status, its headers and its body. An array is sent as JSON. */
function answer(): array
{
    // Taken from a request's headers, its name would be whatever a client claims.
    $issuer = getenv('OAUTH_ISSUER') ?: throw new RuntimeException('OAUTH_ISSUER must be set.');
    $tokens = getenv('OAUTH_TOKENS') ?: throw new RuntimeException('OAUTH_TOKENS must be set.');
    $server = new AuthorizationServer($issuer, new Tokens($tokens));
    $path = explode('?', $_SERVER['REQUEST_URI'], 2)[0];
    if (in_array($path, ['/authorize', '/singlesignon'], true)) {
        $cookie = ['cookie_httponly' => true, 'cookie_secure' => str_starts_with($issuer, 'https:')];
        session_start($cookie + ['cookie_samesite' => 'Lax', 'use_strict_mode' => true]);
    }
    $query = parameters($_SERVER['QUERY_STRING'] ?? '');
    $form = parameters(file_get_contents('php://input'));
    return match ("{$_SERVER['REQUEST_METHOD']} $path") {
        'GET /.well-known/oauth-authorization-server' => [200, [], $server->metadata()],
        'GET /authorize' => $server->authorize($query),
        'POST /authorize' => $server->decide($form),
        'POST /token' => [200, [], $server->token($form)],
        'POST /revoke' => [200, [], $server->revoke($form)],
        'POST /introspect' => [200, [], $server->introspect($form)],
        'GET /singlesignon' => $server->singleSignOn($query),
        default => throw new OAuthError('invalid_request', 'There is nothing here.', 404),
    };
}

try {
    [$status, $headers, $body] = answer();
} catch (OAuthError $error) {
    $headers = $error->status === 401 ? ['WWW-Authenticate: Basic realm="OAuth"'] : [];
    [$status, $body] = [$error->status, $error->parameters()];
} catch (RuntimeException $fault) {
    // The store can't be used, or the file of the tokens: nobody is told more than that.
    error_log((string) $fault);
    [$status, $headers, $body] = [503, [], ['error' => 'temporarily_unavailable']];
}
http_response_code($status);
$safe = ['Cache-Control: no-store', 'Referrer-Policy: no-referrer', 'X-Content-Type-Options: nosniff',
    "Content-Security-Policy: default-src 'none'; img-src https:; frame-ancestors 'none'"];
$type = is_array($body) ? 'Content-Type: application/json' : 'Content-Type: text/html; charset=utf-8';
array_map(header(...), [...$safe, $type, ...$headers]);
echo is_array($body) ? json_encode((object) $body, JSON_UNESCAPED_SLASHES | JSON_THROW_ON_ERROR) : $body;
