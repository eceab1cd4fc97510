//! What every store must do: the same calls have the same answers and leave the same rows, in memory, in a file and at
//! the server that `LOCALAPI_TEST_SERVER` names. Identifiers, secrets and times come from a seed, so that all of it can
//! be compared byte for byte.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::table::TABLES;
use super::test_server::{self, Database};
use crate::api::Api;
use crate::batch;
use crate::command;
use crate::error::Result;
use crate::http::api_credential;
use crate::own_file::beside;
use crate::reply::{Fields, Reply, Value};
use crate::request::Request;
use crate::request::fixture::Given;
use crate::settings::{Dsn, KeyFile, Settings};

/// A store of one of the kinds.
struct Kind {
    name: &'static str,
    settings: Settings,
    /// How sentences name it.
    place: String,
    keys: Option<PathBuf>,
    database: Option<Database>,
    _folder: tempfile::TempDir,
}

impl Kind {
    fn memory() -> Self {
        let settings = Settings { dsn: Dsn::Memory, ..Settings::default() };
        let (place, _folder) = (String::new(), tempfile::tempdir().unwrap());
        Self { name: "memory", settings, place, keys: None, database: None, _folder }
    }

    fn file() -> Self {
        let _folder = tempfile::tempdir().unwrap();
        let path = _folder.path().join("store.sqlite");
        let settings = Settings { dsn: Dsn::File(path.clone()), ..Settings::default() };
        let (place, keys) = (path.display().to_string(), Some(beside(&path, ".key")));
        Self { name: "file", settings, place, keys, database: None, _folder }
    }

    fn server() -> Option<Self> {
        let database = Database::new()?;
        let settings = database.settings();
        let KeyFile::At(keys) = settings.key_file.clone() else { return None };
        let (name, place, _folder) = ("server", database.server.place(), tempfile::tempdir().unwrap());
        Some(Self { name, settings, place, keys: Some(keys), database: Some(database), _folder })
    }

    /// Those that others can use, too.
    fn shared() -> Vec<Self> {
        [Some(Self::file()), Self::server()].into_iter().flatten().collect()
    }

    fn all() -> Vec<Self> {
        [Self::memory()].into_iter().chain(Self::shared()).collect()
    }

    /// What is said, without what tells one place from another.
    fn anonymous(&self, said: &str) -> String {
        let said = self
            .keys
            .as_ref()
            .map_or_else(|| said.to_owned(), |keys| said.replace(&keys.display().to_string(), "KEYS"));
        if self.place.is_empty() { said } else { said.replace(&self.place, "PLACE") }
    }
}

/// What is said while calls are made.
struct Script<'a> {
    api: &'a Api,
    said: Vec<String>,
}

impl<'a> Script<'a> {
    fn new(api: &'a Api) -> Self {
        Self { api, said: Vec::new() }
    }

    fn call(&mut self, command: &str, parameters: &[(&str, &str)]) {
        self.call_as(None, command, parameters);
    }

    fn call_as(&mut self, admin: Option<&str>, command: &str, parameters: &[(&str, &str)]) {
        let given = given(parameters);
        let request = Request::new(command.as_bytes(), &given, admin.map(str::as_bytes));
        let said = show(command::answer(self.api, &request));
        self.said.push(format!("{command} {parameters:?}: {said}"));
    }

    fn create(&mut self, more: &[(&str, &str)]) {
        let base = [("grantType", "authorization_code"), ("name", "Shop"), ("scope", "openid")];
        let base = base.into_iter().filter(|(name, _)| more.iter().all(|(other, _)| name != other));
        let parameters: Vec<(&str, &str)> = more.iter().copied().chain(base).collect();
        self.call("CreateOAuthCredential", &parameters);
    }

    fn say<T: std::fmt::Debug>(&mut self, what: &str, done: Result<T>) {
        let said = done.map_or_else(|error| error.to_string(), |value| format!("{value:?}"));
        self.said.push(format!("{what}: {said}"));
    }

