//! Files that we make: who may use them, how they come to last, and that they are what they seem.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::random::Random;

/// What the name of a draft ends with, after the name of its file and 16 hexadecimal digits.
const DRAFT: &str = ".draft";
/// How often a draft is written anew where another process has taken it for one that was left.
const ATTEMPTS: usize = 8;
/// So long it takes until a lock is asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(5);

/// Who may use the files in a folder: this user, or in a group-writable folder also the folder's group, so that two
/// system users can share a store. What root makes belongs to the folder's owner, who couldn't use it otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Access {
    owner: u32,
    group: Option<u32>,
}

impl Access {
    /// What the folder of this file says.
    pub fn of(path: &Path) -> io::Result<Self> {
        let folder = fs::metadata(folder_of(path))?;
        Ok(Self { owner: folder.uid(), group: (folder.mode() & 0o020 != 0).then(|| folder.gid()) })
    }

    /// Whether a group shares the files.
    pub fn is_shared(self) -> bool {
        self.group.is_some()
    }

    /// Gives a file this access. A group that this user isn't in gets none.
    fn grant(self, file: &File) -> io::Result<()> {
        // Nobody but root may; then root of a container may not either.
        let _ = fchown(file, Some(self.owner), None);
        let mode = match self.group {
            Some(group) if fchown(file, None, Some(group)).is_ok() => 0o660,
            _ => 0o600,
        };
        file.set_permissions(Permissions::from_mode(mode))
    }

    /// Gives this access to a file that SQLite has made beside ours. Other users' files are left alone, and so is a
    /// file that is gone by now.
    pub fn adopt(self, path: &Path) {
        let Some(group) = self.group else { return };
        let Ok(handle) = hold(path) else { return };
        let Ok(found) = handle.metadata() else { return };
        if found.gid() == group && found.mode() & 0o777 == 0o660 {
            return;
        }
        let file = format!("/proc/self/fd/{}", handle.as_raw_fd());
        if std::os::unix::fs::chown(&file, None, Some(group)).is_ok() {
            // Another user's file keeps its mode: that user's process sets it.
            let _ = fs::set_permissions(&file, Permissions::from_mode(0o660));
        }
    }
}

/// Why a file isn't opened: in a shared folder another user may have put it there.
#[derive(Debug)]
struct Unfit;

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is not a regular file with one name")
    }
}

impl std::error::Error for Unfit {}

/// The file whose name has this at its end.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Whether this says that a file is a link, a folder or a pipe, or has another name somewhere.
pub fn is_unfit(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Unfit>())
}

