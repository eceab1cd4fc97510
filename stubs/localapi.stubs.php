<?php

/**
 * What the extension localapi defines, for editors and static analysis: PhpStorm's include path, PHPStan's `scanFiles`
 * or `stubFiles`, Psalm's `<stubs>`. It is never loaded beside the extension, and no autoloader may find it.
 *
 * A test proves that every name, type and default in here is the one of the built extension.
 *
 * @version 0.2.0
 */

namespace {
    /**
     * Runs a command of the local API and answers what it did, always as an array with `result` first.
     *
     * A mistake in `$postData`, a command or an admin that isn't known, and a store that can't be used are answers with
     * `result` `error` and a `message`, never exceptions or warnings. What a `__toString` throws, and PHP's own
     * TypeError for an argument of the wrong type, reach the caller.
     *
     * A success is on disk when this returns: it survives a power cut, or, with `localapi.durability=normal`, a crash
     * of the process. Another writer is waited for as long as `localapi.busy_timeout` says, in milliseconds.
     *
     * ## CreateOAuthCredential
     *
     * Issues a credential: `credentialId` (its row in `tbloauthserver_clients`), `clientIdentifier` (the company name,
     * a dot, 16 random bytes as base64) and `clientSecret` (64 random bytes as base64, sealed at rest).
     *
     * ```php
     * LocalApi\register_service(serviceId: 1, clientId: 42);
     * $answer = localAPI('CreateOAuthCredential', [
     *     'grantType' => 'single_sign_on',
     *     'scope' => 'clientarea:sso clientarea:billing_info',
     *     'serviceId' => 1,
     * ]);
     * ```
     *
     * - `grantType` (required): `authorization_code`, which needs a `name`, or `single_sign_on`, which needs a
     *   `serviceId`
     * - `scope` (required): scopes of `tbloauthserver_scopes`, at most 64, between white space or as a list
     * - `name`: one line of at most 255 characters
     * - `serviceId`: a row of `tblhosting` whose owner has a row in `tblclients`: {@see LocalApi\register_service()}
     * - `description`: at most 255 characters; line breaks and tabs are allowed
     * - `logoUri`: an `http` or `https` URL, or a path relative to the client area, of at most 255 characters
     * - `redirectUri`: a list of URIs, or one string with white space between them; at most 32, and 2,000 characters.
     *   `https`; `http` for loopback hosts, `*.test` and those of `localapi.redirect_http_hosts`; or a private-use scheme
     *   with a dot in it (RFC 8252, section 7.1)
     * - `idempotencyKey` (ours): 1 to 255 printable characters; the same key with the same parameters answers the same
     *   credential for 24 hours, from any process
     * - `expiresAt` (ours): when it stops to count, as `2030-01-31 09:00:00` in UTC or as RFC 3339 has it
     *
     * ## ListOAuthCredentials
     *
     * Shows credentials in `clients`, their secrets in clear. All parameters are optional: `grantType`; `sortField`,
     * one of `credentialId`, `name`, `description`, `grantTypes`, `clientIdentifier`, `serviceId`, `createdAt` and
     * `updatedAt`; `sortOrder`, `ASC` or `DESC`; `limit`, the most that are shown, where 0 is all; and `limitstart`,
     * how many are left out first, which takes as long as to find them. Times are in PHP's default time zone, or in UTC
     * where PHP finds none, as `18th November 2016 9:32:24am`. A secret that can't be read is `null`, and `message` says
     * so. `expiresAt`, in UTC as `2030-01-31 09:00:00`, `disabled` and `lastUsedAt`, which may be sorted by, are ours. So
     * are these parameters: `clientIdentifier` and `serviceId`; `search`, a part of the name or the description;
     * `afterId`, after which the list begins, for one page after another; `secrets`, where `0` or `false` leaves all
     * secrets `null`; `unusedSince`, a time since which none was used or made; and `total`, where `1` adds
     * `totalResults`.
     *
     * ## UpdateOAuthCredential
     *
     * Changes the credential that `credentialId` names, or without one `clientApiIdentifier`: each of the parameters of
     * CreateOAuthCredential that is passed. With `resetSecret` the old secret is invalid at once, and
     * `newClientSecret` is the new one; `overlap` (ours; 1 to 2,592,000 seconds) lets the old one verify until
     * `previousSecretExpiresAt`, in UTC, and `revokePreviousSecret` (ours) ends that. A blank `expiresAt` says that it
     * never expires; `disabled` (ours) switches it off and on again.
     *
     * ## DeleteOAuthCredential
     *
     * Deletes the credential that `credentialId` names. Its id is never used again.
     *
     * ## All commands
     *
     * A parameter is found by its exact spelling, else without regard to case. `null` counts as absent; numbers,
     * booleans and objects with `__toString` are read as PHP turns them into strings; text is UTF-8.
     *
     * Sources: https://developers.whmcs.com/api/internal-api/ and, for each command, its page below
     * https://developers.whmcs.com/api-reference/
     *
     * @param string $command The command's name, in any letter case.
     * @param array{
     *     grantType?: 'authorization_code'|'single_sign_on'|null,
     *     scope?: string|\Stringable|list<string|\Stringable>|null,
     *     name?: string|\Stringable|int|null,
     *     serviceId?: int|numeric-string|null,
     *     description?: string|\Stringable|null,
     *     logoUri?: string|\Stringable|list<string|\Stringable>|null,
     *     redirectUri?: string|\Stringable|list<string|\Stringable>|null,
     *     credentialId?: int|numeric-string|null,
     *     clientApiIdentifier?: string|null,
     *     resetSecret?: bool|int|string|null,
     *     overlap?: int|numeric-string|null,
     *     revokePreviousSecret?: bool|int|string|null,
     *     idempotencyKey?: string|null,
     *     expiresAt?: string|null,
     *     disabled?: bool|int|string|null,
     *     sortField?: string|null,
     *     sortOrder?: string|null,
     *     limit?: int|numeric-string|null,
     *     limitstart?: int|numeric-string|null,
     *     clientIdentifier?: string|null,
     *     search?: string|null,
     *     unusedSince?: string|null,
     *     afterId?: int|numeric-string|null,
     *     secrets?: bool|int|string|null,
     *     total?: bool|int|string|null,
     *     ...
     * }|null $postData The command's parameters; `null` counts as `[]`, and those that no command knows are ignored.
     * @param string|null $adminUsername In whose name the command runs, as the activity log shows it: a row of
     *     `tbladmins` that isn't disabled, see {@see LocalApi\register_admin()}. `null` and `''` are the system itself.
     *
     * @return ($command is 'CreateOAuthCredential'
     *     ? array{
     *         result: 'success',
     *         credentialId: positive-int,
     *         clientIdentifier: non-empty-string,
     *         clientSecret: non-empty-string,
     *     }|array{result: 'error', message: non-empty-string}
     *     : ($command is 'ListOAuthCredentials'
     *     ? array{
     *         result: 'success',
     *         clients: list<array{
     *             credentialId: positive-int,
     *             name: string,
     *             description: string,
     *             grantTypes: string,
     *             scope: string,
     *             clientIdentifier: string,
     *             clientSecret: non-empty-string|null,
     *             uuid: null,
     *             serviceId: int,
     *             logoUri: string,
     *             redirectUri: list<non-empty-string>,
     *             rsaKeyPairId: 0,
     *             createdAt: non-empty-string|null,
     *             updatedAt: non-empty-string|null,
     *             expiresAt: non-empty-string|null,
     *             disabled: bool,
     *             lastUsedAt: non-empty-string|null,
     *         }>,
     *         message?: non-empty-string,
     *         totalResults?: non-negative-int,
     *     }|array{result: 'error', message: non-empty-string}
     *     : ($command is 'UpdateOAuthCredential'
     *     ? array{
     *         result: 'success',
     *         credentialId: positive-int,
     *         newClientSecret?: non-empty-string,
     *         previousSecretExpiresAt?: non-empty-string,
     *     }|array{result: 'error', message: non-empty-string}
     *     : ($command is 'DeleteOAuthCredential'
     *     ? array{result: 'success', credentialId: positive-int}|array{result: 'error', message: non-empty-string}
     *     : array{result: 'success'|'error', message?: non-empty-string, ...}
     * ))))
     */
    function localAPI(
        string $command,
        #[\SensitiveParameter] ?array $postData = [],
        ?string $adminUsername = null
    ): array {
    }

