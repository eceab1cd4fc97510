//! Calls that share a transaction.

use super::verdict::Proof;
use super::{Store, Written};
use crate::error::{Error, Result, StoreError};

/// The transaction that the calls of a batch share.
pub struct Batch {
    /// Whether a call that fails is undone alone: to be able to, SQLite copies every page that any call changes.
    /// Otherwise one that had written something fails as [`StoreError::HalfWritten`](crate::error::StoreError::HalfWritten), and all has to be done again.
    undoes_alone: bool,
    /// What tells of each write at a server whether it was stored, should the answer to the commit be lost.
    proofs: Vec<Proof>,
}

impl Store {
    /// Whether calls share a transaction now.
    pub fn is_in_batch(&self) -> bool {
        self.batch.is_some()
    }

    /// Begins the transaction that the calls of a batch share.
    pub fn begin_batch(&mut self, undoes_alone: bool) -> Result<()> {
        self.engine.begin()?;
        self.sealed.clear();
        self.batch = Some(Batch { undoes_alone, proofs: Vec::new() });
        let locked = self.lock_version().and_then(|()| self.refuse_unfinished());
        if locked.is_err() {
            self.roll_batch_back();
        }
        locked
    }

    /// Runs the work of one call of a batch.
    pub(super) fn write_in_batch<T>(
        &mut self,
        undoes_alone: bool,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<Written<T>> {
        if !undoes_alone {
            let before = self.engine.changes_so_far();
            return work(self).map(Written::Surely).map_err(|error| {
                self.known = None;
                let untouched = self.engine.changes_so_far() == before;
                if untouched || error.undoes_transaction() { error } else { Error::Store(StoreError::HalfWritten) }
            });
        }
        self.engine.execute("SAVEPOINT localapi_call", &[])?;
        let done = work(self).and_then(|value| {
            self.engine.change("RELEASE SAVEPOINT localapi_call", &[])?;
            Ok(Written::Surely(value))
        });
        let Err(error) = done else { return done };
        self.known = None;
        // Where this fails the transaction is gone already, and all that was done in it.
        match self.engine.change("ROLLBACK TO SAVEPOINT localapi_call", &[]) {
            Err(fault) if !error.undoes_transaction() => Err(fault),
            _ => Err(error),
        }
    }

    /// Whether a call of a batch that fails is undone alone; `None` outside a batch.
    pub(super) fn undoes_alone(&self) -> Option<bool> {
        self.batch.as_ref().map(|batch| batch.undoes_alone)
    }

    /// Keeps the proof of what a call of a batch has written, where the answer to the commit may be lost.
    pub fn prove_in_batch(&mut self, proof: impl FnOnce() -> Proof) {
        let is_remote = self.is_remote();
        if let Some(batch) = self.batch.as_mut().filter(|_| is_remote) {
            batch.proofs.push(proof());
        }
    }

    /// Commits what the calls of a batch have written. Their proofs are in `proofs` then.
    pub fn commit_batch(&mut self, proofs: &mut Vec<Proof>) -> Result<()> {
        let Some(batch) = self.batch.take() else {
            // The connection that had it is gone: nothing is committed.
            return Err(StoreError::BatchLost.into());
        };
        *proofs = batch.proofs;
        let done = self.commit();
        if done.is_err() {
            self.roll_batch_back();
        }
        self.locked = None;
        done
    }

    /// Undoes what the calls of a batch have written.
    pub fn roll_batch_back(&mut self) {
        self.batch = None;
        self.locked = None;
        self.known = None;
        self.engine.rollback();
    }
}
