//! What the store can fail with, in a file or at a server.

use std::path::PathBuf;

use super::Location;
use crate::settings::DsnFault;

/// What a store fails with, wherever it is.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A server's `localapi.dsn` is empty.
    #[error(
        "The credential store has no place: set localapi.dsn in php.ini, for example localapi.dsn = \"sqlite:/var/lib/localapi/store.sqlite\"."
    )]
    NotConfigured,
    /// `localapi.dsn` is empty, and neither XDG_DATA_HOME nor HOME is set to an absolute path.
    #[error("The credential store has no place: set localapi.dsn in php.ini, or HOME in the environment.")]
    Homeless,
    /// `localapi.dsn` is empty, and the default place can't be made.
    #[error("The credential store has no place: this user cannot make \"{}\"; set localapi.dsn in php.ini, or HOME in the environment.", .0.display())]
    HomeUnusable(PathBuf),
    /// A DSN can't be read.
    #[error("The credential store has no place: {0}.")]
    DsnInvalid(DsnFault),
    /// The folder of the store isn't there.
    #[error("The credential store cannot be opened: the folder \"{}\" does not exist.", .0.display())]
    FolderMissing(PathBuf),
    /// The store's path is a folder or another thing that is no file.
    #[error("The credential store cannot be opened: \"{}\" is not a file.", .0.display())]
    NotAFile(PathBuf),
    /// The operating system doesn't let this user open the store.
    #[error("The credential store cannot be opened: this user needs to read and write \"{}\" and its folder.", .0.display())]
    Unreachable(PathBuf),
    /// The file, its folder or its file system can't be written.
    #[error("The credential store is read-only: this user needs to write \"{}\" and its folder.", .0.display())]
    ReadOnly(PathBuf),
    /// No space is left where the store is.
    #[error("The credential store is full: free space on the disk of {}.", .0.owner())]
    Full(Location),
    /// This process, or the whole system, has as many files open as it may.
    #[error(
        "The credential store {0} cannot be opened: no file descriptor is free; raise the limit of open files (ulimit -n)."
    )]
    NoDescriptor(Location),
    /// A commit could not be flushed to the disk. It's in the file still, and goes with the next power cut or not.
    #[error("The credential store could not be flushed to the disk of \"{}\": what this call has stored may be lost; look whether it is there.", .0.display())]
    Unflushed(PathBuf),
    /// Another process held the store for longer than `localapi.busy_timeout`.
    #[error("The credential store is locked: another process has kept {kept} for more than {waited} ms; try again, or raise localapi.busy_timeout.", kept = .0.kept(), waited = .1)]
    Locked(Location, u64),
    /// What only a store in memory can is asked of another.
    #[error("The credential store is not in memory.")]
    NotInMemory,
    /// A transaction or a result of PDO is open on the sandbox's store, in the thread that this call runs in.
    #[error(
        "The sandbox's store is in use by PDO: end the transaction, or read the result to its end, before this call."
    )]
    HeldByPdo,
    /// Somebody has removed the write-ahead log, or put another in its place, while this call stored something.
    #[error("The write-ahead log of the credential store \"{}\" was removed while it was in use: what this call has stored may be lost; look whether it is there.", .0.display())]
    Displaced(PathBuf),
    /// Somebody has cut the file where writers queue while it was in use.
    #[error("The file \"{}\" was cut while the credential store was in use: try again, and leave it alone.", .0.display())]
    GateCut(PathBuf),
    /// The file's content is damaged.
    #[error("The credential store is damaged: restore \"{}\" from a backup.", .0.display())]
    Damaged(PathBuf),
    /// A file that isn't a store of ours. It's left as it is.
    #[error("The file \"{}\" is not a credential store; it was left untouched.", .0.display())]
    Foreign(PathBuf),
    /// A store made by a newer version. It's left as it is.
    #[error("The credential store \"{path}\" has schema version {found}, and this localapi knows up to {known}; it was left untouched.", path = .0.display(), found = .1, known = .2)]
    Newer(PathBuf, i64, i64),
    /// The file system can't hold a write-ahead log.
    #[error("The credential store cannot use a write-ahead log at \"{}\": put it on a local disk.", .0.display())]
    WithoutWal(PathBuf),
    /// A process forked while other threads had the store open, and this is the child.
    #[error(
        "The credential store cannot be used here: this process was forked while other threads had the store open."
    )]
    Forked,
    /// The server has undone the transaction for the sake of another's, again and again.
    #[error("The credential store {0} is contended: nothing was stored, try again.")]
    Contended(Location),
    /// There is no store where one is to be copied, or something is to be done that makes no sense with a new one.
    #[error("There is no credential store at \"{}\": look whether that is the place that was meant.", .0.display())]
    Missing(PathBuf),
    /// The connection was lost in the middle of a batch.
    #[error("The credential store was lost in the middle of a batch: nothing of it was stored.")]
    BatchLost,
    /// A call of a batch has failed when it had written something. Nobody sees this: the batch is done again.
    #[error("The call was left half-written.")]
    HalfWritten,
    /// A value that must be unique is there already. Nobody sees this: another value is tried.
    #[error("The value is taken.")]
    Taken,
    /// Any other fault, with SQLite's own word for it.
    #[error("The credential store {0} failed: {1}.")]
    Failed(Location, String),
}

impl StoreError {
    /// Whether the connection should not be used again after this.
    pub(super) fn ends_connection(&self) -> bool {
        matches!(
            self,
            Self::ReadOnly(_)
                | Self::Unreachable(_)
                | Self::Full(_)
                | Self::NoDescriptor(_)
                | Self::Unflushed(_)
                | Self::Displaced(_)
                | Self::GateCut(_)
                | Self::Damaged(_)
                | Self::Failed(..)
        )
    }
}
