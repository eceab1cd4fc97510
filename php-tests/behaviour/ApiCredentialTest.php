<?php

declare(strict_types=1);

use function LocalApi\issue_api_credential;
use function LocalApi\respond;
use function LocalApi\revoke_api_credential;

require_once __DIR__ . '/StoreTestCase.php';

/** Who may call over HTTP. */
final class ApiCredentialTest extends StoreTestCase
{
    private const SERVER = ['REQUEST_METHOD' => 'POST', 'REMOTE_ADDR' => '127.0.0.1', 'CONTENT_LENGTH' => '20'];

    /** The status of a list with these credentials. */
    private static function ask(array $credentials, string $address = '127.0.0.1'): int
    {
        $parameters = $credentials + ['action' => 'ListOAuthCredentials'];
        return respond($parameters, ['REMOTE_ADDR' => $address] + self::SERVER)['status'];
    }

    public function testOnlyAVerifierIsStored(): void
    {
        $pair = issue_api_credential('admin', ['ListOAuthCredentials', 'GetClients'], 'For the shop');
        self::assertSame(['identifier', 'secret'], array_keys($pair));
        self::assertMatchesRegularExpression('/^[A-Za-z0-9]{32}$/D', $pair['identifier']);
        self::assertMatchesRegularExpression('/^[A-Za-z0-9]{32}$/D', $pair['secret']);
        $row = self::rows('SELECT identifier, secret, description, role_ids FROM tbldeviceauth')[0];
        $verifier = hash('sha256', $pair['secret']);
        self::assertSame([$pair['identifier'], $verifier, 'For the shop', '1'], array_values($row));
        $role = self::rows('SELECT permissions FROM tblapi_roles')[0];
        self::assertSame(['listoauthcredentials', 'getclients'], json_decode($role['permissions']));
    }

    public function testAPairMayBeInEitherPlaceAndEmptyStringsAreNone(): void
    {
        ['identifier' => $name, 'secret' => $secret] = $pair = issue_api_credential('admin');
        self::assertSame(200, self::ask($pair + ['username' => '', 'password' => '', 'accesskey' => '']));
        self::assertSame(200, self::ask(['username' => $name, 'password' => $secret, 'identifier' => '']));
        self::assertSame(403, self::ask(['identifier' => $name, 'secret' => '']));
    }

    public function testARevokedCredentialIsRefused(): void
    {
        $pair = issue_api_credential('admin');
        self::assertTrue(revoke_api_credential($pair['identifier']));
        self::assertFalse(revoke_api_credential($pair['identifier']));
        self::assertFalse(revoke_api_credential('unknown'));
        self::assertSame(403, self::ask($pair));
    }

    public function testAnAdminLogsInWithTheMd5OfThePassword(): void
    {
        $login = ['username' => 'admin', 'password' => md5('secret')];
        self::assertSame(403, self::ask($login), 'off without a password');
        $hash = password_hash(md5('secret'), PASSWORD_BCRYPT, ['cost' => 4]);
        self::pdo()->prepare("UPDATE tbladmins SET password = ? WHERE username = 'admin'")->execute([$hash]);
        self::assertSame(200, self::ask($login));
        self::assertSame(403, self::ask(['password' => md5('wrong')] + $login));
        self::assertSame(403, self::ask(['username' => 'nobody'] + $login));
    }

    public function testAnAccessIsNotedOnceAMinute(): void
    {
        $pair = issue_api_credential('admin');
        $noted = fn () => self::rows('SELECT last_access FROM tbldeviceauth')[0]['last_access'];
        self::assertNull($noted());
        self::assertSame(200, self::ask($pair));
        self::assertNotNull($noted());
        $recent = gmdate('Y-m-d H:i:s', time() - 20);
        self::pdo()->exec("UPDATE tbldeviceauth SET last_access = '$recent'");
        self::assertSame(200, self::ask($pair));
        self::assertSame($recent, $noted());
        self::pdo()->exec("UPDATE tbldeviceauth SET last_access = '2020-01-01 00:00:00'");
        self::assertSame(200, self::ask($pair));
        self::assertGreaterThan($recent, $noted());
    }

    public function testAnAccessThatCannotBeNotedIsNoReasonToRefuse(): void
    {
        $parameters = issue_api_credential('admin') + ['action' => 'ListOAuthCredentials'];
        $call = sprintf('print LocalApi\respond(%s, %s)["body"];', var_export($parameters, true), var_export(self::SERVER, true));
        self::lock($other = self::pdo());
        $body = php($call, ['localapi.busy_timeout' => 100] + self::place());
        $other->exec('ROLLBACK');
        self::assertSame('{"result":"success","clients":[]}', $body);
        self::assertNull(self::rows('SELECT last_access FROM tbldeviceauth')[0]['last_access']);
    }

    /** What is done before, the answer, and whether the server's log has the sentence. */
    private static function respondWhere(string $first, array $ini, array $parameters): array
    {
        $log = scratch_folder() . '/php.log';
        $call = '%s; print json_encode(LocalApi\respond(%s, %s));';
        $call = sprintf($call, $first, var_export($parameters, true), var_export(self::SERVER, true));
        $response = json_decode(php($call, ['error_log' => $log] + $ini), true);
        return [$response['status'], json_decode($response['body'], true), @file($log) ?: []];
    }

    public function testAStoreThatCannotBeReachedTellsAStrangerNothing(): void
    {
        $pair = ['identifier' => 'a', 'secret' => 'b', 'action' => 'ListOAuthCredentials'];
        $nowhere = ['localapi.dsn' => 'sqlite:/nowhere/store.sqlite'];
        [$status, $answer, $log] = self::respondWhere('', $nowhere, $pair);
        self::assertSame([503, ['result' => 'error', 'message' => 'The service is unavailable']], [$status, $answer]);
        self::assertCount(1, $log);
        self::assertStringContainsString('localapi: The credential store cannot be opened: the folder "/nowhere"', $log[0]);
    }

