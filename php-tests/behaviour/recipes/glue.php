<?php

/** The `auto_prepend_file` of RecordingSuite: it answers all that isn't native, before the suite declares anything. */
LocalApi\handle('*', function (array $postData, string $command): array {
    $GLOBALS['calls'][] = [$command, $postData];
    return $GLOBALS['answers'][$command] ?? ['result' => 'success'];
});
