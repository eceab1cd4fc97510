//! The file that holds the vault's keys.
//!
//! JSON: `{"format": "localapi keys 1", "active": "<key id>", "keys": [{"id": "<key id>", "key": "<base64>"}, …]}`, the
//! oldest key first. Its folder decides who may read it, and others never may.

use std::fmt::Write as _;
use std::fs::{self, File, Metadata};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::key_ring::{Key, KeyId, KeyRing};
use crate::error::{Error, KeyError, Result};
use crate::own_file;
use crate::place::resolve;

const FORMAT: &str = "localapi keys 1";
/// More than 10,000 keys need, in bytes.
const LONGEST: usize = 2 << 20;

/// Tells one state of the file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    mode: u32,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// The file's state now; `None` where there is no file.
    pub fn of(path: &Path) -> Result<Option<Self>> {
        match fs::metadata(path) {
            Ok(found) => Ok(Some(Self::from(&found))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(KeyError::Unreadable(path.to_owned(), reason(&error)).into()),
        }
    }
}

impl From<&Metadata> for Stamp {
    fn from(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            mode: found.mode(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

/// Reads the keys.
pub fn read(path: &Path) -> Result<KeyRing> {
    let real = resolve(path)?;
    let unreadable = |error: std::io::Error| Error::Key(KeyError::Unreadable(path.to_owned(), reason(&error)));
    let mut file = own_file::open(&real, false).map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?;
    if found.mode() & 0o007 != 0 {
        return Err(KeyError::Exposed(path.to_owned()).into());
    }
    let damaged = || Error::Key(KeyError::Damaged(path.to_owned()));
    let size = usize::try_from(found.len()).ok().filter(|&size| size <= LONGEST).ok_or_else(damaged)?;
    let mut content = Zeroizing::new(vec![0; size]);
    file.read_exact(&mut content).map_err(|_| damaged())?;
    parse(&content).ok_or_else(damaged)
}

/// Makes the file, which lasts once this returns. A file that is there already stays.
pub fn create(path: &Path, ring: &KeyRing) -> Result<()> {
    match own_file::create_with(&resolve(path)?, print(ring).as_bytes()) {
        Ok(_) => Ok(()),
        Err(error) => Err(KeyError::Unwritable(path.to_owned(), reason(&error)).into()),
    }
}

/// Makes the name of the file last, whoever has made it, and removes what processes have left which were killed at it.
pub fn make_last(path: &Path) -> Result<()> {
    let real = resolve(path)?;
    own_file::remove_drafts(&real)
        .and_then(|()| own_file::sync_folder(&real))
        .map_err(|error| KeyError::Unwritable(path.to_owned(), reason(&error)).into())
}

/// Changes the keys in the file; no other process changes them meanwhile, and one that does is waited for no longer than
/// this. Gives what the change gives.
pub fn update<T>(path: &Path, longest: Duration, change: impl FnOnce(&mut KeyRing) -> Result<T>) -> Result<T> {
    let _lock = lock(path, longest)?;
    let mut ring = read(path)?;
    let changed = change(&mut ring)?;
    own_file::replace(&resolve(path)?, print(&ring).as_bytes())
        .map_err(|error| KeyError::Unwritable(path.to_owned(), reason(&error)))?;
    Ok(changed)
}

/// Locks the file, until the value is dropped. The file may have been replaced while this waited: then that one.
fn lock(path: &Path, longest: Duration) -> Result<File> {
    let unreadable = |error: std::io::Error| Error::Key(KeyError::Unreadable(path.to_owned(), reason(&error)));
    let begun = Instant::now();
    loop {
        let real = resolve(path)?;
        let file = own_file::open(&real, false).map_err(unreadable)?;
        if !own_file::lock(&file, longest.saturating_sub(begun.elapsed())).map_err(unreadable)? {
            let waited = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
            return Err(KeyError::Locked(path.to_owned(), waited).into());
        }
        let locked = file.metadata().map_err(unreadable)?;
        if fs::symlink_metadata(&real).is_ok_and(|now| (now.dev(), now.ino()) == (locked.dev(), locked.ino())) {
            return Ok(file);
        }
    }
}

/// The file's content. Its texts are where they were read to, so that wiping that wipes them.
#[derive(Deserialize)]
struct Content<'a> {
    format: &'a str,
    active: &'a str,
    #[serde(borrow)]
    keys: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    id: &'a str,
    key: &'a str,
}

fn parse(content: &[u8]) -> Option<KeyRing> {
    // The one escape that programs write which write such a file again. A text with escapes would be copied.
    let mut plain = Zeroizing::new(Vec::with_capacity(content.len()));
    let mut next = content.iter().copied().skip(1).chain([0]);
    plain.extend(content.iter().copied().filter(|&byte| next.next() != Some(b'/') || byte != b'\\'));
    let content: Content<'_> = serde_json::from_slice(&plain).ok()?;
    if content.format != FORMAT {
        return None;
    }
    let keys = content.keys.iter().map(|entry| Some((KeyId::parse(entry.id)?, Key::decode(entry.key)?)));
    let ring = KeyRing { active: KeyId::parse(content.active)?, keys: keys.collect::<Option<Vec<_>>>()? };
    ring.holds(&ring.active).then_some(ring)
}

fn print(ring: &KeyRing) -> Zeroizing<String> {
    // It never grows: what it grew out of would be left behind.
    let mut text = Zeroizing::new(String::with_capacity(128 + 128 * ring.keys.len()));
    let _ = write!(text, "{{\n  \"format\": \"{FORMAT}\",\n  \"active\": \"{}\",\n  \"keys\": [", ring.active);
    for (number, (id, key)) in ring.keys.iter().enumerate() {
        let comma = if number > 0 { "," } else { "" };
        let _ = write!(text, "{comma}\n    {{\"id\": \"{id}\", \"key\": \"");
        key.encode(&mut text);
        text.push_str("\"}");
    }
    text.push_str("\n  ]\n}\n");
    text
}

/// What is read is written and read again.
///
/// # Panics
///
/// Where it's another one then.
#[cfg(feature = "fuzzing")]
pub fn fuzz(input: &[u8]) {
    let Some(ring) = parse(input) else { return };
    let printed = print(&ring);
    let again = parse(printed.as_bytes()).map(|again| print(&again));
    assert_eq!(again.as_deref(), Some(&*printed));
    assert!(ring.holds(&ring.active));
}

/// The operating system's word for a fault, without its number.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        _ if own_file::is_unfit(error) => error.to_string(),
        _ if own_file::lacks_descriptor(error) => "no file descriptor is free".to_owned(),
        ErrorKind::NotFound => "its folder does not exist".to_owned(),
        ErrorKind::StorageFull => "no space is left".to_owned(),
        ErrorKind::ReadOnlyFilesystem => "its file system is read-only".to_owned(),
        ErrorKind::IsADirectory => "it is a folder".to_owned(),
        kind => kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::random::Random;

    const LONG: Duration = Duration::from_secs(60);

    fn ring() -> KeyRing {
        let mut ring = KeyRing::generate(&Random::System).unwrap();
        ring.stage(ring.active, &Random::System).unwrap();
        ring
    }

    /// A folder with a key file, and the keys in it.
    fn folder() -> (tempfile::TempDir, KeyRing) {
        let (folder, ring) = (tempfile::tempdir().unwrap(), ring());
        fs::create_dir(folder.path().join("shared")).unwrap();
        create(&folder.path().join("shared/keys"), &ring).unwrap();
        (folder, ring)
    }

    fn ids(ring: &KeyRing) -> Vec<KeyId> {
        ring.keys.iter().map(|(id, _)| *id).collect()
    }

    #[test]
    fn the_file_is_json_that_other_programs_may_write_again() {
        let mut ring = ring();
        ring.keys[1].1 = Key::decode(&format!("{}8=", "/".repeat(42))).unwrap();
        let printed = print(&ring);
        assert!(printed.capacity() >= printed.len() && printed.len() > 128);
        let value: serde_json::Value = serde_json::from_str(&printed).unwrap();
        assert_eq!((&value["format"], &value["active"]), (&FORMAT.into(), &ring.active.as_str().into()));
        let dense = serde_json::to_string(&value).unwrap();
        let more = dense.replacen('{', "{\"comment\":[1],", 1);
        for text in [printed.as_str(), &dense, &dense.replace('/', "\\/"), &more] {
            let read = parse(text.as_bytes()).unwrap();
            assert_eq!((ids(&read), read.active), (ids(&ring), ring.active), "{text}");
            assert_eq!(*print(&read), *printed);
        }
    }

    #[test]
    fn what_is_no_key_file_is_damaged() {
        let ring = ring();
        let (printed, active) = (print(&ring).to_string(), ring.active);
        let key = printed.split("\"key\": \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        for bad in [
            String::new(),
            "null".to_owned(),
            printed.replacen("keys 1", "keys 2", 1),
            printed.replacen("\"active\": \"", "\"active\": \"0", 1),
            printed.replacen(active.as_str(), "0123456789abcdef", 1),
            printed.replacen(&key, "", 1),
            printed.replacen(&key, &key[4..], 1),
            printed.replacen(&key, &format!("AAAA{key}"), 1),
            printed.replacen(&key, &format!("{}*", &key[1..]), 1),
            printed.replacen("\"keys\"", "\"others\"", 1),
            printed[..printed.len() - 3].to_owned(),
        ] {
            assert!(parse(bad.as_bytes()).is_none(), "{bad}");
        }
        assert!(parse(b"\xff").is_none());
    }

    #[test]
    fn a_fault_has_a_reason_that_says_what_to_do() {
        for (kind, said) in [
            (ErrorKind::PermissionDenied, "permission denied"),
            (ErrorKind::NotFound, "its folder does not exist"),
            (ErrorKind::StorageFull, "no space is left"),
            (ErrorKind::ReadOnlyFilesystem, "its file system is read-only"),
            (ErrorKind::IsADirectory, "it is a folder"),
            (ErrorKind::TimedOut, "timed out"),
        ] {
            assert_eq!(reason(&kind.into()), said);
        }
        let too_many = std::io::Error::from_raw_os_error(libc::EMFILE);
        assert_eq!(reason(&too_many), "no file descriptor is free");
        let none = make_last(Path::new("/proc/none/keys")).unwrap_err().to_string();
        assert_eq!(none, "The key file \"/proc/none/keys\" cannot be written: its folder does not exist.");
    }

    #[test]
    fn a_file_that_cannot_be_looked_at_is_not_taken_for_absent() {
        let (folder, _) = folder();
        assert!(Stamp::of(&folder.path().join("none")).unwrap().is_none());
        std::fs::write(folder.path().join("file"), "").unwrap();
        let below_a_file = folder.path().join("file/keys");
        assert!(
            matches!(Stamp::of(&below_a_file), Err(Error::Key(KeyError::Unreadable(path, _))) if path == below_a_file)
        );
    }

    #[test]
    fn a_file_is_changed_where_its_links_lead_and_the_links_stay() {
        let (folder, before) = folder();
        let at = |name: &str| folder.path().join(name);
        // As Kubernetes puts a secret into a folder.
        fs::create_dir(at("volume")).unwrap();
        fs::rename(at("shared"), at("volume/..2026_11")).unwrap();
        symlink("..2026_11", at("volume/..data")).unwrap();
        symlink("..data/keys", at("volume/keys")).unwrap();
        symlink("volume/keys", at("keys")).unwrap();
        fs::set_permissions(at("volume/..2026_11/keys"), fs::Permissions::from_mode(0o640)).unwrap();
        let added = update(&at("keys"), LONG, |ring| {
            ring.active = ring.keys[1].0;
            ring.stage(ring.active, &Random::System)
        })
        .unwrap();
        for link in ["keys", "volume/keys", "volume/..data"] {
            assert!(fs::symlink_metadata(at(link)).unwrap().is_symlink(), "{link}");
        }
        assert_eq!(ids(&read(&at("volume/..2026_11/keys")).unwrap()), [ids(&before), vec![added]].concat());
        assert_eq!(fs::metadata(at("keys")).unwrap().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(at("volume/..2026_11")).unwrap().count(), 1, "no draft stays");
    }

    #[test]
    fn a_file_that_is_not_regular_or_has_another_name_is_not_read() {
        let (folder, _) = folder();
        let path = folder.path().join("shared/keys");
        fs::hard_link(&path, folder.path().join("other")).unwrap();
        let said = read(&path).err().unwrap().to_string();
        let why = "cannot be read: it is not a regular file with one name.";
        assert_eq!(said, format!("The key file \"{}\" {why}", path.display()));
        fs::remove_file(&path).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(read(&path).err().unwrap().to_string().ends_with(why));
        fs::remove_file(&path).unwrap();
        fs::write(&path, vec![b' '; LONGEST + 1]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(read(&path), Err(Error::Key(KeyError::Damaged(_)))));
    }

    #[test]
    fn a_file_that_another_process_keeps_locked_is_waited_for_as_long_as_was_said() {
        let (folder, _) = folder();
        let path = folder.path().join("shared/keys");
        let held = File::open(&path).unwrap();
        held.lock().unwrap();
        let change = |_: &mut KeyRing| Ok(());
        let said = update(&path, Duration::from_millis(20), change).unwrap_err().to_string();
        assert_eq!(
            said,
            format!(
                "The key file \"{}\" is locked: another process has kept it for more than 20 ms; try again, or raise \
                 localapi.busy_timeout.",
                path.display()
            )
        );
        held.unlock().unwrap();
        update(&path, LONG, change).unwrap();
    }
}
