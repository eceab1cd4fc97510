//! The rows of credentials and of their scopes.

use std::iter;
use std::rc::Rc;

use super::Store;
use super::engine::{Bind, Row, RowId};
use super::last_use;
use super::lifetime::{self, Lifetime, time};
use crate::error::Result;

/// What a row of `tbloauthserver_clients` says of its credential, but for its identifier and its secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// The redirect URIs, joined by a space.
    pub redirect_uri: String,
    /// The grant type.
    pub grant_type: String,
    /// The owner's client id, or nothing.
    pub user_id: String,
    /// The service, or 0.
    pub service_id: i64,
    /// `name`.
    pub name: String,
    /// `description`.
    pub description: String,
    /// `logoUri`.
    pub logo_uri: String,
}

impl Details {
    /// The values of its columns, in the order in which it has them.
    fn values(&self) -> [Bind<'_>; 7] {
        [
            Bind::Text(&self.redirect_uri),
            Bind::Text(&self.grant_type),
            Bind::Text(&self.user_id),
            Bind::Int(self.service_id),
            Bind::Text(&self.name),
            Bind::Text(&self.description),
            Bind::Text(&self.logo_uri),
        ]
    }
}

/// A stored credential.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credential {
    /// Its id.
    pub id: i64,
    /// `clientIdentifier`.
    pub identifier: String,
    /// The secret, sealed.
    pub secret: String,
    /// The rest.
    pub details: Details,
    /// The ids of its scopes, in no order.
    pub scopes: Vec<i64>,
    /// How long it counts.
    pub lifetime: Lifetime,
    /// When it last verified, as far as that was noted.
    pub last_used_at: Option<String>,
    /// When it was created.
    pub created_at: String,
    /// When it was last changed.
    pub updated_at: String,
}

impl Credential {
    /// Whether another is the same row with the same content, whatever the order of its scopes is and whoever has used
    /// it since.
    pub fn is_same(&self, other: &Self) -> bool {
        let sorted = |credential: &Self| {
            let mut credential = credential.clone();
            credential.scopes.sort_unstable();
            credential.last_used_at = None;
            credential
        };
        sorted(self) == sorted(other)
    }
}

/// One credential with its scopes.
fn select(rest: &str) -> String {
    columns("(SELECT group_concat(scope_id) FROM tbloauthserver_client_scopes WHERE client_id = c.id)", rest)
}

/// The columns of a [`Credential`], in the order in which `credential` reads them.
fn columns(scopes: &str, rest: &str) -> String {
    format!(
        "SELECT c.id, c.identifier, c.secret, c.redirect_uri, c.grant_types, c.user_id, c.service_id, c.name, \
         c.description, c.logo_uri, c.created_at, c.updated_at, {scopes}, {}, u.used_at \
         FROM tbloauthserver_clients c {} {} {rest}",
        lifetime::COLUMNS,
        lifetime::JOIN,
        last_use::JOIN
    )
}

fn by_identifier() -> String {
    select("WHERE c.identifier = ?1 COLLATE BINARY")
}

/// Which column has the scopes, and how many are after it.
const SCOPES: usize = 12;
const AFTER_SCOPES: usize = 5;

fn credential(row: &dyn Row) -> Credential {
    Credential {
        id: row.int(0),
        identifier: row.text(1),
        secret: row.text(2),
        details: Details {
            redirect_uri: row.text(3),
            grant_type: row.text(4),
            user_id: row.text(5),
            service_id: row.int(6),
            name: row.text(7),
            description: row.text(8),
            logo_uri: row.text(9),
        },
        created_at: row.text(10),
        updated_at: row.text(11),
        scopes: row.text(SCOPES).split(',').filter_map(|id| id.parse().ok()).collect(),
        lifetime: Lifetime::read(row, 13),
        last_used_at: time(row, 17),
    }
}

/// How many scopes of a credential one statement inserts.
const SCOPES_AT_ONCE: usize = 8;

/// Cut shorter, it inserts fewer. A fault undoes the whole transaction: with FAIL, SQLite needs no journal to undo this
/// statement alone.
const INSERT_SCOPES: &str = "INSERT OR FAIL INTO tbloauthserver_client_scopes (client_id, scope_id) VALUES \
     (?1, ?2), (?1, ?3), (?1, ?4), (?1, ?5), (?1, ?6), (?1, ?7), (?1, ?8), (?1, ?9)";

