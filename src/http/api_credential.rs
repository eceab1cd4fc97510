//! What a program shows to call over HTTP: issued once, kept as a verifier only.

use std::fmt::Display;

use zeroize::Zeroizing;

use crate::argument;
use crate::clock;
use crate::credential::expiry;
use crate::error::{Error, RequestError, Result};
use crate::random::Random;
use crate::reply::{Fields, Value};
use crate::secret_text::SecretText;
use crate::session::Session;
use crate::store::{About, ApiCredential, LogLine, NewApiCredential, RowId, Store, Verdict};
use crate::text::Quoted;
use crate::verifier;

/// How many letters and digits an identifier and a secret have.
const LENGTH: usize = 32;
/// The action that stands for all.
const EVERY: &str = "*";

/// A credential that was just issued.
pub struct Issued {
    /// Its identifier.
    pub identifier: String,
    /// Its secret, which nothing else knows.
    pub secret: SecretText,
}

/// What a credential is issued for, beside its actions. By default it sees secrets and never expires.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms<'a> {
    /// Whether no list shows it the secrets of credentials.
    pub hides_secrets: bool,
    /// When it expires, as the host has written it.
    pub expires_at: Option<&'a [u8]>,
}

/// Issues a credential that calls in an admin's name, with a role that allows these actions; `*` is all of them.
pub fn issue(
    session: &Session,
    admin: &[u8],
    actions: &[Vec<u8>],
    description: &[u8],
    terms: Terms<'_>,
) -> Result<Issued> {
    let actions = actions.iter().map(|action| lower(action)).collect::<Option<Vec<_>>>();
    let actions = actions.filter(|actions| !actions.is_empty());
    let must = "a list of the names of commands, or ['*']";
    let permissions = serde_json::to_string(&actions.ok_or(RequestError::Argument { position: 2, must })?)
        .map_err(|_| RequestError::Argument { position: 2, must })?;
    let description = argument::description(3, description)?;
    let unknown = || Error::Request(RequestError::UnknownAdmin(Quoted::lossy(admin)));
    let username = std::str::from_utf8(admin).map_err(|_| unknown())?;
    let now = session.now()?;
    let expires_at = terms.expires_at.map(|text| future(text, &now)).transpose()?;
    let secret = random_text(session.random())?;
    let verifier = verifier::of(secret.as_bytes());
    let insert = |store: &mut Store| {
        let admin = store.admin(username)?.ok_or_else(unknown)?;
        if admin.disabled {
            return Err(RequestError::DisabledAdmin(Quoted::from(username)).into());
        }
        let new = NewApiCredential {
            verifier: &verifier,
            admin: admin.id,
            permissions: &permissions,
            description,
            hides_secrets: terms.hides_secrets,
            expires_at: expires_at.clone(),
            now: &now,
        };
        let identifier = random_text(session.random())?;
        let id = store.insert_api_credential(&identifier, &new)?;
        log(store, id, &format_args!("issued (admin {})", admin.id), &now)?;
        Ok(identifier.to_string())
    };
    session.begin_call();
    let identifier = session.transaction(insert, |identifier: &String| {
        let identifier = identifier.clone();
        Box::new(move |store| Ok(Verdict::stored_if(store.api_credential(&identifier)?.is_some())))
    })?;
    Ok(Issued { identifier, secret: SecretText::from(secret.to_string()) })
}

/// Every credential that counts or has expired: what a host may know of it.
pub fn all(session: &Session) -> Result<Vec<Fields>> {
    session.begin_call();
    session.read(|store| {
        let known = store.api_credentials()?;
        known.into_iter().map(|credential| shown(store, credential)).collect()
    })
}

fn shown(store: &Store, credential: ApiCredential) -> Result<Fields> {
    let mut actions = Vec::new();
    for role in roles(store, &credential.role_ids)? {
        actions.extend(serde_json::from_str::<Vec<String>>(&role).unwrap_or_default());
    }
    let time = |time: Option<String>| time.filter(|time| clock::parse(time).is_some()).map_or(Value::Null, Value::Text);
    Ok(vec![
        ("identifier", Value::Text(credential.identifier)),
        ("adminUsername", Value::Text(credential.admin)),
        ("actions", Value::Texts(actions)),
        ("description", Value::Text(credential.description)),
        ("secrets", Value::Bool(!credential.hides_secrets)),
        ("lastAccess", time(Some(credential.last_access))),
        ("expiresAt", time(credential.expires_at)),
    ])
}