    /// Changes rows as a host may.
    fn host(&mut self, sql: &str) {
        self.api.read(|store| store.change_for_test(sql)).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Every row of every table.
    fn rows(&mut self) {
        for table in TABLES {
            let rows = self.api.read(|store| {
                let mut columns = store.columns(table)?;
                // No two values are sealed alike, and a row that is changed may cost an id.
                let scopes = table.name == "tbloauthserver_scopes";
                columns.retain(|name| name != "secret" && !(scopes && name == "id"));
                store.rows_between(table, &columns, i64::MIN, i64::MAX, i64::MAX)
            });
            let seeded = ["tbloauthserver_scopes", "tbladmins"].contains(&table.name);
            for row in rows.unwrap() {
                let mut columns = row.columns;
                if seeded {
                    // The first ones are as old as the store.
                    columns.truncate(columns.len() - 2);
                }
                self.said.push(format!("{}: {columns:?}", table.name));
            }
        }
    }

    /// The first client identifier and secret that were answered.
    fn first_pair(&self) -> (String, String) {
        let created = self.said.iter().find(|said| said.contains("clientSecret")).unwrap();
        let value = |key: &str| {
            let (_, rest) = created.split_once(&format!("{key}=")).unwrap();
            rest.split(';').next().unwrap().to_owned()
        };
        (value("clientIdentifier"), value("clientSecret"))
    }
}

fn given(parameters: &[(&str, &str)]) -> Given {
    parameters.iter().fold(Given::default(), |given, (name, value)| given.with(name, value))
}

fn show(reply: Result<Reply<'_>>) -> String {
    let Reply { fields, list } = match reply {
        Ok(reply) => reply,
        Err(error) => return error.to_string(),
    };
    let mut said = show_fields(&fields);
    if let Some(mut list) = list {
        loop {
            match list.rows.next_batch() {
                Err(error) => return error.to_string(),
                Ok(batch) if batch.is_empty() => break,
                Ok(batch) => said.extend(batch.iter().map(|fields| format!("\n  {}", show_fields(fields)))),
            }
        }
        said.extend(list.rows.message());
    }
    said
}

fn show_fields(fields: &Fields) -> String {
    let show = |value: &Value| match value {
        Value::Secret(secret) => secret.reveal().to_owned(),
        Value::Text(text) => text.clone(),
        other => format!("{other:?}"),
    };
    fields.iter().map(|(key, value)| format!("{key}={};", show(value))).collect()
}

/// Runs a script on each of these stores, and compares what is said.
fn compare(kinds: Vec<Kind>, run: impl Fn(&Kind, &mut Script<'_>)) {
    let mut first: Option<(&str, Vec<String>)> = None;
    for kind in &kinds {
        let api = Api::seeded_for_test(kind.settings.clone());
        let mut script = Script::new(&api);
        run(kind, &mut script);
        let said: Vec<String> = script.said.iter().map(|said| kind.anonymous(said)).collect();
        assert!(said.len() > 2, "{}", kind.name);
        match &first {
            None => first = Some((kind.name, said)),
            Some((name, expected)) => {
                for (said, expected) in said.iter().zip(expected) {
                    assert_eq!(said, expected, "{} is not {name}", kind.name);
                }
                assert_eq!(said.len(), expected.len(), "{} is not {name}", kind.name);
            }
        }
    }
}

#[test]
fn creating_is_the_same() {
    compare(Kind::all(), |_, script| {
        script.say("service", script.api.register_service(7, 70));
        script.host("INSERT INTO tblhosting (id, userid, created_at, updated_at) VALUES (8, 80, '2001-02-03 04:05:06', '2001-02-03 04:05:06')");
        let longest = ["x".repeat(255), "\u{1f600}".repeat(255), "\u{1f600}".repeat(256), "x".repeat(256)];
        for text in ["A", " A ", "", "a\u{1}", "\u{1f600}\u{301}'\"\\%_`", &longest[0], &longest[1], &longest[2]] {
            script.create(&[("name", text)]);
            script.create(&[("description", text)]);
        }
        let uris = format!("https://a.test/{}", "x".repeat(1_980));
        for uri in
            ["https://a.test/ https://b.test/cb?x='1'", "ftp://a", "http://localhost/", &uris, &format!("{uris}xxxxxx")]
        {
            script.create(&[("redirectUri", uri)]);
        }
        for logo in ["/logo.png", "https://a.test/l", "//a", &longest[3]] {
            script.create(&[("logoUri", logo)]);
        }
        for scope in ["openid profile openid", "OPENID", "openid ", "", "\u{1f600}", "clientarea:sso email"] {
            script.create(&[("scope", scope)]);
        }
        for service in ["7", "8", "9", "0", "", "-1", "9223372036854775807", "9223372036854775808", "7 ", "07"] {
            let single = [("grantType", "single_sign_on"), ("serviceId", service), ("scope", "clientarea:sso")];
            script.call("CreateOAuthCredential", &single);
        }
        for grant_type in ["", "implicit", "Authorization_Code"] {
            script.create(&[("grantType", grant_type)]);
        }
        let refused = [("grantType", "authorization_code"), ("name", "A"), ("scope", "openid")];
        for admin in ["admin", "ADMIN", "admin ", " admin", "nobody", "\u{1f600}", ""] {
            script.call_as(Some(admin), "CreateOAuthCredential", &refused);
        }
        script.rows();
    });
}

#[test]
fn listing_is_the_same() {
    compare(Kind::all(), |_, script| {
        script.say("service", script.api.register_service(7, 70));
        script.call("ListOAuthCredentials", &[]);
        for name in ["b", "B", "a", "A", "\u{e9}", "e", "a b", "a\u{a0}b", "Z", "10", "9", "\u{1f600}", "\u{ffff}"] {
            script.create(&[("name", name), ("description", name)]);
        }
        let single = [("grantType", "single_sign_on"), ("serviceId", "7"), ("scope", "email openid")];
        script.call("CreateOAuthCredential", &single);
        script.call("DeleteOAuthCredential", &[("credentialId", "4")]);
        script.host("UPDATE tbloauthserver_clients SET created_at = '2001-02-03 04:05:06' WHERE id = 3");
        for field in [
            "credentialId",
            "name",
            "description",
            "grantTypes",
            "clientIdentifier",
            "serviceId",
            "createdAt",
            "updatedAt",
            "x",
        ] {
            for order in ["ASC", "desc", ""] {
                script.call("ListOAuthCredentials", &[("sortField", field), ("sortOrder", order)]);
            }
        }
        for (limit, start) in
            [("3", "0"), ("3", "5"), ("0", "12"), ("5", "100"), ("9223372036854775807", "1"), ("-1", "0"), ("1", "x")]
        {
            script.call("ListOAuthCredentials", &[("limit", limit), ("limitstart", start)]);
            let more =
                [("limit", limit), ("limitstart", start), ("sortOrder", "desc"), ("grantType", "authorization_code")];
            script.call("ListOAuthCredentials", &more);
        }
        script.call("ListOAuthCredentials", &[("grantType", "single_sign_on")]);
        script.call("ListOAuthCredentials", &[("grantType", "SINGLE_SIGN_ON")]);
        script.host("DELETE FROM tbloauthserver_scopes WHERE scope = 'email'");
        script.host("UPDATE tbloauthserver_clients SET secret = 'v1:x' WHERE id = 2");
        script.call("ListOAuthCredentials", &[]);
    });
}

#[test]
fn changing_and_deleting_is_the_same() {
    compare(Kind::all(), |_, script| {
        script.say("service", script.api.register_service(7, 70));
        script.create(&[("redirectUri", "https://a.test/")]);
        script.create(&[("name", "Other")]);
        let single = [("grantType", "single_sign_on"), ("serviceId", "7"), ("scope", "clientarea:sso")];
        script.call("CreateOAuthCredential", &single);
        let (identifier, secret) = script.first_pair();
        let verify = |script: &mut Script<'_>, identifier: &str, secret: &str| {
            let found = script.api.verify_credential(identifier.as_bytes(), secret.as_bytes());
            script.say("verify", found.map(|found| found.map(|fields| show_fields(&fields))));
        };
        verify(script, &identifier, &secret);
        verify(script, &identifier.to_lowercase(), &secret);
        verify(script, &format!("{identifier} "), &secret);
        verify(script, &identifier, &secret.to_lowercase());
        verify(script, "nobody", &secret);
        verify(script, "\u{1f600}", "");
        for change in [
            &[("credentialId", "1"), ("name", "N\u{1f600}")][..],
            &[("credentialId", "1")],
            &[("credentialId", "1"), ("scope", "profile email"), ("description", "a\r\nb")],
            &[("credentialId", "1"), ("scope", "")],
            &[("credentialId", "1"), ("name", "")],
            &[("credentialId", "1"), ("redirectUri", "")],
            &[("credentialId", "1"), ("grantType", "single_sign_on")],
            &[("credentialId", "1"), ("grantType", "single_sign_on"), ("serviceId", "7")],
            &[("credentialId", "3"), ("grantType", "authorization_code")],
            &[("credentialId", "3"), ("grantType", "authorization_code"), ("name", "Was single")],
            &[("credentialId", "1"), ("resetSecret", "true")],
            &[("credentialId", "1"), ("resetSecret", "true"), ("name", "Both")],
            &[("clientApiIdentifier", &identifier), ("description", "by identifier")],
            &[("clientApiIdentifier", &identifier.to_lowercase()), ("description", "no")],
            &[("clientApiIdentifier", &format!("{identifier} ")), ("description", "no")],
            &[("credentialId", "99"), ("name", "x")],
            &[("credentialId", "x"), ("name", "x")],
            &[("name", "x")],
        ] {
            script.call("UpdateOAuthCredential", change);
        }
        verify(script, &identifier, &secret);
        script.call("DeleteOAuthCredential", &[("credentialId", "2")]);
        script.call("DeleteOAuthCredential", &[("credentialId", "2")]);
        script.call("DeleteOAuthCredential", &[("credentialId", "3")]);
        script.call("DeleteOAuthCredential", &[]);
        // Ids are never given again.
        script.create(&[]);
        script.rows();
    });
}

#[test]
fn registering_is_the_same() {
    compare(Kind::all(), |_, script| {
        let api = script.api;
        for (service, client) in [(1, 2), (1, 3), (1, 3), (i64::MAX, 4), (0, 1), (1, -1)] {
            script.say("service", api.register_service(service, client));
        }
        for (scope, description) in
            [("shop", ""), ("shop", "A"), ("shop", ""), ("SHOP", "B"), ("\u{1f600}", ""), ("a b", ""), ("x", "\n")]
        {
            script.say("scope", api.register_scope(scope.as_bytes(), description.as_bytes()));
        }
        for admin in ["eve", "EVE", "j\u{f6}rg", "jorg", "\u{1f600}", "", "\n"] {
            script.say("admin", api.register_admin(admin.as_bytes()));
        }
        script.host("UPDATE tbladmins SET disabled = 1 WHERE username = 'eve'");
        for admin in ["eve", "EVE", "j\u{f6}rg", "Jorg"] {
            script.call_as(Some(admin), "ListOAuthCredentials", &[]);
        }
        script.create(&[("scope", "shop SHOP \u{1f600}")]);
        script.call("ListOAuthCredentials", &[]);
        script.call("DeleteOAuthCredential", &[("credentialId", "1")]);
        for admin in ["EVE", "eve", "nobody"] {
            let issued =
                api_credential::issue(api, admin.as_bytes(), &[b"CreateOAuthCredential".to_vec()], b"For HTTP");
            let identifier = issued.as_ref().map(|issued| issued.identifier.clone()).unwrap_or_default();
            script.say("issue", issued.map(|issued| (issued.identifier, issued.secret.reveal().to_owned())));
            script.say("revoke", api_credential::revoke(api, identifier.to_lowercase().as_bytes()));
            script.say("revoke", api_credential::revoke(api, identifier.as_bytes()));
            script.say("revoke", api_credential::revoke(api, identifier.as_bytes()));
        }
        script.rows();
    });
}

#[test]
fn rotating_keys_is_the_same() {
    compare(Kind::all(), |_, script| {
        let api = script.api;
        script.say("register", api.register_admin(b"admin"));
        script.say("rotate", api.rotate_key(false, || true));
        (0..3).for_each(|_| script.create(&[]));
        for stage in [true, false, false] {
            script.say("rotate", api.rotate_key(stage, || true));
            script.call("ListOAuthCredentials", &[]);
        }
        script.say("stopped", api.rotate_key(false, || false));
        script.say("finished", api.rotate_key(false, || true));
        script.host("UPDATE tbloauthserver_clients SET secret = 'v1:x' WHERE id = 2");
        script.say("damaged", api.rotate_key(false, || true));
        script.call("ListOAuthCredentials", &[]);
        script.call("UpdateOAuthCredential", &[("credentialId", "2"), ("resetSecret", "1")]);
        script.call("ListOAuthCredentials", &[]);
    });
}

#[test]
fn batches_are_the_same() {
    compare(Kind::all(), |_, script| {
        let good = given(&[("grantType", "authorization_code"), ("name", "A"), ("scope", "openid")]);
        let bad =
            given(&[("grantType", "authorization_code"), ("name", "A"), ("scope", "openid"), ("redirectUri", "x")]);
        let (none, first) = (given(&[]), given(&[("credentialId", "1"), ("name", "B")]));
        let calls = [
            Request::new(b"CreateOAuthCredential", &good, None),
            Request::new(b"CreateOAuthCredential", &bad, None),
            Request::new(b"ListOAuthCredentials", &none, Some(b"admin")),
            Request::new(b"UpdateOAuthCredential", &first, None),
            Request::new(b"CreateOAuthCredential", &good, Some(b"nobody")),
            Request::new(b"Nothing", &none, None),
            Request::new(b"CreateOAuthCredential", &good, None),
            Request::new(b"DeleteOAuthCredential", &first, None),
            Request::new(b"ListOAuthCredentials", &none, None),
        ];
        for reply in batch::answer(script.api, &calls, || true) {
            script.said.push(show(reply));
        }
        script.rows();
    });
}

#[test]
fn an_identifier_that_is_taken_is_never_given_twice() {
    compare(Kind::all(), |_, script| {
        script.create(&[]);
        let good = given(&[("grantType", "authorization_code"), ("name", "A"), ("scope", "openid")]);
        let call = || Request::new(b"CreateOAuthCredential", &good, None);
        script.api.reseed_for_test(1);
        script.create(&[]);
        script.api.reseed_for_test(1);
        for reply in batch::answer(script.api, &[call(), call()], || true) {
            script.said.push(show(reply));
        }
        // A server gives no id again that was given to a row which then wasn't stored.
        let answers = script.said.iter().map(|said| said.split_once("clientIdentifier").unwrap().1.to_owned());
        script.said = answers.collect();
        let lines = script.api.read(|store| store.count_rows(TABLES[8])).unwrap();
        script.said.push(format!("{lines} lines of the activity log"));
    });
}

#[test]
fn another_process_is_seen_at_once() {
    compare(Kind::shared(), |kind, script| {
        let other = Api::new(kind.settings.clone());
        script.create(&[("scope", "shop")]);
        other.register_scope(b"shop", b"").unwrap();
        script.create(&[("scope", "shop")]);
        other.register_admin(b"eve").unwrap();
        script.call_as(Some("eve"), "ListOAuthCredentials", &[]);
        other.rotate_key(false, || true).unwrap();
        script.create(&[]);
        other.read(|store| store.change_for_test("DELETE FROM tbloauthserver_scopes WHERE scope = 'shop'")).unwrap();
        script.create(&[("scope", "shop")]);
        script.call("ListOAuthCredentials", &[]);
    });
}

#[test]
fn a_lock_that_outlasts_the_timeout_is_the_same_fault() {
    let mut kinds = Kind::shared();
    for kind in &mut kinds {
        kind.settings.busy_timeout = Duration::from_millis(900);
    }
    compare(kinds, |kind, script| {
        script.create(&[]);
        let lock = "UPDATE tbloauthserver_scopes SET description = 'locked'";
        let (file, mut server);
        match &kind.database {
            None => {
                file = rusqlite::Connection::open(&kind.place).unwrap();
                file.execute_batch(&format!("BEGIN IMMEDIATE; {lock}")).unwrap();
                script.create(&[]);
                script.say("admin", script.api.register_admin(b"eve"));
                file.execute_batch("ROLLBACK").unwrap();
            }
            Some(database) => {
                server = database.connect();
                let lock = format!("START TRANSACTION; {lock}; SELECT * FROM localapi_store FOR UPDATE");
                test_server::run(&mut server, &lock);
                script.create(&[]);
                script.say("admin", script.api.register_admin(b"eve"));
                test_server::run(&mut server, "ROLLBACK");
            }
        }
        // How much was drawn of the first seed is each engine's own.
        script.api.reseed_for_test(2);
        script.create(&[]);
        script.rows();
    });
}

#[test]
fn a_store_that_takes_no_changes_is_the_same_fault_and_answers_all_the_rest() {
    compare(Kind::shared(), |kind, script| {
        script.create(&[]);
        let (identifier, secret) = script.first_pair();
        let read_only = match kind.database {
            None => "PRAGMA query_only = 1",
            Some(_) => "SET SESSION TRANSACTION READ ONLY",
        };
        let changes: [fn(&mut Script<'_>); 5] = [
            |script| script.create(&[]),
            |script| {
                script.call("UpdateOAuthCredential", &[("credentialId", "1"), ("name", "B"), ("resetSecret", "1")])
            },
            |script| script.call("DeleteOAuthCredential", &[("credentialId", "1")]),
            |script| script.say("admin", script.api.register_admin(b"eve")),
            |script| script.say("key", script.api.rotate_key(false, || true)),
        ];
        for change in changes {
            script.host(read_only);
            script.call("ListOAuthCredentials", &[]);
            script.say("verify", script.api.verify_credential(identifier.as_bytes(), secret.as_bytes()));
            change(script);
            // What helps is another thing in a folder than at a server.
            let (what, said) =
                script.said.pop().unwrap().split_once(": ").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
            assert!(said.contains(" is read-only: "), "{} {what}: {said}", kind.name);
            script.said.push(format!("{what}: read-only"));
            script.rows();
        }
        script.api.reseed_for_test(2);
        script.create(&[]);
        script.rows();
    });
}

#[test]
fn faults_of_the_key_file_are_the_same() {
    let other = KeyFileOfAnother::new();
    type Spoil<'a> = &'a dyn Fn(&Path);
    let faults: [(&str, Spoil<'_>); 5] = [
        ("missing", &|path| fs::remove_file(path).unwrap()),
        ("damaged", &|path| fs::write(path, "{}").unwrap()),
        ("exposed", &|path| fs::set_permissions(path, fs::Permissions::from_mode(0o604)).unwrap()),
        ("a folder", &|path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
        }),
        ("of another store", &|path| assert!(fs::copy(&other.path, path).is_ok())),
    ];
    for (name, spoil) in faults {
        compare(Kind::shared(), |kind, script| {
            let keys = kind.keys.as_deref().unwrap();
            script.create(&[]);
            let (identifier, secret) = script.first_pair();
            let id = keys_id(keys);
            let whole = fs::read(keys).unwrap();
            spoil(keys);
            script.said.push(name.to_owned());
            script.create(&[]);
            script.call("ListOAuthCredentials", &[]);
            script.say("verify", script.api.verify_credential(identifier.as_bytes(), secret.as_bytes()));
            script.say("rotate", script.api.rotate_key(true, || true));
            if keys.is_dir() {
                fs::remove_dir(keys).unwrap();
            }
            fs::write(keys, whole).unwrap();
            fs::set_permissions(keys, fs::Permissions::from_mode(0o600)).unwrap();
            script.create(&[]);
            script.call("ListOAuthCredentials", &[]);
            script.said.iter_mut().for_each(|said| *said = said.replace(&id, "ID"));
        });
    }
}

struct KeyFileOfAnother {
    path: PathBuf,
    _kind: Kind,
}

impl KeyFileOfAnother {
    fn new() -> Self {
        let kind = Kind::file();
        let api = Api::new(kind.settings.clone());
        Script::new(&api).create(&[]);
        Self { path: kind.keys.clone().unwrap(), _kind: kind }
    }
}

/// The id of the active key in a file.
fn keys_id(path: &Path) -> String {
    let file: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    file["active"].as_str().unwrap().to_owned()
}
