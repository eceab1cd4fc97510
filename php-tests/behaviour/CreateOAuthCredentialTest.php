<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\DataProvider;

require_once __DIR__ . '/StoreTestCase.php';

/** The answer, each message, and which of several mistakes is answered. */
final class CreateOAuthCredentialTest extends StoreTestCase
{
    protected function setUp(): void
    {
        parent::setUp();
        LocalApi\register_service(1, 42);
    }

    /** @dataProvider grantTypes */
    #[DataProvider('grantTypes')]
    public function test_the_answer_has_four_keys_in_the_documented_order(string $grantType): void
    {
        $answer = self::create(self::request(grantType: $grantType));
        $keys = ['result', 'credentialId', 'clientIdentifier', 'clientSecret'];
        $this->assertSame($keys, array_keys($answer));
        $this->assertSame('success', $answer['result']);
        $this->assertSame(1, $answer['credentialId']);
        $this->assertMatchesRegularExpression('~^COMPANY-NAME\.[A-Za-z0-9+/]{22}==$~', $answer['clientIdentifier']);
        $this->assertMatchesRegularExpression('~^[A-Za-z0-9+/]{86}==$~', $answer['clientSecret']);
        [, $random] = explode('.', $answer['clientIdentifier']);
        $this->assertSame(16, strlen(base64_decode($random, true)));
        $this->assertSame(64, strlen(base64_decode($answer['clientSecret'], true)));
    }

    public static function grantTypes(): array
    {
        return [['authorization_code'], ['single_sign_on']];
    }

    public function test_the_documented_sample_works_unchanged(): void
    {
        $command = 'CreateOAuthCredential';
        $postData = array(
            'grantType' => 'single_sign_on',
            'scope' => 'clientarea:sso clientarea:billing_info clientarea:announcements',
            'serviceId' => '1',
            'description' => 'Billing and Announcements SSO',
        );
        $adminUsername = 'admin';
        $results = localAPI($command, $postData, $adminUsername);
        $this->assertSame('success', $results['result']);
    }

    public function test_no_identifier_or_secret_comes_twice(): void
    {
        for ($seen = [], $calls = 0; $calls < 200; ++$calls) {
            $answer = self::create(self::request());
            $seen[] = $answer['clientIdentifier'];
            $seen[] = $answer['clientSecret'];
        }
        $this->assertCount(400, array_unique($seen));
    }

    /** @dataProvider commands */
    #[DataProvider('commands')]
    public function test_the_command_is_matched_without_regard_to_case(string $command): void
    {
        $this->assertSame('success', localAPI($command, self::request())['result']);
    }

    public static function commands(): array
    {
        return [['createoauthcredential'], ['CREATEOAUTHCREDENTIAL'], ['createOAuthCredential']];
    }

    /** @dataProvider unknownCommands */
    #[DataProvider('unknownCommands')]
    public function test_an_unknown_command_is_answered_before_anything_else(string $command, string $quoted): void
    {
        $expected = ['result' => 'error', 'message' => sprintf(Message::COMMAND_UNANSWERED, $quoted)];
        $this->assertSame($expected, localAPI($command, ['grantType' => "\xff"], 'nobody'));
    }

    public static function unknownCommands(): array
    {
        return [
            ['GetMyOwnStats', 'GetMyOwnStats'],
            ['', ''],
            [' CreateOAuthCredential', ' CreateOAuthCredential'],
            ["CreateOAuthCredential\0", "CreateOAuthCredential\u{fffd}"],
            ["\xff", "\u{fffd}"],
        ];
    }

    /** @dataProvider chains */
    #[DataProvider('chains')]
    public function test_the_first_rule_that_fails_answers(string $message, array $postData): void
    {
        self::registerManyScopes();
        // A service whose client is missing.
        self::pdo()->exec('INSERT INTO tblhosting (id, userid) VALUES (5, 77)');
        $this->assertRefused($message, $postData);
    }

