<?php

declare(strict_types=1);

use function LocalApi\find_credential;
use function LocalApi\redirect_uri_matches;
use function LocalApi\verify_credential;

/** The endpoints. Each takes the request's parameters. */
final class AuthorizationServer
{
    public function __construct(private string $issuer, private Tokens $tokens)
    {
    }

    /** RFC 8414. */
    public function metadata(): array
    {
        $authentication = ['client_secret_basic', 'client_secret_post'];
        return [
            'issuer' => $this->issuer,
            'authorization_endpoint' => "$this->issuer/authorize",
            'token_endpoint' => "$this->issuer/token",
            'token_endpoint_auth_methods_supported' => $authentication,
            'revocation_endpoint' => "$this->issuer/revoke",
            'revocation_endpoint_auth_methods_supported' => $authentication,
            'introspection_endpoint' => "$this->issuer/introspect",
            'introspection_endpoint_auth_methods_supported' => $authentication,
            'response_types_supported' => ['code'],
            'grant_types_supported' => ['authorization_code', 'refresh_token', 'single_sign_on'],
            'code_challenge_methods_supported' => ['S256'],
            'authorization_response_iss_parameter_supported' => true,
        ];
    }

    /** Asks the user (RFC 6749 §4.1.1, RFC 7636 §4.3). */
    public function authorize(array $query): array
    {
        $client = self::credential($query['client_id'] ?? '');
        $redirectUri = $query['redirect_uri'] ?? '';
        if ($client === null || !redirect_uri_matches($client['redirectUri'], $redirectUri)) {
            // Nobody is sent to where no client has registered.
            throw new OAuthError('invalid_request', 'The client or its redirect URI is not known.');
        }
        try {
            $this->check($query, $client['grantType']);
            $scope = self::scope($query['scope'] ?? '', self::names($client));
        } catch (OAuthError $error) {
            return $this->redirect($query, $error->parameters());
        }
        // The form has a name for the request alone: nobody changes what was checked, and no other site's form will do.
        $request = bin2hex(random_bytes(16));
        $asked = $query + ['user' => $this->user()];
        $asked['scope'] = implode(' ', $scope);
        $_SESSION['requests'] = array_slice($_SESSION['requests'] ?? [], -9) + [$request => $asked];
        ob_start();
        require __DIR__ . '/consent.php';
        return [200, [], ob_get_clean()];
    }

    /** The user has answered. */
    public function decide(array $form): array
    {
        $query = $_SESSION['requests'][$form['request'] ?? ''] ?? null;
        unset($_SESSION['requests'][$form['request'] ?? '']);
        if ($query === null || $query['user'] !== $this->user()) {
            throw new OAuthError('invalid_request', 'This was not asked, or is answered already.');
        }
        if (($form['decision'] ?? '') !== 'allow') {
            return $this->redirect($query, (new OAuthError('access_denied', 'The user said no.'))->parameters());
        }
        $grant = ['client' => $query['client_id'], 'challenge' => $query['code_challenge']];
        return $this->redirect($query, ['code' => $this->tokens->issue('code', $grant + $query)]);
    }

    /** RFC 6749 §4.1.3 and §6, and single sign-on. */
    public function token(array $form): array
    {
        $client = $this->client($form);
        $type = $form['grant_type'] ?? '';
        if (!in_array($type, $this->metadata()['grant_types_supported'], true)) {
            throw new OAuthError('unsupported_grant_type', 'There is no such grant type.');
        }
        if ($client['grantType'] !== ($type === 'refresh_token' ? 'authorization_code' : $type)) {
            throw new OAuthError('unauthorized_client', 'The client may not use this grant type.');
        }
        return $this->tokens->atOnce(fn (): array => match ($type) {
            'authorization_code' => $this->exchange($form, $client),
            'refresh_token' => $this->refresh($form, $client),
            'single_sign_on' => $this->signOn($form, $client),
        });
    }

