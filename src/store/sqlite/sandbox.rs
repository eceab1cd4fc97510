//! What the sandbox does to a store in memory: it's shared with PDO, its tables grow, and it's made new again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, ffi};

use super::statement::Statements;
use super::{Sqlite, schema, whmcs};
use crate::error::Result;
use crate::store::fixture::Kind;

/// How often a store was shared.
static SHARED: AtomicU64 = AtomicU64::new(0);

/// What a store in memory has become by the sandbox.
#[derive(Default)]
pub struct Sandboxed {
    /// The name under which PDO reaches it.
    name: Option<String>,
    /// Whether a table has more columns than a new store's.
    is_grown: bool,
    /// A new store, made when one is needed.
    new: Option<Connection>,
}

impl Sandboxed {
    /// Whether other connections of this process may have it open.
    pub fn is_shared(&self) -> bool {
        self.name.is_some()
    }
}

impl Sqlite {
    /// Gives the store a name, under which every connection in this process finds it (sqlite.org/src/file/src/memdb.c),
    /// and the tables of WHMCS. Without a name, in memory of the connection's own, all is faster.
    pub(super) fn share_memory(&mut self) -> Result<String> {
        if let Some(name) = &self.sandboxed.name {
            return Ok(name.clone());
        }
        let name = format!("file:/localapi-sandbox-{}?vfs=memdb", SHARED.fetch_add(1, Ordering::Relaxed));
        let mut shared =
            Connection::open_with_flags(&name, OpenFlags::default()).map_err(|error| self.fault(&error))?;
        // SQLite copies into memory only where the pages are as long.
        let moved = schema::set_page_size(&shared, schema::PAGE_SIZE)
            .and_then(|()| copy(&self.main, &mut shared))
            .and_then(|()| whmcs::add_tables(&shared));
        moved.map_err(|error| self.fault(&error))?;
        // Those of the connection that goes.
        self.statements = Statements::default();
        self.main = shared;
        self.sandboxed = Sandboxed { name: Some(name.clone()), ..Sandboxed::default() };
        // Who has it locked is in this thread, and goes on when this call has returned.
        self.busy_timeout = Duration::ZERO;
        self.configure().map_err(|error| self.fault(&error))?;
        Ok(name)
    }

    /// Adds a column to a table. The name must be one.
    pub(super) fn add_column_to(&mut self, table: &str, column: &str, kind: Kind) -> Result<()> {
        self.sandboxed.is_grown = true;
        let definition = match kind {
            Kind::Number => "NUMERIC NOT NULL DEFAULT 0",
            Kind::Text => "TEXT NOT NULL DEFAULT ''",
            Kind::Null => "TEXT",
        };
        let sql = format!("ALTER TABLE {table} ADD COLUMN \"{column}\" {definition}");
        self.main.execute_batch(&sql).map_err(|error| self.fault(&error))
    }

    /// Makes all of it new, where others may have made or dropped tables, or where tables have grown; `false` elsewhere.
    pub(super) fn make_memory_new(&mut self) -> Result<bool> {
        let Sandboxed { name, is_grown, new } = &mut self.sandboxed;
        if name.is_none() && !*is_grown {
            return Ok(false);
        }
        let made = match new.take() {
            Some(made) => Ok(made),
            None => new_store(name.is_some()),
        };
        let copied = made.and_then(|made| copy(new.insert(made), &mut self.main));
        copied.map_err(|error| self.fault(&error))?;
        self.sandboxed.is_grown = false;
        Ok(true)
    }
}

fn new_store(with_tables_of_whmcs: bool) -> rusqlite::Result<Connection> {
    let new = Connection::open_in_memory()?;
    schema::set_page_size(&new, schema::PAGE_SIZE)?;
    schema::bring_up(&new, 0)?;
    if with_tables_of_whmcs {
        whmcs::add_tables(&new)?;
    }
    Ok(new)
}

/// Replaces the content of one database by another's.
fn copy(from: &Connection, to: &mut Connection) -> rusqlite::Result<()> {
    match Backup::new(from, to)?.step(-1)? {
        StepResult::Done => Ok(()),
        _ => Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None)),
    }
}
