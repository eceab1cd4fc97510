//! Copies between files and databases of the server that `LOCALAPI_TEST_SERVER` names.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::command;
use crate::http::api_credential;
use crate::registry::{register_admin, register_scope, register_service};
use crate::request::Request;
use crate::request::fixture::Given;
use crate::rotation;
use crate::session::Session;
use crate::settings::Durability;
use crate::store::test_server::Database;
use crate::store::test_sql;
use crate::verify::verify;

/// A place for a store.
enum Home {
    File(TempDir),
    Server(Box<Database>, PathBuf),
}

impl Home {
    fn file() -> Self {
        Self::File(tempfile::tempdir().unwrap())
    }

    /// A place at a server, with the key file at this path.
    fn server(key_file: PathBuf) -> Option<Self> {
        Some(Self::Server(Box::new(Database::new()?), key_file))
    }

    fn path(&self) -> PathBuf {
        match self {
            Self::File(folder) => folder.path().join("store.sqlite"),
            Self::Server(..) => panic!("no file"),
        }
    }

    fn key_file(&self) -> PathBuf {
        match self {
            Self::File(_) => beside(&self.path(), ".key"),
            Self::Server(_, keys) => keys.clone(),
        }
    }

    fn dsn(&self) -> String {
        match self {
            Self::File(_) => format!("sqlite:{}", self.path().display()),
            Self::Server(database, _) => database.dsn(),
        }
    }

    fn settings(&self) -> Settings {
        let durability = Durability::Normal;
        match self {
            Self::File(_) => Settings { dsn: Dsn::File(self.path()), durability, ..Settings::default() },
            Self::Server(database, keys) => {
                Settings { key_file: KeyFile::At(keys.clone()), durability, ..database.settings() }
            }
        }
    }

    fn session(&self) -> Session {
        Session::new(self.settings())
    }

    /// Runs a statement as another program would.
    fn run(&self, sql: &str) {
        match self {
            Self::File(_) => rusqlite::Connection::open(self.path()).unwrap().execute_batch(sql).unwrap(),
            Self::Server(database, _) => database.run(sql),
        }
    }

    /// Every row of every table.
    fn content(&self) -> Vec<String> {
        let mut found = Vec::new();
        let store = Store::open_to_copy(&place(1, self.dsn().as_bytes()).unwrap(), &self.settings()).unwrap();
        for table in TABLES {
            let columns = store.columns(table).unwrap();
            let columns: Vec<String> = columns.into_iter().filter(|name| name != "more").collect();
            if columns.is_empty() {
                continue;
            }
            let rows = store.rows_between(table, &columns, i64::MIN, i64::MAX, i64::MAX).unwrap();
            found.extend(rows.into_iter().map(|row| format!("{} {columns:?} {:?}", table.name, row.columns)));
        }
        found
    }

    fn has_store(&self) -> bool {
        match self {
            Self::File(_) => self.path().exists(),
            Self::Server(database, _) => !database.rows("SHOW TABLES").is_empty(),
        }
    }
}

/// The settings with which stores of these places are copied.
fn settings(from: &Home, to: &Home) -> Settings {
    match (from, to) {
        (_, Home::Server(..)) => to.settings(),
        (Home::Server(..), _) => from.settings(),
        _ => Settings { durability: Durability::Normal, ..Settings::default() },
    }
}

fn begin(from: &Home, to: &Home) -> Result<Copy> {
    Copy::new(from.dsn().as_bytes(), to.dsn().as_bytes(), &settings(from, to), |_| true)
}

/// Copies all of it and returns the report.
fn copy(from: &Home, to: &Home) -> Result<Fields> {
    let mut copy = begin(from, to)?;
    while copy.step()?.is_some() {
        copy.close();
    }
    Ok(copy.report())
}

fn message<T: std::fmt::Debug>(done: Result<T>) -> String {
    done.unwrap_err().to_string()
}

