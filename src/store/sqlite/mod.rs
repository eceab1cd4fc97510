//! How SQLite runs a statement: one connection to one file, or to memory.

pub mod schema;
mod statement;

use std::cell::Cell;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use self::schema::{APPLICATION_ID, MIGRATIONS};
use self::statement::Statements;
use super::engine::{Bind, Engine, Row, RowId};
use crate::error::{Error, Result};
use crate::own_file::{self, Access};
use crate::place::beside;
use crate::settings::{Durability, Settings};

/// The write-ahead log is copied into the database once it has this many pages.
const CHECKPOINT_PAGES: i32 = 1_000;
/// From this many pages on, a checkpoint waits for its turn instead of going without.
const PATIENT_PAGES: i32 = 4 * CHECKPOINT_PAGES;
/// What stays of a write-ahead log that grew larger, in bytes.
const LOG_LIMIT: i64 = 64 << 20;

/// How long a file that another user has made may take to become their group's.
const SHARING_TAKES: Duration = Duration::from_secs(1);

/// A connection.
pub struct Sqlite {
    // Before `main`: the last connection to close tidies up, and that should be the one with our settings.
    checkpointer: Option<Connection>,
    // Before `main` too: SQLite doesn't close a connection that has statements.
    statements: Statements,
    main: Connection,
    path: PathBuf,
    /// The file that `main` has open; `None` for memory.
    identity: Option<Identity>,
    busy_timeout: Duration,
    next_checkpoint: i32,
    // Last: the count goes down when the connections are closed.
    _counted: Option<Counted>,
}

/// Tells a file from another that has taken its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
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

/// Counts one open file as long as it lives.
struct Counted;

impl Counted {
    fn new() -> Self {
        OPEN_FILES.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        OPEN_FILES.fetch_sub(1, Ordering::Relaxed);
    }
}

thread_local! {
    /// The pages in the write-ahead log after this thread's last commit. SQLite tells a function that has no state.
    static LOG_PAGES: Cell<i32> = const { Cell::new(0) };
}

impl Sqlite {
    /// A store in memory.
    pub fn open_memory(settings: &Settings) -> Result<Self> {
        let path = PathBuf::from(":memory:");
        let main = Connection::open_in_memory().map_err(|error| fault(&error, &path, Duration::ZERO))?;
        Self::prepare(main, path, None, settings)
    }

    /// Opens the store in this file, made on first use.
    pub fn open_file(path: &Path, own_folder: bool, settings: &Settings) -> Result<Self> {
        if ORPHANED.load(Ordering::Relaxed) {
            return Err(Error::StoreForked);
        }
        if own_folder {
            own_file::make_folder(own_file::folder_of(path)).map_err(|error| cannot_create(path, &error))?;
        }
        let identity = match Identity::of(path)? {
            Some(identity) => {
                refuse_foreign(path)?;
                identity
            }
            None => {
                // Processes that still have a removed file open would share its index with the new one.
                own_file::create(path, &["-wal", "-shm", "-journal"]).map_err(|error| cannot_create(path, &error))?;
                Identity::of(path)?.ok_or_else(|| Error::StoreUnreachable(path.to_owned()))?
            }
        };
        let access = Access::of(path).map_err(|_| Error::StoreUnreachable(path.to_owned()))?;
        // Another user's process that makes a file beside the store gives it to their group a moment later.
        let deadline = Instant::now() + settings.busy_timeout.min(SHARING_TAKES);
        let store = loop {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let main = Connection::open_with_flags(path, flags).map_err(|error| fault(&error, path, Duration::ZERO))?;
            // SQLite makes its files beside a read-only one read-only too, and they stay so when it's writable again.
            if main.is_readonly(rusqlite::MAIN_DB).unwrap_or(false) {
                return Err(Error::StoreReadOnly(path.to_owned()));
            }
            let prepared = Self::prepare(main, path.to_owned(), Some(identity), settings);
            match prepared.and_then(|store| if access.is_shared() { store.refuse_read_only_log() } else { Ok(store) }) {
                Err(Error::StoreUnreachable(_) | Error::StoreReadOnly(_))
                    if access.is_shared() && Instant::now() < deadline =>
                {
                    std::thread::sleep(Duration::from_millis(5));
                }
                done => break done?,
            }
        };
        for suffix in ["-wal", "-shm"] {
            access.adopt(&beside(path, suffix));
        }
        Ok(store)
    }

    /// Makes sure that the log can be written. SQLite opens one that isn't this user's group's yet for reading only, and
    /// says so to the first that writes, before it looks whether another does.
    fn refuse_read_only_log(self) -> Result<Self> {
        let fault = |error: rusqlite::Error| self.fault(&error);
        self.main.busy_timeout(Duration::ZERO).map_err(fault)?;
        let begun = self.begin();
        self.rollback();
        self.main.busy_timeout(self.busy_timeout).map_err(fault)?;
        match begun {
            Ok(()) | Err(Error::StoreLocked(..)) => Ok(self),
            Err(error) => Err(error),
        }
    }

