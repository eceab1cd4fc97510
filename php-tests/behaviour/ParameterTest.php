<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\DataProvider;

require_once __DIR__ . '/StoreTestCase.php';

enum Suit: string
{
    case Hearts = 'hearts';
}

/** How the values and names of parameters are read. */
final class ParameterTest extends StoreTestCase
{
    protected function setUp(): void
    {
        parent::setUp();
        LocalApi\register_service(1, 42);
    }

    /** @dataProvider texts */
    #[DataProvider('texts')]
    public function test_a_value_is_read_as_php_makes_it_a_string(mixed $value): void
    {
        // PHP 8.5 warns of NAN.
        $text = @(string) $value;
        $this->assertSame($text, $this->created(self::request(['name' => $value]))['name']);
    }

    public static function texts(): array
    {
        return [
            'string' => ['Shop'],
            'zero' => ['0'],
            'int' => [-7],
            'largest int' => [PHP_INT_MAX],
            'float' => [1.5],
            'whole float' => [3.0],
            'large float' => [1e100],
            'small float' => [-1.25e-10],
            'minus zero' => [-0.0],
            'infinite' => [INF],
            'true' => [true],
            'Stringable' => [new TextObject('of an object')],
        ];
    }

    /** @dataProvider absent */
    #[DataProvider('absent')]
    public function test_a_value_without_text_counts_as_absent_where_one_is_required(mixed $value): void
    {
        $this->assertRefused(Message::NAME_REQUIRED, self::request(['name' => $value]));
        $this->assertRefused(Message::GRANT_TYPE_REQUIRED, self::request(['grantType' => $value]));
        $this->assertRefused(Message::SERVICE_REQUIRED, self::request(['serviceId' => $value], 'single_sign_on'));
        if ($value !== ['openid']) {
            $this->assertRefused(Message::SCOPE_REQUIRED, self::request(['scope' => $value]));
        }
    }

    public static function absent(): array
    {
        $closed = fopen('php://memory', 'r');
        fclose($closed);
        return [
            'null' => [null],
            'false, which is blank' => [false],
            'empty array' => [[]],
            'array' => [['openid']],
            'object' => [new stdClass()],
            'closure' => [fn () => 'openid'],
            'enum' => [Suit::Hearts],
            'resource' => [STDIN],
            'closed resource' => [$closed],
            'blank' => [" \t\n\r\v\f"],
        ];
    }

    /** @dataProvider serviceIds */
    #[DataProvider('serviceIds')]
    public function test_a_service_id_is_a_positive_whole_number(mixed $value, ?string $message): void
    {
        $postData = self::request(['serviceId' => $value], 'single_sign_on');
        if ($message === null) {
            $this->assertSame(1, $this->created($postData)['service_id']);
        } else {
            $this->assertRefused($message, $postData);
        }
    }

    public static function serviceIds(): array
    {
        $invalid = Message::SERVICE_INVALID;
        return [
            [1, null], ['1', null], ['01', null], [1.0, null], [true, null],
            [0, Message::SERVICE_REQUIRED], ['0', Message::SERVICE_REQUIRED], [0.0, Message::SERVICE_REQUIRED],
            ['00', $invalid], ['0.0', $invalid], [-0.0, $invalid], ['1.0', $invalid], ['1e0', $invalid],
            ['+1', $invalid], ['-1', $invalid], [-1, $invalid], [1.5, $invalid], [' 1', $invalid], ["1\n", $invalid],
            ['0x1', $invalid], ["\u{ff11}", $invalid], ['one', $invalid], [2, $invalid], [PHP_INT_MAX, $invalid],
            ['9223372036854775808', $invalid], [NAN, $invalid], ["1\0", $invalid],
        ];
    }

    public function test_a_name_is_found_by_its_exact_spelling_first(): void
    {
        $row = $this->created(['NAME' => 'upper', 'name' => 'exact', 'Name' => 'title'] + self::request());
        $this->assertSame('exact', $row['name']);
    }

    public function test_then_the_first_spelling_in_the_array_counts(): void
    {
        $postData = ['granttype' => 'authorization_code', 'SCOPE' => 'openid', 'NAME' => 'first', 'Name' => 'second'];
        $this->assertSame('first', $this->created($postData)['name']);
    }

    public function test_the_first_spelling_counts_also_where_it_is_null(): void
    {
        $postData = ['granttype' => null, 'GRANTTYPE' => 'authorization_code', 'scope' => 'openid', 'name' => 'n'];
        $this->assertRefused(Message::GRANT_TYPE_REQUIRED, $postData);
    }

