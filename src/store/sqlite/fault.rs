//! What SQLite's faults mean.
#![allow(unsafe_code, reason = "SQLite's C API for what the system has said; the block says why it is sound")]

use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, ffi};

use super::file::cannot_create;
use crate::error::{Error, StoreError};

/// Whether another has a lock.
pub fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// What the system has said to a connection last, where that is why it couldn't open, read or write a file.
pub fn system_error(error: &rusqlite::Error, connection: &Connection) -> Option<io::Error> {
    let code = error.sqlite_error_code();
    if !matches!(code, Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure)) {
        return None;
    }
    // SAFETY: the connection is open.
    let number = unsafe { ffi::sqlite3_system_errno(connection.handle()) };
    (number != 0).then(|| io::Error::from_raw_os_error(number))
}

/// What SQLite's fault means for whoever keeps the store. SQLite's own message isn't passed on: it may quote a value.
pub fn fault(error: &rusqlite::Error, system: Option<&io::Error>, path: &Path, busy_timeout: Duration) -> Error {
    let told = system.map(|system| cannot_create(path, system, busy_timeout));
    if let Some(told @ Error::Store(StoreError::Full(_) | StoreError::NoDescriptor(_))) = told {
        return told;
    }
    let path = path.to_owned();
    let Some(code) = error.sqlite_error() else {
        return Error::Store(StoreError::Failed(path.into(), "a statement could not be run".to_owned()));
    };
    match (code.code, code.extended_code) {
        (ErrorCode::DiskFull, _) | (_, ffi::SQLITE_IOERR_SHMSIZE) => Error::Store(StoreError::Full(path.into())),
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed, _) => {
            Error::Store(StoreError::Locked(path.into(), u64::try_from(busy_timeout.as_millis()).unwrap_or(u64::MAX)))
        }
        (ErrorCode::ReadOnly, _) => Error::Store(StoreError::ReadOnly(path)),
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => Error::Store(StoreError::Damaged(path)),
        (ErrorCode::CannotOpen | ErrorCode::PermissionDenied, _) => Error::Store(StoreError::Unreachable(path)),
        (_, number) => Error::Store(StoreError::Failed(
            path.into(),
            format!("{} (SQLite {number})", ffi::code_to_str(number & 0xff)),
        )),
    }
}
