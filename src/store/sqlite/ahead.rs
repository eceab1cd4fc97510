//! Zeros ahead of the log, written before it grows into them.
//!
//! Where a file grows, a flush waits for its file system, too: that notes the new length and the new blocks, mostly with a
//! flush of its own. A log that is long enough already is flushed in little more than half the time. So its end is moved
//! for many commits at once, as other databases do with their logs (PostgreSQL's `wal_init_zero`). It's long enough by
//! itself once it has begun anew.
//!
//! Why nobody takes them for pages: SQLite reads a log up to the first page that doesn't belong there, and one of zeros
//! has neither a number nor the salts of the log (sqlite.org/fileformat2.html, "The Write-Ahead Log").

use rusqlite::Result;

use super::log::{self, IndexHeader};
use super::{DataVersion, Sqlite};
use crate::settings::Durability;

/// As many as the log has bytes are written, but no more than these: one commit waits for them.
const MOST: u64 = 128 << 10;
/// How many pages a commit adds, as a rule at most. So many are there before zeros are written again.
const COMMIT: u32 = 8;

/// How long the file of a log is, as far as a connection knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Length {
    /// Which log: one that has begun anew may have been cut.
    salts: [u32; 2],
    bytes: u64,
}

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
        let (pages, page) = (before.pages(), self.thresholds.page);
        let (end, needed) = (log::end(pages, page), log::end(pages.saturating_add(COMMIT), page));
        let known = Some(self.length.get()).filter(|known| known.salts == before.salts());
        if pages < self.thresholds.lengthen || known.is_some_and(|known| needed <= known.bytes) {
            return Ok(());
        }
        // Where all of it is copied it begins anew with this commit, unless somebody reads it.
        if log::pages_to_copy(&self.main)? == 0 {
            return Ok(());
        }
        let length = needed.saturating_add(end.min(MOST));
        // What fails isn't tried again with the next commit.
        self.length.set(Length { salts: before.salts(), bytes: length });
        let bytes = log::lengthen(&self.main, needed, length)?;
        self.length.set(Length { salts: before.salts(), bytes });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use rusqlite::Connection;

    use super::super::file::LOG;
    use super::super::schema;
    use super::*;
    use crate::own_file::beside;
    use crate::settings::Settings;
    use crate::store::engine::{Engine as _, Missing};

    fn open(path: &Path, durability: Durability) -> Sqlite {
        let settings = Settings { durability, ..Settings::default() };
        Sqlite::open_file(path, path, false, Missing::Made, &settings).unwrap()
    }

    fn insert(store: &mut Sqlite) {
        store.begin().unwrap();
        store.insert("INSERT INTO tbloauthserver_clients (identifier) VALUES (hex(randomblob(8)))", &[]).unwrap();
        store.commit().unwrap();
    }

    fn filled(folder: &tempfile::TempDir, durability: Durability, commits: u32) -> Sqlite {
        let mut store = open(&folder.path().join("store"), durability);
        (0..commits).for_each(|_| insert(&mut store));
        store
    }

    /// How long the log's file is, and where the log ends.
    fn lengths(store: &Sqlite) -> (u64, u64) {
        let header = IndexHeader::of(&store.main).unwrap().unwrap();
        let end = log::end(header.pages(), schema::PAGE_SIZE);
        (fs::metadata(beside(&store.path, LOG)).unwrap().len(), end)
    }

    /// How many rows are there for who opens a copy of the files, as after a power cut.
    fn rows_of_a_copy(store: &Sqlite) -> i64 {
        let copy = beside(&store.path, "-copy");
        fs::copy(&store.path, &copy).unwrap();
        fs::copy(beside(&store.path, LOG), beside(&copy, LOG)).unwrap();
        let copied = open(&copy, Durability::Full);
        assert_eq!(lengths(&copied).1, lengths(store).1);
        copied.number("SELECT count(*) FROM tbloauthserver_clients").unwrap()
    }

    /// After how many of these commits the file was longer than before.
    fn times_longer(stores: &mut [Sqlite], commits: i64) -> i64 {
        let mut times = 0;
        for number in 0..commits {
            let at = usize::try_from(number).unwrap() % stores.len();
            let before = lengths(&stores[at]);
            insert(&mut stores[at]);
            let after = lengths(&stores[at]);
            assert!(after.0 >= after.1 && after.1 > before.1, "{before:?} {after:?}");
            let ahead = after.1.min(MOST) + log::end(COMMIT, schema::PAGE_SIZE);
            assert!(after.0 <= after.1 + ahead, "{after:?}");
            times += i64::from(after.0 > before.0);
        }
        times
    }

    #[test]
    fn a_log_that_grows_is_longer_than_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let mut stores = [open(&folder.path().join("store"), Durability::Full)];
        assert_eq!(times_longer(&mut stores, 3), 3, "a short one isn't");
        assert_eq!(lengths(&stores[0]).0, lengths(&stores[0]).1);
        assert!(times_longer(&mut stores, 200) < 20);
        assert_eq!(rows_of_a_copy(&stores[0]), 203);
    }

    #[test]
    fn it_is_so_for_all_who_write_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let mut stores: Vec<Sqlite> = (0..7).map(|_| open(&path, Durability::Full)).collect();
        assert!(times_longer(&mut stores, 200) < 25);
        assert_eq!(rows_of_a_copy(&stores[0]), 200);
    }

    #[test]
    fn it_is_so_again_once_another_program_has_cut_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = [open(&folder.path().join("store"), Durability::Full)];
        times_longer(&mut store, 50);
        let cut = Connection::open(&store[0].path).unwrap();
        cut.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        assert_eq!(lengths(&store[0]).0, 0);
        assert!(times_longer(&mut store, 50) < 20);
    }

    #[test]
    fn a_log_that_begins_anew_stays_as_long_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = filled(&folder, Durability::Full, 60);
        assert!(store.checkpoint(std::time::Duration::ZERO).unwrap());
        let before = lengths(&store);
        insert(&mut store);
        let after = lengths(&store);
        assert_eq!(after.0, before.0);
        assert!(after.1 < 32 << 10, "it has begun anew");
    }

    #[test]
    fn a_log_that_nobody_flushes_is_as_long_as_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let store = filled(&folder, Durability::Normal, 100);
        let (length, end) = lengths(&store);
        assert_eq!(length, end);
        assert!(end > 64 << 10);
    }

    #[test]
    fn zeros_come_behind_all_that_the_file_has() {
        let folder = tempfile::tempdir().unwrap();
        let store = filled(&folder, Durability::Full, 20);
        let log = || fs::read(beside(&store.path, LOG)).unwrap();
        let has = log().len() as u64;
        for (needed, length) in [(0, has + 9), (has, has + 9), (has + 1, has + 1), (has + 5, has + 200_000)] {
            let before = log();
            let found = log::lengthen(&store.main, needed, length).unwrap();
            let after = log();
            assert_eq!(after.len() as u64, found);
            assert_eq!(found, if needed > before.len() as u64 { length } else { before.len() as u64 });
            assert!(after.starts_with(&before) && after.iter().skip(before.len()).all(|&byte| byte == 0));
        }
        assert_eq!(rows_of_a_copy(&store), 20);
    }
}
