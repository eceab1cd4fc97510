<?php

/**
 * localAPI() and the functions of LocalApi\ over the C library, for a PHP from 7.4 on that the extension doesn't fit:
 * PHP's FFI calls what include/localapi.h declares. There is no sandbox, no LocalApi\respond(), and nobody is told of
 * a copy's progress. Never load this beside the extension.
 *
 * On the command line require this file. In a server name it as opcache.preload: then ffi.enable can stay at preload.
 * Settings are those of the extension, in php.ini; localapi.library is the path of the library.
 */

declare(strict_types=1);

namespace LocalApi {
    /** The store can't be used. */
    class StoreException extends \RuntimeException
    {
    }

    /**
     * The library, opened on first use.
     *
     * @internal
     */
    final class Library
    {
        private const DECLARATIONS = '
            typedef struct localapi localapi;
            localapi *localapi_open(const char *settings_json, char **error);
            char *localapi_call(const localapi *handle, const char *command, const char *post_data_json,
                const char *admin);
            char *localapi_verify(const localapi *handle, const char *identifier, const char *secret);
            char *localapi_run(const localapi *handle, const char *function, const char *arguments_json);
            void localapi_free(char *text);
            void localapi_close(localapi *handle);
        ';
        private const SETTINGS = ['dsn', 'key_file', 'company_name', 'busy_timeout', 'durability'];
        private const NATIVE = [
            'createoauthcredential',
            'listoauthcredentials',
            'updateoauthcredential',
            'deleteoauthcredential',
        ];

        /** @var array<string, callable> by the command in lower case */
        public static $handlers = [];

        /** @var ?\FFI */
        private static $library;

        /** @var ?\FFI\CData */
        private static $handle;

        public static function call(
            string $command,
            #[\SensitiveParameter]
            ?array $postData,
            ?string $admin
        ): array {
            foreach (self::isNative($command) ? [] : [strtolower($command), '*'] as $asked) {
                $handler = self::$handlers[$asked] ?? null;
                $answer = $handler !== null ? $handler($postData ?? [], $command, $admin) : null;
                if ($answer !== null) {
                    return $answer;
                }
            }
            try {
                $admin = $admin === null ? null : self::text($admin);
                $arguments = [self::text($command), self::json(self::parameters($postData)), $admin];
                return self::shown(self::ask('localapi_call', $arguments));
            } catch (StoreException $exception) {
                return ['result' => 'error', 'message' => $exception->getMessage()];
            }
        }

        /** @return mixed what a function of the library returns */
        public static function run(
            string $function,
            #[\SensitiveParameter]
            array $arguments
        ) {
            $answer = self::ask('localapi_run', [$function, self::json(array_map([self::class, 'value'], $arguments))]);
            if (isset($answer['argument'])) {
                throw self::wrong($function, $answer['argument'], $answer['message']);
            }
            return self::valueOf($answer);
        }

        /** What the extension throws where an argument is wrong; before PHP 8.0 it's PHP's nearest. */
        public static function wrong(string $function, int $argument, string $message): \Throwable
        {
            $name = (new \ReflectionFunction("LocalApi\\$function"))->getParameters()[$argument - 1]->getName();
            $class = class_exists('ValueError') ? 'ValueError' : 'InvalidArgumentException';
            return new $class("LocalApi\\$function(): Argument #$argument (\$$name) $message");
        }

        public static function isNative(string $command): bool
        {
            return in_array(strtolower($command), self::NATIVE, true);
        }

        public static function verify(
            string $identifier,
            #[\SensitiveParameter]
            string $secret
        ): ?array {
            return self::valueOf(self::ask('localapi_verify', [self::text($identifier), self::text($secret)]));
        }

        /** Times as the extension shows them. */
        public static function shown(array $answer): array
        {
            foreach ($answer['clients'] ?? [] as $number => $client) {
                foreach (['createdAt', 'updatedAt'] as $time) {
                    if (isset($client[$time])) {
                        $answer['clients'][$number][$time] = date('jS F Y g:i:sa', $client[$time]);
                    }
                }
            }
            return $answer;
        }

        /** An array's values as JSON knows them; an object without text is one without properties. */
        public static function parameters(
            #[\SensitiveParameter]
            ?array $postData
        ): \stdClass {
            $parameters = new \stdClass();
            foreach ($postData ?? [] as $name => $value) {
                // No parameter has a name that isn't UTF-8.
                if (preg_match('//u', (string) $name) === 1 && (string) $name !== '') {
                    $list = is_array($value) ? array_map([self::class, 'value'], array_values($value)) : null;
                    $parameters->{$name} = $list ?? self::value($value);
                }
            }
            return $parameters;
        }

        /**
         * @param mixed $value
         * @return mixed
         */
        public static function value(
            #[\SensitiveParameter]
            $value
        ) {
            if (is_object($value) && method_exists($value, '__toString')) {
                $value = (string) $value;
            }
            if (is_float($value)) {
                return (string) $value;
            }
            if (is_string($value) && preg_match('//u', $value) !== 1) {
                return ['base64' => base64_encode($value)];
            }
            // An object, or a resource that may be closed.
            return $value === null || is_scalar($value) || is_array($value) ? $value : new \stdClass();
        }

