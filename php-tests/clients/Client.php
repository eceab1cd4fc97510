<?php

declare(strict_types=1);

/** A program that calls includes/api.php. */
abstract class Client
{
    /** The answer to a call, or what the program's user is told of a failure. */
    abstract public function ask(string $action, array $parameters = []): array|string;

    /** What its user is told of this error. */
    abstract public function failure(int $status, string $message): string;

    /** Where the npm and PyPI packages are. */
    public static function installed(string $path): string
    {
        $folder = getenv('LOCALAPI_TEST_CLIENTS') ?: dirname(__DIR__, 2) . '/target/clients';
        $installed = realpath("$folder/$path");
        return $installed !== false ? $installed : throw new LogicException("no $folder/$path: use make test");
    }
}

/** PHP's cURL, as the documentation's sample uses it. */
final class CurlClient extends Client
{
    public function __construct(private string $url, private array $login, private string $format)
    {
    }

    public function ask(string $action, array $parameters = []): array|string
    {
        $fields = ['action' => $action, 'responsetype' => $this->format] + $parameters + $this->login;
        $ch = curl_init($this->url);
        curl_setopt_array($ch, [
            CURLOPT_POST => true,
            CURLOPT_POSTFIELDS => http_build_query($fields),
            CURLOPT_RETURNTRANSFER => true,
        ]);
        $body = curl_exec($ch);
        $status = curl_getinfo($ch, CURLINFO_RESPONSE_CODE);
        $type = explode(';', (string) curl_getinfo($ch, CURLINFO_CONTENT_TYPE))[0];
        if ($type !== "application/$this->format") {
            return "$status $type: $body";
        }
        $answer = $this->format === 'xml' ? self::parseXml($body) : json_decode($body, true, 512, JSON_THROW_ON_ERROR);
        return $answer['result'] === 'success' ? $answer : "$status {$answer['message']}";
    }

    public function failure(int $status, string $message): string
    {
        return "$status $message";
    }

    private static function parseXml(string $body): array
    {
        $root = new SimpleXMLElement($body, LIBXML_NONET);
        if ($root->getName() !== 'whmcsapi' || (string) $root->attributes()['version'] === '') {
            throw new UnexpectedValueException($body);
        }
        return json_decode(json_encode($root), true);
    }
}

/** A child that is given a call by line and answers by line. */
abstract class ChildClient extends Client
{
    private $process;
    private array $pipes = [];

    protected function __construct(array $command, array $environment = [])
    {
        $places = [['pipe', 'r'], ['pipe', 'w'], ['redirect', 1]];
        $this->process = proc_open($command, $places, $this->pipes, null, $environment + getenv());
    }

    public function __destruct()
    {
        fclose($this->pipes[0]);
        fclose($this->pipes[1]);
        proc_close($this->process);
    }

    public function ask(string $action, array $parameters = []): array|string
    {
        fwrite($this->pipes[0], json_encode([$action, (object) $parameters]) . "\n");
        $line = (string) fgets($this->pipes[1]);
        return json_decode($line, true) ?? $line . stream_get_contents($this->pipes[1]);
    }
}

/** npm's @dojnaz/whmcs. */
final class NpmClient extends ChildClient
{
    public function __construct(string $url, array $login, string $format)
    {
        $options = [
            'serverUrl' => substr($url, 0, -strlen('/includes/api.php')),
            'apiIdentifier' => $login['identifier'],
            'apiSecret' => $login['secret'],
            'accessKey' => $login['accesskey'] ?? null,
            'responseType' => $format,
        ];
        $modules = self::installed('npm/node_modules');
        parent::__construct(['node', __DIR__ . '/npm.js', json_encode($options)], ['NODE_PATH' => $modules]);
    }

    public function failure(int $status, string $message): string
    {
        return $status === 200 ? "WHMCS Error (200): $message" : "Request failed with status code $status";
    }
}

/** PyPI's whmcspy, which speaks JSON only. */
final class PypiClient extends ChildClient
{
    private array $more;

    public function __construct(string $url, array $login)
    {
        $this->more = array_diff_key($login, ['identifier' => 1, 'secret' => 1]);
        $python = self::installed('pypi') . '/bin/python';
        parent::__construct([$python, __DIR__ . '/pypi.py', $url, $login['identifier'], $login['secret']]);
    }

    public function ask(string $action, array $parameters = []): array|string
    {
        return parent::ask($action, $parameters + $this->more);
    }

    public function failure(int $status, string $message): string
    {
        return ($status === 403 ? 'MissingPermission' : 'Error') . ": $message";
    }
}
