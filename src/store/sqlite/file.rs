//! The file of a store: which one it is, and whether it's ours.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::marker::PhantomData;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, ErrorCode, OpenFlags};
#[cfg(target_os = "linux")]
use rustix::fs::{AtFlags, StatxFlags};

use super::in_use::{self, InUse, Range};
use super::schema::{APPLICATION_ID, VERSION};
#[cfg(test)]
use super::simulator;
use crate::error::{Error, Result, StoreError, SystemError};
use crate::own_file;
use crate::own_file::beside;

/// What the names of the log and of its index end with, after the database's.
pub const LOG: &str = "-wal";
pub const INDEX: &str = "-shm";

/// Tells a file from another that has taken its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
}

/// What a path has encoded in a URI.
const IN_URI: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/');

/// How many connections of all threads are open, or about to be.
static OPEN: AtomicUsize = AtomicUsize::new(0);
/// Whether this process is the child of one whose other threads had connections. They are gone here, but not what they
/// held: SQLite still counts on their locks of files, and waits for its own mutexes for ever.
static ORPHANED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// How many of the open connections are this thread's.
    static OWN: Cell<usize> = const { Cell::new(0) };
}

/// To be called in the child after a fork.
pub fn note_fork() {
    in_use::forget();
    if OPEN.load(Ordering::SeqCst) > OWN.get() {
        ORPHANED.store(true, Ordering::Relaxed);
    }
}

/// Whether this process is a child that can't use SQLite, not even to close what is open.
pub fn is_orphan() -> bool {
    ORPHANED.load(Ordering::Relaxed)
}

/// Counts one connection as long as it lives, in the thread that it belongs to.
pub struct Counted(PhantomData<*const ()>);

impl Counted {
    /// One more is about to be open.
    pub fn new() -> Result<Self> {
        if is_orphan() {
            return Err(StoreError::Forked.into());
        }
        OPEN.fetch_add(1, Ordering::SeqCst);
        OWN.set(OWN.get() + 1);
        Ok(Self(PhantomData))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::SeqCst);
        OWN.set(OWN.get() - 1);
    }
}

impl From<&fs::Metadata> for Identity {
    fn from(found: &fs::Metadata) -> Self {
        Self { device: found.dev(), inode: found.ino() }
    }
}

/// The log of a store and its index, as a connection has them open.
#[derive(Debug)]
pub struct Log {
    database: PathBuf,
    log: Identity,
    index: Identity,
    _in_use: [Option<InUse>; 2],
}

/// The log of a store and its index before a connection opens them: made where they are missing, since SQLite's would
/// belong to this user's group for a moment.
pub struct Named {
    database: PathBuf,
    /// As long as these are held no other file gets their numbers.
    held: Option<[File; 2]>,
}

impl Named {
    /// Those beside this database.
    pub fn of(database: &Path) -> io::Result<Self> {
        #[cfg(test)]
        if simulator::is_on() {
            return Ok(Self { database: database.to_owned(), held: None });
        }
        let [log, index] = [LOG, INDEX].map(|suffix| {
            let path = beside(database, suffix);
            loop {
                match own_file::hold(&path) {
                    // Another program's SQLite takes them away when it closes the store.
                    Err(error) if error.kind() == ErrorKind::NotFound => {
                        own_file::create_empty(&path, database)?;
                    }
                    held => return held,
                }
            }
        });
        Ok(Self { database: database.to_owned(), held: Some([log?, index?]) })
    }

    /// Those that a connection has opened since, which are told to be in use from now on. `None` where others have taken
    /// their names meanwhile.
    pub fn opened(self, busy_timeout: Duration) -> io::Result<Option<Log>> {
        let Self { database, held } = self;
        let in_use = [
            InUse::lock(&database, Range::Database, busy_timeout)?,
            InUse::lock(&beside(&database, INDEX), Range::Index, busy_timeout)?,
        ];
        let [log, index] = [LOG, INDEX].map(|suffix| named(&beside(&database, suffix)));
        let (Some(log), Some(index)) = (log, index) else { return Ok(None) };
        if in_use[1].as_ref().is_some_and(|in_use| in_use.identity() != index) {
            return Ok(None);
        }
        for (held, named) in held.iter().flatten().zip([log, index]) {
            if Identity::from(&held.metadata()?) != named {
                return Ok(None);
            }
        }
        Ok(Some(Log { database, log, index, _in_use: in_use }))
    }
}

impl Log {
    /// Whether both are still what their names mean: what is committed to a log without a name is lost.
    pub fn is_named(&self) -> bool {
        let means = |suffix, identity| named(&beside(&self.database, suffix)) == Some(identity);
        means(LOG, self.log) && means(INDEX, self.index)
    }
}

/// Which file a name means, without following a link; `None` where there is none.
fn named(path: &Path) -> Option<Identity> {
    #[cfg(test)]
    if simulator::is_on() {
        return simulator::named(path);
    }
    #[cfg(target_os = "linux")]
    if let Ok(found) = rustix::fs::statx(rustix::fs::CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::INO) {
        // Who asks for the times, as Rust's library does, has Linux 6.13 and later note a new time with the next write,
        // and the flush of a log takes half as long again.
        let device = rustix::fs::makedev(found.stx_dev_major, found.stx_dev_minor);
        return Some(Identity { device, inode: found.stx_ino });
    }
    fs::symlink_metadata(path).ok().map(|found| Identity::from(&found))
}

impl Identity {
    #[cfg(test)]
    pub fn simulated(number: usize) -> Self {
        Self { device: u64::MAX, inode: number as u64 }
    }

