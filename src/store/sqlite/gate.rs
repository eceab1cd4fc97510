//! The gate through which the writers to one file pass, one at a time, and what they tell each other there.
//!
//! Those who wait for SQLite's write lock sleep and try again, up to 100 ms later: who comes last may get it first. Here
//! they queue before they ask for it, once one of them had to wait; whoever is alone goes past the gate. The gate is a
//! file beside the store; the kernel takes back the lock of a process that dies. What the queue says is advice: SQLite's
//! own locks decide, and whoever has waited too long asks them.
#![allow(
    unsafe_code,
    reason = "a page of memory that processes share, and the kernel's waiting; every block says why it is sound"
)]

use std::cell::Cell;
use std::fs::{File, TryLockError};
use std::io;
use std::mem;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

use super::in_use;
use crate::own_file;

/// What the file holds, and more room than it needs: a page is what can be shared.
const SIZE: usize = 4096;
/// One who waits looks again after this long, should the one who was to wake it have died.
const PATIENCE: Duration = Duration::from_millis(20);
/// Where nobody had to wait for so long, the next one who writes is alone, as a rule.
const DESERTED: Duration = Duration::from_secs(1);

/// The file was cut: there is no page to look at any more.
#[derive(Debug, PartialEq, Eq)]
pub struct Cut;

/// What the processes share. A power cut may leave anything here: each value is right whatever it was before.
#[repr(C)]
struct Shared {
    /// How often the gate was left: what those who wait wait for.
    left: AtomicU32,
    /// How many wait, or died waiting.
    waiting: AtomicU32,
    /// How often a flush of the log has failed,
    failed: AtomicU32,
    /// and up to which of these failures what it should have written was written again.
    mended: AtomicU32,
    /// When somebody has written last, in milliseconds since the machine's start.
    written: AtomicU32,
    /// How many pages the log had when somebody last began to copy it.
    copied_at: AtomicU32,
    /// When somebody last had to wait, counted like `written`; 0 where nobody had to.
    crowded: AtomicU32,
}

/// One connection's place at the gate.
pub struct Gate {
    file: File,
    shared: NonNull<Shared>,
    inside: Cell<bool>,
}

