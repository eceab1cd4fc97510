//! The sandbox's store: rows as a test chooses them, and all of it empty again.

use crate::error::{Error, Result};
use crate::registry::{admin_name, register_scope};
use crate::session::Session;
use crate::store::Store;
use crate::store::fixture::{Columns, Table};

/// Empties the store, and ends what a seed has begun. A store that wasn't opened stays closed. Does nothing outside the
/// sandbox.
pub fn reset(session: &Session) -> Result<()> {
    if !session.settings().is_sandbox() {
        return Ok(());
    }
    session.seed(None);
    session.travel(None)?;
    let done = session.with_open_store(Store::reset).unwrap_or(Ok(()));
    if done.is_err() {
        session.let_go(|_| true, drop);
    }
    done
}

/// Moves the clock by so many seconds: what expires meanwhile has expired then.
pub fn travel(session: &Session, seconds: i64) -> Result<()> {
    let beyond = |_| Error::Argument { position: 1, must: "a number of seconds to a time from 1970 to 9999" };
    session.travel(Some(seconds)).map_err(beyond)
}

/// Puts a row into a table and returns its id. `argument` is where the caller gave the columns.
pub fn add_row(session: &Session, table: Table, argument: u32, mut columns: Columns) -> Result<i64> {
    let now = session.now()?;
    for time in ["created_at", "updated_at"] {
        if columns.iter().all(|(name, _)| name != time) {
            columns.push((time.to_owned(), now.clone()));
        }
    }
    session.begin_call();
    session.read(|store| store.add_row(table, argument, &columns))
}

/// Adds an admin, or gives the one that is there these columns. Returns the id.
pub fn add_admin(session: &Session, username: &[u8], mut columns: Columns) -> Result<i64> {
    let username = admin_name(username)?.to_owned();
    columns.push(("username".to_owned(), username));
    add_row(session, Table::Admins, 2, columns)
}

/// Adds a scope as [`register_scope`] does, and returns its id.
pub fn add_scope(session: &Session, scope: &[u8], description: &[u8]) -> Result<i64> {
    register_scope(session, scope, description)?;
    session.read(|store| Ok(store.scopes()?.id(&String::from_utf8_lossy(scope)).unwrap_or_default()))
}