    /** Each rule alone, and each with all rules after it broken too. */
    public static function chains(): iterable
    {
        foreach (['authorization_code', 'single_sign_on'] as $grantType) {
            $rules = self::rules($grantType);
            foreach ($rules as $at => [$message, $broken]) {
                yield "$grantType, only: $message" => [$message, $broken + self::request(grantType: $grantType)];
                $later = array_merge(...array_reverse(array_column(array_slice($rules, $at), 1)));
                yield "$grantType, first: $message" => [$message, $later + self::request(grantType: $grantType)];
            }
        }
    }

    /** In the order of the contract: a message, and the parameter that breaks its rule and those that can wait. */
    private static function rules(string $grantType): array
    {
        $many = implode(' ', self::manyScopes());
        $own = [
            'authorization_code' => [[Message::NAME_REQUIRED, ['name' => "\t"]]],
            'single_sign_on' => [[Message::SERVICE_REQUIRED, ['serviceId' => '0']]],
        ];
        $ofService = [
            [Message::SERVICE_INVALID, ['serviceId' => '99']],
            [Message::SERVICE_WITHOUT_CLIENT, ['serviceId' => '5']],
        ];
        return [
            [Message::GRANT_TYPE_REQUIRED, ['grantType' => '']],
            [sprintf(Message::GRANT_TYPE_INVALID, 'x'), ['grantType' => 'x']],
            ...$own[$grantType],
            [Message::SCOPE_REQUIRED, ['scope' => '']],
            [sprintf(Message::SCOPE_INVALID, 'no:such'), ['scope' => "openid no:such never:reached $many"]],
            ...($grantType === 'single_sign_on' ? $ofService : []),
            [Message::TOO_MANY_SCOPES, ['scope' => $many]],
            [Message::NAME_TOO_LONG, ['name' => str_repeat("\x01", 256)]],
            [Message::NAME_CONTROLS, ['name' => "Shop\x01"]],
            [Message::DESCRIPTION_TOO_LONG, ['description' => str_repeat("\x01", 256)]],
            [Message::DESCRIPTION_CONTROLS, ['description' => "\x01"]],
            [Message::LOGO_URI_TOO_LONG, ['logoUri' => '//' . str_repeat('x', 254)]],
            [sprintf(Message::LOGO_URI_INVALID, '//x', 'it begins with //'), ['logoUri' => '//x']],
            [Message::TOO_MANY_REDIRECT_URIS, ['redirectUri' => array_fill(0, 33, str_repeat('x', 100))]],
            [Message::REDIRECT_URIS_TOO_LONG, ['redirectUri' => array_fill(0, 20, str_repeat('x', 100))]],
            [sprintf(Message::REDIRECT_URI_INVALID, 'x', 'it is not an absolute URI'), ['redirectUri' => 'https://a.example/ x never:reached']],
        ];
    }

    private static function manyScopes(): array
    {
        return array_map(fn (int $number) => "many:$number", range(1, 65));
    }

    private static function registerManyScopes(): void
    {
        $pdo = self::pdo();
        $pdo->beginTransaction();
        $insert = $pdo->prepare('INSERT INTO tbloauthserver_scopes (scope) VALUES (?)');
        foreach (self::manyScopes() as $scope) {
            $insert->execute([$scope]);
        }
        $pdo->commit();
    }

    public function test_what_a_grant_type_has_no_use_for_is_not_looked_at(): void
    {
        $row = $this->created(self::request(['serviceId' => "\xff"]));
        $this->assertSame(0, $row['service_id']);
        $this->assertSame('', $row['user_id']);
        $this->created(self::request(['email' => "\xff", 'responsetype' => 'json'], 'single_sign_on'));
    }

    /** @dataProvider scopes */
    #[DataProvider('scopes')]
    public function test_scopes_are_tokens_between_ascii_white_space(string $scope, array $stored): void
    {
        $id = $this->created(self::request(['scope' => $scope]))['id'];
        $sql = 'SELECT scope FROM tbloauthserver_client_scopes JOIN tbloauthserver_scopes ON id = scope_id
                WHERE client_id = ' . $id . ' ORDER BY id';
        $this->assertSame($stored, array_column(self::rows($sql), 'scope'));
    }

