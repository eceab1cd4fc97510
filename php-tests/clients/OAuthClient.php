<?php

declare(strict_types=1);

require_once __DIR__ . '/Client.php';

/** A program that asks an authorization server: through npm's oauth4webapi, or through PyPI's Authlib. */
final class OAuthClient extends ChildClient
{
    public function __construct(string $package, array $options)
    {
        $program = match ($package) {
            'oauth4webapi' => ['node', __DIR__ . '/oauth.js'],
            'Authlib' => [self::installed('pypi') . '/bin/python', __DIR__ . '/oauth.py'],
        };
        parent::__construct([...$program, json_encode($options)], ['NODE_PATH' => self::installed('npm/node_modules')]);
    }

    public function failure(int $status, string $message): string
    {
        return $message;
    }
}

/** A user's browser: it keeps cookies, and follows nothing by itself. */
final class Browser
{
    private CurlHandle $curl;

    public function __construct()
    {
        $this->curl = curl_init();
        curl_setopt($this->curl, CURLOPT_COOKIEFILE, '');
    }

    /** The status, the headers with their names in lower case, and the body. A form may be encoded already. */
    public function visit(string $url, array|string|null $form = null, array $headers = []): array
    {
        $got = [];
        curl_setopt_array($this->curl, [
            CURLOPT_URL => $url,
            CURLOPT_HTTPGET => $form === null,
            CURLOPT_HTTPHEADER => $headers,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_HEADERFUNCTION => function ($curl, string $line) use (&$got): int {
                [$name, $value] = explode(':', $line, 2) + [1 => ''];
                $got[strtolower($name)] = trim($value);
                return strlen($line);
            },
        ]);
        if ($form !== null) {
            curl_setopt($this->curl, CURLOPT_POSTFIELDS, is_array($form) ? http_build_query($form) : $form);
        }
        $body = curl_exec($this->curl);
        return [curl_getinfo($this->curl, CURLINFO_RESPONSE_CODE), $got, (string) $body];
    }

    /** Answers the consent page at this URL, and returns where that leads. */
    public function answer(string $url, string $decision = 'allow'): string
    {
        [$status, , $page] = $this->visit($url);
        if ($status !== 200 || !preg_match('/name="request" value="(\w+)"/', $page, $found)) {
            throw new UnexpectedValueException("$status: $page");
        }
        $form = ['request' => $found[1], 'decision' => $decision];
        return $this->visit(explode('?', $url)[0], $form)[1]['location'] ?? '';
    }
}
