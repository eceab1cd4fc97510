//! Whose turn it is to write: how a connection comes to have SQLite's write lock.

use std::time::{Duration, Instant};

use super::gate::Cut;
use super::{GATE, Sqlite, in_use, log};
use crate::error::{Error, Result, StoreError};
use crate::own_file::beside;
use crate::store::engine::Engine as _;

impl Sqlite {
    /// Begins to write as soon as nobody else does, or who came first has: at once where nobody had to wait lately.
    pub(super) fn lock_in_turn(&self) -> Result<()> {
        let Some(gate) = &self.gate else { return self.lock(self.busy_timeout) };
        if gate.is_deserted() && self.try_lock()? {
            return Ok(());
        }
        let begun = Instant::now();
        if !self.enter_gate(self.busy_timeout)? {
            return self.lock(Duration::ZERO);
        }
        if !in_use::has_one_thread() {
            self.have_others_queue();
        }
        let entered = Instant::now();
        while !self.try_lock()? {
            if begun.elapsed() >= self.busy_timeout {
                return self.lock(Duration::ZERO);
            }
            log::pause_after(entered.elapsed());
        }
        Ok(())
    }

    /// Begins to write unless somebody else does. Whether this has begun.
    pub(super) fn try_lock(&self) -> Result<bool> {
        match self.lock(Duration::ZERO) {
            Err(Error::Store(StoreError::Locked(..))) => {
                // Who does may have gone past the gate, and must not do so again.
                self.have_others_queue();
                Ok(false)
            }
            locked => locked.map(|()| true),
        }
    }

    /// Begins to write, waiting no longer for another writer than this.
    pub(super) fn lock(&self, longest: Duration) -> Result<()> {
        let fault = |error: rusqlite::Error| self.fault(&error);
        if longest == self.busy_timeout {
            return self.execute("BEGIN IMMEDIATE", &[]);
        }
        self.main.busy_timeout(longest).map_err(fault)?;
        let locked = self.execute("BEGIN IMMEDIATE", &[]);
        self.main.busy_timeout(self.busy_timeout).map_err(fault)?;
        locked
    }

    /// Keeps others from going past the gate for a while.
    pub(super) fn have_others_queue(&self) {
        if let Some(gate) = &self.gate {
            gate.note_crowd();
        }
    }

    /// Waits for this connection's turn at the gate, no longer than this. `false` where it has waited in vain.
    pub(super) fn enter_gate(&self, longest: Duration) -> Result<bool> {
        let Some(gate) = &self.gate else { return Ok(true) };
        gate.enter(longest).map_err(|Cut| StoreError::GateCut(beside(&self.path, GATE)).into())
    }

    pub(super) fn leave_gate(&self) {
        if let Some(gate) = &self.gate {
            gate.leave();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::super::{Gate, Missing};
    use super::*;
    use crate::settings::Settings;

    fn open(folder: &TempDir, busy_timeout: Duration) -> Sqlite {
        let path = folder.path().join("store");
        let settings = Settings { busy_timeout, ..Settings::default() };
        Sqlite::open_file(&path, &path, false, Missing::Made, &settings).unwrap()
    }

    fn gate(folder: &TempDir) -> Gate {
        Gate::open(&folder.path().join("store-gate")).unwrap()
    }

    /// Another program that writes and doesn't end.
    fn program(folder: &TempDir) -> Connection {
        let program = Connection::open(folder.path().join("store")).unwrap();
        program.execute_batch("BEGIN IMMEDIATE").unwrap();
        program
    }

    fn is_locked(begun: Result<()>) -> bool {
        matches!(begun, Err(Error::Store(StoreError::Locked(..))))
    }

    #[test]
    fn whoever_is_alone_goes_past_the_gate_and_all_queue_once_one_had_to_wait() {
        let folder = tempfile::tempdir().unwrap();
        let [mut first, mut second] = [(); 2].map(|()| open(&folder, Duration::from_millis(20)));
        let other = gate(&folder);
        first.begin().unwrap();
        assert_eq!(other.enter(Duration::ZERO), Ok(true), "nobody is inside");
        other.leave();
        assert!(other.is_deserted());
        assert!(is_locked(second.begin()), "SQLite's lock is the first one's");
        assert!(!other.is_deserted());
        first.commit().unwrap();
        for store in [&mut first, &mut second] {
            store.begin().unwrap();
            assert_eq!(other.enter(Duration::ZERO), Ok(false), "it has gone in");
            store.commit().unwrap();
        }
        assert_eq!(other.enter(Duration::ZERO), Ok(true));
    }

    #[test]
    fn who_waits_for_another_program_keeps_others_from_going_past() {
        let folder = tempfile::tempdir().unwrap();
        drop(open(&folder, Duration::ZERO));
        let program = program(&folder);
        thread::scope(|scope| {
            let waits = scope.spawn(|| {
                let mut store = open(&folder, Duration::from_secs(20));
                store.begin().unwrap();
                store.commit().unwrap();
            });
            let gate = gate(&folder);
            for _ in 0..3 {
                gate.forget_crowd();
                while gate.is_deserted() {
                    assert!(!waits.is_finished());
                    thread::yield_now();
                }
            }
            program.execute_batch("COMMIT").unwrap();
            waits.join().unwrap();
        });
    }

    #[test]
    fn who_waits_at_the_gate_first_waits_no_longer_in_all() {
        const LONGEST: Duration = Duration::from_secs(4);
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder, LONGEST);
        let _program = program(&folder);
        let (tell, told) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                let gate = gate(&folder);
                assert_eq!(gate.enter(Duration::ZERO), Ok(true));
                tell.send(()).unwrap();
                thread::sleep(LONGEST * 3 / 4);
                gate.leave();
            });
            told.recv().unwrap();
            let begun = Instant::now();
            assert!(is_locked(store.begin()));
            assert!(begun.elapsed() < LONGEST * 3 / 2);
        });
    }

    #[test]
    fn one_who_stays_inside_does_not_let_the_log_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(&folder, Duration::from_millis(20));
        (store.thresholds.free, store.thresholds.most) = (20, 40);
        let stopped = gate(&folder);
        assert_eq!(stopped.enter(Duration::ZERO), Ok(true));
        let mut longest = 0;
        for _ in 0..50 {
            store.begin().unwrap();
            store.insert("INSERT INTO tbloauthserver_clients (identifier) VALUES (hex(randomblob(8)))", &[]).unwrap();
            store.commit().unwrap();
            longest = longest.max(log::pages_to_copy(&store.main).unwrap());
        }
        assert!((40..60).contains(&longest), "{longest}");
    }
}
