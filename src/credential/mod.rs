//! What a credential is made of: the rules for each part, and the making of those that are random.

pub mod described;
pub mod expiry;
pub mod grant_type;
pub mod idempotency;
pub mod identifier;
pub mod logo_uri;
pub mod redirect_uri;
pub mod scope;
pub mod secret;
pub mod service;

pub use described::Described;
pub use grant_type::GrantType;
pub use idempotency::Idempotency;
pub use scope::Scopes;
pub use secret::Secret;
pub use service::Service;
