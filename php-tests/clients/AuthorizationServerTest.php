<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\DataProvider;

require_once __DIR__ . '/../behaviour/CredentialTestCase.php';
require_once __DIR__ . '/OAuthClient.php';

/** examples/oauth-server as the clients that people use see it, and each mistake that such servers make. */
final class AuthorizationServerTest extends CredentialTestCase
{
    private const EXAMPLE = __DIR__ . '/../../examples/oauth-server';
    private const REDIRECT = 'http://127.0.0.1/cb?app=1';
    private const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
    /** Of this verifier (RFC 7636, appendix B). */
    private const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

    private Server $server;
    private string $issuer;
    private string $tokens;
    private array $shop;

    protected function setUp(): void
    {
        parent::setUp();
        $this->shop = self::authorizationCode(['redirectUri' => self::REDIRECT, 'scope' => 'openid profile']);
        $this->serve(self::place());
    }

    protected function tearDown(): void
    {
        unset($this->server);
    }

    private function serve(array $ini): void
    {
        $folder = scratch_folder();
        $this->tokens = "$folder/tokens.sqlite";
        $environment = ['OAUTH_ISSUER' => 'http://{address}', 'OAUTH_TOKENS' => $this->tokens];
        $ini += ['session.save_path' => $folder, 'error_log' => "$folder/log", 'log_errors' => 1];
        $this->server = new Server(self::EXAMPLE, $ini, $environment, self::EXAMPLE . '/index.php');
        $this->issuer = "http://{$this->server->address()}";
    }

    private function through(
        string $package,
        string $authentication,
        array $issued,
        string $redirectUri = self::REDIRECT
    ): OAuthClient {
        return new OAuthClient($package, [
            'issuer' => $this->issuer,
            'identifier' => $issued['clientIdentifier'],
            'secret' => $issued['clientSecret'],
            'redirectUri' => $redirectUri,
            'authentication' => $authentication,
        ]);
    }

    public static function packages(): iterable
    {
        foreach (['oauth4webapi', 'Authlib'] as $package) {
            foreach (['basic', 'post'] as $authentication) {
                yield "$package, $authentication" => [$package, $authentication];
            }
        }
    }

    /** A URL of the authorize endpoint for the shop, or with other parameters; null leaves one out. */
    private function authorizeUrl(array $other = []): string
    {
        return "$this->issuer/authorize?" . http_build_query($other + [
            'client_id' => $this->shop['clientIdentifier'],
            'redirect_uri' => self::REDIRECT,
            'response_type' => 'code',
            'scope' => 'openid profile',
            'state' => 'a b&c',
            'code_challenge' => self::CHALLENGE,
            'code_challenge_method' => 'S256',
        ]);
    }

    /** What the client at this redirect URI is told. */
    private static function told(string $location, string $redirectUri = self::REDIRECT): array
    {
        self::assertStringStartsWith("$redirectUri&", $location);
        parse_str(substr($location, strlen($redirectUri)), $told);
        return $told;
    }

    /** A code for the shop. */
    private function code(array $other = []): string
    {
        return self::told((new Browser())->answer($this->authorizeUrl($other)))['code'];
    }

    /** The status and the answer of an endpoint that the shop, or another, has asked by a form. */
    private function ask(string $endpoint, array $form, ?array $issued = null): array
    {
        $issued ??= $this->shop;
        $login = ['client_id' => $issued['clientIdentifier'], 'client_secret' => $issued['clientSecret']];
        [$status, , $body] = (new Browser())->visit("$this->issuer/$endpoint", $form + $login);
        return [$status, json_decode($body, true, 8, JSON_THROW_ON_ERROR)];
    }

    /** The parameters that a code is exchanged by. */
    private static function exchange(string $code): array
    {
        $form = ['grant_type' => 'authorization_code', 'code' => $code];
        return $form + ['redirect_uri' => self::REDIRECT, 'code_verifier' => self::VERIFIER];
    }

    /** The tokens for a new code. */
    private function granted(): array
    {
        [$status, $tokens] = $this->ask('token', self::exchange($this->code()));
        self::assertSame(200, $status, (string) json_encode($tokens));
        return $tokens;
    }

