//! How SQLite runs a statement: one connection to one file, or to memory.

mod ahead;
mod checkpoint;
mod fault;
mod file;
mod folder;
mod gate;
mod in_use;
mod log;
mod sandbox;
pub mod schema;
#[cfg(test)]
mod simulator;
mod statement;
mod turn;
mod whmcs;

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, ffi};

use self::ahead::Length;
use self::checkpoint::{Room, Thresholds};
use self::fault::{fault, is_busy, system_error};
use self::file::{Counted, INDEX, Identity, LOG, Log, Named, cannot_create, connect, flush_folder};
pub use self::file::{is_orphan, note_fork};
use self::folder::Names;
use self::gate::{Cut, Doubts, Gate};
pub use self::log::IndexHeader;
#[cfg(feature = "fuzzing")]
pub use self::log::fuzz as fuzz_log;
use self::sandbox::Sandboxed;
use self::schema::APPLICATION_ID;
use self::statement::Statements;
use super::engine::{Bind, DataVersion, Engine, Missing, Purpose, Row, RowId};
use super::fixture::Kind;
use crate::error::{Error, Result, StoreError};
use crate::own_file::{self, Access, beside};
use crate::settings::{Durability, Settings};

/// What stays of a write-ahead log that grew larger, in bytes.
const LOG_LIMIT: i64 = 64 << 20;

/// What the gate's name ends with, after the store's.
const GATE: &str = "-gate";

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
    /// As the host has named it.
    named: PathBuf,
    /// The file that `main` has open; `None` for memory.
    identity: Option<Identity>,
    /// Its log.
    log: Option<Log>,
    /// How long its file is.
    length: Cell<Length>,
    /// What tells readers that the names of both mean them still.
    names: Names,
    /// Where those who write to the file queue.
    gate: Option<Gate>,
    /// What was in doubt when it was opened.
    doubts: Option<Doubts>,
    durability: Durability,
    busy_timeout: Duration,
    thresholds: Thresholds,
    room: Room,
    /// What was committed, as far as it's known that all of it lasts.
    lasting: Cell<Option<DataVersion>>,
    /// How often it couldn't be told what is committed.
    untold: Cell<u64>,
    /// For how long nobody had written when this connection first committed since the last request.
    quiet: Option<Duration>,
    sandboxed: Sandboxed,
    // Last: the count goes down when the connections are closed.
    _counted: Counted,
}

impl Sqlite {
    /// A store in memory.
    pub fn open_memory(settings: &Settings) -> Result<Self> {
        let _opening = Counted::new()?;
        let path = Path::new(":memory:");
        let main = Connection::open_in_memory().map_err(|error| fault(&error, None, path, Duration::ZERO))?;
        Self::prepare(main, [path; 2], None, Missing::Made, settings)
    }

