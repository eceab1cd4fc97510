//! Who may call over HTTP.

use super::Store;
use super::engine::{Bind, Row};
use super::lifetime::time;
use super::registry::is_disabled;
use crate::error::Result;

/// A row of `tbldeviceauth` that counts, and the admin in whose name it calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiCredential {
    /// Its id.
    pub id: i64,
    /// What its secret is checked against.
    pub verifier: String,
    /// The ids of its roles.
    pub role_ids: String,
    /// When it was last used; empty before.
    pub last_access: String,
    /// The admin's user name.
    pub admin: String,
    /// Whether the admin may no longer ask for anything.
    pub disabled: bool,
    /// Whether no list shows it the secrets of credentials.
    pub hides_secrets: bool,
    /// When it expires, in UTC; `None` is never.
    pub expires_at: Option<String>,
    /// What people know it by.
    pub identifier: String,
    /// What it's for.
    pub description: String,
}

/// A row of `tbldeviceauth` and one of `tblapi_roles` that are about to be inserted.
pub struct NewApiCredential<'a> {
    /// What its secret is checked against.
    pub verifier: &'a str,
    /// The admin's id.
    pub admin: i64,
    /// The actions it may call, as the role has them.
    pub permissions: &'a str,
    /// What it's for.
    pub description: &'a str,
    /// Whether no list shows it the secrets of credentials.
    pub hides_secrets: bool,
    /// When it expires, in UTC.
    pub expires_at: Option<String>,
    /// The time, twice: created and updated.
    pub now: &'a str,
}

/// Whether a time says nothing. MySQL knows a zero date, which stands for none.
fn is_no_time(text: &str) -> bool {
    text.is_empty() || text.starts_with("0000-00-00")
}

fn select(rest: &str) -> String {
    format!(
        "SELECT d.id, d.secret, d.role_ids, d.last_access, a.username, a.disabled, d.deleted_at, l.hides_secrets, \
         l.expires_at, d.identifier, d.description FROM tbldeviceauth d JOIN tbladmins a ON a.id = d.user_id \
         LEFT JOIN localapi_api_credentials l ON l.id = d.id {rest}"
    )
}

/// `None` of one that was revoked.
fn read(row: &dyn Row) -> Option<ApiCredential> {
    is_no_time(&row.text(6)).then(|| ApiCredential {
        id: row.int(0),
        verifier: row.text(1),
        role_ids: row.text(2),
        last_access: row.text(3),
        admin: row.text(4),
        disabled: is_disabled(&row.text(5)),
        hides_secrets: row.int(7) != 0,
        expires_at: time(row, 8),
        identifier: row.text(9),
        description: row.text(10),
    })
}

impl Store {
    /// The credential with this identifier, unless it was revoked or its admin is gone.
    pub fn api_credential(&self, identifier: &str) -> Result<Option<ApiCredential>> {
        let sql = select("WHERE d.identifier = ?1 COLLATE BINARY");
        Ok(self.engine.row(&sql, &[Bind::Text(identifier)], read)?.flatten())
    }

    /// All credentials that count, in the order of their ids.
    pub fn api_credentials(&self) -> Result<Vec<ApiCredential>> {
        Ok(self.engine.rows(&select("ORDER BY d.id"), &[], read)?.into_iter().flatten().collect())
    }

    /// The actions that a role allows.
    pub fn permissions(&self, role: i64) -> Result<Option<String>> {
        let sql = "SELECT permissions FROM tblapi_roles WHERE id = ?1";
        self.engine.row(sql, &[Bind::Int(role)], |row| row.text(0))
    }