    public static function scopes(): array
    {
        return [
            ['openid', ['openid']],
            ["\topenid\nprofile\r\nemail\v\fclientarea:sso ", ['clientarea:sso', 'openid', 'profile', 'email']],
            ['openid openid  openid', ['openid']],
            // No grant type forbids a scope.
            ['clientarea:sso sso:custom_redirect', ['clientarea:sso', 'sso:custom_redirect']],
        ];
    }

    /** @dataProvider unknownScopes */
    #[DataProvider('unknownScopes')]
    public function test_a_token_is_compared_byte_for_byte(string $scope, string $quoted): void
    {
        $this->assertRefused(sprintf(Message::SCOPE_INVALID, $quoted), self::request(['scope' => $scope]));
    }

    public static function unknownScopes(): array
    {
        return [
            ['OpenID', 'OpenID'],
            ['openid,profile', 'openid,profile'],
            ["openid\u{a0}profile", "openid\u{a0}profile"],
            ["openid\0", "openid\u{fffd}"],
            ["open\u{202e}id", "open\u{fffd}id"],
            ['openid*', 'openid*'],
        ];
    }

    public function test_repeats_count_once_among_64_scopes(): void
    {
        self::registerManyScopes();
        $scope = implode(' ', array_slice(self::manyScopes(), 0, 64));
        $this->created(self::request(['scope' => "$scope $scope"]));
    }

    public function test_a_flood_of_scopes_or_bytes_is_refused_in_one_line(): void
    {
        $flood = 'openid ' . implode(' ', array_map(fn (int $number) => "flood:$number", range(1, 10_000)));
        $this->assertRefused(sprintf(Message::SCOPE_INVALID, 'flood:1'), self::request(['scope' => $flood]));
        $large = str_repeat('x', 10_000_000);
        $cut = str_repeat('x', 80) . '…';
        $this->assertRefused(sprintf(Message::GRANT_TYPE_INVALID, $cut), self::request(['grantType' => $large]));
        $this->assertRefused(Message::NAME_TOO_LONG, self::request(['name' => $large]));
        $this->assertRefused(Message::REDIRECT_URIS_TOO_LONG, self::request(['redirectUri' => $large]));
    }

    /** @dataProvider texts */
    #[DataProvider('texts')]
    public function test_name_and_description_are_short(string $parameter, string $text, ?string $message): void
    {
        $postData = self::request([$parameter => $text]);
        if ($message === null) {
            $this->assertSame($text, $this->created($postData)[$parameter]);
        } else {
            $this->assertRefused($message, $postData);
        }
    }

    public static function texts(): iterable
    {
        $longest = str_repeat('ü', 255);
        yield ['name', $longest, null];
        yield ['name', "{$longest}x", Message::NAME_TOO_LONG];
        yield ['description', $longest, null];
        yield ['description', "{$longest}x", Message::DESCRIPTION_TOO_LONG];
        yield ['name', '  Ünïcode „quotes“ 日本 👩‍👩‍👧  ', null];
        yield ['description', "lines\r\nand\ttabs", null];
        foreach (["\n", "\r", "\t"] as $allowedInDescription) {
            yield ['name', "a{$allowedInDescription}b", Message::NAME_CONTROLS];
        }
        $controls = ["\0", "\x1f", "\x7f", "\u{80}", "\u{9f}", "\u{202a}", "\u{202e}", "\u{2066}", "\u{2069}"];
        foreach ($controls as $control) {
            yield ['name', "a{$control}b", Message::NAME_CONTROLS];
            yield ['description', "a{$control}b", Message::DESCRIPTION_CONTROLS];
        }
        foreach (["\u{a0}", "\u{200d}", "\u{2029}", "\u{2065}"] as $noControl) {
            yield ['name', "a{$noControl}b", null];
        }
    }
}