/// The permissions of each of these roles.
pub fn roles(store: &Store, ids: &str) -> Result<Vec<String>> {
    let ids = ids.split(|c: char| !c.is_ascii_digit()).filter_map(|id| id.parse().ok());
    ids.filter_map(|id| store.permissions(id).transpose()).collect()
}

/// Reads a time that is yet to come.
fn future(text: &[u8], now: &str) -> Result<String> {
    let time = std::str::from_utf8(text).ok().and_then(expiry::time).filter(|time| time.as_str() > now);
    let must = "a time in the future such as 2030-01-31 09:00:00 or 2030-01-31T10:00:00+01:00";
    time.ok_or(RequestError::Argument { position: 5, must }.into())
}

/// Takes a credential back. Whether there was one to take.
pub fn revoke(session: &Session, identifier: &[u8]) -> Result<bool> {
    let Ok(identifier) = std::str::from_utf8(identifier) else {
        return Ok(false);
    };
    let now = session.now()?;
    let revoke = |store: &mut Store| {
        let revoked = store.revoke_api_credential(identifier, &now)?;
        if let Some(id) = revoked {
            log(store, id, &"revoked", &now)?;
        }
        Ok(revoked.is_some())
    };
    session.begin_call();
    session.require_store()?;
    session.transaction(revoke, |_| {
        let identifier = identifier.to_owned();
        Box::new(move |store| Ok(Verdict::stored_if(store.api_credential(&identifier)?.is_none())))
    })
}

/// Whether a role's permissions allow an action.
pub fn allows(permissions: &str, action: &str) -> bool {
    let actions: Vec<String> = serde_json::from_str(permissions).unwrap_or_default();
    actions.iter().any(|allowed| allowed == EVERY || allowed.eq_ignore_ascii_case(action))
}

fn lower(action: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(action).ok()?;
    let valid = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (name == EVERY || valid(name)).then(|| name.to_ascii_lowercase())
}

/// Writes what became of a credential into the activity log.
fn log(store: &Store, id: i64, what: &dyn Display, now: &str) -> Result<()> {
    store.log(&LogLine::of_system(now, About::Row("API credential", RowId::Known(id)), what))
}

/// Letters and digits, each as likely as the others.
fn random_text(random: &Random) -> Result<Zeroizing<String>> {
    const CHARACTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = Zeroizing::new(String::with_capacity(LENGTH));
    let mut bytes = Zeroizing::new([0; LENGTH]);
    while text.len() < LENGTH {
        random.fill(bytes.as_mut())?;
        // Bytes past the last whole round of the characters would favour the first ones.
        let fair = bytes.iter().filter(|&&byte| byte < 248);
        let characters = fair.filter_map(|&byte| CHARACTERS.get(usize::from(byte) % CHARACTERS.len()));
        let missing = LENGTH - text.len();
        text.extend(characters.take(missing).map(|&byte| char::from(byte)));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_text_is_32_letters_and_digits_and_uses_them_all() {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..200 {
            let text = random_text(&Random::System).unwrap();
            assert_eq!(text.len(), 32);
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            seen.extend(text.bytes());
        }
        assert_eq!(seen.len(), 62);
    }

    #[test]
    fn each_letter_and_digit_is_as_likely_as_the_others() {
        let random = Random::sandbox();
        random.seed(Some(1));
        let mut counts = std::collections::HashMap::new();
        for _ in 0..2_000 {
            for byte in random_text(&random).unwrap().bytes() {
                *counts.entry(byte).or_insert(0) += 1;
            }
        }
        let mean = 2_000 * 32 / 62;
        // One byte too many, of 256, and a character comes a quarter more often than the others.
        assert!(counts.values().all(|count| (mean * 88 / 100..mean * 112 / 100).contains(count)), "{counts:?}");
    }

    #[test]
    fn permissions_are_a_list_of_actions() {
        assert!(allows(r#"["*"]"#, "anything"));
        assert!(allows(r#"["getclients","createoauthcredential"]"#, "createoauthcredential"));
        assert!(!allows(r#"["getclients"]"#, "createoauthcredential"));
        for nothing in ["", "[]", "null", "*", "createoauthcredential", "{\"createoauthcredential\":1}"] {
            assert!(!allows(nothing, "createoauthcredential"), "{nothing}");
        }
    }
}
