//! Keys, and the values sealed with them.
//!
//! A sealed value is `v1:<key id>:<base64url of nonce, ciphertext and tag>`: XChaCha20-Poly1305 with a random nonce, and
//! the client identifier as associated data, so that a value moved to another row doesn't open.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead as _, AeadInOut as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::credential::{Secret, secret};
use crate::error::Result;
use crate::random::Random;

const VERSION: &str = "v1";
const NONCE: usize = 24;
const TAG: usize = 16;
const SEALED: usize = NONCE + secret::LENGTH + TAG;
const ID: usize = 16;
/// How many bytes a key has.
const KEY: usize = 32;

/// Names a key: 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; ID]);

impl KeyId {
    /// A new id.
    pub fn generate(random: &Random) -> Result<Self> {
        let mut bytes = [0; ID / 2];
        random.fill(&mut bytes)?;
        let mut digits = [0; ID];
        // Two digits for each byte fill it.
        let _ = base16ct::lower::encode(&bytes, &mut digits);
        Ok(Self(digits))
    }

    /// Reads an id; `None` where it's none.
    pub fn parse(text: &str) -> Option<Self> {
        let hexadecimal = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        text.as_bytes().try_into().ok().filter(|_| hexadecimal).map(Self)
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A key, wiped when dropped. It stays where it is, so that nothing leaves a copy behind, and has no `Debug`.
#[derive(Clone, Default)]
pub struct Key(Box<Zeroizing<[u8; KEY]>>);

impl Key {
    /// Reads base64.
    pub fn decode(text: &str) -> Option<Self> {
        // It wants more room than a key needs.
        let mut bytes = Zeroizing::new([0; 48]);
        let length = STANDARD.decode_slice(text, bytes.as_mut()).ok()?;
        let mut key = Self::default();
        key.0.copy_from_slice(bytes.get(..length).filter(|bytes| bytes.len() == KEY)?);
        Some(key)
    }

    /// Writes it in base64.
    pub fn encode(&self, text: &mut String) {
        let mut characters = Zeroizing::new([0; KEY.div_ceil(3) * 4]);
        let length = STANDARD.encode_slice(self.0.as_slice(), characters.as_mut()).unwrap_or_default();
        let characters = characters.get(..length).unwrap_or_default();
        text.push_str(std::str::from_utf8(characters).unwrap_or_default());
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&**self.0).into())
    }
}

/// The keys of one store: the active one seals, each opens what it has sealed.
#[derive(Clone)]
pub struct KeyRing {
    /// The key that new values are sealed with.
    pub active: KeyId,
    /// All keys, the oldest first.
    pub keys: Vec<(KeyId, Key)>,
}

impl KeyRing {
    /// A ring with one new key.
    pub fn generate(random: &Random) -> Result<Self> {
        let active = KeyId::generate(random)?;
        let mut key = Key::default();
        random.fill(key.0.as_mut().as_mut())?;
        Ok(Self { active, keys: vec![(active, key)] })
    }

    /// Adds a key that isn't used yet, unless there is one already. Returns its id. The store knows which key is in use:
    /// the file's word for it is out of date where another machine has rotated.
    pub fn stage(&mut self, in_use: KeyId, random: &Random) -> Result<KeyId> {
        match self.keys.last() {
            Some((newest, _)) if *newest != self.active && *newest != in_use => Ok(*newest),
            _ => {
                let mut new = Self::generate(random)?;
                self.keys.append(&mut new.keys);
                Ok(new.active)
            }
        }
    }

    /// The one of two keys that was added later; `None` where the first isn't here.
    pub fn later(&self, id: KeyId, other: KeyId) -> Option<KeyId> {
        let place = |id: KeyId| self.keys.iter().position(|(known, _)| *known == id);
        place(id)?;
        [id, other].into_iter().max_by_key(|&id| place(id))
    }

    /// Whether the key is here.
    pub fn holds(&self, id: &KeyId) -> bool {
        self.key(id).is_some()
    }

    fn key(&self, id: &KeyId) -> Option<&Key> {
        self.keys.iter().find(|(known, _)| known == id).map(|(_, key)| key)
    }

    /// Seals a secret for the credential with this identifier.
    pub fn seal(&self, id: &KeyId, identifier: &str, secret: &Secret, random: &Random) -> Result<Option<String>> {
        let Some(key) = self.key(id) else {
            return Ok(None);
        };
        // Sealed where it lies: nonce, then the secret that becomes ciphertext, then the tag.
        let mut sealed = Zeroizing::new([0; SEALED]);
        let (nonce, rest) = sealed.split_at_mut(NONCE);
        let (text, tag) = rest.split_at_mut(secret::LENGTH);
        random.fill(nonce)?;
        text.copy_from_slice(secret.bytes());
        let cipher = key.cipher();
        let made = XNonce::try_from(&*nonce)
            .ok()
            .and_then(|nonce| cipher.encrypt_inout_detached(&nonce, identifier.as_bytes(), text.into()).ok());
        let Some(made) = made else {
            return Ok(None);
        };
        tag.copy_from_slice(&made);
        let mut value = String::with_capacity(VERSION.len() + ID + 2 + SEALED.div_ceil(3) * 4);
        for part in [VERSION, ":", id.as_str(), ":"] {
            value.push_str(part);
        }
        URL_SAFE_NO_PAD.encode_string(*sealed, &mut value);
        Ok(Some(value))
    }

