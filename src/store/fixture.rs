//! What only the sandbox does to a store: rows with the columns that a test chooses, and all of it empty again.

use super::Store;
use super::engine::{Bind, DataVersion};
use super::seed::SEEDS;
use super::sqlite::schema::EMPTY;
use crate::error::{Error, RequestError, Result, StoreError};
use crate::text::Quoted;

/// The tables with a fixture of their own.
pub const CLIENTS: &str = "tblclients";
/// See [`CLIENTS`].
pub const SERVICES: &str = "tblhosting";
/// See [`CLIENTS`]. An admin that is there gets the columns instead.
pub const ADMINS: &str = "tbladmins";

/// What is set to the time of the row where it isn't given.
const TIMES: [&str; 2] = ["created_at", "updated_at"];

/// A column and its value, as a test gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its value as text, empty for null.
    pub value: String,
    /// What the value was.
    pub kind: Kind,
}

/// What a value was, and so what a column holds that a table gets for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A number.
    Number,
    /// Null. A column that is there has its default then, null where the table got it for a null.
    Null,
}

/// The columns of a row.
pub type Columns = Vec<Column>;

impl Column {
    /// One that holds text.
    pub fn text(name: &str, value: impl Into<String>) -> Self {
        Self { name: name.to_owned(), value: value.into(), kind: Kind::Text }
    }

    /// One that holds null.
    pub fn null(name: &str) -> Self {
        Self { name: name.to_owned(), value: String::new(), kind: Kind::Null }
    }

    /// One that holds a number.
    pub fn number(name: &str, value: i64) -> Self {
        Self { name: name.to_owned(), value: value.to_string(), kind: Kind::Number }
    }
}

/// Whether a table or a column can have this name, unquoted where it's a table's.
fn is_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.len() <= 64 && name.bytes().all(is_part) && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

impl Store {
    /// Puts a row into a table and returns its id. The table gets the columns that it lacks, until the next reset.
    /// `argument` is where the caller gave the columns, after the table if they chose it.
    pub fn add_row(&mut self, table: &str, argument: u32, columns: &Columns, now: &str) -> Result<i64> {
        self.known = None;
        let wrong = |must| Err(RequestError::Fixture { position: argument, must }.into());
        let known = if is_name(table) { self.columns_of(table)? } else { Vec::new() };
        if known.is_empty() {
            return Err(RequestError::Argument { position: 1, must: "a table of the sandbox" }.into());
        }
        let find = |name: &str| known.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let given: Vec<_> = columns.iter().filter(|column| column.kind != Kind::Null).collect();
        let same = |name: &str| columns.iter().filter(|column| column.name.eq_ignore_ascii_case(name)).count();
        let is_given = |name: &str| given.iter().any(|column| column.name.eq_ignore_ascii_case(name));
        let times: Vec<_> = TIMES.iter().filter(|name| find(name).is_some() && !is_given(name)).collect();
        let mut values = Vec::with_capacity(given.len() + times.len());
        for Column { name, value, kind } in columns {
            let quoted = Quoted::from(name.as_str());
            values.extend(match (find(name), value.parse()) {
                (None, _) if !is_name(name) => return wrong(format!("hold names of columns, \"{quoted}\" is none")),
                _ if same(name) > 1 => return wrong(format!("hold \"{quoted}\" once, in whatever letter case")),
                _ if *kind == Kind::Null => None,
                (Some((_, true)), Ok(id)) if id <= 0 && name.eq_ignore_ascii_case("id") => {
                    return wrong("hold an \"id\" greater than 0".to_owned());
                }
                (Some((_, true)), Ok(value)) => Some(Bind::Int(value)),
                (Some((_, true)), Err(_)) => return wrong(format!("hold a whole number as \"{quoted}\"")),
                _ => Some(Bind::Text(value)),
            });
        }
        values.extend(times.iter().map(|_| Bind::Text(now)));
        for column in columns.iter().filter(|column| find(&column.name).is_none()) {
            self.unchanged_at = None;
            self.engine.add_column(table, &column.name, column.kind)?;
        }
        let names = given.iter().map(|column| column.name.as_str()).chain(times.iter().map(|name| **name));
        let names: Vec<_> = names.map(|name| format!("\"{name}\"")).collect();
        let list = |part: &dyn Fn(usize, &String) -> String| {
            names.iter().enumerate().map(|(n, name)| part(n + 1, name)).collect::<Vec<_>>().join(", ")
        };
        let places = list(&|number, _| format!("?{number}"));
        let row = if names.is_empty() {
            "DEFAULT VALUES".to_owned()
        } else {
            format!("({}) VALUES ({places})", names.join(", "))
        };
        let replaced = if table == ADMINS && is_given("username") {
            format!(" ON CONFLICT (username) DO UPDATE SET {}", list(&|_, name| format!("{name} = excluded.{name}")))
        } else {
            String::new()
        };
        // The names are those of columns by now.
        let id = match self.engine.insert_now(&format!("INSERT INTO {table} {row}{replaced}"), &values) {
            Err(Error::Store(StoreError::Taken)) => {
                return wrong("hold an \"id\" and other unique values that no other row has".to_owned());
            }
            inserted => inserted?,
        };
        // A row that was there has told no id.
        match given.iter().find(|column| table == ADMINS && column.name == "username") {
            Some(username) => Ok(self.admin(&username.value)?.map_or(id, |admin| admin.id)),
            None => Ok(id),
        }
    }

