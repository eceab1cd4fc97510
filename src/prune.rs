//! Deletes credentials that have expired.

use crate::error::{RequestError, Result};
use crate::session::Session;
use crate::store::{About, LogLine, RowId, Store, Verdict};

/// How many credentials are deleted in one transaction: others wait no longer than that takes.
const BATCH: i64 = 200;

/// Deletes what expired longer ago than so many seconds, a batch at a time, each with its line in the activity log.
/// Returns how many were. `go_on` is asked before each batch.
pub fn prune(session: &Session, expired_before: i64, go_on: impl Fn() -> bool) -> Result<i64> {
    let must = "0 or greater";
    let seconds = u64::try_from(expired_before).map_err(|_| RequestError::Argument { position: 1, must })?;
    let mut deleted = 0;
    while go_on() {
        session.begin_call();
        session.require_store()?;
        let Some(batch) = delete_batch(session, &session.ago(seconds)?)? else { break };
        deleted += batch;
    }
    Ok(deleted)
}

/// Deletes some of those that had expired at this time; returns how many, or `None` where there is none. One that a host
/// has deleted doesn't count.
fn delete_batch(session: &Session, time: &str) -> Result<Option<i64>> {
    let now = session.now()?;
    let decision = session.decide(|store| store.expired(time, BATCH))?;
    if decision.made.is_empty() {
        return Ok(None);
    }
    let delete = |store: &mut Store, ids: &Vec<i64>| {
        let mut deleted = Vec::with_capacity(ids.len());
        for &id in ids {
            // At a server another may have renewed or deleted it meanwhile. One that a host has deleted leaves its time.
            let found = store.credential(id)?;
            let Some(found) = found else {
                store.delete_credential(id)?;
                continue;
            };
            let Some(expiry) = found.lifetime.expires_at.filter(|expiry| expiry.as_str() <= time) else { continue };
            store.delete_credential(id)?;
            let client = found.details.user_id.parse().unwrap_or(0);
            let (about, what) =
                (About::Row("OAuth credential", RowId::Known(id)), format!("deleted, expired {expiry}"));
            store.log(&LogLine { client, ..LogLine::of_system(&now, about, &what) })?;
            deleted.push(id);
        }
        Ok(deleted)
    };
    let deleted = session.write(decision, delete, |deleted| {
        let first = deleted.first().copied();
        Box::new(move |store| match first {
            Some(id) => Ok(Verdict::stored_if(store.credential(id)?.is_none())),
            None => Ok(Verdict::Undone),
        })
    })?;
    Ok(Some(i64::try_from(deleted.len()).unwrap_or(i64::MAX)))
}