    fn prepare(main: Connection, path: PathBuf, identity: Option<Identity>, settings: &Settings) -> Result<Self> {
        let busy_timeout = settings.busy_timeout;
        let store = Self {
            checkpointer: None,
            statements: Statements::default(),
            main,
            path,
            identity,
            busy_timeout,
            next_checkpoint: CHECKPOINT_PAGES,
            _counted: identity.map(|_| Counted::new()),
        };
        store.configure(settings).map_err(|error| store.fault(&error))?;
        store.migrate(MIGRATIONS)?;
        if store.identity.is_some() {
            store.use_write_ahead_log()?;
        }
        Ok(store)
    }

    fn configure(&self, settings: &Settings) -> rusqlite::Result<()> {
        self.main.busy_timeout(self.busy_timeout)?;
        // Until the file is known to be ours, closing it must not change it.
        self.main.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        self.main.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        let synchronous = match settings.durability {
            Durability::Full => "FULL",
            Durability::Normal => "NORMAL",
        };
        self.main.execute_batch(&format!(
            "PRAGMA synchronous = {synchronous};
             PRAGMA trusted_schema = OFF;
             PRAGMA temp_store = MEMORY;
             PRAGMA wal_autocheckpoint = 0;
             PRAGMA journal_size_limit = {LOG_LIMIT};"
        ))
    }

    /// Brings the file to the newest schema version. Several processes may try at once: one does it.
    fn migrate(&self, migrations: &[&str]) -> Result<()> {
        let newest = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
        if self.version(newest)? == newest {
            return Ok(());
        }
        self.begin()?;
        let done = self.run_steps(migrations, newest).and_then(|()| self.execute("COMMIT", &[]));
        if done.is_err() {
            self.rollback();
        }
        done
    }

    fn run_steps(&self, migrations: &[&str], newest: i64) -> Result<()> {
        let version = self.version(newest)?;
        for (step, number) in migrations.iter().zip(1..).skip(usize::try_from(version).unwrap_or(0)) {
            let marked = format!("{step}; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number};");
            self.main.execute_batch(&marked).map_err(|error| self.fault(&error))?;
        }
        Ok(())
    }

    /// The schema version of the file, 0 for an empty one.
    fn version(&self, newest: i64) -> Result<i64> {
        let version = self.pragma("user_version")?;
        match self.pragma("application_id")? {
            APPLICATION_ID if version > newest => Err(Error::StoreNewer(self.path.clone(), version, newest)),
            APPLICATION_ID if version >= 0 => Ok(version),
            0 if version == 0 && self.is_empty()? => Ok(0),
            _ => Err(Error::StoreForeign(self.path.clone())),
        }
    }

    fn is_empty(&self) -> Result<bool> {
        self.number("SELECT count(*) FROM sqlite_master").map(|tables| tables == 0)
    }

    fn pragma(&self, name: &str) -> Result<i64> {
        self.number(&format!("PRAGMA {name}"))
    }

    fn number(&self, sql: &str) -> Result<i64> {
        let mut number = 0;
        self.query(sql, &[], &mut |row| {
            number = row.int(0);
            false
        })?;
        Ok(number)
    }

    /// Switches to a write-ahead log, now that the file is known to be ours.
    fn use_write_ahead_log(&self) -> Result<()> {
        // SQLite doesn't wait by itself for the lock that the switch needs.
        let deadline = Instant::now() + self.busy_timeout;
        let mode = loop {
            match self.main.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0)) {
                Ok(mode) if mode == "wal" => break mode,
                Ok(_) => {}
                Err(error) => return Err(self.fault(&error)),
            }
            match self.main.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0)) {
                Ok(mode) => break mode,
                Err(error) if is_busy(&error) && Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(error) => return Err(self.fault(&error)),
            }
        };
        if mode != "wal" {
            return Err(Error::StoreWithoutWal(self.path.clone()));
        }
        self.main
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)
            .map_err(|error| self.fault(&error))?;
        self.main.wal_hook(Some(|_, pages| {
            LOG_PAGES.set(pages);
            Ok(())
        }));
        Ok(())
    }

    /// Copies the write-ahead log into the database once it has grown. It never runs beside a commit: SQLite before
    /// 3.51.3 can lose data when another connection commits meanwhile (sqlite.org/wal.html, "The WAL-Reset Bug"), so
    /// this connection holds the write lock while a second one copies. What fails here is tried again later.
    fn checkpoint_if_due(&mut self) {
        let pages = LOG_PAGES.get();
        if pages < CHECKPOINT_PAGES {
            self.next_checkpoint = CHECKPOINT_PAGES;
        } else if pages >= self.next_checkpoint && !self.is_memory() {
            // Readers may have kept part of it from being copied: not tried again with every commit.
            self.next_checkpoint = pages.saturating_add(CHECKPOINT_PAGES / 4);
            let _ = self.checkpoint(pages >= PATIENT_PAGES);
        }
    }

    fn checkpoint(&mut self, patient: bool) -> rusqlite::Result<()> {
        if !patient {
            self.main.busy_timeout(Duration::ZERO)?;
        }
        let locked = self.main.prepare_cached("BEGIN IMMEDIATE")?.execute([]);
        self.main.busy_timeout(self.busy_timeout)?;
        locked?;
        let copied = self.copy_log();
        self.main.prepare_cached("ROLLBACK")?.execute([])?;
        copied
    }

    fn copy_log(&mut self) -> rusqlite::Result<()> {
        let checkpointer = match &self.checkpointer {
            Some(connection) => connection,
            None => {
                let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                let connection = Connection::open_with_flags(&self.path, flags)?;
                connection.execute_batch("PRAGMA wal_autocheckpoint = 0")?;
                self.checkpointer.insert(connection)
            }
        };
        checkpointer.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
    }

    fn fault(&self, error: &rusqlite::Error) -> Error {
        fault(error, &self.path, self.busy_timeout)
    }
}

