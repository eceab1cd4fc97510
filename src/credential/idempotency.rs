//! A request that may be made again: a key, and a hash of what was asked for with it.

use crate::actor::Actor;
use crate::error::{CredentialError, Result};
use crate::text::{is_control, is_longer};
use crate::verifier;

/// The longest key, in characters.
const LONGEST: usize = 255;

/// What tells a request that is made again from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    key: String,
    /// The hash of what was asked for.
    pub request: String,
}

impl Idempotency {
    /// Reads a key. `asked` is all that was asked for with it, part by part.
    pub fn parse(key: String, asked: &[&str]) -> Result<Self> {
        if key.is_empty() || is_longer(&key, LONGEST) || key.chars().any(is_control) {
            return Err(CredentialError::IdempotencyKeyInvalid.into());
        }
        Ok(Self { key, request: hash(asked) })
    }

    /// The hash of the key. One who calls over HTTP has keys of their own: who else used the same would get their secret.
    pub fn key_of(&self, actor: &Actor) -> String {
        let owner = match (&actor.origin, actor.credential()) {
            (None, _) => String::new(),
            (Some(_), Some(credential)) => format!("API credential {credential}"),
            (Some(_), None) => format!("admin {}", actor.id),
        };
        hash(&[&owner, &self.key])
    }
}

/// The hash of several texts: where one ends belongs to it.
fn hash(texts: &[&str]) -> String {
    let whole: String = texts.iter().map(|text| format!("{} {text}", text.len())).collect();
    verifier::of(whole.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::Origin;

    #[test]
    fn a_key_is_1_to_255_printable_characters() {
        for key in ["k", " ", "\u{e9}", &"\u{1f600}".repeat(255)] {
            Idempotency::parse(key.to_owned(), &[]).unwrap();
        }
        for key in ["", "a\nb", "\u{85}", "a\u{202e}", &"k".repeat(256)] {
            let refused = Idempotency::parse(key.to_owned(), &[]).unwrap_err();
            assert_eq!(refused.to_string(), "The idempotency key must be 1 to 255 printable characters.");
        }
    }

    #[test]
    fn a_request_is_the_same_where_each_part_is() {
        let of = |asked: &[&str]| Idempotency::parse("k".to_owned(), asked).unwrap().request;
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
        for other in [&["b", "a"][..], &["ab", ""], &["a", "b", ""], &["a"], &["a1 b"]] {
            assert_ne!(of(other), of(&["a", "b"]), "{other:?}");
        }
    }

    #[test]
    fn those_who_call_over_http_have_keys_of_their_own() {
        let key = Idempotency::parse("k".to_owned(), &[]).unwrap();
        let actor = |id, origin: Option<Option<i64>>| Actor {
            user: "admin".to_owned(),
            id,
            origin: origin.map(|credential| Origin { address: "::1".to_owned(), credential, hides_secrets: false }),
        };
        let own = actor(1, Some(Some(5)));
        let others = [actor(1, None), actor(1, Some(None)), actor(5, Some(None)), actor(1, Some(Some(6)))];
        for other in &others {
            assert_ne!(key.key_of(other), key.key_of(&own));
        }
        assert_eq!(key.key_of(&actor(2, Some(Some(5)))), key.key_of(&own));
        assert_eq!(key.key_of(&actor(0, None)), key.key_of(&actor(1, None)));
    }
}