    /** RFC 7009: the whole grant ends. A token of another client's is not known to this one. */
    public function revoke(array $form): array
    {
        $client = $this->client($form);
        $found = $this->tokens->find($form['token'] ?? '', 'access', 'refresh', 'sso');
        if ($found !== null && $found['client'] === $client['clientIdentifier']) {
            $this->tokens->revoke($found['grant_id']);
        }
        return [];
    }

    /** RFC 7662. A client sees its own tokens; a resource server, whose credential has the scope `introspect`, all. */
    public function introspect(array $form): array
    {
        $asker = $this->client($form);
        $found = $this->tokens->find($form['token'] ?? '', 'access', 'refresh');
        $owner = $found === null ? null : self::credential($found['client']);
        $may = in_array('introspect', $asker['scope'], true) || $asker['clientIdentifier'] === ($found['client'] ?? '');
        if ($owner === null || !$may) {
            return ['active' => false];
        }
        $scope = implode(' ', array_intersect(explode(' ', $found['scope']), self::names($owner)));
        return ['active' => true, 'client_id' => $found['client'], 'sub' => $found['user'], 'scope' => $scope,
            'exp' => $found['expires_at'], 'iss' => $this->issuer];
    }

    /** Where `redirect_url` leads: signs in the client who owns the service, once. */
    public function singleSignOn(array $query): array
    {
        $spend = function (string $token): ?array {
            $client = $this->tokens->find($token, 'sso')['client'] ?? '';
            return self::credential($client) === null ? null : $this->tokens->spend($token, 'sso', $client);
        };
        $found = $this->tokens->atOnce(fn (): ?array => $spend($query['access_token'] ?? ''));
        if ($found === null) {
            throw new OAuthError('invalid_grant', 'The token is not valid any more.');
        }
        session_regenerate_id(true);
        $_SESSION = ['user' => $found['user']];
        return [200, [], '<!doctype html><title>Client area</title><p>You are client ' . $found['user'] . '.'];
    }

    /** Who is signed in. A site asks its own session here, and shows its form first where nobody is. */
    private function user(): string
    {
        return $_SESSION['user'] ??= 'demo';
    }

    /** A credential that counts: it has not expired and is not switched off. */
    private static function credential(string $identifier): ?array
    {
        $found = find_credential($identifier);
        $hasExpired = isset($found['expiresAt']) && $found['expiresAt'] <= gmdate('Y-m-d H:i:s');
        return $found === null || $found['disabled'] || $hasExpired ? null : $found;
    }

    private function check(array $query, string $grantType): void
    {
        if ($grantType !== 'authorization_code') {
            throw new OAuthError('unauthorized_client', 'The client may not use this grant type.');
        }
        if (($query['response_type'] ?? '') !== 'code') {
            throw new OAuthError('unsupported_response_type', 'The response type must be code.');
        }
        $challenge = $query['code_challenge'] ?? '';
        if (($query['code_challenge_method'] ?? '') !== 'S256' || !preg_match('/^[\w-]{43}$/D', $challenge)) {
            throw new OAuthError('invalid_request', 'A code challenge with the method S256 is required.');
        }
    }

    /** The names of a client's scopes. PHP has made numbers of some. */
    private static function names(array $client): array
    {
        return array_map(strval(...), array_keys($client['scope']));
    }

    /** The scopes that are asked for, or all that may be. */
    private static function scope(string $asked, array $allowed): array
    {
        $scope = $asked === '' ? $allowed : explode(' ', $asked);
        if ($scope === [] || array_diff($scope, $allowed) !== []) {
            throw new OAuthError('invalid_scope', 'The client may not ask for this scope.');
        }
        return array_unique($scope);
    }

