//! What is kept, and the statements that read and write it.

mod api_credential;
#[cfg(test)]
mod conformance;
mod engine;
pub mod fixture;
mod mysql;
mod seed;
mod sqlite;
pub mod table;
#[cfg(test)]
pub mod test_server;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::iter;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::place::Place;
use crate::settings::Settings;
use engine::{Bind, Engine, Missing, Row};
use mysql::Mysql;
use sqlite::Sqlite;

pub use api_credential::{ApiCredential, NewApiCredential};
pub use engine::RowId;
pub use sqlite::note_fork;

/// The rows of `tbloauthserver_scopes`: what a token can name.
#[derive(Debug, Default)]
pub struct ScopeTable {
    ids: BTreeMap<String, i64>,
    /// Where a host's table has a name twice, credentials may have either id.
    names: BTreeMap<i64, String>,
}

impl ScopeTable {
    /// The id of a scope, compared byte for byte.
    pub fn id(&self, scope: &str) -> Option<i64> {
        self.ids.get(scope).copied()
    }

    /// The names of scopes, in the order of the table. One that has gone is left out.
    pub fn names(&self, ids: &[i64]) -> Vec<&str> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.iter().filter_map(|id| self.names.get(id)).map(String::as_str).collect()
    }
}

impl FromIterator<(String, i64)> for ScopeTable {
    fn from_iter<I: IntoIterator<Item = (String, i64)>>(rows: I) -> Self {
        let mut table = Self::default();
        for (name, id) in rows {
            table.names.insert(id, name.clone());
            table.ids.entry(name).and_modify(|known| *known = id.min(*known)).or_insert(id);
        }
        table
    }
}

/// How many scopes of a credential one statement inserts.
const SCOPES_AT_ONCE: usize = 8;

/// Cut shorter, it inserts fewer. A fault undoes the whole transaction: with FAIL, SQLite needs no journal to undo this
/// statement alone.
const INSERT_SCOPES: &str = "INSERT OR FAIL INTO tbloauthserver_client_scopes (client_id, scope_id) VALUES \
     (?1, ?2), (?1, ?3), (?1, ?4), (?1, ?5), (?1, ?6), (?1, ?7), (?1, ?8), (?1, ?9)";

/// A row of `tbladmins`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admin {
    /// Its id.
    pub id: i64,
    /// Whether it may no longer ask for anything.
    pub disabled: bool,
}

/// What a row of `tbloauthserver_clients` says of its credential, but for its identifier and its secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// The redirect URIs, joined by a space.
    pub redirect_uri: String,
    /// The grant type.
    pub grant_type: String,
    /// The owner's client id, or nothing.
    pub user_id: String,
    /// The service, or 0.
    pub service_id: i64,
    /// `name`.
    pub name: String,
    /// `description`.
    pub description: String,
    /// `logoUri`.
    pub logo_uri: String,
}

/// A stored credential.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credential {
    /// Its id.
    pub id: i64,
    /// `clientIdentifier`.
    pub identifier: String,
    /// The secret, sealed.
    pub secret: String,
    /// The rest.
    pub details: Details,
    /// The ids of its scopes, in no order.
    pub scopes: Vec<i64>,
    /// When it was created.
    pub created_at: String,
    /// When it was last changed.
    pub updated_at: String,
}

impl Credential {
    /// Whether another is the same row with the same content, whatever the order of its scopes is.
    pub fn is_same(&self, other: &Self) -> bool {
        let sorted = |credential: &Self| {
            let mut credential = credential.clone();
            credential.scopes.sort_unstable();
            credential
        };
        sorted(self) == sorted(other)
    }
}

/// The columns of a [`Credential`], in the order in which `credential` reads them.
const CREDENTIAL: &str = "SELECT c.id, c.identifier, c.secret, c.redirect_uri, c.grant_types, c.user_id, c.service_id, \
                          c.name, c.description, c.logo_uri, c.created_at, c.updated_at, (SELECT group_concat(scope_id) \
                          FROM tbloauthserver_client_scopes WHERE client_id = c.id) FROM tbloauthserver_clients c";