fn call(session: &Session, command: &str, parameters: &[(&str, &str)]) -> Result<Fields> {
    let given = parameters.iter().fold(Given::default(), |given, (name, value)| given.with(name, value));
    command::answer(session, &Request::new(command.as_bytes(), &given, None)).map(|reply| reply.fields)
}

fn create(session: &Session) -> (i64, String, String) {
    let request = [("grantType", "authorization_code"), ("name", "N\u{e9}\u{1f600}"), ("scope", "openid shop")];
    let answer = call(session, "CreateOAuthCredential", &request).unwrap();
    match answer.as_slice() {
        [(_, Value::Int(id)), (_, Value::Text(identifier)), (_, Value::Secret(secret))] => {
            (*id, identifier.clone(), secret.reveal().to_owned())
        }
        _ => panic!("{answer:?}"),
    }
}

fn verifies(session: &Session, (id, identifier, secret): &(i64, String, String)) -> bool {
    let found = verify(session, identifier.as_bytes(), secret.as_bytes()).unwrap();
    found.is_some_and(|found| found[0] == ("credentialId", Value::Int(*id)))
}

/// A store with something in every table: so many credentials, of which the last was deleted.
fn fill(home: &Home, count: usize) -> Vec<(i64, String, String)> {
    let session = home.session();
    register_service(&session, 7, 70).unwrap();
    register_scope(&session, b"shop", b"A shop's scope").unwrap();
    register_admin(&session, b"eve").unwrap();
    let mut created: Vec<_> = (0..count).map(|_| create(&session)).collect();
    rotation::rotate(&session, || true).unwrap();
    let single = [("grantType", "single_sign_on"), ("serviceId", "7"), ("scope", "email"), ("description", "a\r\n\tb")];
    call(&session, "CreateOAuthCredential", &single).unwrap();
    let issued = api_credential::issue(&session, b"eve", &[b"*".to_vec()], b"For tests", Default::default()).unwrap();
    let revoked = api_credential::issue(&session, b"eve", &[b"*".to_vec()], b"", Default::default()).unwrap();
    api_credential::revoke(&session, revoked.identifier.as_bytes()).unwrap();
    assert!(!issued.identifier.is_empty());
    let (last, ..) = create(&session);
    call(&session, "DeleteOAuthCredential", &[("credentialId", &last.to_string())]).unwrap();
    if count > 2 {
        call(&session, "DeleteOAuthCredential", &[("credentialId", &created.remove(1).0.to_string())]).unwrap();
    }
    for (table, column) in NUMBERED {
        home.run(&format!("INSERT INTO {table} (id, {column}) VALUES (900, 'x'); DELETE FROM {table} WHERE id = 900"));
    }
    created
}

/// The tables whose ids something refers to, each with a column of text.
const NUMBERED: [(&str, &str); 6] = [
    ("tbloauthserver_scopes", "scope"),
    ("tbladmins", "username"),
    ("tbldeviceauth", "identifier"),
    ("tblclients", "email"),
    ("tblhosting", "domain"),
    ("tblapi_roles", "role"),
];

/// The ways between two places; those at a server only where there is one.
fn ways() -> Vec<(Home, Home)> {
    let mut ways = vec![(Home::file(), Home::file())];
    let at_server = |keys: PathBuf| Home::server(keys);
    let keys = tempfile::tempdir().unwrap().keep();
    if let (Some(to), Some(from)) = (at_server(keys.join("a")), at_server(keys.join("b"))) {
        ways.push((Home::file(), to));
        ways.push((from, Home::file()));
        ways.push((at_server(keys.join("c")).unwrap(), at_server(keys.join("c")).unwrap()));
    }
    ways
}

