//! Databases of the server that `LOCALAPI_TEST_SERVER` names, for tests. Without it the output names each test that
//! leaves something out; with `LOCALAPI_NONE_SKIPPED` such a test fails. `make test` sets both.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::mysql::client::Connection;
use crate::settings::{Dsn, Server, Settings};

/// A database of its own, gone with this.
pub struct Database {
    /// What the DSN says.
    pub server: Server,
    folder: tempfile::TempDir,
}

impl Database {
    /// A new, empty one; `None` without a server: then the test leaves out what it needs one for.
    pub fn new() -> Option<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let Some(dsn) = variable("LOCALAPI_TEST_SERVER") else {
            say_skipped("LOCALAPI_TEST_SERVER names no server");
            return None;
        };
        let name = format!("t{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let Dsn::Server(server) = Dsn::parse(&format!("{dsn}{name}")) else { panic!("LOCALAPI_TEST_SERVER: {dsn}") };
        let database = Self { server: *server, folder: tempfile::tempdir().unwrap() };
        database.run(&format!("CREATE DATABASE {name}"));
        Some(database)
    }

    /// Where it is.
    pub fn dsn(&self) -> String {
        format!("{}{}", std::env::var("LOCALAPI_TEST_SERVER").unwrap_or_default(), self.server.database)
    }

    /// The settings with which an `Session` has its store here, and its key file in a folder of its own.
    pub fn settings(&self) -> Settings {
        self.settings_at(self.server.clone())
    }

    /// The same by another way to the same database.
    pub fn settings_at(&self, server: Server) -> Settings {
        let key_file = crate::settings::KeyFile::At(self.folder.path().join("keys"));
        Settings { dsn: Dsn::Server(Box::new(server)), key_file, ..Settings::default() }
    }

    /// Runs statements as another program would.
    pub fn run(&self, sql: &str) {
        run(&mut self.connect(), sql);
    }

    /// The rows of a query, as text; null is `NULL`.
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let answers = self.connect().query(sql, 1).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let text = |cell: Option<&[u8]>| String::from_utf8_lossy(cell.unwrap_or(b"NULL")).into_owned();
        answers[0].rows.iter().map(|row| row.into_iter().map(text).collect()).collect()
    }

    /// The first column of the first row.
    pub fn one(&self, sql: &str) -> String {
        self.rows(sql).remove(0).remove(0)
    }

    /// Whether it's MariaDB, and no MySQL.
    pub fn is_mariadb(&self) -> bool {
        self.one("SELECT @@version").contains("MariaDB")
    }

    /// Another program's connection.
    pub fn connect(&self) -> Connection {
        let mut connection = Connection::open(&Server { database: String::new(), ..self.server.clone() }).unwrap();
        // It isn't there before it's made.
        let _ = connection.query(&format!("USE {}", self.server.database), 1);
        connection
    }
}

/// Runs statements, however many they are.
pub fn run(connection: &mut Connection, sql: &str) {
    connection.query(sql, usize::MAX).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Says once of the test that runs what it leaves out, past its own output, which nobody sees where it passes.
fn say_skipped(why: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    assert!(variable("LOCALAPI_NONE_SKIPPED").is_none(), "skipped: {why}");
    let test = std::thread::current().name().unwrap_or("of a thread without a name").to_owned();
    if SAID.lock().unwrap().insert(test.clone()) {
        let _ =
            std::io::stderr().write_all(format!("test {test}: what needs a server is SKIPPED, for {why}\n").as_bytes());
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = self.connect().query(&format!("DROP DATABASE {}", self.server.database), 1);
    }
}