    /** Changes the shop's credential. */
    private function update(array $postData): array
    {
        return self::answer('UpdateOAuthCredential', ['credentialId' => $this->shop['credentialId']] + $postData);
    }

    private function refresh(string $token, array $more = [], ?array $issued = null): array
    {
        return $this->ask('token', ['grant_type' => 'refresh_token', 'refresh_token' => $token] + $more, $issued);
    }

    private function isActive(string $token, ?array $issued = null): bool
    {
        [$status, $answer] = $this->ask('introspect', ['token' => $token], $issued);
        self::assertSame(200, $status);
        return $answer['active'];
    }

    private function assertDenied(string $error, array $asked, int $status = 400): void
    {
        self::assertSame([$status, $error], [$asked[0], $asked[1]['error'] ?? null], (string) json_encode($asked));
    }

    /** Lets every token expire. */
    private function expire(): void
    {
        (new PDO("sqlite:$this->tokens"))->exec('UPDATE tokens SET expires_at = ' . time() - 1);
    }

    /** @dataProvider packages */
    #[DataProvider('packages')]
    public function test_a_user_lets_a_client_in(string $package, string $authentication): void
    {
        $client = $this->through($package, $authentication, $this->shop, 'http://127.0.0.1:49152/cb?app=1');
        self::assertSame(['S256'], $client->ask('metadata')['code_challenge_methods_supported']);
        $url = $client->ask('begin', ['scope' => 'profile'])[0];
        $first = $client->ask('finish', ['url' => (new Browser())->answer($url)]);
        self::assertIsArray($first, (string) json_encode($first));
        self::assertSame(['profile', 3600], [$first['scope'], $first['expires_in']]);
        self::assertSame('bearer', strtolower($first['token_type']));
        $known = $client->ask('introspect', ['token' => $first['access_token']]);
        self::assertSame([true, 'demo', 'profile'], [$known['active'], $known['sub'], $known['scope']]);
        self::assertSame($this->shop['clientIdentifier'], $known['client_id']);

        $second = $client->ask('refresh', ['token' => $first['refresh_token']]);
        self::assertIsArray($second, (string) json_encode($second));
        self::assertNotSame($first['refresh_token'], $second['refresh_token']);
        self::assertSame([], $client->ask('revoke', ['token' => $second['refresh_token']]));
        self::assertFalse($client->ask('introspect', ['token' => $second['access_token']])['active']);
        self::assertSame('invalid_grant', $client->ask('refresh', ['token' => $second['refresh_token']]));
        self::assertSame([], $client->ask('revoke', ['token' => 'none']));
    }

    /** @dataProvider packages */
    #[DataProvider('packages')]
    public function test_a_client_is_told_what_went_wrong(string $package, string $authentication): void
    {
        $client = $this->through($package, $authentication, $this->shop);
        $url = $client->ask('begin', ['scope' => 'openid'])[0];
        self::assertSame('access_denied', $client->ask('finish', ['url' => (new Browser())->answer($url, 'deny')]));
        $url = $client->ask('begin', ['scope' => 'openid email'])[0];
        $location = (new Browser())->visit($url)[1]['location'];
        self::assertSame('invalid_scope', $client->ask('finish', ['url' => $location]));
        $url = (new Browser())->answer($client->ask('begin', ['scope' => 'openid'])[0]);
        self::assertIsArray($client->ask('finish', ['url' => $url]));
        self::assertSame('invalid_grant', $client->ask('finish', ['url' => $url]));
        self::assertSame('unauthorized_client', $client->ask('singleSignOn', ['scope' => 'openid']));
        $stranger = $this->through($package, $authentication, ['clientSecret' => 'x'] + $this->shop);
        self::assertSame('invalid_client', $stranger->ask('introspect', ['token' => 'x']));
        self::assertSame('invalid_client', $stranger->ask('refresh', ['token' => 'x']));
    }

