<?php

declare(strict_types=1);

/** Every documented message of CreateOAuthCredential, once. `%s` is what is quoted. */
final class Message
{
    public const COMMAND_UNKNOWN = 'The requested command "%s" was not found.';
    public const COMMAND_UNANSWERED = 'The requested command "%s" was not found: '
        . 'LocalApi\handle() or the sandbox (localapi.sandbox=1) would answer it.';
    public const ADMIN_UNKNOWN = 'The admin user "%s" was not found.';
    public const ADMIN_DISABLED = 'The admin user "%s" is disabled.';
    public const NOT_A_STRING = 'The parameter "%s" must be a string.';
    public const NOT_UTF8 = 'The parameter "%s" must be valid UTF-8.';

    public const GRANT_TYPE_REQUIRED = 'A valid grant type is required.';
    public const GRANT_TYPE_INVALID = 'The requested grant type "%s" is invalid.';
    public const NAME_REQUIRED = 'A name for the Client Credential is required.';
    public const SERVICE_REQUIRED = 'A service ID is required for the single sign-on grant type.';
    public const SCOPE_REQUIRED = 'At least one valid scope is required.';
    public const SCOPE_INVALID = 'The requested scope "%s" is invalid.';
    public const SERVICE_INVALID = 'A valid Service ID is required.';
    public const SERVICE_WITHOUT_CLIENT = 'Service ID not associated with valid Client.';
    public const TOO_MANY_SCOPES = 'At most 64 scopes are allowed.';
    public const NAME_TOO_LONG = 'The name is longer than 255 characters.';
    public const NAME_CONTROLS = 'The name contains control characters.';
    public const DESCRIPTION_TOO_LONG = 'The description is longer than 255 characters.';
    public const DESCRIPTION_CONTROLS = 'The description contains control characters.';
    public const LOGO_URI_TOO_LONG = 'The logo URI is longer than 255 characters.';
    public const LOGO_URI_INVALID = 'The logo URI "%s" is invalid: %s.';
    public const TOO_MANY_REDIRECT_URIS = 'At most 32 redirect URIs are allowed.';
    public const REDIRECT_URIS_TOO_LONG = 'The redirect URIs are longer than 2,000 characters.';
    public const REDIRECT_URI_INVALID = 'The redirect URI "%s" is invalid: %s.';
}
