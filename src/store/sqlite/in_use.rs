//! Locks that tell other processes that the files of a store are in use here.
//!
//! SQLite's own locks for that are POSIX locks, which belong to a process: as soon as the host's code opens and closes one
//! of the files (`hash_file()`, `copy()`, a download) the kernel drops them, and SQLite doesn't know. The next process that
//! closes the store is the last one by all that it can see: it copies the log and deletes it, and what is committed here
//! after that goes into a file that has no name. So the same ranges are locked a second time, by locks that belong to an
//! open file (fcntl(2), "Open file description locks"). Nothing but closing that very file drops them, and SQLite in any
//! other process takes them for those of another one that reads.
//!
//! Closing such a file would itself drop SQLite's locks on it, those of a PDO handle of the host included. It stays open
//! as long as the process lives, or until it has no name any more, and is used again when the store is opened again.
#![allow(
    unsafe_code,
    reason = "fcntl with locks that neither Rust's library nor rustix knows, and what only the C library tells; each block \
              says why it is sound"
)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use super::file::Identity;
use super::log;
#[cfg(test)]
use super::simulator;

/// A range of bytes that SQLite's readers lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// Of the database: SHARED (sqlite.org's os.h, `SHARED_FIRST` and `SHARED_SIZE`). Whoever wants to delete the log asks
    /// for all of it alone.
    Database,
    /// Of the log's index: the dead man's switch (os_unix.c, `UNIX_SHM_DMS`). Whoever finds it free empties the index. To
    /// be locked only when SQLite has: it tells by this lock whether what is there comes from before a crash.
    Index,
}

impl Range {
    fn bytes(self) -> (libc::off_t, libc::off_t) {
        match self {
            Self::Database => (0x4000_0002, 510),
            Self::Index => (128, 1),
        }
    }
}

/// The files that this process has locked, or had.
static FILES: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

/// More of them aren't kept open for nothing.
const MOST: usize = 64;

struct Kept {
    file: File,
    identity: Identity,
    range: Range,
    /// How many have the lock.
    users: usize,
}

/// A file is told to be in use as long as this lives.
#[derive(Debug)]
pub struct InUse {
    identity: Identity,
    range: Range,
}

impl InUse {
    /// Locks the file of this name, waiting no longer than this for whoever has it alone. Gives which file it is; `None`
    /// where the file system has no such locks.
    pub fn lock(path: &Path, range: Range, longest: Duration) -> io::Result<Option<Self>> {
        #[cfg(test)]
        if simulator::is_on() {
            return Ok(simulator::lock(path, range).map(|identity| Self { identity, range }));
        }
        let begun = Instant::now();
        loop {
            match Self::try_lock(path, range) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && begun.elapsed() < longest => log::pause(),
                Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOLCK | libc::ENOSYS)) => {
                    return Ok(None);
                }
                done => return done.map(Some),
            }
        }
    }

    fn try_lock(path: &Path, range: Range) -> io::Result<Self> {
        let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        let named = Identity::from(&std::fs::symlink_metadata(path)?);
        let known = files.iter().position(|kept| (kept.identity, kept.range) == (named, range));
        let kept = match known.and_then(|at| files.get_mut(at)) {
            Some(kept) => kept,
            None => {
                tidy(&mut files);
                let file =
                    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
                // It may be another one by now.
                let identity = Identity::from(&file.metadata()?);
                files.push(Kept { file, identity, range, users: 0 });
                files.last_mut().ok_or(io::ErrorKind::NotFound)?
            }
        };
        if kept.users == 0 {
            set(&kept.file, range, libc::F_RDLCK)?;
        }
        kept.users += 1;
        Ok(Self { identity: kept.identity, range })
    }

    /// Which file it is.
    pub fn identity(&self) -> Identity {
        self.identity
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        #[cfg(test)]
        if simulator::unlock(self.identity, self.range) {
            return;
        }
        let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        let is_own = |kept: &&mut Kept| (kept.identity, kept.range) == (self.identity, self.range) && kept.users > 0;
        // A child of the process that has locked it has forgotten it.
        let Some(kept) = files.iter_mut().find(is_own) else { return };
        kept.users -= 1;
        if kept.users == 0 {
            let _ = set(&kept.file, self.range, libc::F_UNLCK);
        }
    }
}

/// Closes what nobody uses and nobody can open any more, and what has been kept for longest where there are many.
fn tidy(files: &mut Vec<Kept>) {
    files.retain(|kept| kept.users > 0 || kept.file.metadata().is_ok_and(|found| found.nlink() > 0));
    if files.len() >= MOST
        && let Some(at) = files.iter().position(|kept| kept.users == 0)
    {
        drop(files.remove(at));
    }
}

