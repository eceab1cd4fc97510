//! Random sequences of the commands, against a model that says in a few lines what each must do.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::answer;
use crate::error::Result;
use crate::prune::prune;
use crate::registry::register_service;
use crate::reply::{Fields, Value};
use crate::request::Request;
use crate::request::fixture::Given;
use crate::rotation;
use crate::session::Session;
use crate::settings::{Dsn, Durability, Settings};
use crate::store::test_server::Database;
use crate::verify::verify;

const SCOPES: [&str; 3] = ["clientarea:sso", "openid", "profile"];

/// What a call passes; `None` is not passed.
#[derive(Debug, Clone, Default)]
struct Passed {
    grant_type: Option<&'static str>,
    name: Option<&'static str>,
    service_id: Option<&'static str>,
    scope: Option<String>,
    description: Option<&'static str>,
    redirect_uri: Option<&'static str>,
    expires_at: Option<&'static str>,
    /// Update alone reads it.
    disabled: Option<&'static str>,
}

#[derive(Debug, Clone)]
enum Step {
    Create(Passed),
    /// With one of a few keys, one of a few names.
    CreateWithKey(usize, usize),
    /// The index picks an id that was given once, or one that never was. The secret is reset, perhaps with an overlap of
    /// so many seconds.
    Update(usize, Passed, Option<Option<i64>>),
    RevokePrevious(usize),
    UpdateByIdentifier(usize, Passed),
    Delete(usize),
    List(Option<&'static str>, &'static str, bool, u8, u8),
    Verify(usize, Shown),
    /// This much later.
    Travel(i64),
    /// What expired this long ago.
    Prune(i64),
    Rotate(bool),
    Reopen,
}

/// Which secret is shown.
#[derive(Debug, Clone, Copy)]
enum Shown {
    Right,
    Previous,
    Wrong,
}

#[derive(Debug, Clone, PartialEq)]
struct Credential {
    identifier: String,
    secret: String,
    grant_type: &'static str,
    name: String,
    service_id: i64,
    scopes: Vec<&'static str>,
    description: String,
    redirect_uri: Vec<String>,
    expires_at: Option<String>,
    disabled: bool,
    /// The secret before, and until when it verifies.
    previous: Option<(String, String)>,
}

/// Service 1 belongs to client 10, service 2 to a client that isn't there, service 3 doesn't exist.
struct Model {
    credentials: BTreeMap<i64, Credential>,
    given: i64,
    /// What was created with a key: its name, its id and its secret then.
    keys: BTreeMap<usize, (usize, i64, String)>,
    /// How long the clock has gone on.
    travelled: i64,
}

/// When it is in the beginning.
const BEGIN: i64 = 1_479_461_544;

/// Some time after that, as text.
fn time(seconds: i64) -> String {
    crate::clock::to_text(u64::try_from(BEGIN + seconds).unwrap()).unwrap()
}

fn scopes_of(text: &str) -> std::result::Result<Vec<&'static str>, String> {
    let tokens: Vec<&str> = text.split_whitespace().collect();
    if tokens.is_empty() {
        return Err("At least one valid scope is required.".into());
    }
    match tokens.iter().find(|token| !SCOPES.contains(token)) {
        Some(bad) => Err(format!("The requested scope \"{bad}\" is invalid.")),
        None => Ok(SCOPES.into_iter().filter(|scope| tokens.contains(scope)).collect()),
    }
}

fn service(text: &str) -> std::result::Result<i64, String> {
    match text {
        "1" => Ok(1),
        "2" => Err("Service ID not associated with valid Client.".into()),
        _ => Err("A valid Service ID is required.".into()),
    }
}

