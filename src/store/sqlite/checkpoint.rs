//! When and how the write-ahead log is copied into the database.

use std::cell::Cell;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::{Gate, LOG, Sqlite, file, log};
use crate::error::Result;
use crate::own_file::beside;

/// When the write-ahead log is copied into the database, and when it's made longer.
#[derive(Debug, Clone, Copy)]
pub struct Thresholds {
    /// How many bytes a page has.
    pub page: u32,
    /// The log is made longer than it is once it has this many pages.
    pub lengthen: u32,
    /// After a request, where nobody has written for a while, once it has this many pages;
    pub quiet: u32,
    /// after a commit once it has this many and no other writer waits,
    pub free: u32,
    /// or once it has this many, and a quarter of that more than when it was last copied.
    pub most: u32,
}

/// The disk is looked at once the log has grown by so many pages: a look costs a commit little then.
const LOOK_EVERY: u32 = 128;
/// So many times what the log has must be left, so that it can always be copied into a database that grows by it.
const LEAVE: u64 = 3;
/// Where less is left it's copied again once it has grown by so many pages.
const TIGHT_STEP: u32 = 32;
/// A log that is shorter isn't worth to be cut where the disk is full, in bytes.
const WORTH_CUTTING: u64 = 128 << 10;
/// A while.
const QUIET: Duration = Duration::from_secs(1);
/// For how long readers are waited for, but for no more than a quarter of the busy timeout: other writers wait at the
/// gate meanwhile, and mustn't give up. Who reads longer than that lets the log grow.
const READERS_TAKE: Duration = Duration::from_secs(2);
/// And for how long with the write lock: other programs wait for that.
const LOCKED: Duration = Duration::from_millis(10);

impl Thresholds {
    /// Those of a database whose pages have so many bytes: 32 KiB, since most processes that make a log create little;
    /// 400 KiB, 8 MiB and 32 MiB. What is written again and again is copied once.
    pub fn of_pages(page: u32) -> Self {
        #[cfg(test)]
        if let Some(thresholds) = super::simulator::thresholds() {
            return thresholds;
        }
        let pages = |bytes: u32| bytes / page.max(1);
        Self {
            page,
            lengthen: pages(32 << 10).max(1),
            quiet: pages(400 << 10),
            free: pages(8 << 20),
            most: pages(32 << 20),
        }
    }
}

/// What was found of the disk when it was last looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Room {
    /// How many pages the log had.
    pages: u32,
    /// Whether there was too little left to let it grow.
    is_tight: bool,
}

impl Room {
    /// Whether there was too little left to let the log grow.
    pub fn is_tight(self) -> bool {
        self.is_tight
    }
}

thread_local! {
    /// The pages in the write-ahead log after this thread's last commit. SQLite tells a function that has no state.
    static LOG_PAGES: Cell<u32> = const { Cell::new(0) };
}

/// Notes the pages in the log after each commit of this connection.
pub fn count_pages(connection: &Connection) {
    connection.wal_hook(Some(|_, pages| {
        LOG_PAGES.set(u32::try_from(pages).unwrap_or(0));
        Ok(())
    }));
}

/// The pages in the log after the commit that this makes, 0 where it commits nothing.
pub fn pages_after<T>(commit: impl FnOnce() -> Result<T>) -> Result<u32> {
    LOG_PAGES.set(0);
    commit().map(|_| LOG_PAGES.get())
}

impl Sqlite {
    /// Copies the write-ahead log into the database where it has grown. Whether all that is committed lasts by that.
    /// What fails here is tried again later.
    pub(super) fn checkpoint_if_due(&mut self) -> bool {
        let (pages, Thresholds { free, most, .. }) = (LOG_PAGES.get(), self.thresholds);
        let is_tight = self.is_tight(pages);
        let must = is_tight || pages >= most;
        let step = match (is_tight, must) {
            (true, _) => TIGHT_STEP,
            (_, true) => most / 4,
            _ => free / 4,
        };
        let busy_timeout = self.busy_timeout;
        let due = |gate: &Gate| {
            if must {
                // Somebody who stays inside, stopped by a debugger perhaps, must not let the log grow for ever.
                gate.note_copying(pages, step) && gate.enter(busy_timeout / 4).is_ok()
            } else {
                let is_free = pages >= free && !gate.is_awaited() && gate.enter(Duration::ZERO) == Ok(true);
                is_free && gate.note_copying(pages, step)
            }
        };
        if !self.gate.as_ref().is_some_and(due) {
            return false;
        }
        let copied = if must { self.make_log_begin_anew() } else { self.checkpoint(Duration::ZERO) };
        copied.unwrap_or(false)
    }

