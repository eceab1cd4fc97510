//! The folder of a store, by which one look tells that no name in it means another file than a moment ago.

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::file::Identity;
#[cfg(test)]
use super::simulator;

/// For so long a change may get the same time as one before it: kernels before Linux 6.13 count time in steps of up to
/// 10 ms. Tenfold, for file systems that do likewise.
const SAME_TIME: Duration = Duration::from_millis(100);
/// For so long a folder's word is taken. Its time doesn't tell of a file that is mounted over another, and may be set
/// before the name changes.
const TAKEN: Duration = Duration::from_secs(1);

/// A folder, as it was when a name in it last came, went, or came to mean another file: its time of change is then set,
/// and no program can set it back (POSIX, "File Times Update").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Folder {
    identity: Identity,
    /// Seconds since 1970, and nanoseconds.
    changed: (i64, i64),
}

impl Folder {
    /// `None` where it can't be looked at.
    fn of(path: &Path) -> Option<Self> {
        #[cfg(test)]
        if simulator::is_on() {
            return None;
        }
        let found = fs::metadata(path).ok()?;
        Some(Self { identity: Identity::from(&found), changed: (found.ctime(), found.ctime_nsec()) })
    }

    /// Whether any change from this time on gets another time of change than the last one had.
    fn tells_changes_after(self, now: SystemTime) -> bool {
        let (seconds, nanoseconds) = self.changed;
        // What counts in whole seconds tells less.
        let (Ok(seconds), Ok(nanoseconds @ 1..)) = (u64::try_from(seconds), u64::try_from(nanoseconds)) else {
            return false;
        };
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds);
        now.duration_since(changed).is_ok_and(|since| since > SAME_TIME)
    }
}

/// The names of a store's files: the folder as it was when each of them last was found to mean the right file, and when.
#[derive(Debug, Default)]
pub struct Names(Cell<Option<(Folder, Instant)>>);

impl Names {
    /// Whether they hold: without asking, where none in this folder has changed since they did a moment ago.
    pub fn hold(&self, folder: &Path, now: Instant, ask: impl FnOnce() -> bool) -> bool {
        // A change that comes while they are asked for is one after this.
        let (time, found) = (SystemTime::now(), Folder::of(folder));
        let is_fresh = |asked: Instant| now.saturating_duration_since(asked) < TAKEN;
        if self.0.get().is_some_and(|(known, asked)| found == Some(known) && is_fresh(asked)) {
            return true;
        }
        let hold = ask();
        self.0.set(found.filter(|found| hold && found.tells_changes_after(time)).map(|found| (found, now)));
        hold
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn names_are_asked_for_again_once_one_in_the_folder_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name| folder.path().join(name);
        fs::write(at("a"), "").unwrap();
        fs::write(at("b"), "").unwrap();
        let (names, now) = (Names::default(), Instant::now());
        let asked = Cell::new(0);
        let hold = |folder: &Path, after: Duration, holds: bool| {
            let before = asked.get();
            let ask = || {
                asked.set(before + 1);
                holds
            };
            assert_eq!(names.hold(folder, now + after, ask), holds);
            asked.get() > before
        };
        let is_asked = || hold(folder.path(), Duration::ZERO, true);
        assert!(is_asked() && is_asked(), "what has just changed may change again at the same time");
        let settle = || thread::sleep(SAME_TIME + Duration::from_millis(20));
        let changes: [&dyn Fn(); 5] = [
            &|| fs::write(at("c"), "").unwrap(),
            &|| fs::rename(at("b"), at("a")).unwrap(),
            &|| fs::remove_file(at("a")).unwrap(),
            &|| fs::hard_link(at("c"), at("d")).unwrap(),
            &|| std::os::unix::fs::symlink(at("c"), at("e")).unwrap(),
        ];
        for change in changes {
            settle();
            assert!(is_asked() && !is_asked() && !is_asked());
            change();
            assert!(is_asked() && is_asked());
        }
        settle();
        for _ in 0..2 {
            assert!(hold(folder.path(), Duration::ZERO, false), "what doesn't hold is asked for each time");
        }
        assert!(is_asked() && !is_asked());
        assert!(!hold(folder.path(), TAKEN - Duration::from_nanos(1), true));
        assert!(hold(folder.path(), TAKEN, true), "a folder's word is taken for a while");
        let other = tempfile::tempdir().unwrap();
        assert!(hold(other.path(), TAKEN, true), "another folder has no word here");
    }

    #[test]
    fn a_change_is_told_by_its_time_only_where_that_is_exact_and_past() {
        let identity = Identity::simulated(1);
        let at = |seconds, nanoseconds| Folder { identity, changed: (seconds, nanoseconds) };
        let now = |milliseconds| SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
        assert!(at(10, 1).tells_changes_after(now(10_101)));
        assert!(!at(10, 1).tells_changes_after(now(10_100)), "too near");
        assert!(!at(10, 0).tells_changes_after(now(20_000)), "a file system that counts in seconds");
        assert!(!at(10, 1).tells_changes_after(now(9_000)), "the clock was set back");
        assert!(!at(-10, 1).tells_changes_after(now(20_000)));
    }
}