impl Store {
    /// Whether any secret is sealed here.
    pub fn has_secrets(&self) -> Result<bool> {
        let found = self.engine.row("SELECT 1 FROM tbloauthserver_clients WHERE secret <> '' LIMIT 1", &[], |_| ())?;
        Ok(found.is_some())
    }

    /// Inserts a credential. Where its identifier is taken this or the commit fails with [`StoreError::Taken`](crate::error::StoreError::Taken).
    pub fn insert_credential(&self, identifier: &str, secret: &str, new: &Details, now: &str) -> Result<RowId> {
        let sql = "INSERT INTO tbloauthserver_clients (redirect_uri, grant_types, user_id, service_id, name, \
                   description, logo_uri, identifier, secret, rsa_key_pair_id, created_at, updated_at) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, ?10)";
        let [uri, grant, user, service, name, description, logo] = new.values();
        let (identifier, secret, now) = (Bind::Text(identifier), Bind::Text(secret), Bind::Text(now));
        let values = [uri, grant, user, service, name, description, logo, identifier, secret, now];
        self.engine.insert(sql, &values)
    }

    /// The credential with this id.
    pub fn credential(&self, id: i64) -> Result<Option<Credential>> {
        self.engine.row_to_change(&select("WHERE c.id = ?1"), &[Bind::Int(id)], credential)
    }

    /// The credential with this identifier, compared byte for byte.
    pub fn credential_by_identifier(&self, identifier: &str) -> Result<Option<Credential>> {
        self.engine.row_to_change(&by_identifier(), &[Bind::Text(identifier)], credential)
    }

    /// The same to look at it only.
    pub fn credential_to_read(&mut self, identifier: &str) -> Result<Option<Rc<Credential>>> {
        self.keep(
            |known| &mut known.credentials,
            identifier,
            |store| store.engine.row(&by_identifier(), &[Bind::Text(identifier)], |row| Rc::new(credential(row))),
        )
    }

    /// The credentials with these ids, each named once, in the order of their ids. Those that are gone are left out.
    pub fn credentials(&self, ids: &[i64]) -> Result<Vec<Credential>> {
        let Some((least, most)) = ids.iter().min().zip(ids.iter().max()) else { return Ok(Vec::new()) };
        // What has no gap is found by its ends, without a list to look into.
        let is_run =
            most.checked_sub(*least).is_some_and(|span| usize::try_from(span).is_ok_and(|span| span < ids.len()));
        let (chosen, values) = if is_run {
            ("BETWEEN ?1 AND ?2".to_owned(), vec![Bind::Int(*least), Bind::Int(*most)])
        } else {
            let places: Vec<String> = (1..=ids.len()).map(|place| format!("?{place}")).collect();
            (format!("IN ({})", places.join(", ")), ids.iter().copied().map(Bind::Int).collect())
        };
        if self.is_remote() {
            return self.engine.rows(&select(&format!("WHERE c.id {chosen} ORDER BY c.id")), &values, credential);
        }
        // One statement, so that all is of one moment. A row for each scope is read faster than a text of all.
        let nulls = |count| vec!["NULL"; count].join(", ");
        let sql = format!(
            "SELECT client_id, {}, scope_id, {} FROM tbloauthserver_client_scopes WHERE client_id {chosen} UNION ALL {}",
            nulls(SCOPES - 1),
            nulls(AFTER_SCOPES),
            columns("NULL", &format!("WHERE c.id {chosen}"))
        );
        let (mut found, mut scopes) = (Vec::with_capacity(ids.len()), Vec::new());
        self.engine.query(&sql, &values, &mut |row| {
            match row.int_or_null(SCOPES) {
                Some(scope) => scopes.push((row.int(0), scope)),
                None => found.push(credential(row)),
            }
            true
        })?;
        found.sort_unstable_by_key(|credential| credential.id);
        for (of, scope) in scopes {
            let place = found.binary_search_by_key(&of, |credential| credential.id);
            if let Some(credential) = place.ok().and_then(|place| found.get_mut(place)) {
                credential.scopes.push(scope);
            }
        }
        Ok(found)
    }

