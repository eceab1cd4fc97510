//! What only the sandbox does to a store: rows with the columns that a test chooses, and all of it empty again.

use super::Store;
use super::engine::Bind;
use super::seed::SEEDS;
use super::sqlite::schema::EMPTY;
use crate::error::{Error, Result};
use crate::text::Quoted;

/// Columns and their values, as a test gives them.
pub type Columns = Vec<(String, String)>;

/// A table that tests put rows into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// The customers.
    Clients,
    /// Their services.
    Services,
    /// Who runs commands. An admin that is there gets the columns instead.
    Admins,
}

impl Table {
    fn name(self) -> &'static str {
        match self {
            Self::Clients => "tblclients",
            Self::Services => "tblhosting",
            Self::Admins => "tbladmins",
        }
    }
}

impl Store {
    /// Puts a row into a table and returns its id. `argument` is where the caller gave the columns.
    pub fn add_row(&mut self, table: Table, argument: u32, columns: &Columns) -> Result<i64> {
        let wrong = |must| Err(Error::Fixture { position: argument, must });
        let name = table.name();
        let sql = format!("PRAGMA table_info({name})");
        let known = self.engine.rows(&sql, &[], |row| (row.text(1), row.text(2) == "INTEGER"))?;
        let mut values = Vec::with_capacity(columns.len());
        for (column, value) in columns {
            let quoted = Quoted::from(column.as_str());
            let Some((_, number)) = known.iter().find(|(known, _)| known == column) else {
                return wrong(format!("hold columns of {name} only, \"{quoted}\" is none"));
            };
            values.push(match value.parse() {
                _ if !number => Bind::Text(value),
                Ok(id) if id <= 0 && column == "id" => return wrong("hold an \"id\" greater than 0".to_owned()),
                Ok(value) => Bind::Int(value),
                Err(_) => return wrong(format!("hold a whole number as \"{quoted}\"")),
            });
        }
        let list = |part: &dyn Fn(usize, &str) -> String| {
            columns.iter().enumerate().map(|(n, (column, _))| part(n + 1, column)).collect::<Vec<_>>().join(", ")
        };
        let names = list(&|_, column| column.to_owned());
        let places = list(&|number, _| format!("?{number}"));
        let replaced = match table {
            Table::Admins => {
                let replaced = list(&|_, column| format!("{column} = excluded.{column}"));
                format!(" ON CONFLICT (username) DO UPDATE SET {replaced}")
            }
            Table::Clients | Table::Services => String::new(),
        };
        // The names are those of columns by now.
        let sql = format!("INSERT INTO {name} ({names}) VALUES ({places}){replaced}");
        let id = match self.engine.insert_now(&sql, &values) {
            Err(Error::Taken) => return wrong("hold an \"id\" that no other row has".to_owned()),
            inserted => inserted?,
        };
        // A row that was there has told no id.
        match columns.iter().find(|(column, _)| table == Table::Admins && column == "username") {
            Some((_, username)) => Ok(self.admin(username)?.map_or(id, |admin| admin.id)),
            None => Ok(id),
        }
    }

    /// Makes the store what a new one is: ids start at 1, and the first admin and the first scopes are there.
    pub fn reset(&mut self) -> Result<()> {
        if self.engine.changes_so_far() == self.unchanged_at {
            return Ok(());
        }
        self.known = None;
        self.write(|store| {
            let seeds = SEEDS.iter().map(|(_, statement)| statement);
            EMPTY.iter().chain(seeds).try_for_each(|statement| store.engine.execute(statement, &[]))
        })?;
        self.unchanged_at = self.engine.changes_so_far();
        Ok(())
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

    fn columns(columns: &[(&str, &str)]) -> Columns {
        columns.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
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
            assert_eq!(store.add_row(Table::Clients, 1, &columns(&[("email", "a@b.test")])).unwrap(), 1);
            store.reset().unwrap();
        }
    }

    #[test]
    fn a_row_keeps_the_id_and_the_columns_it_is_given() {
        let mut store = store();
        assert_eq!(store.add_row(Table::Clients, 1, &columns(&[("id", "42")])).unwrap(), 42);
        assert_eq!(store.add_row(Table::Services, 2, &columns(&[("userid", "42"), ("id", "7")])).unwrap(), 7);
        assert_eq!(store.service_owner(7).unwrap(), Some(Some(42)));
        assert_eq!(store.add_row(Table::Clients, 1, &columns(&[("firstname", "A")])).unwrap(), 43);
    }

    #[test]
    fn an_admin_that_is_there_gets_the_columns() {
        let mut store = store();
        let admin = columns(&[("username", "admin"), ("disabled", "1")]);
        assert_eq!(store.add_row(Table::Admins, 2, &admin).unwrap(), 1);
        assert!(store.admin("admin").unwrap().unwrap().disabled);
        let admin = columns(&[("username", "admin"), ("id", "9")]);
        assert_eq!(store.add_row(Table::Admins, 2, &admin).unwrap(), 9);
        assert!(store.admin("admin").unwrap().unwrap().disabled);
    }

    #[test]
    fn what_a_table_cannot_hold_is_refused() {
        let mut store = store();
        store.add_row(Table::Clients, 1, &columns(&[("id", "42")])).unwrap();
        for (column, value, must) in [
            ("nope", "1", "hold columns of tblclients only, \"nope\" is none"),
            ("id) VALUES (1) --", "1", "hold columns of tblclients only, \"id) VALUES (1) --\" is none"),
            ("id", "42", "hold an \"id\" that no other row has"),
            ("id", "0", "hold an \"id\" greater than 0"),
            ("id", "4 2", "hold a whole number as \"id\""),
        ] {
            let error = store.add_row(Table::Clients, 1, &columns(&[(column, value)])).unwrap_err();
            assert_eq!(error.to_string(), format!("must {must}"));
        }
    }
}
