//! Seals secrets at rest, so that a copy of the store gives none away.

mod key_file;
mod key_ring;
#[cfg(test)]
mod wiped;

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use crate::error::{Error, KeyError, Result};
use crate::random::Random;
use key_file::Stamp;

#[cfg(feature = "fuzzing")]
pub use key_file::fuzz as fuzz_key_file;
pub use key_ring::{KeyId, KeyRing, Opened};

/// The keys of the process and the file they come from.
pub struct Vault {
    file: Option<PathBuf>,
    ring: RefCell<Option<(Option<Stamp>, Rc<KeyRing>)>>,
    /// The file whose name is known to last.
    lasting: Cell<Option<Stamp>>,
    /// How long to wait for another process that changes the file.
    busy_timeout: Duration,
}

impl Vault {
    /// A vault with the keys of a file; without one, with a key that never leaves the process.
    pub fn new(file: Option<PathBuf>, busy_timeout: Duration) -> Self {
        Self { file, ring: RefCell::new(None), lasting: Cell::new(None), busy_timeout }
    }

    /// The keys, read again where the file has changed. `None` where there are none yet.
    pub fn keys(&self) -> Result<Option<Rc<KeyRing>>> {
        let Some(path) = &self.file else {
            return Ok(self.ring.borrow().as_ref().map(|(_, ring)| Rc::clone(ring)));
        };
        let Some(stamp) = Stamp::of(path)? else {
            return Ok(None);
        };
        if let Some((known, ring)) = &*self.ring.borrow()
            && *known == Some(stamp)
        {
            return Ok(Some(Rc::clone(ring)));
        }
        let ring = Rc::new(key_file::read(path)?);
        *self.ring.borrow_mut() = Some((Some(stamp), Rc::clone(&ring)));
        Ok(Some(ring))
    }

    /// The keys, made now where there are none. A key file lasts before this returns.
    pub fn keys_or_new(&self, random: &Random) -> Result<Rc<KeyRing>> {
        if let Some(ring) = self.keys()? {
            return Ok(ring);
        }
        let ring = Rc::new(KeyRing::generate(random)?);
        match &self.file {
            None => {
                *self.ring.borrow_mut() = Some((None, Rc::clone(&ring)));
                Ok(ring)
            }
            // Another process may have been faster; its keys are in the file then.
            Some(path) => {
                key_file::create(path, &ring)?;
                self.keys()?.ok_or_else(|| self.missing())
            }
        }
    }

    /// The keys to seal with: made now, where there are none and there may be new ones. The process that has made the
    /// file may have been killed before its name lasted, and what is sealed must last no longer than the key.
    pub fn keys_to_seal(&self, random: &Random, may_be_new: bool) -> Result<Rc<KeyRing>> {
        let ring = if may_be_new { self.keys_or_new(random)? } else { self.keys_of_sealed()? };
        if let Some(path) = &self.file {
            let stamp = self.ring.borrow().as_ref().and_then(|(stamp, _)| *stamp);
            if stamp.is_none() || self.lasting.get() != stamp {
                key_file::make_last(path)?;
                self.lasting.set(stamp);
            }
        }
        Ok(ring)
    }

    /// Takes another store's keys, into a key file that isn't there yet.
    pub fn adopt(&self, ring: &KeyRing) -> Result<()> {
        self.file.as_ref().map_or(Ok(()), |path| key_file::create(path, ring).map(drop))
    }

    /// The keys of a store that holds sealed values already.
    pub fn keys_of_sealed(&self) -> Result<Rc<KeyRing>> {
        self.keys()?.ok_or_else(|| self.missing())
    }

    /// Changes the keys, in the file and here.
    pub fn update<T>(&self, change: impl FnOnce(&mut KeyRing) -> Result<T>) -> Result<T> {
        let Some(path) = &self.file else {
            let mut ring = KeyRing::clone(&*self.keys_of_sealed()?);
            let changed = change(&mut ring)?;
            *self.ring.borrow_mut() = Some((None, Rc::new(ring)));
            return Ok(changed);
        };
        key_file::update(path, self.busy_timeout, change)
    }

    /// Opens a sealed value. Where its key isn't known the file is looked at again: another process may have added it.
    pub fn open(&self, ring: &mut Rc<KeyRing>, sealed: &str, identifier: &str) -> Result<Opened> {
        match ring.open(sealed, identifier) {
            Opened::KeyMissing(_) => {
                *ring = self.keys_of_sealed()?;
                Ok(ring.open(sealed, identifier))
            }
            opened => Ok(opened),
        }
    }

    /// The error for a key file that isn't there.
    fn missing(&self) -> Error {
        Error::Key(KeyError::Missing(self.path()))
    }

    /// The error for a key file without a key that is needed.
    pub fn foreign(&self, id: &KeyId) -> Error {
        Error::Key(KeyError::Foreign(self.path(), id.to_string()))
    }

    fn path(&self) -> PathBuf {
        self.file.clone().unwrap_or_else(|| PathBuf::from(":memory:"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn vault(file: PathBuf) -> Vault {
        Vault::new(Some(file), Duration::from_secs(5))
    }

    #[test]
    fn whoever_seals_with_a_file_first_makes_it_last_and_clears_up_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let (file, draft) = (folder.path().join("keys"), folder.path().join("keys.0123456789abcdef.draft"));
        let first = vault(file.clone());
        let made = first.keys_to_seal(&Random::System, true).unwrap().active;
        fs::write(&draft, "").unwrap();
        assert_eq!(first.keys_to_seal(&Random::System, true).unwrap().active, made);
        assert!(draft.exists(), "it's done once");
        let second = vault(file);
        assert_eq!(second.keys_of_sealed().unwrap().active, made);
        assert!(draft.exists(), "who only reads does nothing");
        assert_eq!(second.keys_to_seal(&Random::System, false).unwrap().active, made);
        assert!(!draft.exists());
    }

    #[test]
    fn keys_of_another_store_are_taken_where_there_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let (path, keys) = (folder.path().join("keys"), KeyRing::generate(&Random::System).unwrap());
        let vault = vault(path.clone());
        let missing = vault.keys_to_seal(&Random::System, false).err().map(|error| error.to_string()).unwrap();
        assert!(missing.contains(&format!("\"{}\"", path.display())), "{missing}");
        vault.adopt(&keys).unwrap();
        vault.adopt(&KeyRing::generate(&Random::System).unwrap()).unwrap();
        assert_eq!(vault.keys_of_sealed().unwrap().active, keys.active);
    }
}