fn credential(row: &dyn Row) -> Credential {
    Credential {
        id: row.int(0),
        identifier: row.text(1),
        secret: row.text(2),
        details: Details {
            redirect_uri: row.text(3),
            grant_type: row.text(4),
            user_id: row.text(5),
            service_id: row.int(6),
            name: row.text(7),
            description: row.text(8),
            logo_uri: row.text(9),
        },
        created_at: row.text(10),
        updated_at: row.text(11),
        scopes: row.text(12).split(',').filter_map(|id| id.parse().ok()).collect(),
    }
}

/// What a list can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortField {
    /// `id`.
    Id,
    /// `name`.
    Name,
    /// `description`.
    Description,
    /// `grant_types`.
    GrantType,
    /// `identifier`.
    Identifier,
    /// `service_id`.
    ServiceId,
    /// `created_at`.
    CreatedAt,
    /// `updated_at`.
    UpdatedAt,
}

impl SortField {
    fn column(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Name => "name COLLATE BINARY",
            Self::Description => "description COLLATE BINARY",
            Self::GrantType => "grant_types COLLATE BINARY",
            Self::Identifier => "identifier COLLATE BINARY",
            Self::ServiceId => "service_id",
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
        }
    }
}

/// Which credentials a list has, and in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Only those with this grant type.
    pub grant_type: Option<&'static str>,
    /// Sorted by this, then by id.
    pub sort_field: SortField,
    /// From the greatest to the least.
    pub descending: bool,
    /// At most so many.
    pub limit: Option<i64>,
    /// Without the first so many.
    pub offset: i64,
}

/// One in so many credentials has its rank noted.
const RANKED: i64 = 1_000;

/// A line of `tblactivitylog`.
pub struct LogLine<'a> {
    /// When.
    pub date: &'a str,
    /// What kind of thing it's about,
    pub about: &'a str,
    /// which of them,
    pub id: RowId,
    /// and what became of it.
    pub what: &'a dyn Display,
    /// The admin's name, or `System`.
    pub user: &'a str,
    /// The client it's about, or 0.
    pub client: i64,
    /// The admin's id, or 0.
    pub admin: i64,
}

/// How often a store was opened.
static OPENED: AtomicU64 = AtomicU64::new(0);

/// The store and what is known of it.
pub struct Store {
    engine: Box<dyn Engine>,
    /// What the last look has found, until something changes.
    known: Option<Known>,
    /// The version that this connection's transaction began with: nobody else changes anything before it ends.
    locked: Option<Version>,
    /// Which of the stores that this process has opened this is.
    opened: u64,
    /// Whether calls share a transaction now.
    batch: bool,
    /// Whether it's copied, or a copy: then nothing is asked about that.
    copied: bool,
    /// How much had been changed when the store was last as a new one is: what the sandbox needs to know.
    unchanged_at: u64,
}

/// What a store was like when something was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    opened: u64,
    of_others: i64,
}

struct Known {
    version: Version,
    scopes: Rc<ScopeTable>,
    notes: BTreeMap<Note, String>,
}

/// What is found of a transaction whose commit had no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It's stored.
    Stored,
    /// It was undone.
    Undone,
    /// Another has changed the same since.
    Unknown,
}

impl Verdict {
    /// The verdict on what is there for certain once it's stored, and not before.
    pub fn stored_if(stored: bool) -> Self {
        if stored { Self::Stored } else { Self::Undone }
    }

    /// The verdict on a transaction by those on each change in it. One alone may be wrong: others change the same
    /// meanwhile.
    pub fn of_all(each: impl IntoIterator<Item = Self>) -> Self {
        let mut told = each.into_iter().filter(|verdict| *verdict != Self::Unknown);
        match told.next() {
            Some(first) if told.all(|verdict| verdict == first) => first,
            _ => Self::Unknown,
        }
    }
}

/// Looks what became of a transaction.
pub type Proof = Box<dyn Fn(&mut Store) -> Result<Verdict>>;

/// What became of a transaction.
pub enum Written<T> {
    /// It's stored.
    Surely(T),
    /// The server was lost before it answered the commit.
    Perhaps(T, Error),
}

/// What the store notes of itself, in `localapi_store`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// The id of the key that secrets are sealed with. None before the first.
    SealingKey,
    /// The id of the key that secrets are being resealed with, while that goes on.
    Rotation,
    /// What the store is being copied from, until that is finished.
    CopyOf,
    /// What tells it from any other, once it was copied. A copy doesn't have it.
    Identity,
}