    /// Opens what [`seal`](Self::seal) gave for the same identifier.
    pub fn open(&self, sealed: &str, identifier: &str) -> Opened {
        let Some((id, sealed)) = parse(sealed) else {
            return Opened::Damaged;
        };
        let Some(key) = self.key(&id) else {
            return Opened::KeyMissing(id);
        };
        let opened = || {
            let (nonce, ciphertext) = sealed.split_at_checked(NONCE)?;
            let nonce = XNonce::try_from(nonce).ok()?;
            let payload = Payload { msg: ciphertext, aad: identifier.as_bytes() };
            let bytes = Zeroizing::new(key.cipher().decrypt(&nonce, payload).ok()?);
            Some(Secret::from(<&[u8; secret::LENGTH]>::try_from(bytes.as_slice()).ok()?))
        };
        opened().map_or(Opened::Damaged, Opened::Secret)
    }
}

/// The key's id and the bytes of a sealed value.
fn parse(sealed: &str) -> Option<(KeyId, Vec<u8>)> {
    let mut parts = sealed.splitn(3, ':');
    if parts.next()? != VERSION {
        return None;
    }
    let id = KeyId::parse(parts.next()?)?;
    let bytes = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
    (bytes.len() == SEALED).then_some((id, bytes))
}

/// What became of a sealed value.
pub enum Opened {
    /// The secret.
    Secret(Secret),
    /// It's sealed with a key that isn't here.
    KeyMissing(KeyId),
    /// It was changed, or belongs to another identifier.
    Damaged,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed() -> (KeyRing, Secret, String) {
        let ring = KeyRing::generate(&Random::System).unwrap();
        let secret = Secret::generate(&Random::System).unwrap();
        let sealed = ring.seal(&ring.active, "A.1", &secret, &Random::System).unwrap().unwrap();
        (ring, secret, sealed)
    }

    #[test]
    fn a_sealed_secret_opens_for_its_identifier_only() {
        let (ring, secret, sealed) = sealed();
        assert!(matches!(ring.open(&sealed, "A.1"), Opened::Secret(opened) if opened.bytes() == secret.bytes()));
        assert!(matches!(ring.open(&sealed, "A.2"), Opened::Damaged));
    }

    #[test]
    fn an_id_is_sixteen_hexadecimal_digits_and_uses_them_all() {
        let ids: Vec<String> = (0..200).map(|_| KeyId::generate(&Random::System).unwrap().to_string()).collect();
        assert!(ids.iter().all(|id| KeyId::parse(id).is_some_and(|read| read.as_str() == id)));
        assert!("0123456789abcdef".chars().all(|digit| ids.iter().any(|id| id.contains(digit))));
        for bad in ["", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF", "0123456789abcdeg"] {
            assert_eq!(KeyId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_key_is_added_unless_there_is_one_that_nobody_uses() {
        let mut ring = KeyRing::generate(&Random::System).unwrap();
        let first = ring.active;
        let second = ring.stage(first, &Random::System).unwrap();
        assert_eq!(ring.stage(first, &Random::System).unwrap(), second);
        // The store may be ahead of the file, and the file of the store.
        let third = ring.stage(second, &Random::System).unwrap();
        ring.active = third;
        let fourth = ring.stage(second, &Random::System).unwrap();
        assert_eq!(ring.keys.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [first, second, third, fourth]);
        let none = KeyId::generate(&Random::System).unwrap();
        assert_eq!((ring.later(first, third), ring.later(third, first)), (Some(third), Some(third)));
        assert_eq!((ring.later(second, none), ring.later(none, second)), (Some(second), None));
        assert!(ring.holds(&fourth) && !ring.holds(&none));
    }

    #[test]
    fn a_sealed_secret_fits_its_column_and_does_not_repeat() {
        let (ring, secret, sealed) = sealed();
        assert!(sealed.len() <= 255);
        assert_ne!(ring.seal(&ring.active, "A.1", &secret, &Random::System).unwrap().unwrap(), sealed);
    }

    #[test]
    fn a_changed_value_does_not_open() {
        let (ring, _, sealed) = sealed();
        let mut other = sealed.clone().into_bytes();
        let last = other.len() - 5;
        other[last] = if other[last] == b'A' { b'B' } else { b'A' };
        for bad in
            [String::from_utf8(other).unwrap(), sealed[..sealed.len() - 1].to_owned(), String::new(), sealed + "A"]
        {
            assert!(matches!(ring.open(&bad, "A.1"), Opened::Damaged), "{bad}");
        }
    }

    #[test]
    fn a_value_of_another_ring_names_the_key_it_needs() {
        let (ring, _, sealed) = sealed();
        let other = KeyRing::generate(&Random::System).unwrap();
        assert!(matches!(other.open(&sealed, "A.1"), Opened::KeyMissing(id) if id == ring.active));
    }
}
