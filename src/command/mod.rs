//! The commands that are answered natively, one file each.

mod create_oauth_credential;
mod delete_oauth_credential;
mod list_oauth_credentials;
#[cfg(test)]
mod model;
mod update_oauth_credential;

use std::fmt::Display;

use crate::actor::Actor;
use crate::api::Api;
use crate::error::{Error, Quoted, Result};
use crate::reply::Reply;
use crate::request::{Request, positive};
use crate::store::{Credential, Details, LogLine, RowId, Store};

/// Answers a request. Who asks is known by then.
pub type Command = for<'a> fn(&'a Api, &Request<'_>, &Actor) -> Result<Reply<'a>>;

const COMMANDS: &[(&str, Command)] = &[
    ("CreateOAuthCredential", create_oauth_credential::run),
    ("ListOAuthCredentials", list_oauth_credentials::run),
    ("UpdateOAuthCredential", update_oauth_credential::run),
    ("DeleteOAuthCredential", delete_oauth_credential::run),
];

/// Answers one call. Nothing is borrowed, locked or open while parameters are read.
pub fn answer<'a>(api: &'a Api, request: &Request<'_>) -> Result<Reply<'a>> {
    let run = find(request.command).ok_or_else(|| Error::UnknownCommand(Quoted::lossy(request.command)))?;
    let actor = api.read(|store| Actor::find(request.admin, store))?;
    run(api, request, &actor)
}

/// The command of this name, in any letter case.
pub fn find(name: &[u8]) -> Option<Command> {
    COMMANDS.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name)).map(|&(_, run)| run)
}

/// The credential that a `credentialId` names.
fn stored(id: &str, store: &Store) -> Result<Credential> {
    let id = positive(id).ok_or(Error::CredentialInvalid)?;
    store.credential(id)?.ok_or(Error::CredentialInvalid)
}

/// Writes what became of a credential into the activity log.
fn log(store: &Store, actor: &Actor, id: RowId, details: &Details, what: impl Display, now: &str) -> Result<()> {
    store.log(&LogLine {
        date: now,
        about: "OAuth credential",
        id,
        what: &what,
        user: &actor.user,
        client: details.user_id.parse().unwrap_or(0),
        admin: actor.id,
    })
}
