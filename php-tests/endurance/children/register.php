<?php

// Registers the same service whenever a line comes in.
while (fgets(STDIN) !== false) {
    LocalApi\register_service(9, 42);
    print "[]\n";
}
