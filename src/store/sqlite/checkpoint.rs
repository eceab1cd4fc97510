//! When and how the write-ahead log is copied into the database.

use std::cell::Cell;
use std::time::Duration;

use rusqlite::Connection;

use super::{Gate, Sqlite, file};
use crate::error::Result;

/// When the write-ahead log is copied into the database.
#[derive(Debug, Clone, Copy)]
pub struct Thresholds {
    /// After a request, where nobody has written for a while, once it has this many pages;
    pub quiet: i32,
    /// after a commit once it has this many and no other writer waits,
    pub free: i32,
    /// or once it has this many.
    pub most: i32,
}

impl Thresholds {
    /// 400 KiB, 8 MiB and 32 MiB.
    const NORMAL: Self = Self { quiet: 100, free: 2_000, most: 8_000 };
}

/// A while.
const QUIET: Duration = Duration::from_secs(1);

impl Thresholds {
    /// Those that hold here.
    pub fn here() -> Self {
        #[cfg(test)]
        if let Some(thresholds) = super::simulator::thresholds() {
            return thresholds;
        }
        Self::NORMAL
    }
}

thread_local! {
    /// The pages in the write-ahead log after this thread's last commit. SQLite tells a function that has no state.
    static LOG_PAGES: Cell<i32> = const { Cell::new(0) };
}

/// Notes the pages in the log after each commit of this connection.
pub fn count_pages(connection: &Connection) {
    connection.wal_hook(Some(|_, pages| {
        LOG_PAGES.set(pages);
        Ok(())
    }));
}

impl Sqlite {
    /// Copies the write-ahead log into the database where it has grown. Whether all that is committed lasts by that.
    /// What fails here is tried again later.
    pub(super) fn checkpoint_if_due(&mut self) -> bool {
        let pages = LOG_PAGES.get();
        let Thresholds { free, most, .. } = self.thresholds;
        if pages < free {
            self.next_checkpoint = free;
            return false;
        }
        let must = pages >= most;
        if pages < self.next_checkpoint || !must && self.gate.as_ref().is_none_or(Gate::is_awaited) {
            return false;
        }
        // Readers may keep part of it from being copied: not tried again with every commit.
        self.next_checkpoint = pages.saturating_add(free / 4);
        self.checkpoint(if must { self.busy_timeout } else { Duration::ZERO }).unwrap_or(false)
    }

    /// Copies the log. It never runs beside a commit: SQLite before 3.51.3 can lose data when another connection commits
    /// meanwhile (sqlite.org/wal.html, "The WAL-Reset Bug"), so this connection holds the write lock while a second one
    /// copies. Whether it has copied, and so flushed, all of it: readers may keep it from that.
    fn checkpoint(&mut self, longest: Duration) -> Result<bool> {
        self.lock(longest)?;
        let copied = self.mend().and_then(|()| self.copy_log().map_err(|error| self.fault(&error)));
        self.roll_back_now();
        copied
    }

    fn copy_log(&mut self) -> rusqlite::Result<bool> {
        let checkpointer = match &self.checkpointer {
            Some(connection) => connection,
            None => {
                let connection = file::connect(&self.path)?;
                connection.execute_batch("PRAGMA wal_autocheckpoint = 0")?;
                self.checkpointer.insert(connection)
            }
        };
        checkpointer.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
            let (pages, copied): (i64, i64) = (row.get(1)?, row.get(2)?);
            Ok(pages > 0 && copied == pages)
        })
    }

    /// Copies the log where nobody has written for a while.
    pub(super) fn checkpoint_if_quiet(&mut self) {
        let Some(gate) = &self.gate else { return };
        let quiet = self.quiet.take().unwrap_or_else(|| gate.quiet());
        if LOG_PAGES.get() >= self.thresholds.quiet && quiet >= QUIET && gate.enter(Duration::ZERO) {
            if self.checkpoint(Duration::ZERO).unwrap_or(false) {
                LOG_PAGES.set(0);
            }
            self.leave_gate();
        }
    }
}
