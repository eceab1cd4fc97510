//! The activity log.

use std::fmt::Display;

use super::Store;
use super::engine::{Bind, RowId};
use crate::error::Result;

/// A line of `tblactivitylog`.
pub struct LogLine<'a> {
    /// When.
    pub date: &'a str,
    /// What kind of thing it's about,
    pub about: &'a str,
    /// which of them,
    pub id: RowId,
    /// and what became of it.
    pub what: &'a dyn Display,
    /// The admin's name, or `System`.
    pub user: &'a str,
    /// The client it's about, or 0.
    pub client: i64,
    /// The admin's id, or 0.
    pub admin: i64,
}

impl Store {
    /// Writes a line into the activity log.
    pub fn log(&self, line: &LogLine<'_>) -> Result<()> {
        let sql = "INSERT INTO tblactivitylog (date, description, user, userid, admin_id, ipaddr) \
                   VALUES (?1, ?2, ?3, ?4, ?5, '')";
        let (start, end);
        let description = match line.id {
            RowId::Known(id) => {
                start = format!("{} {id} {}", line.about, line.what);
                Bind::Text(&start)
            }
            RowId::New => {
                (start, end) = (format!("{} ", line.about), format!(" {}", line.what));
                Bind::TextAround(&start, line.id, &end)
            }
        };
        let values =
            [Bind::Text(line.date), description, Bind::Text(line.user), Bind::Int(line.client), Bind::Int(line.admin)];
        self.engine.execute(sql, &values)
    }
}
