//! What is kept: the store and its transactions. The statements are in the files of what they are about.

mod activity_log;
mod api_credential;
mod batch;
#[cfg(test)]
mod conformance;
mod credential;
mod engine;
pub mod fixture;
mod idempotency;
mod kept;
mod last_use;
mod lifetime;
#[cfg(feature = "mysql")]
mod mysql;
mod note;
mod registry;
mod scope;
mod seed;
mod selection;
mod sqlite;
pub mod table;
#[cfg(feature = "mysql")]
#[cfg(test)]
pub mod test_server;
#[cfg(not(feature = "mysql"))]
#[cfg(test)]
#[path = "no_test_server.rs"]
pub mod test_server;
#[cfg(test)]
pub mod test_sql;
mod verdict;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{CopyError, Error, Result, ServerError, StoreError};
use crate::place::Place;
use crate::settings::Settings;
use batch::Batch;
use engine::{Bind, DataVersion, Engine};
use kept::Kept;
use sqlite::Sqlite;

pub use activity_log::{About, LogLine};
pub use api_credential::{ApiCredential, NewApiCredential};
pub use credential::{Credential, Details};
pub use engine::{Missing, Purpose, RowId};
pub use idempotency::Remembered;
pub use lifetime::{Lifetime, Previous};
pub use note::Note;
pub use registry::Admin;
pub use scope::{Scope, ScopeTable};
pub use selection::{Filter, Selection, SortField};
pub use sqlite::{is_orphan, note_fork};
pub use verdict::{Proof, Verdict, Written};

/// What is private here, for `fuzz/`.
#[cfg(feature = "fuzzing")]
pub mod fuzz {
    pub use super::mysql::fuzz_dialect as dialect;
    pub use super::sqlite::fuzz_log as log;
}

/// How often a store was opened.
static OPENED: AtomicU64 = AtomicU64::new(0);

/// The store and what is known of it.
pub struct Store {
    engine: Box<dyn Engine>,
    /// What the last look has found, until something changes.
    known: Option<Known>,
    /// What the store was when this connection's transaction began: nobody else changes anything before it ends.
    locked: Option<Version>,
    /// What the transaction that goes on has sealed: the identifiers, and with which key.
    sealed: Vec<(String, String)>,
    /// The key that secrets were sealed with once the last transaction was committed, where others may change it.
    key_after_commit: Option<Option<String>>,
    /// Which of the stores that this process has opened this is.
    opened: u64,
    /// The transaction that calls share now.
    batch: Option<Batch>,
    /// Whether it's copied, or a copy: then nothing is asked about that.
    copied: bool,
    /// How much had been changed when the store was last as a new one is: what the sandbox needs to know.
    unchanged_at: Option<(u64, DataVersion)>,
}

/// What a store was when something was read: another one after everything that anybody commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    opened: u64,
    data: DataVersion,
}

struct Known {
    version: Version,
    scopes: Rc<ScopeTable>,
    notes: BTreeMap<Note, String>,
    /// The admins that were asked for.
    admins: Kept<Admin>,
    /// The credentials that were verified, with their secrets sealed. A transaction of this connection lets go of them.
    credentials: Kept<Rc<Credential>>,
}

/// The one place that knows which engines there are.
fn connect(place: &Place, settings: &Settings, missing: Missing) -> Result<Box<dyn Engine>> {
    Ok(match place {
        #[cfg(feature = "mysql")]
        Place::Server(server) => Box::new(mysql::Mysql::open(server, settings, missing)?),
        // There is no such place then.
        #[cfg(not(feature = "mysql"))]
        Place::Server(_) => return Err(ServerError::WithoutServers.into()),
        Place::Memory => Box::new(Sqlite::open_memory(settings)?),
        Place::File { path, named, own_folder } => {
            Box::new(Sqlite::open_file(path, named, *own_folder, missing, settings)?)
        }
    })
}

impl Store {
    /// Opens the store at this place.
    pub fn open(place: &Place, settings: &Settings, missing: Missing) -> Result<Self> {
        connect(place, settings, missing).map(Self::over)
    }

