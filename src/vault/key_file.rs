//! The file that holds the vault's keys.
//!
//! JSON: `{"format": "localapi keys 1", "active": "<key id>", "keys": [{"id": "<key id>", "key": "<base64>"}, …]}`, the
//! oldest key first. Its folder decides who may read it, and others never may.

use std::fs::{self, File, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::key_ring::{Key, KeyId, KeyRing};
use crate::error::{Error, Result};
use crate::own_file;

const FORMAT: &str = "localapi keys 1";

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
            Err(error) => Err(Error::KeyFileUnreadable(path.to_owned(), reason(&error))),
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
    let unreadable = |error: std::io::Error| Error::KeyFileUnreadable(path.to_owned(), reason(&error));
    if fs::metadata(path).map_err(unreadable)?.mode() & 0o007 != 0 {
        return Err(Error::KeyFileExposed(path.to_owned()));
    }
    let content = Zeroizing::new(fs::read(path).map_err(unreadable)?);
    parse(&content).ok_or_else(|| Error::KeyFileDamaged(path.to_owned()))
}

/// Makes the file, which lasts once this returns. A file that is there already stays.
pub fn create(path: &Path, ring: &KeyRing) -> Result<()> {
    match own_file::create_with(path, &print(ring)) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::KeyFileUnwritable(path.to_owned(), reason(&error))),
    }
}

/// Changes the keys in the file; no other process changes them meanwhile. Gives what the change gives.
pub fn update<T>(path: &Path, change: impl FnOnce(&mut KeyRing) -> Result<T>) -> Result<T> {
    let _lock = lock(path)?;
    let mut ring = read(path)?;
    let changed = change(&mut ring)?;
    own_file::replace(path, &print(&ring))
        .map_err(|error| Error::KeyFileUnwritable(path.to_owned(), reason(&error)))?;
    Ok(changed)
}

/// Locks the file, until the value is dropped. The file may have been replaced while this waited: then that one.
fn lock(path: &Path) -> Result<File> {
    let unreadable = |error: std::io::Error| Error::KeyFileUnreadable(path.to_owned(), reason(&error));
    loop {
        let file = File::open(path).map_err(unreadable)?;
        file.lock().map_err(unreadable)?;
        let locked = file.metadata().map_err(unreadable)?;
        if fs::metadata(path).is_ok_and(|now| (now.dev(), now.ino()) == (locked.dev(), locked.ino())) {
            return Ok(file);
        }
    }
}

fn parse(content: &[u8]) -> Option<KeyRing> {
    let file: Value = serde_json::from_slice(content).ok()?;
    if file.get("format")?.as_str()? != FORMAT {
        return None;
    }
    let keys = file.get("keys")?.as_array()?.iter().map(parse_key).collect::<Option<Vec<_>>>()?;
    let ring = KeyRing { active: KeyId::parse(file.get("active")?.as_str()?)?, keys };
    ring.holds(&ring.active).then_some(ring)
}

fn parse_key(entry: &Value) -> Option<(KeyId, Key)> {
    let id = KeyId::parse(entry.get("id")?.as_str()?)?;
    let bytes = Zeroizing::new(STANDARD.decode(entry.get("key")?.as_str()?).ok()?);
    Some((id, Key::new(bytes.as_slice().try_into().ok()?)))
}

fn print(ring: &KeyRing) -> Zeroizing<Vec<u8>> {
    let keys: Vec<Value> =
        ring.keys.iter().map(|(id, key)| json!({"id": id.to_string(), "key": STANDARD.encode(**key)})).collect();
    let file = json!({"format": FORMAT, "active": ring.active.to_string(), "keys": keys});
    Zeroizing::new(format!("{file:#}\n").into_bytes())
}

/// The operating system's word for a fault, without its number.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::NotFound => "its folder does not exist".to_owned(),
        ErrorKind::StorageFull => "no space is left".to_owned(),
        ErrorKind::ReadOnlyFilesystem => "its file system is read-only".to_owned(),
        ErrorKind::IsADirectory => "it is a folder".to_owned(),
        kind => kind.to_string(),
    }
}
