<?php

declare(strict_types=1);

/** As much of a web server as php-fpm needs to see. */
final class FastCgi
{
    private const BEGIN = 1;
    private const END = 3;
    private const PARAMS = 4;
    private const STDIN = 5;
    private const STDOUT = 6;

    public function __construct(private string $socket)
    {
    }

    /**
     * Sends one GET request over a connection of its own and returns the body.
     *
     * @param array<string, string> $variables
     */
    public function get(array $variables): string
    {
        return self::body(stream_get_contents($this->send($variables)));
    }

    /**
     * Sends the same POST request so many times, so many at once, each over a connection of its own; returns the bodies.
     *
     * @param array<string, string> $variables
     * @param array<string, string> $fields
     * @return list<string>
     */
    public function post(array $variables, array $fields, int $count, int $atOnce): array
    {
        $form = http_build_query($fields);
        $variables += ['REQUEST_METHOD' => 'POST', 'CONTENT_TYPE' => 'application/x-www-form-urlencoded',
            'CONTENT_LENGTH' => (string) strlen($form)];
        $open = $answers = [];
        for ($sent = 0; $sent < $count || $open !== [];) {
            while ($sent < $count && count($open) < $atOnce) {
                $open[$sent] = $this->send($variables, $form);
                $answers[$sent++] = '';
            }
            $ready = $open;
            $none = null;
            stream_select($ready, $none, $none, null);
            foreach ($ready as $number => $connection) {
                $answers[$number] .= $read = (string) fread($connection, 65_536);
                if ($read === '') {
                    fclose($connection);
                    unset($open[$number]);
                }
            }
        }
        return array_map(self::body(...), $answers);
    }

    /**
     * @param array<string, string> $variables
     * @return resource
     */
    private function send(array $variables, string $form = '')
    {
        $connection = stream_socket_client("unix://$this->socket");
        $parameters = '';
        foreach ($variables + ['REQUEST_METHOD' => 'GET', 'SERVER_PROTOCOL' => 'HTTP/1.1'] as $name => $value) {
            $parameters .= pack('N2', strlen($name) | 1 << 31, strlen($value) | 1 << 31) . $name . $value;
        }
        $responder = pack('nCx5', 1, 0);
        $records = [[self::BEGIN, $responder], [self::PARAMS, $parameters], [self::PARAMS, '']];
        array_push($records, ...($form === '' ? [] : [[self::STDIN, $form]]), ...[[self::STDIN, '']]);
        $request = '';
        foreach ($records as [$type, $content]) {
            $request .= pack('CCnnxx', 1, $type, 1, strlen($content)) . $content;
        }
        fwrite($connection, $request);
        return $connection;
    }

    private static function body(string $answer): string
    {
        $output = '';
        for ($at = 0; $at < strlen($answer); $at += 8 + $header['length'] + $header['padding']) {
            $header = unpack('Cversion/Ctype/nid/nlength/Cpadding', $answer, $at);
            if ($header['type'] === self::STDOUT) {
                $output .= substr($answer, $at + 8, $header['length']);
            }
        }
        return explode("\r\n\r\n", $output, 2)[1] ?? '';
    }
}
