//! How long a credential counts: when it expires, whether it's switched off, and until when the secret before the last
//! reset verifies. Only those of which any of that is known have a row.

use super::Store;
use super::engine::{Bind, Row, RowId};
use crate::error::Result;
use crate::verifier;

/// How long a credential counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lifetime {
    /// When it expires, in UTC; `None` is never.
    pub expires_at: Option<String>,
    /// Whether it's switched off.
    pub disabled: bool,
    /// The secret before the one that it has.
    pub previous: Option<Previous>,
}

/// A secret that was replaced and still verifies for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Previous {
    /// What it's checked against.
    pub verifier: String,
    /// Until when it verifies, in UTC.
    pub expires_at: String,
}

/// The columns of a [`Lifetime`], in the order in which `read` reads them, and where they are.
pub(super) const COLUMNS: &str = "l.expires_at, l.disabled, l.previous_verifier, l.previous_expires_at";
/// Joins them to the credentials, which are `c`.
pub(super) const JOIN: &str = "LEFT JOIN localapi_lifetimes l ON l.id = c.id";

impl Lifetime {
    /// Reads [`COLUMNS`], the first of which is this one.
    pub(super) fn read(row: &dyn Row, first: usize) -> Self {
        Self {
            expires_at: time(row, first),
            disabled: row.int(first + 1) != 0,
            previous: time(row, first + 3).map(|expires_at| Previous { verifier: row.text(first + 2), expires_at }),
        }
    }

    /// Whether the credential counts at this time.
    pub fn counts(&self, now: &str) -> bool {
        !self.disabled && self.expires_at.as_deref().is_none_or(|expiry| now < expiry)
    }
}

impl Previous {
    /// Whether this is the secret, and it still verifies at this time.
    pub fn verifies(&self, secret: &[u8], now: &str) -> bool {
        now < self.expires_at.as_str() && verifier::matches(secret, &self.verifier)
    }
}

/// A column with a time, or none.
pub(super) fn time(row: &dyn Row, column: usize) -> Option<String> {
    Some(row.text(column)).filter(|text| !text.is_empty())
}

fn bind(time: Option<&String>) -> Bind<'_> {
    time.map_or(Bind::Null, |time| Bind::Text(time))
}

impl Store {
    /// Notes how long a credential counts.
    pub fn set_lifetime(&self, credential: RowId, lifetime: &Lifetime) -> Result<()> {
        let sql = "INSERT INTO localapi_lifetimes (id, expires_at, disabled, previous_verifier, previous_expires_at) \
                   VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at, \
                   disabled = excluded.disabled, previous_verifier = excluded.previous_verifier, \
                   previous_expires_at = excluded.previous_expires_at";
        let Lifetime { expires_at, disabled, previous } = lifetime;
        let (verifier, until) = previous.as_ref().map(|previous| (&previous.verifier, &previous.expires_at)).unzip();
        let values = [
            Bind::Id(credential),
            bind(expires_at.as_ref()),
            Bind::Int(i64::from(*disabled)),
            Bind::Text(verifier.map_or("", String::as_str)),
            bind(until),
        ];
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
