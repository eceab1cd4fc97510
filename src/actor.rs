//! In whose name a command runs, and from where.

use crate::error::{Error, Result};
use crate::store::Store;
use crate::text::Quoted;

/// An admin, or the system itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The user name as the activity log shows it.
    pub user: String,
    /// The row in `tbladmins`, 0 for the system.
    pub id: i64,
    /// The address of a call over HTTP; empty for any other.
    pub address: String,
    /// The API credential that was shown, if any.
    pub credential: Option<i64>,
}

/// Where a call over HTTP comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The address, as `REMOTE_ADDR` has it.
    pub address: String,
    /// The API credential that was shown; `None` is an admin in person.
    pub credential: Option<i64>,
}

impl Actor {
    /// Looks up who asks. Nobody named is the system.
    pub fn find(admin: Option<&[u8]>, origin: Option<&Origin>, store: &Store) -> Result<Self> {
        let Some(name) = admin.filter(|name| !name.is_empty()) else {
            return Ok(Self::system());
        };
        let unknown = || Error::UnknownAdmin(Quoted::lossy(name));
        let user = std::str::from_utf8(name).map_err(|_| unknown())?;
        let admin = store.admin(user)?.ok_or_else(unknown)?;
        if admin.disabled {
            return Err(Error::DisabledAdmin(Quoted::from(user)));
        }
        let address = origin.map_or_else(String::new, |origin| origin.address.clone());
        let credential = origin.and_then(|origin| origin.credential);
        Ok(Self { user: user.to_owned(), id: admin.id, address, credential })
    }

    fn system() -> Self {
        Self { user: "System".to_owned(), id: 0, address: String::new(), credential: None }
    }
}
