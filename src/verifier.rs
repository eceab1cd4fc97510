//! What a random secret is checked against where it needn't be shown again.

use constant_time_eq::constant_time_eq;
use sha2::{Digest as _, Sha256};

/// The verifier of a secret: its SHA-256 in hex. One that is random needs nothing slower.
pub fn of(secret: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(secret))
}

/// Whether a secret is the one that a verifier was made of. The time it takes doesn't depend on how much of it is right.
pub fn matches(secret: &[u8], known: &str) -> bool {
    constant_time_eq(of(secret).as_bytes(), known.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_is_sha_256_in_hex() {
        assert_eq!(of(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(matches(b"abc", &of(b"abc")));
        assert!(!matches(b"abd", &of(b"abc")));
        // One that was revoked has none.
        assert!(!matches(b"", "") && !matches(b"abc", ""));
    }
}