    /// Opens the store in this file.
    pub fn open_file(
        path: &Path,
        named: &Path,
        own_folder: bool,
        missing: Missing,
        settings: &Settings,
    ) -> Result<Self> {
        let _opening = Counted::new()?;
        let cannot = |error: io::Error| match cannot_create(path, &error, settings.busy_timeout) {
            Error::Store(StoreError::ReadOnly(path) | StoreError::Unreachable(path)) if own_folder => {
                Error::Store(StoreError::HomeUnusable(path))
            }
            error => error,
        };
        if own_folder && missing == Missing::Made {
            own_file::make_folder(own_file::folder_of(path)).map_err(cannot)?;
        }
        let fault = |error: rusqlite::Error| {
            // A connection that isn't there tells nothing; what else can be said of the file tells it.
            fault(&error, own_file::hold(path).err().as_ref(), path, Duration::ZERO)
        };
        let found = match Identity::of(path) {
            Err(Error::Store(StoreError::FolderMissing(_))) if own_folder => None,
            found => found?,
        };
        let (identity, is_ours) = match found {
            Some(identity) => (identity, file::refuse_foreign(path)?),
            None if missing != Missing::Made => return Err(StoreError::Missing(path.to_owned()).into()),
            None => {
                let new = schema::new_file().map_err(fault)?;
                // Processes that still have a removed file open would share its index with the new one.
                own_file::create(path, &new, &[LOG, INDEX, "-journal"], settings.busy_timeout).map_err(cannot)?;
                (Identity::of(path)?.ok_or_else(|| StoreError::Unreachable(path.to_owned()))?, true)
            }
        };
        let prepare = || Self::prepare(connect(path).map_err(fault)?, [path, named], Some(identity), missing, settings);
        if !is_ours {
            // Then nothing is made beside it before it's known to be.
            drop(prepare()?);
        }
        let access = Access::of(path).map_err(|_| StoreError::Unreachable(path.to_owned()))?;
        // Another user's process that makes a file beside the store gives it to their group a moment later.
        let sharing = Instant::now() + settings.busy_timeout.min(SHARING_TAKES);
        let deadline = Instant::now() + settings.busy_timeout;
        loop {
            let named = Named::of(path).map_err(cannot)?;
            for suffix in [LOG, INDEX] {
                access.adopt(&beside(path, suffix));
            }
            let mut store = match prepare().and_then(Self::use_write_ahead_log) {
                Err(Error::Store(StoreError::Unreachable(_) | StoreError::ReadOnly(_)))
                    if access.is_shared() && Instant::now() < sharing =>
                {
                    std::thread::sleep(Duration::from_millis(5));
                    continue;
                }
                prepared => prepared?,
            };
            store.log = named.opened(settings.busy_timeout).map_err(cannot)?;
            if store.log.is_some() {
                return store.flush_log_later();
            }
            if Instant::now() >= deadline {
                return Err(StoreError::Displaced(path.to_owned()).into());
            }
            log::pause();
        }
    }

    fn prepare(
        main: Connection,
        [path, named]: [&Path; 2],
        identity: Option<Identity>,
        missing: Missing,
        settings: &Settings,
    ) -> Result<Self> {
        let busy_timeout = settings.busy_timeout;
        // SQLite makes its files beside a read-only one read-only too, and they stay so when it's writable again.
        if main.is_readonly(rusqlite::MAIN_DB).unwrap_or(false) {
            return Err(StoreError::ReadOnly(path.to_owned()).into());
        }
        let mut store = Self {
            checkpointer: None,
            statements: Statements::default(),
            main,
            path: path.to_owned(),
            named: named.to_owned(),
            identity,
            log: None,
            length: Cell::default(),
            names: Names::default(),
            gate: None,
            doubts: None,
            durability: settings.durability,
            busy_timeout,
            thresholds: Thresholds::of_pages(schema::PAGE_SIZE),
            room: Room::default(),
            lasting: Cell::new(None),
            untold: Cell::new(0),
            quiet: None,
            sandboxed: Sandboxed::default(),
            _counted: Counted::new()?,
        };
        store.configure().map_err(|error| store.fault(&error))?;
        if missing == Missing::Refused && store.version()? == 0 {
            return Err(StoreError::Missing(path.to_owned()).into());
        }
        store.migrate()?;
        let page = u32::try_from(store.pragma("page_size")?).unwrap_or(schema::PAGE_SIZE);
        store.thresholds = Thresholds::of_pages(page);
        Ok(store)
    }

    fn configure(&self) -> rusqlite::Result<()> {
        self.main.busy_timeout(self.busy_timeout)?;
        // Until the file is known to be ours, closing it must not change it.
        self.main.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        self.main.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        schema::set_page_size(&self.main, schema::PAGE_SIZE)?;
        self.main.execute_batch(&format!(
            "PRAGMA synchronous = FULL;
             PRAGMA trusted_schema = OFF;
             PRAGMA temp_store = MEMORY;
             PRAGMA wal_autocheckpoint = 0;
             PRAGMA journal_size_limit = {LOG_LIMIT};"
        ))
    }

    /// Brings the file to the newest schema version. Several processes may try at once: one does it.
    fn migrate(&self) -> Result<()> {
        if self.version()? == schema::VERSION {
            return Ok(());
        }
        self.begin()?;
        let done = self.bring_up().and_then(|()| self.execute("COMMIT", &[]));
        if done.is_err() {
            self.rollback();
        }
        done
    }

