//! The service that a single_sign_on credential signs in to.

use crate::error::{CredentialError, Result};
use crate::store::{Details, Store};
use crate::text::positive;

/// A service and the client it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Its row in `tblhosting`.
    pub id: i64,
    /// The owner's row in `tblclients`.
    pub owner: i64,
}

impl Service {
    /// Refuses a `serviceId` that says none.
    pub fn require(text: Option<String>) -> Result<String> {
        text.filter(|text| text != "0").ok_or(CredentialError::ServiceRequired.into())
    }

    /// Looks a `serviceId` up.
    pub fn find(text: &str, store: &mut Store) -> Result<Self> {
        let id = positive(text).ok_or(CredentialError::ServiceInvalid)?;
        match store.service_owner(id)? {
            None => Err(CredentialError::ServiceInvalid.into()),
            Some(None) => Err(CredentialError::ServiceWithoutClient.into()),
            Some(Some(owner)) => Ok(Self { id, owner }),
        }
    }

    /// Makes it the service of a credential, or takes the service away.
    pub fn assign(service: Option<Self>, details: &mut Details) {
        details.service_id = service.map_or(0, |service| service.id);
        details.user_id = service.map(|service| service.owner.to_string()).unwrap_or_default();
    }
}
