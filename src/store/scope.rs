//! The scopes that credentials may have.

use std::collections::BTreeMap;

use super::Store;
use super::engine::{Bind, Row};
use crate::error::Result;

/// The rows of `tbloauthserver_scopes`: what a token can name.
#[derive(Debug, Default)]
pub struct ScopeTable {
    ids: BTreeMap<String, i64>,
    /// Where a host's table has a name twice, credentials may have either id.
    scopes: BTreeMap<i64, Scope>,
}

/// A row of the table.
#[derive(Debug)]
pub struct Scope {
    /// Its name, as a request has it.
    pub name: String,
    /// What a consent screen shows.
    pub description: String,
}

impl ScopeTable {
    /// The id of a scope, compared byte for byte.
    pub fn id(&self, scope: &str) -> Option<i64> {
        self.ids.get(scope).copied()
    }

    /// Scopes in the order of the table. One that has gone is left out.
    pub fn scopes(&self, ids: &[i64]) -> impl Iterator<Item = &Scope> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.into_iter().filter_map(|id| self.scopes.get(&id))
    }

    /// The names of scopes, in the same order.
    pub fn names(&self, ids: &[i64]) -> Vec<&str> {
        self.scopes(ids).map(|scope| scope.name.as_str()).collect()
    }
}

impl FromIterator<(i64, Scope)> for ScopeTable {
    fn from_iter<I: IntoIterator<Item = (i64, Scope)>>(rows: I) -> Self {
        let mut table = Self::default();
        for (id, scope) in rows {
            table.ids.entry(scope.name.clone()).and_modify(|known| *known = id.min(*known)).or_insert(id);
            table.scopes.insert(id, scope);
        }
        table
    }
}

impl Store {
    pub(super) fn read_scopes(&self) -> Result<ScopeTable> {
        let scope = |row: &dyn Row| (row.int(0), Scope { name: row.text(1), description: row.text(2) });
        let rows = self.engine.rows("SELECT id, scope, description FROM tbloauthserver_scopes", &[], scope)?;
        Ok(rows.into_iter().collect())
    }

    /// Every scope and its description, in the order of their ids.
    pub fn described_scopes(&self) -> Result<Vec<(String, String)>> {
        let sql = "SELECT scope, description FROM tbloauthserver_scopes ORDER BY id";
        self.engine.rows(sql, &[], |row| (row.text(0), row.text(1)))
    }

    /// The description of a scope.
    pub fn scope_description(&self, scope: &str) -> Result<Option<String>> {
        let sql = "SELECT description FROM tbloauthserver_scopes WHERE scope = ?1 COLLATE BINARY";
        self.engine.row(sql, &[Bind::Text(scope)], |row| row.text(0))
    }

    /// Adds a scope, or gives one that is there another description.
    pub fn register_scope(&mut self, scope: &str, description: &str, now: &str) -> Result<()> {
        self.known = None;
        let sql = "INSERT INTO tbloauthserver_scopes (scope, description, created_at, updated_at) \
                   VALUES (?1, ?2, ?3, ?3) ON CONFLICT (scope) \
                   DO UPDATE SET description = excluded.description, updated_at = excluded.updated_at";
        self.engine.execute(sql, &[Bind::Text(scope), Bind::Text(description), Bind::Text(now)])
    }
}
