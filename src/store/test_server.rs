//! Databases of the server that `LOCALAPI_TEST_SERVER` names, for tests. Without it those tests say that they are
//! skipped: `make test` starts one.

use std::io::Write as _;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use mysql::prelude::Queryable as _;
use mysql::{Conn, OptsBuilder, Value};

use crate::place::{Dsn, Server};
use crate::settings::Settings;

/// A database of its own, gone with this.
pub struct Database {
    /// What the DSN says.
    pub server: Server,
    folder: tempfile::TempDir,
}

impl Database {
    /// A new, empty one; `None` without a server.
    pub fn new() -> Option<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        static SAID: Once = Once::new();
        let Some(dsn) = std::env::var("LOCALAPI_TEST_SERVER").ok().filter(|dsn| !dsn.is_empty()) else {
            // Past a test's own output, which nobody sees where it passes.
            SAID.call_once(|| {
                let _ =
                    std::io::stderr().write_all(b"\nThe tests of servers are SKIPPED without LOCALAPI_TEST_SERVER.\n");
            });
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

    /// The settings with which an `Api` has its store here, and its key file in a folder of its own.
    pub fn settings(&self) -> Settings {
        self.settings_at(self.server.clone())
    }

    /// The same by another way to the same database.
    pub fn settings_at(&self, server: Server) -> Settings {
        let key_file = crate::place::KeyFile::At(self.folder.path().join("keys"));
        Settings { dsn: Dsn::Server(Box::new(server)), key_file, ..Settings::default() }
    }

    /// Runs statements as another program would.
    pub fn run(&self, sql: &str) {
        self.connect().query_drop(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The rows of a query, as text; null is `NULL`.
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let rows: Vec<mysql::Row> = self.connect().query(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let text = |value| match value {
            Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Value::NULL => "NULL".to_owned(),
            other => format!("{other:?}"),
        };
        rows.into_iter().map(|row| row.unwrap().into_iter().map(text).collect()).collect()
    }

    /// The first column of the first row.
    pub fn one(&self, sql: &str) -> String {
        self.rows(sql).remove(0).remove(0)
    }

    /// Another program's connection.
    pub fn connect(&self) -> Conn {
        let server = &self.server;
        let options = OptsBuilder::new()
            .ip_or_hostname(Some(server.host.as_str()))
            .tcp_port(server.port)
            .prefer_socket(false)
            .user(Some(server.user.as_str()))
            .pass(Some(server.password.reveal()));
        let mut connection = Conn::new(options).unwrap();
        // It isn't there before it's made.
        let _ = connection.query_drop(format!("USE {}", server.database));
        connection
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = self.connect().query_drop(format!("DROP DATABASE {}", self.server.database));
    }
}
