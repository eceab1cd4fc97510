//! Everything that can go wrong, in the words a caller reads: a family for each of those who can help.

mod copy;
mod credential;
mod key_file;
mod request;
mod server;
mod store;
mod system;

use std::fmt;
use std::path::PathBuf;

pub use copy::CopyError;
pub use credential::CredentialError;
pub use key_file::KeyError;
pub use request::RequestError;
pub use server::ServerError;
pub use store::StoreError;
pub use system::SystemError;

/// What a call can fail with. `Display` is the sentence that the caller sees: the answer's `message`, or the message of
/// a `LocalApi\StoreException`. None holds a secret, a key, a password or SQL.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The caller has called wrongly.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The caller has passed a command what it refuses.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The store can't do it, wherever it is.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server where the store is can't do it.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The store can't be copied, or is a copy.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The keys that secrets are sealed with can't be had, or don't fit.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The machine can't do it.
    #[error(transparent)]
    System(#[from] SystemError),
}

/// Where the store is that a fault is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In this file.
    File(PathBuf),
    /// At a server: the host, the port and the database.
    Server(String),
}

impl Location {
    /// Whose disk is meant.
    fn owner(&self) -> String {
        match self {
            Self::File(path) => format!("\"{}\"", path.display()),
            Self::Server(place) => format!("the server at {place}"),
        }
    }

    /// What a lock is on.
    fn kept(&self) -> String {
        match self {
            Self::File(path) => format!("\"{}\"", path.display()),
            Self::Server(place) => format!("a row at {place}"),
        }
    }
}

/// `The credential store "/path"`, `The credential store at host:3306/database`.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "\"{}\"", path.display()),
            Self::Server(place) => write!(f, "at {place}"),
        }
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl Error {
    /// Whether the transaction that was open is gone with this.
    pub fn undoes_transaction(&self) -> bool {
        self.is_fault_of_store()
            || matches!(
                self,
                Self::Store(StoreError::Contended(_) | StoreError::HalfWritten)
                    | Self::Server(ServerError::CommitUnanswered(_))
            )
    }

    /// Whether this is no mistake of the caller's: those who run the machine should know.
    pub fn is_fault(&self) -> bool {
        !matches!(self, Self::Request(_) | Self::Credential(_))
    }

    /// Whether a connection to the store should not be used again after this.
    pub fn is_fault_of_store(&self) -> bool {
        match self {
            Self::Store(error) => error.ends_connection(),
            Self::Server(error) => error.ends_connection(),
            _ => false,
        }
    }
}

/// What a call gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;
