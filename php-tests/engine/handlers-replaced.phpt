--TEST--
Thousands of handlers, fakes and hooks, replaced again and again, leave no memory behind
--INI--
localapi.sandbox=1
--FILE--
<?php
$most = getenv('LOCALAPI_FULL') ? 20_000 : 2_000;
$round = function () use ($most): void {
    for ($number = 0; $number < $most; ++$number) {
        $name = 'Command' . $number % 1_000;
        $handler = fn () => ['result' => 'success', 'number' => $number];
        LocalApi\handle($name, $handler);
        LocalApi\Sandbox::fake($name, $number % 2 ? $handler : ['result' => 'success']);
        LocalApi\Sandbox::fakeSequence("$name-2", ['n' => [$number]], ['n' => 2]);
        $number % 10 || add_hook("P$number", $number, $handler);
        localAPI($name, ['number' => $number]);
        localAPI("$name-2");
    }
    LocalApi\Sandbox::reset();
};
$round();
gc_collect_cycles();
$before = memory_get_usage();
$round();
gc_collect_cycles();
echo memory_get_usage() - $before, "\n";
?>
===DONE===
--EXPECT--
0
===DONE===