/// Whether this process has no thread but this one, and so none that could close a file of a store in the middle of a
/// transaction. glibc 2.32 and later tells (`sys/single_threaded.h`); where nothing does there may be others.
pub fn has_one_thread() -> bool {
    static TOLD: OnceLock<Option<&'static AtomicU8>> = OnceLock::new();
    // Tests run in many threads, and none of them closes what another one uses.
    cfg!(test)
        || TOLD
            .get_or_init(|| {
                // SAFETY: the name ends with a zero. What has it is one byte, stays as long as the process, and is only
                // changed by the C library, as an atomic may be.
                unsafe {
                    libc::dlsym(libc::RTLD_DEFAULT, c"__libc_single_threaded".as_ptr()).cast::<AtomicU8>().as_ref()
                }
            })
            .is_some_and(|told| told.load(Ordering::Relaxed) != 0)
}

/// In the child after a fork: the locks are the parent's, and stay its own when the child closes its handles.
pub fn forget() {
    // Where another thread had it the child has no store.
    match FILES.try_lock() {
        Ok(mut files) => files.clear(),
        Err(TryLockError::Poisoned(files)) => files.into_inner().clear(),
        Err(TryLockError::WouldBlock) => {}
    }
}

fn set(file: &File, range: Range, kind: libc::c_int) -> io::Result<()> {
    let (start, length) = range.bytes();
    let lock = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: start,
        l_len: length,
        // Must be 0 for these locks.
        l_pid: 0,
    };
    // SAFETY: the file is open, and the kernel only reads the lock.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether another process could have all of a range alone, by the lock that SQLite would ask for.
    fn is_free(path: &Path, range: Range) -> bool {
        let file = File::options().read(true).write(true).open(path).unwrap();
        // A lock of another open file is as foreign to those here as another process's.
        let done = set(&file, range, libc::F_WRLCK);
        assert!(done.is_ok() || done.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock));
        set(&file, range, libc::F_WRLCK).is_ok()
    }

    #[test]
    fn a_file_is_in_use_whoever_opens_and_closes_it_until_the_last_has_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "a").unwrap();
        for range in [Range::Database, Range::Index] {
            assert!(is_free(&path, range));
            let lock = || InUse::lock(&path, range, Duration::ZERO).unwrap().unwrap();
            let (first, second) = (lock(), lock());
            drop(std::fs::read(&path).unwrap());
            assert!(!is_free(&path, range));
            drop(first);
            assert!(!is_free(&path, range));
            drop(second);
            assert!(is_free(&path, range));
            drop(lock());
            assert!(is_free(&path, range), "it's locked again by the same handle");
        }
    }

    #[test]
    fn whoever_has_a_file_alone_is_waited_for_as_long_as_was_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "a").unwrap();
        let other = File::options().read(true).write(true).open(&path).unwrap();
        set(&other, Range::Database, libc::F_WRLCK).unwrap();
        let error = InUse::lock(&path, Range::Database, Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| InUse::lock(&path, Range::Database, Duration::from_secs(60)).unwrap());
            std::thread::sleep(Duration::from_millis(20));
            drop(other);
            assert!(waits.join().unwrap().is_some());
        });
    }

    #[test]
    fn handles_of_files_that_nobody_can_open_any_more_do_not_pile_up() {
        let folder = tempfile::tempdir().unwrap();
        let kept = |name: &str, users| {
            let path = folder.path().join(name);
            std::fs::write(&path, name).unwrap();
            let file = File::open(&path).unwrap();
            let identity = Identity::from(&file.metadata().unwrap());
            Kept { file, identity, range: Range::Database, users }
        };
        let mut files = vec![kept("left", 0), kept("removed", 0), kept("removed in use", 1), kept("in use", 1)];
        let wanted = [0, 2, 3].map(|at: usize| files[at].identity);
        for name in ["removed", "removed in use"] {
            std::fs::remove_file(folder.path().join(name)).unwrap();
        }
        tidy(&mut files);
        assert_eq!(files.iter().map(|kept| kept.identity).collect::<Vec<_>>(), wanted);
        while files.len() < MOST {
            files.push(kept(&files.len().to_string(), 1));
        }
        tidy(&mut files);
        assert_eq!((files.len(), files[0].identity), (MOST - 1, wanted[1]), "what is in use is kept");
    }
}