    fn bring_up(&self) -> Result<()> {
        match self.version()? {
            schema::VERSION => Ok(()),
            version => schema::bring_up(&self.main, version).map_err(|error| self.fault(&error)),
        }
    }

    /// The schema version of the file, 0 for an empty one.
    fn version(&self) -> Result<i64> {
        let version = self.pragma("user_version")?;
        match self.pragma("application_id")? {
            APPLICATION_ID if version > schema::VERSION => {
                Err(StoreError::Newer(self.path.clone(), version, schema::VERSION).into())
            }
            APPLICATION_ID if version >= 0 => Ok(version),
            0 if version == 0 && self.is_empty()? => Ok(0),
            _ => Err(StoreError::Foreign(self.path.clone()).into()),
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
    fn use_write_ahead_log(self) -> Result<Self> {
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
            return Err(StoreError::WithoutWal(self.path.clone()).into());
        }
        // What is read opens the log and its index.
        self.pragma("user_version")?;
        // SQLite opens a log that isn't this user's group's yet for reading only, and says so to the first that writes,
        // before it looks whether another does.
        let locked = self.lock(Duration::ZERO);
        self.rollback();
        match locked {
            Ok(()) | Err(Error::Store(StoreError::Locked(..))) => {}
            Err(error) => return Err(error),
        }
        log::keep(&self.main).map_err(|error| self.fault(&error))?;
        self.main
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)
            .map_err(|error| self.fault(&error))?;
        checkpoint::count_pages(&self.main);
        Ok(self)
    }

    /// From now on a commit itself flushes nothing: the log is flushed when the next writer has its turn already.
    fn flush_log_later(mut self) -> Result<Self> {
        let cannot = |path: &Path, error: &io::Error| cannot_create(path, error, self.busy_timeout);
        flush_folder(&self.path).map_err(|error| cannot(&self.path, &error))?;
        let gate = beside(&self.path, GATE);
        let gate = Gate::open(&gate).map_err(|error| cannot(&gate, &error))?;
        // Pages that come to the log before their commit are written over there. Where a savepoint is rolled back in between
        // SQLite 3.40 may get a checksum wrong, and a crash takes what was committed. No transaction here is large.
        self.main
            .execute_batch("PRAGMA synchronous = NORMAL; PRAGMA cache_spill = OFF")
            .map_err(|error| self.fault(&error))?;
        self.doubts = Some(self.doubts_at(&gate)?);
        self.gate = Some(gate);
        Ok(self)
    }

    /// Whether the log is still the one that its name means: what is committed to another is lost.
    fn require_named_log(&self) -> Result<()> {
        match &self.log {
            Some(log) if !log.is_named() => Err(StoreError::Displaced(self.path.clone()).into()),
            _ => Ok(()),
        }
    }

    /// Whether the place names what this connection has open.
    fn is_named(&self) -> bool {
        Identity::of(&self.named).is_ok_and(|found| found == self.identity) && self.require_named_log().is_ok()
    }

    /// Whether no flush has failed since this connection was opened, and none was made good.
    fn is_certain(&self) -> bool {
        self.gate.as_ref().and_then(|gate| gate.doubts().ok()) == self.doubts
    }

    fn doubts_at(&self, gate: &Gate) -> Result<Doubts> {
        gate.doubts().map_err(|Cut| StoreError::GateCut(beside(&self.path, GATE)).into())
    }

    /// Writes again what a flush that failed has left in doubt, whoever met that: what is committed next comes behind it.
    /// This connection has the write lock. Returns what is in doubt no more.
    fn mend(&self) -> Result<Option<Doubts>> {
        let Some(gate) = &self.gate else { return Ok(None) };
        let mut doubts = self.doubts_at(gate)?;
        if doubts.remain() {
            log::write_again(&self.main, self.busy_timeout).map_err(|error| self.fault(&error))?;
            gate.resolve(doubts);
            doubts = self.doubts_at(gate)?;
        }
        Ok(Some(doubts))
    }

