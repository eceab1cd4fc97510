//! Where identifiers, secrets and keys come from.

use std::cell::RefCell;

use rand::rngs::{ChaCha20Rng, SysRng};
use rand::{Rng as _, SeedableRng as _, TryRng as _};

use crate::error::{Result, SystemError};

/// A source of random bytes.
pub enum Random {
    /// The operating system, asked anew for every value: no state that a fork could copy.
    System,
    /// The sandbox's: the same bytes after each seed, and the operating system's without one.
    Sandbox(RefCell<Option<Box<ChaCha20Rng>>>),
}

impl Random {
    /// A source that a test may seed.
    pub fn sandbox() -> Self {
        Self::Sandbox(RefCell::new(None))
    }

    /// Fills the buffer.
    pub fn fill(&self, buffer: &mut [u8]) -> Result<()> {
        if let Self::Sandbox(generator) = self
            && let Some(generator) = &mut *generator.borrow_mut()
        {
            generator.fill_bytes(buffer);
            return Ok(());
        }
        SysRng.try_fill_bytes(buffer).map_err(|_| SystemError::NoRandomness.into())
    }

    /// Starts over from a seed, or stops being seeded. The bytes are ChaCha20's (RFC 8439) with the seed as its key, so
    /// that a later version gives the same ones.
    pub fn seed(&self, seed: Option<i64>) {
        if let Self::Sandbox(generator) = self {
            *generator.borrow_mut() = seed.map(|seed| {
                let mut key = [0; 32];
                for (byte, value) in key.iter_mut().zip(seed.to_le_bytes()) {
                    *byte = value;
                }
                Box::new(ChaCha20Rng::from_seed(key))
            });
        }
    }

    /// Whether a seed decides what comes.
    pub fn is_seeded(&self) -> bool {
        matches!(self, Self::Sandbox(generator) if generator.borrow().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(random: &Random) -> [u8; 8] {
        let mut bytes = [0; 8];
        random.fill(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_seed_gives_the_key_stream_of_chacha20() {
        let random = Random::sandbox();
        random.seed(Some(0));
        // RFC 8439, A.1, test vector 1.
        assert_eq!(bytes(&random), [0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90]);
        let next = bytes(&random);
        random.seed(Some(0));
        bytes(&random);
        assert_eq!(bytes(&random), next);
        random.seed(Some(1));
        assert_ne!(bytes(&random), [0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90]);
    }

    #[test]
    fn without_a_seed_it_is_the_operating_system() {
        let random = Random::sandbox();
        assert_ne!(bytes(&random), bytes(&random));
        random.seed(Some(5));
        let seeded = bytes(&random);
        random.seed(None);
        assert_ne!(bytes(&random), seeded);
        assert!(!random.is_seeded());
    }

    #[test]
    fn the_system_cannot_be_seeded() {
        Random::System.seed(Some(5));
        assert_ne!(bytes(&Random::System), bytes(&Random::System));
        assert!(!Random::System.is_seeded());
    }
}
