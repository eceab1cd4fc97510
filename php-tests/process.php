<?php

/** Other PHP processes and scratch folders, for tests. */
declare(strict_types=1);

/** Runs PHP code in a process of its own and returns all that it prints, warnings of its start included. */
function php(string $code, array $ini = [], array $environment = []): string
{
    return run([PHP_BINARY, ...ini_options($ini), '-r', $code], $environment);
}

/** Runs a command and returns its output and errors. A null in the environment takes a variable away. */
function run(array $command, array $environment = []): string
{
    $environment = array_filter($environment + getenv(), is_string(...));
    $process = proc_open($command, [1 => ['pipe', 'w'], 2 => ['redirect', 1]], $pipes, null, $environment);
    $output = stream_get_contents($pipes[1]);
    proc_close($process);
    return $output;
}

/** Options that show every error as plain text, then these entries. */
function ini_options(array $ini): array
{
    $plain = ['display_errors' => 1, 'display_startup_errors' => 1, 'log_errors' => 0, 'html_errors' => 0];
    $options = [];
    if (tests_run_at_a_server() && !isset($ini['localapi.dsn'])) {
        $plain += ['localapi.dsn' => ini_get('localapi.dsn'), 'localapi.key_file' => ini_get('localapi.key_file')];
    }
    foreach ($ini + $plain as $name => $value) {
        // In single quotes, PHP's INI reader takes a value as it is.
        array_push($options, '-d', is_int($value) ? "$name=$value" : "$name='$value'");
    }
    return $options;
}

/** Whether the tests' store is at the server that the variable names, and not in a file. */
function tests_run_at_a_server(): bool
{
    return (string) getenv('LOCALAPI_TEST_DSN') !== '';
}

/** A new folder that goes when this process ends. */
function scratch_folder(): string
{
    $folder = sys_get_temp_dir() . '/localapi-' . bin2hex(random_bytes(8));
    mkdir($folder, 0700);
    $owner = getmypid();
    register_shutdown_function(fn () => getmypid() === $owner && remove_folder($folder));
    return $folder;
}

/** Removes a folder with all that is in it. */
function remove_folder(string $folder): void
{
    foreach (array_diff(scandir($folder), ['.', '..']) as $name) {
        $path = "$folder/$name";
        is_dir($path) && !is_link($path) ? remove_folder($path) : unlink($path);
    }
    rmdir($folder);
}

/**
 * PHP's built-in web server over a folder, until this object goes. With a router, that script answers everything. In the
 * environment, `{address}` stands for the address.
 */
final class Server
{
    private $process;
    private string $address;

    public function __construct(private string $folder, array $ini = [], array $environment = [], string $router = '')
    {
        $socket = stream_socket_server('tcp://127.0.0.1:0');
        $this->address = stream_socket_get_name($socket, false);
        fclose($socket);
        $command = [PHP_BINARY, ...ini_options($ini), '-S', $this->address, '-t', $folder];
        $command = $router === '' ? $command : [...$command, $router];
        $environment = str_replace('{address}', $this->address, $environment);
        $quiet = [1 => ['file', '/dev/null', 'w'], 2 => ['file', '/dev/null', 'w']];
        $this->process = proc_open($command, $quiet, $pipes, null, $environment + getenv());
        for ($tries = 0; $tries < 500 && !$this->accepts(); ++$tries) {
            usleep(20_000);
        }
    }

    public function __destruct()
    {
        proc_terminate($this->process, 9);
        proc_close($this->process);
    }

    /** The process that answers. */
    public function pid(): int
    {
        return proc_get_status($this->process)['pid'];
    }

    /** Host and port. */
    public function address(): string
    {
        return $this->address;
    }

    /** Runs this code as one request and returns the body. */
    public function answer(string $code): string
    {
        file_put_contents("$this->folder/request.php", "<?php $code");
        $context = stream_context_create(['http' => ['ignore_errors' => true]]);
        return (string) @file_get_contents("http://$this->address/request.php", context: $context);
    }

    private function accepts(): bool
    {
        $socket = @stream_socket_client("tcp://$this->address");
        return $socket !== false && fclose($socket);
    }
}
