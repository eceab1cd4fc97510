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

/// A command.
pub struct Command {
    name: &'static str,
    /// Answers a request. Who asks is known by then.
    run: for<'a> fn(&'a Api, &Request<'_>, &Actor) -> Result<Reply<'a>>,
    /// The parameters that it reads.
    parameters: &'static [&'static str],
    /// Whether it writes.
    writes: bool,
    /// Asks the store what `run` will ask.
    foresee: fn(&Request<'_>, &mut Store),
}

static COMMANDS: [Command; 4] = [
    create_oauth_credential::COMMAND,
    list_oauth_credentials::COMMAND,
    update_oauth_credential::COMMAND,
    delete_oauth_credential::COMMAND,
];

/// Answers one call. Nothing is borrowed, locked or open while parameters are read, unless that runs no code.
pub fn answer<'a>(api: &'a Api, request: &Request<'_>) -> Result<Reply<'a>> {
    let command = find(request.command).ok_or_else(|| Error::UnknownCommand(Quoted::lossy(request.command)))?;
    let run = || {
        api.in_one_call(|| {
            let actor = api.read(|store| Actor::find(request.admin, store))?;
            (command.run)(api, request, &actor)
        })
    };
    if !api.is_remote() || !request.read_ahead_unseen(command.parameters)? {
        return run();
    }
    let foreseen = api.foresee(command.writes, |store| {
        // What is missing is told when it's asked for.
        let _ = Actor::find(request.admin, store);
        (command.foresee)(request, store);
    });
    let reply = foreseen.and_then(|()| run());
    api.settle();
    reply
}

/// Reads all that a call will read, so that answering it runs no code of the host.
pub fn read_ahead(request: &Request<'_>) -> Result<()> {
    find(request.command).map_or(Ok(()), |command| request.read_ahead(command.parameters))
}

/// The command of this name, in any letter case.
pub fn find(name: &[u8]) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name.as_bytes().eq_ignore_ascii_case(name))
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