    /**
     * Is defined, as files of modules want to see before they do anything. Only in the sandbox (`localapi.sandbox=1`);
     * a file that defines it should ask first, or PHP warns.
     */
    const WHMCS = true;

    /**
     * The folder that PHP worked in when the request began, without a slash at its end. Only in the sandbox.
     */
    const ROOTDIR = '';

    /**
     * Adds a hook. Only in the sandbox (`localapi.sandbox=1`); a suite that declares its own sets
     * `disable_functions=add_hook`.
     *
     * @param string $hookPoint When it runs, compared byte for byte.
     * @param int|numeric-string|null $priority The lower runs first, the same one in the order of the calls; `null` is
     *     0.
     * @param callable|string|array{object|string, string} $function Receives what {@see run_hook()} is given. A
     *     function or method that isn't there yet is looked for when the hook runs.
     * @param mixed ...$more Ignored.
     *
     * @throws \TypeError The priority is no number, or the function neither a callable nor a name of one.
     */
    function add_hook(string $hookPoint, mixed $priority, mixed $function, mixed ...$more): void
    {
    }

    /**
     * Runs the hooks of a point, as {@see LocalApi\Sandbox::runHook()}. Only in the sandbox (`localapi.sandbox=1`); a
     * suite that declares its own sets `disable_functions=run_hook`.
     *
     * @param string $hookPoint Which hooks.
     * @param mixed ...$arguments What each of them receives, an array of variables as a rule; without any, an empty one.
     *
     * @return list<mixed> What each of them returned, `null` included.
     */
    function run_hook(string $hookPoint, mixed ...$arguments): array
    {
    }