/// That a copy is what its source is, and goes on as it would.
fn assert_same(from: &Home, to: &Home, created: &[(i64, String, String)]) {
    assert_eq!(from.content(), to.content());
    let keys = settings(from, to).key_file;
    let session = |home: &Home| Session::new(Settings { key_file: keys.clone(), ..home.settings() });
    let (source, copy) = (session(from), session(to));
    for credential in created {
        assert!(verifies(&copy, credential), "{credential:?}");
    }
    let noted = |session: &Session, note| session.read(|store| store.note(note)).unwrap();
    assert_eq!(noted(&source, Note::SealingKey), noted(&copy, Note::SealingKey));
    assert_eq!(noted(&copy, Note::CopyOf), None);
    assert_eq!(create(&source).0, create(&copy).0, "ids that were given are never given again");
    let store = Store::open_to_copy(&place(1, to.dsn().as_bytes()).unwrap(), &to.settings()).unwrap();
    for (table, column) in NUMBERED {
        to.run(&format!("INSERT INTO {table} ({column}) VALUES ('new')"));
        let table = TABLES.into_iter().find(|known| known.name == table).unwrap();
        assert!(store.last_id(table).unwrap() > 900, "{table:?}");
    }
}

#[test]
fn everything_is_copied_from_each_place_to_each() {
    for (from, to) in ways() {
        let created = fill(&from, 4);
        let report = copy(&from, &to).unwrap();
        let count = i64::try_from(from.content().len()).unwrap();
        let expected = vec![
            ("rows", Value::Int(count)),
            ("secrets", Value::Int(4)),
            ("unreadable", Value::Int(0)),
            ("leftOut", Value::Texts(Vec::new())),
        ];
        assert_eq!(report, expected);
        assert_same(&from, &to, &created);
    }
}

