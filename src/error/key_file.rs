//! What the key file fails with.

use std::path::PathBuf;

/// What the key file, or what was sealed with it, fails with.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// `localapi.key_file` can't be read.
    #[error("The key file has no place: localapi.key_file must be an absolute path.")]
    Invalid,
    /// `localapi.key_file` is empty, and the store is at a server.
    #[error("The key file has no place: set localapi.key_file, to the same file on every machine.")]
    Unset,
    /// The store holds sealed secrets, and their key file is gone.
    #[error("The key file \"{}\" is missing: put it back, the stored secrets cannot be read without it.", .0.display())]
    Missing(PathBuf),
    /// The file holds no keys of ours.
    #[error("The key file \"{}\" is damaged: restore it from a backup.", .0.display())]
    Damaged(PathBuf),
    /// Users outside the file's group can read or write it.
    #[error("The key file \"{}\" is open to other users: take their permissions away (chmod o= on it).", .0.display())]
    Exposed(PathBuf),
    /// This user can't read the file.
    #[error("The key file \"{path}\" cannot be read: {reason}.", path = .0.display(), reason = .1)]
    Unreadable(PathBuf, String),
    /// Another process held the key file for longer than `localapi.busy_timeout`.
    #[error("The key file \"{path}\" is locked: another process has kept it for more than {waited} ms; try again, or raise localapi.busy_timeout.", path = .0.display(), waited = .1)]
    Locked(PathBuf, u64),
    /// A key file is needed and can't be made.
    #[error("The key file \"{path}\" cannot be written: {reason}.", path = .0.display(), reason = .1)]
    Unwritable(PathBuf, String),
    /// The file doesn't hold the key that this store seals with.
    #[error("The key file \"{path}\" lacks the key \"{key}\" of this store: put a newer copy in its place, or the store's own file.", path = .0.display(), key = .1)]
    Foreign(PathBuf, String),
    /// A sealed value was changed, or moved to another row.
    #[error("The secret of OAuth credential {0} is damaged.")]
    SecretDamaged(i64),
}
