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
use crate::error::{Error, Result};
use crate::reply::Reply;
use crate::request::Request;
use crate::store::{About, Credential, Details, LogLine, RowId, Store};
use crate::text::{Quoted, positive};

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
            let actor = api.read(|store| Actor::find(request.admin, request.origin, store))?;
            (command.run)(api, request, &actor)
        })
    };
    if !api.is_remote() || !request.read_ahead_unseen(command.parameters)? {
        return run();
    }
    let foreseen = api.foresee(command.writes, |store| {
        // What is missing is told when it's asked for.
        let _ = Actor::find(request.admin, request.origin, store);
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
    let client = details.user_id.parse().unwrap_or(0);
    log_about(store, actor, About::Row("OAuth credential", id), client, &what, now)
}

/// Writes what an actor has done.
fn log_about(store: &Store, actor: &Actor, about: About, client: i64, what: &dyn Display, now: &str) -> Result<()> {
    let by = actor.credential.map_or_else(String::new, |id| format!(" by API credential {id}"));
    let what = &format_args!("{what}{by}");
    store.log(&LogLine { date: now, about, what, user: &actor.user, client, admin: actor.id, address: &actor.address })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::request::{Parameter, Parameters};
    use crate::settings::Dsn;
    use crate::settings::Settings;

    /// Parameters of which one changes the store while it's read, as the host's `__toString` may.
    struct Meddling<'a, F> {
        given: [(&'static str, &'static str); 4],
        meddles: (&'static str, RefCell<Option<F>>),
        api: &'a Api,
    }

    impl<F: FnOnce(&Api)> Parameters for Meddling<'_, F> {
        fn read(&self, name: &str) -> Result<Option<Parameter>> {
            if name == self.meddles.0
                && let Some(meddle) = self.meddles.1.borrow_mut().take()
            {
                meddle(self.api);
            }
            let found = self.given.iter().find(|(known, _)| *known == name);
            Ok(found.map(|(_, value)| Parameter::Text(value.as_bytes().to_vec())))
        }

        fn are_plain(&self) -> bool {
            false
        }
    }

    /// Creates a credential, and changes the store while its description is read.
    fn create(dsn: Dsn, meddle: impl FnOnce(&Api)) -> Result<Credential> {
        let api = Api::new(Settings { dsn, ..Settings::default() });
        api.register_service(7, 70).unwrap();
        let given =
            [("grantType", "single_sign_on"), ("serviceId", "7"), ("scope", "openid email"), ("description", "d")];
        let parameters = Meddling { given, meddles: ("description", RefCell::new(Some(meddle))), api: &api };
        answer(&api, &Request::new(b"CreateOAuthCredential", &parameters, None))?;
        api.read(|store| Ok(store.credential(1)?.unwrap()))
    }

    #[test]
    fn what_a_parameter_changes_over_the_same_connection_is_seen_by_the_write() {
        let folder = tempfile::tempdir().unwrap();
        for (number, memory) in [(0, true), (1, false)] {
            let dsn =
                |name| if memory { Dsn::Memory } else { Dsn::File(folder.path().join(format!("{name}{number}"))) };
            let created = create(dsn("a"), |api| api.register_service(7, 71).unwrap()).unwrap();
            assert_eq!(created.details.user_id, "71");
            let gone = |sql: &'static str| move |api: &Api| api.read(|store| store.execute_for_test(sql)).unwrap();
            let refused = create(dsn("b"), gone("DELETE FROM tblhosting")).unwrap_err();
            assert_eq!(refused.to_string(), "A valid Service ID is required.");
            let refused = create(dsn("c"), gone("DELETE FROM tblclients")).unwrap_err();
            assert_eq!(refused.to_string(), "Service ID not associated with valid Client.");
        }
    }
}
