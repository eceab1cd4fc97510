<?php

declare(strict_types=1);

/**
 * One block of code of the README or of a page below docs/. A comment before it may say where the reader puts it
 * (`<!-- file: path -->`), or why nobody can run it in a bare system (`<!-- not run: reason -->`).
 */
final class Block
{
    /** In the order in which a new user reads them. */
    public const PAGES = [
        'README.md', 'docs/operations.md', 'docs/http.md', 'docs/servers.md', 'docs/reference.md', 'docs/oauth.md',
        'docs/testing.md', 'docs/performance.md', 'docs/compatibility.md', 'docs/design.md',
    ];

    private function __construct(
        /** The page and the line. */
        public readonly string $place,
        public readonly string $language,
        public readonly string $text,
        public readonly ?string $file,
        public readonly ?string $notRun,
    ) {
    }

    /** @return list<self> the blocks of a page that have a language */
    public static function all(string $page): array
    {
        $text = file_get_contents(dirname(__DIR__, 2) . "/$page");
        $pattern = '/(?:^ *<!-- (file|not run): ([^\n]+) -->\n)?^( *)```(\w+)\n(.*?)^\3```$/ms';
        preg_match_all($pattern, $text, $found, PREG_SET_ORDER | PREG_OFFSET_CAPTURE);
        $blocks = [];
        foreach ($found as [, [$key], [$value], [$indent], [$language, $at], [$code]]) {
            $place = "$page:" . substr_count($text, "\n", 0, $at) + 1;
            $code = preg_replace("/^$indent/m", '', $code);
            $blocks[] = new self($place, $language, $code, $key === 'file' ? $value : null, $key === 'not run' ? $value : null);
        }
        return $blocks;
    }
}
