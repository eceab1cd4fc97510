<?php

declare(strict_types=1);

require_once __DIR__ . '/StoreTestCase.php';

/** public/includes/api.php under PHP's own web server, called with cURL. */
final class EntryPointTest extends StoreTestCase
{
    public function testCurlCreatesACredential(): void
    {
        $pair = LocalApi\issue_api_credential('admin');
        LocalApi\register_service(1, 42);
        $server = new Server(__DIR__ . '/../../public', self::place());
        $ch = curl_init();
        curl_setopt($ch, CURLOPT_URL, "http://{$server->address()}/includes/api.php");
        curl_setopt($ch, CURLOPT_POST, 1);
        curl_setopt($ch, CURLOPT_POSTFIELDS, http_build_query([
            'action' => 'CreateOAuthCredential',
            'username' => $pair['identifier'],
            'password' => $pair['secret'],
            'grantType' => 'single_sign_on',
            'scope' => 'clientarea:sso',
            'serviceId' => '1',
            'responsetype' => 'json',
        ]));
        curl_setopt($ch, CURLOPT_RETURNTRANSFER, 1);
        $answer = json_decode(curl_exec($ch), true, 512, JSON_THROW_ON_ERROR);
        self::assertSame(200, curl_getinfo($ch, CURLINFO_RESPONSE_CODE));
        self::assertSame('success', $answer['result'], $answer['message'] ?? '');
        self::assertSame([['id' => 1]], self::rows('SELECT id FROM tbloauthserver_clients'));
    }
}
