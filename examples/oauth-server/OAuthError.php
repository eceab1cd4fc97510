<?php

declare(strict_types=1);

/** What a client is told of its mistake (RFC 6749 §4.1.2.1 and §5.2). */
final class OAuthError extends Exception
{
    public function __construct(private string $error, string $description, public readonly int $status = 400)
    {
        parent::__construct($description);
    }

    /** `error` and `error_description`. */
    public function parameters(): array
    {
        return ['error' => $this->error, 'error_description' => $this->getMessage()];
    }
}