    /** @dataProvider packages */
    #[DataProvider('packages')]
    public function test_single_sign_on_leads_to_the_client_area_once(string $package, string $authentication): void
    {
        $issued = self::singleSignOn(['scope' => 'clientarea:sso clientarea:emails']);
        $client = $this->through($package, $authentication, $issued);
        $granted = $client->ask('singleSignOn', ['scope' => 'clientarea:sso']);
        self::assertIsArray($granted, (string) json_encode($granted));
        self::assertSame(['clientarea:sso', 60], [$granted['scope'], $granted['expires_in']]);
        $url = "$this->issuer/singlesignon?access_token={$granted['access_token']}";
        self::assertSame($url, $granted['redirect_url']);
        $browser = new Browser();
        [$status, $headers, $page] = $browser->visit($granted['redirect_url']);
        self::assertSame(200, $status);
        self::assertStringContainsString('You are client 70.', $page);
        self::assertStringContainsString('HttpOnly; SameSite=Lax', $headers['set-cookie']);
        self::assertSame(400, $browser->visit($granted['redirect_url'])[0], 'a second time');
        $late = $client->ask('singleSignOn', ['scope' => 'clientarea:sso']);
        $this->expire();
        self::assertSame(400, (new Browser())->visit($late['redirect_url'])[0], 'too late');
        self::assertSame('invalid_scope', $client->ask('singleSignOn', ['scope' => 'openid']));
        // Whom it has signed in is who consents from now on.
        $code = self::told($browser->answer($this->authorizeUrl()))['code'];
        $token = $this->ask('token', self::exchange($code))[1]['access_token'];
        self::assertSame('70', $this->ask('introspect', ['token' => $token])[1]['sub']);
    }

    /** @dataProvider packages */
    #[DataProvider('packages')]
    public function test_plus_slash_and_equals_sign_authenticate(string $package, string $authentication): void
    {
        do {
            $issued = self::authorizationCode(['redirectUri' => self::REDIRECT]);
            $both = [$issued['clientIdentifier'], $issued['clientSecret']];
        } while (count(preg_grep('~^(?=.*\+)(?=.*/).*=$~', $both)) < 2);
        $client = $this->through($package, $authentication, $issued);
        self::assertFalse($client->ask('introspect', ['token' => 'x'])['active']);
        foreach ([$both, array_map(urlencode(...), $both), array_map(rawurlencode(...), $both)] as $pair) {
            $header = 'Authorization: Basic ' . base64_encode(implode(':', $pair));
            [$status, , $body] = (new Browser())->visit("$this->issuer/introspect", ['token' => 'x'], [$header]);
            self::assertSame([200, '{"active":false}'], [$status, $body], $header);
        }
    }

    public function test_a_code_that_is_used_twice_ends_what_it_has_granted(): void
    {
        $code = $this->code();
        [, $tokens] = $this->ask('token', self::exchange($code));
        self::assertTrue($this->isActive($tokens['access_token']));
        $this->assertDenied('invalid_grant', $this->ask('token', self::exchange($code)));
        self::assertFalse($this->isActive($tokens['access_token']));
        $this->assertDenied('invalid_grant', $this->refresh($tokens['refresh_token']));
    }

    public function test_the_code_of_another_client_is_refused_and_stays_good_for_its_own(): void
    {
        $other = self::authorizationCode(['redirectUri' => self::REDIRECT, 'scope' => 'openid profile']);
        $code = $this->code();
        $this->assertDenied('invalid_grant', $this->ask('token', self::exchange($code), $other));
        self::assertSame(200, $this->ask('token', self::exchange($code))[0]);
        $this->assertDenied('invalid_grant', $this->ask('token', self::exchange($code), $other));
        self::assertSame(200, $this->ask('token', self::exchange($this->code()))[0]);
    }

