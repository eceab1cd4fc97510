//! What is kept, and the statements that read and write it.

mod schema;
mod sqlite;

use std::collections::HashMap;
use std::rc::Rc;

use crate::error::Result;
use crate::place::Place;
use crate::settings::Settings;
use sqlite::{Bind, Sqlite};

pub use sqlite::note_fork;

/// The rows of `tbloauthserver_scopes`: what a token can name.
#[derive(Debug, Default)]
pub struct ScopeTable(HashMap<String, i64>);

impl ScopeTable {
    /// The id of a scope, compared byte for byte.
    pub fn id(&self, scope: &str) -> Option<i64> {
        self.0.get(scope).copied()
    }
}

impl FromIterator<(String, i64)> for ScopeTable {
    fn from_iter<I: IntoIterator<Item = (String, i64)>>(rows: I) -> Self {
        Self(rows.into_iter().collect())
    }
}

/// A row of `tbladmins`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admin {
    /// Its id.
    pub id: i64,
    /// Whether it may no longer ask for anything.
    pub disabled: bool,
}

/// A row of `tbloauthserver_clients` that is about to be inserted, but for its identifier and its sealed secret.
pub struct NewCredential<'a> {
    /// The redirect URIs, joined by a space.
    pub redirect_uri: &'a str,
    /// The grant type.
    pub grant_type: &'a str,
    /// The owner's client id, or nothing.
    pub user_id: &'a str,
    /// The service, or 0.
    pub service_id: i64,
    /// `name`.
    pub name: &'a str,
    /// `description`.
    pub description: &'a str,
    /// `logoUri`.
    pub logo_uri: &'a str,
    /// The time, twice: created and updated.
    pub now: &'a str,
}

/// A line of `tblactivitylog`.
pub struct LogLine<'a> {
    /// When.
    pub date: &'a str,
    /// What.
    pub description: &'a str,
    /// The admin's name, or `System`.
    pub user: &'a str,
    /// The client it's about, or 0.
    pub client: i64,
    /// The admin's id, or 0.
    pub admin: i64,
}

/// The store and what is known of it.
pub struct Store {
    engine: Sqlite,
    /// What the last look has found, until something changes.
    known: Option<Known>,
    /// The version that this connection's transaction began with: nobody else changes anything before it ends.
    locked: Option<i64>,
}

struct Known {
    version: i64,
    scopes: Rc<ScopeTable>,
    sealing_key: Option<String>,
}

impl Store {
    /// Opens the store at this place, made on first use.
    pub fn open(place: &Place, settings: &Settings) -> Result<Self> {
        Ok(Self { engine: Sqlite::open(place, settings)?, known: None, locked: None })
    }

    /// Whether the place still names what is open here.
    pub fn is_current(&self) -> bool {
        self.engine.is_current()
    }

    /// Whether the content ends with this value.
    pub fn is_memory(&self) -> bool {
        self.engine.is_memory()
    }

    /// A number that changes when another process has changed the store: what was read before may no longer hold.
    pub fn version(&self) -> Result<i64> {
        self.locked.map_or_else(|| self.engine.version_of_others(), Ok)
    }