impl Gate {
    /// Opens the gate that this file is, made on first use.
    pub fn open(path: &Path) -> io::Result<Self> {
        let open = || own_file::open(path, true);
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                own_file::create_with(path, &[0; SIZE])?;
                open()?
            }
            opened => opened?,
        };
        if file.metadata()?.len() < SIZE as u64 {
            // A page without room on the disk would end the process when it's written to. Whether a flush had failed
            // is gone with the old one: what that should have written is written again.
            let mut page = [0; SIZE];
            page[mem::offset_of!(Shared, failed)] = 1;
            file.write_all_at(&page, 0)?;
        }
        // SAFETY: the file has this many bytes, and the kernel chooses a free place.
        let page = unsafe {
            libc::mmap(ptr::null_mut(), SIZE, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED, file.as_raw_fd(), 0)
        };
        if page == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let shared = NonNull::new(page.cast()).ok_or_else(io::Error::last_os_error)?;
        Ok(Self { file, shared, inside: Cell::new(false) })
    }

    /// Waits for its turn, at most so long, and goes in. `false` where it has waited in vain.
    pub fn enter(&self, longest: Duration) -> Result<bool, Cut> {
        if self.inside.get() {
            return Ok(true);
        }
        // Whoever is alone doesn't look at the page.
        if self.try_enter() {
            return Ok(true);
        }
        let deadline = Instant::now().checked_add(longest);
        loop {
            let left = self.shared()?.left.load(SeqCst);
            if self.try_enter() {
                return Ok(true);
            }
            let rest = deadline.map_or(PATIENCE, |deadline| deadline.saturating_duration_since(Instant::now()));
            if rest.is_zero() {
                return Ok(false);
            }
            self.note_crowd();
            let shared = self.shared()?;
            shared.waiting.fetch_add(1, SeqCst);
            wait(&shared.left, left, rest.min(PATIENCE));
            let _ = self.shared()?.waiting.fetch_update(SeqCst, SeqCst, |waiting| waiting.checked_sub(1));
        }
    }

    fn try_enter(&self) -> bool {
        let entered = self.file.try_lock();
        self.inside.set(entered.is_ok());
        // A file system without such locks has no queue.
        !matches!(entered, Err(TryLockError::WouldBlock))
    }

    /// Goes out, and lets the next one in.
    pub fn leave(&self) {
        if self.unlock()
            && let Ok(shared) = self.shared()
        {
            shared.let_in();
        }
    }

    /// Goes out of where something was written. For how long nothing had been, as far as that is known.
    pub fn leave_after_write(&self) -> Duration {
        let was_inside = self.unlock();
        let Ok(shared) = self.shared() else { return Duration::ZERO };
        if was_inside {
            shared.let_in();
        }
        let now = milliseconds();
        since(shared.written.swap(now, SeqCst), now)
    }

    /// Whether this was inside.
    fn unlock(&self) -> bool {
        // Where this fails the lock goes with the file's closing.
        self.inside.replace(false) && self.file.unlock().map_or(true, |()| true)
    }

    /// Whether nobody had to wait for a while. Then there's no need to queue, unless this process has other threads: one
    /// that closes a file of the store takes SQLite's write lock away, and the lock of the gate is what is left.
    pub fn is_deserted(&self) -> bool {
        let long_ago = |shared: &Shared| {
            let crowded = shared.crowded.load(SeqCst);
            shared.waiting.load(SeqCst) == 0 && (crowded == 0 || since(crowded, milliseconds()) >= deserted())
        };
        !self.inside.get() && in_use::has_one_thread() && self.shared().is_ok_and(long_ago)
    }

    /// Notes that somebody has to wait.
    pub fn note_crowd(&self) {
        if let Ok(shared) = self.shared() {
            shared.crowded.store(milliseconds().max(1), SeqCst);
        }
    }

    #[cfg(test)]
    pub fn forget_crowd(&self) {
        self.shared().unwrap().crowded.store(0, SeqCst);
    }

    /// Whether somebody waits.
    pub fn is_awaited(&self) -> bool {
        self.shared().is_ok_and(|shared| shared.waiting.load(SeqCst) > 0)
    }

    /// For how long nothing has been written, as far as that is known.
    pub fn quiet(&self) -> Duration {
        self.shared().map_or(Duration::ZERO, |shared| since(shared.written.load(SeqCst), milliseconds()))
    }

    /// Notes that the log has this many pages and is copied now, unless it was begun to be copied less than `step` pages
    /// before: readers may keep it from being copied, and it isn't tried again with every commit.
    pub fn note_copying(&self, pages: u32, step: u32) -> bool {
        let Ok(shared) = self.shared() else { return false };
        let before = shared.copied_at.load(SeqCst);
        let due = pages < before || pages - before >= step;
        if due {
            shared.copied_at.store(pages, SeqCst);
        }
        due
    }

    /// Notes that a flush of the log has failed: the kernel may take what it should have written for written.
    pub fn doubt(&self) {
        if let Ok(shared) = self.shared() {
            shared.failed.fetch_add(1, SeqCst);
        }
    }

    /// What is known of flushes that failed.
    pub fn doubts(&self) -> Result<Doubts, Cut> {
        self.shared().map(|shared| Doubts { failed: shared.failed.load(SeqCst), mended: shared.mended.load(SeqCst) })
    }

    /// Whether something may not be on the disk that should be. Where the page was cut off, a flush may have failed.
    pub fn is_in_doubt(&self) -> bool {
        self.doubts().map_or(true, Doubts::remain)
    }

    /// Notes that what these should have written was written again.
    pub fn resolve(&self, doubts: Doubts) {
        if let Ok(shared) = self.shared() {
            shared.mended.store(doubts.failed, SeqCst);
        }
    }

    /// The page, as long as the file has it: looking at it after that would end the process.
    fn shared(&self) -> Result<&Shared, Cut> {
        if self.file.metadata().is_ok_and(|found| found.len() < SIZE as u64) {
            return Err(Cut);
        }
        // SAFETY: the page is mapped as long as `self`, it's larger than what is looked at, and every value there may
        // be changed by others at any time.
        Ok(unsafe { self.shared.as_ref() })
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.leave();
        // SAFETY: the page was mapped with this size, and nobody looks at it after this.
        unsafe { libc::munmap(self.shared.as_ptr().cast(), SIZE) };
    }
}

