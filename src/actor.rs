//! In whose name a command runs, and from where.

use crate::error::{Error, RequestError, Result};
use crate::store::Store;
use crate::text::Quoted;

/// An admin, or the system itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The user name as the activity log shows it.
    pub user: String,
    /// The row in `tbladmins`, 0 for the system.
    pub id: i64,
    /// Where the call comes from, if that is over HTTP.
    pub origin: Option<Origin>,
}

/// Where a call over HTTP comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The address, as `REMOTE_ADDR` has it.
    pub address: String,
    /// The API credential that was shown; `None` is an admin in person.
    pub credential: Option<i64>,
    /// Whether no list shows it the secrets of credentials.
    pub hides_secrets: bool,
}

/// Who asks, by the name that is given.
#[derive(Debug, Clone, Copy, Default)]
pub struct Caller<'a> {
    /// In which admin's name; `None` or empty is the system itself.
    pub admin: Option<&'a [u8]>,
    /// Where the call comes from, if that is over HTTP.
    pub origin: Option<&'a Origin>,
}

impl Actor {
    /// Looks up who asks.
    pub fn find(caller: Caller<'_>, store: &mut Store) -> Result<Self> {
        let Some(name) = caller.admin.filter(|name| !name.is_empty()) else {
            return Ok(Self::system());
        };
        let unknown = || Error::Request(RequestError::UnknownAdmin(Quoted::lossy(name)));
        let user = std::str::from_utf8(name).map_err(|_| unknown())?;
        let admin = store.admin(user)?.ok_or_else(unknown)?;
        if admin.disabled {
            return Err(RequestError::DisabledAdmin(Quoted::from(user)).into());
        }
        Ok(Self { user: user.to_owned(), id: admin.id, origin: caller.origin.cloned() })
    }

    /// The API credential that was shown, if any.
    pub fn credential(&self) -> Option<i64> {
        self.origin.as_ref().and_then(|origin| origin.credential)
    }

    fn system() -> Self {
        Self { user: "System".to_owned(), id: 0, origin: None }
    }
}