    /**
     * Logs a line for {@see LocalApi\Sandbox::activityLog()}. Only in the sandbox (`localapi.sandbox=1`); a suite that
     * declares its own sets `disable_functions=logactivity`, in lower case.
     *
     * @param scalar|\Stringable|null $message The line; `null` is an empty one.
     * @param mixed $userId The client it is about; 0 where it is no number.
     * @param mixed ...$more Ignored.
     *
     * @throws \TypeError The message has no text.
     */
    function logActivity(mixed $message, mixed $userId = 0, mixed ...$more): void
    {
    }

    /**
     * Logs a call of a module for {@see LocalApi\Sandbox::moduleLog()}. Only in the sandbox (`localapi.sandbox=1`); a
     * suite that declares its own sets `disable_functions=logmodulecall`, in lower case.
     *
     * @param scalar|\Stringable|null $module The module's name.
     * @param scalar|\Stringable|null $action What it did.
     * @param mixed $requestString What it sent.
     * @param mixed $responseData What came back.
     * @param mixed $processedData What it made of that.
     * @param mixed $replaceVars What a real log would mask; kept here as it is.
     * @param mixed ...$more Ignored.
     *
     * @throws \TypeError The module or the action has no text.
     */
    function logModuleCall(
        mixed $module,
        mixed $action,
        #[\SensitiveParameter] mixed $requestString,
        #[\SensitiveParameter] mixed $responseData,
        #[\SensitiveParameter] mixed $processedData = '',
        #[\SensitiveParameter] mixed $replaceVars = [],
        mixed ...$more
    ): void {
    }
}