#[test]
fn a_copy_of_many_that_is_cut_off_anywhere_goes_on() {
    for (from, to) in ways() {
        let created = fill(&from, 2);
        // More than a batch, and credentials with more scopes than fit into what is left of one.
        let many = test_sql::numbers(1300);
        from.run(&format!(
            "INSERT INTO tbloauthserver_clients (id, identifier) SELECT i + 100, i + 1000 FROM ({many}) AS n;
             INSERT INTO tbloauthserver_client_scopes SELECT client_id, scope_id FROM
                (SELECT i + 100 AS client_id FROM ({many}) AS n) AS c, (SELECT id AS scope_id FROM tbloauthserver_scopes WHERE id < 4) AS s"
        ));
        let mut steps = 1;
        let mut last = i64::MAX;
        loop {
            let mut copy = begin(&from, &to).unwrap();
            let mut done = false;
            for _ in 0..steps {
                match copy.step() {
                    Ok(Some(progress)) => {
                        assert!(progress.done <= progress.total, "{progress:?}");
                        last = progress.total - progress.done;
                    }
                    Ok(None) => done = true,
                    // The one before was cut off after its last step.
                    Err(Error::Copy(CopyError::TargetNotEmpty)) if last == 0 => {
                        done = true;
                        break;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            if done {
                break;
            }
            steps += 7;
        }
        assert_eq!(last, 0, "what is told in the end is all");
        assert_same(&from, &to, &created);
    }
}

#[test]
fn a_list_of_a_copy_that_skips_many_begins_at_the_right_one() {
    for (from, to) in ways() {
        fill(&from, 3);
        let many = test_sql::numbers(2500);
        from.run(&format!(
            "INSERT INTO tbloauthserver_clients (id, identifier) SELECT i + 100, i FROM ({many}) AS n WHERE i <> 700"
        ));
        copy(&from, &to).unwrap();
        let selection = |offset| crate::store::Selection {
            filter: crate::store::Filter::default(),
            after: None,
            sort_field: crate::store::SortField::Id,
            descending: false,
            limit: Some(3),
            offset,
        };
        let session = to.session();
        let all = session.read(|store| store.ids(&selection(0))).unwrap();
        assert_eq!(all.len(), 3);
        for offset in [1, 901, 902, 1_500, 2_500] {
            let sql = format!("SELECT id FROM tbloauthserver_clients ORDER BY id LIMIT 3 OFFSET {offset}");
            let expected: Vec<i64> = match &to {
                Home::File(_) => {
                    let connection = rusqlite::Connection::open(to.path()).unwrap();
                    let mut found = connection.prepare(&sql).unwrap();
                    found.query_map([], |row| row.get(0)).unwrap().map(|id| id.unwrap()).collect()
                }
                Home::Server(database, _) => database.rows(&sql).iter().map(|row| row[0].parse().unwrap()).collect(),
            };
            assert_eq!(session.read(|store| store.ids(&selection(offset))).unwrap(), expected, "{offset}");
        }
    }
}

#[test]
fn a_copy_that_another_has_finished_is_left_to_those_who_use_it() {
    for (from, to) in ways() {
        fill(&from, 2);
        for steps in 1.. {
            empty(&to);
            let mut slow = begin(&from, &to).unwrap();
            let more = (0..steps).all(|_| slow.step().unwrap().is_some());
            if !more {
                break;
            }
            if copy(&from, &to).is_err() {
                // The slow one was about to finish it, or has.
                continue;
            }
            let keys = settings(&from, &to).key_file;
            let session = Session::new(Settings { key_file: keys, ..to.settings() });
            let created = create(&session);
            let end = loop {
                match slow.step() {
                    Ok(Some(_)) => {}
                    end => break end,
                }
            };
            assert!(end.is_err(), "after {steps} steps it goes on with a store that is in use");
            assert!(verifies(&session, &created), "after {steps} steps");
        }
    }
}

#[test]
fn a_copy_goes_on_from_the_store_that_it_was_begun_with_and_no_other_at_its_path() {
    let (from, to) = (Home::file(), Home::file());
    fill(&from, 2);
    let mut copy = begin(&from, &to).unwrap();
    for _ in 0..3 {
        copy.step().unwrap();
    }
    drop(copy);
    let keys = fs::read(from.key_file()).unwrap();
    for name in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(beside(&from.path(), name));
    }
    fs::write(from.key_file(), keys).unwrap();
    fill(&from, 1);
    assert_eq!(message(begin(&from, &to).and_then(|mut copy| copy.step())), REFUSED);
}

const REFUSED: &str =
    "The store to copy to is neither new nor an unfinished copy of the same store: it was left untouched.";

#[test]
fn a_target_that_holds_anything_else_is_refused_and_left_as_it_is() {
    let changes = [
        "INSERT INTO tbloauthserver_clients (identifier) VALUES ('x')",
        "INSERT INTO tblclients (id) VALUES (1)",
        "INSERT INTO tblactivitylog (description) VALUES ('x')",
        "INSERT INTO tbladmins (username) VALUES ('bob')",
        "UPDATE tbladmins SET password = 'x'",
        "UPDATE tbladmins SET disabled = 1",
        "INSERT INTO tbloauthserver_scopes (scope) VALUES ('x')",
        "UPDATE tbloauthserver_scopes SET description = 'x' WHERE scope = 'openid'",
        "DELETE FROM tbloauthserver_scopes WHERE scope = 'openid'",
        "INSERT INTO localapi_store (name, value) VALUES ('sealing key', 'x')",
        "INSERT INTO localapi_store (name, value) VALUES ('copy of', 'x')",
    ];
    for (number, (from, to)) in ways().into_iter().enumerate() {
        create_none(&from);
        // Making tables at a server takes its time.
        for change in changes.iter().skip(number).step_by(if number == 0 { 1 } else { 4 }) {
            create_none(&to);
            to.run(change);
            let before = to.content();
            assert_eq!(message(copy(&from, &to)), REFUSED, "{change}");
            assert_eq!(to.content(), before, "{change}");
            empty(&to);
        }
        // A finished copy is a store of its own.
        copy(&from, &to).unwrap();
        fill(&from, 1);
        empty(&to);
        copy(&from, &to).unwrap();
        let before = to.content();
        assert_eq!(message(copy(&from, &to)), REFUSED);
        assert_eq!(to.content(), before);
    }
}

/// A new store.
fn create_none(home: &Home) {
    home.session().read(|store| store.scopes().map(drop)).unwrap();
}

/// Takes a store away.
fn empty(home: &Home) {
    match home {
        Home::File(_) => ["", "-wal", "-shm"].iter().for_each(|end| drop(fs::remove_file(beside(&home.path(), end)))),
        Home::Server(database, _) => {
            let name = &database.server.database;
            database.run(&format!("DROP DATABASE {name}; CREATE DATABASE {name}"));
        }
    }
}

#[test]
fn a_hosts_database_is_refused_without_a_table_being_made_in_it() {
    let keys = tempfile::tempdir().unwrap();
    let Some(to) = Home::server(keys.path().join("keys")) else { return };
    to.run("CREATE TABLE tblclients (id INT PRIMARY KEY, firstname TEXT); INSERT INTO tblclients VALUES (1, 'A')");
    let from = Home::file();
    fill(&from, 1);
    assert_eq!(message(copy(&from, &to)), REFUSED);
    let Home::Server(database, _) = &to else { panic!() };
    assert_eq!(database.rows("SHOW TABLES"), [["tblclients"]]);
    assert!(!keys.path().join("keys").exists());
}

#[test]
fn a_copy_that_is_not_finished_cannot_be_used() {
    let sentence = "The credential store is an unfinished copy: finish it with LocalApi\\copy_store, or remove it.";
    for (from, to) in ways() {
        let created = fill(&from, 2);
        let mut half = begin(&from, &to).unwrap();
        for _ in 0..8 {
            half.step().unwrap();
        }
        drop(half);
        let keys = settings(&from, &to).key_file;
        let session = Session::new(Settings { key_file: keys, ..to.settings() });
        let request = [("grantType", "authorization_code"), ("name", "A"), ("scope", "openid")];
        assert_eq!(message(call(&session, "CreateOAuthCredential", &request)), sentence);
        assert_eq!(message(call(&session, "DeleteOAuthCredential", &[("credentialId", "1")])), sentence);
        assert_eq!(message(call(&session, "ListOAuthCredentials", &[("limitstart", "100")])), sentence);
        assert_eq!(message(verify(&session, b"x", b"y")), sentence);
        assert_eq!(message(register_admin(&session, b"bob")), sentence);
        let other = Home::file();
        assert_eq!(message(begin(&to, &other).unwrap().step()), sentence, "nor copied");
        copy(&from, &to).unwrap();
        assert!(verifies(&session, &created[0]), "and the same process goes on once it is finished");
    }
}

#[test]
fn what_has_changed_in_the_source_meanwhile_is_found_and_copied_by_the_next_call() {
    for (from, to) in ways() {
        let created = fill(&from, 4);
        let id = created[1].0;
        for (change, sentence) in [
            (
                format!("UPDATE tbloauthserver_clients SET name = 'changed' WHERE id = {id}"),
                format!(
                    "The row {id} of tbloauthserver_clients is not the same in the copy, in its column name: somebody has \
                     changed it meanwhile, or the table does not take it as it is."
                ),
            ),
            (
                "INSERT INTO tblclients (id) VALUES (1000)".to_owned(),
                "The row 1000 of tblclients is not the same in the copy: somebody has changed it meanwhile, or the table \
                 does not take it as it is."
                    .to_owned(),
            ),
            (
                "DELETE FROM tblclients WHERE id = 1000".to_owned(),
                "The row 1000 of tblclients is not the same in the copy: somebody has changed it meanwhile, or the table \
                 does not take it as it is."
                    .to_owned(),
            ),
        ] {
            let mut copy = begin(&from, &to).unwrap();
            while !matches!(copy.step, Step::Compare(..)) {
                copy.step().unwrap();
            }
            from.run(&change);
            let found = std::iter::from_fn(|| copy.step().transpose()).find_map(Result::err);
            assert_eq!(found.map(|error| error.to_string()), Some(sentence));
        }
        copy(&from, &to).unwrap();
        assert_same(&from, &to, &created);
    }
}

#[test]
fn rows_that_come_or_go_in_the_very_end_are_counted() {
    let (from, to) = (Home::file(), Home::file());
    fill(&from, 1);
    let mut copy = begin(&from, &to).unwrap();
    while !matches!(copy.step, Step::End) {
        copy.step().unwrap();
    }
    from.run("INSERT INTO tblclients (id) VALUES (1000)");
    let sentence =
        "The copy does not have as many rows of tblclients as its source: somebody has changed them meanwhile.";
    assert_eq!(message(copy.step()), sentence);
}

#[test]
fn a_row_that_the_copy_does_not_take_is_named() {
    let keys = tempfile::tempdir().unwrap();
    for (change, table, id, column) in [
        ("UPDATE tblclients SET firstname = CAST(zeroblob(300) AS TEXT)", "tblclients", 70, "firstname"),
        ("UPDATE tblclients SET created_at = 'yesterday'", "tblclients", 70, "created_at"),
        ("UPDATE tblclients SET created_at = ''", "tblclients", 70, "created_at"),
        ("UPDATE tblhosting SET userid = 'me'", "tblhosting", 7, "userid"),
        (
            "UPDATE tblactivitylog SET description = printf('%.2001c', 'x') WHERE id = 2",
            "tblactivitylog",
            2,
            "description",
        ),
    ] {
        let Some(to) = Home::server(keys.path().join("keys")) else { return };
        let from = Home::file();
        fill(&from, 3);
        from.run(change);
        let Home::Server(database, _) = &to else { panic!() };
        let place = database.server.place();
        let reason = format!("The credential store at {place} has a column {column} that does not take this value.");
        assert_eq!(
            message(copy(&from, &to)),
            format!("The row {id} of {table} cannot be copied: {reason}"),
            "{change}"
        );
    }
}

#[test]
fn a_value_that_the_copy_would_change_is_named() {
    let keys = tempfile::tempdir().unwrap();
    for (change, table, id) in [
        ("UPDATE tblclients SET created_at = '2001-02-03 04:05:06.789'", "tblclients", 70),
        ("UPDATE tblclients SET created_at = '2001-02-03'", "tblclients", 70),
        ("UPDATE tblhosting SET userid = 1.5", "tblhosting", 7),
        ("INSERT INTO tbladmins (id, username) VALUES (50, 'eve ')", "tbladmins", 2),
    ] {
        let Some(to) = Home::server(keys.path().join("keys")) else { return };
        let from = Home::file();
        fill(&from, 3);
        from.run(change);
        let found = message(copy(&from, &to));
        assert!(found.starts_with(&format!("The row {id} of {table} ")), "{change}: {found}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_named_and_all_that_is_text_is_copied_as_it_is() {
    let keys = tempfile::tempdir().unwrap();
    let texts = ["'a' || char(0) || 'b'", "'\u{1f600} \u{e9}'", "'  spaces  '", "'%_\\\"`?'", "'Robert''); --'"];
    for to in [Some(Home::file()), Home::server(keys.path().join("keys"))].into_iter().flatten() {
        let from = Home::file();
        fill(&from, 1);
        for (id, text) in (200..).zip(texts) {
            from.run(&format!("INSERT INTO tblclients (id, firstname) VALUES ({id}, {text})"));
        }
        from.run("INSERT INTO tblclients (id) VALUES (0), (-5)");
        copy(&from, &to).unwrap();
        assert_eq!(from.content(), to.content());

        empty(&to);
        from.run("UPDATE tblclients SET lastname = CAST(x'ff' AS TEXT) WHERE id = 201");
        assert_eq!(
            message(copy(&from, &to)),
            "The row 201 of tblclients cannot be copied: its column lastname holds bytes that are not UTF-8."
        );
    }
}

#[test]
fn nulls_of_a_hosts_table_are_copied_or_named() {
    let keys = tempfile::tempdir().unwrap();
    let Some(from) = Home::server(keys.path().join("keys")) else { return };
    fill(&from, 1);
    from.run("ALTER TABLE tblclients MODIFY firstname TEXT NULL; UPDATE tblclients SET firstname = NULL");
    let found = message(copy(&from, &Home::file()));
    let column = "The row 70 of tblclients is not the same in the copy, in its column firstname: ";
    assert!(found.starts_with(column), "{found}");
    // A time that is none is none in the copy, too.
    from.run(
        "UPDATE tblclients SET firstname = '', created_at = NULL; UPDATE tbloauthserver_clients SET updated_at = NULL",
    );
    let file = Home::file();
    copy(&from, &file).unwrap();
    assert_eq!(from.content(), file.content());
    from.run("UPDATE tblclients SET firstname = NULL");
    let to = Home::server(keys.path().join("keys")).unwrap();
    create_none(&to);
    to.run("ALTER TABLE tblclients MODIFY firstname TEXT NULL");
    copy(&from, &to).unwrap();
    assert_eq!(from.content(), to.content());
}

#[test]
fn columns_that_only_the_source_has_are_told() {
    for (from, to) in ways() {
        fill(&from, 1);
        from.run(
            "ALTER TABLE tblclients ADD COLUMN more INTEGER; ALTER TABLE tblclients ADD COLUMN `so called` INTEGER",
        );
        let report = copy(&from, &to).unwrap();
        let left_out = ["tblclients.more", "tblclients.so called"].map(str::to_owned);
        assert_eq!(report[3], ("leftOut", Value::Texts(left_out.into())));
        empty(&to);
        create_none(&to);
        to.run("ALTER TABLE tblclients ADD COLUMN `so called` INTEGER; ALTER TABLE tblclients ADD COLUMN more INTEGER");
        assert_eq!(copy(&from, &to).unwrap()[3], ("leftOut", Value::Texts(Vec::new())));
    }
}

#[test]
fn the_copy_has_a_key_file_with_the_same_keys() {
    let (from, to) = (Home::file(), Home::file());
    fill(&from, 1);
    copy(&from, &to).unwrap();
    assert_eq!(fs::read(from.key_file()).unwrap(), fs::read(to.key_file()).unwrap());

    // One of another store is left alone, and so is the target.
    let (other, to) = (Home::file(), Home::file());
    fill(&other, 1);
    fs::copy(other.key_file(), to.key_file()).unwrap();
    let found = message(copy(&from, &to));
    let belongs = format!("The key file \"{}\" lacks the key ", to.key_file().display());
    assert!(found.starts_with(&belongs), "{found}");
    create_none(&to);
    assert!(to.has_store());
    assert_eq!(to.content().len(), 24, "the first scopes and the first admin");

    // One that is missing is missing.
    let to = Home::file();
    fs::remove_file(from.key_file()).unwrap();
    let missing = format!(
        "The key file \"{}\" is missing: put it back, the stored secrets cannot be read without it.",
        from.key_file().display()
    );
    assert_eq!(message(copy(&from, &to)), missing);
}

#[test]
fn a_store_that_moves_to_a_server_brings_the_keys_beside_it_along() {
    let keys = tempfile::tempdir().unwrap();
    let Some(to) = Home::server(keys.path().join("keys")) else { return };
    let from = Home::file();
    fill(&from, 1);
    let unset = Copy::new(from.dsn().as_bytes(), to.dsn().as_bytes(), &Settings::default(), |_| true);
    let sentence = "The key file has no place: set localapi.key_file, to the same file on every machine.";
    assert_eq!(unset.err().map(|error| error.to_string()).as_deref(), Some(sentence));
    copy(&from, &to).unwrap();
    assert_eq!(fs::read(from.key_file()).unwrap(), fs::read(to.key_file()).unwrap());
}

#[test]
fn a_store_that_comes_back_to_a_file_brings_the_keys_to_their_default_place() {
    let keys = tempfile::tempdir().unwrap();
    let Some(from) = Home::server(keys.path().join("keys")) else { return };
    let to = Home::file();
    let created = fill(&from, 2);
    copy(&from, &to).unwrap();
    fs::remove_file(keys.path().join("keys")).unwrap();
    let alone = Session::new(to.settings());
    assert!(created.iter().all(|credential| verifies(&alone, credential)));
    assert_eq!(rotation::rotate(&alone, || true).unwrap(), 3);
}

#[test]
fn what_a_straggler_stores_in_a_copy_is_told_and_stays() {
    for (from, to) in ways() {
        fill(&from, 4);
        for (steps, sql, table, id) in [
            (1, "INSERT INTO tbladmins (id, username) VALUES (1, 'late')", "tbladmins", 1),
            (2, "INSERT INTO tbloauthserver_clients (id, identifier) VALUES (1, 'late')", "tbloauthserver_clients", 1),
            (3, "INSERT INTO tblactivitylog (id, description) VALUES (400, 'late')", "tblactivitylog", 400),
        ] {
            empty(&to);
            let mut copy = begin(&from, &to).unwrap();
            for _ in 0..steps {
                copy.step().unwrap();
            }
            to.run(sql);
            let found = std::iter::from_fn(|| copy.step().transpose()).find_map(Result::err);
            let sentence = format!("The row {id} of {table} is not the same in the copy: ");
            assert!(found.as_ref().is_some_and(|error| error.to_string().starts_with(&sentence)), "{found:?}");
            drop(copy);
            let there = to.content().into_iter().filter(|row| row.contains("late")).count();
            assert_eq!(there, 1, "{sql}");
        }
    }
}

#[test]
fn a_file_that_the_host_may_not_use_is_neither_read_nor_made() {
    let (from, to) = (Home::file(), Home::file());
    fill(&from, 1);
    for refused in [from.path(), from.key_file(), to.path(), to.key_file()] {
        let allows = |file: &Path| file != refused;
        let copy = Copy::new(from.dsn().as_bytes(), to.dsn().as_bytes(), &Settings::default(), allows);
        let sentence =
            format!("The file \"{}\" is outside of the folders that open_basedir allows.", refused.display());
        assert_eq!(copy.err().map(|error| error.to_string()), Some(sentence));
        assert!(!to.has_store() && !to.key_file().exists());
    }
}

#[test]
fn secrets_that_cannot_be_read_in_the_source_either_are_copied_and_counted() {
    for (from, to) in ways() {
        fill(&from, 3);
        from.run("UPDATE tbloauthserver_clients SET secret = 'v1:0123456789abcdef:x' WHERE id = 1");
        let report = copy(&from, &to).unwrap();
        assert_eq!(report[1..3], [("secrets", Value::Int(3)), ("unreadable", Value::Int(1))]);
        assert_eq!(from.content(), to.content());
    }
}

#[test]
fn what_is_no_store_is_no_source_and_no_target() {
    let home = Home::file();
    let missing = Home::file();
    let must = |position: u32, from: &str, to: &str| {
        let refused = Copy::new(from.as_bytes(), to.as_bytes(), &Settings::default(), |_| true).err();
        assert!(
            matches!(refused, Some(Error::Request(RequestError::Argument { position: found, .. })) if found == position),
            "{from} {to}"
        );
    };
    for bad in ["", "sqlite::memory:", "sqlite:relative", "mysql://nonsense", "postgres://u@h/d", "\u{0}"] {
        must(1, bad, &home.dsn());
        must(2, &home.dsn(), bad);
    }
    must(2, &home.dsn(), &home.dsn());
    assert_eq!(
        message(begin(&missing, &home).unwrap().step()),
        format!(
            "There is no credential store at \"{}\": look whether that is the place that was meant.",
            missing.path().display()
        )
    );
    assert!(!missing.has_store() && !home.has_store(), "nothing was made");
    // Another way to the same file.
    create_none(&home);
    let link = home.path().with_file_name("link");
    std::os::unix::fs::symlink(home.path(), &link).unwrap();
    must(2, &home.dsn(), &format!("sqlite:{}", link.display()));
}

#[test]
fn an_empty_database_is_no_source() {
    let keys = tempfile::tempdir().unwrap();
    let Some(from) = Home::server(keys.path().join("keys")) else { return };
    let found = message(copy(&from, &Home::file()));
    assert!(found.contains(" lacks the table tbloauthserver_scopes: "), "{found}");
    assert!(!from.has_store());
}
