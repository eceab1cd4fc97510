<?php

add_hook('Q', '1', 'arguments', '');

function arguments(mixed ...$arguments): array
{
    return $arguments;
}