    public function test_a_wrong_verifier_or_redirect_uri_spends_the_code(): void
    {
        $wrong = [
            ['code_verifier' => strrev(self::VERIFIER)],
            ['code_verifier' => self::CHALLENGE],
            ['code_verifier' => ''],
            ['code_verifier' => self::VERIFIER . "\n"],
            ['redirect_uri' => 'http://127.0.0.1:1/cb?app=1'],
            ['redirect_uri' => 'http://127.0.0.1/cb'],
            ['redirect_uri' => ''],
        ];
        foreach ($wrong as $parameters) {
            $code = $this->code();
            $this->assertDenied('invalid_grant', $this->ask('token', $parameters + self::exchange($code)));
            $this->assertDenied('invalid_grant', $this->ask('token', self::exchange($code)));
        }
    }

    public function test_a_verifier_that_could_be_guessed_is_refused(): void
    {
        $statuses = ['short' => 400, str_repeat('a', 42) . '+' => 400, str_repeat('a', 43) => 200];
        foreach ($statuses as $verifier => $status) {
            $challenge = rtrim(strtr(base64_encode(hash('sha256', $verifier, true)), '+/', '-_'), '=');
            $form = ['code_verifier' => $verifier] + self::exchange($this->code(['code_challenge' => $challenge]));
            self::assertSame($status, $this->ask('token', $form)[0], $verifier);
        }
    }

    public function test_what_has_expired_is_refused(): void
    {
        $code = $this->code();
        $tokens = $this->granted();
        $this->expire();
        $this->assertDenied('invalid_grant', $this->ask('token', self::exchange($code)));
        $this->assertDenied('invalid_grant', $this->refresh($tokens['refresh_token']));
        self::assertFalse($this->isActive($tokens['access_token']));
    }

    public function test_nobody_is_sent_to_where_the_client_has_not_registered(): void
    {
        $uris = [
            'https://evil.example/', 'http://127.0.0.1/cb', 'http://127.0.0.1/cb?app=1&x',
            'http://127.0.0.1/cb/../cb?app=1', 'http://127.0.0.1:80@evil.example/cb?app=1',
            'http://127.0.0.1.evil.example/cb?app=1', 'https://127.0.0.1/cb?app=1', 'http://localhost/cb?app=1',
            self::REDIRECT . '#x', self::REDIRECT . ' ', 'javascript:alert(1)', '', null,
        ];
        foreach ($uris as $uri) {
            [$status, $headers] = (new Browser())->visit($this->authorizeUrl(['redirect_uri' => $uri]));
            self::assertSame([400, null], [$status, $headers['location'] ?? null], (string) $uri);
        }
        foreach (['x', '', null, strtolower($this->shop['clientIdentifier'])] as $identifier) {
            [$status, $headers] = (new Browser())->visit($this->authorizeUrl(['client_id' => $identifier]));
            self::assertSame([400, null], [$status, $headers['location'] ?? null], (string) $identifier);
        }
    }

    public function test_each_mistake_of_a_request_is_told_where_the_client_listens(): void
    {
        $wrong = [
            'unsupported_response_type' => [
                ['response_type' => 'token'], ['response_type' => null], ['response_type' => 'code token'],
            ],
            'invalid_scope' => [['scope' => 'openid email'], ['scope' => 'OPENID'], ['scope' => ' openid']],
            'invalid_request' => [
                ['code_challenge' => null], ['code_challenge' => 'short'], ['code_challenge' => self::CHALLENGE . "\n"],
                ['code_challenge_method' => null], ['code_challenge_method' => 'plain'],
                ['code_challenge_method' => 's256'],
            ],
        ];
        foreach ($wrong as $error => $requests) {
            foreach ($requests as $parameters) {
                [$status, $headers] = (new Browser())->visit($this->authorizeUrl($parameters));
                $told = self::told($headers['location'] ?? '');
                self::assertSame([303, $error], [$status, $told['error']]);
                self::assertSame(['a b&c', $this->issuer], [$told['state'], $told['iss']]);
            }
        }
        $sso = self::singleSignOn(['redirectUri' => self::REDIRECT]);
        $url = $this->authorizeUrl(['client_id' => $sso['clientIdentifier'], 'scope' => 'clientarea:sso']);
        self::assertSame('unauthorized_client', self::told((new Browser())->visit($url)[1]['location'])['error']);
        self::assertSame(400, (new Browser())->visit($this->authorizeUrl() . '&state=b')[0], 'given twice');
    }

