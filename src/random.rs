//! Where identifiers, secrets and keys come from.

use rand::TryRng as _;
use rand::rngs::SysRng;

use crate::error::{Error, Result};

/// A source of random bytes.
pub enum Random {
    /// The operating system, asked anew for every value: no state that a fork could copy.
    System,
}

impl Random {
    /// Fills the buffer.
    pub fn fill(&self, buffer: &mut [u8]) -> Result<()> {
        match self {
            Self::System => SysRng.try_fill_bytes(buffer).map_err(|_| Error::NoRandomness),
        }
    }
}