    public function test_an_exact_spelling_with_null_does_not_fall_through(): void
    {
        $this->assertRefused(Message::NAME_REQUIRED, self::request(['NAME' => 'upper', 'name' => null]));
    }

    public function test_real_spellings_work(): void
    {
        $postData = ['granttype' => 'single_sign_on', 'serviceid' => 1, 'scope' => 'openid', 'logouri' => 'a.png'];
        $row = $this->created($postData);
        $this->assertSame([1, 'a.png'], [$row['service_id'], $row['logo_uri']]);
    }

    /** @dataProvider notUtf8 */
    #[DataProvider('notUtf8')]
    public function test_text_that_is_not_utf8_is_named_where_it_is_first_read(array $postData, string $message): void
    {
        $this->assertRefused($message, $postData);
    }

    public static function notUtf8(): iterable
    {
        $names = ['grantType', 'scope', 'name', 'description', 'logoUri', 'redirectUri'];
        foreach (["\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80"] as $bytes) {
            foreach ($names as $name) {
                yield [self::request([$name => $bytes]), sprintf(Message::NOT_UTF8, $name)];
            }
            $service = self::request(['serviceId' => $bytes], 'single_sign_on');
            yield [$service, sprintf(Message::NOT_UTF8, 'serviceId')];
            $list = self::request(['redirectUri' => ['x', $bytes]]);
            yield 'a list ' . bin2hex($bytes) => [$list, sprintf(Message::NOT_UTF8, 'redirectUri')];
        }
        // In front of the first rule that reads it, and after those that come before.
        $bad = "\xff";
        yield [self::request(['name' => $bad, 'scope' => '']), sprintf(Message::NOT_UTF8, 'name')];
        yield [self::request(['name' => '', 'scope' => $bad]), Message::NAME_REQUIRED];
        $late = ['name' => $bad, 'scope' => 'no:such'];
        yield [self::request($late, 'single_sign_on'), sprintf(Message::SCOPE_INVALID, 'no:such')];
        $late = ['name' => $bad, 'description' => $bad];
        yield [self::request($late, 'single_sign_on'), sprintf(Message::NOT_UTF8, 'name')];
        yield [self::request(['description' => $bad, 'logoUri' => '//']), sprintf(Message::NOT_UTF8, 'description')];
        yield [self::request(['logoUri' => '//', 'redirectUri' => $bad]), sprintf(Message::LOGO_URI_INVALID, '//', 'it begins with //')];
    }

    /** @dataProvider quoted */
    #[DataProvider('quoted')]
    public function test_what_is_quoted_is_cut_and_has_no_control_characters(string $given, string $quoted): void
    {
        $this->assertRefused(sprintf(Message::GRANT_TYPE_INVALID, $quoted), self::request(['grantType' => $given]));
    }

    public static function quoted(): array
    {
        $cut = str_repeat('é', 80) . '…';
        return [
            [str_repeat('é', 80), str_repeat('é', 80)],
            [str_repeat('é', 81), $cut],
            [str_repeat('é', 5_000), $cut],
            ["a\0b\nc\x7fd\u{85}e\u{202e}f\u{2066}", "a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}e\u{fffd}f\u{fffd}"],
            [str_repeat("\x01", 81), str_repeat("\u{fffd}", 80) . '…'],
            ['"quotes" & <b>', '"quotes" & <b>'],
            ['authorization_code ', 'authorization_code '],
            ['AUTHORIZATION_CODE', 'AUTHORIZATION_CODE'],
            ['%s %n', '%s %n'],
        ];
    }

    /** @dataProvider redirectUris */
    #[DataProvider('redirectUris')]
    public function test_redirect_uris_are_stored_byte_for_byte(mixed $given, string $stored): void
    {
        $this->assertSame($stored, $this->created(self::request(['redirectUri' => $given]))['redirect_uri']);
    }

