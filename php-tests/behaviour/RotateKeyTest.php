<?php

declare(strict_types=1);

require_once __DIR__ . '/CredentialTestCase.php';

use LocalApi\StoreException;
use function LocalApi\rotate_key;

/** LocalApi\rotate_key(), and what is answered where a key is missing. */
final class RotateKeyTest extends CredentialTestCase
{
    public function test_every_secret_is_sealed_with_a_new_key_and_stays_what_it_was(): void
    {
        $issued = $this->issue(450);
        $before = self::rows('SELECT * FROM tbloauthserver_clients');
        $old = self::keys()['active'];
        self::assertSame(450, rotate_key());
        $new = self::keys()['active'];
        self::assertSame([$old, $new], array_column(self::keys()['keys'], 'id'));
        self::assertNotSame($old, $new);
        self::assertSame([$new], $this->sealingKeys());
        $secrets = array_column(self::clients(), 'clientSecret', 'clientIdentifier');
        self::assertSame(array_column($issued, 'clientSecret', 'clientIdentifier'), $secrets);
        $after = self::rows('SELECT * FROM tbloauthserver_clients');
        $but = static fn (array $row): array => array_diff_key($row, ['secret' => 1]);
        self::assertSame(array_map($but, $before), array_map($but, $after));
        self::assertSame(['Key rotated: everything is sealed with the new one from now on'], self::log());
        self::assertSame(0600, fileperms(self::keyFile()) & 0777);
        // And again, from there.
        self::authorizationCode();
        self::assertSame(451, rotate_key());
        self::assertCount(3, self::keys()['keys']);
        self::assertSame([self::keys()['active']], $this->sealingKeys());
        self::assertTrue(self::verifies($issued[0]));
    }

    public function test_a_store_without_credentials_gets_a_new_key_too(): void
    {
        LocalApi\register_admin('eve');
        self::assertSame(0, rotate_key());
        self::assertSame(0, rotate_key(stage: false));
        $issued = self::authorizationCode();
        self::assertSame([self::keys()['active']], $this->sealingKeys());
        self::assertTrue(self::verifies($issued));
    }

