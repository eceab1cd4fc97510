//! The sandbox's store: rows as a test chooses them, and all of it empty again.

use crate::error::{Error, RequestError, Result, StoreError};
use crate::registry::{admin_name, register_scope};
use crate::session::Session;
use crate::store::Store;
use crate::store::fixture::{ADMINS, Column, Columns};

/// Empties the store, and ends what a seed has begun. A store that wasn't opened stays closed. Does nothing outside the
/// sandbox.
pub fn reset(session: &Session) -> Result<()> {
    if !session.settings().is_sandbox() {
        return Ok(());
    }
    session.seed(None);
    session.travel(None)?;
    let done = session.with_open_store(Store::reset).unwrap_or(Ok(()));
    // What PDO holds is its own to end; the store stays the one that it has open.
    if !matches!(done, Ok(()) | Err(Error::Store(StoreError::HeldByPdo))) {
        session.let_go(|_| true, drop);
    }
    done
}

/// Moves the clock by so many seconds: what expires meanwhile has expired then.
pub fn travel(session: &Session, seconds: i64) -> Result<()> {
    let beyond = |_| {
        Error::Request(RequestError::Argument { position: 1, must: "a number of seconds to a time from 1970 to 9999" })
    };
    session.travel(Some(seconds)).map_err(beyond)
}

/// Puts a row into a table and returns its id. `argument` is where the caller gave the columns.
pub fn add_row(session: &Session, table: &str, argument: u32, columns: &Columns) -> Result<i64> {
    let now = session.now()?;
    session.begin_call();
    session.read(|store| store.add_row(table, argument, columns, &now))
}

/// Puts a row into any table, those of WHMCS among them.
pub fn add_row_to_any(session: &Session, table: &[u8], columns: &Columns) -> Result<i64> {
    pdo_dsn(session)?;
    add_row(session, &String::from_utf8_lossy(table), 2, columns)
}

/// The DSN under which PDO reaches the store in this process. From then on it has tables of WHMCS too.
pub fn pdo_dsn(session: &Session) -> Result<String> {
    session.begin_call();
    session.read(Store::share).map(|name| format!("sqlite:{name}"))
}

/// Adds an admin, or gives the one that is there these columns. Returns the id.
pub fn add_admin(session: &Session, username: &[u8], mut columns: Columns) -> Result<i64> {
    columns.push(Column::text("username", admin_name(username)?));
    add_row(session, ADMINS, 2, &columns)
}

/// Adds a scope as [`register_scope`] does, and returns its id.
pub fn add_scope(session: &Session, scope: &[u8], description: &[u8]) -> Result<i64> {
    register_scope(session, scope, description)?;
    session.read(|store| Ok(store.scopes()?.id(&String::from_utf8_lossy(scope)).unwrap_or_default()))
}