    /// Inserts a credential and the role it has; its id, or [`StoreError::Taken`](crate::error::StoreError::Taken) where another
    /// has its identifier.
    pub fn insert_api_credential(&self, identifier: &str, new: &NewApiCredential<'_>) -> Result<i64> {
        let sql = "INSERT INTO tbldeviceauth (identifier, secret, user_id, role_ids, description, created_at, updated_at) \
                   VALUES (?1, ?2, ?3, '', ?4, ?5, ?5)";
        let values = [
            Bind::Text(identifier),
            Bind::Text(new.verifier),
            Bind::Int(new.admin),
            Bind::Text(new.description),
            Bind::Text(new.now),
        ];
        let id = self.engine.insert_now(sql, &values)?;
        let sql = "INSERT INTO tblapi_roles (role, description, permissions, created_at, updated_at) \
                   VALUES (?1, ?2, ?3, ?4, ?4)";
        let name = format!("API credential {id}");
        let values = [Bind::Text(&name), Bind::Text(new.description), Bind::Text(new.permissions), Bind::Text(new.now)];
        let role = self.engine.insert_now(sql, &values)?;
        let sql = "UPDATE tbldeviceauth SET role_ids = ?1 WHERE id = ?2";
        self.engine.execute(sql, &[Bind::Text(&role.to_string()), Bind::Int(id)])?;
        if new.hides_secrets || new.expires_at.is_some() {
            let sql = "INSERT INTO localapi_api_credentials (id, hides_secrets, expires_at) VALUES (?1, ?2, ?3)";
            let expires_at = new.expires_at.as_deref().map_or(Bind::Null, Bind::Text);
            self.engine.execute(sql, &[Bind::Int(id), Bind::Int(i64::from(new.hides_secrets)), expires_at])?;
        }
        Ok(id)
    }

    /// Takes a credential back; its id, or `None` where there is none to take. Its row stays, without what its secret
    /// was checked against.
    pub fn revoke_api_credential(&self, identifier: &str, now: &str) -> Result<Option<i64>> {
        let sql = "SELECT id, deleted_at FROM tbldeviceauth WHERE identifier = ?1 COLLATE BINARY";
        let read = |row: &dyn Row| is_no_time(&row.text(1)).then(|| row.int(0));
        let found = self.engine.row_to_change(sql, &[Bind::Text(identifier)], read)?.flatten();
        if let Some(id) = found {
            let sql = "UPDATE tbldeviceauth SET secret = '', deleted_at = ?1, updated_at = ?1 WHERE id = ?2";
            self.engine.execute(sql, &[Bind::Text(now), Bind::Int(id)])?;
        }
        Ok(found)
    }

    /// Notes when a credential was used.
    pub fn set_last_access(&self, id: i64, now: &str) -> Result<()> {
        let sql = "UPDATE tbldeviceauth SET last_access = ?1 WHERE id = ?2";
        self.engine.execute(sql, &[Bind::Text(now), Bind::Int(id)])
    }

    /// What an admin's password is checked against: empty where there is none. `None` without such an admin, or where
    /// the admin is disabled.
    pub fn admin_password(&self, username: &str) -> Result<Option<String>> {
        let sql = "SELECT password, disabled FROM tbladmins WHERE username = ?1 COLLATE BINARY";
        let read = |row: &dyn Row| (!is_disabled(&row.text(1))).then(|| row.text(0));
        Ok(self.engine.row(sql, &[Bind::Text(username)], read)?.flatten())
    }

    /// What the passwords of all admins are checked against, where it looks like a bcrypt hash.
    pub fn admin_passwords(&self) -> Result<Vec<String>> {
        let sql = "SELECT password FROM tbladmins WHERE password LIKE '$2%' AND length(password) = 60";
        self.engine.rows(sql, &[], |row| row.text(0))
    }
}

#[cfg(test)]
impl Store {
    /// Changes rows as a host may.
    pub fn execute_for_test(&mut self, sql: &str) -> Result<()> {
        self.known = None;
        self.engine.execute(sql, &[])
    }

    /// The first column of what a query finds.
    pub fn texts_for_test(&self, sql: &str) -> Result<Vec<String>> {
        self.engine.rows(sql, &[], |row| row.text(0))
    }

    /// Does so as another connection would: what is known may no longer hold.
    pub fn change_for_test(&mut self, sql: &str) -> Result<()> {
        self.known = None;
        self.execute_for_test(sql)
    }
}