    public function testAFaultOfTheStoreIsAnAnswerToACallerWhoIsKnownAndALineInTheLog(): void
    {
        $create = ['action' => 'CreateOAuthCredential', 'grantType' => 'authorization_code', 'name' => 'n', 'scope' => 'openid'];
        $parameters = issue_api_credential('admin') + $create;
        self::assertSame(200, self::ask($parameters));
        self::lock($other = self::pdo());
        $found = self::respondWhere('', ['localapi.busy_timeout' => 100] + self::place(), $parameters);
        $other->exec('ROLLBACK');
        [$status, $answer, $log] = $found;
        self::assertSame([200, 'error'], [$status, $answer['result']]);
        self::assertStringStartsWith('The credential store is locked', $answer['message']);
        self::assertCount(1, $log);
        self::assertStringContainsString("localapi: $answer[message]", $log[0]);
        // A caller's own mistake is no fault.
        [$status, $answer, $log] = self::respondWhere('', self::place(), ['name' => ''] + $parameters);
        self::assertSame([200, 'A name for the Client Credential is required.', []], [$status, $answer['message'], $log]);
    }

    public function testAnAddressMayBeInARangeAndMappedIpv4IsIpv4(): void
    {
        $code = 'foreach (%s as $address) { $server = ["REQUEST_METHOD" => "POST", "REMOTE_ADDR" => $address];'
            . ' print LocalApi\respond([], $server)["status"] . json_decode(LocalApi\respond([], $server)["body"])->message . "\n"; }';
        $allowed = ['10.255.0.1', '::ffff:10.0.0.1', '2001:db8:ffff::1', '192.0.2.7', '::ffff:192.0.2.255'];
        $others = ['11.0.0.1' => '11.0.0.1', '::ffff:11.0.0.1' => '11.0.0.1', '2001:db9::1' => '2001:db9::1', '127.0.0.1' => '127.0.0.1', '' => ''];
        $ranges = '10.0.0.0/8,2001:db8::/32, ::ffff:192.0.2.0/120';
        $output = php(sprintf($code, var_export([...$allowed, ...array_map('strval', array_keys($others))], true)), [
            'localapi.api_allowed_ips' => $ranges,
            'localapi.dsn' => 'sqlite::memory:',
        ]);
        $expected = array_fill(0, count($allowed), '403Invalid or missing credentials');
        foreach ($others as $shown) {
            $expected[] = "403Invalid IP $shown";
        }
        self::assertSame(implode("\n", $expected) . "\n", $output);
    }

    public function testAWrongCredentialIsLoggedTenTimesAMinuteForOneAddress(): void
    {
        $wrong = ['identifier' => 'never-to-be-logged', 'secret' => 'nor-this'];
        for ($i = 0; $i < 15; $i++) {
            self::assertSame(403, self::ask($wrong));
            self::assertSame(403, self::ask($wrong, '203.0.113.9'));
        }
        self::assertSame(403, self::ask($wrong, '::1'));
        $lines = self::rows('SELECT ipaddr, count(*) n FROM tblactivitylog GROUP BY ipaddr ORDER BY ipaddr');
        self::assertSame([['ipaddr' => '127.0.0.1', 'n' => 10], ['ipaddr' => '::1', 'n' => 1]], $lines);
        self::assertStringNotContainsString('never', json_encode(self::rows('SELECT * FROM tblactivitylog')));
    }

    public function testProcessesThatRefuseAtOnceWriteTenLinesAMinute(): void
    {
        $wrong = ['identifier' => 'a', 'secret' => 'b'];
        for ($i = 0; $i < 5; $i++) {
            self::assertSame(403, self::ask($wrong));
        }
        $call = sprintf('print localAPI("ListOAuthCredentials")["result"]; print LocalApi\respond(%s, %s)["status"];', var_export($wrong, true), var_export(self::SERVER, true));
        self::lock($other = self::pdo());
        for ($i = 0; $i < 8; $i++) {
            $command = [PHP_BINARY, ...ini_options(['localapi.busy_timeout' => 60_000] + self::place()), '-r', $call];
            $processes[] = proc_open($command, [1 => ['pipe', 'w'], 2 => ['redirect', 1]], $pipes[]);
        }
        foreach ($pipes as [1 => $output]) {
            self::assertSame('success', fread($output, 7));
        }
        // They are about to wait for the lock.
        usleep(300_000);
        $other->exec('ROLLBACK');
        foreach ($pipes as $i => [1 => $output]) {
            self::assertSame('403', stream_get_contents($output));
            proc_close($processes[$i]);
        }
        self::assertSame(10, (int) self::rows('SELECT count(*) n FROM tblactivitylog')[0]['n']);
    }

    public function testTheAccessKeyPassesTheAddressAndNothingElse(): void
    {
        $code = '$server = ["REQUEST_METHOD" => "POST", "REMOTE_ADDR" => "203.0.113.9"];'
            . 'foreach (["wrong", "let-me-in"] as $key) {'
            . ' print json_decode(LocalApi\respond(["accesskey" => $key], $server)["body"])->message . "\n"; }';
        $output = php($code, ['localapi.api_access_key' => 'let-me-in', 'localapi.dsn' => 'sqlite::memory:']);
        self::assertSame("Invalid IP 203.0.113.9\nInvalid or missing credentials\n", $output);
    }
}
