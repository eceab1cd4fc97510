<?php

declare(strict_types=1);

/*
 * A network: carries what comes to a port of its own, which it prints, to another port and back, and each way takes so
 * many milliseconds. It ends with its input.
 *
 * php delay.php <port> <milliseconds>
 */

[, $port, $milliseconds] = $argv;
$delay = (int) ($milliseconds * 1e6);
$listener = stream_socket_server('tcp://127.0.0.1:0');
echo explode(':', stream_socket_get_name($listener, false))[1], "\n";
/** @var array<int, array{resource, resource}> $ways from where, and where to */
$ways = [];
/** @var list<array{int, resource, string}> $carried when it arrives, where, and what; nothing is the end of the way */
$carried = [];
while (true) {
    $ready = [STDIN, $listener, ...array_column($ways, 0)];
    $none = null;
    $left = $carried === [] ? 1_000_000_000 : max(0, $carried[0][0] - hrtime(true));
    stream_select($ready, $none, $none, 0, intdiv($left, 1_000));
    while ($carried !== [] && $carried[0][0] <= hrtime(true)) {
        [, $to, $bytes] = array_shift($carried);
        $bytes === '' ? stream_socket_shutdown($to, STREAM_SHUT_WR) : @fwrite($to, $bytes);
    }
    foreach ($ready as $from) {
        if ($from === STDIN) {
            exit;
        }
        if ($from === $listener) {
            [$client, $server] = [stream_socket_accept($listener), stream_socket_client("tcp://127.0.0.1:$port")];
            foreach ([[$client, $server], [$server, $client]] as $way) {
                socket_set_option(socket_import_stream($way[0]), SOL_TCP, TCP_NODELAY, 1);
                stream_set_blocking($way[0], false);
                $ways[(int) $way[0]] = $way;
            }
            continue;
        }
        $bytes = (string) @fread($from, 65_536);
        $carried[] = [hrtime(true) + $delay, $ways[(int) $from][1], $bytes];
        if ($bytes === '') {
            unset($ways[(int) $from]);
        }
    }
}