    public function test_a_store_in_memory_rotates_the_key_of_its_process(): void
    {
        $code = "(function () { \$issued = " . self::CREATE . "; \$count = LocalApi\\rotate_key(); return [\$count,
            LocalApi\\verify_credential(\$issued['clientIdentifier'], \$issued['clientSecret'])['credentialId']]; })()";
        self::assertSame([1, 1], self::elsewhere($code, ['localapi.dsn' => 'sqlite::memory:']));
    }

    public function test_a_staged_key_is_used_by_the_next_rotation_only(): void
    {
        $issued = $this->issue(2);
        $old = self::keys()['active'];
        self::assertSame(0, rotate_key(stage: true));
        $keys = self::keys();
        self::assertCount(2, $keys['keys']);
        self::assertSame($old, $keys['active']);
        self::assertSame(0, rotate_key(true));
        self::assertSame($keys, self::keys());
        $issued[] = self::authorizationCode();
        self::assertSame([$old], $this->sealingKeys());
        self::assertSame(3, rotate_key());
        $staged = $keys['keys'][1]['id'];
        self::assertSame([$staged], $this->sealingKeys());
        self::assertSame(['active' => $staged] + $keys, array_replace(['active' => 0], self::keys()));
        foreach ($issued as $credential) {
            self::assertTrue(self::verifies($credential));
        }
    }

    public function test_rows_of_an_older_key_stay_readable(): void
    {
        $issued = self::authorizationCode();
        [$sealed] = self::column('SELECT secret FROM tbloauthserver_clients');
        rotate_key();
        rotate_key();
        // As from a backup of two keys ago.
        self::execute('UPDATE tbloauthserver_clients SET secret = ?', [$sealed]);
        self::assertSame($issued['clientSecret'], self::client($issued['credentialId'])['clientSecret']);
        self::assertTrue(self::verifies($issued));
        self::assertSame(1, rotate_key());
        self::assertSame([self::keys()['active']], $this->sealingKeys());
    }

    public function test_another_process_finds_the_new_key(): void
    {
        $issued = self::authorizationCode();
        self::assertTrue(self::verifies($issued));
        self::assertSame(1, self::elsewhere('LocalApi\rotate_key()'));
        $new = self::authorizationCode();
        self::assertSame([self::keys()['active']], $this->sealingKeys());
        self::assertTrue(self::verifies($issued));
        self::assertSame(2, self::elsewhere('LocalApi\rotate_key()'));
        $secrets = array_column(self::clients(), 'clientSecret');
        self::assertSame([$issued['clientSecret'], $new['clientSecret']], $secrets);
        self::assertSame(3, count(self::keys()['keys']));
    }

    public function test_machines_rotate_in_turn_when_the_key_file_is_copied_between_stage_and_rotation(): void
    {
        $issued = self::authorizationCode();
        $other = self::keyFile() . '.other-machine';
        $machine = ['localapi.key_file' => $other];
        $arguments = "'{$issued['clientIdentifier']}', '{$issued['clientSecret']}'";
        $verify = "LocalApi\\verify_credential($arguments)['credentialId']";
        rotate_key(stage: true);
        copy(self::keyFile(), $other);
        chmod($other, 0600);
        self::assertSame(1, rotate_key());
        self::assertSame($issued['credentialId'], self::elsewhere($verify, $machine));
        $second = $this->sealingKeys();
        // The other way round: to that machine's file, the second key still looks like one that waits.
        self::assertSame(0, self::elsewhere('LocalApi\rotate_key(stage: true)', $machine));
        self::assertSame(0600, fileperms($other) & 0777);
        copy($other, self::keyFile());
        self::assertSame(1, self::elsewhere('LocalApi\rotate_key()', $machine));
        self::assertNotSame($second, $this->sealingKeys());
        self::assertCount(3, self::keys()['keys']);
        self::assertTrue(self::verifies($issued));
        $issued = self::authorizationCode();
        self::assertTrue(self::verifies($issued));
    }

    public function test_a_row_whose_key_is_missing_is_listed_and_comes_back_by_a_reset(): void
    {
        [$first, $second, $third] = $this->issue(3);
        $old = self::column('SELECT secret FROM tbloauthserver_clients ORDER BY id');
        rotate_key();
        self::execute('UPDATE tbloauthserver_clients SET secret = ? WHERE id = ?', [$old[0], $first['credentialId']]);
        self::execute('UPDATE tbloauthserver_clients SET secret = ? WHERE id = ?', [$old[1], $second['credentialId']]);
        $keys = self::keys();
        $lost = array_shift($keys['keys'])['id'];
        self::writeKeys($keys);

        $answer = localAPI('ListOAuthCredentials');
        self::assertSame(['result', 'clients', 'message'], array_keys($answer));
        self::assertSame('success', $answer['result']);
        self::assertSame('2 client secrets cannot be read: the key file lacks their keys.', $answer['message']);
        self::assertSame([null, null, $third['clientSecret']], array_column($answer['clients'], 'clientSecret'));
        self::assertSame(
            array_column([$first, $second, $third], 'credentialId'),
            array_column($answer['clients'], 'credentialId')
        );
        $this->assertThrows(
            'The key file "' . self::keyFile() . "\" lacks the key \"$lost\" of this store: put a newer copy in its place, or the store's own file.",
            static fn () => self::verifies($first)
        );
        self::assertTrue(self::verifies($third));

        $update = ['credentialId' => $first['credentialId']];
        self::assertSame(
            ['result' => 'success'] + $update,
            localAPI('UpdateOAuthCredential', $update + ['name' => 'Still there'])
        );
        $secret = self::answer('UpdateOAuthCredential', $update + ['resetSecret' => true])['newClientSecret'];
        self::assertTrue(self::verifies($first, $secret));
        $answer = localAPI('ListOAuthCredentials');
        self::assertSame('1 client secret cannot be read: the key file lacks its key.', $answer['message']);
        self::assertSame([$secret, null, $third['clientSecret']], array_column($answer['clients'], 'clientSecret'));
        // A rotation leaves what it cannot open as it is.
        self::assertSame(2, rotate_key());
        self::assertSame(
            [$old[1]],
            self::column("SELECT secret FROM tbloauthserver_clients WHERE secret LIKE 'v1:$lost:%'")
        );
        self::answer('DeleteOAuthCredential', ['credentialId' => $second['credentialId']]);
        self::assertArrayNotHasKey('message', self::answer('ListOAuthCredentials'));
    }

    public function test_an_older_copy_of_the_key_file_rotates_nothing(): void
    {
        $issued = self::authorizationCode();
        $old = self::keys();
        rotate_key();
        [$new, $key] = [self::keys(), self::keys()['active']];
        self::writeKeys($old);
        $sentence = 'The key file "' . self::keyFile() . "\" lacks the key \"$key\" of this store: put a newer copy in its "
            . "place, or the store's own file.";
        $this->assertThrows($sentence, static fn () => rotate_key());
        $this->assertThrows($sentence, static fn () => rotate_key(stage: true));
        self::assertSame($old, self::keys());
        self::writeKeys($new);
        self::assertTrue(self::verifies($issued));
        self::assertSame(1, rotate_key());
    }

    public function test_with_all_keys_lost_rows_come_back_one_by_one_and_new_ones_after_a_rotation(): void
    {
        [$first, $second] = $this->issue(2);
        $lost = self::keys()['active'];
        $file = self::keys();
        $file['active'] = $file['keys'][0]['id'] = '0123456789abcdef';
        $file['keys'][0]['key'] = base64_encode(random_bytes(32));
        self::writeKeys($file);
        self::assertSame([null, null], array_column(self::clients(), 'clientSecret'));
        $foreign = 'The key file "' . self::keyFile() . "\" lacks the key \"$lost\" of this store: put a newer copy in its place, or the store's own file.";
        self::assertError($foreign, 'CreateOAuthCredential', self::request());
        $reset = ['credentialId' => $first['credentialId'], 'resetSecret' => true];
        $secret = self::answer('UpdateOAuthCredential', $reset)['newClientSecret'];
        self::assertTrue(self::verifies($first, $secret));
        $this->assertThrows($foreign, static fn () => self::verifies($second));
        $this->assertThrows($foreign, static fn () => rotate_key());
        self::answer('DeleteOAuthCredential', ['credentialId' => $second['credentialId']]);
        self::assertSame(1, rotate_key());
        self::assertTrue(self::verifies($first, $secret));
        self::assertTrue(self::verifies(self::authorizationCode()));
    }

    public function test_a_missing_key_file_is_an_error_for_all_that_needs_it(): void
    {
        $issued = self::authorizationCode();
        $id = $issued['credentialId'];
        rename(self::keyFile(), self::keyFile() . '.away');
        $message = self::missingKeyFile();
        self::assertError($message, 'CreateOAuthCredential', self::request());
        self::assertError($message, 'ListOAuthCredentials');
        self::assertError(
            $message,
            'UpdateOAuthCredential',
            ['credentialId' => $id, 'name' => 'B', 'resetSecret' => true]
        );
        $this->assertThrows($message, static fn () => self::verifies($issued));
        $this->assertThrows($message, static fn () => rotate_key());
        $this->assertThrows($message, static fn () => rotate_key(stage: true));
        self::assertFileDoesNotExist(self::keyFile());
        self::assertSame([], self::log());
        self::assertSame(['Shop'], self::column('SELECT name FROM tbloauthserver_clients'));
        self::answer('UpdateOAuthCredential', ['credentialId' => $id, 'name' => 'B']);
        rename(self::keyFile() . '.away', self::keyFile());
        self::assertSame(
            [$issued['clientSecret'], 'B'],
            [self::client($id)['clientSecret'], self::client($id)['name']]
        );
        self::assertTrue(self::verifies($issued));
    }

    /** Issues so many credentials. */
    private function issue(int $count): array
    {
        return array_map(static fn (): array => self::authorizationCode(), range(1, $count));
    }

    /** The ids of the keys that the store's secrets are sealed with. */
    private function sealingKeys(): array
    {
        return self::column('SELECT DISTINCT substr(secret, 4, 16) FROM tbloauthserver_clients ORDER BY 1');
    }

    private function assertThrows(string $message, callable $call): void
    {
        try {
            $call();
            self::fail('no exception');
        } catch (StoreException $fault) {
            self::assertSame($message, $fault->getMessage());
        }
    }
}
