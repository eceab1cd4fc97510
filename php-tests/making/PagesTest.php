<?php

declare(strict_types=1);

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/../process.php';
require_once __DIR__ . '/Block.php';

/** The README's blocks and those of the pages below docs/. packaging/walk runs them in a bare system, too. */
final class PagesTest extends TestCase
{
    private const ROOT = __DIR__ . '/../..';

    public static function pages(): iterable
    {
        foreach (Block::PAGES as $page) {
            yield $page => [$page];
        }
    }

    public function test_every_page_is_read(): void
    {
        $pages = array_map(fn (string $file): string => 'docs/' . basename($file), glob(self::ROOT . '/docs/*.md'));
        self::assertEqualsCanonicalizing(['README.md', ...$pages], Block::PAGES);
    }

    /** @dataProvider pages */
    #[DataProvider('pages')]
    public function test_every_block_is_one_of_its_language(string $page): void
    {
        $faults = [];
        foreach (Block::all($page) as $block) {
            $file = scratch_folder() . '/block';
            file_put_contents($file, $this->code($block));
            $said = match ($block->language) {
                'sh' => run(['bash', '-n', $file]),
                'php' => trim(strtr(run([PHP_BINARY, '-n', '-l', $file]), ["No syntax errors detected in $file" => ''])),
                'ini' => $this->saidOfEntries($block),
                // The web servers themselves read these in WebServersTest, and others run these.
                'nginx', 'apache', 'yaml', 'text' => '',
                default => "a block's language is none that anybody runs: $block->language",
            };
            if ($said !== '') {
                $faults[] = "$block->place: $said";
            }
        }
        self::assertSame([], $faults);
    }

    /** @dataProvider pages */
    #[DataProvider('pages')]
    public function test_every_block_of_php_runs_without_a_warning(string $page): void
    {
        $module = scratch_folder();
        run(['cp', '-R', self::ROOT . '/examples/module/.', $module]);
        $home = ['HOME' => scratch_folder(), 'XDG_DATA_HOME' => null, 'LOCALAPI_TEST_DSN' => null];
        $faults = [];
        foreach (Block::all($page) as $block) {
            if ($block->language !== 'php' || $block->notRun !== null) {
                continue;
            }
            $is_test = str_contains($block->text, 'PHPUnit\Framework\TestCase');
            $file = $is_test ? "$module/tests/" . basename((string) $block->file) : "$module/block.php";
            file_put_contents($file, $this->code($block));
            $options = ini_options(['error_reporting' => -1]);
            if ($is_test) {
                array_push($options, ...ini_options(['localapi.sandbox' => 1, 'localapi.dsn' => 'sqlite::memory:',
                    'include_path' => ".:{$this->sandbox()}:" . get_include_path(), 'auto_prepend_file' => 'localapi/whmcs.php']));
                array_push($options, (string) realpath($_SERVER['argv'][0]), '--no-configuration');
            }
            $said = run([PHP_BINARY, ...$options, $file], $home);
            $is_well = $is_test ? preg_match('/^OK \(/m', $said) : !preg_match('/(Warning|Notice|Deprecated|error): /', $said);
            if (!$is_well) {
                $faults[] = "$block->place: $said";
            }
        }
        self::assertSame([], $faults);
    }

    /** @dataProvider pages */
    #[DataProvider('pages')]
    public function test_every_link_leads_to_a_file_and_a_heading(string $page): void
    {
        preg_match_all('/\]\(([^):]+)\)/', $this->read($page), $links);
        $broken = [];
        foreach ($links[1] as $link) {
            [$path, $anchor] = explode('#', $link) + [1 => ''];
            $target = $path === '' ? $page : (dirname($page) === '.' ? '' : dirname($page) . '/') . $path;
            if (!file_exists(self::ROOT . "/$target") || $anchor !== '' && !in_array($anchor, $this->anchors($target), true)) {
                $broken[] = $link;
            }
        }
        self::assertSame([], $broken);
    }

    public function test_each_figure_of_the_readme_is_that_of_the_measurements(): void
    {
        $figures = fn (string $page): array => preg_match_all('/^\| (.+?) \| ([\d.]+)[^|]*\| (more|less) \|$/m', $this->read($page), $rows)
            ? array_map(fn (int $row): array => [$rows[1][$row], $rows[2][$row], $rows[3][$row]], array_keys($rows[0]))
            : [];
        $shown = $figures('README.md');
        self::assertContains(count($shown), range(1, 5));
        foreach ($shown as $figure) {
            self::assertContains($figure, $figures('docs/performance.md'));
        }
    }

    /** A folder in which `localapi/whmcs.php` is found. */
    private function sandbox(): string
    {
        $folder = scratch_folder();
        symlink(realpath(self::ROOT . '/sandbox'), "$folder/localapi");
        return $folder;
    }

    private function code(Block $block): string
    {
        $opens = $block->language === 'php' && !str_starts_with($block->text, '<?php');
        return ($opens ? "<?php\n" : '') . $block->text;
    }

    /** What PHP says at its start with these entries; a pool's are read as its INI file only. */
    private function saidOfEntries(Block $block): string
    {
        if (parse_ini_string($block->text) === false) {
            return 'it cannot be read';
        }
        if (str_contains((string) $block->file, '/fpm/') || str_contains($block->text, 'opcache.preload')) {
            return '';
        }
        $folder = scratch_folder();
        file_put_contents("$folder/block.ini", preg_replace('/^auto_prepend_file.*$/m', '', $block->text));
        return run([PHP_BINARY, '-d', 'display_startup_errors=1', '-d', 'html_errors=0', '-r', ''],
            ['PHP_INI_SCAN_DIR' => $folder, 'LOCALAPI_TEST_DSN' => null]);
    }

    /** @return list<string> as GitHub makes them of headings */
    private function anchors(string $page): array
    {
        $text = preg_replace('/^```.*?^```$/ms', '', $this->read($page));
        preg_match_all('/^#+ (.+)$/m', $text, $headings);
        return array_map(fn (string $heading): string =>
            strtr(preg_replace('/[^\w\- ]/u', '', mb_strtolower($heading)), ' ', '-'), $headings[1]);
    }

    private function read(string $page): string
    {
        return file_get_contents(self::ROOT . "/$page");
    }
}
