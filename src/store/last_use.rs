//! When credentials were last used.

use std::collections::BTreeMap;

use super::Store;
use super::engine::Bind;
use crate::error::Result;

/// Joins the times to the credentials, which are `c`.
pub(super) const JOIN: &str = "LEFT JOIN localapi_last_uses u ON u.id = c.id";

impl Store {
    /// Notes when credentials were used, by their ids, unless `is_noted` says of the last time that it's enough. No other
    /// writer is waited for and nothing is flushed: where somebody writes, or a crash comes, it's not noted.
    pub fn note_uses(&mut self, uses: &BTreeMap<i64, String>, is_noted: impl Fn(&str) -> bool) -> Result<()> {
        if self.is_in_batch() || !self.engine.begin_at_once()? {
            return Ok(());
        }
        self.forget_credentials();
        let noted = uses.iter().try_for_each(|(&id, time)| self.note_use(id, time, &is_noted));
        let noted = noted.and_then(|()| self.engine.commit_unflushed());
        if noted.is_err() {
            self.engine.rollback();
        }
        noted
    }

    fn note_use(&self, id: i64, time: &str, is_noted: impl Fn(&str) -> bool) -> Result<()> {
        let sql = "SELECT used_at FROM localapi_last_uses WHERE id = ?1";
        let last = self.engine.row_to_change(sql, &[Bind::Int(id)], |row| row.text(0))?;
        if last.is_some_and(|last| is_noted(&last)) {
            return Ok(());
        }
        // Nothing is kept of one that is deleted meanwhile.
        let sql = "INSERT INTO localapi_last_uses (id, used_at) SELECT id, ?2 FROM tbloauthserver_clients WHERE id = ?1 \
                   ON CONFLICT (id) DO UPDATE SET used_at = excluded.used_at";
        self.engine.execute(sql, &[Bind::Int(id), Bind::Text(time)])
    }

    /// Forgets when a credential was used.
    pub(super) fn delete_last_use(&self, credential: i64) -> Result<()> {
        self.engine.execute("DELETE FROM localapi_last_uses WHERE id = ?1", &[Bind::Int(credential)])
    }
}
