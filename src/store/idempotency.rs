//! What requests that may be made again have created. A key is remembered for a day, by its hash.

use super::Store;
use super::engine::{Bind, Row, RowId};
use crate::error::Result;

/// What was created with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The credential's id.
    pub credential: i64,
    /// The hash of what was asked for.
    pub request: String,
    /// Whether the secret that was answered is no longer the credential's.
    pub reset: bool,
}

impl Store {
    /// What was created with this key since then.
    pub fn remembered(&self, key: &str, since: &str) -> Result<Option<Remembered>> {
        let sql = "SELECT id, request_hash, is_reset FROM localapi_idempotency_keys \
                   WHERE key_hash = ?1 COLLATE BINARY AND created_at > ?2";
        let read = |row: &dyn Row| Remembered { credential: row.int(0), request: row.text(1), reset: row.int(2) != 0 };
        self.engine.row(sql, &[Bind::Text(key), Bind::Text(since)], read)
    }

    /// Remembers what was created with a key, and forgets what is older than that time. Where another is faster, this or
    /// the commit fails as [`StoreError::Taken`](crate::error::StoreError::Taken).
    pub fn remember(&self, key: &str, request: &str, credential: RowId, now: &str, since: &str) -> Result<()> {
        let sql = "DELETE FROM localapi_idempotency_keys WHERE created_at <= ?1";
        self.engine.execute(sql, &[Bind::Text(since)])?;
        let sql = "INSERT INTO localapi_idempotency_keys (id, key_hash, request_hash, created_at) \
                   VALUES (?1, ?2, ?3, ?4)";
        let values = [Bind::Id(credential), Bind::Text(key), Bind::Text(request), Bind::Text(now)];
        self.engine.execute(sql, &values)
    }

    /// Notes that the secret of a credential is another than was answered when it was created.
    pub fn forget_secret(&self, credential: i64) -> Result<()> {
        let sql = "UPDATE localapi_idempotency_keys SET is_reset = 1 WHERE id = ?1";
        self.engine.execute(sql, &[Bind::Int(credential)])
    }
}
