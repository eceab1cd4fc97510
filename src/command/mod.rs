//! The commands that are answered natively, one file each.
//!
//! A command is read whole before anything is done. Reading may run the host's code; what comes after has no way to.

mod create_oauth_credential;
mod delete_oauth_credential;
mod list_oauth_credentials;
#[cfg(test)]
mod model;
mod update_oauth_credential;

use std::fmt::Display;

use self::create_oauth_credential::Create;
use self::delete_oauth_credential::Delete;
use self::list_oauth_credentials::List;
use self::update_oauth_credential::Update;
use crate::actor::{Actor, Caller};
use crate::credential::redirect_uri;
use crate::error::{Error, RequestError, Result};
use crate::reply::Reply;
use crate::request::Request;
use crate::session::Session;
use crate::store::{About, Details, LogLine, RowId, Store};
use crate::text::Quoted;

/// A command with all its parameters. It keeps their faults for the rules that tell them.
trait Command {
    /// Whether it writes.
    fn writes(&self) -> bool;

    /// Asks the store what it decides by. Nothing that is found may decide what is asked: a server is asked at once.
    fn ask(&self, store: &mut Store);

    /// Does it, and answers.
    fn apply<'a>(&self, session: &'a Session, actor: &Actor) -> Result<Reply<'a>>;
}

type Read = fn(&Request<'_>) -> Result<Box<dyn Command>>;

static COMMANDS: [(&str, Read); 4] = [
    ("CreateOAuthCredential", |request| Ok(Box::new(Create::read(request)?))),
    ("ListOAuthCredentials", |request| Ok(Box::new(List::read(request)?))),
    ("UpdateOAuthCredential", |request| Ok(Box::new(Update::read(request)?))),
    ("DeleteOAuthCredential", |request| Ok(Box::new(Delete::read(request)?))),
];

/// Whether a command is answered natively. Its name may be in any letter case.
pub fn is_native(name: &[u8]) -> bool {
    find(name).is_some()
}

fn find(name: &[u8]) -> Option<Read> {
    COMMANDS.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name)).map(|(_, read)| *read)
}

/// Answers one call. Nothing is borrowed, locked or open while its parameters are read.
pub fn answer<'a>(session: &'a Session, request: &Request<'_>) -> Result<Reply<'a>> {
    session.begin_call();
    if is_native(request.command) && !request.is_plain() {
        // The host's code runs for no admin who isn't there.
        session.read(|store| Actor::find(request.caller, store))?;
    }
    read(request)?.answer(session)
}

/// Reads a call, to answer it later. It fails where there is no such command, or where PHP has thrown meanwhile.
pub fn read<'a>(request: &Request<'a>) -> Result<Call<'a>> {
    let read = find(request.command).ok_or_else(|| RequestError::UnknownCommand(Quoted::lossy(request.command)))?;
    match read(request) {
        Err(error @ Error::Request(RequestError::Interrupted)) => Err(error),
        command => Ok(Call { caller: request.caller, command }),
    }
}

/// A call that was read.
pub struct Call<'a> {
    caller: Caller<'a>,
    /// The admin comes before any fault of a parameter.
    command: Result<Box<dyn Command>>,
}

impl Call<'_> {
    /// Answers it.
    pub fn answer<'s>(&self, session: &'s Session) -> Result<Reply<'s>> {
        if !session.is_remote() {
            return self.apply(session);
        }
        let command = self.command.as_ref().ok();
        let asked = session.ask_at_once(command.is_some_and(|command| command.writes()), |store| {
            // What is missing is told when it's asked for again.
            let _ = Actor::find(self.caller, store);
            if let Some(command) = command {
                command.ask(store);
            }
        });
        let reply = asked.and_then(|()| self.apply(session));
        session.settle();
        reply
    }

    fn apply<'s>(&self, session: &'s Session) -> Result<Reply<'s>> {
        let actor = session.read(|store| Actor::find(self.caller, store))?;
        self.command.as_ref().map_err(Error::clone)?.apply(session, &actor)
    }
}