    public function test_a_user_answers_once_in_the_browser_that_was_asked(): void
    {
        $told = self::told((new Browser())->answer($this->authorizeUrl()));
        self::assertSame(['code', 'state', 'iss'], array_keys($told));
        $browser = new Browser();
        preg_match('/name="request" value="(\w+)"/', $browser->visit($this->authorizeUrl())[2], $found);
        $form = ['request' => $found[1], 'decision' => 'allow'];
        self::assertSame(400, (new Browser())->visit("$this->issuer/authorize", $form)[0], 'another browser');
        $other = ['request' => 'x'] + $form;
        self::assertSame(400, $browser->visit("$this->issuer/authorize", $other)[0], 'another request');
        self::assertSame(303, $browser->visit("$this->issuer/authorize", $form)[0]);
        self::assertSame(400, $browser->visit("$this->issuer/authorize", $form)[0], 'a second time');
        $denied = self::told($browser->answer($this->authorizeUrl(), 'deny'));
        self::assertSame(['access_denied', 'a b&c'], [$denied['error'], $denied['state']]);
    }

    public function test_the_consent_page_shows_what_is_asked_for_as_text_and_in_no_frame(): void
    {
        LocalApi\register_scope('shop:orders', 'Your <b>orders</b>');
        $identifier = self::authorizationCode([
            'name' => '<script>"',
            'description' => '</p>&',
            'logoUri' => 'https://a.example/logo.png',
            'scope' => 'shop:orders openid',
            'redirectUri' => self::REDIRECT,
        ])['clientIdentifier'];
        $url = $this->authorizeUrl(['client_id' => $identifier, 'scope' => 'shop:orders']);
        [, $headers, $page] = (new Browser())->visit($url);
        $texts = ['&lt;script&gt;&quot;', '&lt;/p&gt;&amp;', 'Your &lt;b&gt;orders&lt;/b&gt;', '"https://a.example/'];
        foreach ($texts as $text) {
            self::assertStringContainsString($text, $page);
        }
        self::assertStringNotContainsString('Confirm who you are', $page);
        self::assertStringContainsString("frame-ancestors 'none'", $headers['content-security-policy']);
        self::assertSame(['no-store', 'no-referrer'], [$headers['cache-control'], $headers['referrer-policy']]);
    }

    public function test_a_refresh_token_is_good_once_and_a_second_use_ends_the_grant(): void
    {
        $first = $this->granted();
        [, $second] = $this->refresh($first['refresh_token']);
        self::assertTrue($this->isActive($second['access_token']));
        $this->assertDenied('invalid_grant', $this->refresh($first['refresh_token']));
        $this->assertDenied('invalid_grant', $this->refresh($second['refresh_token']));
        self::assertFalse($this->isActive($second['access_token']));
    }

    public function test_the_refresh_token_of_another_client_is_refused_and_stays_good(): void
    {
        $tokens = $this->granted();
        $other = self::authorizationCode(['scope' => 'openid profile']);
        $this->assertDenied('invalid_grant', $this->refresh($tokens['refresh_token'], issued: $other));
        $this->assertDenied('invalid_grant', $this->refresh($tokens['access_token']));
        self::assertSame(200, $this->refresh($tokens['refresh_token'])[0]);
    }

    public function test_a_refresh_token_gives_no_more_than_the_user_has_allowed_and_the_credential_still_may(): void
    {
        $tokens = $this->granted();
        [, $narrow] = $this->refresh($tokens['refresh_token'], ['scope' => 'openid email']);
        self::assertSame('openid', $narrow['scope']);
        [, $all] = $this->refresh($narrow['refresh_token']);
        self::assertSame('openid profile', $all['scope']);
        $this->update(['scope' => 'profile email']);
        self::assertSame('profile', $this->ask('introspect', ['token' => $all['access_token']])[1]['scope']);
        self::assertSame('profile', $this->refresh($all['refresh_token'])[1]['scope']);
    }

