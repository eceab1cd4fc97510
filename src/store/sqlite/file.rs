//! The file of a store: which one it is, and whether it's ours.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::schema::{APPLICATION_ID, VERSION};
#[cfg(test)]
use super::simulator;
use crate::error::{Error, Result};
use crate::own_file;
use crate::place::beside;

/// Tells a file from another that has taken its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
}

/// How many connections of all threads have a file open.
static OPEN_FILES: AtomicUsize = AtomicUsize::new(0);
/// Whether this process is the child of one whose other threads had a file open. Their connections are gone here, but
/// SQLite still counts on the locks they had.
static ORPHANED: AtomicBool = AtomicBool::new(false);

/// To be called in the child after a fork, when this thread has closed its own store.
pub fn note_fork() {
    if OPEN_FILES.load(Ordering::Relaxed) > 0 {
        ORPHANED.store(true, Ordering::Relaxed);
    }
}

/// Whether this process is a child that can't open a file.
pub fn is_orphan() -> bool {
    ORPHANED.load(Ordering::Relaxed)
}

/// Counts one open file as long as it lives.
pub struct Counted;

impl Counted {
    /// One more is open.
    pub fn new() -> Self {
        OPEN_FILES.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        OPEN_FILES.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Identity {
    /// The file at this path; `None` where there is none but could be one.
    pub fn of(path: &Path) -> Result<Option<Self>> {
        match fs::metadata(path) {
            Ok(found) if found.is_file() => Ok(Some(Self { device: found.dev(), inode: found.ino() })),
            Ok(_) => Err(Error::StoreNotAFile(path.to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let folder = own_file::folder_of(path);
                if folder.is_dir() { Ok(None) } else { Err(Error::StoreFolderMissing(folder.to_owned())) }
            }
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                Err(Error::StoreFolderMissing(own_file::folder_of(path).to_owned()))
            }
            Err(_) => Err(Error::StoreUnreachable(path.to_owned())),
        }
    }
}

/// Opens a file that is there.
pub fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    #[cfg(test)]
    if simulator::is_on() {
        return Connection::open_with_flags_and_vfs(path, flags, simulator::VFS);
    }
    Connection::open_with_flags(path, flags)
}

/// Makes the names of the files beside the store last.
pub fn flush_folder(path: &Path) -> io::Result<()> {
    #[cfg(test)]
    if simulator::is_on() {
        return simulator::flush_folder();
    }
    own_file::sync_folder(path)
}

/// Looks at a file without opening it for writing, so that one that isn't ours, or is newer, gets no log beside it.
/// `immutable` reads past locks and logs; where the answer isn't certain, the real opening decides.
pub fn refuse_foreign(path: &Path) -> Result<()> {
    let encoded: String = path
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .map(|&byte| {
            if byte.is_ascii_alphanumeric() || byte == b'/' {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02x}")
            }
        })
        .collect();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let Ok(probe) = Connection::open_with_flags(format!("file:{encoded}?immutable=1"), flags) else {
        return Ok(());
    };
    let number = |sql| probe.query_row(sql, [], |row| row.get::<_, i64>(0));
    // A store whose making goes on, or was cut off, has the truth in a journal still.
    let unfinished = beside(path, "-journal").exists();
    let foreign = match number("PRAGMA application_id") {
        Ok(APPLICATION_ID) => {
            let newer = number("PRAGMA user_version").ok().filter(|&found| found > VERSION);
            return newer.map_or(Ok(()), |found| Err(Error::StoreNewer(path.to_owned(), found, VERSION)));
        }
        Ok(0) => !unfinished && number("SELECT count(*) FROM sqlite_master").is_ok_and(|tables| tables > 0),
        Ok(_) => true,
        Err(error) => !unfinished && error.sqlite_error_code() == Some(ErrorCode::NotADatabase),
    };
    if foreign { Err(Error::StoreForeign(path.to_owned())) } else { Ok(()) }
}

/// Why a file beside the store, or the store itself, can't be made or opened.
pub fn cannot_create(path: &Path, error: &io::Error, busy_timeout: Duration) -> Error {
    match error.kind() {
        _ if own_file::is_unfit(error) => Error::FileUnfit(path.to_owned()),
        ErrorKind::WouldBlock => {
            Error::StoreLocked(path.to_owned(), u64::try_from(busy_timeout.as_millis()).unwrap_or(u64::MAX))
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::StoreFull(path.to_owned()),
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => Error::StoreReadOnly(path.to_owned()),
        ErrorKind::NotFound => Error::StoreFolderMissing(own_file::folder_of(path).to_owned()),
        _ => Error::StoreUnreachable(path.to_owned()),
    }
}