    /// The file at this path; `None` where there is none but could be one.
    pub fn of(path: &Path) -> Result<Option<Self>> {
        match fs::metadata(path) {
            Ok(found) if found.is_file() => Ok(Some(Self::from(&found))),
            Ok(_) => Err(StoreError::NotAFile(path.to_owned()).into()),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let folder = own_file::folder_of(path);
                if folder.is_dir() { Ok(None) } else { Err(StoreError::FolderMissing(folder.to_owned()).into()) }
            }
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                Err(StoreError::FolderMissing(own_file::folder_of(path).to_owned()).into())
            }
            Err(_) => Err(StoreError::Unreachable(path.to_owned()).into()),
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

/// How many bytes are left in the file system of a database, as far as that is known.
pub fn free_bytes(database: &Path) -> Option<u64> {
    #[cfg(test)]
    if simulator::is_on() {
        return None;
    }
    let found = rustix::fs::statvfs(own_file::folder_of(database)).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
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
/// `immutable` reads past locks and logs. Whether it's ours for certain; otherwise the real opening decides.
pub fn refuse_foreign(path: &Path) -> Result<bool> {
    let encoded = percent_encode(path.as_os_str().as_encoded_bytes(), IN_URI);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let Ok(probe) = Connection::open_with_flags(format!("file:{encoded}?immutable=1"), flags) else {
        return Ok(false);
    };
    let number = |sql| probe.query_row(sql, [], |row| row.get::<_, i64>(0));
    // A store whose making goes on, or was cut off, has the truth in a journal still.
    let unfinished = beside(path, "-journal").exists();
    let foreign = match number("PRAGMA application_id") {
        Ok(APPLICATION_ID) => {
            let newer = number("PRAGMA user_version").ok().filter(|&found| found > VERSION);
            return newer.map_or(Ok(true), |found| Err(StoreError::Newer(path.to_owned(), found, VERSION).into()));
        }
        Ok(0) => !unfinished && number("SELECT count(*) FROM sqlite_master").is_ok_and(|tables| tables > 0),
        Ok(_) => true,
        Err(error) => !unfinished && error.sqlite_error_code() == Some(ErrorCode::NotADatabase),
    };
    if foreign { Err(StoreError::Foreign(path.to_owned()).into()) } else { Ok(false) }
}

/// Why a file beside the store, or the store itself, can't be made or opened.
pub fn cannot_create(path: &Path, error: &io::Error, busy_timeout: Duration) -> Error {
    match error.kind() {
        _ if own_file::is_unfit(error) => Error::System(SystemError::FileUnfit(path.to_owned())),
        _ if own_file::lacks_descriptor(error) => Error::Store(StoreError::NoDescriptor(path.to_owned().into())),
        ErrorKind::WouldBlock => Error::Store(StoreError::Locked(
            path.to_owned().into(),
            u64::try_from(busy_timeout.as_millis()).unwrap_or(u64::MAX),
        )),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::Store(StoreError::Full(path.to_owned().into())),
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
            Error::Store(StoreError::ReadOnly(path.to_owned()))
        }
        ErrorKind::NotFound => Error::Store(StoreError::FolderMissing(own_file::folder_of(path).to_owned())),
        _ => Error::Store(StoreError::Unreachable(path.to_owned())),
    }
}

#[cfg(test)]
#[allow(unsafe_code, reason = "a fork is the kernel's")]
mod tests {
    use std::process::Command;
    use std::sync::mpsc;
    use std::{env, thread};

    use super::super::Sqlite;
    use super::*;
    use crate::settings::Settings;
    use crate::store::engine::Missing;

    /// Whether this holds in a child of this process.
    fn child(holds: impl FnOnce() -> bool) -> bool {
        // SAFETY: the child takes no lock that another thread may have held, and ends without the parent's clean-up.
        unsafe {
            let child = libc::fork();
            if child == 0 {
                // It would wait for ever where a mutex is taken.
                libc::alarm(20);
                note_fork();
                libc::_exit(i32::from(!holds()));
            }
            let mut status = -1;
            libc::waitpid(child, &raw mut status, 0);
            status == 0
        }
    }

    #[test]
    fn a_child_uses_sqlite_unless_another_thread_had_a_store_open() {
        const ALONE: &str = "LOCALAPI_TEST_ALONE";
        if env::var_os(ALONE).is_none() {
            // In a process of its own, since the threads of other tests have stores open here.
            let name = "a_child_uses_sqlite_unless_another_thread_had_a_store_open";
            let output = Command::new(env::current_exe().unwrap()).arg(name).env(ALONE, "1").output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && said.contains("1 passed"), "{said}");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sqlite");
        let settings = Settings::default();
        let open_file = || Sqlite::open_file(&path, &path, false, Missing::Made, &settings);
        let open_memory = || Sqlite::open_memory(&settings);
        let usable = |store: &Sqlite| store.number("SELECT count(*) FROM tblclients").is_ok();
        let own = open_memory().unwrap();
        let all_usable = || usable(&own) && open_memory().is_ok() && open_file().is_ok();
        assert!(child(all_usable));
        for open in [&open_memory as &(dyn Fn() -> Result<Sqlite> + Sync), &open_file] {
            thread::scope(|scope| {
                let (tell, told) = mpsc::channel();
                let (end, ended) = mpsc::channel::<()>();
                scope.spawn(move || {
                    let store = open().unwrap();
                    tell.send(()).unwrap();
                    let _ = ended.recv();
                    drop(store);
                });
                told.recv().unwrap();
                let refused = |done: Result<Sqlite>| matches!(done, Err(Error::Store(StoreError::Forked)));
                assert!(child(|| is_orphan() && refused(open_memory()) && refused(open_file())));
                drop(end);
            });
            assert!(child(all_usable), "once that thread has closed it");
        }
    }
}
