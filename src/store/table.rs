//! Whole tables, row by row, for a copy of the store.

use super::engine::{Bind, Missing, Row};
use super::{Note, Store, connect};
use crate::error::{CopyError, Error, Result};
use crate::place::Place;
use crate::settings::Settings;

/// A table that belongs to a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The column by which it's walked through. Rows that have the same are next to each other.
    key: &'static str,
    /// The order of those.
    then: Option<&'static str>,
    /// A column beside the key in which no two rows have the same.
    unique: Option<&'static str>,
}

const fn table(name: &'static str, unique: Option<&'static str>) -> Table {
    Table { name, key: "id", then: None, unique }
}

/// Every table, but for `localapi_store` and what an engine keeps for itself. Only that of the scopes of credentials has
/// no ids.
pub const TABLES: [Table; 13] = [
    table("tbloauthserver_scopes", Some("scope")),
    table("tbladmins", Some("username")),
    table("tblclients", None),
    table("tblhosting", None),
    table("tblapi_roles", None),
    table("tbldeviceauth", Some("identifier")),
    table("tbloauthserver_clients", Some("identifier")),
    Table { name: "tbloauthserver_client_scopes", key: "client_id", then: Some("scope_id"), unique: None },
    table("localapi_lifetimes", None),
    LAST_USES,
    table("localapi_idempotency_keys", Some("key_hash")),
    table("localapi_api_credentials", None),
    table("tblactivitylog", None),
];

/// Its rows change while nobody calls a command.
const LAST_USES: Table = table("localapi_last_uses", None);

/// Where the store notes what it knows of itself.
const NOTES: &str = "localapi_store";

/// A row: its key, and the columns that were asked for; `None` is null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRow {
    /// The key.
    pub key: i64,
    /// The columns, in UTF-8.
    pub columns: Vec<Option<String>>,
}

impl Table {
    /// Whether a store may do without, as one that a host has made does.
    pub fn is_ours(self) -> bool {
        self.name.starts_with("localapi_")
    }

    /// Whether its rows stay as they are while nobody changes anything: verifying a secret changes nothing else.
    pub fn is_steady(self) -> bool {
        self != LAST_USES
    }

    /// Whether rows may have the same key.
    pub fn repeats_keys(self) -> bool {
        self.then.is_some()
    }
}

impl TableRow {
    /// `Err` has the key and the number of a column that isn't text, or nothing where the key is none.
    fn read(row: &dyn Row, count: usize) -> Result<Self, Option<(i64, usize)>> {
        let key = row.int_or_null(0).ok_or(None)?;
        let text = |at: usize| row.bytes(at + 1).map(String::from_utf8).transpose().map_err(|_| Some((key, at)));
        Ok(Self { key, columns: (0..count).map(text).collect::<Result<_, _>>()? })
    }

    /// The statement that puts it into a table, in the place of one that has the same in a unique column.
    fn put(&self, table: Table, columns: &[String]) -> (String, Vec<Bind<'_>>) {
        let places = (1..=columns.len()).map(|number| format!("?{number}")).collect::<Vec<_>>().join(", ");
        let sql = format!("REPLACE INTO {} ({}) VALUES ({places})", table.name, list(columns));
        (sql, self.columns.iter().map(|value| value.as_deref().map_or(Bind::Null, Bind::Text)).collect())
    }
}

impl Store {
    /// Opens a store that is copied, or is to be a copy, as it is: nothing is made.
    pub fn open_to_copy(place: &Place, settings: &Settings) -> Result<Self> {
        let mut store = Self::over(connect(place, settings, Missing::Left)?);
        store.copied = true;
        Ok(store)
    }

    /// The names of a table's columns that can be copied; none where there is no such table.
    pub fn columns(&self, table: Table) -> Result<Vec<String>> {
        self.engine.columns(table.name)
    }

    /// Whether the store notes anything of itself: a host's tables may do without.
    pub fn takes_notes(&self) -> Result<bool> {
        Ok(!self.engine.columns(NOTES)?.is_empty())
    }

    /// What the store notes of itself, also where nobody has needed it yet.
    pub fn note_if_any(&mut self, note: Note) -> Result<Option<String>> {
        if self.takes_notes()? { self.note(note) } else { Ok(None) }
    }

    /// Rows whose keys are greater than one and not greater than another, in the order of their keys.
    pub fn rows_between(
        &self,
        table: Table,
        columns: &[String],
        after: i64,
        last: i64,
        most: i64,
    ) -> Result<Vec<TableRow>> {
        let Table { name, key, then, .. } = table;
        let then = then.map(|column| format!(", {column}")).unwrap_or_default();
        let sql = format!(
            "SELECT {} FROM {name} WHERE {key} > ?1 AND {key} <= ?2 ORDER BY {key}{then} LIMIT ?3",
            list(&[&[key.to_owned()], columns].concat())
        );
        let values = [Bind::Int(after), Bind::Int(last), Bind::Int(most)];
        let rows = self.engine.rows(&sql, &values, |row| TableRow::read(row, columns.len()))?;
        rows.into_iter()
            .map(|row| {
                row.map_err(|refused| {
                    let (id, reason) = match refused.and_then(|(id, at)| Some((id, columns.get(at)?))) {
                        Some((id, column)) => (id, format!("its column {column} holds bytes that are not UTF-8.")),
                        None => (0, "its id is no whole number.".to_owned()),
                    };
                    Error::Copy(CopyError::RowNotCopied { table: name, id, reason })
                })
            })
            .collect()
    }

