//! How a user proves to know the password: the plugins that servers ask for.

use ed25519_dalek::VerifyingKey;
use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use zeroize::{Zeroize, Zeroizing};

use super::{Error, Result, rsa};

/// A way to log in, which is the server's choice for each user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plugin {
    /// `mysql_native_password`: MariaDB's default, and MySQL's before 8.0.
    Native,
    /// `caching_sha2_password`: MySQL's default.
    CachingSha2,
    /// `sha256_password`, which MySQL had before that.
    Sha256,
    /// `client_ed25519`: MariaDB's `ed25519`.
    Ed25519,
}

/// Bytes that are wiped.
pub type Wiped = Zeroizing<Vec<u8>>;

impl Plugin {
    /// Those that are known here.
    pub const ALL: [Self; 4] = [Self::Native, Self::CachingSha2, Self::Sha256, Self::Ed25519];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "mysql_native_password",
            Self::CachingSha2 => "caching_sha2_password",
            Self::Sha256 => "sha256_password",
            Self::Ed25519 => "client_ed25519",
        }
    }

    /// How many bytes a server makes up for a login.
    pub fn nonce_length(self) -> usize {
        if self == Self::Ed25519 { 32 } else { 20 }
    }

    /// The plugin of this name. `mysql_clear_password` is none: who says to be the server would be told the password.
    pub fn named(name: &[u8]) -> Result<Self> {
        Self::ALL.into_iter().find(|plugin| plugin.name().as_bytes() == name).ok_or(Error::PluginUnknown)
    }

    /// What to say first, where `private` says whether nobody but the server can read it.
    pub fn first_answer(self, password: &str, nonce: &[u8], private: bool) -> Wiped {
        match self {
            Self::Ed25519 => {
                // RFC 8032, section 5.1.6, but the password's hash is the key that is expanded.
                let hash = Zeroizing::new(<[u8; 64]>::from(Sha512::digest(password)));
                let key = ExpandedSecretKey::from_bytes(&hash);
                raw_sign::<Sha512>(&key, nonce, &VerifyingKey::from(&key)).to_bytes().to_vec().into()
            }
            _ if password.is_empty() => Wiped::default(),
            Self::Native => {
                let (once, twice) = hashes::<Sha1>(password);
                hidden(&once, &hash::<Sha1>(&[nonce, &twice]))
            }
            Self::CachingSha2 => {
                let (once, twice) = hashes::<Sha256>(password);
                hidden(&once, &hash::<Sha256>(&[&twice, nonce]))
            }
            Self::Sha256 if private => in_clear(password),
            Self::Sha256 => Wiped::new(vec![1]),
        }
    }
}

/// The password's hash, and the hash of that, by which a server knows the password.
fn hashes<D: Digest>(password: &str) -> (Wiped, Wiped) {
    let once = hash::<D>(&[password.as_bytes()]);
    let twice = hash::<D>(&[&once]);
    (once, twice)
}

fn hidden(bytes: &[u8], mask: &[u8]) -> Wiped {
    Wiped::new(bytes.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect())
}

fn hash<D: Digest>(parts: &[&[u8]]) -> Wiped {
    let mut hash = parts.iter().fold(D::new(), |hash, part| hash.chain_update(part)).finalize();
    let bytes = Wiped::new(hash.to_vec());
    hash.as_mut_slice().zeroize();
    bytes
}

/// The password as it is, and a null byte.
pub fn in_clear(password: &str) -> Wiped {
    let mut bytes = Wiped::new(Vec::with_capacity(password.len().saturating_add(1)));
    bytes.extend_from_slice(password.as_bytes());
    bytes.push(0);
    bytes
}

/// The same for the holder of the key that belongs to this public one, in PEM.
pub fn encrypted(password: &str, nonce: &[u8], key: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = in_clear(password);
    for (byte, mask) in bytes.iter_mut().zip(nonce.iter().cycle()) {
        *byte ^= mask;
    }
    rsa::encrypt(key, &bytes)
}
