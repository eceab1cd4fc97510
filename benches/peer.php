<?php

declare(strict_types=1);

/**
 * CreateOAuthCredential, and the looking up of credentials, as PHP code would do it: PDO on the same tables, sodium for
 * the secret. What `run.php` compares the extension with. It does the same work and is no slower than PHP has to be:
 * every statement is prepared once, when it is first needed, and the scope table is read once. At MySQL, PDO itself
 * puts the values in, so that a statement is one round trip.
 */
final class Peer
{
    private const SPACE = " \t\n\r\v\f";
    private const CONTROL = '/[\x{00}-\x{1f}\x{7f}-\x{9f}\x{202a}-\x{202e}\x{2066}-\x{2069}]/u';

    private const NAMES = [
        'granttype' => 'grantType',
        'name' => 'name',
        'serviceid' => 'serviceId',
        'scope' => 'scope',
        'description' => 'description',
        'logouri' => 'logoUri',
        'redirecturi' => 'redirectUri',
    ];

    private const CREDENTIAL = 'SELECT c.id, c.identifier, c.secret, c.redirect_uri, c.grant_types, c.user_id, c.service_id,
        c.name, c.description, c.logo_uri, c.created_at, c.updated_at, (SELECT group_concat(scope_id)
        FROM tbloauthserver_client_scopes WHERE client_id = c.id) FROM tbloauthserver_clients c';

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
        try {
            return $this->issue($data, $adminUsername);
        } catch (InvalidArgumentException $refusal) {
            return ['result' => 'error', 'message' => $refusal->getMessage()];
        } catch (PDOException) {
            return ['result' => 'error', 'message' => 'The credential store failed.'];
        }
    }

    /**
     * @param array<mixed> $data
     * @return array<string, mixed>
     */
    private function issue(array $data, ?string $adminUsername): array
    {
        [$admin, $user] = $this->admin($adminUsername);

        $data = self::parameters($data);
        $grantType = self::text($data, 'grantType') ?? throw new InvalidArgumentException(
            'A valid grant type is required.',
        );
        $singleSignOn = $grantType === 'single_sign_on';
        if (!$singleSignOn && $grantType !== 'authorization_code') {
            throw new InvalidArgumentException("The requested grant type \"$grantType\" is invalid.");
        }
        $name = $serviceId = null;
        if ($singleSignOn) {
            $serviceId = self::text($data, 'serviceId');
            if ($serviceId === null || $serviceId === '0') {
                throw new InvalidArgumentException('A service ID is required for the single sign-on grant type.');
            }
        } else {
            $name = self::text($data, 'name') ?? throw new InvalidArgumentException(
                'A name for the Client Credential is required.',
            );
        }
        $scopes = $this->scopes(self::text($data, 'scope') ?? '');
        [$service, $owner] = $singleSignOn ? $this->service($serviceId) : [0, null];
        if (count($scopes) > 64) {
            throw new InvalidArgumentException('At most 64 scopes are allowed.');
        }
        $name = self::line('name', $name ?? self::text($data, 'name') ?? '');
        $description = self::text($data, 'description') ?? '';
        self::line('description', strtr($description, "\r\n\t", '   '));
        $logoUri = self::logoUri(self::text($data, 'logoUri') ?? '');
        $redirectUri = self::redirectUri($data['redirectUri'] ?? null);

        $identifier = $this->prefix . '.' . base64_encode(random_bytes(16));
        $secret = random_bytes(64);
        $sealed = $this->seal($secret, $identifier);
        $now = gmdate('Y-m-d H:i:s');
        $what = $singleSignOn ? "$grantType, service $service" : $grantType;

        $this->shared || $this->statement($this->begin)->execute();
        try {
            $this->statement(
                'INSERT INTO tbloauthserver_clients (identifier, secret, redirect_uri, grant_types, user_id, service_id,
                 name, description, logo_uri, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
            )->execute([
                $identifier, $sealed, $redirectUri, $grantType, (string) $owner, $service,
                $name, $description, $logoUri, $now, $now,
            ]);
            $id = (int) $this->database->lastInsertId();
            $insert = $this->statement('INSERT INTO tbloauthserver_client_scopes (client_id, scope_id) VALUES (?, ?)');
            foreach ($scopes as $scope) {
                $insert->execute([$id, $scope]);
            }
            $this->statement(
                'INSERT INTO tblactivitylog (date, description, user, userid, admin_id) VALUES (?, ?, ?, ?, ?)',
            )->execute([$now, "OAuth credential $id created ($what)", $user, $owner ?? 0, $admin]);
            $this->shared || $this->statement('COMMIT')->execute();
        } catch (PDOException $fault) {
            $this->database->exec('ROLLBACK');
            throw $fault;
        }
        return [
            'result' => 'success',
            'credentialId' => $id,
            'clientIdentifier' => $identifier,
            'clientSecret' => base64_encode($secret),
        ];
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
        $row = $this->row('SELECT id, disabled FROM tbladmins WHERE username = ?', [$username])
            ?? throw new InvalidArgumentException("The admin user \"$username\" was not found.");
        if ($row[1]) {
            throw new InvalidArgumentException("The admin user \"$username\" is disabled.");
        }
        return [$row[0], $username];
    }

    /** @return list<int> */
    private function scopes(string $text): array
    {
        $ids = [];
        for ($token = strtok($text, self::SPACE); $token !== false; $token = strtok(self::SPACE)) {
            $this->scopes ??= $this->database
                ->query('SELECT scope, id FROM tbloauthserver_scopes')
                ->fetchAll(PDO::FETCH_KEY_PAIR);
            $ids[$token] = $this->scopes[$token]
                ?? throw new InvalidArgumentException("The requested scope \"$token\" is invalid.");
        }
        return $ids !== [] ? array_values($ids) : throw new InvalidArgumentException(
            'At least one valid scope is required.',
        );
    }

    /** @return array{int, int} */
    private function service(string $text): array
    {
        $row = null;
        $id = (int) $text;
        if (ctype_digit($text) && $id > 0 && $id < PHP_INT_MAX) {
            $row = $this->row(
                'SELECT c.id FROM tblhosting h LEFT JOIN tblclients c ON c.id = h.userid WHERE h.id = ?',
                [$id],
            );
        }
        $row ?? throw new InvalidArgumentException('A valid Service ID is required.');
        return [$id, $row[0] ?? throw new InvalidArgumentException('Service ID not associated with valid Client.')];
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

    private static function logoUri(string $uri): string
    {
        if ($uri === '') {
            return '';
        }
        if (self::isLonger($uri, 255)) {
            throw new InvalidArgumentException('The logo URI is longer than 255 characters.');
        }
        $path = rawurldecode((string) strtok($uri, '?#'));
        $scheme = strtolower((string) parse_url($uri, PHP_URL_SCHEME));
        $valid = $scheme !== ''
            ? in_array($scheme, ['http', 'https'], true) && parse_url($uri, PHP_URL_HOST)
            : !str_starts_with($path, '//') && !str_contains($path, '\\')
                && !in_array('..', explode('/', $path), true) && !preg_match(self::CONTROL, $path);
        return $valid ? $uri : throw new InvalidArgumentException("The logo URI \"$uri\" is invalid.");
    }

    private static function redirectUri(mixed $value): string
    {
        $uris = match (true) {
            is_array($value) => array_values($value),
            is_string($value) && $value !== '' => preg_split(
                '~[\s]+|,(?=\s*(?:[a-z][a-z0-9+.-]*://|[a-z][a-z0-9+-]*\.[a-z0-9+.-]*:))~i',
                $value,
                -1,
                PREG_SPLIT_NO_EMPTY,
            ),
            default => [],
        };
        if (count($uris) > 32) {
            throw new InvalidArgumentException('At most 32 redirect URIs are allowed.');
        }
        foreach ($uris as $uri) {
            if (!is_string($uri) || !self::isRedirectUri($uri)) {
                $shown = is_string($uri) ? $uri : get_debug_type($uri);
                throw new InvalidArgumentException("The redirect URI \"$shown\" is invalid.");
            }
        }
        $joined = implode(' ', $uris);
        if (self::isLonger($joined, 2000)) {
            throw new InvalidArgumentException('The redirect URIs are longer than 2,000 characters.');
        }
        return $joined;
    }

    private static function isRedirectUri(string $uri): bool
    {
        if (preg_match('/[\s*\\\\#]/', $uri) || preg_match(self::CONTROL, $uri)) {
            return false;
        }
        $parts = parse_url($uri);
        if ($parts === false || !isset($parts['scheme']) || isset($parts['user'])) {
            return false;
        }
        $host = strtolower($parts['host'] ?? '');
        return match (strtolower($parts['scheme'])) {
            'https' => $host !== '',
            'http' => $host === 'localhost' || $host === '[::1]'
                || preg_match('/\.(?:localhost|test)$|^127\.\d+\.\d+\.\d+$/D', $host),
            default => str_contains($parts['scheme'], '.') && ($host !== '' || ($parts['path'] ?? '') !== ''),
        };
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
     * A parameter as text that says something.
     *
     * @param array<string, mixed> $parameters
     */
    private static function text(array $parameters, string $name): ?string
    {
        $value = $parameters[$name] ?? null;
        if (!is_string($value)) {
            if (!is_scalar($value) && !$value instanceof Stringable) {
                return null;
            }
            $value = (string) $value;
        }
        if (!preg_match('//u', $value)) {
            throw new InvalidArgumentException("The parameter \"$name\" must be valid UTF-8.");
        }
        return trim($value, self::SPACE) === '' ? null : $value;
    }

    private static function isLonger(string $text, int $most): bool
    {
        return strlen($text) > $most && preg_match_all('/./su', $text) > $most;
    }

    /** @return array<string, mixed>|null */
    public function verify(string $identifier, #[SensitiveParameter] string $secret): ?array
    {
        $row = $this->row(
            self::CREDENTIAL . ' WHERE c.id = coalesce((SELECT id FROM tbloauthserver_clients WHERE identifier = ?),
             (SELECT max(id) FROM tbloauthserver_clients))',
            [$identifier],
        );
        if ($row === null) {
            return null;
        }
        [$id, $found, $sealed, $redirectUri, $grantType, $owner, $service] = $row;
        $right = hash_equals($this->open($sealed, $found), $secret);
        return $right && $found === $identifier ? [
            'credentialId' => $id,
            'clientIdentifier' => $found,
            'grantType' => $grantType,
            'scope' => $this->scopeNames($row[12]),
            'serviceId' => $service,
            'userId' => (int) $owner,
            'redirectUri' => $redirectUri === '' ? [] : explode(' ', $redirectUri),
        ] : null;
    }

    /**
     * Gives a credential another secret.
     *
     * @return array<string, mixed>
     */
    public function rotate(int $id): array
    {
        $this->statement($this->begin)->execute();
        $row = $this->row(self::CREDENTIAL . ' WHERE c.id = ?', [$id]);
        $secret = random_bytes(64);
        $now = gmdate('Y-m-d H:i:s');
        $this->statement('UPDATE tbloauthserver_clients SET secret = ?, updated_at = ? WHERE id = ?')
            ->execute([$this->seal($secret, $row[1]), $now, $id]);
        $this->statement(
            'INSERT INTO tblactivitylog (date, description, user, userid, admin_id) VALUES (?, ?, ?, ?, ?)',
        )->execute([$now, "OAuth credential $id secret reset", 'System', (int) $row[5], 0]);
        $this->statement('COMMIT')->execute();
        return ['result' => 'success', 'credentialId' => $id, 'newClientSecret' => base64_encode($secret)];
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