/// Whether this process, or the whole system, has as many files open as it may.
pub fn lacks_descriptor(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// Opens a file of ours that is there. It doesn't follow a link, or wait for the other end of a pipe.
pub fn open(path: &Path, write: bool) -> io::Result<File> {
    let open = || open_with(OpenOptions::new().read(true).write(write), libc::O_NOFOLLOW | libc::O_NONBLOCK, path);
    match open() {
        // Its draft may be its other name still.
        Err(error) if is_unfit(&error) && remove_drafts(path).is_ok() => open(),
        opened => opened,
    }
}

/// Holds a file without opening it: closing this doesn't drop the locks that SQLite has on the file, as closing any
/// other handle does.
pub fn hold(path: &Path) -> io::Result<File> {
    open_with(OpenOptions::new().read(true), libc::O_NOFOLLOW | libc::O_PATH, path)
}

fn open_with(options: &mut OpenOptions, flags: i32, path: &Path) -> io::Result<File> {
    let unfit = || io::Error::other(Unfit);
    loop {
        let file = options.custom_flags(flags).open(path).map_err(|error| match error.raw_os_error() {
            // A link; a socket, or a pipe that nobody reads; a folder.
            Some(libc::ELOOP | libc::ENXIO | libc::EISDIR) => unfit(),
            _ => error,
        })?;
        let found = file.metadata()?;
        match found.nlink() {
            1 if found.is_file() => return Ok(file),
            // It has lost its name meanwhile: another file may have that by now, or none.
            0 => {}
            _ => return Err(unfit()),
        }
    }
}

/// Locks a file for this handle, waiting for another process no longer than this. `false` where it has waited in vain.
pub fn lock(file: &File, longest: Duration) -> io::Result<bool> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if begun.elapsed() >= longest => return Ok(false),
            Err(TryLockError::WouldBlock) => std::thread::sleep(ASK_AGAIN.min(longest)),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// The folder that a file is in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a folder, and those above it that are missing, for this user only.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes a file with this content, which lasts once this returns, without what an earlier file of this name has left
/// beside it under these suffixes. Gives whether there was none. It waits for another process no longer than this, and
/// fails then as one that would block.
pub fn create(path: &Path, content: &[u8], leftovers: &[&str], longest: Duration) -> io::Result<bool> {
    // One process at a time: none takes away what another has begun beside a file that is new by now. The lock goes
    // with the handle.
    let folder = File::open(folder_of(path))?;
    let locked = lock(&folder, longest);
    if matches!(locked, Ok(false)) {
        return Err(ErrorKind::WouldBlock.into());
    }
    // A file system without locks keeps its leftovers.
    if locked.is_ok() && fs::symlink_metadata(path).is_err() {
        for suffix in leftovers {
            match fs::remove_file(beside(path, suffix)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    create_with(path, content)
}

/// Makes a file with this content, which lasts once this returns. `false` where there is one already: the first process
/// wins, and none ever reads half a file.
pub fn create_with(path: &Path, content: &[u8]) -> io::Result<bool> {
    match in_place(path, content, None, |draft| rename(draft, path)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes an empty file with the owner and permissions of another one. Neither it nor its name lasts for certain. One that
/// is there stays.
pub fn create_empty(path: &Path, like: &Path) -> io::Result<()> {
    let (draft, _) = Draft::begin(path, Some(&fs::metadata(like)?))?;
    match rename(&draft.0, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Gives a file its name, unless another has it.
fn rename(draft: &Path, path: &Path) -> io::Result<()> {
    match renameat_with(CWD, draft, CWD, path, RenameFlags::NOREPLACE) {
        // A file system that can't: for a moment the file has two names then.
        Err(rustix::io::Errno::INVAL) => fs::hard_link(draft, path),
        renamed => renamed.map_err(io::Error::from),
    }
}

/// Puts this content in a file's place, which lasts once this returns. It keeps the owner and permissions that the file
/// had, as far as this user may give them.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let old = fs::symlink_metadata(path)?;
    in_place(path, content, Some(&old), |draft| fs::rename(draft, path))
}

/// Writes a draft of a file, has it put into the file's place, and flushes the folder.
fn in_place(
    path: &Path,
    content: &[u8],
    old: Option<&fs::Metadata>,
    put: impl Fn(&Path) -> io::Result<()>,
) -> io::Result<()> {
    remove_drafts(path)?;
    let mut attempts = 1;
    loop {
        let draft = Draft::write(path, content, old)?;
        match put(&draft.0) {
            Err(error) if error.kind() == ErrorKind::NotFound && attempts < ATTEMPTS => attempts += 1,
            Err(error) => return Err(error),
            Ok(()) => return sync_folder(path),
        }
    }
}

/// A file that is complete but not in its place yet, removed when dropped.
struct Draft(PathBuf);

impl Draft {
    /// An empty one. As long as its handle is open no other process takes it for one that was left.
    fn begin(path: &Path, like: Option<&fs::Metadata>) -> io::Result<(Self, File)> {
        let mut number = [0; 8];
        Random::System.fill(&mut number).map_err(io::Error::other)?;
        let access = Access::of(path)?;
        let path = beside(path, &format!(".{:016x}{DRAFT}", u64::from_ne_bytes(number)));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let draft = Self(path);
        let _ = file.try_lock();
        access.grant(&file)?;
        if let Some(like) = like
            && fchown(&file, Some(like.uid()), Some(like.gid())).is_ok()
        {
            file.set_permissions(like.permissions())?;
        }
        Ok((draft, file))
    }

    fn write(path: &Path, content: &[u8], like: Option<&fs::Metadata>) -> io::Result<Self> {
        let (draft, mut file) = Self::begin(path, like)?;
        file.write_all(content)?;
        file.sync_all()?;
        // Closed before it has its name: whoever opens a store then has locks on it, which closing this would drop.
        Ok(draft)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Removes the drafts of a file that processes have left which were killed.
pub fn remove_drafts(path: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    for entry in fs::read_dir(folder_of(path))? {
        let draft = entry?.path();
        let number = draft.file_name().and_then(|found| found.as_encoded_bytes().strip_prefix(name));
        let number = number.and_then(|end| end.strip_prefix(b".")?.strip_suffix(DRAFT.as_bytes()));
        if !number.is_some_and(|number| number.len() == 16 && number.iter().all(u8::is_ascii_hexdigit)) {
            continue;
        }
        // What can't be opened is another user's, who removes it.
        let left = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(&draft);
        if left.is_ok_and(|left| left.try_lock().is_ok()) {
            let _ = fs::remove_file(&draft);
        }
    }
    Ok(())
}

/// Makes the entries of a file's folder last.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(20);

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_file_is_for_this_user_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        assert!(create(&path, b"", &[], LONG).unwrap());
        assert_eq!(mode(&path), 0o600);
        assert!(!create(&path, b"", &[], LONG).unwrap());
    }

    #[test]
    fn only_a_new_file_loses_what_an_earlier_one_has_left() {
        let folder = tempfile::tempdir().unwrap();
        let (path, log) = (folder.path().join("a"), folder.path().join("a-wal"));
        fs::write(&log, "left").unwrap();
        assert!(create(&path, b"", &["-wal", "-shm"], LONG).unwrap());
        assert!(!log.exists());
        fs::write(&log, "in use").unwrap();
        assert!(!create(&path, b"", &["-wal", "-shm"], LONG).unwrap());
        assert!(log.exists());
    }

    #[test]
    fn a_group_writable_folder_shares_its_files() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o770)).unwrap();
        let path = folder.path().join("a");
        assert!(create_with(&path, b"x").unwrap());
        assert_eq!(mode(&path), 0o660);
        assert_eq!(fs::metadata(&path).unwrap().gid(), fs::metadata(folder.path()).unwrap().gid());
        let log = folder.path().join("a-wal");
        fs::write(&log, "").unwrap();
        fs::set_permissions(&log, Permissions::from_mode(0o600)).unwrap();
        Access::of(&path).unwrap().adopt(&log);
        assert_eq!(mode(&log), 0o660);
        let (other, link) = (folder.path().join("other"), folder.path().join("a-shm"));
        fs::write(&other, "").unwrap();
        fs::set_permissions(&other, Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink(&other, &link).unwrap();
        Access::of(&path).unwrap().adopt(&link);
        assert_eq!(mode(&other), 0o600, "a link leads elsewhere");
    }

    #[test]
    fn the_first_content_wins_and_no_draft_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        assert!(create_with(&path, b"first").unwrap());
        assert!(!create_with(&path, b"second").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_replaced_file_keeps_its_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        create_with(&path, b"first").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        replace(&path, b"second").unwrap();
        assert_eq!((fs::read(&path).unwrap().as_slice(), mode(&path)), (&b"second"[..], 0o640));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_of_ours_is_for_this_user_only() {
        let folder = tempfile::tempdir().unwrap();
        make_folder(&folder.path().join("a/b")).unwrap();
        assert_eq!((mode(&folder.path().join("a")), mode(&folder.path().join("a/b"))), (0o700, 0o700));
    }

    /// Makes all that isn't a regular file with one name, each in a folder of its own, and looks at each.
    fn for_each_unfit(look: impl Fn(&Path)) {
        let make: [fn(&Path); 6] = [
            |path| {
                fs::write(path.with_file_name("other"), "other").unwrap();
                symlink("other", path).unwrap();
            },
            |path| symlink("none", path).unwrap(),
            |path| {
                fs::write(path.with_file_name("other"), "other").unwrap();
                fs::hard_link(path.with_file_name("other"), path).unwrap();
            },
            |path| fs::create_dir(path).unwrap(),
            |path| rustix::fs::mknodat(CWD, path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap(),
            |path| drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
        ];
        for make in make {
            let folder = tempfile::tempdir().unwrap();
            make(&folder.path().join("file"));
            look(&folder.path().join("file"));
            let other = folder.path().join("other");
            assert!(!other.exists() || fs::read(&other).unwrap() == b"other");
            assert!(!folder.path().join("none").exists());
        }
    }

    #[test]
    fn only_a_regular_file_with_one_name_is_opened_and_nothing_is_waited_for() {
        for_each_unfit(|path| {
            for write in [false, true] {
                assert!(open(path, write).is_err_and(|error| is_unfit(&error)), "{path:?}");
            }
            assert!(hold(path).is_err_and(|error| is_unfit(&error)), "{path:?}");
            assert!(!create_with(path, b"x").unwrap(), "what is there stays");
        });
    }

    #[test]
    fn what_killed_processes_have_left_is_removed_and_what_goes_on_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let (left, other) = (beside(&path, ".0123456789abcdef.draft"), beside(&path, ".0123456789abcdef"));
        fs::write(&left, "left").unwrap();
        fs::write(&other, "a file of somebody's").unwrap();
        let going_on = Draft::write(&path, b"", None).unwrap();
        let open = File::open(&going_on.0).unwrap();
        open.lock().unwrap();
        assert!(create_with(&path, b"x").unwrap());
        assert!(!left.exists() && other.exists() && going_on.0.exists());
        drop(open);
        replace(&path, b"y").unwrap();
        assert!(!going_on.0.exists() && path.exists());
    }

    #[test]
    fn a_file_whose_draft_is_its_other_name_still_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "a").unwrap();
        // As a process leaves it that is killed where a file can't be renamed without taking another's place.
        fs::hard_link(&path, beside(&path, ".0123456789abcdef.draft")).unwrap();
        open(&path, false).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_loses_its_name_meanwhile_is_none_that_somebody_has_put_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    fs::write(&path, "x").unwrap();
                    fs::remove_file(&path).unwrap();
                }
            });
            let found = std::iter::repeat_with(|| [hold(&path), open(&path, true)]).flatten();
            let is_wrong = |error: &io::Error| error.kind() != ErrorKind::NotFound;
            let wrong = found.take(50_000).find_map(|found| found.err().filter(is_wrong));
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(wrong.is_none(), "{wrong:?}");
        });
    }

    #[test]
    fn another_process_is_waited_for_no_longer_than_was_said() {
        let folder = tempfile::tempdir().unwrap();
        let (path, held) = (folder.path().join("a"), File::open(folder.path()).unwrap());
        held.lock().unwrap();
        let error = create(&path, b"", &[], SHORT).unwrap_err();
        assert_eq!((error.kind(), path.exists()), (ErrorKind::WouldBlock, false));
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| create(&path, b"", &[], LONG).unwrap());
            std::thread::sleep(SHORT);
            held.unlock().unwrap();
            assert!(waits.join().unwrap());
        });
    }
}
