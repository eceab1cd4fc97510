<?php

declare(strict_types=1);

/**
 * The commands, and the looking up of credentials, as PHP code would do it: PDO on the same tables, sodium for the
 * secret. What `run.php` compares the extension's speed with, and a test its answers. It does the same work and is no
 * slower than PHP has to be: every statement is prepared once, when it is first needed, and the scope table is read
 * once. At MySQL, PDO itself puts the values in, so that a statement is one round trip.
 */
final class Peer
{
    private const SPACE = " \t\n\r\v\f";
    private const CONTROL = '/[\x{00}-\x{1f}\x{7f}-\x{9f}\x{202a}-\x{202e}\x{2066}-\x{2069}]/u';

    /** Unicode's white space. */
    private const WHITE_SPACE =
        '/[\x{9}-\x{d} \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]/u';
    /** RFC 3987. */
    private const IRI = <<<'REGEX'
        ~(?(DEFINE)
            (?<ucs> [\x{a0}-\x{d7ff}\x{f900}-\x{fdcf}\x{fdf0}-\x{ffef}]
                | [\x{10000}-\x{1fffd}\x{20000}-\x{2fffd}\x{30000}-\x{3fffd}\x{40000}-\x{4fffd}\x{50000}-\x{5fffd}]
                | [\x{60000}-\x{6fffd}\x{70000}-\x{7fffd}\x{80000}-\x{8fffd}\x{90000}-\x{9fffd}\x{a0000}-\x{afffd}]
                | [\x{b0000}-\x{bfffd}\x{c0000}-\x{cfffd}\x{d0000}-\x{dfffd}\x{e1000}-\x{efffd}])
            (?<private> [\x{e000}-\x{f8ff}\x{f0000}-\x{ffffd}\x{100000}-\x{10fffd}])
            (?<plain> [a-z0-9._\~!$&'()*+,;=-] | (?&ucs) | %[0-9a-f]{2})
            (?<pchar> (?&plain) | [:@])
            (?<host> \[ (?: (?<six> [0-9a-f:.]*) | v[0-9a-f]+\.[a-z0-9._\~!$&'()*+,;=:-]+ ) \] | (?&plain)*)
            (?<authority> (?: (?: (?&plain) | : )* @ )? (?&host) (?: : [0-9]* )?)
            (?<path> // (?&authority) (?: / (?&pchar)* )* | / (?: (?&pchar)+ (?: / (?&pchar)* )* )?
                | (?&pchar)+ (?: / (?&pchar)* )* |)
        )
        \A [a-z][a-z0-9+.-]* : (?&path)
        (?: \? (?: (?&pchar) | [/?] | (?&private) )* )? (?: \# (?: (?&pchar) | [/?] )* )? \z~xiu
        REGEX;

    private const NAMES = [
        'credentialid' => 'credentialId',
        'clientapiidentifier' => 'clientApiIdentifier',
        'resetsecret' => 'resetSecret',
        'granttype' => 'grantType',
        'name' => 'name',
        'serviceid' => 'serviceId',
        'scope' => 'scope',
        'description' => 'description',
        'logouri' => 'logoUri',
        'redirecturi' => 'redirectUri',
    ];

    private const CREDENTIAL = 'SELECT c.id, c.identifier, c.secret, c.redirect_uri, c.grant_types, c.user_id,
        c.service_id, c.name, c.description, c.logo_uri, c.created_at, c.updated_at, (SELECT group_concat(scope_id)
        FROM tbloauthserver_client_scopes WHERE client_id = c.id), l.expires_at, l.disabled, u.used_at
        FROM tbloauthserver_clients c LEFT JOIN localapi_lifetimes l ON l.id = c.id
        LEFT JOIN localapi_last_uses u ON u.id = c.id';

    private const STORED = 'SELECT id, identifier, grant_types, user_id, service_id, name FROM tbloauthserver_clients';

    /** @var array<int, string>|null */
    private ?array $scopeNames = null;
    private PDO $database;
    /** @var array<string, PDOStatement> */
    private array $statements = [];
    /** @var array<string, int>|null */
    private ?array $scopes = null;

    private string $begin;
    /** Whether several creates share a transaction now. */
    private bool $shared = false;

    /** @param string $dsn PDO's, for SQLite or MySQL */
    public function __construct(
        string $dsn,
        #[SensitiveParameter] private string $key,
        private string $keyId,
        private string $prefix = 'COMPANY-NAME',
    ) {
        $this->database = new PDO($dsn, null, null, [
            PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
            PDO::ATTR_TIMEOUT => 60,
        ]);
        $this->begin = 'START TRANSACTION';
        if (str_starts_with($dsn, 'sqlite:')) {
            $this->begin = 'BEGIN IMMEDIATE';
            // The write-ahead log is a property of the file.
            $this->database->exec('PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY');
        }
    }

    public function database(): PDO
    {
        return $this->database;
    }

    /**
     * @param array<mixed> $data
     * @return array<string, mixed>
     */
    public function create(array $data, ?string $adminUsername = null): array
    {
        return $this->answer($this->issue(...), $data, $adminUsername);
    }

    /**
     * @param array<mixed> $data
     * @return array<string, mixed>
     */
    public function update(array $data, ?string $adminUsername = null): array
    {
        return $this->answer($this->change(...), $data, $adminUsername);
    }

    /**
     * @param array<mixed> $data
     * @return array<string, mixed>
     */
    public function delete(array $data, ?string $adminUsername = null): array
    {
        return $this->answer($this->remove(...), $data, $adminUsername);
    }

    /**
     * @param Closure(array<string, mixed>, array{int, string}): array<string, mixed> $command
     * @param array<mixed> $data
     * @return array<string, mixed>
     */
    private function answer(Closure $command, array $data, ?string $adminUsername): array
    {
        try {
            return ['result' => 'success'] + $command(self::parameters($data), $this->admin($adminUsername));
        } catch (InvalidArgumentException $refusal) {
            return ['result' => 'error', 'message' => $refusal->getMessage()];
        } catch (PDOException) {
            return ['result' => 'error', 'message' => 'The credential store failed.'];
        }
    }

    /**
     * @param array<string, mixed> $data
     * @param array{int, string} $actor
     * @return array<string, mixed>
     */
    private function issue(array $data, array $actor): array
    {
        $grantType = self::grantType(self::required($data, 'grantType'));
        $singleSignOn = $grantType === 'single_sign_on';
        $serviceId = null;
        if ($singleSignOn) {
            $serviceId = self::serviceId(self::required($data, 'serviceId'));
        } else {
            self::required($data, 'name') ?? throw new InvalidArgumentException(
                'A name for the Client Credential is required.',
            );
        }
        $scopes = $this->scopes(self::scopeTokens($data, true));
        [$service, $owner] = $singleSignOn ? $this->service($serviceId) : [0, null];
        if (count($scopes) > 64) {
            throw new InvalidArgumentException('At most 64 scopes are allowed.');
        }
        $details = self::details($data) + ['name' => '', 'description' => '', 'logo_uri' => '', 'redirect_uri' => ''];

        $identifier = $this->prefix . '.' . base64_encode(random_bytes(16));
        $secret = random_bytes(64);
        $sealed = $this->seal($secret, $identifier);
        $now = gmdate('Y-m-d H:i:s');
        $what = $singleSignOn ? "$grantType, service $service" : $grantType;

        return $this->write(function () use (
            $identifier,
            $secret,
            $sealed,
            $grantType,
            $owner,
            $service,
            $details,
            $scopes,
            $now,
            $what,
            $actor,
        ): array {
            $this->statement(
                'INSERT INTO tbloauthserver_clients (identifier, secret, redirect_uri, grant_types, user_id, service_id,
                 name, description, logo_uri, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
            )->execute([
                $identifier, $sealed, $details['redirect_uri'], $grantType, (string) $owner, $service,
                $details['name'], $details['description'], $details['logo_uri'], $now, $now,
            ]);
            $id = (int) $this->database->lastInsertId();
            $this->insertScopes($id, $scopes);
            $this->log($actor, "OAuth credential $id created ($what)", (int) $owner, $now);
            $answer = ['credentialId' => $id, 'clientIdentifier' => $identifier];
            return $answer + ['clientSecret' => base64_encode($secret)];
        });
    }

    /**
     * @param array<string, mixed> $data
     * @param array{int, string} $actor
     * @return array<string, mixed>
     */
    private function change(array $data, array $actor): array
    {
        [$id, $identifier, $grantType, $owner, $service, $name] = $this->named($data);
        $new = [];
        $passed = self::text($data, 'grantType');
        if ($passed !== null) {
            $grantType = $new['grant_types'] = self::grantType(self::blank($passed) ? null : $passed);
        }
        $singleSignOn = $grantType === 'single_sign_on';
        $newName = self::text($data, 'name');
        $nameless = $newName === null ? $passed !== null && self::blank($name) : self::blank($newName);
        if ($nameless && !$singleSignOn) {
            throw new InvalidArgumentException('A name for the Client Credential is required.');
        }
        $serviceId = self::text($data, 'serviceId');
        if (!$singleSignOn) {
            $serviceId = null;
        } elseif ($serviceId !== null || $passed !== null && $service === 0) {
            self::serviceId(self::blank((string) $serviceId) ? null : $serviceId);
        }
        $scopes = null;
        if (isset($data['scope'])) {
            $scopes = $this->scopes(self::scopeTokens($data, false));
        }
        if ($serviceId !== null) {
            [$new['service_id'], $owner] = $this->service($serviceId);
            $new['user_id'] = $owner = (string) $owner;
        } elseif ($passed !== null && !$singleSignOn) {
            [$new['service_id'], $new['user_id'], $owner] = [0, '', ''];
        }
        if ($scopes !== null && count($scopes) > 64) {
            throw new InvalidArgumentException('At most 64 scopes are allowed.');
        }
        $new += self::details($data, true);
        $reset = in_array(strtolower((string) self::text($data, 'resetSecret')), ['true', '1', 'on', 'yes'], true);
        $edited = $new !== [] || $scopes !== null;
        $answer = ['credentialId' => $id];
        if (!$edited && !$reset) {
            return $answer;
        }
        $secret = $reset ? random_bytes(64) : null;
        $now = gmdate('Y-m-d H:i:s');
        $client = (int) $owner;
        $work = function () use ($id, $identifier, $new, $scopes, $edited, $secret, $client, $actor, $now): void {
            if ($edited) {
                $new['updated_at'] = $now;
                $columns = implode(' = ?, ', array_keys($new));
                $this->statement("UPDATE tbloauthserver_clients SET $columns = ? WHERE id = ?")
                    ->execute([...array_values($new), $id]);
                if ($scopes !== null) {
                    $this->statement('DELETE FROM tbloauthserver_client_scopes WHERE client_id = ?')->execute([$id]);
                    $this->insertScopes($id, $scopes);
                }
                $this->log($actor, "OAuth credential $id updated", $client, $now);
            }
            if ($secret !== null) {
                $this->statement('UPDATE tbloauthserver_clients SET secret = ?, updated_at = ? WHERE id = ?')
                    ->execute([$this->seal($secret, $identifier), $now, $id]);
                $this->log($actor, "OAuth credential $id secret reset", $client, $now);
            }
        };
        $this->write($work);
        return $secret === null ? $answer : $answer + ['newClientSecret' => base64_encode($secret)];
    }

    /**
     * @param array<string, mixed> $data
     * @param array{int, string} $actor
     * @return array<string, mixed>
     */
    private function remove(array $data, array $actor): array
    {
        [$id, , , $owner] = $this->byId((string) self::required($data, 'credentialId'));
        $this->write(function () use ($id, $owner, $actor): void {
            $this->statement('DELETE FROM tbloauthserver_client_scopes WHERE client_id = ?')->execute([$id]);
            $this->statement('DELETE FROM tbloauthserver_clients WHERE id = ?')->execute([$id]);
            $this->log($actor, "OAuth credential $id deleted", (int) $owner, gmdate('Y-m-d H:i:s'));
        });
        return ['credentialId' => $id];
    }

    private function write(Closure $work): mixed
    {
        $this->shared || $this->statement($this->begin)->execute();
        try {
            $done = $work();
            $this->shared || $this->statement('COMMIT')->execute();
            return $done;
        } catch (PDOException $fault) {
            $this->database->exec('ROLLBACK');
            throw $fault;
        }
    }

    /** @param list<int> $scopes */
    private function insertScopes(int $id, array $scopes): void
    {
        $insert = $this->statement('INSERT INTO tbloauthserver_client_scopes (client_id, scope_id) VALUES (?, ?)');
        foreach ($scopes as $scope) {
            $insert->execute([$id, $scope]);
        }
    }

    /** @param array{int, string} $actor */
    private function log(array $actor, string $what, int $client, string $now): void
    {
        $this->statement(
            'INSERT INTO tblactivitylog (date, description, user, userid, admin_id) VALUES (?, ?, ?, ?, ?)',
        )->execute([$now, $what, $actor[1], $client, $actor[0]]);
    }

    /**
     * The credential that a request names.
     *
     * @param array<string, mixed> $data
     * @return list<mixed>
     */
    private function named(array $data): array
    {
        [$id, $identifier] = [self::required($data, 'credentialId'), self::required($data, 'clientApiIdentifier')];
        if ($id === null && $identifier === null) {
            throw new InvalidArgumentException('A Credential ID or Client Identifier is required.');
        }
        if ($id !== null && ($identifier === null || $id !== '0')) {
            return $this->byId($id);
        }
        return $this->row(self::STORED . ' WHERE identifier = ?', [$identifier])
            ?? throw new InvalidArgumentException('Invalid Client Identifier provided.');
    }

    /** @return list<mixed> */
    private function byId(string $text): array
    {
        $id = self::positive($text);
        return ($id === null ? null : $this->row(self::STORED . ' WHERE id = ?', [$id]))
            ?? throw new InvalidArgumentException('Invalid Credential ID provided.');
    }

    /**
     * Several with one commit.
     *
     * @param array<mixed> $data
     * @return list<array<string, mixed>>
     */
    public function createMany(array $data, int $count): array
    {
        $this->statement($this->begin)->execute();
        $this->shared = true;
        try {
            for ($answers = []; count($answers) < $count;) {
                $answers[] = $this->create($data);
            }
            $this->statement('COMMIT')->execute();
        } finally {
            $this->shared = false;
        }
        return $answers;
    }

    /**
     * In whose name a program calls over HTTP, and what it may call.
     *
     * @param-out list<string> $actions
     */
    public function caller(string $identifier, #[SensitiveParameter] string $secret, ?array &$actions): ?string
    {
        $row = $this->row(
            'SELECT d.id, d.secret, d.role_ids, d.last_access, a.username FROM tbldeviceauth d
             JOIN tbladmins a ON a.id = d.user_id
             WHERE d.identifier = ? AND d.deleted_at IS NULL AND a.disabled = 0',
            [$identifier],
        );
        $right = hash_equals($row[1] ?? str_repeat('0', 64), hash('sha256', $secret));
        if (!$right || $row === null) {
            return null;
        }
        if ((string) $row[3] <= gmdate('Y-m-d H:i:s', time() - 60)) {
            $now = gmdate('Y-m-d H:i:s');
            $this->statement('UPDATE tbldeviceauth SET last_access = ? WHERE id = ?')->execute([$now, $row[0]]);
        }
        $permissions = $this->row('SELECT permissions FROM tblapi_roles WHERE id = ?', [(int) $row[2]]);
        $actions = json_decode($permissions[0] ?? '[]', true);
        return $row[4];
    }

    /** @return array{int, string} */
    private function admin(?string $username): array
    {
        if ($username === null || $username === '') {
            return [0, 'System'];
        }
        // Bytes that are no UTF-8 are shown as U+FFFD.
        $shown = htmlspecialchars_decode(htmlspecialchars($username, ENT_NOQUOTES | ENT_SUBSTITUTE), ENT_NOQUOTES);
        $quoted = self::quoted($shown);
        $row = $this->row('SELECT id, disabled FROM tbladmins WHERE username = ?', [$username])
            ?? throw new InvalidArgumentException("The admin user \"$quoted\" was not found.");
        if ($row[1]) {
            throw new InvalidArgumentException("The admin user \"$quoted\" is disabled.");
        }
        return [$row[0], $username];
    }

    private static function grantType(?string $text): string
    {
        return match ($text) {
            null => throw new InvalidArgumentException('A valid grant type is required.'),
            'authorization_code', 'single_sign_on' => $text,
            default => throw new InvalidArgumentException(
                'The requested grant type "' . self::quoted($text) . '" is invalid.',
            ),
        };
    }

    private static function serviceId(?string $text): string
    {
        return $text !== null && $text !== '0' ? $text : throw new InvalidArgumentException(
            'A service ID is required for the single sign-on grant type.',
        );
    }

    /**
     * @param array<string, mixed> $data
     * @return list<string|array{string}> what is in an array is the type of an element that is no string
     */
    private static function scopeTokens(array $data, bool $required): array
    {
        $given = $data['scope'] ?? null;
        $elements = is_array($given)
            ? self::elements($given, 'scope')
            : [(string) ($required ? self::required($data, 'scope') : self::text($data, 'scope'))];
        $tokens = [];
        foreach ($elements as $element) {
            if (is_array($element)) {
                $tokens[] = $element;
                continue;
            }
            for ($token = strtok($element, self::SPACE); $token !== false; $token = strtok(self::SPACE)) {
                $tokens[] = $token;
            }
        }
        return $tokens !== [] ? $tokens : throw new InvalidArgumentException('At least one valid scope is required.');
    }

    /**
     * @param list<string|array{string}> $tokens
     * @return list<int>
     */
    private function scopes(array $tokens): array
    {
        $this->scopes ??= $this->database
            ->query('SELECT scope, id FROM tbloauthserver_scopes')
            ->fetchAll(PDO::FETCH_KEY_PAIR);
        $ids = [];
        foreach ($tokens as $token) {
            $id = is_string($token) ? $this->scopes[$token] ?? null : null;
            if ($id === null) {
                $quoted = self::quoted(is_string($token) ? $token : $token[0]);
                throw new InvalidArgumentException("The requested scope \"$quoted\" is invalid.");
            }
            $ids[$id] = $id;
        }
        return array_values($ids);
    }

    /** @return array{int, int} */
    private function service(string $text): array
    {
        $id = self::positive($text);
        $row = $id === null ? null : $this->row(
            'SELECT c.id FROM tblhosting h LEFT JOIN tblclients c ON c.id = h.userid WHERE h.id = ?',
            [$id],
        );
        $row ?? throw new InvalidArgumentException('A valid Service ID is required.');
        return [$id, $row[0] ?? throw new InvalidArgumentException('Service ID not associated with valid Client.')];
    }

    private static function positive(string $text): ?int
    {
        $digits = ltrim($text, '0');
        $fits = ctype_digit($text) && ($digits === (string) (int) $digits);
        return $fits && (int) $digits > 0 ? (int) $digits : null;
    }

    /**
     * What of the other parameters is passed, by column, in the order in which it is checked.
     *
     * @param array<string, mixed> $data
     * @return array<string, string>
     */
    private static function details(array $data, bool $logoMayBeList = false): array
    {
        $details = [];
        $name = self::text($data, 'name');
        if ($name !== null) {
            $details['name'] = self::line('name', self::blank($name) ? '' : $name);
        }
        $description = self::text($data, 'description');
        if ($description !== null) {
            $details['description'] = $description = self::blank($description) ? '' : $description;
            self::line('description', strtr($description, "\r\n\t", '   '));
        }
        $logo = $data['logoUri'] ?? null;
        if ($logo !== null) {
            $logo = $logoMayBeList && is_array($logo)
                ? self::onlyLogo(self::elements($logo, 'logoUri'))
                : self::text($data, 'logoUri');
            // The one of a list is taken as it is.
            $details['logo_uri'] = self::logoUri(is_array($data['logoUri']) || !self::blank($logo) ? $logo : '');
        }
        $redirect = $data['redirectUri'] ?? null;
        if ($redirect !== null) {
            $details['redirect_uri'] = self::redirectUri(
                is_array($redirect) ? self::elements($redirect, 'redirectUri') : self::text($data, 'redirectUri'),
            );
        }
        return $details;
    }

    private static function line(string $what, string $text): string
    {
        if (self::isLonger($text, 255)) {
            throw new InvalidArgumentException("The $what is longer than 255 characters.");
        }
        if ($text !== '' && preg_match(self::CONTROL, $text)) {
            throw new InvalidArgumentException("The $what contains control characters.");
        }
        return $text;
    }

    /** @param list<string|array{string}> $list */
    private static function onlyLogo(array $list): string
    {
        if ($list === [] || count($list) === 1 && is_string($list[0])) {
            return $list[0] ?? '';
        }
        foreach (array_slice($list, 0, 2) as $element) {
            is_string($element) || self::refuse('logo URI', $element[0], 'it is not a string');
        }
        self::refuse('logo URI', $list[1], 'only one is allowed');
    }

    private static function logoUri(string $uri): string
    {
        if (self::isLonger($uri, 255)) {
            throw new InvalidArgumentException('The logo URI is longer than 255 characters.');
        }
        $path = substr($uri, 0, strcspn($uri, '?#'));
        $scheme = strstr(substr($uri, 0, strcspn($uri, '/?#')), ':', true);
        $reason = match (true) {
            $scheme === false => self::faultOfPath($uri, $path),
            !in_array(strtolower($scheme), ['http', 'https'], true) => 'its scheme is neither https nor http',
            default => self::isIri($uri, $host) && (string) $host !== '' ? null : 'it is not a valid URL',
        };
        return $reason === null ? $uri : self::refuse('logo URI', $uri, $reason);
    }

    private static function faultOfPath(string $uri, string $path): ?string
    {
        $decoded = rawurldecode($path);
        return match (true) {
            !preg_match('//u', $decoded) => 'it is not valid UTF-8 once decoded',
            str_starts_with($uri, '//') || str_starts_with($decoded, '//') => 'it begins with //',
            str_contains($uri . $decoded, '\\') => 'it has a backslash',
            in_array('..', explode('/', $decoded), true) => 'it leaves the client area',
            preg_match(self::CONTROL, $uri . $decoded) === 1 => 'it has a control character',
            default => null,
        };
    }

    /** @param string|list<string|array{string}> $given */
    private static function redirectUri(string|array $given): string
    {
        $uris = is_array($given) ? $given : preg_split(
            '~\s+|,(?=\s*(?:[a-z][a-z0-9+.-]*://|[a-z][a-z0-9+-]*\.[a-z0-9+.-]*:))~i',
            $given,
            -1,
            PREG_SPLIT_NO_EMPTY,
        );
        if (count($uris) > 32) {
            throw new InvalidArgumentException('At most 32 redirect URIs are allowed.');
        }
        $joined = implode(' ', array_map(fn ($uri) => is_string($uri) ? $uri : '', $uris));
        if (self::isLonger($joined, 2000)) {
            throw new InvalidArgumentException('The redirect URIs are longer than 2,000 characters.');
        }
        foreach ($uris as $uri) {
            is_string($uri) || self::refuse('redirect URI', $uri[0], 'it is not a string');
            $reason = self::faultOfRedirect($uri);
            $reason === null || self::refuse('redirect URI', $uri, $reason);
        }
        return $joined;
    }

    private static function faultOfRedirect(string $uri): ?string
    {
        if (!preg_match('~^([a-z][a-z0-9+.-]*):(.*)~is', $uri, $parts)) {
            return 'it is not an absolute URI';
        }
        [, $scheme, $rest] = $parts;
        $scheme = strtolower($scheme);
        [$user, $host, $port] = [false, null, ''];
        if (str_starts_with($rest, '//')) {
            $authority = substr($rest, 2, strcspn($rest, '/?#', 2));
            $at = strrpos($authority, '@');
            $user = $at !== false;
            preg_match('/^(\[[^\]]*\]|[^:]*)(.*)/s', $user ? substr($authority, $at + 1) : $authority, $parts);
            [, $host, $port] = $parts;
        }
        return match (true) {
            in_array($scheme, ['http', 'https'], true) && (string) $host === '' => 'it has no host',
            $scheme === 'http' && !self::isLocal($host) => 'http is for loopback hosts and *.test only',
            !in_array($scheme, ['http', 'https']) && !str_contains($scheme, '.') => 'a private scheme needs a dot',
            $rest === '' => 'it has nothing behind its scheme',
            $host === '' => 'it has no host',
            $host !== null && preg_match('/[^\x00-\x7f]|%/', $host) === 1 => 'its host is not ASCII',
            str_contains($uri, '#') => 'it has a fragment',
            $user => 'it has a user',
            str_contains($uri, '*') => 'it has a wildcard',
            preg_match(self::WHITE_SPACE, $uri) === 1 => 'it has white space',
            preg_match(self::CONTROL, $uri) === 1 => 'it has a control character',
            str_contains($uri, '\\') => 'it has a backslash',
            !self::isIri($uri) => 'it is not a valid URI',
            (int) ltrim($port, ':') > 65535 => 'its port is not valid',
            default => null,
        };
    }

    private static function isLocal(string $host): bool
    {
        if (preg_match('/^\[(.*)\]$/sD', $host, $found)) {
            return filter_var($found[1], FILTER_VALIDATE_IP, FILTER_FLAG_IPV6) !== false
                && inet_pton($found[1]) === inet_pton('::1');
        }
        $number = '(?:0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])';
        return preg_match("/^127(?:\.$number){3}$|^localhost$|.\.(?:localhost|test)$/Dis", $host) === 1;
    }

    private static function isIri(string $uri, ?string &$host = null): bool
    {
        if (!preg_match(self::IRI, $uri)) {
            return false;
        }
        $host = preg_match('~^[^:]*://(?:[^/?#]*@)?(\[[^\]]*\]|[^:/?#]*)~', $uri, $found) ? $found[1] : null;
        $address = preg_match('/^\[([^v].*|)\]$/Di', (string) $host, $found) ? $found[1] : null;
        return $address === null || filter_var($address, FILTER_VALIDATE_IP, FILTER_FLAG_IPV6) !== false;
    }

    private static function refuse(string $what, string $value, string $reason): never
    {
        throw new InvalidArgumentException("The $what \"" . self::quoted($value) . "\" is invalid: $reason.");
    }

    /** A caller's input inside a message. */
    private static function quoted(string $input): string
    {
        $shown = preg_replace(self::CONTROL, "\u{fffd}", preg_replace('/\A.{80}\K.+/su', "\u{e000}", $input));
        return self::isLonger($input, 80) ? substr($shown, 0, -3) . '…' : $shown;
    }

    /**
     * The parameters by name: the exact spelling, or else the first without regard to case.
     *
     * @param array<mixed> $data
     * @return array<string, mixed>
     */
    private static function parameters(array $data): array
    {
        $parameters = [];
        foreach ($data as $key => $value) {
            $name = self::NAMES[strtolower((string) $key)] ?? null;
            if ($name !== null && ($key === $name || !array_key_exists($name, $parameters))) {
                $parameters[$name] = $value;
            }
        }
        return $parameters;
    }

    /**
     * A parameter as text.
     *
     * @param array<string, mixed> $parameters
     */
    private static function text(array $parameters, string $name): ?string
    {
        $value = $parameters[$name] ?? null;
        if ($value === null) {
            return null;
        }
        if (!is_scalar($value) && !$value instanceof Stringable) {
            throw new NoString("The parameter \"$name\" must be a string.");
        }
        // PHP 8.5 warns of NAN.
        $value = @(string) $value;
        return preg_match('//u', $value) ? $value : throw new InvalidArgumentException(
            "The parameter \"$name\" must be valid UTF-8.",
        );
    }

    /**
     * One that says something: then what is no string is as good as none.
     *
     * @param array<string, mixed> $parameters
     */
    private static function required(array $parameters, string $name): ?string
    {
        try {
            $value = self::text($parameters, $name);
        } catch (NoString) {
            return null;
        }
        return $value === null || self::blank($value) ? null : $value;
    }

    private static function blank(string $text): bool
    {
        return trim($text, self::SPACE) === '';
    }

    /**
     * The elements of a list as texts; one that is no string as an array with the name of its type.
     *
     * @param array<mixed> $list
     * @return list<string|array{string}>
     */
    private static function elements(array $list, string $name): array
    {
        $elements = [];
        foreach ($list as $value) {
            $is = is_scalar($value) || $value instanceof Stringable;
            $elements[] = $is ? (string) self::text([$name => $value], $name) : [match (true) {
                $value === null => 'null',
                is_array($value) => 'array',
                is_object($value) => 'object',
                default => 'resource',
            }];
        }
        return $elements;
    }

    private static function isLonger(string $text, int $most): bool
    {
        return strlen($text) > $most && preg_match_all('/./su', $text) > $most;
    }

    /** @return array<string, mixed>|null */
    public function verify(string $identifier, #[SensitiveParameter] string $secret): ?array
    {
        $row = $this->byIdentifier($identifier);
        $counts = $row !== null && !$row[14] && ($row[13] === null || $row[13] > gmdate('Y-m-d H:i:s'));
        return $counts && hash_equals($this->open($row[2], $row[1]), $secret) ? $this->shown($row) : null;
    }

    /** @return array<string, mixed>|null */
    public function find(string $identifier): ?array
    {
        $row = $this->byIdentifier($identifier);
        return $row === null ? null : $this->shown($row);
    }

    /** @return list<mixed>|null */
    private function byIdentifier(string $identifier): ?array
    {
        return $this->row(self::CREDENTIAL . ' WHERE c.identifier = ?', [$identifier]);
    }

    /**
     * What a token endpoint needs to know.
     *
     * @param list<mixed> $row
     * @return array<string, mixed>
     */
    private function shown(array $row): array
    {
        [$id, $identifier, , $redirectUri, $grantType, $owner, $service, $name, $description, $logoUri] = $row;
        return [
            'credentialId' => $id,
            'clientIdentifier' => $identifier,
            'grantType' => $grantType,
            'scope' => $this->scopeNames($row[12]),
            'serviceId' => $service,
            'userId' => (int) $owner,
            'redirectUri' => $redirectUri === '' ? [] : explode(' ', $redirectUri),
            'name' => $name,
            'description' => $description,
            'logoUri' => $logoUri,
            'expiresAt' => $row[13],
            'disabled' => (bool) $row[14],
        ];
    }

    /** @return array<string, mixed> */
    public function list(int $limit): array
    {
        $statement = $this->statement(self::CREDENTIAL . ' ORDER BY c.id LIMIT ?');
        $statement->execute([$limit]);
        $clients = [];
        while ($row = $statement->fetch(PDO::FETCH_NUM)) {
            [$id, $identifier, $sealed, $redirectUri, $grantType, , $service, $name, $description, $logoUri] = $row;
            $clients[] = [
                'credentialId' => $id,
                'name' => $name,
                'description' => $description,
                'grantTypes' => $grantType,
                'scope' => implode(' ', $this->scopeNames($row[12])),
                'clientIdentifier' => $identifier,
                'clientSecret' => $this->open($sealed, $identifier),
                'uuid' => null,
                'serviceId' => $service,
                'logoUri' => $logoUri,
                'redirectUri' => $redirectUri === '' ? [] : explode(' ', $redirectUri),
                'rsaKeyPairId' => 0,
                'createdAt' => date('jS F Y g:i:sa', strtotime("$row[10]Z")),
                'updatedAt' => date('jS F Y g:i:sa', strtotime("$row[11]Z")),
                'expiresAt' => $row[13],
                'disabled' => (bool) $row[14],
                'lastUsedAt' => $row[15],
            ];
        }
        return ['result' => 'success', 'clients' => $clients];
    }

    /** @return list<string> in the order of the table */
    private function scopeNames(?string $ids): array
    {
        $this->scopeNames ??= $this->database
            ->query('SELECT id, scope FROM tbloauthserver_scopes ORDER BY id')
            ->fetchAll(PDO::FETCH_KEY_PAIR);
        return array_values(array_intersect_key($this->scopeNames, array_flip(explode(',', (string) $ids))));
    }

    private function open(string $sealed, string $identifier): string
    {
        [, , $text] = explode(':', $sealed);
        $bytes = sodium_base642bin($text, SODIUM_BASE64_VARIANT_URLSAFE_NO_PADDING);
        $length = SODIUM_CRYPTO_AEAD_XCHACHA20POLY1305_IETF_NPUBBYTES;
        $nonce = substr($bytes, 0, $length);
        $secret = sodium_crypto_aead_xchacha20poly1305_ietf_decrypt(
            substr($bytes, $length),
            $identifier,
            $nonce,
            $this->key,
        );
        return base64_encode($secret);
    }

    private function seal(#[SensitiveParameter] string $secret, string $identifier): string
    {
        $nonce = random_bytes(SODIUM_CRYPTO_AEAD_XCHACHA20POLY1305_IETF_NPUBBYTES);
        $sealed = sodium_crypto_aead_xchacha20poly1305_ietf_encrypt($secret, $identifier, $nonce, $this->key);
        $text = sodium_bin2base64($nonce . $sealed, SODIUM_BASE64_VARIANT_URLSAFE_NO_PADDING);
        return "v1:$this->keyId:$text";
    }

    private function statement(string $sql): PDOStatement
    {
        return $this->statements[$sql] ??= $this->database->prepare($sql);
    }

    /**
     * @param list<mixed> $values
     * @return list<mixed>|null
     */
    private function row(string $sql, array $values): ?array
    {
        $statement = $this->statement($sql);
        $statement->execute($values);
        $row = $statement->fetch(PDO::FETCH_NUM);
        $statement->closeCursor();
        return $row === false ? null : $row;
    }
}

/** A parameter that is no string where one is expected. */
final class NoString extends InvalidArgumentException
{
}
