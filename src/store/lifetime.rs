//! How long a credential counts: when it expires, whether it's switched off, and when it was last used. Only those of
//! which any of that is known have a row.

use super::Store;
use super::engine::{Bind, Row, RowId};
use crate::error::Result;

/// How long a credential counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lifetime {
    /// When it expires, in UTC; `None` is never.
    pub expires_at: Option<String>,
    /// Whether it's switched off.
    pub disabled: bool,
}

/// The columns of a [`Lifetime`], in the order in which `read` reads them, and where they are.
pub(super) const COLUMNS: &str = "l.expires_at, l.disabled";
/// Joins them to the credentials, which are `c`.
pub(super) const JOIN: &str = "LEFT JOIN localapi_lifetimes l ON l.id = c.id";

impl Lifetime {
    /// Reads [`COLUMNS`], the first of which is this one.
    pub(super) fn read(row: &dyn Row, first: usize) -> Self {
        Self { expires_at: time(row, first), disabled: row.int(first + 1) != 0 }
    }

    /// Whether the credential counts at this time.
    pub fn counts(&self, now: &str) -> bool {
        !self.disabled && self.expires_at.as_deref().is_none_or(|expiry| now < expiry)
    }
}

fn time(row: &dyn Row, column: usize) -> Option<String> {
    Some(row.text(column)).filter(|text| !text.is_empty())
}

fn bind(time: Option<&String>) -> Bind<'_> {
    time.map_or(Bind::Null, |time| Bind::Text(time))
}

impl Store {
    /// Notes how long a credential counts.
    pub fn set_lifetime(&self, credential: RowId, lifetime: &Lifetime) -> Result<()> {
        let sql = "INSERT INTO localapi_lifetimes (id, expires_at, disabled) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at, disabled = excluded.disabled";
        let values =
            [Bind::Id(credential), bind(lifetime.expires_at.as_ref()), Bind::Int(i64::from(lifetime.disabled))];
        self.engine.execute(sql, &values)
    }

    /// Forgets how long a credential counts.
    pub(super) fn delete_lifetime(&self, credential: i64) -> Result<()> {
        self.engine.execute("DELETE FROM localapi_lifetimes WHERE id = ?1", &[Bind::Int(credential)])
    }

    /// The ids of credentials that had expired at this time, those that expired first before the others.
    pub fn expired(&self, time: &str, most: i64) -> Result<Vec<i64>> {
        let sql = "SELECT id FROM localapi_lifetimes WHERE expires_at <= ?1 ORDER BY expires_at, id LIMIT ?2";
        self.engine.rows(sql, &[Bind::Text(time), Bind::Int(most)], |row| row.int(0))
    }
}
