//! What the host has registered: its services, their clients, and admins.

use super::Store;
use super::engine::Bind;
use crate::error::Result;

/// A row of `tbladmins`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admin {
    /// Its id.
    pub id: i64,
    /// Whether it may no longer ask for anything.
    pub disabled: bool,
}

/// Whether a column `disabled` says so, in whatever words SQL has put there: anything that isn't known to mean no.
pub(super) fn is_disabled(text: &str) -> bool {
    let text = text.trim();
    let is_zero = text.parse().is_ok_and(|number: f64| number == 0.0);
    !is_zero && !["", "false", "no", "off"].iter().any(|no| text.eq_ignore_ascii_case(no))
}

impl Store {
    /// The admin of this name.
    pub fn admin(&mut self, username: &str) -> Result<Option<Admin>> {
        self.keep(|known| &mut known.admins, username, |store| store.read_admin(username))
    }

    fn read_admin(&self, username: &str) -> Result<Option<Admin>> {
        let sql = "SELECT id, disabled FROM tbladmins WHERE username = ?1 COLLATE BINARY";
        self.engine
            .row(sql, &[Bind::Text(username)], |row| Admin { id: row.int(0), disabled: is_disabled(&row.text(1)) })
    }

    /// The client that owns a service: `None` without such a service, `Some(None)` without such a client.
    pub fn service_owner(&self, id: i64) -> Result<Option<Option<i64>>> {
        let sql = "SELECT c.id FROM tblhosting h LEFT JOIN tblclients c ON c.id = h.userid WHERE h.id = ?1";
        self.engine.row(sql, &[Bind::Int(id)], |row| row.int_or_null(0))
    }

    /// Notes that a service belongs to a client.
    pub fn register_service(&self, service: i64, client: i64, now: &str) -> Result<()> {
        let sql = "INSERT INTO tblclients (id, created_at, updated_at) VALUES (?1, ?2, ?2) ON CONFLICT (id) DO NOTHING";
        self.engine.execute(sql, &[Bind::Int(client), Bind::Text(now)])?;
        let sql = "INSERT INTO tblhosting (id, userid, created_at, updated_at) VALUES (?1, ?2, ?3, ?3) \
                   ON CONFLICT (id) DO UPDATE SET userid = excluded.userid, updated_at = excluded.updated_at";
        self.engine.execute(sql, &[Bind::Int(service), Bind::Int(client), Bind::Text(now)])
    }

    /// Every service and its client, in the order of their ids.
    pub fn services(&self) -> Result<Vec<(i64, i64)>> {
        self.engine.rows("SELECT id, userid FROM tblhosting ORDER BY id", &[], |row| (row.int(0), row.int(1)))
    }

    /// Every admin's user name and whether the admin is disabled, in the order of their ids.
    pub fn admins(&self) -> Result<Vec<(String, bool)>> {
        let sql = "SELECT username, disabled FROM tbladmins ORDER BY id";
        self.engine.rows(sql, &[], |row| (row.text(0), is_disabled(&row.text(1))))
    }

    /// Lets an admin ask for nothing any more, or again.
    pub fn disable_admin(&mut self, id: i64, disabled: bool, now: &str) -> Result<()> {
        self.known = None;
        let sql = "UPDATE tbladmins SET disabled = ?2, updated_at = ?3 WHERE id = ?1";
        self.engine.execute(sql, &[Bind::Int(id), Bind::Int(i64::from(disabled)), Bind::Text(now)])
    }

    /// Adds an admin; one that is there stays as it is.
    pub fn register_admin(&mut self, username: &str, now: &str) -> Result<()> {
        self.known = None;
        let sql = "INSERT INTO tbladmins (username, created_at, updated_at) VALUES (?1, ?2, ?2) \
                   ON CONFLICT (username) DO NOTHING";
        self.engine.execute(sql, &[Bind::Text(username), Bind::Text(now)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_is_disabled_unless_the_column_says_no() {
        for text in ["", " ", "0", "00", "0.0", "false", "FALSE", "no", "Off "] {
            assert!(!is_disabled(text), "{text}");
        }
        for text in ["1", "2", "-1", "0.5", "true", "yes", "on", "y", "disabled", "nan", "2026-01-01 00:00:00"] {
            assert!(is_disabled(text), "{text}");
        }
    }
}