    /** Back to the client, by GET whatever the request was; `iss` says who sends (RFC 9207). */
    private function redirect(array $query, array $parameters): array
    {
        $parameters += array_intersect_key($query, ['state' => '']) + ['iss' => $this->issuer];
        $uri = $query['redirect_uri'];
        $uri .= (str_contains($uri, '?') ? '&' : '?') . http_build_query($parameters, '', '&', PHP_QUERY_RFC3986);
        return [303, ["Location: $uri"], ''];
    }

    /** The client, by HTTP Basic authentication or by the form, and not by both (RFC 6749 §2.3). */
    private function client(array $form): array
    {
        $identifier = $form['client_id'] ?? '';
        $secret = $form['client_secret'] ?? '';
        if (isset($_SERVER['PHP_AUTH_USER'])) {
            $basic = array_map(self::decoded(...), [$_SERVER['PHP_AUTH_USER'], $_SERVER['PHP_AUTH_PW'] ?? '']);
            if ($secret !== '' || !in_array($identifier, ['', $basic[0]], true)) {
                throw new OAuthError('invalid_request', 'The client authenticates twice.');
            }
            [$identifier, $secret] = $basic;
        }
        return verify_credential($identifier, $secret)
            ?? throw new OAuthError('invalid_client', 'The client or its secret is not known.', 401);
    }

    /**
     * RFC 6749 §2.3.1 has both parts form-encoded, and many clients send them raw. Base64 has no percent sign, and ends
     * in an equals sign here, which becomes one when it's encoded.
     */
    private static function decoded(string $part): string
    {
        return str_contains($part, '%') ? urldecode($part) : $part;
    }

    private function exchange(array $form, array $client): array
    {
        $grant = $this->tokens->spend($form['code'] ?? '', 'code', $client['clientIdentifier']);
        $verifier = $form['code_verifier'] ?? '';
        $challenge = rtrim(strtr(base64_encode(hash('sha256', $verifier, true)), '+/', '-_'), '=');
        if ($grant === null || $grant['redirect_uri'] !== ($form['redirect_uri'] ?? '')
            || !preg_match('/^[\w.~-]{43,128}$/D', $verifier) || !hash_equals($grant['challenge'], $challenge)) {
            throw new OAuthError('invalid_grant', 'The code, its redirect URI or its verifier is not right.');
        }
        return $this->issue($grant, $client);
    }

    /** Each refresh token is good for one more. A narrower scope holds for the new access token only. */
    private function refresh(array $form, array $client): array
    {
        $grant = $this->tokens->spend($form['refresh_token'] ?? '', 'refresh', $client['clientIdentifier']);
        if ($grant === null) {
            throw new OAuthError('invalid_grant', 'The refresh token is not valid.');
        }
        return $this->issue($grant, $client, $form['scope'] ?? '');
    }

    private function issue(array $grant, array $client, string $asked = ''): array
    {
        // Of what the user has allowed, what the credential still may; what is asked for beyond that is left out.
        $scope = array_intersect(explode(' ', $grant['scope']), $client['scope']);
        $scope = implode(' ', $asked === '' ? $scope : array_intersect($scope, explode(' ', $asked)));
        $access = $this->tokens->issue('access', ['scope' => $scope] + $grant);
        return self::bearer($access, 'access', $scope) + ['refresh_token' => $this->tokens->issue('refresh', $grant)];
    }

    private function signOn(array $form, array $client): array
    {
        $scope = implode(' ', self::scope($form['scope'] ?? '', $client['scope']));
        $grant = ['client' => $client['clientIdentifier'], 'user' => (string) $client['userId'], 'scope' => $scope];
        $token = $this->tokens->issue('sso', $grant);
        $url = "$this->issuer/singlesignon?access_token=$token";
        return self::bearer($token, 'sso', $scope) + ['redirect_url' => $url];
    }

    private static function bearer(string $token, string $kind, string $scope): array
    {
        return ['access_token' => $token, 'token_type' => 'Bearer', 'expires_in' => Tokens::LIFETIMES[$kind],
            'scope' => $scope];
    }
}