namespace LocalApi {
    /**
     * The same as {@see \localAPI()}, for hosts that need that name for a function of their own: they set
     * `disable_functions=localapi` in php.ini, in lower case.
     *
     * @param string $command The command's name, in any letter case.
     * @param array{
     *     grantType?: 'authorization_code'|'single_sign_on'|null,
     *     scope?: string|\Stringable|list<string|\Stringable>|null,
     *     name?: string|\Stringable|int|null,
     *     serviceId?: int|numeric-string|null,
     *     description?: string|\Stringable|null,
     *     logoUri?: string|\Stringable|list<string|\Stringable>|null,
     *     redirectUri?: string|\Stringable|list<string|\Stringable>|null,
     *     credentialId?: int|numeric-string|null,
     *     clientApiIdentifier?: string|null,
     *     resetSecret?: bool|int|string|null,
     *     overlap?: int|numeric-string|null,
     *     revokePreviousSecret?: bool|int|string|null,
     *     idempotencyKey?: string|null,
     *     expiresAt?: string|null,
     *     disabled?: bool|int|string|null,
     *     sortField?: string|null,
     *     sortOrder?: string|null,
     *     limit?: int|numeric-string|null,
     *     limitstart?: int|numeric-string|null,
     *     clientIdentifier?: string|null,
     *     search?: string|null,
     *     unusedSince?: string|null,
     *     afterId?: int|numeric-string|null,
     *     secrets?: bool|int|string|null,
     *     total?: bool|int|string|null,
     *     ...
     * }|null $postData The command's parameters.
     * @param string|null $adminUsername In whose name the command runs; `null` and `''` are the system itself.
     *
     * @return ($command is 'CreateOAuthCredential'
     *     ? array{
     *         result: 'success',
     *         credentialId: positive-int,
     *         clientIdentifier: non-empty-string,
     *         clientSecret: non-empty-string,
     *     }|array{result: 'error', message: non-empty-string}
     *     : ($command is 'ListOAuthCredentials'
     *     ? array{
     *         result: 'success',
     *         clients: list<array{
     *             credentialId: positive-int,
     *             name: string,
     *             description: string,
     *             grantTypes: string,
     *             scope: string,
     *             clientIdentifier: string,
     *             clientSecret: non-empty-string|null,
     *             uuid: null,
     *             serviceId: int,
     *             logoUri: string,
     *             redirectUri: list<non-empty-string>,
     *             rsaKeyPairId: 0,
     *             createdAt: non-empty-string|null,
     *             updatedAt: non-empty-string|null,
     *             expiresAt: non-empty-string|null,
     *             disabled: bool,
     *             lastUsedAt: non-empty-string|null,
     *         }>,
     *         message?: non-empty-string,
     *         totalResults?: non-negative-int,
     *     }|array{result: 'error', message: non-empty-string}
     *     : ($command is 'UpdateOAuthCredential'
     *     ? array{
     *         result: 'success',
     *         credentialId: positive-int,
     *         newClientSecret?: non-empty-string,
     *         previousSecretExpiresAt?: non-empty-string,
     *     }|array{result: 'error', message: non-empty-string}
     *     : ($command is 'DeleteOAuthCredential'
     *     ? array{result: 'success', credentialId: positive-int}|array{result: 'error', message: non-empty-string}
     *     : array{result: 'success'|'error', message?: non-empty-string, ...}
     * ))))
     */
    function call(
        string $command,
        #[\SensitiveParameter] ?array $postData = [],
        ?string $adminUsername = null
    ): array {
    }

