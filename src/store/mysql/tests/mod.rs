//! The engine at a real server: `LOCALAPI_TEST_SERVER` names it.

mod faults;
mod proxy;
mod round_trips;
mod tables;

use self::proxy::Proxy;
use crate::command;
use crate::error::Result;
use crate::registry::{register_admin, register_scope, register_service};
use crate::reply::{Fields, Value};
use crate::request::Request;
use crate::request::fixture::Given;
use crate::rotation;
use crate::session::Session;
use crate::settings::{Server, Settings};
use crate::store::test_server::Database;
use crate::verify::verify;

/// A `Session` that reaches a database of its own through a proxy.
struct Site {
    session: Session,
    proxy: Proxy,
    settings: Settings,
    database: Database,
}

impl Site {
    fn new() -> Option<Self> {
        Self::with(|_| {}, |_| {})
    }

    /// One whose DSN says more, behind a proxy that is prepared first.
    fn with(change: impl FnOnce(&mut Server), prepare: impl FnOnce(&Proxy)) -> Option<Self> {
        let database = Database::new()?;
        let proxy = Proxy::new(&database.server);
        prepare(&proxy);
        let mut server = proxy.server(&database.server);
        change(&mut server);
        let settings = database.settings_at(server);
        let session = Session::new(settings.clone());
        Some(Self { session, proxy, settings, database })
    }

    fn call(&self, command: &str, parameters: &[(&str, &str)]) -> Result<Fields> {
        call(&self.session, command, parameters)
    }

    fn create(&self) -> Result<Fields> {
        create(&self.session)
    }

    /// Creates a credential with this scope, in this admin's name.
    fn create_with(&self, scope: &str, admin: Option<&str>) -> Result<Fields> {
        let given = Given::default().with("grantType", "authorization_code").with("name", "A").with("scope", scope);
        let request = Request::new(b"CreateOAuthCredential", &given, admin.map(str::as_bytes));
        command::answer(&self.session, &request).map(|reply| reply.fields)
    }

    /// Each credential's id, in the order of the ids.
    fn ids(&self) -> Vec<i64> {
        let rows = self.database.rows("SELECT id FROM tbloauthserver_clients ORDER BY id");
        rows.iter().map(|row| row[0].parse().unwrap()).collect()
    }

    /// That what was answered is there once and whole, and nothing else is.
    fn assert_kept(&self, answers: &[Fields]) {
        let mut ids: Vec<i64> = answers.iter().map(id).collect();
        ids.sort_unstable();
        assert_eq!(self.ids(), ids);
        for answer in answers {
            let (identifier, secret) = secret(answer);
            let found = verify(&self.session, identifier.as_bytes(), secret.as_bytes()).unwrap();
            assert_eq!(id(&found.expect("the secret is the one that was answered")), id(answer));
        }
        let count = |sql: &str| self.database.one(sql).parse::<usize>().unwrap();
        let scopes = "SELECT count(DISTINCT client_id) FROM tbloauthserver_client_scopes";
        assert_eq!(count(scopes), answers.len(), "scopes");
        let lines = "SELECT count(*) FROM tblactivitylog WHERE description LIKE '%created%'";
        assert_eq!(count(lines), answers.len(), "lines of the activity log");
    }
}

fn call(session: &Session, command: &str, parameters: &[(&str, &str)]) -> Result<Fields> {
    let given = parameters.iter().fold(Given::default(), |given, (name, value)| given.with(name, value));
    let reply = command::answer(session, &Request::new(command.as_bytes(), &given, None))?;
    let mut fields = reply.fields;
    if let Some(mut list) = reply.list {
        loop {
            let batch = list.rows.next_batch()?;
            if batch.is_empty() {
                break;
            }
            for row in batch {
                fields.extend(row);
            }
        }
    }
    Ok(fields)
}

const REQUEST: [(&str, &str); 3] = [("grantType", "authorization_code"), ("name", "A"), ("scope", "openid profile")];

fn create(session: &Session) -> Result<Fields> {
    call(session, "CreateOAuthCredential", &REQUEST)
}

fn id(answer: &Fields) -> i64 {
    match answer.first() {
        Some(("credentialId", Value::Int(id))) => *id,
        _ => panic!("{answer:?}"),
    }
}

fn secret(answer: &Fields) -> (String, String) {
    match answer.as_slice() {
        [_, ("clientIdentifier", Value::Text(identifier)), ("clientSecret", Value::Secret(secret))] => {
            (identifier.clone(), secret.reveal().to_owned())
        }
        _ => panic!("{answer:?}"),
    }
}