impl Note {
    const ALL: [Self; 4] = [Self::SealingKey, Self::Rotation, Self::CopyOf, Self::Identity];

    fn name(self) -> &'static str {
        match self {
            Self::SealingKey => "sealing key",
            Self::Rotation => "rotation",
            Self::CopyOf => "copy of",
            Self::Identity => "identity",
        }
    }
}

/// The one place that knows which engines there are.
fn connect(place: &Place, settings: &Settings, missing: Missing) -> Result<Box<dyn Engine>> {
    Ok(match place {
        Place::Server(server) => Box::new(Mysql::open(server, settings, missing)?),
        Place::Memory => Box::new(Sqlite::open_memory(settings)?),
        Place::File { path, .. } if missing == Missing::Left && !path.exists() => {
            return Err(Error::StoreMissing(path.clone()));
        }
        Place::File { path, own_folder } => Box::new(Sqlite::open_file(path, *own_folder, settings)?),
    })
}

impl Store {
    /// Opens the store at this place, made on first use.
    pub fn open(place: &Place, settings: &Settings) -> Result<Self> {
        connect(place, settings, Missing::Made).map(Self::over)
    }

    fn over(engine: Box<dyn Engine>) -> Self {
        let unchanged_at = engine.changes_so_far();
        let opened = OPENED.fetch_add(1, Ordering::Relaxed);
        Self { engine, known: None, locked: None, opened, batch: false, copied: false, unchanged_at }
    }

    /// Whether the place still names what is open here.
    pub fn is_current(&self) -> bool {
        // What calls share a transaction is one store, whatever its place names by now.
        self.batch || self.engine.is_current()
    }

    /// Makes sure that what was read lasts: it may be another process's that isn't answered yet.
    pub fn make_last(&self) -> Result<()> {
        self.engine.make_last()
    }

    /// After a request: does what the next one needn't wait for.
    pub fn tidy(&mut self) {
        self.engine.tidy();
    }

    /// Whether the content ends with this value.
    pub fn is_memory(&self) -> bool {
        self.engine.is_memory()
    }

    /// What changes when another process has changed the store, or when it was opened again: what was read before may no
    /// longer hold.
    pub fn version(&self) -> Result<Version> {
        self.locked.map_or_else(|| Ok(Version { opened: self.opened, of_others: self.engine.version_of_others()? }), Ok)
    }

    /// Runs work in one transaction that has the write lock from its start; an error undoes it.
    pub fn write<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<Written<T>> {
        if self.batch {
            return self.write_in_batch(work).map(Written::Surely);
        }
        let begun = self.engine.begin().and_then(|()| self.lock_version()).and_then(|()| self.refuse_unfinished());
        let done = begun.and_then(|()| work(self)).and_then(|value| match self.engine.commit() {
            Ok(()) => Ok(Written::Surely(value)),
            Err(error @ Error::CommitUnanswered(_)) => Ok(Written::Perhaps(value, error)),
            Err(error) => Err(error),
        });
        self.locked = None;
        if !matches!(done, Ok(Written::Surely(_))) {
            self.engine.rollback();
            self.known = None;
        }
        done
    }

