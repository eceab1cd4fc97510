<?php

// Rotates the key and prints how many secrets were sealed anew.
print json_encode(['resealed' => LocalApi\rotate_key()]) . "\n";