    /// Makes what was committed last.
    fn flush_log(&self) -> Result<()> {
        let Some(gate) = self.gate.as_ref().filter(|_| self.durability == Durability::Full) else { return Ok(()) };
        let unflushed = |()| Error::Store(StoreError::Unflushed(self.path.clone()));
        log::flush(&self.main).map_err(|_| {
            gate.doubt();
            unflushed(())
        })?;
        if !gate.is_in_doubt() {
            return Ok(());
        }
        // Another's flush has failed, of what comes before this perhaps.
        let mended = self.lock_in_turn().and_then(|()| self.mend());
        self.rollback();
        mended.map(drop).map_err(|_| unflushed(()))
    }

    /// Commits. The version that this has made; `None` where others may have committed since.
    fn commit_now(&self) -> Result<Option<DataVersion>> {
        let before = self.data_version()?;
        self.lengthen_log(&before);
        let pages = checkpoint::pages_after(|| self.execute("COMMIT", &[]))?;
        Ok(match (before, self.data_version()?) {
            (DataVersion::Log(before), made @ DataVersion::Log(after)) => {
                after.is_commit_after(&before, pages).then_some(made)
            }
            (DataVersion::Count(_), _) if self.is_memory() => Some(before),
            _ => None,
        })
    }

    fn roll_back_now(&self) {
        if !self.main.is_autocommit() {
            // One that fails leaves nothing behind either: the connection is closed after such a fault.
            let _ = self.execute("ROLLBACK", &[]);
        }
    }