/// Writes what became of a credential into the activity log.
fn log(store: &Store, actor: &Actor, id: RowId, details: &Details, what: impl Display, now: &str) -> Result<()> {
    let client = details.user_id.parse().unwrap_or(0);
    log_about(store, actor, About::Row("OAuth credential", id), client, &what, now)
}

/// Writes that a credential may send users back over plain HTTP, the first time that one does.
fn log_http(store: &Store, actor: &Actor, id: RowId, details: &Details, now: &str) -> Result<()> {
    const KIND: &str = "redirect over http";
    let Some(host) = redirect_uri::http_host(&details.redirect_uri) else { return Ok(()) };
    if !store.last_line(KIND)?.is_empty() {
        return Ok(());
    }
    store.set_last_line(KIND, now)?;
    let what = format_args!("redirects over http to {host}, which localapi.redirect_http_hosts allows");
    log(store, actor, id, details, what, now)
}

/// Writes what an actor has done.
fn log_about(store: &Store, actor: &Actor, about: About, client: i64, what: &dyn Display, now: &str) -> Result<()> {
    let by = actor.credential().map_or_else(String::new, |id| format!(" by API credential {id}"));
    let what = &format_args!("{what}{by}");
    store.log(&LogLine {
        date: now,
        about,
        what,
        user: &actor.user,
        client,
        admin: actor.id,
        address: actor.origin.as_ref().map_or("", |origin| &origin.address),
    })
}

#[cfg(test)]
pub mod fixture {
    //! A command for tests.

    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    struct Failing {
        times: usize,
        fault: Error,
        tries: Rc<Cell<usize>>,
    }

    impl Command for Failing {
        fn writes(&self) -> bool {
            true
        }

        fn ask(&self, _: &mut Store) {}