    /// The columns of a table, and whether each holds whole numbers.
    fn columns_of(&self, table: &str) -> Result<Vec<(String, bool)>> {
        self.engine.rows(&format!("PRAGMA table_info({table})"), &[], |row| (row.text(1), row.text(2) == "INTEGER"))
    }

    /// Gives a store in memory a name under which others in this process reach it by SQLite, and the tables of WHMCS.
    pub fn share(&mut self) -> Result<String> {
        self.unchanged_at = None;
        self.known = None;
        self.engine.share()
    }

    /// Makes the store what a new one is: ids start at 1, and the first admin and the first scopes are there.
    pub fn reset(&mut self) -> Result<()> {
        if self.unchanged_at == Some(self.changes()?) {
            return Ok(());
        }
        self.known = None;
        if !self.engine.make_new()? {
            self.write(|store| {
                let seeds = SEEDS.iter().map(|(_, statement)| statement);
                EMPTY.iter().chain(seeds).try_for_each(|statement| store.engine.execute(statement, &[]))
            })?;
        }
        self.unchanged_at = Some(self.changes()?);
        Ok(())
    }

    /// How much this connection and others have changed.
    fn changes(&self) -> Result<(u64, DataVersion)> {
        Ok((self.engine.changes_so_far(), self.engine.data_version()?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Missing;
    use super::*;
    use crate::place::Place;
    use crate::settings::Settings;

    fn store() -> Store {
        Store::open(&Place::Memory, &Settings::default(), Missing::Made).unwrap()
    }

    const NOW: &str = "2026-01-02 03:04:05";

    fn columns(columns: &[(&str, &str)]) -> Columns {
        columns.iter().map(|(name, value)| Column::text(name, *value)).collect()
    }

    /// What another connection of this process finds.
    fn seen(connection: &rusqlite::Connection, sql: &str) -> rusqlite::Result<String> {
        connection.query_row(sql, [], |row| row.get(0))
    }

    /// Every row of every table, without its times.
    fn content(store: &Store) -> Vec<String> {
        let sql = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
        let tables = store.engine.rows(sql, &[], |row| row.text(0)).unwrap();
        assert!(tables.len() >= 11, "{tables:?}");
        let mut found = Vec::new();
        for table in tables {
            let sql = format!("PRAGMA table_info({table})");
            let columns = store.engine.rows(&sql, &[], |row| row.text(1)).unwrap();
            let columns: Vec<_> = columns.into_iter().filter(|name| !name.ends_with("_at")).collect();
            let sql = format!("SELECT {} FROM {table}", columns.join(" || '|' || "));
            found.extend(store.engine.rows(&sql, &[], |row| format!("{table}: {}", row.text(0))).unwrap());
        }
        found
    }

    #[test]
    fn reset_leaves_what_a_new_store_has_in_every_table() {
        let mut store = store();
        let new = content(&store);
        for _ in 0..2 {
            let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
            for table in store.engine.rows(sql, &[], |row| row.text(0)).unwrap() {
                store.engine.execute(&format!("DELETE FROM {table}"), &[]).unwrap();
                store.engine.execute(&format!("INSERT INTO {table} DEFAULT VALUES"), &[]).ok();
            }
            assert_ne!(content(&store), new);
            store.reset().unwrap();
            assert_eq!(content(&store), new);
        }
    }

    #[test]
    fn ids_start_at_1_after_a_reset() {
        let mut store = store();
        for _ in 0..2 {
            let sql = "INSERT INTO tbloauthserver_clients (identifier) VALUES ('a')";
            assert_eq!(store.engine.insert_now(sql, &[]).unwrap(), 1);
            assert_eq!(store.add_row(CLIENTS, 1, &columns(&[("email", "a@b.test")]), NOW).unwrap(), 1);
            store.reset().unwrap();
        }
    }

    #[test]
    fn a_row_keeps_the_id_and_the_columns_it_is_given() {
        let mut store = store();
        assert_eq!(store.add_row(CLIENTS, 1, &columns(&[("id", "42")]), NOW).unwrap(), 42);
        assert_eq!(store.add_row(SERVICES, 2, &columns(&[("userid", "42"), ("id", "7")]), NOW).unwrap(), 7);
        assert_eq!(store.service_owner(7).unwrap(), Some(Some(42)));
        assert_eq!(store.add_row(CLIENTS, 1, &columns(&[("firstname", "A")]), NOW).unwrap(), 43);
    }

    #[test]
    fn an_admin_that_is_there_gets_the_columns() {
        let mut store = store();
        let admin = columns(&[("username", "admin"), ("disabled", "1")]);
        assert_eq!(store.add_row(ADMINS, 2, &admin, NOW).unwrap(), 1);
        assert!(store.admin("admin").unwrap().unwrap().disabled);
        let admin = columns(&[("username", "admin"), ("id", "9")]);
        assert_eq!(store.add_row(ADMINS, 2, &admin, NOW).unwrap(), 9);
        assert!(store.admin("admin").unwrap().unwrap().disabled);
    }

    /// The tables as they were made.
    fn tables(store: &Store) -> Vec<String> {
        let sql = "SELECT sql FROM sqlite_master WHERE type = 'table' ORDER BY name";
        store.engine.rows(sql, &[], |row| row.text(0)).unwrap()
    }

    #[test]
    fn a_table_grows_by_the_columns_of_a_row_until_the_next_reset() {
        let mut store = store();
        let new = tables(&store);
        for _ in 0..2 {
            let columns = vec![Column::text("postcode", "01"), Column::number("groupid", 3), Column::null("tax_id")];
            assert_eq!(store.add_row(CLIENTS, 1, &columns, NOW).unwrap(), 1);
            let sql = "SELECT typeof(postcode), typeof(groupid), typeof(tax_id), created_at FROM tblclients";
            let read = |row: &dyn crate::store::engine::Row| [0, 1, 2, 3].map(|column| row.text(column));
            let row = store.engine.row(sql, &[], read).unwrap().unwrap();
            assert_eq!(row, ["text", "integer", "null", NOW]);
            assert_ne!(tables(&store), new);
            store.reset().unwrap();
            assert_eq!(tables(&store), new);
        }
    }

    #[test]
    fn a_column_goes_with_a_reset_though_its_row_was_refused() {
        let mut store = store();
        store.add_row(CLIENTS, 1, &columns(&[("id", "1")]), NOW).unwrap();
        store.reset().unwrap();
        let new = tables(&store);
        store.add_row(ADMINS, 1, &columns(&[("id", "1"), ("city", "A")]), NOW).unwrap_err();
        assert_ne!(tables(&store), new);
        store.reset().unwrap();
        assert_eq!(tables(&store), new);
    }

    #[test]
    fn another_connection_of_the_process_shares_the_store_by_its_name() {
        let [mut store, mut another] = [store(), store()];
        store.add_row(CLIENTS, 1, &columns(&[("id", "42"), ("nickname", "A")]), NOW).unwrap();
        let name = store.share().unwrap();
        assert_eq!(store.share().unwrap(), name);
        assert_ne!(another.share().unwrap(), name);
        let other = rusqlite::Connection::open(&name).unwrap();
        for round in 0..2 {
            let sql = "SELECT nickname FROM tblclients WHERE id = 42";
            assert_eq!(seen(&other, sql).is_ok(), round == 0, "moved with its rows, and gone with the reset");
            store.add_row(SERVICES, 2, &columns(&[("userid", "42"), ("id", "7")]), NOW).unwrap();
            assert_eq!(seen(&other, "SELECT updated_at FROM tblhosting WHERE id = 7 AND packageid = 0").unwrap(), NOW);
            let sql = "INSERT INTO tblhosting (id, userid) VALUES (8, 42); CREATE TABLE mod_mine (id)";
            other.execute_batch(sql).unwrap();
            assert!(store.service_owner(8).unwrap().is_some());
            store.reset().unwrap();
            assert!(seen(&other, "SELECT updated_at FROM tblhosting").is_err());
            assert!(seen(&other, "SELECT * FROM mod_mine").is_err());
        }
        // What only others have changed is gone, too.
        other.execute_batch("INSERT INTO tblhosting (id, userid) VALUES (9, 42)").unwrap();
        store.reset().unwrap();
        assert_eq!(store.service_owner(9).unwrap(), None);
    }

    #[test]
    fn what_another_connection_holds_is_told_at_once() {
        let mut store = store();
        let other = rusqlite::Connection::open(store.share().unwrap()).unwrap();
        other.execute_batch("BEGIN; INSERT INTO tblclients DEFAULT VALUES").unwrap();
        let refused = |store: &mut Store| {
            let added = store.add_row(CLIENTS, 1, &columns(&[("email", "a")]), NOW);
            matches!(
                (added, store.reset()),
                (Err(Error::Store(StoreError::HeldByPdo)), Err(Error::Store(StoreError::HeldByPdo)))
            )
        };
        assert!(refused(&mut store));
        other.execute_batch("ROLLBACK").unwrap();
        assert!(!refused(&mut store));
    }

    #[test]
    fn a_row_goes_into_a_table_that_is_there() {
        let mut store = store();
        for table in ["tblinvoices", "", "tblclients; --", "sqlite master"] {
            let error = store.add_row(table, 2, &Columns::new(), NOW).unwrap_err();
            assert!(matches!(error, Error::Request(RequestError::Argument { position: 1, .. })), "{table}: {error}");
        }
        store.share().unwrap();
        assert_eq!(store.add_row("tblinvoices", 2, &Columns::new(), NOW).unwrap(), 1);
        assert_eq!(store.add_row("tblpaymentgateways", 2, &Columns::new(), NOW).unwrap(), 1);
    }

    #[test]
    fn what_a_table_cannot_hold_is_refused() {
        let mut store = store();
        store.add_row(CLIENTS, 1, &columns(&[("id", "42")]), NOW).unwrap();
        for (column, value, must) in [
            ("", "1", "hold names of columns, \"\" is none"),
            ("1a", "1", "hold names of columns, \"1a\" is none"),
            ("id) VALUES (1) --", "1", "hold names of columns, \"id) VALUES (1) --\" is none"),
            ("id", "42", "hold an \"id\" and other unique values that no other row has"),
            ("id", "0", "hold an \"id\" greater than 0"),
            ("id", "4 2", "hold a whole number as \"id\""),
        ] {
            let error = store.add_row(CLIENTS, 1, &columns(&[(column, value)]), NOW).unwrap_err();
            assert_eq!(error.to_string(), format!("must {must}"));
        }
    }
}