    public function test_with_its_credential_all_that_a_client_got_ends(): void
    {
        $watcher = $this->watcher();
        $tokens = $this->granted();
        self::assertTrue($this->isActive($tokens['access_token'], $watcher));
        $secret = $this->update(['resetSecret' => true])['newClientSecret'];
        $this->assertDenied('invalid_client', $this->refresh($tokens['refresh_token']), 401);
        $changed = ['clientSecret' => $secret] + $this->shop;
        [$status, $tokens] = $this->refresh($tokens['refresh_token'], issued: $changed);
        self::assertSame(200, $status);
        self::answer('DeleteOAuthCredential', ['credentialId' => $this->shop['credentialId']]);
        self::assertFalse($this->isActive($tokens['access_token'], $watcher));
        self::assertSame(400, (new Browser())->visit($this->authorizeUrl())[0]);
    }

    public static function ends(): iterable
    {
        $later = ['expiresAt' => gmdate('Y-m-d H:i:s', time() + 3_600)];
        yield 'switched off' => [['disabled' => true], ['disabled' => false]];
        yield 'expired' => [$later, $later];
    }

    /** @dataProvider ends */
    #[DataProvider('ends')]
    public function test_a_credential_that_has_expired_or_is_switched_off_lets_nobody_in(array $end, array $begin): void
    {
        $watcher = $this->watcher();
        $sso = self::singleSignOn();
        $code = $this->code();
        $tokens = $this->granted();
        $url = $this->ask('token', ['grant_type' => 'single_sign_on'], $sso)[1]['redirect_url'];
        self::answer('UpdateOAuthCredential', ['credentialId' => $sso['credentialId']] + $end);
        $this->update($end);
        self::execute("UPDATE localapi_lifetimes SET expires_at = '2020-01-31 09:00:00' WHERE expires_at > ''");
        self::assertSame(400, (new Browser())->visit($this->authorizeUrl())[0]);
        self::assertSame(400, (new Browser())->visit($url)[0]);
        self::assertFalse($this->isActive($tokens['access_token'], $watcher));
        $this->assertDenied('invalid_client', $this->ask('token', self::exchange($code)), 401);
        $this->assertDenied('invalid_client', $this->refresh($tokens['refresh_token']), 401);
        $this->assertDenied('invalid_client', $this->ask('token', ['grant_type' => 'single_sign_on'], $sso), 401);

        self::answer('UpdateOAuthCredential', ['credentialId' => $sso['credentialId']] + $begin);
        $this->update($begin);
        self::assertTrue($this->isActive($tokens['access_token'], $watcher));
        self::assertSame(200, $this->ask('token', self::exchange($code))[0]);
        self::assertSame(200, $this->refresh($tokens['refresh_token'])[0]);
        self::assertSame(200, (new Browser())->visit($url)[0]);
    }

    /** @dataProvider packages */
    #[DataProvider('packages')]
    public function test_while_a_new_secret_is_rolled_out_both_are_good(string $package, string $authentication): void
    {
        $secret = $this->update(['resetSecret' => true, 'overlap' => 3_600])['newClientSecret'];
        $old = $this->through($package, $authentication, $this->shop);
        $new = $this->through($package, $authentication, ['clientSecret' => $secret] + $this->shop);
        $url = (new Browser())->answer($old->ask('begin', ['scope' => 'openid'])[0]);
        $tokens = $old->ask('finish', ['url' => $url]);
        self::assertIsArray($tokens, (string) json_encode($tokens));
        $tokens = $new->ask('refresh', ['token' => $tokens['refresh_token']]);
        self::assertIsArray($tokens, (string) json_encode($tokens));
        $tokens = $old->ask('refresh', ['token' => $tokens['refresh_token']]);
        $this->update(['revokePreviousSecret' => true]);
        self::assertSame('invalid_client', $old->ask('refresh', ['token' => $tokens['refresh_token']]));
        self::assertIsArray($new->ask('refresh', ['token' => $tokens['refresh_token']]));
    }

    /** The credential of a resource server, which sees all tokens. */
    private function watcher(): array
    {
        LocalApi\register_scope('introspect');
        return self::authorizationCode(['scope' => 'introspect']);
    }

