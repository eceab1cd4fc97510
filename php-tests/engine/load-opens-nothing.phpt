--TEST--
Loading the extension opens nothing and starts no thread; the first call makes the store
--FILE--
<?php
require __DIR__ . '/../process.php';

$home = scratch_folder();
echo php('
    function look(string $when): void {
        $open = array_map(fn ($link) => (string) @readlink($link), glob("/proc/self/fd/*"));
        $open = array_filter($open, fn ($path) => str_contains($path, "store.sqlite"));
        $files = array_values(array_diff(scandir(getenv("HOME")), [".", ".."]));
        echo "$when: ", json_encode($files), ", ", count($open) > 0 ? "store open" : "store not open", ", ";
        echo count(glob("/proc/self/task/*")), " thread\n";
    }
    look("loaded");
    localAPI("no such command");
    (new ReflectionExtension("localapi"))->info(...);
    look("no command");
    localAPI("CreateOAuthCredential");
    look("command");
', [], ['HOME' => $home, 'XDG_DATA_HOME' => null]);
?>
===DONE===
--EXPECT--
loaded: [], store not open, 1 thread
no command: [], store not open, 1 thread
command: [".local"], store open, 1 thread
===DONE===
