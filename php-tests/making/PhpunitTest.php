<?php

declare(strict_types=1);

use PHPUnit\Framework\TestCase;

/** PHPUnit 9.6 reads annotations and no attributes, PHPUnit 12 and later attributes and no annotations. */
final class PhpunitTest extends TestCase
{
    public function test_what_an_annotation_says_an_attribute_says_too(): void
    {
        $found = 0;
        foreach (glob(__DIR__ . '/../*/*.php') as $file) {
            $code = file_get_contents($file);
            $pair = "~^ *(?:/\*\*| \*) @(dataProvider|depends|group) (\S+)(?: \*/|\n \*/)\n *#\[(\w+)\('(\S+)'\)\]$~m";
            preg_match_all($pair, $code, $pairs, PREG_SET_ORDER);
            foreach ($pairs as [, $annotation, $value, $attribute, $same]) {
                self::assertSame([ucfirst($annotation), $value], [$attribute, $same], $file);
            }
            self::assertCount(preg_match_all('/^ *(?:\/\*\*| \*) @(?!param |return |var )/m', $code), $pairs, $file);
            self::assertCount(preg_match_all('/^ *#\[/m', $code), $pairs, $file);
            $found += count($pairs);
        }
        self::assertGreaterThan(40, $found);
    }

    public function test_no_method_has_the_name_of_a_final_one_of_a_newer_phpunit(): void
    {
        $final = 'attempt|count|dataName|groups|name|output|provides|repetition|requires|result|size|sortId|status';
        $own = __DIR__ . '/../{*,*/*}/{*Test,*TestCase,*Suite,Processes}.php';
        $classes = [...glob($own, GLOB_BRACE), ...glob(__DIR__ . '/../../examples/*/tests/*.php')];
        self::assertGreaterThan(40, count($classes));
        foreach ($classes as $file) {
            preg_match_all("/ function (?:$final)\(/", file_get_contents($file), $found);
            self::assertSame([], $found[0], $file);
        }
    }
}
