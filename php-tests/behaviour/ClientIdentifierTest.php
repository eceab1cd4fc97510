<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/../process.php';

/** What localapi.company_name makes of a client identifier. */
final class ClientIdentifierTest extends TestCase
{
    /** @dataProvider companies */
    #[DataProvider('companies')]
    public function test_the_company_name_is_the_prefix(string $company, string $prefix): void
    {
        $create = 'echo localAPI("CreateOAuthCredential", '
            . '["grantType" => "authorization_code", "name" => "n", "scope" => "openid"])["clientIdentifier"];';
        $ini = ['localapi.company_name' => $company, 'localapi.dsn' => 'sqlite::memory:'];
        $identifier = php($create, $ini);
        $this->assertMatchesRegularExpression('~^' . preg_quote($prefix, '~') . '\.[A-Za-z0-9+/]{22}==$~', $identifier);
        $this->assertLessThanOrEqual(80, strlen($identifier));
    }

    public static function companies(): array
    {
        return [
            ['Company Name', 'COMPANY-NAME'],
            ['  Acme,  Inc. (Ltd) ', 'ACME-INC-LTD'],
            ['24/7 hosting', '24-7-HOSTING'],
            ['Müller & Söhne', 'MULLER-SOHNE'],
            ['Crème Brûlée Œuvre', 'CREME-BRULEE-OEUVRE'],
            ['Яндекс', 'YANDEKS'],
            ['', 'LOCALAPI'],
            ['--- !!! ---', 'LOCALAPI'],
            [str_repeat('a', 60), str_repeat('A', 55)],
            [str_repeat('a', 54) . ' bcd', str_repeat('A', 54)],
            [str_repeat('a', 55) . ' bcd', str_repeat('A', 55)],
        ];
    }
}
