//! What every store must do, in memory, in a file and at the server that `LOCALAPI_TEST_SERVER` names: each is held
//! against the answers and the rows that are written down here.

use std::cell::RefCell;
use std::fmt::Display;
use std::fs;
use std::iter;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::table::{TABLES, TableRow};
use super::test_server::{self, Database};
use crate::batch;
use crate::command;
use crate::error::Result;
use crate::http::api_credential;
use crate::own_file::beside;
use crate::prune::prune;
use crate::registry::{self, register_admin, register_scope, register_service};
use crate::reply::{Fields, Reply, Value};
use crate::request::Request;
use crate::request::fixture::Given;
use crate::rotation;
use crate::session::Session;
use crate::settings::{Dsn, KeyFile, Settings};
use crate::verify::{find, verify};

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

    /// Whether others can use it, too.
    fn shares_store(&self) -> bool {
        self.name != "memory"
    }

    /// Those that others can use, too.
    fn shared() -> Vec<Self> {
        [Some(Self::file()), Self::server()].into_iter().flatten().collect()
    }

    fn all() -> Vec<Self> {
        [Self::memory()].into_iter().chain(Self::shared()).collect()
    }
}

/// The second at which the clock of these stores stands.
const NOW: &str = "2016-11-18 09:32:24";

/// A store under test.
struct Site<'a> {
    kind: &'a Kind,
    session: Session,
    /// What differs from store to store and from run to run, and what is shown for it: `identifier 1` for the first
    /// identifier, say.
    names: RefCell<Vec<(String, String)>>,
}

