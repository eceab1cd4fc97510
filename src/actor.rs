//! In whose name a command runs.

use crate::error::{Error, Quoted, Result};
use crate::store::Store;

/// An admin, or the system itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The user name as the activity log shows it.
    pub user: String,
    /// The row in `tbladmins`, 0 for the system.
    pub id: i64,
}

impl Actor {
    /// Looks up who asks. Nobody named is the system.
    pub fn find(admin: Option<&[u8]>, store: &Store) -> Result<Self> {
        let Some(name) = admin.filter(|name| !name.is_empty()) else {
            return Ok(Self::system());
        };
        let unknown = || Error::UnknownAdmin(Quoted::lossy(name));
        let user = std::str::from_utf8(name).map_err(|_| unknown())?;
        let admin = store.admin(user)?.ok_or_else(unknown)?;
        if admin.disabled {
            return Err(Error::DisabledAdmin(Quoted::from(user)));
        }
        Ok(Self { user: user.to_owned(), id: admin.id })
    }

    fn system() -> Self {
        Self { user: "System".to_owned(), id: 0 }
    }
}