    public static function redirectUris(): array
    {
        $uri = 'https://a.example/Path?b=C&d=%41';
        $other = 'com.example.app:/back';
        $longest = 'https://a.example/' . str_repeat('x', 1_982);
        $local = 'http://localhost:8080/ http://[::1]/ http://127.9.9.9/ http://shop.test http://a.localhost/';
        return [
            'none' => [null, ''],
            'blank' => [" \n", ''],
            'empty list' => [[], ''],
            'one' => [$uri, $uri],
            'between white space' => ["\n$uri\t\v$other ", "$uri $other"],
            'a list' => [[$uri, $other], "$uri $other"],
            'a list with string keys' => [['b' => $uri, 'a' => $other], "$uri $other"],
            'Stringable elements' => [[new TextObject($uri)], $uri],
            'joined by JavaScript' => ["$uri,$other,https://c.example", "$uri $other https://c.example"],
            'a comma of its own' => ["$uri,b,c:d", "$uri,b,c:d"],
            'a comma in a list' => [["$uri,https://b.example"], "$uri,https://b.example"],
            '32' => [implode(' ', array_fill(0, 32, $uri)), implode(' ', array_fill(0, 32, $uri))],
            'the longest' => [$longest, $longest],
            'this machine and test hosts' => [$local, $local],
        ];
    }

    /** @dataProvider invalidRedirectUris */
    #[DataProvider('invalidRedirectUris')]
    public function test_where_oauth_must_not_redirect_to_is_refused(mixed $given, string $quoted, string $reason): void
    {
        $message = sprintf(Message::REDIRECT_URI_INVALID, $quoted, $reason);
        $this->assertRefused($message, self::request(['redirectUri' => $given]));
    }

    public static function invalidRedirectUris(): iterable
    {
        $reasons = [
            'http is for loopback hosts and *.test only' => [
                'http://shop.example/', 'http://docker/x', 'http://127.1/', 'http://2130706433/',
                'http://localhost.example/', 'http://test/',
            ],
            'it is not an absolute URI' => ['/back', 'back'],
            'a private scheme needs a dot' => [
                'javascript:alert(1)', 'data:text/html,x', 'myapp://back', 'urn:ietf:wg:oauth:2.0:oob',
            ],
            'it has no host' => ['https://', 'https:///x'],
            'it has a fragment' => ['https://a.example/#x'],
            'it has a user' => ['https://user@a.example/'],
            'it has a wildcard' => ['https://*.example/', 'https://a.example/*'],
            'it has a backslash' => ['https://a.example/b\\c'],
            'it has white space' => ["https://a.example/\u{a0}"],
            'its host is not ASCII' => ['https://müller.example/'],
            'its port is not valid' => ['https://a.example:99999/'],
        ];
        foreach ($reasons as $reason => $uris) {
            foreach ($uris as $uri) {
                yield $uri => [$uri, $uri, $reason];
            }
        }
        $two = 'https://a.example/ https://b.example/';
        yield 'white space in a list' => [[$two], $two, 'it has white space'];
        yield 'an empty element' => [['https://a.example/', ''], '', 'it is not an absolute URI'];
        yield 'an int' => [[5], '5', 'it is not an absolute URI'];
        yield 'null' => [[null], 'null', 'it is not a string'];
        yield 'an array' => [[['https://a.example/']], 'array', 'it is not a string'];
        yield 'an object' => [[new stdClass()], 'object', 'it is not a string'];
    }

    /** @dataProvider logoUris */
    #[DataProvider('logoUris')]
    public function test_a_logo_is_a_url_or_a_path_below_the_client_area(string $uri, ?string $fault): void
    {
        if ($fault === null) {
            $this->assertSame($uri, $this->created(self::request(['logoUri' => $uri]))['logo_uri']);
        } else {
            $this->assertRefused(sprintf(Message::LOGO_URI_INVALID, $uri, $fault), self::request(['logoUri' => $uri]));
        }
    }

    public static function logoUris(): array
    {
        [$scheme, $leaves] = ['its scheme is neither https nor http', 'it leaves the client area'];
        return [
            ['https://cdn.example/logo.png?v=2', null], ['http://cdn.example/logo.png', null],
            ['images/logo.png', null], ['/images/logo 1.png', null], ['images/..logo.png', null],
            ['images/' . str_repeat('é', 248), null],
            ['//cdn.example/logo.png', 'it begins with //'], ['ftp://cdn.example/logo.png', $scheme],
            ['javascript:alert(1)', $scheme], ['data:image/png;base64,AA', $scheme],
            ['../config.php', $leaves], ['images/%2e%2E/config.php', $leaves],
            ['images\\logo.png', 'it has a backslash'], ['images/%5clogo.png', 'it has a backslash'],
            ['https://', 'it is not a valid URL'],
        ];
    }
}

/** A string in an object. */
final class TextObject
{
    public function __construct(private string $text)
    {
    }

    public function __toString(): string
    {
        return $this->text;
    }
}