    /// What fails in a batch is undone alone.
    fn write_in_batch<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.engine.execute("SAVEPOINT localapi_call", &[])?;
        let done = work(self).and_then(|value| {
            self.engine.change("RELEASE SAVEPOINT localapi_call", &[])?;
            Ok(value)
        });
        let Err(error) = done else { return done };
        self.known = None;
        // Where this fails the transaction is gone already, and all that was done in it.
        match self.engine.change("ROLLBACK TO SAVEPOINT localapi_call", &[]) {
            Err(fault) if !error.undoes_transaction() => Err(fault),
            _ => Err(error),
        }
    }

    /// Begins the transaction that the calls of a batch share.
    pub fn begin_batch(&mut self) -> Result<()> {
        self.engine.begin()?;
        self.batch = true;
        let locked = self.lock_version().and_then(|()| self.refuse_unfinished());
        if locked.is_err() {
            self.roll_batch_back();
        }
        locked
    }

    /// Commits what the calls of a batch have written.
    pub fn commit_batch(&mut self) -> Result<()> {
        if !self.batch {
            // The connection that had it is gone: nothing is committed.
            return Err(Error::BatchLost);
        }
        let done = self.engine.commit();
        self.batch = false;
        if done.is_err() {
            self.roll_batch_back();
        }
        self.locked = None;
        done
    }

    /// Undoes what the calls of a batch have written.
    pub fn roll_batch_back(&mut self) {
        self.batch = false;
        self.locked = None;
        self.known = None;
        self.engine.rollback();
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
        if self.engine.is_remote() && !self.batch {
            self.engine.rollback();
        }
    }

    /// Whether the store is at a server.
    pub fn is_remote(&self) -> bool {
        self.engine.is_remote()
    }

    fn lock_version(&mut self) -> Result<()> {
        self.locked = Some(self.version()?);
        Ok(())
    }

    /// The scopes that a credential may have.
    pub fn scopes(&mut self) -> Result<Rc<ScopeTable>> {
        self.known().map(|known| Rc::clone(&known.scopes))
    }

    /// What the store notes of itself.
    pub fn note(&mut self, note: Note) -> Result<Option<String>> {
        self.known().map(|known| known.notes.get(&note).cloned())
    }

    /// What is cached, read again where another process has changed the store.
    fn known(&mut self) -> Result<&Known> {
        let version = self.version()?;
        let known = match self.known.take() {
            Some(known) if known.version == version => known,
            _ => {
                let notes = self.read_notes()?;
                self.refuse_copy(&notes)?;
                Known { version, scopes: Rc::new(self.read_scopes()?), notes }
            }
        };
        Ok(self.known.insert(known))
    }

    /// What is written into a copy before it's finished would be overwritten.
    fn refuse_unfinished(&mut self) -> Result<()> {
        let looked = self.known.as_ref().is_some_and(|known| Some(known.version) == self.locked);
        if looked || self.copied { Ok(()) } else { self.known().map(drop) }
    }

    fn refuse_copy(&self, notes: &BTreeMap<Note, String>) -> Result<()> {
        if notes.contains_key(&Note::CopyOf) && !self.copied { Err(Error::CopyUnfinished) } else { Ok(()) }
    }

    fn read_scopes(&self) -> Result<ScopeTable> {
        let rows =
            self.engine.rows("SELECT scope, id FROM tbloauthserver_scopes", &[], |row| (row.text(0), row.int(1)))?;
        Ok(rows.into_iter().collect())
    }

    fn read_notes(&self) -> Result<BTreeMap<Note, String>> {
        // A server locks what it's asked for, and other rows change more often.
        let names = Note::ALL.map(Note::name).map(Bind::Text);
        let sql = "SELECT name, value FROM localapi_store WHERE name IN (?1, ?2, ?3, ?4)";
        let rows = self.engine.rows(sql, &names, |row| (row.text(0), row.text(1)))?;
        let note = |name: &str| Note::ALL.into_iter().find(|note| note.name() == name);
        Ok(rows.into_iter().filter_map(|(name, value)| Some((note(&name)?, value))).collect())
    }

    /// Changes what the store notes of itself.
    pub fn set_note(&mut self, note: Note, value: Option<&str>) -> Result<()> {
        self.known = None;
        let name = Bind::Text(note.name());
        match value {
            Some(value) => {
                let sql = "REPLACE INTO localapi_store (name, value) VALUES (?1, ?2)";
                self.engine.execute(sql, &[name, Bind::Text(value)])
            }
            None => self.engine.execute("DELETE FROM localapi_store WHERE name = ?1", &[name]),
        }
    }

    /// Notes something for the first time: where another was faster, it fails as [`Error::Taken`].
    pub fn set_first_note(&mut self, note: Note, value: &str) -> Result<()> {
        self.known = None;
        let sql = "INSERT INTO localapi_store (name, value) VALUES (?1, ?2)";
        self.engine.execute(sql, &[Bind::Text(note.name()), Bind::Text(value)])
    }

    /// Whether any secret is sealed here.
    pub fn has_secrets(&self) -> Result<bool> {
        let found = self.engine.row("SELECT 1 FROM tbloauthserver_clients WHERE secret <> '' LIMIT 1", &[], |_| ())?;
        Ok(found.is_some())
    }

    /// The admin of this name.
    pub fn admin(&self, username: &str) -> Result<Option<Admin>> {
        let sql = "SELECT id, disabled FROM tbladmins WHERE username = ?1 COLLATE BINARY";
        self.engine.row(sql, &[Bind::Text(username)], |row| Admin { id: row.int(0), disabled: row.int(1) != 0 })
    }

    /// The client that owns a service: `None` without such a service, `Some(None)` without such a client.
    pub fn service_owner(&self, id: i64) -> Result<Option<Option<i64>>> {
        let sql = "SELECT c.id FROM tblhosting h LEFT JOIN tblclients c ON c.id = h.userid WHERE h.id = ?1";
        self.engine.row(sql, &[Bind::Int(id)], |row| row.int_or_null(0))
    }

    /// Inserts a credential. Where its identifier is taken this or the commit fails with [`Error::Taken`].
    pub fn insert_credential(&self, identifier: &str, secret: &str, new: &Details, now: &str) -> Result<RowId> {
        let sql = "INSERT INTO tbloauthserver_clients (identifier, secret, redirect_uri, grant_types, user_id, \
                   service_id, name, description, logo_uri, rsa_key_pair_id, created_at, updated_at) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, ?10)";
        let values = [
            Bind::Text(identifier),
            Bind::Text(secret),
            Bind::Text(&new.redirect_uri),
            Bind::Text(&new.grant_type),
            Bind::Text(&new.user_id),
            Bind::Int(new.service_id),
            Bind::Text(&new.name),
            Bind::Text(&new.description),
            Bind::Text(&new.logo_uri),
            Bind::Text(now),
        ];
        let id = self.engine.insert(sql, &values)?;
        if let RowId::Known(id) = id
            && id % RANKED == 0
        {
            self.rank(id)?;
        }
        Ok(id)
    }

    /// Notes how many credentials come before this one, which is the newest.
    fn rank(&self, id: i64) -> Result<()> {
        let sql = "INSERT INTO localapi_ranks (id, rank) VALUES (?1, ?2)";
        self.engine.execute(sql, &[Bind::Int(id), Bind::Int(self.count()? - 1)])
    }

    /// The credential with this id.
    pub fn credential(&self, id: i64) -> Result<Option<Credential>> {
        self.engine.row_to_change(&format!("{CREDENTIAL} WHERE c.id = ?1"), &[Bind::Int(id)], credential)
    }

    /// The credential with this identifier, compared byte for byte.
    pub fn credential_by_identifier(&self, identifier: &str) -> Result<Option<Credential>> {
        self.engine.row_to_change(
            &format!("{CREDENTIAL} WHERE c.identifier = ?1 COLLATE BINARY"),
            &[Bind::Text(identifier)],
            credential,
        )
    }

    /// The credential with this identifier, or where there is none any other: so that looking for one that isn't there
    /// costs the same. `None` only where there is no credential at all.
    pub fn credential_or_decoy(&self, identifier: &str) -> Result<Option<Credential>> {
        let sql = format!(
            "{CREDENTIAL}, (SELECT (SELECT id FROM tbloauthserver_clients WHERE identifier = ?1 COLLATE BINARY) AS found, \
             (SELECT max(id) FROM tbloauthserver_clients) AS decoy) AS ids WHERE c.id = coalesce(ids.found, ids.decoy)"
        );
        self.engine.row(&sql, &[Bind::Text(identifier)], credential)
    }

    /// The ids of a selection, in its order.
    pub fn ids(&self, selection: &Selection) -> Result<Vec<i64>> {
        if selection.sort_field == SortField::Id
            && selection.grant_type.is_none()
            && selection.offset > 0
            && !self.engine.is_remote()
        {
            return self.ids_behind(selection);
        }
        let (column, order) = (selection.sort_field.column(), if selection.descending { "DESC" } else { "ASC" });
        let (filter, grant_type) = match selection.grant_type {
            Some(grant_type) => ("grant_types = ?3 COLLATE BINARY", grant_type),
            None => ("?3 = ''", ""),
        };
        let sql = format!(
            "SELECT id FROM tbloauthserver_clients WHERE {filter} ORDER BY {column} {order}, id {order} LIMIT ?1 OFFSET ?2"
        );
        let limit = selection.limit.unwrap_or(i64::MAX);
        let values = [Bind::Int(limit), Bind::Int(selection.offset), Bind::Text(grant_type)];
        self.engine.rows(&sql, &values, |row| row.int(0))
    }

    /// The ids of all credentials in their order without the first so many, which aren't walked over.
    fn ids_behind(&self, selection: &Selection) -> Result<Vec<i64>> {
        let limit = selection.limit.unwrap_or(i64::MAX);
        let (first, limit) = if selection.descending {
            let behind = self.count()?.saturating_sub(selection.offset);
            let first = behind.saturating_sub(limit).max(0);
            (first, behind.saturating_sub(first))
        } else {
            (selection.offset, limit)
        };
        let sql = "SELECT id, rank FROM localapi_ranks WHERE rank <= ?1 ORDER BY rank DESC, id DESC LIMIT 1";
        let mark = self.engine.row(sql, &[Bind::Int(first)], |row| (row.int(0), row.int(1)))?;
        let (from, rank) = mark.unwrap_or((0, 0));
        let sql = "SELECT id FROM tbloauthserver_clients WHERE id >= ?1 ORDER BY id LIMIT ?2 OFFSET ?3";
        let values = [Bind::Int(from), Bind::Int(limit.max(0)), Bind::Int(first - rank)];
        let mut ids = self.engine.rows(sql, &values, |row| row.int(0))?;
        if selection.descending {
            ids.reverse();
        }
        Ok(ids)
    }

    /// How many credentials there are.
    fn count(&self) -> Result<i64> {
        let sql = "SELECT coalesce((SELECT rank FROM localapi_ranks ORDER BY id DESC LIMIT 1), 0) + count(*) \
                   FROM tbloauthserver_clients WHERE id >= coalesce((SELECT max(id) FROM localapi_ranks), 0)";
        Ok(self.engine.row(sql, &[], |row| row.int(0))?.unwrap_or(0))
    }

    /// The credentials with these ids, in the order of their ids. Those that are gone are left out.
    pub fn credentials(&self, ids: &[i64]) -> Result<Vec<Credential>> {
        let places = vec!["?"; ids.len()].join(", ");
        let values: Vec<Bind<'_>> = ids.iter().copied().map(Bind::Int).collect();
        self.engine.rows(&format!("{CREDENTIAL} WHERE c.id IN ({places}) ORDER BY c.id"), &values, credential)
    }

    /// Changes a credential's details.
    pub fn update_credential(&self, id: i64, new: &Details, now: &str) -> Result<()> {
        let sql = "UPDATE tbloauthserver_clients SET redirect_uri = ?2, grant_types = ?3, user_id = ?4, \
                   service_id = ?5, name = ?6, description = ?7, logo_uri = ?8, updated_at = ?9 WHERE id = ?1";
        let values = [
            Bind::Int(id),
            Bind::Text(&new.redirect_uri),
            Bind::Text(&new.grant_type),
            Bind::Text(&new.user_id),
            Bind::Int(new.service_id),
            Bind::Text(&new.name),
            Bind::Text(&new.description),
            Bind::Text(&new.logo_uri),
            Bind::Text(now),
        ];
        self.engine.execute(sql, &values)
    }

    /// Gives a credential another sealed secret.
    pub fn update_secret(&self, id: i64, secret: &str, now: &str) -> Result<()> {
        let sql = "UPDATE tbloauthserver_clients SET secret = ?2, updated_at = ?3 WHERE id = ?1";
        self.engine.execute(sql, &[Bind::Int(id), Bind::Text(secret), Bind::Text(now)])
    }

    /// Gives a credential the same secret sealed anew, unless it has changed meanwhile. Returns whether it did.
    pub fn reseal_secret(&self, id: i64, old: &str, new: &str) -> Result<bool> {
        let sql = "UPDATE tbloauthserver_clients SET secret = ?3 WHERE id = ?1 AND secret = ?2 COLLATE BINARY";
        let changed = self.engine.change(sql, &[Bind::Int(id), Bind::Text(old), Bind::Text(new)])?;
        Ok(changed > 0)
    }

    /// Credentials behind this id whose secrets are sealed with another key than this: `(id, identifier, secret)`.
    pub fn sealed_with_others(&self, key: &str, behind: i64, most: i64) -> Result<Vec<(i64, String, String)>> {
        let sql = "SELECT id, identifier, secret FROM tbloauthserver_clients \
                   WHERE id > ?1 AND secret <> '' AND secret NOT LIKE 'v1:' || ?2 || ':%' ORDER BY id LIMIT ?3";
        let values = [Bind::Int(behind), Bind::Text(key), Bind::Int(most)];
        self.engine.rows(sql, &values, |row| (row.int(0), row.text(1), row.text(2)))
    }

    /// Credentials behind this id that have secrets: `(id, identifier, secret)`.
    pub fn sealed_behind(&self, behind: i64, most: i64) -> Result<Vec<(i64, String, String)>> {
        let sql = "SELECT id, identifier, secret FROM tbloauthserver_clients \
                   WHERE id > ?1 AND secret <> '' ORDER BY id LIMIT ?2";
        let values = [Bind::Int(behind), Bind::Int(most)];
        self.engine.rows(sql, &values, |row| (row.int(0), row.text(1), row.text(2)))
    }

    /// Removes a credential and its scopes. Its id is never given again.
    pub fn delete_credential(&self, id: i64) -> Result<()> {
        self.delete_scopes(id)?;
        self.engine.execute("DELETE FROM tbloauthserver_clients WHERE id = ?1", &[Bind::Int(id)])
    }

    /// Takes a credential's scopes away.
    pub fn delete_scopes(&self, credential: i64) -> Result<()> {
        let sql = "DELETE FROM tbloauthserver_client_scopes WHERE client_id = ?1";
        self.engine.execute(sql, &[Bind::Int(credential)])
    }

    /// Gives a credential its scopes.
    pub fn insert_scopes(&self, credential: RowId, scopes: &[i64]) -> Result<()> {
        scopes.chunks(SCOPES_AT_ONCE).try_for_each(|scopes| {
            let values: Vec<Bind<'_>> =
                iter::once(Bind::Id(credential)).chain(scopes.iter().copied().map(Bind::Int)).collect();
            let end = INSERT_SCOPES.len() - (SCOPES_AT_ONCE - scopes.len()) * ", (?1, ?2)".len();
            self.engine.execute(INSERT_SCOPES.get(..end).unwrap_or(INSERT_SCOPES), &values)
        })
    }

    /// Writes a line into the activity log.
    pub fn log(&self, line: &LogLine<'_>) -> Result<()> {
        let sql = "INSERT INTO tblactivitylog (date, description, user, userid, admin_id, ipaddr) \
                   VALUES (?1, ?2, ?3, ?4, ?5, '')";
        let (start, end);
        let description = match line.id {
            RowId::Known(id) => {
                start = format!("{} {id} {}", line.about, line.what);
                Bind::Text(&start)
            }
            RowId::New => {
                (start, end) = (format!("{} ", line.about), format!(" {}", line.what));
                Bind::TextAround(&start, line.id, &end)
            }
        };
        let values =
            [Bind::Text(line.date), description, Bind::Text(line.user), Bind::Int(line.client), Bind::Int(line.admin)];
        self.engine.execute(sql, &values)
    }

    /// Notes that a service belongs to a client.
    pub fn register_service(&self, service: i64, client: i64, now: &str) -> Result<()> {
        let sql = "INSERT INTO tblclients (id, created_at, updated_at) VALUES (?1, ?2, ?2) ON CONFLICT (id) DO NOTHING";
        self.engine.execute(sql, &[Bind::Int(client), Bind::Text(now)])?;
        let sql = "INSERT INTO tblhosting (id, userid, created_at, updated_at) VALUES (?1, ?2, ?3, ?3) \
                   ON CONFLICT (id) DO UPDATE SET userid = excluded.userid, updated_at = excluded.updated_at";
        self.engine.execute(sql, &[Bind::Int(service), Bind::Int(client), Bind::Text(now)])
    }

    /// The description of a scope.
    pub fn scope_description(&self, scope: &str) -> Result<Option<String>> {
        let sql = "SELECT description FROM tbloauthserver_scopes WHERE scope = ?1 COLLATE BINARY";
        self.engine.row(sql, &[Bind::Text(scope)], |row| row.text(0))
    }

    /// Adds a scope, or gives one that is there another description.
    pub fn register_scope(&mut self, scope: &str, description: &str, now: &str) -> Result<()> {
        self.known = None;
        let sql = "INSERT INTO tbloauthserver_scopes (scope, description, created_at, updated_at) \
                   VALUES (?1, ?2, ?3, ?3) ON CONFLICT (scope) \
                   DO UPDATE SET description = excluded.description, updated_at = excluded.updated_at";
        self.engine.execute(sql, &[Bind::Text(scope), Bind::Text(description), Bind::Text(now)])
    }

    /// Adds an admin; one that is there stays as it is.
    pub fn register_admin(&self, username: &str, now: &str) -> Result<()> {
        let sql = "INSERT INTO tbladmins (username, created_at, updated_at) VALUES (?1, ?2, ?2) \
                   ON CONFLICT (username) DO NOTHING";
        self.engine.execute(sql, &[Bind::Text(username), Bind::Text(now)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(descending: bool, limit: Option<i64>, offset: i64) -> Selection {
        Selection { grant_type: None, sort_field: SortField::Id, descending, limit, offset }
    }

    fn insert(store: &Store, number: i64) -> i64 {
        let details = Details::default();
        store.id(store.insert_credential(&number.to_string(), "", &details, "").unwrap()).unwrap()
    }

    #[test]
    fn a_transaction_is_stored_or_undone_where_no_change_in_it_says_otherwise() {
        use Verdict::{Stored, Undone, Unknown};
        assert_eq!(Verdict::of_all([Stored, Unknown, Stored]), Stored);
        assert_eq!(Verdict::of_all([Unknown, Undone, Undone]), Undone);
        assert_eq!(Verdict::of_all([Unknown]), Unknown);
        // Another has deleted what was to be deleted, or what was created.
        assert_eq!(Verdict::of_all([Undone, Stored]), Unknown);
        assert_eq!(Verdict::of_all([Stored, Undone]), Unknown);
    }

    #[test]
    fn a_list_that_skips_many_begins_at_the_right_one_whatever_was_deleted() {
        let mut store = Store::open(&Place::Memory, &Settings::default()).unwrap();
        let changes = [
            "DELETE FROM tbloauthserver_clients WHERE id BETWEEN 990 AND 2010",
            "DELETE FROM tbloauthserver_clients WHERE id % 5 = 0",
            "DELETE FROM tbloauthserver_clients WHERE id < 300",
            "UPDATE tbloauthserver_clients SET id = 90500 WHERE id = 301",
        ];
        for change in changes {
            store
                .write(|store| {
                    let first =
                        store
                            .engine
                            .row("SELECT coalesce(max(id), 0) FROM tbloauthserver_clients", &[], |row| row.int(0))?;
                    for i in 1..2_600 {
                        insert(store, first.unwrap_or(0) + i);
                    }
                    store.engine.execute(change, &[])
                })
                .unwrap();
            let all = store.ids(&selection(false, None, 0)).unwrap();
            let back: Vec<i64> = all.iter().rev().copied().collect();
            for offset in [1, 2, 857, 858, 999, 1_000, 1_500, 2_900, all.len() - 1, all.len(), all.len() + 1] {
                for limit in [1, 10, all.len()] {
                    let part = |ids: &[i64]| ids.iter().skip(offset).take(limit).copied().collect::<Vec<_>>();
                    let (limit, offset) = (i64::try_from(limit).unwrap(), i64::try_from(offset).unwrap());
                    assert_eq!(store.ids(&selection(false, Some(limit), offset)).unwrap(), part(&all), "{change}");
                    assert_eq!(store.ids(&selection(true, Some(limit), offset)).unwrap(), part(&back), "{change}");
                }
            }
        }
    }

    #[test]
    fn ranks_are_noted_and_kept_true() {
        let mut store = Store::open(&Place::Memory, &Settings::default()).unwrap();
        let ranks = |store: &Store| {
            store.engine.rows("SELECT id, rank FROM localapi_ranks ORDER BY id", &[], |row| (row.int(0), row.int(1)))
        };
        store
            .write(|store| {
                for number in 1..=3_100 {
                    insert(store, number);
                }
                assert_eq!(ranks(store)?, [(1_000, 999), (2_000, 1_999), (3_000, 2_999)]);
                store.delete_credential(1_500)?;
                assert_eq!(ranks(store)?, [(1_000, 999), (2_000, 1_998), (3_000, 2_998)]);
                Ok(())
            })
            .unwrap();
    }
}