    /// Runs work in one transaction that has the write lock from its start; an error undoes it.
    pub fn write<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.engine.begin()?;
        let done = self.lock_version().and_then(|()| work(self)).and_then(|value| {
            self.engine.commit()?;
            Ok(value)
        });
        self.locked = None;
        if done.is_ok() {
            self.engine.checkpoint_if_due();
        } else {
            self.engine.rollback();
            self.known = None;
        }
        done
    }

    fn lock_version(&mut self) -> Result<()> {
        self.locked = Some(self.engine.version_of_others()?);
        Ok(())
    }

    /// The scopes that a credential may have.
    pub fn scopes(&mut self) -> Result<Rc<ScopeTable>> {
        self.known().map(|known| Rc::clone(&known.scopes))
    }

    /// The id of the key that this store's secrets are sealed with; `None` before the first.
    pub fn sealing_key(&mut self) -> Result<Option<String>> {
        self.known().map(|known| known.sealing_key.clone())
    }

    /// What is cached, read again where another process has changed the store.
    fn known(&mut self) -> Result<&Known> {
        let version = self.version()?;
        let known = match self.known.take() {
            Some(known) if known.version == version => known,
            _ => Known { version, scopes: Rc::new(self.read_scopes()?), sealing_key: self.read_sealing_key()? },
        };
        Ok(self.known.insert(known))
    }

    fn read_scopes(&self) -> Result<ScopeTable> {
        let rows =
            self.engine.rows("SELECT scope, id FROM tbloauthserver_scopes", &[], |row| (row.text(0), row.int(1)))?;
        Ok(rows.into_iter().collect())
    }

    fn read_sealing_key(&self) -> Result<Option<String>> {
        self.engine.row("SELECT value FROM localapi_store WHERE name = 'sealing key'", &[], |row| row.text(0))
    }

    /// Notes the key that this store's secrets are sealed with.
    pub fn set_sealing_key(&mut self, id: &str) -> Result<()> {
        self.known = None;
        let sql = "REPLACE INTO localapi_store (name, value) VALUES ('sealing key', ?1)";
        self.engine.execute(sql, &[Bind::Text(id)]).map(drop)
    }

    /// Whether any secret is sealed here.
    pub fn has_secrets(&self) -> Result<bool> {
        let found = self.engine.row("SELECT 1 FROM tbloauthserver_clients WHERE secret <> '' LIMIT 1", &[], |_| ())?;
        Ok(found.is_some())
    }

    /// The admin of this name.
    pub fn admin(&self, username: &str) -> Result<Option<Admin>> {
        let sql = "SELECT id, disabled FROM tbladmins WHERE username = ?1";
        self.engine.row(sql, &[Bind::Text(username)], |row| Admin { id: row.int(0), disabled: row.int(1) != 0 })
    }

    /// The client that owns a service: `None` without such a service, `Some(None)` without such a client.
    pub fn service_owner(&self, id: i64) -> Result<Option<Option<i64>>> {
        let sql = "SELECT c.id FROM tblhosting h LEFT JOIN tblclients c ON c.id = h.userid WHERE h.id = ?1";
        self.engine.row(sql, &[Bind::Int(id)], |row| row.int_or_null(0))
    }

    /// Inserts a credential; `None` where its identifier is taken.
    pub fn insert_credential(&self, identifier: &str, sealed: &str, new: &NewCredential<'_>) -> Result<Option<i64>> {
        let sql = "INSERT INTO tbloauthserver_clients (identifier, secret, redirect_uri, grant_types, user_id, \
                   service_id, name, description, logo_uri, created_at, updated_at) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)";
        self.engine.insert(
            sql,
            &[
                Bind::Text(identifier),
                Bind::Text(sealed),
                Bind::Text(new.redirect_uri),
                Bind::Text(new.grant_type),
                Bind::Text(new.user_id),
                Bind::Int(new.service_id),
                Bind::Text(new.name),
                Bind::Text(new.description),
                Bind::Text(new.logo_uri),
                Bind::Text(new.now),
            ],
        )
    }

    /// Gives a credential its scopes.
    pub fn insert_scopes(&self, credential: i64, scopes: &[i64]) -> Result<()> {
        let sql = "INSERT INTO tbloauthserver_client_scopes (client_id, scope_id) VALUES (?1, ?2)";
        scopes
            .iter()
            .try_for_each(|&scope| self.engine.execute(sql, &[Bind::Int(credential), Bind::Int(scope)]).map(drop))
    }

    /// Writes a line into the activity log.
    pub fn log(&self, line: &LogLine<'_>) -> Result<()> {
        let sql = "INSERT INTO tblactivitylog (date, description, user, userid, admin_id) VALUES (?1, ?2, ?3, ?4, ?5)";
        let values = [
            Bind::Text(line.date),
            Bind::Text(line.description),
            Bind::Text(line.user),
            Bind::Int(line.client),
            Bind::Int(line.admin),
        ];
        self.engine.execute(sql, &values).map(drop)
    }

    /// Notes that a service belongs to a client.
    pub fn register_service(&self, service: i64, client: i64, now: &str) -> Result<()> {
        let sql = "INSERT INTO tblclients (id, created_at, updated_at) VALUES (?1, ?2, ?2) ON CONFLICT (id) DO NOTHING";
        self.engine.execute(sql, &[Bind::Int(client), Bind::Text(now)])?;
        let sql = "INSERT INTO tblhosting (id, userid, created_at, updated_at) VALUES (?1, ?2, ?3, ?3) \
                   ON CONFLICT (id) DO UPDATE SET userid = excluded.userid, updated_at = excluded.updated_at";
        self.engine.execute(sql, &[Bind::Int(service), Bind::Int(client), Bind::Text(now)]).map(drop)
    }

    /// The description of a scope.
    pub fn scope_description(&self, scope: &str) -> Result<Option<String>> {
        let sql = "SELECT description FROM tbloauthserver_scopes WHERE scope = ?1";
        self.engine.row(sql, &[Bind::Text(scope)], |row| row.text(0))
    }

    /// Adds a scope, or gives one that is there another description.
    pub fn register_scope(&mut self, scope: &str, description: &str, now: &str) -> Result<()> {
        self.known = None;
        let sql = "INSERT INTO tbloauthserver_scopes (scope, description, created_at, updated_at) \
                   VALUES (?1, ?2, ?3, ?3) ON CONFLICT (scope) \
                   DO UPDATE SET description = excluded.description, updated_at = excluded.updated_at";
        self.engine.execute(sql, &[Bind::Text(scope), Bind::Text(description), Bind::Text(now)]).map(drop)
    }

    /// Adds an admin; one that is there stays as it is.
    pub fn register_admin(&self, username: &str, now: &str) -> Result<()> {
        let sql = "INSERT INTO tbladmins (username, created_at, updated_at) VALUES (?1, ?2, ?2) \
                   ON CONFLICT (username) DO NOTHING";
        self.engine.execute(sql, &[Bind::Text(username), Bind::Text(now)]).map(drop)
    }
}
