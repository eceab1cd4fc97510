//! What the machine fails with.

use std::path::PathBuf;

/// What the operating system or those who use the machine with us fail with.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SystemError {
    /// A path leads through a link that another user may have put there, or through too many.
    #[error("The link \"{}\" is not followed: it leads to itself, or another user has put it there.", .0.display())]
    LinkRefused(PathBuf),
    /// A file beside the store is a folder, a link or a pipe, or has another name somewhere.
    #[error("The file \"{}\" is not a regular file with one name: find out who has put it there, then remove it.", .0.display())]
    FileUnfit(PathBuf),
    /// The operating system gave no random bytes.
    #[error("The operating system's random number generator failed.")]
    NoRandomness,
    /// The system's clock is outside the years 1970 to 9999.
    #[error("The system's clock is wrong.")]
    ClockWrong,
}