    fn fault(&self, error: &rusqlite::Error) -> Error {
        let code = error.sqlite_error().map(|error| error.extended_code);
        if let (Some(gate), Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC)) = (&self.gate, code) {
            gate.doubt();
        }
        if self.sandboxed.is_shared() && is_busy(error) {
            return Error::Store(StoreError::HeldByPdo);
        }
        fault(error, system_error(error, &self.main).as_ref(), &self.path, self.busy_timeout)
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
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                Err(StoreError::Taken.into())
            }
            Err(error) => Err(self.fault(&error)),
        }
    }

    fn id(&self, row: RowId) -> Option<i64> {
        Some(match row {
            RowId::Known(id) => id,
            RowId::New => self.main.last_insert_rowid(),
        })
    }

    fn begin(&self) -> Result<()> {
        let begun = self.lock_in_turn().and_then(|()| self.mend()).and_then(|doubts| {
            // What was read before is kept as long as nobody else commits, and may have been wrong.
            if doubts == self.doubts { Ok(()) } else { Err(StoreError::Contended(self.path.clone().into()).into()) }
        });
        if begun.is_err() {
            self.rollback();
        }
        begun
    }

    fn commit(&mut self) -> Result<Option<DataVersion>> {
        let made = self.commit_now()?;
        let lasts = self.checkpoint_if_due();
        if let Some(gate) = &self.gate {
            let quiet = gate.leave_after_write();
            self.quiet.get_or_insert(quiet);
        }
        if !lasts {
            self.flush_log()?;
        }
        self.require_named_log()?;
        if made.is_some() {
            self.lasting.set(made);
        }
        Ok(made)
    }

    fn begin_at_once(&self) -> Result<bool> {
        // Who waits comes first, and what is in doubt is mended by who needs it.
        let is_awaited = |gate: &Gate| gate.is_awaited() || gate.is_in_doubt();
        if self.gate.as_ref().is_some_and(is_awaited) || !self.is_certain() || !self.enter_gate(Duration::ZERO)? {
            return Ok(false);
        }
        let locked = self.try_lock();
        if !matches!(locked, Ok(true)) {
            self.leave_gate();
        }
        locked
    }

    fn commit_unflushed(&mut self) -> Result<()> {
        self.execute("COMMIT", &[])?;
        self.checkpoint_if_due();
        if let Some(gate) = &self.gate {
            let quiet = gate.leave_after_write();
            self.quiet.get_or_insert(quiet);
        }
        Ok(())
    }

    fn rollback(&self) {
        self.roll_back_now();
        self.leave_gate();
    }

    fn data_version(&self) -> Result<DataVersion> {
        if self.is_memory() {
            // Only PDO may change it meanwhile.
            let count = if self.sandboxed.is_shared() { self.number("PRAGMA data_version")? } else { 0 };
            return Ok(DataVersion::Count(count.unsigned_abs()));
        }
        let header = IndexHeader::of(&self.main).map_err(|error| self.fault(&error))?;
        Ok(header.map_or_else(
            || {
                // Somebody changes it at this moment, or has died doing so: what was read before may have changed.
                self.untold.set(self.untold.get() + 1);
                DataVersion::Count(self.untold.get())
            },
            DataVersion::Log,
        ))
    }

    fn make_last(&self) -> Result<()> {
        if self.is_memory() {
            return Ok(());
        }
        // What this connection has committed itself was flushed, and all before it with that.
        let now = Some(self.data_version()?);
        if self.lasting.get() != now {
            self.flush_log()?;
            self.require_named_log()?;
            self.lasting.set(now);
        }
        Ok(())
    }

    fn columns(&self, table: &str) -> Result<Vec<String>> {
        let mut columns = Vec::new();
        self.query(&format!("PRAGMA table_info({table})"), &[], &mut |row| {
            columns.push(row.text(1));
            true
        })?;
        Ok(columns)
    }

    fn last_id(&self, table: &str) -> Result<i64> {
        self.number(&format!("SELECT seq FROM sqlite_sequence WHERE name = '{table}'"))
    }

    /// A file that was removed or replaced would take credentials that nobody finds again.
    fn is_current(&self, purpose: Purpose) -> bool {
        // A link that leads there may come to lead elsewhere without a change of the folder.
        let by_folder = purpose == Purpose::Read && self.named == self.path;
        let is_named = || {
            if by_folder {
                self.names.hold(own_file::folder_of(&self.path), Instant::now(), || self.is_named())
            } else {
                self.is_named()
            }
        };
        self.is_memory() || self.is_certain() && is_named()
    }

    fn is_memory(&self) -> bool {
        self.identity.is_none()
    }

    fn share(&mut self) -> Result<String> {
        if self.is_memory() { self.share_memory() } else { Err(StoreError::NotInMemory.into()) }
    }

    fn add_column(&mut self, table: &str, column: &str, kind: Kind) -> Result<()> {
        self.add_column_to(table, column, kind)
    }

    fn make_new(&mut self) -> Result<bool> {
        self.make_memory_new()
    }

    fn changes_so_far(&self) -> u64 {
        self.main.total_changes()
    }

    fn tidy(&mut self) {
        self.checkpoint_if_quiet();
    }

    fn make_room(&mut self) -> Result<bool> {
        if self.is_memory() { Ok(false) } else { self.cut_log() }
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        // The last connection that closes copies the log into the database. Not one that is in doubt, and not into what
        // has become another's.
        let in_doubt = self.gate.as_ref().is_some_and(Gate::is_in_doubt);
        if in_doubt || self.require_named_log().is_err() {
            for connection in [Some(&self.main), self.checkpointer.as_ref()].into_iter().flatten() {
                let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
            }
        }
        // Then this isn't one of those that have the store in use any more.
        self.log = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_comes_to_the_log_before_its_commit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let mut store = Sqlite::open_file(&path, &path, false, Missing::Made, &Settings::default()).unwrap();
        let length = || std::fs::metadata(beside(&path, LOG)).unwrap().len();
        let before = length();
        store.begin().unwrap();
        // More than SQLite keeps of other transactions.
        let sql = "INSERT INTO tbloauthserver_clients (identifier, description) VALUES (hex(randomblob(8)), ?1)";
        for _ in 0..5_000 {
            store.execute(sql, &[Bind::Text(&"x".repeat(1_000))]).unwrap();
        }
        assert_eq!(length(), before);
        store.commit().unwrap();
        assert!(length() > before + (5 << 20));
    }
}