    public function test_a_token_of_another_client_is_neither_shown_nor_revoked(): void
    {
        $tokens = $this->granted();
        $other = self::authorizationCode();
        self::assertFalse($this->isActive($tokens['access_token'], $other));
        self::assertSame([200, []], $this->ask('revoke', ['token' => $tokens['refresh_token']], $other));
        self::assertTrue($this->isActive($tokens['access_token'], $this->watcher()));
        self::assertSame([200, []], $this->ask('revoke', ['token' => $tokens['access_token']]));
        $this->assertDenied('invalid_grant', $this->refresh($tokens['refresh_token']));
    }

    public function test_a_client_authenticates_once_and_not_by_the_url(): void
    {
        ['clientIdentifier' => $identifier, 'clientSecret' => $secret] = $this->shop;
        $basic = fn (string $secret): array => ['Authorization: Basic ' . base64_encode("$identifier:$secret")];
        $visit = fn (array $form, array $headers, string $query = ''): array =>
            (new Browser())->visit("$this->issuer/introspect$query", $form + ['token' => 'x'], $headers);
        self::assertSame(200, $visit(['client_id' => $identifier], $basic($secret))[0]);
        self::assertSame(400, $visit(['client_secret' => $secret], $basic($secret))[0]);
        self::assertSame(400, $visit(['client_id' => 'x'], $basic($secret))[0]);
        $query = '?' . http_build_query(['client_id' => $identifier, 'client_secret' => $secret]);
        $wrong = [[[], $basic('x')], [[], $basic('')], [[], []], [[], [], $query], [['client_id' => $identifier], []]];
        foreach ($wrong as $request) {
            [$status, $headers, $body] = $visit(...$request);
            self::assertSame([401, 'Basic realm="OAuth"'], [$status, $headers['www-authenticate']]);
            self::assertSame('invalid_client', json_decode($body, true)['error']);
        }
    }

    public function test_each_mistake_of_a_token_request_is_told(): void
    {
        $this->assertDenied('unsupported_grant_type', $this->ask('token', ['grant_type' => 'password']));
        $this->assertDenied('unsupported_grant_type', $this->ask('token', []));
        $this->assertDenied('unauthorized_client', $this->ask('token', ['grant_type' => 'single_sign_on']));
        $sso = self::singleSignOn();
        foreach (['authorization_code', 'refresh_token'] as $type) {
            $this->assertDenied('unauthorized_client', $this->ask('token', ['grant_type' => $type], $sso));
        }
        $this->assertDenied('invalid_grant', $this->ask('token', ['grant_type' => 'authorization_code']));
        $this->assertDenied('invalid_grant', $this->refresh('x'));
        [$status, , $body] = (new Browser())->visit("$this->issuer/token", 'grant_type=a&grant_type=b');
        $this->assertDenied('invalid_request', [$status, json_decode($body, true)]);
        self::assertSame(404, (new Browser())->visit("$this->issuer/token")[0], 'by GET');
    }

    public function test_the_file_of_the_tokens_holds_none(): void
    {
        $code = $this->code();
        $tokens = $this->ask('token', self::exchange($code))[1];
        $file = file_get_contents($this->tokens);
        foreach ([$code, $tokens['access_token'], $tokens['refresh_token']] as $token) {
            self::assertGreaterThan(42, strlen($token));
            self::assertStringNotContainsString($token, $file);
        }
    }

    public function test_where_the_store_cannot_be_used_nobody_is_let_in_or_told_why(): void
    {
        $this->serve(['localapi.dsn' => 'sqlite:/no/such/folder/store.sqlite']);
        $login = ['client_id' => 'x', 'client_secret' => 'y'];
        foreach ([$this->authorizeUrl() => null, "$this->issuer/token" => $login] as $url => $form) {
            [$status, , $body] = (new Browser())->visit($url, $form);
            self::assertSame([503, '{"error":"temporarily_unavailable"}'], [$status, $body]);
        }
        self::assertStringContainsString('/no/such/folder', file_get_contents(dirname($this->tokens) . '/log'));
    }
}
