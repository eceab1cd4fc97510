//! What SQLite's faults mean.

use std::path::Path;
use std::time::Duration;

use rusqlite::{ErrorCode, ffi};

use crate::error::Error;

/// Whether another has a lock.
pub fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// What SQLite's fault means for whoever keeps the store. SQLite's own message isn't passed on: it may quote a value.
pub fn fault(error: &rusqlite::Error, path: &Path, busy_timeout: Duration) -> Error {
    let path = path.to_owned();
    let Some(code) = error.sqlite_error() else {
        return Error::StoreFailed(path, "a statement could not be run".to_owned());
    };
    match (code.code, code.extended_code) {
        (ErrorCode::DiskFull, _) | (_, ffi::SQLITE_IOERR_SHMSIZE) => Error::StoreFull(path),
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed, _) => {
            Error::StoreLocked(path, u64::try_from(busy_timeout.as_millis()).unwrap_or(u64::MAX))
        }
        (ErrorCode::ReadOnly, _) => Error::StoreReadOnly(path),
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => Error::StoreDamaged(path),
        (ErrorCode::CannotOpen | ErrorCode::PermissionDenied, _) => Error::StoreUnreachable(path),
        (_, number) => Error::StoreFailed(path, format!("{} (SQLite {number})", ffi::code_to_str(number & 0xff))),
    }
}