    fn over(engine: Box<dyn Engine>) -> Self {
        // Nobody else has it open, where that counts.
        let unchanged_at = Some((engine.changes_so_far(), DataVersion::Count(0)));
        let opened = OPENED.fetch_add(1, Ordering::Relaxed);
        Self {
            engine,
            known: None,
            locked: None,
            sealed: Vec::new(),
            key_after_commit: None,
            opened,
            batch: None,
            copied: false,
            unchanged_at,
        }
    }

    /// Whether the place still names what is open here.
    pub fn is_current(&self, purpose: Purpose) -> bool {
        // What calls share a transaction is one store, whatever its place names by now.
        self.batch.is_some() || self.engine.is_current(purpose)
    }

    /// Makes sure that what was read lasts: it may be another process's that isn't answered yet.
    pub fn make_last(&self) -> Result<()> {
        self.engine.make_last()
    }

    /// After a request: does what the next one needn't wait for.
    pub fn tidy(&mut self) {
        self.engine.tidy();
    }

    /// Frees what it can of a disk that is full. Whether that is worth to try again.
    pub fn make_room(&mut self) -> Result<bool> {
        self.engine.make_room()
    }

    /// Whether the content ends with this value.
    pub fn is_memory(&self) -> bool {
        self.engine.is_memory()
    }

    /// What changes when anybody has changed the store, or when it was opened again: what was read before may no longer
    /// hold. Inside a transaction it's that of its beginning.
    pub fn version(&self) -> Result<Version> {
        let now = || Ok(Version { opened: self.opened, data: self.engine.data_version()? });
        self.locked.map_or_else(now, Ok)
    }

    /// Runs work in one transaction that has the write lock from its start; an error undoes it.
    pub fn write<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<Written<T>> {
        if let Some(undoes_alone) = self.undoes_alone() {
            return self.write_in_batch(undoes_alone, work);
        }
        self.sealed.clear();
        let begun = self.engine.begin().and_then(|()| self.lock_version()).and_then(|()| self.refuse_unfinished());
        let done = begun.and_then(|()| work(self)).and_then(|value| match self.commit() {
            Ok(()) => Ok(Written::Surely(value)),
            Err(error @ (Error::Server(ServerError::CommitUnanswered(_)) | Error::Store(StoreError::Displaced(_)))) => {
                Ok(Written::Perhaps(value, error))
            }
            Err(error) => Err(error),
        });
        self.locked = None;
        if !matches!(done, Ok(Written::Surely(_))) {
            self.engine.rollback();
            self.known = None;
        }
        done
    }

    /// Commits, and looks what others have noted meanwhile: a server keeps nobody from that.
    fn commit(&mut self) -> Result<()> {
        let names = [Note::SealingKey, Note::CopyOf].map(Note::name);
        let mut notes = BTreeMap::new();
        self.key_after_commit = None;
        let sql = "SELECT name, value FROM localapi_store WHERE name IN (?1, ?2)";
        let made = self.engine.commit_and_query(sql, &names.map(Bind::Text), &mut |row| {
            notes.insert(row.text(0), row.text(1));
            true
        })?;
        // What was known in the transaction is known still where nobody else has committed since.
        if let (Some(known), Some(made)) = (&mut self.known, made)
            && Some(known.version) == self.locked
        {
            known.version.data = made;
        }
        let [key, copy] = names.map(|name| notes.remove(name));
        self.key_after_commit = Some(key);
        if copy.is_some() && !self.copied { Err(CopyError::Unfinished.into()) } else { Ok(()) }
    }

    /// Notes that the transaction that goes on has sealed the secret of this identifier with this key. Only at a server may
    /// another be in use by the time that it's stored.
    pub fn note_sealed(&mut self, identifier: &str, key: &str) {
        if self.is_remote() {
            self.sealed.push((identifier.to_owned(), key.to_owned()));
        }
    }