/// Runs a test on each of these stores.
fn on_each(kinds: Vec<Kind>, test: impl Fn(&Site<'_>)) {
    for kind in &kinds {
        // Shown where the test fails.
        println!("in a store of this kind: {}", kind.name);
        let keys = kind.keys.iter().map(|keys| (keys.display().to_string(), "KEYS".to_owned()));
        let place = Some((kind.place.clone(), "PLACE".to_owned())).filter(|(place, _)| !place.is_empty());
        let names = RefCell::new(keys.chain(place).collect());
        test(&Site { kind, session: Session::seeded_for_test(kind.settings.clone()), names });
    }
}

impl Site<'_> {
    /// The answer to a command as a line, or its sentence; a list has a line for each element and one for its message.
    fn call(&self, command: &str, parameters: &[(&str, &str)]) -> String {
        self.call_as(None, command, parameters)
    }

    fn call_as(&self, admin: Option<&str>, command: &str, parameters: &[(&str, &str)]) -> String {
        let given = given(parameters);
        self.shown(command::answer(&self.session, &Request::new(command.as_bytes(), &given, admin.map(str::as_bytes))))
    }

    /// Creates an `authorization_code` credential, or one as these parameters say.
    fn create(&self, more: &[(&str, &str)]) -> String {
        let base = [("grantType", "authorization_code"), ("name", "Shop"), ("scope", "openid")];
        let base = base.into_iter().filter(|(name, _)| more.iter().all(|(other, _)| name != other));
        let parameters: Vec<(&str, &str)> = more.iter().copied().chain(base).collect();
        self.call("CreateOAuthCredential", &parameters)
    }

    /// The ids of a list and its message, or its sentence.
    fn listed(&self, parameters: &[(&str, &str)]) -> String {
        self.listed_as(None, parameters)
    }

    fn listed_as(&self, admin: Option<&str>, parameters: &[(&str, &str)]) -> String {
        let answer = self.call_as(admin, "ListOAuthCredentials", parameters);
        let id =
            |line: &str| line.strip_prefix("credentialId=").and_then(|rest| Some(rest.split_once(' ')?.0.to_owned()));
        answer.lines().map(|line| id(line).unwrap_or_else(|| line.to_owned())).collect::<Vec<_>>().join(" ")
    }

    fn verify(&self, identifier: &str, secret: &str) -> String {
        let found = verify(&self.session, identifier.as_bytes(), secret.as_bytes());
        self.said(found.map(|found| found.map_or("none".to_owned(), |fields| self.fields(&fields))))
    }

    /// What was answered, or the sentence of the fault.
    fn said<T: Display>(&self, done: Result<T>) -> String {
        self.named(&done.map_or_else(|error| error.to_string(), |value| value.to_string()))
    }

    /// Changes rows as a host may.
    fn host(&self, sql: &str) {
        self.session.read(|store| store.change_for_test(sql)).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Every row of a table, in the order of the ids, with these columns of it.
    fn rows(&self, table: &str, columns: &str) -> Vec<String> {
        let table = TABLES.into_iter().find(|known| known.name == table).unwrap();
        let columns: Vec<String> = columns.split(", ").map(str::to_owned).collect();
        let rows =
            self.session.read(|store| store.rows_between(table, &columns, i64::MIN, i64::MAX, i64::MAX)).unwrap();
        let shown = |row: TableRow| {
            let values: Vec<_> = row.columns.iter().map(|value| value.as_deref().unwrap_or("null")).collect();
            self.named(&values.join("|"))
        };
        rows.into_iter().map(shown).collect()
    }

    /// What the activity log says, and of which client.
    fn log(&self) -> Vec<String> {
        self.rows("tblactivitylog", "description, userid")
    }

    fn shown(&self, reply: Result<Reply<'_>>) -> String {
        let Reply { fields, list } = match reply {
            Ok(reply) => reply,
            Err(error) => return self.named(&error.to_string()),
        };
        let Some(mut list) = list else { return self.fields(&fields) };
        let mut lines = Vec::new();
        loop {
            match list.rows.next_batch() {
                Err(error) => return self.named(&error.to_string()),
                Ok(batch) if batch.is_empty() => break,
                Ok(batch) => lines.extend(batch.iter().map(|fields| self.fields(fields))),
            }
        }
        lines.extend(list.rows.message());
        lines.join("\n")
    }

    fn fields(&self, fields: &Fields) -> String {
        let show = |key: &str, value: &Value| match value {
            Value::Secret(secret) => self.told("secret", secret.reveal()),
            Value::Text(text) if key == "clientIdentifier" => self.told("identifier", text),
            Value::Text(text) => text.clone(),
            Value::Texts(texts) => texts.join(","),
            Value::Map(texts) => {
                texts.iter().map(|(name, text)| format!("{name}:{text}")).collect::<Vec<_>>().join(",")
            }
            Value::Int(number) | Value::Time(number) => number.to_string(),
            Value::Bool(value) => value.to_string(),
            Value::Null => "null".to_owned(),
        };
        fields.iter().map(|(key, value)| format!("{key}={}", show(key, value))).collect::<Vec<_>>().join(" ")
    }

    /// The name of what was told.
    fn told(&self, what: &str, text: &str) -> String {
        let number = self.all_told(what).len() + 1;
        let mut names = self.names.borrow_mut();
        let known = names.iter().find(|(known, _)| known == text).map(|(_, name)| name.clone());
        known.unwrap_or_else(|| {
            let name = format!("{what} {number}");
            names.push((text.to_owned(), name.clone()));
            name
        })
    }

    /// The identifiers, or the secrets, that were told.
    fn all_told(&self, what: &str) -> Vec<String> {
        let names = self.names.borrow();
        names.iter().filter(|(_, name)| name.starts_with(what)).map(|(text, _)| text.clone()).collect()
    }

    fn named(&self, text: &str) -> String {
        self.names.borrow().iter().fold(text.to_owned(), |text, (told, name)| text.replace(told, name))
    }

    /// The identifier and the secret that were told first.
    fn first_pair(&self) -> (String, String) {
        (self.all_told("identifier").remove(0), self.all_told("secret").remove(0))
    }
}

fn given(parameters: &[(&str, &str)]) -> Given {
    parameters.iter().fold(Given::default(), |given, (name, value)| given.with(name, value))
}

/// The answer to a create: the first, the second and so on that a store has told.
fn created(number: usize) -> String {
    format!("credentialId={number} clientIdentifier=identifier {number} clientSecret=secret {number}")
}

#[test]
fn a_credential_is_stored_as_it_was_asked_for() {
    on_each(Kind::all(), |site| {
        register_service(&site.session, 7, 70).unwrap();
        let code = [
            ("name", "Shop"),
            ("scope", "profile openid"),
            ("description", "Sells"),
            ("logoUri", "/logo.png"),
            ("redirectUri", "https://a.test/ https://b.test/?x='1'"),
        ];
        assert_eq!(site.create(&code), created(1));
        let single =
            [("grantType", "single_sign_on"), ("name", "Portal"), ("serviceId", "7"), ("scope", "clientarea:sso")];
        assert_eq!(site.call_as(Some("admin"), "CreateOAuthCredential", &single), created(2));
        let columns = "id, identifier, redirect_uri, grant_types, user_id, service_id, name, description, logo_uri, \
                       rsa_key_pair_id, created_at, updated_at";
        assert_eq!(
            site.rows("tbloauthserver_clients", columns),
            [
                format!(
                    "1|identifier 1|https://a.test/ https://b.test/?x='1'|authorization_code||0|Shop|Sells|/logo.png|0\
                     |{NOW}|{NOW}"
                ),
                format!("2|identifier 2||single_sign_on|70|7|Portal|||0|{NOW}|{NOW}"),
            ]
        );
        assert_eq!(site.rows("tbloauthserver_client_scopes", "client_id, scope_id"), ["1|20", "1|21", "2|1"]);
        assert_eq!(
            site.rows("tblactivitylog", "id, date, description, user, userid, admin_id, ipaddr"),
            [
                format!("1|{NOW}|OAuth credential 1 created (authorization_code)|System|0|0|"),
                format!("2|{NOW}|OAuth credential 2 created (single_sign_on, service 7)|admin|70|1|"),
            ]
        );
    });
}

#[test]
fn text_is_stored_as_it_is_or_refused() {
    on_each(Kind::all(), |site| {
        let [x, emoji] = ["x", "\u{1f600}"].map(|character| character.repeat(255));
        for (number, text) in ["A", " A ", "\u{1f600}\u{301}'\"\\%_`", &x, &emoji].into_iter().enumerate() {
            assert_eq!(site.create(&[("name", text), ("description", text)]), created(number + 1));
            let stored = site.rows("tbloauthserver_clients", "name, description");
            assert_eq!(stored.last(), Some(&format!("{text}|{text}")));
        }
        let longest = format!("https://a.test/{}", "x".repeat(1_985));
        assert_eq!(site.create(&[("redirectUri", &longest), ("logoUri", &x), ("description", "")]), created(6));
        let stored = site.rows("tbloauthserver_clients", "redirect_uri, logo_uri, description");
        assert_eq!(stored.last(), Some(&format!("{longest}|{x}|")));
        for (parameter, value, sentence) in [
            ("grantType", "", "A valid grant type is required."),
            ("grantType", "implicit", "The requested grant type \"implicit\" is invalid."),
            ("grantType", "Authorization_Code", "The requested grant type \"Authorization_Code\" is invalid."),
            ("name", "", "A name for the Client Credential is required."),
            ("name", "a\u{1}", "The name contains control characters."),
            ("name", &format!("{emoji}x"), "The name is longer than 255 characters."),
            ("description", "a\u{1}", "The description contains control characters."),
            ("description", &format!("{emoji}x"), "The description is longer than 255 characters."),
            ("redirectUri", "ftp://a", "The redirect URI \"ftp://a\" is invalid: a private scheme needs a dot."),
            ("redirectUri", &format!("{longest}x"), "The redirect URIs are longer than 2,000 characters."),
            ("logoUri", "//a", "The logo URI \"//a\" is invalid: it begins with //."),
            ("logoUri", &format!("{x}x"), "The logo URI is longer than 255 characters."),
        ] {
            assert_eq!(site.create(&[(parameter, value)]), sentence);
        }
        assert_eq!(site.log().len(), 6);
    });
}

#[test]
fn scopes_services_and_admins_are_found_byte_for_byte() {
    on_each(Kind::all(), |site| {
        register_service(&site.session, 7, 70).unwrap();
        site.host("INSERT INTO tblhosting (id, userid) VALUES (8, 80)");
        let single = |service| {
            let parameters = [("grantType", "single_sign_on"), ("serviceId", service), ("scope", "clientarea:sso")];
            site.call("CreateOAuthCredential", &parameters)
        };
        let as_admin = |admin| {
            let parameters = [("grantType", "authorization_code"), ("name", "A"), ("scope", "openid")];
            site.call_as(Some(admin), "CreateOAuthCredential", &parameters)
        };
        assert_eq!(site.create(&[("scope", "openid profile openid")]), created(1));
        assert_eq!(site.create(&[("scope", "openid ")]), created(2));
        assert_eq!(site.create(&[("scope", "OPENID")]), "The requested scope \"OPENID\" is invalid.");
        assert_eq!(site.create(&[("scope", "\u{1f600}")]), "The requested scope \"\u{1f600}\" is invalid.");
        assert_eq!(site.create(&[("scope", "")]), "At least one valid scope is required.");
        assert_eq!(single("07"), created(3));
        assert_eq!(single("8"), "Service ID not associated with valid Client.");
        for service in ["9", "-1", "7 ", "9223372036854775807", "9223372036854775808"] {
            assert_eq!(single(service), "A valid Service ID is required.");
        }
        for service in ["", "0"] {
            assert_eq!(single(service), "A service ID is required for the single sign-on grant type.");
        }
        assert_eq!(as_admin("admin"), created(4));
        assert_eq!(as_admin(""), created(5));
        for admin in ["ADMIN", "admin ", " admin", "nobody", "\u{1f600}"] {
            assert_eq!(as_admin(admin), format!("The admin user \"{admin}\" was not found."));
        }
        let scopes = site.rows("tbloauthserver_client_scopes", "client_id, scope_id");
        assert_eq!(scopes, ["1|20", "1|21", "2|20", "3|1", "4|20", "5|20"]);
        let lines = site.rows("tblactivitylog", "description, user, admin_id");
        assert_eq!(
            lines,
            [
                "OAuth credential 1 created (authorization_code)|System|0",
                "OAuth credential 2 created (authorization_code)|System|0",
                "OAuth credential 3 created (single_sign_on, service 7)|System|0",
                "OAuth credential 4 created (authorization_code)|admin|1",
                "OAuth credential 5 created (authorization_code)|System|0",
            ]
        );
    });
}

#[test]
fn a_list_has_each_credential_as_it_is() {
    on_each(Kind::all(), |site| {
        assert_eq!(site.call("ListOAuthCredentials", &[]), "");
        register_service(&site.session, 7, 70).unwrap();
        let code = [
            ("name", "Shop"),
            ("scope", "email openid"),
            ("description", "Sells"),
            ("logoUri", "/logo.png"),
            ("redirectUri", "https://a.test/ https://b.test/"),
        ];
        site.create(&code);
        let single = [("grantType", "single_sign_on"), ("serviceId", "7"), ("scope", "clientarea:sso")];
        site.call("CreateOAuthCredential", &single);
        site.host("UPDATE tbloauthserver_clients SET created_at = '2001-02-03 04:05:06' WHERE id = 2");
        let first = "credentialId=1 name=Shop description=Sells grantTypes=authorization_code scope=openid email \
                     clientIdentifier=identifier 1 clientSecret=secret 1 uuid=null serviceId=0 logoUri=/logo.png \
                     redirectUri=https://a.test/,https://b.test/ rsaKeyPairId=0 createdAt=1479461544 \
                     updatedAt=1479461544 expiresAt=null disabled=false lastUsedAt=null";
        let second = "credentialId=2 name= description= grantTypes=single_sign_on scope=clientarea:sso \
                      clientIdentifier=identifier 2 clientSecret=secret 2 uuid=null serviceId=7 logoUri= \
                      redirectUri= rsaKeyPairId=0 createdAt=981173106 updatedAt=1479461544 expiresAt=null disabled=false lastUsedAt=null";
        assert_eq!(site.call("ListOAuthCredentials", &[]), format!("{first}\n{second}"));
        assert_eq!(site.call("ListOAuthCredentials", &[("grantType", "authorization_code")]), first);
        assert_eq!(site.call("ListOAuthCredentials", &[("grantType", "single_sign_on")]), second);
        let unknown = "The requested grant type \"SINGLE_SIGN_ON\" is invalid.";
        assert_eq!(site.call("ListOAuthCredentials", &[("grantType", "SINGLE_SIGN_ON")]), unknown);
        // What a host has spoilt.
        site.host("DELETE FROM tbloauthserver_scopes WHERE scope = 'email'");
        site.host("UPDATE tbloauthserver_clients SET secret = 'v1:x' WHERE id = 2");
        let first = first.replace("scope=openid email", "scope=openid");
        let second = second.replace("clientSecret=secret 2", "clientSecret=null");
        let message = "1 client secret cannot be read: it is damaged.";
        assert_eq!(site.call("ListOAuthCredentials", &[]), format!("{first}\n{second}\n{message}"));
    });
}

#[test]
fn a_list_is_sorted_byte_by_byte_then_by_id() {
    on_each(Kind::all(), |site| {
        register_service(&site.session, 7, 70).unwrap();
        for name in ["b", "B", "a", "b", "\u{e9}", "e", "a b", "a\u{a0}b", "10", "9", "\u{1f600}", "\u{ffff}"] {
            site.create(&[("name", name), ("description", name)]);
        }
        let single = [("grantType", "single_sign_on"), ("serviceId", "7"), ("scope", "email openid")];
        site.call("CreateOAuthCredential", &single);
        site.host("UPDATE tbloauthserver_clients SET created_at = '2001-02-03 04:05:06' WHERE id = 3");
        site.host("UPDATE tbloauthserver_clients SET updated_at = '2031-02-03 04:05:06' WHERE id = 2");
        let identifiers = site.all_told("identifier");
        let mut by_identifier: Vec<usize> = (1..=13).collect();
        by_identifier.sort_by_key(|id| &identifiers[id - 1]);
        let by_identifier = by_identifier.iter().map(usize::to_string).collect::<Vec<_>>().join(" ");
        for (field, ascending) in [
            ("credentialId", "1 2 3 4 5 6 7 8 9 10 11 12 13"),
            ("name", "13 9 10 2 3 7 8 1 4 6 5 12 11"),
            ("description", "13 9 10 2 3 7 8 1 4 6 5 12 11"),
            ("grantTypes", "1 2 3 4 5 6 7 8 9 10 11 12 13"),
            ("clientIdentifier", &by_identifier),
            ("serviceId", "1 2 3 4 5 6 7 8 9 10 11 12 13"),
            ("createdAt", "3 1 2 4 5 6 7 8 9 10 11 12 13"),
            ("updatedAt", "1 3 4 5 6 7 8 9 10 11 12 13 2"),
        ] {
            let descending = ascending.split(' ').rev().collect::<Vec<_>>().join(" ");
            for (order, expected) in [("ASC", ascending), ("", ascending), ("desc", &descending)] {
                assert_eq!(site.listed(&[("sortField", field), ("sortOrder", order)]), expected, "{field} {order}");
            }
        }
        assert_eq!(site.listed(&[("sortField", "x")]), "The sort field \"x\" is invalid.");
        assert_eq!(site.listed(&[("sortOrder", "up")]), "The sort order \"up\" is invalid.");
    });
}

#[test]
fn a_part_of_a_list_begins_and_ends_where_it_was_asked_for() {
    on_each(Kind::all(), |site| {
        register_service(&site.session, 7, 70).unwrap();
        for name in ["e", "d", "c", "b", "a"] {
            site.create(&[("name", name)]);
            let single = [("grantType", "single_sign_on"), ("name", name), ("serviceId", "7"), ("scope", "openid")];
            site.call("CreateOAuthCredential", &single);
        }
        site.call("DeleteOAuthCredential", &[("credentialId", "4")]);
        let by_name = [("sortField", "name")];
        let back = [("sortOrder", "desc")];
        let single = [("grantType", "single_sign_on"), ("sortOrder", "desc")];
        for (limit, start, expected) in [
            ("3", "0", ["1 2 3", "10 9 8", "9 10 7", "10 8 6"]),
            ("3", "5", ["7 8 9", "5 3 2", "6 3 1", ""]),
            ("0", "7", ["9 10", "2 1", "1 2", ""]),
            ("2", "1", ["2 3", "9 8", "10 7", "8 6"]),
            ("5", "100", ["", "", "", ""]),
            ("9223372036854775807", "8", ["10", "1", "2", ""]),
            ("-1", "0", ["The limit \"-1\" is invalid."; 4]),
            ("1", "x", ["The limit start \"x\" is invalid."; 4]),
        ] {
            let part = [("limit", limit), ("limitstart", start)];
            let found = [&[][..], &back, &by_name, &single].map(|more| site.listed(&[&part, more].concat()));
            assert_eq!(found, expected, "{limit} from {start}");
        }
    });
}

#[test]
fn a_list_gives_each_credential_its_own_scopes_whatever_is_missing_between_them() {
    on_each(Kind::all(), |site| {
        let scopes = ["openid", "openid email", "profile", "openid profile", "email", "openid profile email"];
        for (name, scope) in ["f", "e", "d", "c", "b", "a"].into_iter().zip(scopes) {
            site.create(&[("name", name), ("scope", scope)]);
        }
        let listed = |parameters: &[(&str, &str)]| {
            let answer = site.call("ListOAuthCredentials", parameters);
            let scope = |line: &str| Some(line.split_once("scope=")?.1.split_once(" clientIdentifier")?.0.to_owned());
            answer.lines().filter_map(scope).collect::<Vec<_>>()
        };
        let all = ["openid", "openid email", "profile", "openid profile", "email", "openid profile email"];
        assert_eq!(listed(&[]), all);
        assert_eq!(
            listed(&[("sortField", "name"), ("limit", "3")]),
            ["openid profile email", "email", "openid profile"]
        );
        assert_eq!(listed(&[("search", "c")]), ["openid profile"]);
        site.call("DeleteOAuthCredential", &[("credentialId", "2")]);
        assert_eq!(listed(&[]), ["openid", "profile", "openid profile", "email", "openid profile email"]);
        assert_eq!(listed(&[("limitstart", "1"), ("limit", "2")]), ["profile", "openid profile"]);
        // A host may forget the rows of one that it deletes, and have one without any.
        site.host("DELETE FROM tbloauthserver_clients WHERE id = 4");
        site.host("DELETE FROM tbloauthserver_client_scopes WHERE client_id = 3");
        assert_eq!(listed(&[]), ["openid", "", "email", "openid profile email"]);
        assert_eq!(listed(&[("limit", "2")]), ["openid", ""]);
    });
}

#[test]
fn a_list_has_what_is_looked_for() {
    on_each(Kind::all(), |site| {
        register_service(&site.session, 7, 70).unwrap();
        register_service(&site.session, 8, 70).unwrap();
        for (name, description) in
            [("Shop", "100% off_er"), ("shopping", ""), ("Other", "a SHOP!"), ("\u{dc}ber", ""), ("'; --\\", "")]
        {
            site.create(&[("name", name), ("description", description)]);
        }
        for service in ["7", "8"] {
            let single = [("grantType", "single_sign_on"), ("serviceId", service), ("scope", "openid")];
            site.call("CreateOAuthCredential", &single);
        }
        let (identifier, _) = site.first_pair();
        let spaced = format!("{identifier} ");
        for (filter, expected) in [
            (&[("search", "shop")][..], "1 2 3"),
            (&[("search", "SHOP")], "1 2 3"),
            (&[("search", "shop"), ("limit", "1"), ("limitstart", "1")], "2"),
            (&[("search", "shop"), ("sortField", "name")], "3 1 2"),
            (&[("search", "0%")], "1"),
            (&[("search", "f_e")], "1"),
            (&[("search", "p!")], "3"),
            (&[("search", "_")], "1"),
            (&[("search", "\u{dc}b")], "4"),
            (&[("search", "'; --\\")], "5"),
            (&[("search", "nothing")], ""),
            (&[("search", " ")], "1 2 3 4 5 6 7"),
            (&[("search", &"%".repeat(255))], ""),
            (&[("search", &"a".repeat(256))], "The search is longer than 255 characters."),
            (&[("search", "\0shop")], "The search contains control characters."),
            (&[("serviceId", "7")], "6"),
            (&[("serviceId", "0"), ("search", "o"), ("grantType", "authorization_code")], "1 2 3"),
            (&[("serviceId", "x")], "A valid Service ID is required."),
            (&[("clientIdentifier", &identifier)], "1"),
            (&[("clientIdentifier", &spaced)], ""),
            (&[("clientIdentifier", &identifier.to_lowercase())], ""),
            (&[("afterId", "0"), ("limit", "2")], "1 2"),
            (&[("afterId", "2"), ("limit", "2")], "3 4"),
            (&[("afterId", "3"), ("sortOrder", "desc")], "2 1"),
            (&[("afterId", "1"), ("search", "shop"), ("sortField", "id")], "2 3"),
            (&[("afterId", "99")], ""),
            (&[("afterId", "x")], "The after ID \"x\" is invalid: it is no whole number."),
            (
                &[("afterId", "1"), ("sortField", "name")],
                "The after ID \"1\" is invalid: the list is not sorted by credentialId.",
            ),
        ] {
            assert_eq!(site.listed(filter), expected, "{filter:?}");
        }
        let total = |filter: &[(&str, &str)]| {
            let given = given(&[&[("total", "1"), ("limit", "1"), ("afterId", "1")], filter].concat());
            let reply = command::answer(&site.session, &Request::new(b"ListOAuthCredentials", &given, None)).unwrap();
            site.fields(&reply.list.unwrap().after)
        };
        assert_eq!(total(&[]), "totalResults=7");
        assert_eq!(total(&[("search", "shop")]), "totalResults=3");
    });
}

#[test]
fn a_list_without_secrets_opens_none() {
    on_each(Kind::all(), |site| {
        site.create(&[]);
        site.host("UPDATE tbloauthserver_clients SET secret = 'v1:x'");
        for (asked, secrets, message) in [
            (&[("secrets", "0")][..], "clientSecret=null", false),
            (&[("secrets", "false")], "clientSecret=null", false),
            (&[("secrets", "")], "clientSecret=null", false),
            (&[], "clientSecret=null", true),
            (&[("secrets", "1")], "clientSecret=null", true),
        ] {
            let answer = site.call("ListOAuthCredentials", asked);
            assert!(answer.contains(secrets));
            assert_eq!(answer.contains("it is damaged"), message, "{asked:?}");
        }
        assert_eq!(site.create(&[]), created(2));
        assert!(site.call("ListOAuthCredentials", &[("secrets", "1")]).contains("clientSecret=secret 2"));
        assert!(!site.call("ListOAuthCredentials", &[("secrets", "0")]).contains("clientSecret=secret 2"));
    });
}

#[test]
fn a_change_is_stored_and_what_it_leaves_out_stays() {
    on_each(Kind::all(), |site| {
        register_service(&site.session, 7, 70).unwrap();
        site.create(&[("name", "Shop"), ("redirectUri", "https://a.test/"), ("logoUri", "/logo.png")]);
        site.create(&[("name", "Other")]);
        let single = [("grantType", "single_sign_on"), ("serviceId", "7"), ("scope", "clientarea:sso")];
        site.call("CreateOAuthCredential", &single);
        let created = "2001-02-03 04:05:06";
        site.host(&format!("UPDATE tbloauthserver_clients SET created_at = '{created}', updated_at = '{created}'"));
        let (identifier, _) = site.first_pair();
        for (change, answer) in [
            (&[("credentialId", "1")][..], "credentialId=1"),
            (&[("credentialId", "1"), ("scope", "")], "At least one valid scope is required."),
            (&[("credentialId", "1"), ("name", "")], "A name for the Client Credential is required."),
            (
                &[("credentialId", "1"), ("grantType", "single_sign_on")],
                "A service ID is required for the single sign-on grant type.",
            ),
            (
                &[("credentialId", "3"), ("grantType", "authorization_code")],
                "A name for the Client Credential is required.",
            ),
            (&[("credentialId", "99"), ("name", "x")], "Invalid Credential ID provided."),
            (&[("credentialId", "x"), ("name", "x")], "Invalid Credential ID provided."),
            (&[("name", "x")], "A Credential ID or Client Identifier is required."),
            (
                &[("clientApiIdentifier", &identifier.to_lowercase()), ("name", "x")],
                "Invalid Client Identifier provided.",
            ),
            (
                &[("clientApiIdentifier", &format!("{identifier} ")), ("name", "x")],
                "Invalid Client Identifier provided.",
            ),
        ] {
            assert_eq!(site.call("UpdateOAuthCredential", change), answer, "{change:?}");
        }
        let columns = "id, identifier, redirect_uri, grant_types, user_id, service_id, name, description, logo_uri, \
                       rsa_key_pair_id, created_at, updated_at";
        let second = format!("2|identifier 2||authorization_code||0|Other|||0|{created}|{created}");
        assert_eq!(
            site.rows("tbloauthserver_clients", columns),
            [
                format!("1|identifier 1|https://a.test/|authorization_code||0|Shop||/logo.png|0|{created}|{created}"),
                second.clone(),
                format!("3|identifier 3||single_sign_on|70|7||||0|{created}|{created}"),
            ]
        );
        for change in [
            &[("credentialId", "1"), ("name", "N\u{1f600}")][..],
            &[("clientApiIdentifier", &identifier), ("scope", "profile email"), ("description", "a\r\nb")],
            &[("credentialId", "1"), ("redirectUri", ""), ("logoUri", "b.png")],
            &[("credentialId", "1"), ("grantType", "single_sign_on"), ("serviceId", "7")],
            &[("credentialId", "3"), ("grantType", "authorization_code"), ("name", "Was single")],
        ] {
            let answer = site.call("UpdateOAuthCredential", change);
            assert!(["credentialId=1", "credentialId=3"].contains(&answer.as_str()), "{answer}");
        }
        assert_eq!(
            site.rows("tbloauthserver_clients", columns),
            [
                format!("1|identifier 1||single_sign_on|70|7|N\u{1f600}|a\r\nb|b.png|0|{created}|{NOW}"),
                second,
                format!("3|identifier 3||authorization_code||0|Was single|||0|{created}|{NOW}"),
            ]
        );
        let scopes = site.rows("tbloauthserver_client_scopes", "client_id, scope_id");
        assert_eq!(scopes, ["1|21", "1|22", "2|20", "3|1"]);
        assert_eq!(
            site.log()[3..],
            [
                "OAuth credential 1 updated|0",
                "OAuth credential 1 updated|0",
                "OAuth credential 1 updated|0",
                "OAuth credential 1 updated|70",
                "OAuth credential 3 updated|0",
            ]
        );
    });
}

#[test]
fn a_change_names_its_credential_by_its_id_or_where_that_is_0_by_its_identifier() {
    on_each(Kind::all(), |site| {
        (1..=2).for_each(|number| assert_eq!(site.create(&[("logoUri", "/a.png")]), created(number)));
        let first = site.all_told("identifier").remove(0);
        let named = |id: &str, identifier: &str| {
            let answer = [("credentialId", id), ("clientApiIdentifier", identifier)];
            site.call("UpdateOAuthCredential", &answer)
        };
        for (id, identifier, found) in [
            ("2", "", "credentialId=2"),
            ("2", first.as_str(), "credentialId=2"),
            ("0", first.as_str(), "credentialId=1"),
            ("", first.as_str(), "credentialId=1"),
            ("0", "", "Invalid Credential ID provided."),
            ("0", "x", "Invalid Client Identifier provided."),
            ("", "", "A Credential ID or Client Identifier is required."),
        ] {
            assert_eq!(named(id, identifier), found, "{id} {identifier}");
        }
        // A blank one takes the logo away.
        for (uri, stored) in [("/b.png", "/b.png"), (" \t", "")] {
            site.call("UpdateOAuthCredential", &[("credentialId", "1"), ("logoUri", uri)]);
            assert_eq!(site.rows("tbloauthserver_clients", "logo_uri"), [stored, "/a.png"]);
        }
        // One parameter is a change, also where nothing becomes another.
        for (name, value) in
            [("grantType", "authorization_code"), ("scope", "openid"), ("disabled", "0"), ("expiresAt", "")]
        {
            let before = site.log().len();
            site.call("UpdateOAuthCredential", &[("credentialId", "2"), (name, value)]);
            assert_eq!(site.log()[before..], ["OAuth credential 2 updated|0"], "{name}");
        }
    });
}

#[test]
fn a_secret_that_was_reset_is_the_only_one_that_verifies() {
    on_each(Kind::all(), |site| {
        site.create(&[("redirectUri", "https://a.test/ https://b.test/"), ("scope", "email openid")]);
        let (identifier, secret) = site.first_pair();
        let known = "credentialId=1 clientIdentifier=identifier 1 grantType=authorization_code scope=openid,email \
                     serviceId=0 userId=0 redirectUri=https://a.test/,https://b.test/ name=Shop description= logoUri= \
                     expiresAt=null disabled=false";
        assert_eq!(site.verify(&identifier, &secret), known);
        for (identifier, secret) in [
            (identifier.to_lowercase(), &secret),
            (format!("{identifier} "), &secret),
            (identifier.clone(), &secret.to_lowercase()),
            ("nobody".to_owned(), &secret),
            ("\u{1f600}".to_owned(), &String::new()),
        ] {
            assert_eq!(site.verify(&identifier, secret), "none");
        }
        let reset = [("credentialId", "1"), ("resetSecret", "true")];
        assert_eq!(site.call("UpdateOAuthCredential", &reset), "credentialId=1 newClientSecret=secret 2");
        let both = [("credentialId", "1"), ("resetSecret", "true"), ("name", "Both")];
        assert_eq!(site.call("UpdateOAuthCredential", &both), "credentialId=1 newClientSecret=secret 3");
        let secrets = site.all_told("secret");
        assert_eq!(
            secrets.iter().map(|secret| site.verify(&identifier, secret)).collect::<Vec<_>>(),
            ["none", "none", known.replace("Shop", "Both").as_str()]
        );
        assert_eq!(
            site.log(),
            [
                "OAuth credential 1 created (authorization_code)|0",
                "OAuth credential 1 secret reset|0",
                "OAuth credential 1 updated|0",
                "OAuth credential 1 secret reset|0",
            ]
        );
    });
}

#[test]
fn a_secret_that_was_replaced_verifies_until_its_overlap_ends() {
    on_each(Kind::all(), |site| {
        let update =
            |more: &[(&str, &str)]| site.call("UpdateOAuthCredential", &[&[("credentialId", "1")][..], more].concat());
        let reset = ("resetSecret", "1");
        site.create(&[]);
        let (identifier, _) = site.first_pair();
        // The numbers of the secrets that verify.
        let verifying = || {
            let secrets = site.all_told("secret");
            let verifies = |secret: &String| site.verify(&identifier, secret) != "none";
            (1..).zip(&secrets).filter(|(_, secret)| verifies(secret)).map(|(number, _)| number).collect::<Vec<_>>()
        };
        assert_eq!(
            update(&[reset, ("overlap", "60")]),
            "credentialId=1 newClientSecret=secret 2 previousSecretExpiresAt=2016-11-18 09:33:24"
        );
        assert_eq!(verifying(), [1, 2]);
        assert_eq!(
            site.rows("localapi_lifetimes", "id, expires_at, disabled, previous_expires_at"),
            ["1|null|0|2016-11-18 09:33:24"]
        );
        site.session.travel_for_test(59);
        assert_eq!(verifying(), [1, 2]);
        site.session.travel_for_test(1);
        assert_eq!(verifying(), [2]);
        // The newest two.
        update(&[reset, ("overlap", "60")]);
        assert_eq!(
            update(&[reset, ("overlap", "2592000")]),
            "credentialId=1 newClientSecret=secret 4 previousSecretExpiresAt=2016-12-18 09:33:24"
        );
        assert_eq!(verifying(), [3, 4]);
        // None before it is left.
        assert_eq!(update(&[reset]), "credentialId=1 newClientSecret=secret 5");
        assert_eq!(verifying(), [5]);
        update(&[reset, ("overlap", "60")]);
        assert_eq!(verifying(), [5, 6]);
        assert_eq!(rotation::rotate(&site.session, || true).unwrap(), 1);
        assert_eq!(verifying(), [5, 6]);
        assert_eq!(update(&[("name", "Renamed"), ("expiresAt", "2017-01-01 00:00:00")]), "credentialId=1");
        assert_eq!(verifying(), [5, 6]);
        assert_eq!(update(&[("revokePreviousSecret", "1")]), "credentialId=1");
        assert_eq!(verifying(), [6]);
        assert_eq!(update(&[("revokePreviousSecret", "1")]), "credentialId=1");
        assert_eq!(update(&[("overlap", "60")]), "credentialId=1");
        for overlap in ["0", "-1", "x", "2592001", "1.5"] {
            let sentence = format!("The overlap \"{overlap}\" is invalid: it must be 1 to 2,592,000 seconds.");
            assert_eq!(update(&[reset, ("overlap", overlap)]), sentence);
        }
        assert_eq!(verifying(), [6]);
        let lines = site.log();
        assert_eq!(lines.iter().filter(|line| line.ends_with("1 secret reset|0")).count(), 5);
        assert_eq!(lines.last().unwrap(), "OAuth credential 1 previous secret revoked|0");
        // What can't be read can't go on either.
        site.host("UPDATE tbloauthserver_clients SET secret = 'v1:x'");
        assert_eq!(update(&[reset, ("overlap", "60")]), "The secret of OAuth credential 1 is damaged.");
    });
}

#[test]
fn two_that_replace_a_secret_at_once_leave_what_they_were_told() {
    on_each(Kind::shared(), |site| {
        site.create(&[]);
        let (identifier, first) = site.first_pair();
        let settings = site.kind.settings.clone();
        let replace = || {
            let settings = settings.clone();
            move || {
                let session = Session::new(settings);
                let given = given(&[("credentialId", "1"), ("resetSecret", "1"), ("overlap", "2000000")]);
                let reply = command::answer(&session, &Request::new(b"UpdateOAuthCredential", &given, None)).unwrap();
                match &reply.fields[1] {
                    ("newClientSecret", Value::Secret(secret)) => secret.reveal().to_owned(),
                    other => panic!("{other:?}"),
                }
            }
        };
        let new = std::thread::scope(|scope| {
            let both = [scope.spawn(replace()), scope.spawn(replace())];
            both.map(|one| one.join().unwrap())
        });
        let session = Session::new(settings.clone());
        let verifies = |secret: &str| verify(&session, identifier.as_bytes(), secret.as_bytes()).unwrap().is_some();
        assert_eq!([&first, &new[0], &new[1]].map(|secret| verifies(secret)), [false, true, true]);
    });
}

#[test]
fn a_create_with_the_same_key_is_answered_the_same_for_a_day() {
    on_each(Kind::all(), |site| {
        let key = ("idempotencyKey", "order 1");
        assert_eq!(site.create(&[key]), created(1));
        assert_eq!(site.create(&[key]), created(1));
        assert_eq!(site.create(&[key, ("description", "")]), created(1));
        // From any process, and in whatever way it's asked.
        let other = site.kind.shares_store().then(|| Session::new(site.kind.settings.clone()));
        other.iter().for_each(Session::stop_for_test);
        for session in other.iter().chain([&site.session]) {
            let given = given(&[("grantType", "authorization_code"), ("name", "Shop"), ("scope", "openid"), key]);
            let calls = [(); 2].map(|()| command::read(&Request::new(b"CreateOAuthCredential", &given, None)));
            let answers = batch::answer(session, &calls, || true);
            assert_eq!(
                answers.into_iter().map(|answer| site.shown(answer)).collect::<Vec<_>>(),
                [created(1), created(1)]
            );
        }
        let used = "The idempotency key was used with other parameters: take another one.";
        for changed in [("name", "Shops"), ("scope", "openid email"), ("expiresAt", "2030-01-01 00:00:00")] {
            assert_eq!(site.create(&[key, changed]), used);
        }
        for key in ["", &"k".repeat(256), "a\nb"] {
            let sentence = "The idempotency key must be 1 to 255 printable characters.";
            assert_eq!(site.create(&[("idempotencyKey", key)]), sentence);
        }
        assert_eq!(site.log().len(), 1);
        let other = ("idempotencyKey", "order 2");
        assert_eq!(site.create(&[other]), created(2));
        site.call("UpdateOAuthCredential", &[("credentialId", "1"), ("name", "Renamed")]);
        assert_eq!(site.create(&[key]), created(1));
        site.call("UpdateOAuthCredential", &[("credentialId", "1"), ("resetSecret", "1")]);
        let reset = "The secret of the credential that was created with this idempotency key has been reset: take \
                     another key.";
        assert_eq!(site.create(&[key]), reset);
        assert_eq!(site.create(&[key, ("name", "Other")]), used);
        site.call("DeleteOAuthCredential", &[("credentialId", "2")]);
        let deleted = "The credential that was created with this idempotency key has been deleted: take another key.";
        assert_eq!(site.create(&[other]), deleted);
        site.session.travel_for_test(86_399);
        assert_eq!(site.create(&[other]), deleted);
        let hashes = site.rows("localapi_idempotency_keys", "key_hash, request_hash").join(" ");
        assert!(!hashes.contains("order") && !hashes.contains("Shop"), "{hashes}");
        site.session.travel_for_test(1);
        assert!(site.create(&[other]).starts_with("credentialId=3 "));
        // What is old has gone by itself.
        assert_eq!(site.rows("localapi_idempotency_keys", "id, is_reset"), ["3|0"]);
    });
}

#[test]
fn of_several_that_create_with_one_key_at_once_one_does() {
    on_each(Kind::shared(), |site| {
        site.create(&[]);
        let create = || {
            let session = Session::new(site.kind.settings.clone());
            let given = given(&[
                ("grantType", "authorization_code"),
                ("name", "Shop"),
                ("scope", "openid"),
                ("idempotencyKey", "k"),
            ]);
            command::answer(&session, &Request::new(b"CreateOAuthCredential", &given, None)).unwrap().fields
        };
        let answers = std::thread::scope(|scope| {
            let all = [(); 4].map(|()| scope.spawn(create));
            all.map(|one| one.join().unwrap())
        });
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        assert_eq!(site.log().len(), 2);
    });
}

#[test]
fn of_several_batches_that_create_with_one_key_at_once_one_does() {
    on_each(Kind::shared(), |site| {
        site.create(&[]);
        let keyed = |key: usize| {
            let key = key.to_string();
            let base = [("grantType", "authorization_code"), ("name", "Shop"), ("scope", "openid")];
            given(&[&base[..], &[("idempotencyKey", &key)]].concat())
        };
        let create = || {
            let session = Session::new(site.kind.settings.clone());
            let answer = |key| {
                let given = keyed(key);
                let call = command::read(&Request::new(b"CreateOAuthCredential", &given, None));
                let replies = batch::answer(&session, &[call], || true);
                replies.into_iter().map(|reply| reply.unwrap().fields).collect::<Vec<_>>()
            };
            (0..20).map(answer).collect::<Vec<_>>()
        };
        let answers = std::thread::scope(|scope| {
            let all = [(); 4].map(|()| scope.spawn(create));
            all.map(|one| one.join().unwrap())
        });
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        assert_eq!(site.log().len(), 21);
    });
}

#[test]
fn what_was_registered_is_listed() {
    on_each(Kind::all(), |site| {
        let session = &site.session;
        register_service(session, 8, 80).unwrap();
        register_service(session, 7, 70).unwrap();
        register_scope(session, b"shop", b"A shop").unwrap();
        register_admin(session, b"eve").unwrap();
        let shown = |found: Result<Vec<Fields>>| {
            found.unwrap().iter().map(|fields| site.fields(fields)).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(shown(registry::services(session)), "serviceId=7 clientId=70; serviceId=8 clientId=80");
        let scopes = shown(registry::scopes(session));
        assert!(scopes.starts_with("scope=clientarea:sso description=Sign in to the client area; "), "{scopes}");
        assert!(scopes.ends_with("; scope=shop description=A shop"), "{scopes}");
        assert_eq!(site.said(registry::disable_admin(session, b"eve", true)), "true");
        assert_eq!(site.said(registry::disable_admin(session, b"eve", true)), "true");
        assert_eq!(site.said(registry::disable_admin(session, b"EVE", true)), "false");
        assert_eq!(shown(registry::admins(session)), "username=admin disabled=false; username=eve disabled=true");
        assert_eq!(site.listed_as(Some("eve"), &[]), "The admin user \"eve\" is disabled.");
        assert_eq!(site.said(registry::disable_admin(session, b"eve", false)), "true");
        assert_eq!(site.listed_as(Some("eve"), &[]), "");
    });
}

#[test]
fn the_first_credential_that_redirects_over_http_leaves_a_line() {
    on_each(Kind::all(), |site| {
        let hosts = crate::settings::HttpHosts::parse("app").unwrap();
        let create = |uri: &str| {
            let given =
                given(&[("grantType", "authorization_code"), ("name", "A"), ("scope", "openid"), ("redirectUri", uri)]);
            let request = Request::new(b"CreateOAuthCredential", &given, None).with_http_hosts(&hosts);
            site.shown(command::answer(&site.session, &request))
        };
        assert_eq!(create("http://localhost/"), created(1));
        assert_eq!(create("https://a.test/ http://app:8080/callback"), created(2));
        assert_eq!(create("http://app/"), created(3));
        assert_eq!(
            create("http://other/"),
            "The redirect URI \"http://other/\" is invalid: http is for loopback hosts and *.test only."
        );
        let lines = site.log();
        assert_eq!(lines.len(), 4);
        let line = "OAuth credential 2 redirects over http to app, which localapi.redirect_http_hosts allows|0";
        assert_eq!(lines[2], line);
    });
}

#[test]
fn a_credential_that_has_expired_or_is_switched_off_does_not_verify_until_that_is_changed() {
    on_each(Kind::all(), |site| {
        let update = |more: &[(&str, &str)]| {
            site.call("UpdateOAuthCredential", &[&[("credentialId", "1"), ("scope", "openid")][..], more].concat())
        };
        assert_eq!(site.create(&[("expiresAt", "2016-11-18T10:33:24+01:00")]), created(1));
        assert_eq!(site.create(&[("expiresAt", "")]), created(2));
        let (identifier, secret) = site.first_pair();
        let verifies = || site.verify(&identifier, &secret) != "none";
        let shown = || {
            let list = site.call("ListOAuthCredentials", &[("limit", "1")]);
            let (_, end) = list.split_once(" expiresAt=").unwrap();
            end.split_once(" lastUsedAt=").unwrap().0.to_owned()
        };
        assert!(verifies());
        site.session.travel_for_test(59);
        assert!(verifies());
        site.session.travel_for_test(1);
        assert!(!verifies());
        assert_eq!(shown(), "2016-11-18 09:33:24 disabled=false");
        assert_eq!(update(&[("name", "Renamed")]), "credentialId=1");
        assert!(!verifies());
        assert_eq!(update(&[("expiresAt", "2016-11-18 09:33:25")]), "credentialId=1");
        assert!(verifies());
        site.session.travel_for_test(1);
        assert!(!verifies());
        assert_eq!(update(&[("expiresAt", " ")]), "credentialId=1");
        assert!(verifies());
        assert_eq!(update(&[("disabled", "true")]), "credentialId=1");
        assert!(!verifies());
        assert_eq!(update(&[("description", "d")]), "credentialId=1");
        assert_eq!(shown(), "null disabled=true");
        assert_eq!(update(&[("disabled", "0")]), "credentialId=1");
        assert!(verifies());
        for (time, reason) in [
            ("2016-11-18 09:33:25", "it has passed"),
            ("soon", "it is no time such as 2030-01-31 09:00:00 or 2030-01-31T10:00:00+01:00"),
        ] {
            let sentence = format!("The expiry \"{time}\" is invalid: {reason}.");
            assert_eq!(update(&[("expiresAt", time)]), sentence);
            assert_eq!(site.create(&[("expiresAt", time)]), sentence);
        }
        assert_eq!(site.rows("localapi_lifetimes", "id, expires_at, disabled"), ["1|null|0"]);
        assert_eq!(site.call("DeleteOAuthCredential", &[("credentialId", "1")]), "credentialId=1");
        assert_eq!(site.rows("localapi_lifetimes", "id"), [""; 0]);
    });
}

#[test]
fn a_verification_is_noted_once_a_minute_when_the_request_has_been_answered() {
    on_each(Kind::all(), |site| {
        let is_memory = site.kind.name == "memory";
        (1..=3).for_each(|number| assert_eq!(site.create(&[]), created(number)));
        let (identifiers, secrets) = (site.all_told("identifier"), site.all_told("secret"));
        let use_of = |number: usize| assert_ne!(site.verify(&identifiers[number], &secrets[number]), "none");
        let noted = || site.rows("localapi_last_uses", "id, used_at").join(" ");
        assert_eq!(site.verify(&identifiers[0], "wrong"), "none");
        site.session.do_owed().unwrap();
        assert_eq!(noted(), "");
        use_of(0);
        assert_eq!(noted().is_empty(), !is_memory);
        site.session.do_owed().unwrap();
        assert_eq!(noted(), "1|2016-11-18 09:32:24");
        site.session.travel_for_test(59);
        use_of(0);
        use_of(1);
        site.session.do_owed().unwrap();
        assert_eq!(noted(), "1|2016-11-18 09:32:24 2|2016-11-18 09:33:23");
        site.session.travel_for_test(1);
        use_of(0);
        // A request that goes on for a minute.
        site.session.travel_for_test(60);
        use_of(0);
        assert_eq!(noted().split(' ').nth(1), Some(if is_memory { "09:34:24" } else { "09:33:24" }));
        site.session.do_owed().unwrap();
        let listed = |parameters: &[(&str, &str)]| site.listed(parameters);
        assert_eq!(listed(&[("sortField", "lastUsedAt")]), "3 2 1");
        assert_eq!(listed(&[("sortField", "lastUsedAt"), ("sortOrder", "desc")]), "1 2 3");
        site.host("UPDATE tbloauthserver_clients SET created_at = '2016-11-18 09:30:00' WHERE id = 3");
        assert_eq!(listed(&[("unusedSince", "2016-11-18 09:31:00")]), "3");
        assert_eq!(listed(&[("unusedSince", "2016-11-18T10:33:24+01:00")]), "2 3");
        assert_eq!(listed(&[("unusedSince", "2016-11-18 09:30:00")]), "");
        let said = "The time \"x\" of unusedSince is invalid: \
                    it is no time such as 2030-01-31 09:00:00 or 2030-01-31T10:00:00+01:00.";
        assert_eq!(listed(&[("unusedSince", "x")]), said);
        assert!(site.call("ListOAuthCredentials", &[("afterId", "1")]).contains("lastUsedAt=2016-11-18 09:33:23"));
        // Of one that is gone nothing is noted, and nothing is kept.
        site.session.travel_for_test(60);
        use_of(1);
        site.call("DeleteOAuthCredential", &[("credentialId", "2")]);
        site.session.do_owed().unwrap();
        assert!(noted().starts_with("1|") && !noted().contains("2|2"), "{}", noted());
    });
}

#[test]
fn a_verification_waits_for_no_writer_to_be_noted() {
    on_each(Kind::shared(), |site| {
        site.create(&[]);
        let (identifier, secret) = site.first_pair();
        let other = Session::new(Settings { busy_timeout: Duration::from_secs(60), ..site.kind.settings.clone() });
        assert!(verify(&site.session, identifier.as_bytes(), secret.as_bytes()).unwrap().is_some());
        other
            .transaction(
                |store| {
                    store.execute_for_test("INSERT INTO localapi_last_uses (id) VALUES (1)")?;
                    store.texts_for_test("SELECT id FROM localapi_last_uses")?;
                    // It would wait for this to end, which it can't before.
                    site.session.do_owed()
                },
                |()| crate::store::Verdict::Unknown.always(),
            )
            .unwrap();
        assert_eq!(site.rows("localapi_last_uses", "id, used_at"), ["1|null"]);
        // What follows is as patient as before.
        assert_eq!(site.create(&[]), created(2));
        assert!(verify(&site.session, identifier.as_bytes(), secret.as_bytes()).unwrap().is_some());
        site.session.do_owed().unwrap();
        assert_eq!(site.rows("localapi_last_uses", "id, used_at"), [format!("1|{NOW}")]);
    });
}

#[test]
fn what_expired_long_enough_ago_is_deleted_and_nothing_else() {
    on_each(Kind::all(), |site| {
        register_service(&site.session, 7, 70).unwrap();
        let pruned = |seconds| site.said(prune(&site.session, seconds, || true));
        for number in 0..203_usize {
            let time = ["2016-11-18 09:32:25", "2016-11-18 09:32:26", "2016-11-18 09:32:34"][number.min(2)];
            let single = [("grantType", "single_sign_on"), ("serviceId", "7"), ("expiresAt", time)];
            site.create(if number == 1 { &single } else { &single[2..] });
        }
        assert_eq!(site.create(&[]), created(204));
        assert_eq!(pruned(0), "0");
        site.session.travel_for_test(5);
        assert_eq!(pruned(3), "2");
        assert_eq!(
            site.log()[204..],
            [
                "OAuth credential 1 deleted, expired 2016-11-18 09:32:25|0",
                "OAuth credential 2 deleted, expired 2016-11-18 09:32:26|70",
            ]
        );
        assert_eq!(pruned(-1), "must be 0 or greater");
        site.session.travel_for_test(5);
        assert_eq!(site.said(prune(&site.session, 0, || false)), "0");
        // A host that knows nothing of these times has deleted one.
        site.host("DELETE FROM tbloauthserver_clients WHERE id = 3");
        site.host("UPDATE localapi_lifetimes SET expires_at = NULL WHERE id = 4");
        assert_eq!(pruned(0), "199");
        assert_eq!(site.rows("tbloauthserver_clients", "id"), ["4", "204"]);
        assert_eq!(site.rows("tbloauthserver_client_scopes", "client_id"), ["4", "204"]);
        assert_eq!(site.rows("localapi_lifetimes", "id"), ["4"]);
    });
}

#[test]
fn however_many_expired_ones_a_host_has_deleted_the_others_are_deleted_too() {
    on_each(Kind::all(), |site| {
        site.create(&[("expiresAt", "2016-11-18 09:32:25")]);
        let rows: Vec<_> = (1_001..=1_400).map(|id| format!("({id}, '2016-11-18 09:32:24')")).collect();
        site.host(&format!("INSERT INTO localapi_lifetimes (id, expires_at) VALUES {}", rows.join(", ")));
        site.session.travel_for_test(5);
        assert_eq!(site.said(prune(&site.session, 0, || true)), "1");
        assert_eq!(site.rows("tbloauthserver_clients", "id"), [""; 0]);
        assert_eq!(site.rows("localapi_lifetimes", "id"), [""; 0]);
    });
}

#[test]
fn a_credential_that_is_deleted_takes_its_scopes_along_and_its_id_is_never_given_again() {
    on_each(Kind::all(), |site| {
        (1..=3).for_each(|number| assert_eq!(site.create(&[]), created(number)));
        assert_eq!(site.call("DeleteOAuthCredential", &[("credentialId", "2")]), "credentialId=2");
        assert_eq!(site.call("DeleteOAuthCredential", &[("credentialId", "2")]), "Invalid Credential ID provided.");
        assert_eq!(site.call("DeleteOAuthCredential", &[("credentialId", "3")]), "credentialId=3");
        assert_eq!(site.call("DeleteOAuthCredential", &[]), "Invalid Credential ID provided.");
        assert_eq!(site.create(&[]), created(4));
        assert_eq!(site.rows("tbloauthserver_clients", "id, identifier"), ["1|identifier 1", "4|identifier 4"]);
        assert_eq!(site.rows("tbloauthserver_client_scopes", "client_id, scope_id"), ["1|20", "4|20"]);
        assert_eq!(
            site.log()[3..],
            [
                "OAuth credential 2 deleted|0",
                "OAuth credential 3 deleted|0",
                "OAuth credential 4 created (authorization_code)|0",
            ]
        );
    });
}

#[test]
fn a_credential_that_is_deleted_leaves_nothing_behind_but_its_idempotency_key() {
    on_each(Kind::all(), |site| {
        assert_eq!(site.create(&[("expiresAt", "2030-01-01 00:00:00"), ("idempotencyKey", "k")]), created(1));
        site.call("UpdateOAuthCredential", &[("credentialId", "1"), ("resetSecret", "1"), ("overlap", "60")]);
        let (identifier, secret) = (site.all_told("identifier").remove(0), site.all_told("secret").remove(1));
        assert_ne!(site.verify(&identifier, &secret), "none");
        site.session.do_owed().unwrap();
        let about_it = || {
            let ours = TABLES.into_iter().filter(|table| table.is_ours() && table.name != "localapi_idempotency_keys");
            let names = ours.map(|table| table.name).chain(["tbloauthserver_clients"]).collect::<Vec<_>>();
            let mut kept: Vec<_> = names.into_iter().filter(|name| !site.rows(name, "id").is_empty()).collect();
            kept.extend((!site.rows("tbloauthserver_client_scopes", "client_id").is_empty()).then_some("scopes"));
            kept
        };
        assert_eq!(about_it(), ["localapi_lifetimes", "localapi_last_uses", "tbloauthserver_clients", "scopes"]);
        assert_eq!(site.call("DeleteOAuthCredential", &[("credentialId", "1")]), "credentialId=1");
        assert_eq!(about_it(), [""; 0]);
    });
}

#[test]
fn what_is_registered_twice_is_there_once() {
    on_each(Kind::all(), |site| {
        let session = &site.session;
        for (service, client, said) in [
            (1, 2, "ok"),
            (1, 3, "ok"),
            (1, 3, "ok"),
            (i64::MAX, 4, "ok"),
            (0, 1, "must be greater than 0"),
            (1, -1, "must be greater than 0"),
        ] {
            assert_eq!(site.said(register_service(session, service, client).map(|()| "ok")), said);
        }
        let (name, description) =
            ("must be 1 to 80 printable characters without white space", "must be at most 255 printable characters");
        for (scope, text, said) in [
            ("shop", "", "ok"),
            ("shop", "A", "ok"),
            ("shop", "", "ok"),
            ("SHOP", "B", "ok"),
            ("\u{1f600}", "", "ok"),
            ("a b", "", name),
            ("x", "\n", description),
        ] {
            assert_eq!(site.said(register_scope(session, scope.as_bytes(), text.as_bytes()).map(|()| "ok")), said);
        }
        let admin = "must be 1 to 255 printable characters";
        for (name, said) in [
            ("eve", "ok"),
            ("EVE", "ok"),
            ("j\u{f6}rg", "ok"),
            ("jorg", "ok"),
            ("jorg", "ok"),
            ("\u{1f600}", "ok"),
            ("", admin),
            ("\n", admin),
        ] {
            assert_eq!(site.said(register_admin(session, name.as_bytes()).map(|()| "ok")), said);
        }
        assert_eq!(
            site.rows("tblclients", "id, status, created_at, updated_at"),
            ["2", "3", "4"].map(|id| format!("{id}|Active|{NOW}|{NOW}"))
        );
        let services = ["1|3", "9223372036854775807|4"].map(|service| format!("{service}||Active|{NOW}|{NOW}"));
        assert_eq!(site.rows("tblhosting", "id, userid, domain, domainstatus, created_at, updated_at"), services);
        let scopes = site.rows("tbloauthserver_scopes", "scope, description, is_default");
        assert_eq!(scopes.len(), 26);
        assert_eq!(scopes[0], "clientarea:sso|Sign in to the client area|0");
        assert_eq!(
            scopes[22..],
            [
                "sso:custom_redirect|Sign in to a page of the application's choice|0",
                "shop|A|0",
                "SHOP|B|0",
                "\u{1f600}||0"
            ]
        );
        assert_eq!(
            site.rows("tbladmins", "id, username, password, disabled"),
            ["1|admin||0", "2|eve||0", "3|EVE||0", "4|j\u{f6}rg||0", "5|jorg||0", "6|\u{1f600}||0"]
        );
        assert_eq!(site.create(&[("scope", "shop SHOP \u{1f600}")]), created(1));
        site.host("UPDATE tbladmins SET disabled = 1 WHERE username = 'eve'");
        for (name, said) in [
            ("eve", "The admin user \"eve\" is disabled."),
            ("EVE", "1"),
            ("j\u{f6}rg", "1"),
            ("Jorg", "The admin user \"Jorg\" was not found."),
        ] {
            assert_eq!(site.listed_as(Some(name), &[]), said);
        }
        let listed = site.call("ListOAuthCredentials", &[]);
        assert!(listed.contains(" scope=shop SHOP \u{1f600} "), "{listed}");
    });
}

#[test]
fn an_api_credential_is_issued_to_an_admin_and_revoked_by_its_identifier() {
    on_each(Kind::all(), |site| {
        let session = &site.session;
        for admin in ["eve", "EVE"] {
            register_admin(session, admin.as_bytes()).unwrap();
        }
        site.host("UPDATE tbladmins SET disabled = 1 WHERE username = 'eve'");
        let actions = [b"CreateOAuthCredential".to_vec()];
        let issue =
            |admin: &str| api_credential::issue(session, admin.as_bytes(), &actions, b"For HTTP", Default::default());
        for (admin, sentence) in
            [("eve", "The admin user \"eve\" is disabled."), ("nobody", "The admin user \"nobody\" was not found.")]
        {
            assert_eq!(site.said(issue(admin).map(|issued| issued.identifier)), sentence);
        }
        let identifier = issue("EVE").unwrap().identifier;
        assert_eq!(
            site.rows("tblapi_roles", "id, role, description, permissions, created_at, updated_at"),
            [format!("1|API credential 1|For HTTP|[\"createoauthcredential\"]|{NOW}|{NOW}")]
        );
        let columns = "id, identifier, user_id, role_ids, description, last_access, created_at, updated_at, deleted_at";
        let row = format!("1|{identifier}|3|1|For HTTP|null|{NOW}|{NOW}");
        assert_eq!(site.rows("tbldeviceauth", columns), [format!("{row}|null")]);
        for (identifier, revoked) in
            [(identifier.to_lowercase(), false), (identifier.clone(), true), (identifier, false)]
        {
            assert_eq!(api_credential::revoke(session, identifier.as_bytes()).unwrap(), revoked);
        }
        assert_eq!(site.rows("tbldeviceauth", columns), [format!("{row}|{NOW}")]);
        assert_eq!(site.log(), ["API credential 1 issued (admin 3)|0", "API credential 1 revoked|0"]);
    });
}

#[test]
fn a_rotation_reseals_every_secret_and_changes_none() {
    on_each(Kind::all(), |site| {
        let rotate = |stage| {
            site.said(match stage {
                true => rotation::stage(&site.session).map(|()| 0),
                false => rotation::rotate(&site.session, || true),
            })
        };
        let secrets = || {
            let listed = site.call("ListOAuthCredentials", &[]);
            let secret = |line: &str| Some(line.split_once("clientSecret=")?.1.split_once(" uuid")?.0.to_owned());
            listed.lines().map(|line| secret(line).unwrap_or_else(|| line.to_owned())).collect::<Vec<_>>()
        };
        let keys = || {
            let sealed = site.rows("tbloauthserver_clients", "secret");
            sealed.iter().map(|sealed| sealed.split(':').nth(1).unwrap().to_owned()).collect::<Vec<_>>()
        };
        // A store that isn't there isn't made for this.
        register_admin(&site.session, b"admin").unwrap();
        assert_eq!(rotate(false), "0");
        (1..=3).for_each(|number| assert_eq!(site.create(&[]), created(number)));
        let told = ["secret 1", "secret 2", "secret 3"];
        let first = keys();
        assert_eq!(first, [first[0].as_str(); 3]);
        // A key that is staged seals nothing before the next rotation.
        assert_eq!(rotate(true), "0");
        assert_eq!((keys(), secrets()), (first.clone(), told.map(str::to_owned).to_vec()));
        assert_eq!(rotate(false), "3");
        let second = keys();
        assert_eq!(second, [second[0].as_str(); 3]);
        assert_ne!(second, first);
        assert_eq!(secrets(), told);
        // One that is stopped is finished by the next.
        assert_eq!(site.said(rotation::rotate(&site.session, || false)), "0");
        assert_eq!(rotate(false), "3");
        assert_ne!(keys(), second);
        assert_eq!(secrets(), told);
        site.host("UPDATE tbloauthserver_clients SET secret = 'v1:x' WHERE id = 2");
        assert_eq!(rotate(false), "2");
        let damaged = "1 client secret cannot be read: it is damaged.";
        assert_eq!(secrets(), ["secret 1", "null", "secret 3", damaged]);
        let reset = [("credentialId", "2"), ("resetSecret", "1")];
        assert_eq!(site.call("UpdateOAuthCredential", &reset), "credentialId=2 newClientSecret=secret 4");
        assert_eq!(secrets(), ["secret 1", "secret 4", "secret 3"]);
    });
}

#[test]
fn each_call_of_a_batch_sees_those_before_it() {
    on_each(Kind::all(), |site| {
        let good = given(&[("grantType", "authorization_code"), ("name", "A"), ("scope", "openid")]);
        let bad =
            given(&[("grantType", "authorization_code"), ("name", "A"), ("scope", "openid"), ("redirectUri", "x")]);
        let (none, first) = (given(&[]), given(&[("credentialId", "1"), ("name", "B")]));
        let listed = |number: usize, name: &str| {
            format!(
                "credentialId={number} name={name} description= grantTypes=authorization_code scope=openid \
                 clientIdentifier=identifier {number} clientSecret=secret {number} uuid=null serviceId=0 logoUri= \
                 redirectUri= rsaKeyPairId=0 createdAt=1479461544 updatedAt=1479461544 expiresAt=null \
                 disabled=false lastUsedAt=null"
            )
        };
        let calls = [
            (Request::new(b"CreateOAuthCredential", &good, None), created(1)),
            (
                Request::new(b"CreateOAuthCredential", &bad, None),
                "The redirect URI \"x\" is invalid: it is not an absolute URI.".to_owned(),
            ),
            (Request::new(b"ListOAuthCredentials", &none, Some(b"admin")), listed(1, "A")),
            (Request::new(b"UpdateOAuthCredential", &first, None), "credentialId=1".to_owned()),
            (
                Request::new(b"CreateOAuthCredential", &good, Some(b"nobody")),
                "The admin user \"nobody\" was not found.".to_owned(),
            ),
            (Request::new(b"Nothing", &none, None), "The requested command \"Nothing\" was not found.".to_owned()),
            (Request::new(b"ListOAuthCredentials", &none, None), listed(1, "B")),
            (Request::new(b"CreateOAuthCredential", &good, None), created(2)),
            (Request::new(b"DeleteOAuthCredential", &first, None), "credentialId=1".to_owned()),
            (Request::new(b"ListOAuthCredentials", &none, None), listed(2, "A")),
        ];
        let (calls, expected): (Vec<_>, Vec<_>) =
            calls.into_iter().map(|(request, expected)| (command::read(&request), expected)).unzip();
        let answers: Vec<String> =
            batch::answer(&site.session, &calls, || true).into_iter().map(|reply| site.shown(reply)).collect();
        assert_eq!(answers, expected);
        assert_eq!(site.rows("tbloauthserver_clients", "id, name"), ["2|A"]);
        assert_eq!(site.rows("tbloauthserver_client_scopes", "client_id, scope_id"), ["2|20"]);
        assert_eq!(
            site.log(),
            [
                "OAuth credential 1 created (authorization_code)|0",
                "OAuth credential 1 updated|0",
                "OAuth credential 2 created (authorization_code)|0",
                "OAuth credential 1 deleted|0",
            ]
        );
    });
}

#[test]
fn an_identifier_that_is_taken_is_never_given_twice() {
    on_each(Kind::all(), |site| {
        let good = given(&[("grantType", "authorization_code"), ("name", "A"), ("scope", "openid")]);
        let call = || command::read(&Request::new(b"CreateOAuthCredential", &good, None));
        site.create(&[]);
        // The same is drawn again: first a secret, which may come twice, then an identifier.
        site.session.reseed_for_test(1);
        let second = site.create(&[]);
        site.session.reseed_for_test(1);
        let batch = batch::answer(&site.session, &[call(), call()], || true);
        let answers = iter::once(second).chain(batch.into_iter().map(|reply| site.shown(reply)));
        // A server gives no id again that was given to a row which then wasn't stored.
        let told = answers.map(|answer| answer.split_once(' ').unwrap().1.to_owned()).collect::<Vec<_>>();
        assert_eq!(
            told,
            [
                "clientIdentifier=identifier 2 clientSecret=secret 1",
                "clientIdentifier=identifier 3 clientSecret=secret 1",
                "clientIdentifier=identifier 4 clientSecret=secret 2",
            ]
        );
        let stored = site.rows("tbloauthserver_clients", "identifier");
        assert_eq!(stored, ["identifier 1", "identifier 2", "identifier 3", "identifier 4"]);
        assert_eq!(site.log().len(), 4);
    });
}

#[test]
fn what_another_process_has_changed_is_seen_at_once() {
    on_each(Kind::shared(), |site| {
        let other = Session::new(site.kind.settings.clone());
        let unknown = "The requested scope \"shop\" is invalid.";
        assert_eq!(site.create(&[("scope", "shop")]), unknown);
        register_scope(&other, b"shop", b"").unwrap();
        assert_eq!(site.create(&[("scope", "shop")]), created(1));
        assert_eq!(site.listed_as(Some("eve"), &[]), "The admin user \"eve\" was not found.");
        register_admin(&other, b"eve").unwrap();
        assert_eq!(site.listed_as(Some("eve"), &[]), "1");
        assert_eq!(rotation::rotate(&other, || true).unwrap(), 1);
        assert_eq!(site.create(&[]), created(2));
        other.read(|store| store.change_for_test("DELETE FROM tbloauthserver_scopes WHERE scope = 'shop'")).unwrap();
        assert_eq!(site.create(&[("scope", "shop")]), unknown);
        let (identifier, secret) = site.first_pair();
        let known = "credentialId=1 clientIdentifier=identifier 1 grantType=authorization_code scope= serviceId=0 \
                     userId=0 redirectUri= name=Shop description= logoUri= \
                     expiresAt=null disabled=false";
        assert_eq!(site.verify(&identifier, &secret), known);
    });
}

#[test]
fn a_credential_is_found_by_its_identifier_and_shows_no_secret() {
    on_each(Kind::all(), |site| {
        let details = [("redirectUri", "https://a.test/"), ("description", "For all"), ("logoUri", "shop.png")];
        let scopes = [("scope", "email openid")];
        site.create(&[details.as_slice(), &scopes].concat());
        let (identifier, _) = site.first_pair();
        let find = |identifier: &str| {
            let found = find(&site.session, identifier.as_bytes());
            site.said(found.map(|found| found.map_or("none".to_owned(), |fields| site.fields(&fields))))
        };
        let known = "credentialId=1 name=Shop description=For all logoUri=shop.png grantType=authorization_code \
                     scope=openid:Confirm who you are,email:See your email address redirectUri=https://a.test/ \
                     serviceId=0 userId=0 expiresAt=null disabled=false";
        assert_eq!(find(&identifier), known);
        register_scope(&site.session, b"email", b"Write to you").unwrap();
        assert_eq!(find(&identifier), known.replace("See your email address", "Write to you"));
        for other in [identifier.to_lowercase(), format!("{identifier} "), "nobody".to_owned(), String::new()] {
            assert_eq!(find(&other), "none");
        }
    });
}

#[test]
fn a_lock_that_outlasts_the_timeout_is_told_and_nothing_is_stored() {
    let mut kinds = Kind::shared();
    for kind in &mut kinds {
        kind.settings.busy_timeout = Duration::from_millis(900);
    }
    on_each(kinds, |site| {
        assert_eq!(site.create(&[]), created(1));
        let kept = if site.kind.database.is_some() { "a row at PLACE" } else { "\"PLACE\"" };
        let sentence = format!(
            "The credential store is locked: another process has kept {kept} for more than 900 ms; try again, or raise \
             localapi.busy_timeout."
        );
        let refused = || {
            assert_eq!(site.create(&[]), sentence);
            assert_eq!(site.said(register_admin(&site.session, b"eve").map(|()| "ok")), sentence);
        };
        match &site.kind.database {
            None => {
                let file = rusqlite::Connection::open(&site.kind.place).unwrap();
                file.execute_batch("BEGIN IMMEDIATE; UPDATE tbloauthserver_scopes SET description = 'locked'").unwrap();
                refused();
                file.execute_batch("ROLLBACK").unwrap();
            }
            Some(database) => {
                let mut server = database.connect();
                // All rows, and what is between and after them.
                let lock = "START TRANSACTION; SELECT * FROM tbloauthserver_clients FOR UPDATE; \
                            SELECT * FROM tbladmins FOR UPDATE";
                test_server::run(&mut server, lock);
                refused();
                test_server::run(&mut server, "ROLLBACK");
            }
        }
        // A server may have used ids up for what it has undone.
        assert!(site.create(&[]).ends_with("clientIdentifier=identifier 2 clientSecret=secret 2"));
        assert_eq!(site.rows("tbloauthserver_clients", "id").len(), 2);
        assert_eq!(site.rows("tbladmins", "username"), ["admin"]);
        assert_eq!(site.log().len(), 2);
    });
}

#[test]
fn a_store_that_takes_no_changes_says_so_and_answers_all_the_rest() {
    on_each(Kind::shared(), |site| {
        assert_eq!(site.create(&[]), created(1));
        let (identifier, secret) = site.first_pair();
        let read_only = match site.kind.database {
            None => "PRAGMA query_only = 1",
            Some(_) => "SET SESSION TRANSACTION READ ONLY",
        };
        let update = [("credentialId", "1"), ("name", "B"), ("resetSecret", "1")];
        let changes: [&dyn Fn() -> String; 5] = [
            &|| site.create(&[]),
            &|| site.call("UpdateOAuthCredential", &update),
            &|| site.call("DeleteOAuthCredential", &[("credentialId", "1")]),
            &|| site.said(register_admin(&site.session, b"eve").map(|()| "ok")),
            &|| site.said(rotation::rotate(&site.session, || true)),
        ];
        for change in changes {
            site.host(read_only);
            assert_eq!(site.listed(&[]), "1");
            assert!(site.verify(&identifier, &secret).starts_with("credentialId=1 "));
            // What helps is another thing in a folder than at a server.
            let said = change();
            assert!(said.starts_with("The credential store ") && said.contains(" is read-only: "), "{said}");
            assert_eq!(site.rows("tbloauthserver_clients", "id, name"), ["1|Shop"]);
            assert_eq!(site.rows("tbladmins", "username"), ["admin"]);
            assert_eq!(site.log().len(), 1);
        }
        assert!(site.create(&[]).starts_with("credentialId=2 "));
        assert!(site.verify(&identifier, &secret).starts_with("credentialId=1 "));
    });
}

#[test]
fn a_fault_of_the_key_file_is_told_by_all_that_needs_the_keys_and_gone_with_its_cause() {
    let other = KeyFileOfAnother::new();
    type Spoil<'a> = &'a dyn Fn(&Path);
    let missing = "The key file \"KEYS\" is missing: put it back, the stored secrets cannot be read without it.";
    let damaged = "The key file \"KEYS\" is damaged: restore it from a backup.";
    let exposed = "The key file \"KEYS\" is open to other users: take their permissions away (chmod o= on it).";
    let folder = "The key file \"KEYS\" cannot be read: it is not a regular file with one name.";
    let foreign = "The key file \"KEYS\" lacks the key \"ID\" of this store: put a newer copy in its place, or the \
                   store's own file.";
    let faults: [(&str, Spoil<'_>); 5] = [
        (missing, &|path| fs::remove_file(path).unwrap()),
        (damaged, &|path| fs::write(path, "{}").unwrap()),
        (exposed, &|path| fs::set_permissions(path, fs::Permissions::from_mode(0o604)).unwrap()),
        (folder, &|path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
        }),
        (foreign, &|path| assert!(fs::copy(&other.path, path).is_ok())),
    ];
    for (sentence, spoil) in faults {
        on_each(Kind::shared(), |site| {
            let keys = site.kind.keys.as_deref().unwrap();
            assert_eq!(site.create(&[]), created(1));
            let (identifier, secret) = site.first_pair();
            let sentence = sentence.replace("ID", &keys_id(keys));
            let whole = fs::read(keys).unwrap();
            spoil(keys);
            assert_eq!(site.create(&[]), sentence);
            assert_eq!(site.verify(&identifier, &secret), sentence);
            assert_eq!(site.said(rotation::stage(&site.session).map(|()| "staged")), sentence);
            // Keys that lack one are keys: a list leaves out what they don't open.
            let unread = "1 1 client secret cannot be read: the key file lacks its key.";
            assert_eq!(site.listed(&[]), if sentence.contains(" lacks ") { unread } else { &sentence });
            if keys.is_dir() {
                fs::remove_dir(keys).unwrap();
            }
            fs::write(keys, whole).unwrap();
            fs::set_permissions(keys, fs::Permissions::from_mode(0o600)).unwrap();
            assert!(site.verify(&identifier, &secret).starts_with("credentialId=1 "));
            assert_eq!(site.create(&[]), created(2));
            assert_eq!(site.listed(&[]), "1 2");
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
        let session = Session::new(kind.settings.clone());
        register_admin(&session, b"admin").unwrap();
        rotation::rotate(&session, || true).unwrap();
        Self { path: kind.keys.clone().unwrap(), _kind: kind }
    }
}

/// The id of the active key in a file.
fn keys_id(path: &Path) -> String {
    let file: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    file["active"].as_str().unwrap().to_owned()
}
