//! Zeros ahead of the log, written before it grows into them.
//!
//! Where a file grows, a flush waits for its file system, too: that notes the new length and the new blocks, mostly with a
//! flush of its own. A log that is long enough already is flushed in little more than half the time. So its end is moved
//! for many commits at once, as other databases do with their logs (PostgreSQL's `wal_init_zero`). It's long enough by
//! itself once it has begun anew.
//!
//! Why nobody takes them for pages: SQLite reads a log up to the first page that doesn't belong there, and one of zeros
//! has neither the salts of the log nor a number (sqlite.org/fileformat2.html, "The Write-Ahead Log").

use rusqlite::Result;

use super::log::{self, IndexHeader};
use super::{DataVersion, Sqlite};
use crate::settings::Durability;

/// As many as the log has bytes are written, but no more than these: one commit waits for them.
const MOST: u64 = 128 << 10;
/// What a commit adds, as a rule no more than this.
const COMMIT: u64 = 16 << 10;

impl Sqlite {
    /// Makes the log long enough for what is committed next. This connection has the write lock, and the log is what
    /// `before` says. Where it can't be made longer, as on a full disk, the commit tells whether there is room for it.
    pub(super) fn lengthen_log(&self, before: &DataVersion) {
        if let DataVersion::Log(before) = before
            && self.durability == Durability::Full
            && !self.room.is_tight()
        {
            let _ = self.write_zeros_after(before);
        }
    }

    fn write_zeros_after(&self, before: &IndexHeader) -> Result<()> {
        let end = before.end(self.thresholds.page);
        let needed = end.saturating_add(COMMIT);
        if before.pages() < self.thresholds.lengthen || needed <= self.lengthened.get() {
            return Ok(());
        }
        let length = needed.saturating_add(end.min(MOST));
        self.lengthened.set(length);
        log::lengthen(&self.main, length)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::super::file::LOG;
    use super::super::schema;
    use super::*;
    use crate::own_file::beside;
    use crate::settings::Settings;
    use crate::store::engine::{Bind, Engine as _, Missing};

    fn open(path: &Path, durability: Durability) -> Sqlite {
        let settings = Settings { durability, ..Settings::default() };
        Sqlite::open_file(path, path, false, Missing::Made, &settings).unwrap()
    }

    fn insert(store: &mut Sqlite, name: &str) {
        store.begin().unwrap();
        store.insert("INSERT INTO tbloauthserver_clients (identifier) VALUES (?1)", &[Bind::Text(name)]).unwrap();
        store.commit().unwrap();
    }

    /// How long the log's file is, and where the log ends.
    fn lengths(store: &Sqlite) -> (u64, u64) {
        let header = IndexHeader::of(&store.main).unwrap().unwrap();
        (fs::metadata(beside(&store.path, LOG)).unwrap().len(), header.end(schema::PAGE_SIZE))
    }

    #[test]
    fn a_log_that_grows_is_longer_than_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let mut store = open(&path, Durability::Full);
        let (mut lengthened, mut short) = (0, 0);
        for number in 0..200 {
            let before = lengths(&store);
            insert(&mut store, &number.to_string());
            let after = lengths(&store);
            assert!(after.0 >= after.1 && after.1 > before.1, "{before:?} {after:?}");
            assert!(after.0 <= 2 * after.1 + COMMIT && after.0 <= after.1 + COMMIT + MOST, "{after:?}");
            short += usize::from(before.1 < 32 << 10 && after.0 == after.1);
            lengthened += usize::from(after.0 > before.0);
        }
        assert!(short > 2 && lengthened - short < 20, "{short} {lengthened}");
        // As after a power cut: the log is read by who opens a copy.
        let copy = folder.path().join("copy");
        fs::copy(&path, &copy).unwrap();
        fs::copy(beside(&path, LOG), beside(&copy, LOG)).unwrap();
        let copied = open(&copy, Durability::Full);
        assert_eq!(copied.number("SELECT count(*) FROM tbloauthserver_clients").unwrap(), 200);
        assert_eq!(lengths(&copied).1, lengths(&store).1);
    }

    #[test]
    fn a_log_that_nobody_flushes_is_as_long_as_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(&folder.path().join("store"), Durability::Normal);
        for number in 0..100 {
            insert(&mut store, &number.to_string());
        }
        let (length, end) = lengths(&store);
        assert_eq!(length, end);
        assert!(end > 64 << 10);
    }

    #[test]
    fn a_log_is_made_longer_behind_its_end_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let mut store = open(&path, Durability::Full);
        for number in 0..20 {
            insert(&mut store, &number.to_string());
        }
        let log = || fs::read(beside(&path, LOG)).unwrap();
        let before = log();
        for length in [0, 1, before.len(), before.len() + 1, before.len() + 200_000] {
            log::lengthen(&store.main, length as u64).unwrap();
            let after = log();
            assert_eq!(after.len(), length.max(before.len()));
            assert!(after.starts_with(&before) && after.iter().skip(before.len()).all(|&byte| byte == 0));
        }
    }
}
