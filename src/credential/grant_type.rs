//! How a credential gets its tokens.

use crate::error::{CredentialError, Result};
use crate::text::Quoted;

/// The grant types of the documented system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantType {
    /// RFC 6749 §4.1: an application on behalf of a user. It has a name.
    AuthorizationCode,
    /// Signs the owner of one service in. It has a service.
    SingleSignOn,
}

impl GrantType {
    /// Reads `grantType`, already known not to be blank.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "authorization_code" => Ok(Self::AuthorizationCode),
            "single_sign_on" => Ok(Self::SingleSignOn),
            _ => Err(CredentialError::GrantTypeInvalid(Quoted::from(text)).into()),
        }
    }

    /// Its name in requests, answers and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::SingleSignOn => "single_sign_on",
        }
    }
}
