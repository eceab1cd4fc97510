<?php

declare(strict_types=1);

namespace LocalApi;

/** Thrown where WHMCS ends a gateway's callback by `die()`: a test goes on after it. */
final class CallbackEnded extends \RuntimeException
{
}
