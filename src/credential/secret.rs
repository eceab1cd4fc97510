//! The half of a credential that only its owner may know.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::error::Result;
use crate::random::Random;
use crate::secret_text::SecretText;

/// How many random bytes a secret is.
pub const LENGTH: usize = 64;

/// A client secret, wiped when dropped. It has no `Debug`.
pub struct Secret(Zeroizing<[u8; LENGTH]>);

impl Secret {
    /// A new secret.
    pub fn generate(random: &Random) -> Result<Self> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        random.fill(bytes.as_mut())?;
        Ok(Self(bytes))
    }

    /// Its bytes, for sealing.
    pub fn bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    /// The `clientSecret` that a caller gets: base64, 88 characters.
    pub fn text(&self) -> SecretText {
        SecretText::from(STANDARD.encode(self.bytes()))
    }
}

impl From<&[u8; LENGTH]> for Secret {
    fn from(bytes: &[u8; LENGTH]) -> Self {
        Self(Zeroizing::new(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_88_characters_of_base64() {
        let secret = Secret::generate(&Random::System).unwrap();
        let text = secret.text();
        assert_eq!((text.reveal().len(), STANDARD.decode(text.reveal()).unwrap().len()), (88, 64));
        assert_ne!(text, Secret::generate(&Random::System).unwrap().text());
    }

    #[test]
    fn a_secret_does_not_print() {
        let text = Secret::generate(&Random::System).unwrap().text();
        assert_eq!(format!("{text:?}"), "SecretText(…)");
    }
}