    /// The key that secrets are sealed with by now, and the identifiers of those that the last transaction has sealed with
    /// another.
    pub fn sealed_late(&mut self) -> Result<Option<(String, Vec<String>)>> {
        let sealed = std::mem::take(&mut self.sealed);
        if sealed.is_empty() {
            return Ok(None);
        }
        let key = match self.key_after_commit.take() {
            Some(key) => key,
            None => self.note(Note::SealingKey)?,
        };
        Ok(key.map(|now| {
            let late = sealed.into_iter().filter(|(_, key)| *key != now).map(|(identifier, _)| identifier).collect();
            (now, late)
        }))
    }

    /// The id of a row that was inserted, once that is committed; `None` where a server was lost with the answer.
    pub fn id(&self, row: RowId) -> Option<i64> {
        self.engine.id(row)
    }

    /// Asks at once what these reads will ask, where each would cost a round trip to a server; with `writes` in the
    /// transaction that will write. What they return means nothing yet.
    pub fn foresee(&mut self, writes: bool, reads: impl FnOnce(&mut Self)) -> Result<()> {
        if !self.engine.is_remote() {
            return Ok(());
        }
        self.engine.foresee();
        reads(self);
        self.known = None;
        self.engine.fetch(writes)
    }

    /// Reads what a server is asked for at once.
    pub fn read_at_once<T>(&mut self, read: impl Fn(&mut Self) -> Result<T>) -> Result<T> {
        let asked = self.foresee(false, |store| drop(read(store)));
        let found = asked.and_then(|()| read(self));
        self.settle();
        found
    }

    /// Ends what `foresee` has begun.
    pub fn settle(&mut self) {
        if self.engine.is_remote() && self.batch.is_none() {
            self.engine.rollback();
        }
    }

    /// Whether the store is at a server.
    pub fn is_remote(&self) -> bool {
        self.engine.is_remote()
    }

    fn lock_version(&mut self) -> Result<()> {
        self.locked = Some(self.version()?);
        self.forget_credentials();
        Ok(())
    }

    /// Forgets the credentials that are kept, where this connection may change them.
    fn forget_credentials(&mut self) {
        if let Some(known) = &mut self.known {
            known.credentials = Kept::default();
        }
    }

    /// The scopes that a credential may have.
    pub fn scopes(&mut self) -> Result<Rc<ScopeTable>> {
        self.known().map(|known| Rc::clone(&known.scopes))
    }

    /// What the store notes of itself.
    pub fn note(&mut self, note: Note) -> Result<Option<String>> {
        self.known().map(|known| known.notes.get(&note).cloned())
    }

    /// What is cached, read again where anybody else has changed the store.
    fn known(&mut self) -> Result<&mut Known> {
        let version = self.version()?;
        let known = match self.known.take() {
            Some(known) if known.version == version => known,
            _ => {
                let notes = self.read_notes()?;
                self.refuse_copy(&notes)?;
                Known {
                    version,
                    scopes: Rc::new(self.read_scopes()?),
                    notes,
                    admins: Kept::default(),
                    credentials: Kept::default(),
                }
            }
        };
        Ok(self.known.insert(known))
    }

    /// What `kept` has under a name, or what `read` finds, which is kept then: as long as nobody else changes the store. A
    /// server tells nobody that it was changed.
    fn keep<T: Clone>(
        &mut self,
        kept: impl Fn(&mut Known) -> &mut Kept<T>,
        name: &str,
        read: impl FnOnce(&Self) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        if self.engine.is_remote() {
            return read(self);
        }
        if let Some(found) = kept(self.known()?).get(name) {
            return Ok(Some(found));
        }
        let found = read(self)?;
        // That was read after the version that is known. Were it another one by now, this would be read again.
        if let (Some(known), Some(found)) = (&mut self.known, &found) {
            kept(known).put(name, found.clone());
        }
        Ok(found)
    }

    /// What is written into a copy before it's finished would be overwritten.
    fn refuse_unfinished(&mut self) -> Result<()> {
        let looked = self.known.as_ref().is_some_and(|known| Some(known.version) == self.locked);
        if looked || self.copied { Ok(()) } else { self.known().map(drop) }
    }

    fn refuse_copy(&self, notes: &BTreeMap<Note, String>) -> Result<()> {
        if notes.contains_key(&Note::CopyOf) && !self.copied { Err(CopyError::Unfinished.into()) } else { Ok(()) }
    }
}
