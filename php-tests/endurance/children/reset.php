<?php

// Gives one credential a new secret so many times, and prints each answer.
[, $id, $count] = $argv;
for ($i = 0; $i < $count; $i++) {
    print json_encode(localAPI('UpdateOAuthCredential', ['credentialId' => $id, 'resetSecret' => true])) . "\n";
}
