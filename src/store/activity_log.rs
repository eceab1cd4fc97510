//! The activity log.

use std::fmt::Display;

use super::Store;
use super::engine::{Bind, RowId};
use crate::error::Result;

/// A line of `tblactivitylog`.
pub struct LogLine<'a> {
    /// When.
    pub date: &'a str,
    /// What it's about,
    pub about: About,
    /// and what became of that.
    pub what: &'a dyn Display,
    /// The admin's name, or `System`.
    pub user: &'a str,
    /// The client it's about, or 0.
    pub client: i64,
    /// The admin's id, or 0.
    pub admin: i64,
    /// The address of a call over HTTP, or empty.
    pub address: &'a str,
}

impl<'a> LogLine<'a> {
    /// A line of the system's own, about no client.
    pub fn of_system(date: &'a str, about: About, what: &'a dyn Display) -> Self {
        Self { date, about, what, user: SYSTEM, client: 0, admin: 0, address: "" }
    }
}

/// What a line of the activity log is about.
#[derive(Debug, Clone, Copy)]
pub enum About {
    /// A row: what kind of thing, and which of them.
    Row(&'static str, RowId),
    /// All of the store, or a call: what became of it says all.
    Everything,
}

/// Who has done what no admin has.
const SYSTEM: &str = "System";

impl Store {
    /// Writes a line into the activity log.
    pub fn log(&self, line: &LogLine<'_>) -> Result<()> {
        let sql = "INSERT INTO tblactivitylog (date, description, user, userid, admin_id, ipaddr) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let (start, end);
        let description = match line.about {
            About::Everything => {
                start = line.what.to_string();
                Bind::Text(&start)
            }
            About::Row(kind, RowId::Known(id)) => {
                start = format!("{kind} {id} {}", line.what);
                Bind::Text(&start)
            }
            About::Row(kind, id @ RowId::New) => {
                (start, end) = (format!("{kind} "), format!(" {}", line.what));
                Bind::TextAround(&start, id, &end)
            }
        };
        let values = [
            Bind::Text(line.date),
            description,
            Bind::Text(line.user),
            Bind::Int(line.client),
            Bind::Int(line.admin),
            Bind::Text(line.address),
        ];
        self.engine.execute(sql, &values)
    }

    /// How many lines of the system's own begin with this, are about calls from this network, and were written then or
    /// later.
    pub fn lines_about_calls(&self, network: &str, beginning: &str, since: &str) -> Result<i64> {
        let sql = "SELECT count(*) FROM tblactivitylog \
                   WHERE ipaddr = ?1 AND ipaddr <> '' AND user = 'System' AND date >= ?2 AND substr(description, 1, ?3) = ?4";
        let length = i64::try_from(beginning.chars().count()).unwrap_or(i64::MAX);
        let values = [Bind::Text(network), Bind::Text(since), Bind::Int(length), Bind::Text(beginning)];
        self.engine.row(sql, &values, |row| row.int(0)).map(Option::unwrap_or_default)
    }

    /// Keeps others who are about to write a line of this kind waiting until this transaction ends. A server keeps
    /// nobody from inserting what was counted, but for a row that all of them change first; a file has one writer.
    pub fn queue_for(&self, kind: &str) -> Result<()> {
        if !self.engine.is_remote() {
            return Ok(());
        }
        let sql =
            "INSERT INTO localapi_store (name, value) VALUES (?1, '') ON CONFLICT (name) DO UPDATE SET value = value";
        self.engine.execute(sql, &[Bind::Text(kind)])
    }

    /// When a line of this kind was last written; empty before the first.
    pub fn last_line(&self, kind: &str) -> Result<String> {
        let sql = "SELECT value FROM localapi_store WHERE name = ?1";
        self.engine.row(sql, &[Bind::Text(kind)], |row| row.text(0)).map(Option::unwrap_or_default)
    }

    /// Notes when a line of this kind is written.
    pub fn set_last_line(&self, kind: &str, date: &str) -> Result<()> {
        let sql = "REPLACE INTO localapi_store (name, value) VALUES (?1, ?2)";
        self.engine.execute(sql, &[Bind::Text(kind), Bind::Text(date)])
    }
}