    /// Takes the rows away that a new store begins with.
    pub fn delete_first_rows(&self) -> Result<()> {
        TABLES.into_iter().try_for_each(|table| self.engine.execute(&format!("DELETE FROM {}", table.name), &[]))
    }

    /// Makes the rows whose keys are greater than one and not greater than another these ones.
    pub fn set_rows(&self, table: Table, columns: &[String], after: i64, last: i64, rows: &[TableRow]) -> Result<()> {
        self.delete_rows(table, after, last)?;
        rows.iter().try_for_each(|row| {
            let (sql, values) = row.put(table, columns);
            self.engine.execute(&sql, &values)
        })
    }

    /// Does the same row by row, up to one that the table doesn't take.
    pub fn find_refused(
        &self,
        table: Table,
        columns: &[String],
        after: i64,
        last: i64,
        rows: &[TableRow],
    ) -> Result<()> {
        self.delete_rows(table, after, last)?;
        rows.iter().try_for_each(|row| {
            let (sql, values) = row.put(table, columns);
            let refused = |error: Error| {
                Error::Copy(CopyError::RowNotCopied { table: table.name, id: row.key, reason: error.to_string() })
            };
            self.engine.change(&sql, &values).map(drop).map_err(refused)
        })
    }

    fn delete_rows(&self, table: Table, after: i64, last: i64) -> Result<()> {
        let sql = format!("DELETE FROM {} WHERE {key} > ?1 AND {key} <= ?2", table.name, key = table.key);
        self.engine.execute(&sql, &[Bind::Int(after), Bind::Int(last)])
    }

    /// How many rows a table has.
    pub fn count_rows(&self, table: Table) -> Result<i64> {
        let sql = format!("SELECT count(*) FROM {}", table.name);
        Ok(self.engine.row(&sql, &[], |row| row.int(0))?.unwrap_or(0))
    }

    /// How many credentials have secrets.
    pub fn count_secrets(&self) -> Result<i64> {
        let sql = "SELECT count(*) FROM tbloauthserver_clients WHERE secret <> ''";
        Ok(self.engine.row(sql, &[], |row| row.int(0))?.unwrap_or(0))
    }

    /// Whether the store holds no more than a new one: tables that are missing, or empty, or as they are begun.
    pub fn is_new(&self, settings: &Settings) -> Result<bool> {
        let new = Self::open(&Place::Memory, settings, Missing::Made)?;
        for table in TABLES {
            let has = self.columns(table)?;
            if has.is_empty() {
                continue;
            }
            // Ids and times may be others.
            let own = |name: &String| !(name == "id" || name.ends_with("_at")) && has.contains(name);
            let columns: Vec<String> = new.columns(table)?.into_iter().filter(own).collect();
            let content = |store: &Self| -> Result<_> {
                let rows = store.rows_between(table, &columns, i64::MIN, i64::MAX, 100)?;
                Ok(rows.into_iter().map(|row| row.columns).collect::<Vec<_>>())
            };
            let found = content(self)?;
            if !found.is_empty() && found != content(&new)? {
                return Ok(false);
            }
        }
        if !self.takes_notes()? {
            return Ok(true);
        }
        // That it's a copy may have been noted by the one who asks.
        let sql = "SELECT count(*) FROM localapi_store WHERE name <> 'copy of'";
        Ok(self.engine.row(sql, &[], |row| row.int(0))?.unwrap_or(0) == 0)
    }

    /// The greatest id that a row of a table has ever had.
    pub fn last_id(&self, table: Table) -> Result<i64> {
        self.engine.last_id(table.name)
    }

    /// Lets no row of a table have an id up to this one any more: the database remembers the greatest that it was given.
    pub fn use_ids_up_to(&self, table: Table, id: i64) -> Result<()> {
        let Table { name, unique, .. } = table;
        let greatest = format!("SELECT max(id) FROM {name}");
        if self.engine.row(&greatest, &[], |row| row.int(0))?.unwrap_or(0) >= id {
            return Ok(());
        }
        let sql = match unique {
            Some(column) => format!("INSERT INTO {name} (id, {column}) VALUES (?1, 'of a row that was deleted')"),
            None => format!("INSERT INTO {name} (id) VALUES (?1)"),
        };
        self.engine.execute(&sql, &[Bind::Int(id)])?;
        self.engine.execute(&format!("DELETE FROM {name} WHERE id = ?1"), &[Bind::Int(id)])
    }
}

/// Names of columns, some of which are words of SQL. Both engines know these quotes.
fn list(columns: &[String]) -> String {
    columns.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