/// How often a flush has failed, and up to which of these failures they were made good. What a connection has read
/// before it changes may be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubts {
    failed: u32,
    mended: u32,
}

impl Doubts {
    /// Whether something may not be on the disk that should be.
    pub fn remain(self) -> bool {
        self.failed != self.mended
    }
}

impl Shared {
    /// Wakes the next one who waits.
    fn let_in(&self) {
        self.left.fetch_add(1, SeqCst);
        let waiting = self.waiting.load(SeqCst);
        if waiting > 0 && !wake_one(&self.left) {
            // They have died.
            let _ = self.waiting.compare_exchange(waiting, 0, SeqCst, SeqCst);
        }
    }
}

/// Milliseconds since the machine's start, as precise as is cheap; they begin anew after seven weeks.
fn milliseconds() -> u32 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes a time to where it's told.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut time) };
    (time.tv_sec as u32).wrapping_mul(1_000).wrapping_add((time.tv_nsec / 1_000_000) as u32)
}

fn deserted() -> Duration {
    #[cfg(test)]
    if let Some(deserted) = super::simulator::deserted() {
        return deserted;
    }
    // A test that stands still for a moment isn't to see it end.
    if cfg!(test) { DESERTED * 600 } else { DESERTED }
}

fn since(then: u32, now: u32) -> Duration {
    Duration::from_millis(now.wrapping_sub(then).into())
}

/// Waits until a value is another, at most so long. It may return earlier.
fn wait(value: &AtomicU32, known: u32, longest: Duration) {
    #[cfg(test)]
    if super::simulator::pause() {
        return;
    }
    // Not longer than PATIENCE: there are no whole seconds.
    let time = libc::timespec { tv_sec: 0, tv_nsec: longest.subsec_nanos().cast_signed().into() };
    // SAFETY: both pointers live as long as the call.
    unsafe { libc::syscall(libc::SYS_futex, value.as_ptr(), libc::FUTEX_WAIT, known, &raw const time) };
}

