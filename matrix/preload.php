<?php

/** What opcache.preload takes. */
declare(strict_types=1);

function preloaded(): array
{
    return localAPI('CreateOAuthCredential');
}