        fn apply<'a>(&self, _: &'a Session, _: &Actor) -> Result<Reply<'a>> {
            self.tries.set(self.tries.get() + 1);
            if self.tries.get() <= self.times { Err(self.fault.clone()) } else { Ok(Reply::from(Vec::new())) }
        }
    }

    /// A call that fails so many times, and how often it was tried.
    pub fn failing(times: usize, fault: impl Into<Error>) -> (Call<'static>, Rc<Cell<usize>>) {
        let tries = Rc::new(Cell::new(0));
        let command = Box::new(Failing { times, fault: fault.into(), tries: Rc::clone(&tries) });
        (Call { caller: Caller { admin: None, origin: None }, command: Ok(command) }, tries)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::registry::register_service;
    use crate::request::{Parameter, Parameters};
    use crate::settings::{Dsn, Settings};
    use crate::store::Credential;

    /// Parameters of which one changes the store while it's read, as the host's `__toString` may.
    struct Meddling<'a, F> {
        given: &'a [(&'static str, &'static str)],
        meddles: (&'static str, RefCell<Option<F>>),
        session: &'a Session,
        /// Every parameter that was read.
        read: RefCell<Vec<String>>,
    }

    impl<F: FnOnce(&Session)> Parameters for Meddling<'_, F> {
        fn read(&self, name: &str) -> Result<Option<Parameter>> {
            self.read.borrow_mut().push(name.to_owned());
            if name == self.meddles.0
                && let Some(meddle) = self.meddles.1.borrow_mut().take()
            {
                meddle(self.session);
            }
            let found = self.given.iter().find(|(known, _)| *known == name);
            Ok(found.map(|(_, value)| Parameter::Text(value.as_bytes().to_vec())))
        }

        fn are_plain(&self) -> bool {
            false
        }
    }

    const SINGLE_SIGN_ON: [(&str, &str); 4] =
        [("grantType", "single_sign_on"), ("serviceId", "7"), ("scope", "openid email"), ("description", "d")];

    /// Creates a credential, and changes the store while its description is read.
    fn create(dsn: Dsn, meddle: impl FnOnce(&Session)) -> Result<Credential> {
        let session = Session::new(Settings { dsn, ..Settings::default() });
        register_service(&session, 7, 70).unwrap();
        let meddles = ("description", RefCell::new(Some(meddle)));
        let parameters = Meddling { given: &SINGLE_SIGN_ON, meddles, session: &session, read: RefCell::default() };
        answer(&session, &Request::new(b"CreateOAuthCredential", &parameters, None))?;
        session.read(|store| Ok(store.credential(1)?.unwrap()))
    }

    #[test]
    fn what_a_parameter_changes_over_the_same_connection_is_seen_by_the_write() {
        let folder = tempfile::tempdir().unwrap();
        for (number, memory) in [(0, true), (1, false)] {
            let dsn =
                |name| if memory { Dsn::Memory } else { Dsn::File(folder.path().join(format!("{name}{number}"))) };
            let created = create(dsn("a"), |session| register_service(session, 7, 71).unwrap()).unwrap();
            assert_eq!(created.details.user_id, "71");
            let gone =
                |sql: &'static str| move |session: &Session| session.read(|store| store.execute_for_test(sql)).unwrap();
            let refused = create(dsn("b"), gone("DELETE FROM tblhosting")).unwrap_err();
            assert_eq!(refused.to_string(), "A valid Service ID is required.");
            let refused = create(dsn("c"), gone("DELETE FROM tblclients")).unwrap_err();
            assert_eq!(refused.to_string(), "Service ID not associated with valid Client.");
        }
    }

    #[test]
    fn each_parameter_is_read_once_and_none_that_no_rule_reads() {
        let session = Session::new(Settings { dsn: Dsn::Memory, ..Settings::default() });
        register_service(&session, 7, 70).unwrap();
        let read = |command: &str, given: &[(&'static str, &'static str)], admin: Option<&[u8]>| {
            let meddles = ("", RefCell::new(None::<fn(&Session)>));
            let parameters = Meddling { given, meddles, session: &session, read: RefCell::default() };
            let _ = answer(&session, &Request::new(command.as_bytes(), &parameters, admin));
            parameters.read.into_inner().join(" ")
        };
        let create = "CreateOAuthCredential";
        assert_eq!(
            read(create, &SINGLE_SIGN_ON, None),
            "grantType serviceId scope name description logoUri redirectUri expiresAt idempotencyKey"
        );
        let code = [("grantType", "authorization_code"), ("name", "n"), ("scope", "openid")];
        assert_eq!(
            read(create, &code, None),
            "grantType name scope description logoUri redirectUri expiresAt idempotencyKey"
        );
        assert_eq!(read(create, &[], None), "grantType");
        assert_eq!(read(create, &code, Some(b"nobody")), "");
        let update = "credentialId clientApiIdentifier grantType name serviceId scope description logoUri redirectUri \
                      resetSecret overlap revokePreviousSecret expiresAt disabled";
        assert_eq!(read("UpdateOAuthCredential", &[("credentialId", "1")], None), update);
        assert_eq!(read("UpdateOAuthCredential", &[], None), "credentialId clientApiIdentifier");
        assert_eq!(
            read("ListOAuthCredentials", &[], None),
            "grantType sortField sortOrder limit limitstart clientIdentifier serviceId search unusedSince afterId secrets total"
        );
        assert_eq!(read("DeleteOAuthCredential", &[("credentialId", "1")], None), "credentialId");
        assert_eq!(read("Nothing", &[], Some(b"nobody")), "");
    }

    #[test]
    fn a_command_that_nobody_answers_is_told_before_an_admin_who_is_not_there() {
        let session = Session::new(Settings { dsn: Dsn::Memory, ..Settings::default() });
        let meddles = ("", RefCell::new(None::<fn(&Session)>));
        let parameters = Meddling { given: &[], meddles, session: &session, read: RefCell::default() };
        let told = |command: &[u8]| answer(&session, &Request::new(command, &parameters, Some(b"nobody"))).err();
        assert!(matches!(told(b"Nothing"), Some(Error::Request(RequestError::UnknownCommand(_)))));
        assert!(matches!(told(b"createoauthcredential"), Some(Error::Request(RequestError::UnknownAdmin(_)))));
        assert!(is_native(b"LISTOAUTHCREDENTIALS") && !is_native(b"ListOAuthCredential") && !is_native(b""));
    }
}
