<?php

declare(strict_types=1);

namespace LocalApi\Endurance;

use PHPUnit\Framework\Assert;

/**
 * nginx or Apache on a port of its own, configured as docs/http.md says.
 */
final class WebServer
{
    private const MODULES = '/usr/lib/apache2/modules';

    /** @var resource */
    private $process;

    /** Host and port. */
    public readonly string $address;

    /**
     * @param string $kind nginx, "Apache with php-fpm", "Apache with its module" or "Apache with threads"
     * @param string $folder of the user that it runs as, with the socket of php-fpm
     * @param string $public the document root
     * @param list<string> $as what runs a command as this user
     * @param array<string, string> $environment
     */
    public function __construct(string $kind, string $folder, string $public, array $as, array $environment)
    {
        $socket = stream_socket_server('tcp://127.0.0.1:0');
        $this->address = stream_socket_get_name($socket, false);
        fclose($socket);
        $places = ['/srv/localapi/public' => $public, '/run/php/php-fpm.sock' => "$folder/fpm.sock"];
        // It ends all processes of its group and user when it ends: those of other tests, unless it has a group of its own.
        $alone = ['setpriv', '--pdeathsig=TERM', 'setsid'];
        $apache = [...$alone, self::binary('apache2'), '-D', 'FOREGROUND', '-f', "$folder/web.conf"];
        [$configuration, $command] = match ($kind) {
            'nginx' => [
                $this->nginx($folder, strtr(self::documented('nginx', 0), $places)),
                [self::binary('nginx'), '-e', "$folder/web.log", '-p', $folder, '-c', "$folder/web.conf"],
            ],
            'Apache with php-fpm' => [
                $this->apache($folder, self::load('proxy', 'proxy_fcgi') . strtr(self::documented('apache', 0), $places)),
                $apache,
            ],
            'Apache with its module' => [
                $this->apache($folder, self::loadPhp() . strtr(self::documented('apache', 1), $places)),
                $apache,
            ],
            'Apache with threads' => [
                $this->apache(
                    $folder,
                    // As the page says of threads.
                    self::loadPhpWithThreads() . preg_replace('/^ *php_.*\n/m', '', strtr(self::documented('apache', 1), $places)),
                    'mpm_event'
                ),
                $apache,
            ],
        };
        file_put_contents("$folder/web.conf", $configuration);
        chmod("$folder/web.conf", 0644);
        $output = ['file', "$folder/web.out", 'w'];
        $places = [['file', '/dev/null', 'r'], $output, $output];
        $this->process = proc_open([...$as, ...$command], $places, $pipes, '/', $environment);
        for ($wait = 0; @stream_socket_client("tcp://$this->address") === false; $wait++) {
            $log = file_get_contents("$folder/web.out") . @file_get_contents("$folder/web.log");
            Assert::assertLessThan(500, $wait, "$kind does not answer: $log");
            usleep(20_000);
        }
    }

    public function url(): string
    {
        return "http://$this->address/includes/api.php";
    }

    /** The page's block of this language, counted from 0. */
    public static function documented(string $language, int $number): string
    {
        $page = file_get_contents(dirname(__DIR__, 2) . '/docs/http.md');
        preg_match_all("/^```$language\\n(.*?)^```$/ms", $page, $blocks);
        Assert::assertArrayHasKey($number, $blocks[1], "docs/http.md has no $language");
        return $blocks[1][$number];
    }

    public function kill(): void
    {
        if (is_resource($this->process)) {
            proc_terminate($this->process, SIGTERM);
            proc_close($this->process);
        }
    }

    private function nginx(string $folder, string $server): string
    {
        copy('/etc/nginx/fastcgi_params', "$folder/fastcgi_params");
        chmod("$folder/fastcgi_params", 0644);
        $temporary = '';
        foreach (['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'] as $what) {
            $temporary .= "{$what}_temp_path $folder/nginx-$what;\n";
        }
        return "daemon off;\nworker_processes 1;\npid $folder/web.pid;\n"
            . "events { worker_connections 512; }\n"
            . "http {\naccess_log off;\nkeepalive_requests 1000000;\n$temporary"
            . "server {\nlisten $this->address;\n$server}\n}\n";
    }

    private function apache(string $folder, string $server, string $processes = 'mpm_prefork'): string
    {
        return "ServerRoot $folder\nServerName localhost\nListen $this->address\nDefaultRuntimeDir $folder\n"
            . "PidFile $folder/web.pid\nErrorLog $folder/web.log\n" . self::load($processes, 'authz_core') . $server;
    }

    private static function load(string ...$modules): string
    {
        $lines = array_map(fn (string $name): string => "LoadModule {$name}_module " . self::MODULES . "/mod_$name.so\n", $modules);
        return implode('', $lines);
    }

    /** What Debian's package puts into Apache's configuration. */
    private static function loadPhp(): string
    {
        $version = PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION;
        return 'LoadModule php_module ' . self::MODULES . "/libphp$version.so\n"
            . file_get_contents("/etc/apache2/mods-available/php$version.conf");
    }

    /** What apxs has installed, with one process whose threads answer all. */
    private static function loadPhpWithThreads(): string
    {
        return 'LoadModule php_module ' . self::MODULES . "/libphp.so\n"
            . "<FilesMatch \\.php$>\nSetHandler application/x-httpd-php\n</FilesMatch>\n"
            . "StartServers 1\nServerLimit 1\nThreadLimit 16\nThreadsPerChild 16\nMaxRequestWorkers 16\n";
    }

    private static function binary(string $name): string
    {
        foreach (['/usr/sbin', '/usr/local/sbin', '/usr/bin'] as $folder) {
            if (is_executable("$folder/$name")) {
                return "$folder/$name";
            }
        }
        Assert::fail("$name is not installed.");
    }
}