fn grant_type(text: &'static str) -> std::result::Result<&'static str, String> {
    match text {
        "" => Err("A valid grant type is required.".into()),
        "authorization_code" | "single_sign_on" => Ok(text),
        _ => Err(format!("The requested grant type \"{text}\" is invalid.")),
    }
}

fn redirect_uris(text: &str) -> std::result::Result<Vec<String>, String> {
    match text.split_whitespace().find(|uri| !uri.starts_with("https://")) {
        Some(bad) => Err(format!("The redirect URI \"{bad}\" is invalid: a private scheme needs a dot.")),
        None => Ok(text.split_whitespace().map(str::to_owned).collect()),
    }
}

impl Model {
    fn now(&self) -> String {
        time(self.travelled)
    }

    /// What `expiresAt` says.
    fn expiry(&self, text: &str) -> std::result::Result<Option<String>, String> {
        match text {
            "" => Ok(None),
            "never" => Err(format!("The expiry \"never\" is invalid: {}.", crate::credential::expiry::FORMS)),
            text if text <= self.now().as_str() => Err(format!("The expiry \"{text}\" is invalid: it has passed.")),
            text => Ok(Some(text.to_owned())),
        }
    }

    fn create(&self, passed: &Passed) -> std::result::Result<Credential, String> {
        let grant_type = grant_type(passed.grant_type.unwrap_or(""))?;
        let single_sign_on = grant_type == "single_sign_on";
        if !single_sign_on && passed.name.unwrap_or("").is_empty() {
            return Err("A name for the Client Credential is required.".into());
        }
        if single_sign_on && matches!(passed.service_id, None | Some("" | "0")) {
            return Err("A service ID is required for the single sign-on grant type.".into());
        }
        let scopes = scopes_of(passed.scope.as_deref().unwrap_or(""))?;
        let service_id = if single_sign_on { service(passed.service_id.unwrap_or(""))? } else { 0 };
        Ok(Credential {
            identifier: String::new(),
            secret: String::new(),
            grant_type,
            name: passed.name.unwrap_or("").to_owned(),
            service_id,
            scopes,
            description: passed.description.unwrap_or("").to_owned(),
            redirect_uri: redirect_uris(passed.redirect_uri.unwrap_or(""))?,
            expires_at: self.expiry(passed.expires_at.unwrap_or(""))?,
            disabled: false,
            previous: None,
        })
    }

    fn update(&self, old: &Credential, passed: &Passed) -> std::result::Result<Credential, String> {
        let mut new = old.clone();
        if let Some(text) = passed.grant_type {
            new.grant_type = grant_type(text)?;
        }
        let single_sign_on = new.grant_type == "single_sign_on";
        if let Some(name) = passed.name {
            new.name = name.to_owned();
        }
        if !single_sign_on && new.name.is_empty() && (passed.name.is_some() || passed.grant_type.is_some()) {
            return Err("A name for the Client Credential is required.".into());
        }
        let service_needed = single_sign_on
            && match passed.service_id {
                Some(text) => matches!(text, "" | "0"),
                None => passed.grant_type.is_some() && old.service_id == 0,
            };
        if service_needed {
            return Err("A service ID is required for the single sign-on grant type.".into());
        }
        if let Some(text) = &passed.scope {
            new.scopes = scopes_of(text)?;
        }
        match passed.service_id {
            Some(text) if single_sign_on => new.service_id = service(text)?,
            _ if !single_sign_on => new.service_id = 0,
            _ => {}
        }
        if let Some(text) = passed.description {
            new.description = text.to_owned();
        }
        if let Some(text) = passed.redirect_uri {
            new.redirect_uri = redirect_uris(text)?;
        }
        if let Some(text) = passed.expires_at {
            new.expires_at = self.expiry(text)?;
        }
        if let Some(text) = passed.disabled {
            new.disabled = text == "on";
        }
        Ok(new)
    }
}

/// The thing under test, and the model beside it.
struct Pair {
    settings: Settings,
    session: Session,
    model: Model,
}

impl Pair {
    fn new(settings: Settings) -> Self {
        let session = Session::new(settings.clone());
        session.stop_for_test();
        register_service(&session, 1, 10).unwrap();
        register_service(&session, 2, 20).unwrap();
        session.read(|store| store.change_for_test("DELETE FROM tblclients WHERE id = 20")).unwrap();
        Self {
            settings,
            session,
            model: Model { credentials: BTreeMap::new(), given: 0, keys: BTreeMap::new(), travelled: 0 },
        }
    }

    fn call(&self, command: &str, passed: &Passed, more: &[(&'static str, String)]) -> Result<Fields> {
        let mut given = Given::default();
        let parameters = [
            ("grantType", passed.grant_type),
            ("name", passed.name),
            ("serviceId", passed.service_id),
            ("scope", passed.scope.as_deref()),
            ("description", passed.description),
            ("redirectUri", passed.redirect_uri),
            ("expiresAt", passed.expires_at),
            ("disabled", passed.disabled),
        ];
        for (name, value) in parameters {
            if let Some(value) = value {
                given = given.with(name, value);
            }
        }
        for (name, value) in more {
            given = given.with(name, value);
        }
        Ok(answer(&self.session, &Request::new(command.as_bytes(), &given, None))?.fields)
    }

    fn list(&self, more: &[(&'static str, String)]) -> Vec<Fields> {
        let mut given = Given::default();
        for (name, value) in more {
            given = given.with(name, value);
        }
        let reply = answer(&self.session, &Request::new(b"ListOAuthCredentials", &given, None)).unwrap();
        let mut rows = reply.list.unwrap().rows;
        let mut all = Vec::new();
        loop {
            let batch = rows.next_batch().unwrap();
            if batch.is_empty() {
                assert_eq!(rows.message(), None);
                return all;
            }
            all.extend(batch);
        }
    }

    fn id(&self, index: usize) -> i64 {
        i64::try_from(index).unwrap() % (self.model.given + 2)
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Create(passed) => drop(self.create(passed, &[])),
            Step::CreateWithKey(key, name) => self.create_with_key(*key, *name),
            Step::RevokePrevious(index) => {
                let id = self.id(*index);
                let more = [("credentialId", id.to_string()), ("revokePreviousSecret", "1".to_owned())];
                let answer = self.call("UpdateOAuthCredential", &Passed::default(), &more);
                match self.model.credentials.get_mut(&id) {
                    Some(known) => {
                        known.previous = None;
                        assert_eq!(answer.unwrap(), [("credentialId", Value::Int(id))]);
                    }
                    None => assert_eq!(answer.unwrap_err().to_string(), "Invalid Credential ID provided."),
                }
            }
            Step::Travel(seconds) => {
                self.session.travel_for_test(*seconds);
                self.model.travelled += seconds;
            }
            Step::Prune(seconds) => {
                let before = time(self.model.travelled - seconds);
                let gone = |known: &Credential| known.expires_at.as_ref().is_some_and(|expiry| *expiry <= before);
                let count = self.model.credentials.values().filter(|known| gone(known)).count();
                assert_eq!(prune(&self.session, *seconds, || true).unwrap(), i64::try_from(count).unwrap());
                self.model.credentials.retain(|_, known| !gone(known));
            }
            Step::Update(index, passed, reset) => {
                let id = self.id(*index);
                self.update(id, &[("credentialId", id.to_string())], passed, *reset, "Invalid Credential ID provided.");
            }
            Step::UpdateByIdentifier(index, passed) => {
                let id = self.id(*index);
                let identifier =
                    self.model.credentials.get(&id).map_or("nobody".to_owned(), |known| known.identifier.clone());
                let more = [("clientApiIdentifier", identifier)];
                self.update(id, &more, passed, None, "Invalid Client Identifier provided.");
            }
            Step::Delete(index) => {
                let id = self.id(*index);
                let more = [("credentialId", id.to_string())];
                let answer = self.call("DeleteOAuthCredential", &Passed::default(), &more);
                match self.model.credentials.remove(&id) {
                    Some(_) => assert_eq!(answer.unwrap(), [("credentialId", Value::Int(id))]),
                    None => assert_eq!(answer.unwrap_err().to_string(), "Invalid Credential ID provided."),
                }
            }
            Step::List(grant_type, field, descending, limit, start) => {
                self.check_list(*grant_type, field, *descending, *limit, *start);
            }
            Step::Verify(index, shown) => self.verify(self.id(*index), *shown),
            Step::Rotate(stage) => {
                let resealed = if *stage {
                    rotation::stage(&self.session).map(|()| 0)
                } else {
                    rotation::rotate(&self.session, || true)
                };
                let all = i64::try_from(self.model.credentials.len()).unwrap();
                assert_eq!(resealed.unwrap(), if *stage { 0 } else { all });
            }
            Step::Reopen => {
                if self.settings.dsn != Dsn::Memory {
                    self.session.do_owed().unwrap();
                    self.session = Session::new(self.settings.clone());
                    self.session.stop_for_test();
                    self.session.travel_for_test(self.model.travelled);
                }
            }
        }
    }

    /// What is created twice with one key is there once.
    fn create_with_key(&mut self, key: usize, name: usize) {
        let passed = Passed {
            grant_type: Some("authorization_code"),
            name: Some(["Shop", "App"][name]),
            scope: Some("openid".to_owned()),
            ..Passed::default()
        };
        let more = [("idempotencyKey", format!("key {key}"))];
        let Some((known, id, secret)) = self.model.keys.get(&key).cloned() else {
            let created = self.create(&passed, &more).unwrap();
            self.model.keys.insert(key, (name, created.0, created.1));
            return;
        };
        let answer = self.call("CreateOAuthCredential", &passed, &more);
        let message = match self.model.credentials.get(&id) {
            _ if known != name => "The idempotency key was used with other parameters: take another one.",
            None => "The credential that was created with this idempotency key has been deleted: take another key.",
            Some(now) if now.secret != secret => {
                "The secret of the credential that was created with this idempotency key has been reset: take another \
                 key."
            }
            Some(now) => {
                let identifier = Value::Text(now.identifier.clone());
                let expected = [Value::Int(id), identifier, Value::Secret(secret.into())];
                let found: Vec<Value> = answer.unwrap().into_iter().map(|(_, value)| value).collect();
                return assert_eq!(found, expected);
            }
        };
        assert_eq!(answer.unwrap_err().to_string(), message);
    }

    fn create(&mut self, passed: &Passed, more: &[(&'static str, String)]) -> Option<(i64, String)> {
        let answer = self.call("CreateOAuthCredential", passed, more);
        let mut credential = match self.model.create(passed) {
            Ok(credential) => credential,
            Err(message) => {
                assert_eq!(answer.unwrap_err().to_string(), message);
                return None;
            }
        };
        self.model.given += 1;
        let answer = answer.unwrap();
        let [
            ("credentialId", Value::Int(id)),
            ("clientIdentifier", Value::Text(identifier)),
            ("clientSecret", Value::Secret(secret)),
        ] = answer.as_slice()
        else {
            panic!("{answer:?}");
        };
        assert_eq!(*id, self.model.given);
        credential.identifier.clone_from(identifier);
        credential.secret = secret.reveal().to_owned();
        self.model.credentials.insert(*id, credential);
        Some((*id, secret.reveal().to_owned()))
    }

    fn update(
        &mut self,
        id: i64,
        more: &[(&'static str, String)],
        passed: &Passed,
        reset: Option<Option<i64>>,
        unknown: &str,
    ) {
        let mut more = more.to_vec();
        if let Some(overlap) = reset {
            more.push(("resetSecret", "true".to_owned()));
            more.extend(overlap.map(|seconds| ("overlap", seconds.to_string())));
        }
        let answer = self.call("UpdateOAuthCredential", passed, &more);
        let Some(old) = self.model.credentials.get(&id) else {
            return assert_eq!(answer.unwrap_err().to_string(), unknown);
        };
        let mut new = match self.model.update(old, passed) {
            Ok(new) => new,
            Err(message) => return assert_eq!(answer.unwrap_err().to_string(), message),
        };
        let answer = answer.unwrap();
        assert_eq!(answer[0], ("credentialId", Value::Int(id)));
        if let Some(overlap) = reset {
            let Some(("newClientSecret", Value::Secret(secret))) = answer.get(1) else { panic!("{answer:?}") };
            let replaced = std::mem::replace(&mut new.secret, secret.reveal().to_owned());
            new.previous = overlap.map(|seconds| (replaced, time(self.model.travelled + seconds)));
        }
        let expires_at = new.previous.as_ref().filter(|_| reset.is_some()).map(|(_, until)| until.clone());
        let told = expires_at.map(|until| ("previousSecretExpiresAt", Value::Text(until)));
        assert_eq!(answer.get(2), told.as_ref());
        assert_eq!(answer.len(), 1 + usize::from(reset.is_some()) + usize::from(told.is_some()));
        self.model.credentials.insert(id, new);
    }

    fn check_list(&self, grant_type: Option<&'static str>, field: &str, descending: bool, limit: u8, start: u8) {
        let mut more = vec![("sortField", field.to_owned()), ("limit", limit.to_string())];
        more.push(("limitstart", start.to_string()));
        if descending {
            more.push(("sortOrder", "desc".to_owned()));
        }
        if let Some(grant_type) = grant_type {
            more.push(("grantType", grant_type.to_owned()));
        }
        let mut expected: Vec<(&i64, &Credential)> = self.model.credentials.iter().collect();
        expected.retain(|(_, known)| grant_type.is_none_or(|wanted| known.grant_type == wanted));
        expected.sort_by(|(a_id, a), (b_id, b)| {
            let order = match field {
                "name" => a.name.cmp(&b.name),
                "serviceId" => a.service_id.cmp(&b.service_id),
                _ => std::cmp::Ordering::Equal,
            };
            order.then(a_id.cmp(b_id))
        });
        if descending {
            expected.reverse();
        }
        let limit = if limit == 0 { usize::MAX } else { limit.into() };
        let expected: Vec<Fields> =
            expected.into_iter().skip(start.into()).take(limit).map(|(id, known)| shown(*id, known)).collect();
        let found: Vec<Fields> = self
            .list(&more)
            .into_iter()
            .map(|fields| {
                fields
                    .into_iter()
                    .filter(|(key, _)| !matches!(*key, "createdAt" | "updatedAt" | "lastUsedAt"))
                    .collect()
            })
            .collect();
        assert_eq!(found, expected);
    }

    fn verify(&self, id: i64, shown: Shown) {
        let Some(known) = self.model.credentials.get(&id) else {
            return assert_eq!(verify(&self.session, b"nobody", &[b'A'; 88]).unwrap(), None);
        };
        let now = self.model.now();
        let (secret, verifies) = match (shown, &known.previous) {
            (Shown::Right, _) => (known.secret.clone(), true),
            (Shown::Previous, Some((secret, until))) => (secret.clone(), now < *until),
            (Shown::Previous, None) | (Shown::Wrong, _) => (known.secret.replace('A', "B") + "x", false),
        };
        let counts = !known.disabled && known.expires_at.as_ref().is_none_or(|expiry| now < *expiry);
        let right = verifies && counts;
        let found = verify(&self.session, known.identifier.as_bytes(), secret.as_bytes()).unwrap();
        let scopes = known.scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let expected = vec![
            ("credentialId", Value::Int(id)),
            ("clientIdentifier", Value::Text(known.identifier.clone())),
            ("grantType", Value::Text(known.grant_type.to_owned())),
            ("scope", Value::Texts(scopes)),
            ("serviceId", Value::Int(known.service_id)),
            ("userId", Value::Int(if known.service_id == 0 { 0 } else { 10 })),
            ("redirectUri", Value::Texts(known.redirect_uri.clone())),
            ("name", Value::Text(known.name.clone())),
            ("description", Value::Text(known.description.clone())),
            ("logoUri", Value::Text(String::new())),
            ("expiresAt", known.expires_at.clone().map_or(Value::Null, Value::Text)),
            ("disabled", Value::Bool(known.disabled)),
        ];
        assert_eq!(found, right.then_some(expected));
    }
}

fn shown(id: i64, known: &Credential) -> Fields {
    vec![
        ("credentialId", Value::Int(id)),
        ("name", Value::Text(known.name.clone())),
        ("description", Value::Text(known.description.clone())),
        ("grantTypes", Value::Text(known.grant_type.to_owned())),
        ("scope", Value::Text(known.scopes.join(" "))),
        ("clientIdentifier", Value::Text(known.identifier.clone())),
        ("clientSecret", Value::Secret(known.secret.clone().into())),
        ("uuid", Value::Null),
        ("serviceId", Value::Int(known.service_id)),
        ("logoUri", Value::Text(String::new())),
        ("redirectUri", Value::Texts(known.redirect_uri.clone())),
        ("rsaKeyPairId", Value::Int(0)),
        ("expiresAt", known.expires_at.clone().map_or(Value::Null, Value::Text)),
        ("disabled", Value::Bool(known.disabled)),
    ]
}

fn scope() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => subsequence(&SCOPES, 1..=3).prop_map(|scopes| scopes.join(" ")),
        1 => Just(" ".to_owned()),
        1 => Just("openid OPENID".to_owned()),
    ]
}

/// Parameters of which each is passed with this probability.
fn passed(probability: f64) -> impl Strategy<Value = Passed> {
    let maybe = |values: &'static [&'static str]| prop::option::weighted(probability, select(values));
    (
        maybe(&["authorization_code", "single_sign_on", "single_sign_on", "authorization_code", "", "password"]),
        maybe(&["Shop", "App", "Zoo", ""]),
        maybe(&["1", "1", "1", "1", "2", "3", "0", ""]),
        prop::option::weighted(probability, scope()),
        maybe(&["", "A shop"]),
        maybe(&["", "https://a.example", "https://a.example https://b.example/cb", "ftp://a.example"]),
        prop::option::weighted(probability / 3.0, select(&EXPIRIES[..])),
        prop::option::weighted(probability / 3.0, select(&["on", "off"][..])),
    )
        .prop_map(|(grant_type, name, service_id, scope, description, redirect_uri, expires_at, disabled)| {
            Passed { grant_type, name, service_id, scope, description, redirect_uri, expires_at, disabled }
        })
}

/// The first has passed, the next two come soon.
const EXPIRIES: [&str; 6] =
    ["2016-11-18 09:32:24", "2016-11-18 09:33:24", "2016-11-18 09:35:00", "2999-12-31 23:59:59", "", "never"];

fn step() -> impl Strategy<Value = Step> {
    let grant_types = prop::option::of(select(&["authorization_code", "single_sign_on"][..]));
    let fields = select(&["id", "credentialId", "name", "serviceId"][..]);
    prop_oneof![
        8 => passed(0.9).prop_map(Step::Create),
        5 => (0..20_usize, passed(0.3), prop::option::of(prop::option::of(1..100_i64))).prop_map(|(id, passed, reset)| Step::Update(id, passed, reset)),
        2 => (0..20_usize, passed(0.3)).prop_map(|(id, passed)| Step::UpdateByIdentifier(id, passed)),
        2 => (0..20_usize).prop_map(Step::Delete),
        3 => (grant_types, fields, any::<bool>(), 0..4_u8, 0..4_u8)
            .prop_map(|(kind, field, down, limit, start)| Step::List(kind, field, down, limit, start)),
        4 => (0..20_usize, select(&[Shown::Right, Shown::Right, Shown::Previous, Shown::Wrong][..]))
            .prop_map(|(id, shown)| Step::Verify(id, shown)),
        2 => (0..3_usize, 0..2_usize).prop_map(|(key, name)| Step::CreateWithKey(key, name)),
        1 => (0..20_usize).prop_map(Step::RevokePrevious),
        1 => (0..90_i64).prop_map(Step::Travel),
        1 => (0..90_i64).prop_map(Step::Prune),
        1 => any::<bool>().prop_map(Step::Rotate),
        1 => Just(Step::Reopen),
    ]
}

fn sequences(short: u32, full: u32) -> ProptestConfig {
    let cases = if std::env::var_os("LOCALAPI_FULL").is_some() { full } else { short };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn check(settings: Settings, steps: &[Step]) {
    let mut pair = Pair::new(settings);
    for step in steps {
        pair.run(step);
    }
    pair.check_list(None, "id", false, 0, 0);
}

proptest! {
    #![proptest_config(sequences(300, 5_000))]

    #[test]
    fn any_sequence_of_commands_does_what_the_model_says(steps in prop::collection::vec(step(), 1..40)) {
        check(Settings { dsn: Dsn::Memory, ..Settings::default() }, &steps);
    }
}

proptest! {
    #![proptest_config(sequences(25, 500))]

    #[test]
    fn a_file_that_is_opened_again_and_again_does_too(steps in prop::collection::vec(step(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let dsn = Dsn::File(folder.path().join("store.sqlite"));
        check(Settings { dsn, durability: Durability::Normal, ..Settings::default() }, &steps);
    }
}

proptest! {
    #![proptest_config(sequences(8, 200))]

    #[test]
    fn so_does_a_server(steps in prop::collection::vec(step(), 1..40)) {
        if let Some(database) = Database::new() {
            check(database.settings(), &steps);
        }
    }
}