    /// Whether too little is left of the disk to let the log grow. Then what it doesn't need is cut off, too.
    fn is_tight(&mut self, pages: u32) -> bool {
        let Room { pages: before, is_tight } = self.room;
        if !is_tight && pages >= before && pages - before < LOOK_EVERY {
            return false;
        }
        let is_tight = file::free_bytes(&self.path)
            .is_some_and(|free| free < LEAVE * u64::from(self.thresholds.page) * u64::from(pages));
        self.room = Room { pages, is_tight };
        if is_tight {
            // Where this fails the log stays as long as it is.
            let _ = self.cut_log_when_begun_anew();
        }
        is_tight
    }

    fn cut_log_when_begun_anew(&self) -> Result<()> {
        self.main.pragma_update(None, "journal_size_limit", 0).map_err(|error| self.fault(&error))
    }

    /// Copies the log. It never runs beside a commit: SQLite before 3.51.3 can lose data when another connection commits
    /// meanwhile (sqlite.org/wal.html, "The WAL-Reset Bug"), so this connection holds the write lock while a second one
    /// copies. Whether it has copied, and so flushed, all of it: readers may keep it from that.
    pub(super) fn checkpoint(&mut self, longest: Duration) -> Result<bool> {
        self.lock(longest)?;
        // Copied from a log that has lost its name, older pages would come over those of another one.
        let copied = self
            .require_named_log()
            .and_then(|()| self.mend())
            .and_then(|_| self.copy_log().map_err(|error| self.fault(&error)));
        self.roll_back_now();
        copied
    }

    /// Copies all of the log, and waits for those who read it: the next commit begins it anew, whoever comes meanwhile.
    /// Without that it grows for as long as there is always somebody who reads. Other writers wait at the gate.
    fn make_log_begin_anew(&mut self) -> Result<bool> {
        let deadline = Instant::now() + READERS_TAKE.min(self.busy_timeout / 4);
        let rest = || deadline.saturating_duration_since(Instant::now());
        self.have_others_queue();
        while !self.checkpoint(self.busy_timeout)? {
            if rest().is_zero() {
                return Ok(false);
            }
            self.have_others_queue();
            log::pause();
        }
        while self.lock(rest()).is_ok() {
            // Another program may have written meanwhile.
            let is_copied = log::pages_to_copy(&self.main).is_ok_and(|pages| pages == 0);
            let is_read = is_copied && log::wait_for_readers(&self.main, rest().min(LOCKED)).is_err();
            self.roll_back_now();
            if !is_read || rest().is_zero() {
                break;
            }
            self.have_others_queue();
            log::pause();
        }
        Ok(true)
    }

    /// Copies all of the log where the disk is full, and has the next commit begin it anew and cut what is left of it.
    /// Whether that is worth to try again.
    pub(super) fn cut_log(&mut self) -> Result<bool> {
        let length = std::fs::metadata(beside(&self.path, LOG)).map_or(0, |found| found.len());
        if length < WORTH_CUTTING || !self.enter_gate(self.busy_timeout)? {
            return Ok(false);
        }
        let copied = self.make_log_begin_anew().and_then(|copied| self.cut_log_when_begun_anew().map(|()| copied));
        self.leave_gate();
        copied
    }

    fn copy_log(&mut self) -> rusqlite::Result<bool> {
        let checkpointer = match &self.checkpointer {
            Some(connection) => connection,
            None => {
                let connection = file::connect(&self.path)?;
                connection.execute_batch("PRAGMA wal_autocheckpoint = 0")?;
                log::keep(&connection)?;
                self.checkpointer.insert(connection)
            }
        };
        checkpointer.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
            let (pages, copied): (i64, i64) = (row.get(1)?, row.get(2)?);
            Ok(pages > 0 && copied == pages)
        })
    }

    /// Copies the log where nobody has written for a while, whoever did.
    pub(super) fn checkpoint_if_quiet(&mut self) {
        let Some(gate) = &self.gate else { return };
        let quiet = self.quiet.take().unwrap_or_else(|| gate.quiet());
        let grown = || log::pages_to_copy(&self.main).is_ok_and(|pages| pages >= self.thresholds.quiet);
        if quiet >= QUIET && grown() && gate.enter(Duration::ZERO) == Ok(true) {
            let _ = self.checkpoint(Duration::ZERO);
            self.leave_gate();
        }
    }
}