    /**
     * Whether this secret belongs to this client identifier: what an authorization server asks before it issues a
     * token. The comparison takes the same time whatever part of the secret is right.
     *
     * @param string $clientIdentifier Compared byte for byte.
     * @param string $clientSecret As it was answered, in base64. No backtrace shows it.
     *
     * @return array{
     *     credentialId: positive-int,
     *     clientIdentifier: non-empty-string,
     *     grantType: string,
     *     scope: list<string>,
     *     serviceId: int,
     *     userId: int,
     *     redirectUri: list<non-empty-string>,
     *     name: string,
     *     description: string,
     *     logoUri: string,
     *     expiresAt: non-empty-string|null,
     *     disabled: bool,
     * }|null What a token endpoint needs to know; `null` where they don't belong together. `serviceId` and `userId`
     *     (the client who owned the service when the credential got it) are 0 but for single_sign_on.
     *
     * @throws StoreException The store or its keys can't be used, or the stored secret is damaged.
     */
    function verify_credential(string $clientIdentifier, #[\SensitiveParameter] string $clientSecret): ?array
    {
    }

    /**
     * What an authorization endpoint and its consent screen need to know of a client, who has shown no secret yet. None
     * is unsealed.
     *
     * @param string $clientIdentifier Compared byte for byte.
     *
     * @return array{
     *     credentialId: positive-int,
     *     name: string,
     *     description: string,
     *     logoUri: string,
     *     grantType: string,
     *     scope: array<string, string>,
     *     redirectUri: list<non-empty-string>,
     *     serviceId: int,
     *     userId: int,
     *     expiresAt: non-empty-string|null,
     *     disabled: bool,
     * }|null `null` where no credential has this identifier. `scope` is a map of name to description; PHP makes a whole
     *     number of a name such as `7`. `serviceId` and `userId` are as in {@see verify_credential()}.
     *
     * @throws StoreException The store can't be used.
     */
    function find_credential(string $clientIdentifier): ?array
    {
    }

    /**
     * Whether an authorization server may redirect to this URI: it is one of those that the client has registered, byte
     * for byte. Only the port of an `http` URI of a loopback address, `127.0.0.1` or `[::1]` say, is left open, since an
     * app on the user's machine takes one that is free (RFC 8252, section 7.3). There are no wildcards.
     *
     * @param array<string> $registered `redirectUri` of {@see find_credential()} or {@see verify_credential()}.
     * @param string $given `redirect_uri` of the request.
     *
     * @throws \ValueError An element of the array is no string.
     */
    function redirect_uri_matches(array $registered, string $given): bool
    {
    }

    /**
     * Answers many calls of native commands with one durable commit, a thousand calls at a time. Each is answered as
     * `localAPI()` would, in order. Where the commit fails, every success that it was for becomes the error. No handler
     * is asked. What a value throws while it is read reaches the caller, and nothing is stored then.
     *
     * In the sandbox it is a loop of `localAPI()`: fakes and handlers answer too, each call is recorded, and what one
     * throws ends it there.
     *
     * @param list<array{0: string, 1?: array<mixed>|null, 2?: string|null}> $calls Each `[command, postData,
     *     adminUsername]`.
     *
     * @return list<array<string, mixed>> The answers, in the same order.
     *
     * @throws \ValueError An element is none of these.
     */
    function batch(#[\SensitiveParameter] array $calls): array
    {
    }

    /**
     * Seals every stored secret with a new key, while other processes go on. What an interrupted call left undone the
     * next one does.
     *
     * @param bool $stage Only adds the new key to the key file, and seals nothing: for hosts that copy the file to
     *     other machines before the next call uses it.
     *
     * @return non-negative-int How many secrets were sealed anew.
     *
     * @throws StoreException There is no store, it or the key file can't be used, or a key that secrets need is missing
     *     from the file.
     */
    function rotate_key(bool $stage = false): int
    {
    }

    /**
     * Deletes the credentials that expired longer ago than so many seconds, with their secrets, a batch at a time, while
     * other processes go on. Each leaves a line in the activity log.
     *
     * @param non-negative-int $expiredBefore In seconds; 0 is all that have expired.
     *
     * @return non-negative-int How many were deleted.
     *
     * @throws \ValueError The number is negative.
     * @throws StoreException There is no store, or it can't be used.
     */
    function prune(int $expiredBefore): int
    {
    }

    /**
     * Copies everything of a store to another place: rows, ids, notes and, where the target's key file isn't there yet,
     * the keys. That of a copy in a file is beside it, with `.key` at its end, whatever `localapi.key_file` says. Sealed
     * secrets stay as they are. In the end all of it is compared, and each secret is opened. `open_basedir` holds for both
     * stores.
     *
     * A copy that was interrupted goes on with the next call; until it's finished, every other call that uses the copy
     * is an error. Nobody may write to the source meanwhile: what was changed is found in the end. Nothing is taken from
     * the target that anybody else has put there: then the call fails and names it.
     *
     * @param string $from The DSN of the store, as for `localapi.dsn`; a file or a server.
     * @param string $to The DSN of the copy: a new store, or an unfinished copy of the same one. Anything else is refused
     *     and left untouched.
     * @param (callable(non-negative-int $done, non-negative-int $total): mixed)|null $progress Is told how far it is
     *     after each batch. What it throws ends the call, and the next one goes on.
     *
     * @return array{
     *     rows: non-negative-int,
     *     secrets: non-negative-int,
     *     unreadable: non-negative-int,
     *     leftOut: list<non-empty-string>,
     * } How many rows and secrets were copied, how many of the secrets can't be read in the source either, and columns
     *     of a host's own that the copy has no place for.
     *
     * @throws \ValueError A DSN is invalid, or both are the same.
     * @throws StoreException A store or a key file can't be used or is outside of `open_basedir`, there is no source,
     *     the target is another store, or a row doesn't fit: the sentence names the row and the column.
     */
    function copy_store(
        #[\SensitiveParameter] string $from,
        #[\SensitiveParameter] string $to,
        ?callable $progress = null
    ): array {
    }

    /**
     * Puts one of the host's services, and the client who owns it, into the store: single_sign_on credentials need
     * them. A service that is there gets this client. Calling it again changes nothing and takes no lock.
     *
     * @param positive-int $serviceId The host's own id of the service: its row in `tblhosting`.
     * @param positive-int $clientId The host's own id of the owner: the row in `tblclients`.
     *
     * @throws \ValueError An id isn't greater than 0.
     * @throws StoreException The store can't be used.
     */
    function register_service(int $serviceId, int $clientId): void
    {
    }

    /**
     * Adds a scope that credentials may then have, also in processes that run already. Calling it again changes
     * nothing; another description replaces the one before it, and an empty one leaves it.
     *
     * @param non-empty-string $scope At most 80 characters, compared byte for byte; no white space or control
     *     characters.
     * @param string $description What a consent screen shows: one line of at most 255 characters.
     *
     * @throws \ValueError An argument isn't as said above.
     * @throws StoreException The store can't be used.
     */
    function register_scope(string $scope, string $description = ''): void
    {
    }

    /**
     * Adds an admin in whose name commands may run. One that is there stays as it is, disabled or not. The admin
     * `admin` is in every new store.
     *
     * @param non-empty-string $username At most 255 characters, compared byte for byte; not blank, no control
     *     characters.
     *
     * @throws \ValueError The name isn't as said above.
     * @throws StoreException The store can't be used.
     */
    function register_admin(string $username): void
    {
    }

    /**
     * Lets no command run in an admin's name any more, over HTTP neither, or lets them again.
     *
     * @param non-empty-string $username Compared byte for byte.
     *
     * @return bool Whether there is such an admin.
     *
     * @throws \ValueError The name can't be one.
     * @throws StoreException The store can't be used.
     */
    function disable_admin(string $username, bool $disabled = true): bool
    {
    }

    /**
     * The scopes that credentials may have.
     *
     * @return list<array{scope: string, description: string}>
     *
     * @throws StoreException The store can't be used.
     */
    function scopes(): array
    {
    }

    /**
     * The services, and the clients they belong to.
     *
     * @return list<array{serviceId: int, clientId: int}>
     *
     * @throws StoreException The store can't be used.
     */
    function services(): array
    {
    }

    /**
     * The admins in whose names commands may run, those that are disabled included.
     *
     * @return list<array{username: string, disabled: bool}>
     *
     * @throws StoreException The store can't be used.
     */
    function admins(): array
    {
    }

    /**
     * Answers, until the request ends, a command that isn't native from PHP.
     *
     * The handler returns the answer's array, or `null` to pass the call on: to the handler of `'*'`, and then to the
     * answer that the command was not found. What it throws reaches the caller unchanged. It may call `localAPI()`
     * again, 64 deep. Backtraces show what it receives, unless it marks its `$postData` as `#[\SensitiveParameter]`.
     *
     * @param string $command Matched without regard to letter case; `'*'` answers all the rest.
     * @param (callable(array<mixed> $postData, string $command, ?string $adminUsername): ?array<mixed>)|null $handler
     *     `null` removes the one before.
     *
     * @throws \ValueError The command is native.
     */
    function handle(string $command, ?callable $handler): void
    {
    }

    /**
     * Issues what a program shows to call `includes/api.php`: `identifier` and `secret`, of 32 letters and digits each.
     * The secret is shown this once; the store keeps a verifier of it.
     *
     * @param string $adminUsername The admin in whose name its commands run.
     * @param list<string> $actions The commands that it may call, in any letter case; `*` is all of them.
     * @param string $description What it's for; at most 255 characters.
     * @param bool $secrets Whether ListOAuthCredentials shows it secrets.
     * @param string|null $expiresAt Until when it counts, as `2030-01-31 09:00:00` in UTC or as RFC 3339 has it.
     *
     * @return array{identifier: non-empty-string, secret: non-empty-string}
     *
     * @throws StoreException Where the admin isn't known or is disabled, or the store can't be used.
     * @throws \ValueError Where an action, the description or the time can't be one, or the time has passed.
     */
    function issue_api_credential(
        string $adminUsername,
        array $actions = ['*'],
        string $description = '',
        bool $secrets = true,
        ?string $expiresAt = null
    ): array {
    }

    /**
     * The credentials for HTTP that were issued and not taken back, those that have expired included, in the order in
     * which they were issued. Times are in UTC, as `2030-01-31 09:00:00`.
     *
     * @return list<array{
     *     identifier: non-empty-string,
     *     adminUsername: non-empty-string,
     *     actions: list<string>,
     *     description: string,
     *     secrets: bool,
     *     lastAccess: non-empty-string|null,
     *     expiresAt: non-empty-string|null,
     * }>
     *
     * @throws StoreException Where the store can't be used.
     */
    function api_credentials(): array
    {
    }

    /**
     * Takes an API credential back, at once.
     *
     * @return bool Whether there was one to take.
     *
     * @throws StoreException Where the store can't be used.
     */
    function revoke_api_credential(string $identifier): bool
    {
    }

    /**
     * Answers one HTTP request: checks the address, the credential and its permission, runs the command as
     * {@see \localAPI()} does, and writes the answer as JSON, XML or NVP. What a handler throws goes to PHP's log.
     *
     * @param array<mixed> $parameters `$_POST + $_GET`, without what is in both with another letter case.
     * @param array<mixed> $server `$_SERVER`: the method, the caller's address and the body's length are read from it.
     *
     * @return array{status: int, headers: array<string, string>, body: string}
     */
    function respond(#[\SensitiveParameter] array $parameters, #[\SensitiveParameter] array $server): array
    {
    }

    /**
     * Thrown where the store can't be used, by the functions that answer no array with `result`. The message says what
     * to do, and holds no secret and no SQL; the code is 0.
     */
    class StoreException extends \RuntimeException
    {
    }

    /**
     * Thrown in the sandbox by a call that nothing answers, after {@see Sandbox::preventStrayCalls()}. The message names
     * the command, the keys of its data and what would answer it.
     */
    class StrayCall extends \LogicException
    {
    }

    /**
     * What a test needs: an empty store in memory, fakes, recorded calls, fixtures, hooks and a seed. Each request
     * starts with an empty sandbox.
     *
     * The class is always there. Every method throws a `\LogicException`, and touches nothing, without
     * `localapi.sandbox=1` in php.ini, or with a `localapi.dsn` that isn't empty or `sqlite::memory:`.
     */
    final class Sandbox
    {
        /**
         * Empties the sandbox: the store is as new, ids start at 1, and there are no fakes, calls, hooks, handlers,
         * logged lines or seed, and the clock tells the true time. A store that nothing was written to costs nothing.
         * {@see loadHooks()} brings the hooks of a file back.
         *
         * What a test has left open by Capsule is rolled back.
         *
         * @param bool $keepHooks Whether all hooks stay.
         *
         * @throws StoreException Another PDO than Capsule's has a transaction or a result open.
         */
        public static function reset(bool $keepHooks = false): void
        {
        }

        /**
         * Makes identifiers, secrets and times the same on each run and in each version. Identifiers then begin with
         * `TEST-`, and it is 18th November 2016 9:32:24am in UTC.
         */
        public static function seed(int $seed): void
        {
        }

        /**
         * Moves the clock by so many seconds, back where they are negative, until {@see reset()}: what expires meanwhile
         * has expired then. Further calls move it further.
         *
         * @throws \ValueError It would not be a time from 1970 to 9999.
         */
        public static function travel(int $seconds): void
        {
        }

        /**
         * Adds a row to `tblclients`. Like every table of the sandbox it gets the columns that it lacks, until the next
         * {@see reset()}: for numbers, for text, or with null as its default, as the value is. Null for a column that
         * is there means its default.
         *
         * @param array<string, scalar|\Stringable|null> $columns Its columns; `id` may be one of them.
         *
         * @return positive-int Its id.
         *
         * @throws \ValueError A column has no name or can't hold its value, or the id is taken.
         */
        public static function addClient(array $columns = []): int
        {
        }

        /**
         * Adds a row to `tblhosting`. The client need not exist.
         *
         * @param int $clientId `userid`.
         * @param array<string, scalar|\Stringable|null> $columns The other columns; `id` may be one of them.
         *
         * @return positive-int Its id.
         *
         * @throws \ValueError A column has no name or can't hold its value, or the id is taken.
         */
        public static function addService(int $clientId, array $columns = []): int
        {
        }

        /**
         * Adds a row to `tbladmins`, or gives the admin who is there these columns.
         *
         * @param non-empty-string $username `username`.
         * @param array<string, scalar|\Stringable|null> $columns The other columns; `id` may be one of them.
         *
         * @return positive-int Its id.
         *
         * @throws \ValueError A column has no name or can't hold its value, or the id is taken.
         */
        public static function addAdmin(string $username, array $columns = []): int
        {
        }

        /**
         * Adds a scope as {@see register_scope()} does.
         *
         * @param non-empty-string $scope Its name.
         * @param string $description What a consent screen shows.
         *
         * @return positive-int Its id.
         *
         * @throws \ValueError An argument isn't as that function says.
         */
        public static function addScope(string $scope, string $description = ''): int
        {
        }

        /**
         * Adds a row to any table: one of localapi's, one of WHMCS's, or one that the module has made. As
         * {@see pdoDsn()} it moves the store.
         *
         * @param string $table The table's name.
         * @param array<string, scalar|\Stringable|null> $columns Its columns; `id` may be one of them.
         *
         * @return int Its id.
         *
         * @throws \ValueError There is no such table, a column has no name or can't hold its value, or the id is taken.
         */
        public static function addRow(string $table, array $columns = []): int
        {
        }

        /**
         * The DSN by which PDO reaches the sandbox's store, in this process only: SQLite's `memdb`. The store moves
         * there at the first call, gets the tables of WHMCS that modules use most, and costs more from then on. While
         * PDO has a transaction or half a result open, calls that write answer an error that says so.
         */
        public static function pdoDsn(): string
        {
        }

        /**
         * Answers a command, a native one too, until it is faked anew or all is reset.
         *
         * @param string $command Its name, in any letter case; `*` stands for all that aren't native and have neither a
         *     fake nor a handler of their own.
         * @param array<mixed>|callable(array<mixed>, string, ?string): ?array<mixed> $answer The answer, or what gives
         *     it: a callable receives what a handler receives, and passes on by `null`. A list of two that is callable
         *     is a callable.
         *
         * @throws \TypeError The answer is neither.
         */
        public static function fake(string $command, mixed $answer): void
        {
        }

        /**
         * Answers a command with one array per call; the last one stays.
         *
         * @param string $command Its name, in any letter case.
         * @param array<mixed> ...$answers At least one.
         */
        public static function fakeSequence(string $command, array ...$answers): void
        {
        }

        /**
         * Has calls throw {@see StrayCall} that neither localapi itself nor a fake or a handler answers, until all is
         * reset.
         */
        public static function preventStrayCalls(bool $prevent = true): void
        {
        }

        /**
         * The calls that were made, in their order. A call that is made inside another comes after it.
         *
         * @param string|null $command Only those of this command, in any letter case.
         *
         * @return list<array{command: string, postData: array<mixed>, adminUsername: ?string, result: ?array<mixed>}>
         *     `command` is as written; `result` is `null` while the call runs, and where it threw.
         */
        public static function calls(?string $command = null): array
        {
        }

        /**
         * The hooks, in the order in which they run.
         *
         * @param string|null $point Only those of this point.
         *
         * @return list<array{point: string, priority: int, function: callable}>
         */
        public static function hooks(?string $point = null): array
        {
        }

        /**
         * Includes a file that adds hooks. PHP can do so only once where the file declares a function: later calls add
         * the same hooks again, after a {@see reset()}, and leave alone those that are there.
         *
         * What the file throws, and PHP's own errors where it can't be included, reach the caller, and the next call
         * tries again. Each request begins anew.
         *
         * @param string $file Its path, resolved as `require` does. The file has a scope of its own, without the
         *     variables and the `$this` of the caller. Hooks that its functions add when they are called later are not
         *     added again.
         *
         * @throws \LogicException The file was included before, by others or until it threw, and has declared a function
         *     or class, so that PHP can't include it again.
         */
        public static function loadHooks(string $file): void
        {
        }

        /**
         * Runs the hooks of a point in the order of their priority. What one throws reaches the caller.
         *
         * @param string $point Which hooks.
         * @param mixed ...$arguments What each of them receives, an array of variables as a rule; without any, an empty
         *     one.
         *
         * @return list<mixed> What each of them returned, `null` included.
         */
        public static function runHook(string $point, mixed ...$arguments): array
        {
        }

        /**
         * What {@see \logActivity()} has logged.
         *
         * @return list<array{message: string, userId: int}>
         */
        public static function activityLog(): array
        {
        }

        /**
         * What {@see \logModuleCall()} has logged, nothing of it masked.
         *
         * @return list<array{module: string, action: string, requestString: mixed, responseData: mixed,
         *     processedData: mixed, replaceVars: mixed}>
         */
        public static function moduleLog(): array
        {
        }
    }
}
