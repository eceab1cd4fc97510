//! Seals the secrets of credentials with the keys of the session's vault, and opens them.

use std::rc::Rc;

use crate::credential::Secret;
use crate::error::{Error, KeyError, Result};
use crate::random::Random;
use crate::secret_text::SecretText;
use crate::session::Session;
use crate::store::{Credential, Note, Store};
use crate::vault::{KeyId, KeyRing, Opened};

/// Seals a new secret for a new credential, inside the transaction that stores it. The first secret of a store makes its
/// key file, which lasts before the secret is sealed.
pub fn seal(session: &Session, store: &mut Store, identifier: &str, secret: &Secret) -> Result<String> {
    let vault = session.vault()?;
    let noted = sealing_key(store)?;
    let is_first = noted.is_none() && !store.has_secrets()?;
    let ring = vault.keys_to_seal(&Random::System, is_first)?;
    let id = match noted {
        Some(noted) => ring.later(noted, ring.active).ok_or_else(|| vault.foreign(&noted))?,
        None => ring.active,
    };
    let sealed = ring.seal(&id, identifier, secret, &Random::System)?.ok_or_else(|| vault.foreign(&id))?;
    match noted {
        None => store.set_first_note(Note::SealingKey, &id.to_string())?,
        // The store is older than the key file: what the retired key has sealed is left to `rotate_key`.
        Some(noted) if noted != id => note_rotation(store, &id)?,
        Some(_) => {}
    }
    store.note_sealed(identifier, &id.to_string());
    Ok(sealed)
}

/// Seals another secret for a credential that has one. Where the store's key is lost this goes on with a key that is
/// there: it's how a row comes back.
pub fn seal_anew(session: &Session, store: &mut Store, identifier: &str, secret: &Secret) -> Result<String> {
    let sealed = seal(session, store, identifier, secret);
    match sealed {
        Err(Error::Key(KeyError::Foreign(..))) => {
            let vault = session.vault()?;
            let ring = vault.keys_to_seal(&Random::System, false)?;
            let sealed = ring.seal(&ring.active, identifier, secret, &Random::System)?;
            sealed.ok_or_else(|| vault.foreign(&ring.active))
        }
        sealed => sealed,
    }
}

/// Opens a credential's secret. The keys are kept in `keys` for the next one.
pub fn open(session: &Session, credential: &Credential, keys: &mut Option<Rc<KeyRing>>) -> Result<Opened> {
    let vault = session.vault()?;
    let keys = match keys {
        Some(keys) => keys,
        None => keys.insert(vault.keys_of_sealed()?),
    };
    vault.open(keys, &credential.secret, &credential.identifier)
}

/// Opens a credential's secret, where nothing goes on without it.
pub fn reveal(session: &Session, credential: &Credential) -> Result<SecretText> {
    match open(session, credential, &mut None)? {
        Opened::Secret(secret) => Ok(secret.text()),
        Opened::Damaged => Err(KeyError::SecretDamaged(credential.id).into()),
        Opened::KeyMissing(id) => Err(session.vault()?.foreign(&id)),
    }
}

/// Notes that secrets are sealed with this key from now on, and that those sealed with another are yet to be.
pub fn note_rotation(store: &mut Store, key: &KeyId) -> Result<()> {
    store.set_note(Note::Rotation, Some(&key.to_string()))?;
    store.set_note(Note::SealingKey, Some(&key.to_string()))
}

/// The id of the key that this store's secrets are sealed with; `None` before the first.
pub fn sealing_key(store: &mut Store) -> Result<Option<KeyId>> {
    Ok(store.note(Note::SealingKey)?.as_deref().and_then(KeyId::parse))
}