impl Engine for Sqlite {
    fn query(&self, sql: &str, values: &[Bind<'_>], read: &mut dyn FnMut(&dyn Row) -> bool) -> Result<()> {
        self.statements.run(&self.main, sql, values, read).map_err(|error| self.fault(&error))
    }

    fn execute(&self, sql: &str, values: &[Bind<'_>]) -> Result<()> {
        self.query(sql, values, &mut |_| true)
    }

    fn change(&self, sql: &str, values: &[Bind<'_>]) -> Result<usize> {
        self.execute(sql, values)?;
        Ok(usize::try_from(self.main.changes()).unwrap_or(usize::MAX))
    }

    fn insert(&self, sql: &str, values: &[Bind<'_>]) -> Result<RowId> {
        self.insert_now(sql, values).map(RowId::Known)
    }

    fn insert_now(&self, sql: &str, values: &[Bind<'_>]) -> Result<i64> {
        match self.statements.run(&self.main, sql, values, &mut |_| true) {
            Ok(()) => Ok(self.main.last_insert_rowid()),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => Err(Error::Taken),
            Err(error) => Err(self.fault(&error)),
        }
    }

    fn id(&self, row: RowId) -> i64 {
        match row {
            RowId::Known(id) => id,
            RowId::New => self.main.last_insert_rowid(),
        }
    }

    fn begin(&self) -> Result<()> {
        self.execute("BEGIN IMMEDIATE", &[])
    }

    fn commit(&mut self) -> Result<()> {
        self.execute("COMMIT", &[])?;
        self.checkpoint_if_due();
        Ok(())
    }

    fn rollback(&self) {
        if !self.main.is_autocommit() {
            // One that fails leaves nothing behind either: the connection is closed after such a fault.
            let _ = self.execute("ROLLBACK", &[]);
        }
    }

    fn version_of_others(&self) -> Result<i64> {
        if self.is_memory() { Ok(0) } else { self.number("PRAGMA data_version") }
    }

    /// A file that was removed or replaced would take credentials that nobody finds again.
    fn is_current(&self) -> bool {
        self.identity.is_none() || Identity::of(&self.path).is_ok_and(|found| found == self.identity)
    }

    fn is_memory(&self) -> bool {
        self.identity.is_none()
    }

    fn changes_so_far(&self) -> u64 {
        self.main.total_changes()
    }
}

impl Identity {
    /// The file at this path; `None` where there is none but could be one.
    fn of(path: &Path) -> Result<Option<Self>> {
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

/// Looks at a file without opening it for writing, so that one that isn't ours, or is newer, gets no log beside it.
/// `immutable` reads past locks and logs; where the answer isn't certain, the real opening decides.
fn refuse_foreign(path: &Path) -> Result<()> {
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
            let newest = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
            let newer = number("PRAGMA user_version").ok().filter(|&found| found > newest);
            return newer.map_or(Ok(()), |found| Err(Error::StoreNewer(path.to_owned(), found, newest)));
        }
        Ok(0) => !unfinished && number("SELECT count(*) FROM sqlite_master").is_ok_and(|tables| tables > 0),
        Ok(_) => true,
        Err(error) => !unfinished && error.sqlite_error_code() == Some(ErrorCode::NotADatabase),
    };
    if foreign { Err(Error::StoreForeign(path.to_owned())) } else { Ok(()) }
}

fn cannot_create(path: &Path, error: &std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::StoreFull(path.to_owned()),
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => Error::StoreReadOnly(path.to_owned()),
        ErrorKind::NotFound => Error::StoreFolderMissing(own_file::folder_of(path).to_owned()),
        _ => Error::StoreUnreachable(path.to_owned()),
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// What SQLite's fault means for whoever keeps the store. SQLite's own message isn't passed on: it may quote a value.
fn fault(error: &rusqlite::Error, path: &Path, busy_timeout: Duration) -> Error {
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