    /// Changes a credential's details.
    pub fn update_credential(&self, id: i64, new: &Details, now: &str) -> Result<()> {
        let sql = "UPDATE tbloauthserver_clients SET redirect_uri = ?1, grant_types = ?2, user_id = ?3, \
                   service_id = ?4, name = ?5, description = ?6, logo_uri = ?7, updated_at = ?9 WHERE id = ?8";
        let [uri, grant, user, service, name, description, logo] = new.values();
        let values = [uri, grant, user, service, name, description, logo, Bind::Int(id), Bind::Text(now)];
        self.engine.execute(sql, &values)
    }

    /// Gives a credential another sealed secret.
    pub fn update_secret(&self, id: i64, secret: &str, now: &str) -> Result<()> {
        let sql = "UPDATE tbloauthserver_clients SET secret = ?2, updated_at = ?3 WHERE id = ?1";
        self.engine.execute(sql, &[Bind::Int(id), Bind::Text(secret), Bind::Text(now)])
    }

    /// Gives a credential the same secret sealed anew, unless it has changed meanwhile. Returns whether it did.
    pub fn reseal_secret(&self, id: i64, old: &str, new: &str) -> Result<bool> {
        let sql = "UPDATE tbloauthserver_clients SET secret = ?3 WHERE id = ?1 AND secret = ?2 COLLATE BINARY";
        let changed = self.engine.change(sql, &[Bind::Int(id), Bind::Text(old), Bind::Text(new)])?;
        Ok(changed > 0)
    }

    /// Whether any secret is sealed with this key.
    pub fn is_sealed_with(&self, key: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM tbloauthserver_clients WHERE secret LIKE 'v1:' || ?1 || ':%' LIMIT 1";
        Ok(self.engine.row(sql, &[Bind::Text(key)], |_| ())?.is_some())
    }

    /// Credentials after this id whose secrets are sealed with another key than this: `(id, identifier, secret)`.
    pub fn sealed_with_others(&self, key: &str, after: i64, most: i64) -> Result<Vec<(i64, String, String)>> {
        let sql = "SELECT id, identifier, secret FROM tbloauthserver_clients \
                   WHERE id > ?1 AND secret <> '' AND secret NOT LIKE 'v1:' || ?2 || ':%' ORDER BY id LIMIT ?3";
        let values = [Bind::Int(after), Bind::Text(key), Bind::Int(most)];
        self.engine.rows(sql, &values, |row| (row.int(0), row.text(1), row.text(2)))
    }

    /// Credentials after this id that have secrets: `(id, identifier, secret)`.
    pub fn sealed_after(&self, after: i64, most: i64) -> Result<Vec<(i64, String, String)>> {
        let sql = "SELECT id, identifier, secret FROM tbloauthserver_clients \
                   WHERE id > ?1 AND secret <> '' ORDER BY id LIMIT ?2";
        let values = [Bind::Int(after), Bind::Int(most)];
        self.engine.rows(sql, &values, |row| (row.int(0), row.text(1), row.text(2)))
    }

    /// Removes a credential and all that belongs to it. Its id is never given again.
    pub fn delete_credential(&self, id: i64) -> Result<()> {
        self.delete_scopes(id)?;
        self.delete_lifetime(id)?;
        self.delete_last_use(id)?;
        self.engine.execute("DELETE FROM tbloauthserver_clients WHERE id = ?1", &[Bind::Int(id)])
    }

    /// Takes a credential's scopes away.
    pub fn delete_scopes(&self, credential: i64) -> Result<()> {
        let sql = "DELETE FROM tbloauthserver_client_scopes WHERE client_id = ?1";
        self.engine.execute(sql, &[Bind::Int(credential)])
    }

    /// Gives a credential its scopes.
    pub fn insert_scopes(&self, credential: RowId, scopes: &[i64]) -> Result<()> {
        scopes.chunks(SCOPES_AT_ONCE).try_for_each(|scopes| {
            let values: Vec<Bind<'_>> =
                iter::once(Bind::Id(credential)).chain(scopes.iter().copied().map(Bind::Int)).collect();
            let end = INSERT_SCOPES.len() - (SCOPES_AT_ONCE - scopes.len()) * ", (?1, ?2)".len();
            self.engine.execute(INSERT_SCOPES.get(..end).unwrap_or(INSERT_SCOPES), &values)
        })
    }
}
