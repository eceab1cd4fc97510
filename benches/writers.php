<?php

declare(strict_types=1);

/*
 * Measures durable creates by many processes at once, beside PHP code that does the same (peer.php), on the disk as it is
 * and with milliseconds added to each flush. Prints tables, and writes the figures as JSON to a file if it's named one.
 *
 * php benches/writers.php [library [file]]
 *
 * Needs strace, and PHP's pdo_sqlite and sodium.
 */

require __DIR__ . '/bench.php';

final class Writers extends Bench
{
    private const SECONDS = 2;
    /** Milliseconds that are added to each flush. */
    private const DELAYS = [0, 1, 5];
    private const PROCESSES = [1, 4, 16, 64];
    private const BATCHES = [8, 64, 1_000];
    /** Whoever is measured takes turns with the others. */
    private const ROUNDS = 5;

    protected function print(?string $file = null): void
    {
        $figures = ['writers' => $this->writers(), 'bare' => $this->bare(), 'batches' => $this->batches()];
        if ($file !== null) {
            file_put_contents($file, json_encode($figures, JSON_PRETTY_PRINT | JSON_THROW_ON_ERROR) . "\n");
        }
    }

    /** @return list<array<string, int|float|string>> */
    private function writers(): array
    {
        echo "Creates, one call each                 ours/s   p50 ms   p99 ms   PHP/s   p50 ms   p99 ms   ours/PHP\n";
        foreach (self::DELAYS as $delay) {
            foreach (self::PROCESSES as $processes) {
                $found = $this->measure(['localapi', 'peer'], $processes, $delay, 1);
                printf("%-36s", sprintf('%d at a time, +%d ms a flush', $processes, $delay));
                foreach ($found as $by => $figures) {
                    printf(' %8.0f %8.2f %8.2f', ...$figures);
                    $rows[] = compact('by', 'processes', 'delay')
                        + array_combine(['rate', 'p50', 'p99'], array_map(static fn (float $n): float => round($n, 3), $figures));
                }
                printf("   %8.2f\n", $found['localapi'][0] / $found['peer'][0]);
            }
        }
        return $rows;
    }

    /** @return array<int, float> */
    private function bare(): array
    {
        $bytes = $this->bytesOfACreate();
        echo "\nOne writer, to a bare loop that writes and flushes the same $bytes bytes      to reach\n";
        foreach (self::DELAYS as $delay) {
            $found = $this->measure(['localapi', 'bare'], 1, $delay, 1, $bytes);
            $ratios[$delay] = round($found['localapi'][0] / $found['bare'][0], 3);
            printf("%-60s %15.2f %14s\n", "+$delay ms a flush", $ratios[$delay], $delay > 0 ? '0.95' : '0.85');
        }
        return $ratios;
    }

    /** @return list<array<string, int|float>> */
    private function batches(): array
    {
        echo "\nCreates a second, by batches               ours      PHP   ours/PHP   to single calls\n";
        foreach (self::DELAYS as $delay) {
            $single = $this->measure(['localapi'], 1, $delay, 1)['localapi'][0];
            foreach (self::BATCHES as $size) {
                $found = $this->measure(['localapi', 'peer'], 1, $delay, $size);
                [$ours, $theirs] = [$found['localapi'][0], $found['peer'][0]];
                $what = "$size at once, +$delay ms a flush";
                printf("%-36s %10.0f %8.0f %10.2f %17.1f\n", $what, $ours, $theirs, $ours / $theirs, $ours / $single);
                $rows[] = compact('size', 'delay') + ['ours' => round($ours), 'peer' => round($theirs), 'single' => round($single)];
            }
        }
        return $rows;
    }

    /**
     * Commits a second (credentials, for batches), p50 and p99 in milliseconds, each the median of the rounds.
     *
     * @param list<string> $contenders
     * @return array<string, array{float, float, float}>
     */
    private function measure(array $contenders, int $processes, int $delay, int $size, int $bytes = 0): array
    {
        for ($round = 0; $round < self::ROUNDS; $round++) {
            foreach ($contenders as $by) {
                $found[$by][] = $this->once($by, $processes, $delay, $by === 'bare' ? $bytes : $size);
            }
        }
        return array_map(static fn (array $rounds): array => array_map(
            static fn (int $which): float => self::median(array_column($rounds, $which)),
            [0, 1, 2],
        ), $found);
    }

    /** @return array{float, float, float} */
    private function once(string $by, int $processes, int $delay, int $size): array
    {
        $store = "$this->disk/store";
        if ($by !== 'bare') {
            $this->copyStore($store);
        }
        $flushes = 'fdatasync,fsync';
        $slowly = [self::tool('strace'), '--seccomp-bpf', '-f', '-qq', '-o', '/dev/null', '-e', "trace=$flushes",
            '-e', "inject=$flushes:delay_exit=" . $delay * 1000];
        $command = [...($delay > 0 ? $slowly : []), ...$this->php($this->library), '-d', "localapi.dsn=sqlite:$store",
            '-d', 'localapi.busy_timeout=60000', __DIR__ . '/writer.php', $by, (string) self::SECONDS, $store, (string) $size];
        for ($i = 0; $i < $processes; $i++) {
            $writers[] = proc_open($command, [['pipe', 'r'], ['pipe', 'w'], STDERR], $pipes);
            [$inputs[], $outputs[]] = $pipes;
        }
        foreach ($outputs as $output) {
            fgets($output) === "ready\n" || throw new RuntimeException("$by does not begin");
        }
        array_map(fclose(...), $inputs);
        // They print when they are done, so that none waits to be read.
        $each = array_map(
            static fn ($output): array => array_map(intval(...), explode("\n", trim(stream_get_contents($output)))),
            $outputs,
        );
        foreach ($writers as $writer) {
            proc_close($writer) === 0 || throw new RuntimeException("$by has failed");
        }
        array_map(unlink(...), glob("$this->disk/*"));
        // By its own time each: the last call of each ends later than that of others.
        $rates = array_map(static fn (array $taken): float => count($taken) / array_sum($taken) * 1e6, $each);
        $taken = array_merge(...$each);
        sort($taken);
        $at = static fn (float $share): float => $taken[(int) ((count($taken) - 1) * $share)] / 1000;
        return [array_sum($rates) * ($by === 'bare' ? 1 : $size), $at(0.5), $at(0.99)];
    }
}

Writers::main($argv);
