<?php

declare(strict_types=1);

use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/../process.php';

/** docs/reference.md has all that the code has, and nothing else. */
final class ReferenceTest extends TestCase
{
    private const ROOT = __DIR__ . '/../..';

    public function test_every_ini_entry_is_there_with_its_default(): void
    {
        preg_match_all('/\bentry\(c"(.+?)", c"(.*?)"\)/', $this->read('src/php/ini.rs'), $entries);
        $documented = [];
        foreach ($this->rows('## INI entries') as [$entry, $default]) {
            $documented[trim($entry, '`')] = $default === 'empty' ? '' : trim($default, '`');
        }
        self::assertSame(array_combine($entries[1], $entries[2]), $documented);
    }

    public function test_every_function_and_method_of_the_stubs_is_there_with_its_signature(): void
    {
        $documented = [];
        foreach ([...$this->rows('## Functions'), ...$this->rows('### Only in the sandbox')] as [$function]) {
            $documented[] = trim($function, '`');
        }
        $stubs = preg_replace('~/\*\*.*?\*/|#\[[^\]]*\] ~s', '', $this->read('stubs/localapi.stubs.php'));
        preg_match_all('/^namespace (\S*) ?\{|^    (?:final )?class (\w+)|^ +(?:public static )?function (.+?)\s*\{/ms', $stubs, $found, PREG_SET_ORDER);
        $namespace = $class = '';
        $declared = [];
        foreach ($found as $match) {
            if (!isset($match[2])) {
                [$namespace, $class] = [$match[1] === '' ? '' : "$match[1]\\", ''];
            } elseif (!isset($match[3])) {
                $class = "$match[2]::";
            } else {
                $declared[] = $namespace . $class . strtr(preg_replace('/\s+/', ' ', $match[3]), ['( ' => '(', ' )' => ')']);
            }
        }
        self::assertGreaterThan(30, count($declared));
        self::assertEqualsCanonicalizing($declared, $documented);
    }

    public function test_every_parameter_and_every_key_of_an_answer_is_there(): void
    {
        $stub = explode('function localAPI(', $this->read('stubs/localapi.stubs.php'))[0];
        [$parameters, $rest] = explode('}|null $postData', explode('@param array{', $stub)[1]);
        $return = explode('@return', $rest)[1];
        $documented = $answered = [];
        preg_match_all('/^    \("(\w+)", \|request\|/m', $this->read('src/command/mod.rs'), $found);
        $commands = $found[1];
        self::assertContains('CreateOAuthCredential', $commands);
        foreach ($commands as $command) {
            foreach ($this->rows("### $command") as [$parameter]) {
                preg_match_all('/`(\w+)`/', $parameter, $names);
                array_push($documented, ...$names[1]);
            }
            [, $answer] = explode("\nIts answer has ", $this->section("### $command"));
            preg_match_all('/`([a-z]\w+)`/', explode("\n\n", $answer)[0], $names);
            $answered[$command] = $this->sorted(array_diff($names[1], ['null']));
        }
        self::assertSame($this->keys($parameters), $this->sorted($documented));
        foreach ($commands as $command) {
            $shape = explode("\n     *     : ", explode("'$command'", $return)[1])[0];
            $keys = $this->keys(strtr($shape, ["array{result: 'error', message: non-empty-string}" => '']));
            self::assertSame(array_values(array_diff($keys, ['result'])), $answered[$command], $command);
        }
    }

    public function test_every_key_of_what_a_function_returns_is_there(): void
    {
        $pattern = '~@return\s+(?:list<)?array\{([^}]*)\}(?:(?!\*/).)*\*/\s+(?:public static )?function (\w+)\(~s';
        preg_match_all($pattern, $this->read('stubs/localapi.stubs.php'), $functions, PREG_SET_ORDER);
        $documented = [];
        foreach ($this->rows('### What they return') as [$function, $described]) {
            preg_match_all('/`(\w+)`/', $described, $names);
            $documented[trim($function, '`')] = $this->sorted($names[1]);
        }
        $returned = [];
        foreach ($functions as [, $shape, $function]) {
            $returned[$function] = $this->keys('{' . $shape);
        }
        self::assertSame($returned, $documented);
    }

    public function test_every_sentence_that_a_caller_may_read_is_there(): void
    {
        $enums = '';
        foreach (glob(dirname(__DIR__, 2) . '/src/error/*.rs') as $file) {
            // The one of the families has no sentences of its own.
            $enums .= str_replace('#[error(transparent)]', '', file_get_contents($file));
        }
        $pattern = '~((?:^    ///[^\n]*\n)+)    #\[error\(\s*"((?:[^"\\\\]|\\\\.)*)"~m';
        $count = preg_match_all($pattern, $enums, $variants, PREG_SET_ORDER);
        self::assertSame(substr_count($enums, '#[error('), $count);
        $sentences = [];
        foreach ($variants as [, $when, $sentence]) {
            // Some never get out: another value is tried, or PHP's own exception goes on.
            if (!preg_match('/Nobody sees this|The caller gets that, not this/', $when)) {
                $sentences[] = preg_replace('/\{[^}]*\}/', '…', stripcslashes($sentence));
            }
        }
        $documented = array_map(fn (array $row): string => trim($row[0], '`'), $this->rows('## Sentences'));
        self::assertEqualsCanonicalizing($sentences, $documented);
    }

    public function test_every_table_of_a_new_store_is_there_with_its_columns(): void
    {
        $file = scratch_folder() . '/store.sqlite';
        php('LocalApi\register_scope("reference");', ['localapi.dsn' => "sqlite:$file"]);
        $store = new PDO("sqlite:$file");
        $columns = "SELECT m.name, group_concat(c.name, ' ') FROM sqlite_schema m, pragma_table_info(m.name) c
            WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' GROUP BY m.name ORDER BY m.name";
        $tables = $store->query($columns)->fetchAll(PDO::FETCH_KEY_PAIR);
        $documented = [];
        foreach ($this->rows('## Tables') as [$table, $described]) {
            preg_match_all('/`(\w+)`/', $described, $names);
            $documented[trim(explode(' ', $table)[0], '`')] = implode(' ', $names[1]);
        }
        // Nobody else has a use for what is in these.
        unset($tables['localapi_store']);
        ksort($documented);
        self::assertSame($tables, $documented);
    }

    /** @return list<string> the names of the keys of an array shape */
    private function keys(string $shape): array
    {
        preg_match_all('/[\s{,](\w+)\??: /', $shape, $keys);
        return $this->sorted($keys[1]);
    }

    private function sorted(array $names): array
    {
        $names = array_unique($names);
        sort($names);
        return $names;
    }

    /** @return list<list<string>> the cells of the tables of a section, without their heads */
    private function rows(string $heading): array
    {
        preg_match_all('/^\| (.+) \|$/m', $this->section($heading), $lines);
        $rows = array_map(fn (string $line): array => explode(' | ', $line), $lines[1]);
        $bodies = array_filter($rows, fn (array $row): bool => $row[0] !== '---' && $row[0][0] === '`');
        self::assertNotSame([], $bodies, $heading);
        return array_values($bodies);
    }

    /** From a heading to the next one, of whatever level. */
    private function section(string $heading): string
    {
        [, $section] = explode("\n$heading\n", $this->read('docs/reference.md')) + [1 => ''];
        return explode("\n#", $section)[0];
    }

    private function read(string $file): string
    {
        return file_get_contents(self::ROOT . "/$file");
    }
}
