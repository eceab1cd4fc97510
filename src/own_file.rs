//! Files that we make: who may use them, and how they come to last.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use crate::place::beside;
use crate::random::Random;

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
        // Closing a file drops the locks that SQLite holds on it, but for a handle like this. It follows no link that
        // others may have put there.
        let handle = OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_NOFOLLOW).open(path);
        let Ok((handle, found)) = handle.and_then(|handle| handle.metadata().map(|found| (handle, found))) else {
            return;
        };
        if !found.is_file() || found.gid() == group && found.mode() & 0o777 == 0o660 {
            return;
        }
        let file = format!("/proc/self/fd/{}", handle.as_raw_fd());
        if std::os::unix::fs::chown(&file, None, Some(group)).is_ok() {
            // Another user's file keeps its mode: that user's process sets it.
            let _ = fs::set_permissions(&file, Permissions::from_mode(0o660));
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
/// beside it under these suffixes. `false` where there is one already.
pub fn create(path: &Path, content: &[u8], leftovers: &[&str]) -> io::Result<bool> {
    // One process at a time: none takes away what another has begun beside a file that is new by now. The lock goes
    // with the handle; a file system without locks keeps its leftovers.
    let folder = File::open(folder_of(path))?;
    if folder.lock().is_ok() && fs::symlink_metadata(path).is_err() {
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
    let (draft, file) = Draft::write(path, content)?;
    // Before it has its name: whoever opens a store then has locks on it, which closing this one would drop.
    drop(file);
    match fs::hard_link(&draft.0, path) {
        Ok(()) => {
            sync_folder(path)?;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Puts this content in a file's place, which lasts once this returns. It keeps the owner and permissions that the file
/// had, as far as this user may give them.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let old = fs::metadata(path)?;
    let (draft, file) = Draft::write(path, content)?;
    if fchown(&file, Some(old.uid()), Some(old.gid())).is_ok() {
        file.set_permissions(old.permissions())?;
        file.sync_all()?;
    }
    fs::rename(&draft.0, path)?;
    sync_folder(path)
}

/// A file that is complete but not in its place yet, removed when dropped.
struct Draft(PathBuf);

impl Draft {
    fn write(path: &Path, content: &[u8]) -> io::Result<(Self, File)> {
        let mut number = [0; 8];
        Random::System.fill(&mut number).map_err(io::Error::other)?;
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{:016x}", u64::from_ne_bytes(number)));
        let access = Access::of(path)?;
        let path = path.with_file_name(name);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let draft = Self(path);
        access.grant(&file)?;
        file.write_all(content)?;
        file.sync_all()?;
        Ok((draft, file))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Makes the entries of a file's folder last.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_file_is_for_this_user_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        assert!(create(&path, b"", &[]).unwrap());
        assert_eq!(mode(&path), 0o600);
        assert!(!create(&path, b"", &[]).unwrap());
    }

    #[test]
    fn only_a_new_file_loses_what_an_earlier_one_has_left() {
        let folder = tempfile::tempdir().unwrap();
        let (path, log) = (folder.path().join("a"), folder.path().join("a-wal"));
        fs::write(&log, "left").unwrap();
        assert!(create(&path, b"", &["-wal", "-shm"]).unwrap());
        assert!(!log.exists());
        fs::write(&log, "in use").unwrap();
        assert!(!create(&path, b"", &["-wal", "-shm"]).unwrap());
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
}
