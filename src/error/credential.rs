//! What the commands refuse.

use crate::text::Quoted;

/// What a command refuses its parameters for, in the order in which it checks them.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// `grantType` is absent or blank.
    #[error("A valid grant type is required.")]
    GrantTypeRequired,
    /// `grantType` is no grant type that is known here.
    #[error("The requested grant type \"{0}\" is invalid.")]
    GrantTypeInvalid(Quoted),
    /// An authorization_code credential has no name.
    #[error("A name for the Client Credential is required.")]
    NameRequired,
    /// A single_sign_on credential has no service.
    #[error("A service ID is required for the single sign-on grant type.")]
    ServiceRequired,
    /// `scope` holds no token.
    #[error("At least one valid scope is required.")]
    ScopeRequired,
    /// A token has no row in `tbloauthserver_scopes`.
    #[error("The requested scope \"{0}\" is invalid.")]
    ScopeInvalid(Quoted),
    /// `serviceId` is no positive whole number, or has no row in `tblhosting`.
    #[error("A valid Service ID is required.")]
    ServiceInvalid,
    /// The service's `userid` has no row in `tblclients`.
    #[error("Service ID not associated with valid Client.")]
    ServiceWithoutClient,
    /// More than 64 different scopes.
    #[error("At most 64 scopes are allowed.")]
    TooManyScopes,
    /// `name` or `description` is longer than its column, or `search` than both.
    #[error("The {0} is longer than 255 characters.")]
    TextTooLong(&'static str),
    /// `name`, `description` or `search` holds a control character.
    #[error("The {0} contains control characters.")]
    TextWithControls(&'static str),
    /// `logoUri` is longer than its column.
    #[error("The logo URI is longer than 255 characters.")]
    LogoUriTooLong,
    /// `logoUri` is neither an `http` or `https` URL nor a path below the client area.
    #[error("The logo URI \"{0}\" is invalid: {1}.")]
    LogoUriInvalid(Quoted, &'static str),
    /// More than 32 redirect URIs.
    #[error("At most 32 redirect URIs are allowed.")]
    TooManyRedirectUris,
    /// The redirect URIs, joined, are longer than their column.
    #[error("The redirect URIs are longer than 2,000 characters.")]
    RedirectUrisTooLong,
    /// A redirect URI that OAuth must not redirect to.
    #[error("The redirect URI \"{0}\" is invalid: {1}.")]
    RedirectUriInvalid(Quoted, &'static str),
    /// `idempotencyKey` is empty, too long or holds a control character.
    #[error("The idempotency key must be 1 to 255 printable characters.")]
    IdempotencyKeyInvalid,
    /// Something else was asked for with this `idempotencyKey` before.
    #[error("The idempotency key was used with other parameters: take another one.")]
    IdempotencyKeyUsed,
    /// The credential that was created with this `idempotencyKey` is deleted.
    #[error("The credential that was created with this idempotency key has been deleted: take another key.")]
    CreatedIsDeleted,
    /// The secret of the credential that was created with this `idempotencyKey` was reset.
    #[error(
        "The secret of the credential that was created with this idempotency key has been reset: take another key."
    )]
    CreatedIsReset,
    /// `expiresAt` is no time, or one that has passed.
    #[error("The expiry \"{0}\" is invalid: {1}.")]
    ExpiryInvalid(Quoted, &'static str),
    /// Neither `credentialId` nor `clientApiIdentifier` says anything.
    #[error("A Credential ID or Client Identifier is required.")]
    CredentialRequired,
    /// `credentialId` names no credential.
    #[error("Invalid Credential ID provided.")]
    CredentialInvalid,
    /// `clientApiIdentifier` names no credential.
    #[error("Invalid Client Identifier provided.")]
    IdentifierInvalid,
    /// `overlap` is no whole number of seconds that is allowed.
    #[error("The overlap \"{0}\" is invalid: it must be 1 to 2,592,000 seconds.")]
    OverlapInvalid(Quoted),
    /// `sortField` is no key that a list can be sorted by.
    #[error("The sort field \"{0}\" is invalid.")]
    SortFieldInvalid(Quoted),
    /// `sortOrder` is neither `ASC` nor `DESC`.
    #[error("The sort order \"{0}\" is invalid.")]
    SortOrderInvalid(Quoted),
    /// `limit` is no whole number.
    #[error("The limit \"{0}\" is invalid.")]
    LimitInvalid(Quoted),
    /// `limitstart` is no whole number.
    #[error("The limit start \"{0}\" is invalid.")]
    LimitStartInvalid(Quoted),
    /// `unusedSince` is no time.
    #[error("The time \"{0}\" of unusedSince is invalid: {1}.")]
    UnusedSinceInvalid(Quoted, &'static str),
    /// `afterId` is no whole number, or the list isn't in the order of ids.
    #[error("The after ID \"{0}\" is invalid: {1}.")]
    AfterIdInvalid(Quoted, &'static str),
}
