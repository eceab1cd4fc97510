<?php

declare(strict_types=1);

namespace LocalApi\Endurance;

/**
 * Requests to includes/api.php with any method, query, content type and body: the same again after the same `mt_srand`.
 */
final class AnyRequest
{
    private const ACTIONS = ['CreateOAuthCredential', 'LISTOAUTHCREDENTIALS', 'updateoauthcredential',
        'DeleteOAuthCredential', 'GetClients', ''];
    private const NAMES = ['grantType', 'scope', 'name', 'serviceId', 'description', 'logoUri', 'redirectUri',
        'credentialId', 'clientApiIdentifier', 'resetSecret', 'sortField', 'sortOrder', 'limit', 'limitstart',
        'action', 'responsetype', 'identifier', 'secret', 'username', 'password', 'accesskey', 'GRANTTYPE'];
    private const VALUES = ['authorization_code', 'single_sign_on', 'openid', 'clientarea:sso  email', '1', '0', '-1',
        '99999999999999999999', '1e3', 'https://example.com/a', 'com.example:/b', 'http://[::1', '../x', 'true', 'DESC',
        'id', 'admin', '5f4dcc3b5aa765d61d8327deb882cf99', "\u{202e}", '', ' '];
    private const TYPES = ['application/json', 'text/xml', 'text/plain', 'multipart/form-data', 'multipart/mixed; boundary=b',
        'application/x-www-form-urlencoded; charset=utf-16', 'application/octet-stream'];
    private const FORM = 'application/x-www-form-urlencoded';
    private const MULTIPART = 'multipart/form-data; boundary=b';

    /**
     * The options for cURL of one to this URL; one half of them are of a caller who may call.
     *
     * @param array<string, string> $login
     * @return array<int, mixed>
     */
    public static function options(string $url, array $login): array
    {
        $query = mt_rand(0, 1) ? $login : [];
        if (mt_rand(0, 9)) {
            $query['action'] = self::anyOf(self::ACTIONS);
        }
        if (mt_rand(0, 1)) {
            $query['responsetype'] = mt_rand(0, 9) ? self::anyOf(['json', 'xml', 'nvp', 'XML']) : self::bytes(8);
        }
        if (!mt_rand(0, 9)) {
            $query[self::name()] = self::bytes(20);
        }
        [$type, $body] = self::body();
        if (!mt_rand(0, 4)) {
            $type = mt_rand(0, 1) ? self::anyOf(self::TYPES) : preg_replace('/[\x00-\x1f\x7f]/', '', self::bytes(40));
        }
        return [
            CURLOPT_URL => $url . '?' . http_build_query($query),
            CURLOPT_CUSTOMREQUEST => mt_rand(0, 19) ? 'POST' : self::anyOf(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']),
            CURLOPT_HTTPHEADER => ["Content-Type: $type", 'Expect:'],
            CURLOPT_POSTFIELDS => $body,
        ];
    }

    /** @return array{string, string} a content type and a body that may go with it */
    private static function body(): array
    {
        $kind = mt_rand(0, 999);
        return match (true) {
            $kind === 0 => [self::FORM, 'name=' . str_repeat(self::bytes(16), 70_000)],
            $kind === 1 => [self::FORM, implode('&', array_map(fn (int $i): string => "a$i", range(1, mt_rand(990, 1_200))))],
            $kind < 200 => [self::FORM, self::bytes(400)],
            $kind < 500 => [self::FORM, self::form()],
            $kind < 600 => [self::FORM, self::damaged(self::form())],
            $kind < 800 => [self::MULTIPART, self::multipart()],
            $kind < 900 => [self::MULTIPART, self::damaged(self::multipart())],
            default => [self::anyOf(self::TYPES), self::bytes(400)],
        };
    }

    private static function form(): string
    {
        $pairs = [];
        for ($count = mt_rand(0, 8); $count > 0; $count--) {
            $pairs[] = self::name() . '=' . urlencode(self::value());
        }
        return implode('&', $pairs);
    }

    private static function multipart(): string
    {
        $body = '';
        for ($count = mt_rand(0, 8); $count > 0; $count--) {
            $file = mt_rand(0, 9) ? '' : '; filename="' . self::value() . '"';
            $body .= "--b\r\nContent-Disposition: form-data; name=\"" . self::name() . "\"$file\r\n\r\n" . self::value() . "\r\n";
        }
        return "$body--b--\r\n";
    }

    /** Cut, or with some bytes changed. */
    private static function damaged(string $body): string
    {
        if (mt_rand(0, 1)) {
            return substr($body, 0, mt_rand(0, strlen($body)));
        }
        for ($count = mt_rand(1, 4); $count > 0 && $body !== ''; $count--) {
            $body[mt_rand(0, strlen($body) - 1)] = chr(mt_rand(0, 255));
        }
        return $body;
    }

    private static function name(): string
    {
        $name = mt_rand(0, 19) ? self::anyOf(self::NAMES) : self::bytes(6);
        return $name . (mt_rand(0, 4) ? '' : str_repeat('[' . mt_rand(0, 3) . ']', self::anyOf([1, 1, 2, 3, 4, 70])));
    }

    private static function value(): string
    {
        return mt_rand(0, 3) ? self::anyOf(self::VALUES) : self::bytes(60);
    }

    /** Up to so many bytes, a multiple of four. */
    private static function bytes(int $most): string
    {
        for ($bytes = '', $left = mt_rand(0, $most); $left > 0; $left -= 4) {
            $bytes .= pack('N', mt_rand() << 1 | mt_rand(0, 1));
        }
        return $bytes;
    }

    private static function anyOf(array $values): mixed
    {
        return $values[mt_rand(0, count($values) - 1)];
    }
}
