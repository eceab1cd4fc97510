<?php

// Says of each identifier and secret that comes in whether they belong together.
while (($line = fgets(STDIN)) !== false) {
    ['identifier' => $identifier, 'secret' => $secret] = json_decode($line, true);
    print json_encode(['valid' => LocalApi\verify_credential($identifier, $secret) !== null]) . "\n";
}