/// Wakes one of those who wait. Whether there was one.
fn wake_one(value: &AtomicU32) -> bool {
    // SAFETY: the pointer lives as long as the call, and the kernel only looks for who waits there.
    unsafe { libc::syscall(libc::SYS_futex, value.as_ptr(), libc::FUTEX_WAKE, 1) > 0 }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::AtomicBool;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn gate(folder: &tempfile::TempDir) -> Gate {
        Gate::open(&folder.path().join("gate")).unwrap()
    }

    #[test]
    fn one_is_inside_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, passed) = (AtomicBool::new(false), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let gate = gate(&folder);
                    for _ in 0..200 {
                        assert!(gate.enter(LONG).unwrap());
                        assert!(!inside.swap(true, SeqCst));
                        std::thread::yield_now();
                        inside.store(false, SeqCst);
                        passed.fetch_add(1, SeqCst);
                        gate.leave();
                    }
                });
            }
        });
        assert_eq!(passed.into_inner(), 1_600);
        assert!(!gate(&folder).is_awaited());
    }

    #[test]
    fn who_waits_too_long_goes_without() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (gate(&folder), gate(&folder));
        assert!(first.enter(Duration::ZERO).unwrap());
        assert!(first.enter(Duration::ZERO).unwrap(), "it's inside already");
        assert!(!second.enter(Duration::from_millis(30)).unwrap());
        assert!(!second.enter(Duration::ZERO).unwrap());
        first.leave();
        assert!(second.enter(Duration::ZERO).unwrap());
        second.leave();
        second.leave();
        assert!(first.enter(Duration::ZERO).unwrap());
    }

    #[test]
    fn the_gate_is_deserted_until_somebody_has_to_wait() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (gate(&folder), gate(&folder));
        assert!(first.is_deserted() && second.is_deserted());
        assert!(first.enter(LONG).unwrap());
        assert!(!first.is_deserted(), "it's inside");
        assert!(second.is_deserted());
        assert!(!second.enter(Duration::from_millis(5)).unwrap());
        first.leave();
        assert!(!first.is_deserted() && !second.is_deserted());
        first.forget_crowd();
        assert!(first.is_deserted() && second.is_deserted());
        second.note_crowd();
        assert!(!first.is_deserted() && !second.is_deserted());
        let long_ago = milliseconds().wrapping_sub(deserted().as_millis() as u32);
        first.shared().unwrap().crowded.store(long_ago, SeqCst);
        assert!(first.is_deserted() && second.is_deserted());
        second.note_crowd();
        assert!(!first.is_deserted() && !second.is_deserted());
    }

    #[test]
    fn one_who_dies_inside_lets_the_next_one_in() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (gate(&folder), gate(&folder));
        assert!(first.enter(Duration::ZERO).unwrap());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| gate(&folder).enter(LONG).unwrap());
            while !second.is_awaited() {
                std::thread::yield_now();
            }
            // As the kernel does: the lock is gone, and nobody is woken.
            first.file.unlock().unwrap();
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn those_who_died_waiting_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let gate = gate(&folder);
        gate.shared().unwrap().waiting.store(3, SeqCst);
        assert!(gate.enter(Duration::ZERO).unwrap());
        gate.leave();
        assert!(!gate.is_awaited());
    }

    #[test]
    fn whatever_a_power_cut_has_left_it_works() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gate");
        for content in [vec![0xff; SIZE], vec![0xff; 5], Vec::new()] {
            fs::write(&path, content).unwrap();
            let (first, second) = (gate(&folder), gate(&folder));
            assert!(first.enter(LONG).unwrap() && !second.enter(Duration::from_millis(5)).unwrap());
            first.leave();
            assert!(second.enter(LONG).unwrap());
            let doubts = first.doubts();
            second.doubt();
            assert!(first.is_in_doubt() && first.doubts() != doubts);
            second.resolve(second.doubts().unwrap());
            assert!(!first.is_in_doubt() && first.doubts() != doubts);
            first.leave_after_write();
            assert!(second.quiet() < LONG);
            first.note_copying(100, 10);
            assert!(!second.note_copying(109, 10) && second.note_copying(110, 10) && first.note_copying(7, 10));
        }
    }

    #[test]
    fn a_gate_that_is_cut_is_told_to_all_who_have_it_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gate");
        let (first, second, known) = (gate(&folder), gate(&folder), gate(&folder).doubts());
        assert!(first.enter(LONG).unwrap());
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| gate(&folder).enter(LONG));
            while !second.is_awaited() {
                std::thread::yield_now();
            }
            File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
            assert_eq!(waits.join().unwrap(), Err(Cut));
        });
        first.doubt();
        first.resolve(known.unwrap());
        assert_eq!(second.enter(LONG), Err(Cut), "it would have to wait");
        first.leave();
        assert!(second.enter(LONG).unwrap(), "whoever is alone goes in,");
        assert_eq!(second.doubts(), Err(Cut), "and is told when it looks");
        assert!(second.is_in_doubt() && !second.is_awaited() && !second.note_copying(1, 1));
        second.leave();
        second.note_crowd();
        assert!(!second.is_deserted());
        assert_eq!((second.quiet(), second.leave_after_write()), (Duration::ZERO, Duration::ZERO));
        let third = gate(&folder);
        assert!(third.enter(LONG).unwrap());
        assert!(third.is_in_doubt(), "a flush may have failed before");
        assert_eq!(second.doubts(), third.doubts(), "all see the same page again");
    }
}