        /** @return mixed */
        private static function valueOf(array $answer)
        {
            if (!array_key_exists('value', $answer)) {
                throw new StoreException($answer['message']);
            }
            return $answer['value'];
        }

        private static function ask(
            string $function,
            #[\SensitiveParameter]
            array $arguments
        ): array {
            $handle = self::handle();
            $text = self::$library->{$function}($handle, ...$arguments);
            try {
                return json_decode(\FFI::string($text), true, 512, JSON_THROW_ON_ERROR);
            } finally {
                self::$library->localapi_free($text);
            }
        }

        private static function handle(): \FFI\CData
        {
            if (self::$handle !== null) {
                return self::$handle;
            }
            $path = get_cfg_var('localapi.library') ?: 'liblocalapi.so';
            self::$library = self::$library ?? \FFI::cdef(self::DECLARATIONS, $path);
            $settings = ['server' => !in_array(PHP_SAPI, ['cli', 'phpdbg', 'embed'], true)];
            foreach (self::SETTINGS as $name) {
                $value = get_cfg_var("localapi.$name");
                if ($value !== false) {
                    $settings[$name] = $value;
                }
            }
            $error = self::$library->new('char *');
            $handle = self::$library->localapi_open(self::json($settings), \FFI::addr($error));
            if ($handle === null) {
                $message = \FFI::string($error);
                self::$library->localapi_free($error);
                throw new StoreException($message);
            }
            return self::$handle = $handle;
        }

        /** A text that C doesn't cut: nothing that is stored or known has a zero byte in it, nor this. */
        private static function text(
            #[\SensitiveParameter]
            string $text
        ): string {
            return str_replace("\0", "\u{FFFD}", $text);
        }

        /** @param mixed $value */
        private static function json(
            #[\SensitiveParameter]
            $value
        ): string {
            return json_encode($value, JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION);
        }
    }

    function call(
        string $command,
        #[\SensitiveParameter]
        ?array $postData = [],
        ?string $adminUsername = null
    ): array {
        return Library::call($command, $postData, $adminUsername);
    }

    function verify_credential(
        string $clientIdentifier,
        #[\SensitiveParameter]
        string $clientSecret
    ): ?array {
        return Library::verify($clientIdentifier, $clientSecret);
    }

    function find_credential(string $clientIdentifier): ?array
    {
        return Library::run('find_credential', [$clientIdentifier]);
    }

    function redirect_uri_matches(array $registered, string $given): bool
    {
        return Library::run('redirect_uri_matches', [array_values($registered), $given]);
    }

    function batch(
        #[\SensitiveParameter]
        array $calls
    ): array {
        foreach ($calls as $number => $call) {
            if (is_array($call) && isset($call[1]) && is_array($call[1])) {
                $calls[$number][1] = Library::parameters($call[1]);
            }
        }
        return array_map([Library::class, 'shown'], Library::run('batch', [$calls]));
    }

    function rotate_key(bool $stage = false): int
    {
        return Library::run('rotate_key', [$stage]);
    }

    function copy_store(
        #[\SensitiveParameter]
        string $from,
        #[\SensitiveParameter]
        string $to,
        ?callable $progress = null
    ): array {
        return Library::run('copy_store', [$from, $to]);
    }

    function register_service(int $serviceId, int $clientId): void
    {
        Library::run('register_service', [$serviceId, $clientId]);
    }

    function register_scope(string $scope, string $description = ''): void
    {
        Library::run('register_scope', [$scope, $description]);
    }

    function register_admin(string $username): void
    {
        Library::run('register_admin', [$username]);
    }

    function handle(string $command, ?callable $handler): void
    {
        if (Library::isNative($command)) {
            throw Library::wrong('handle', 1, 'must not be a command that is answered natively');
        }
        if ($handler === null) {
            unset(Library::$handlers[strtolower($command)]);
        } else {
            Library::$handlers[strtolower($command)] = $handler;
        }
    }

    function issue_api_credential(
        string $adminUsername,
        array $actions = ['*'],
        string $description = '',
        bool $secrets = true,
        ?string $expiresAt = null,
    ): array {
        return Library::run('issue_api_credential', [$adminUsername, $actions, $description, $secrets, $expiresAt]);
    }

    function api_credentials(): array
    {
        return Library::run('api_credentials', []);
    }

    function prune(int $expiredBefore): int
    {
        return Library::run('prune', [$expiredBefore]);
    }

    function scopes(): array
    {
        return Library::run('scopes', []);
    }

    function services(): array
    {
        return Library::run('services', []);
    }

    function admins(): array
    {
        return Library::run('admins', []);
    }

    function disable_admin(string $username, bool $disabled = true): bool
    {
        return Library::run('disable_admin', [$username, $disabled]);
    }

    function revoke_api_credential(string $identifier): bool
    {
        return Library::run('revoke_api_credential', [$identifier]);
    }
}

namespace {
    function localAPI(
        string $command,
        #[\SensitiveParameter]
        ?array $postData = [],
        ?string $adminUsername = null
    ): array {
        return \LocalApi\Library::call($command, $postData, $adminUsername);
    }
}
