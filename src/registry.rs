//! What the host tells of itself: its services and their clients, its scopes, its admins. Where there is nothing to
//! change nothing is written.

use crate::argument;
use crate::error::{RequestError, Result, ServerError};
use crate::reply::{Fields, Value};
use crate::session::Session;
use crate::store::{Store, Verdict};
use crate::text::{is_blank, is_control, is_space};

/// Notes that the host's service belongs to the host's client. A service that is there gets this client.
pub fn register_service(session: &Session, service: i64, client: i64) -> Result<()> {
    for (position, id) in [(1, service), (2, client)] {
        if id <= 0 {
            return Err(RequestError::Argument { position, must: "greater than 0" }.into());
        }
    }
    let now = session.now()?;
    write_unless(
        session,
        |store| Ok(store.service_owner(service)? == Some(Some(client))),
        |store| store.register_service(service, client, &now),
    )
}

/// Adds a scope that credentials may then have. A description replaces the one before it, if it says anything.
pub fn register_scope(session: &Session, scope: &[u8], description: &[u8]) -> Result<()> {
    let scope = argument::text(1, scope, "1 to 80 printable characters without white space", |scope| {
        !scope.is_empty()
            && scope.chars().count() <= 80
            && !scope.contains(|c: char| is_control(c) || (c.is_ascii() && is_space(c as u8)))
    })?;
    let description = argument::description(2, description)?;
    let now = session.now()?;
    write_unless(
        session,
        |store| {
            let known = store.scope_description(scope)?;
            Ok(known.is_some_and(|known| description.is_empty() || known == description))
        },
        |store| store.register_scope(scope, description, &now),
    )
}

/// Adds an admin in whose name commands may run. One that is there stays as it is, disabled or not.
pub fn register_admin(session: &Session, username: &[u8]) -> Result<()> {
    let username = admin_name(username)?;
    let now = session.now()?;
    write_unless(session, |store| Ok(store.admin(username)?.is_some()), |store| store.register_admin(username, &now))
}

/// Lets an admin ask for nothing any more, over HTTP neither, or again. Whether there is such an admin.
pub fn disable_admin(session: &Session, username: &[u8], disabled: bool) -> Result<bool> {
    let username = admin_name(username)?;
    let now = session.now()?;
    let found = |store: &mut Store| store.admin(username);
    write_unless(
        session,
        |store| Ok(found(store)?.is_none_or(|admin| admin.disabled == disabled)),
        |store| match found(store)? {
            Some(admin) => store.disable_admin(admin.id, disabled, &now),
            None => Ok(()),
        },
    )?;
    Ok(session.read(found)?.is_some())
}

/// The scopes that credentials may have.
pub fn scopes(session: &Session) -> Result<Vec<Fields>> {
    let scope = |(scope, description)| vec![("scope", Value::Text(scope)), ("description", Value::Text(description))];
    all(session, Store::described_scopes, scope)
}

/// The services, and the clients they belong to.
pub fn services(session: &Session) -> Result<Vec<Fields>> {
    let service = |(service, client)| vec![("serviceId", Value::Int(service)), ("clientId", Value::Int(client))];
    all(session, Store::services, service)
}

/// The admins in whose names commands may run.
pub fn admins(session: &Session) -> Result<Vec<Fields>> {
    let admin = |(name, disabled)| vec![("username", Value::Text(name)), ("disabled", Value::Bool(disabled))];
    all(session, Store::admins, admin)
}

fn all<T>(
    session: &Session,
    read: impl FnOnce(&Store) -> Result<Vec<T>>,
    shown: impl Fn(T) -> Fields,
) -> Result<Vec<Fields>> {
    session.begin_call();
    session.read(|store| Ok(read(store)?.into_iter().map(shown).collect()))
}

/// Reads the name of an admin.
pub fn admin_name(username: &[u8]) -> Result<&str> {
    argument::text(1, username, "1 to 255 printable characters", |name| {
        !is_blank(name) && name.chars().count() <= 255 && !name.contains(is_control)
    })
}

/// Writes, unless what should be there is there already: that needs no write, and a flush only where others have
/// written.
fn write_unless(
    session: &Session,
    done: impl Fn(&mut Store) -> Result<bool>,
    write: impl Fn(&mut Store) -> Result<()>,
) -> Result<()> {
    session.begin_call();
    let decision = session.decide(&done)?;
    if decision.made {
        return session.read(|store| store.make_last());
    }
    let write = |store: &mut Store, is_done: &bool| {
        if *is_done {
            return Ok(());
        }
        write(store)?;
        // A host's table may compare in another way, or have more columns that are unique.
        if store.is_remote() && !done(store)? { Err(ServerError::RowNotUnique.into()) } else { Ok(()) }
    };
    session.write(decision, write, |()| Verdict::Undone.always())
}
