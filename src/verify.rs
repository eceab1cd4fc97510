//! Whether a client is who it says it is: for the endpoints of an authorization server.

use subtle::ConstantTimeEq as _;

use crate::error::Result;
use crate::reply::{Fields, Value};
use crate::sealing;
use crate::session::Session;
use crate::store::{Credential, ScopeTable, Store};

/// Whether this secret belongs to this identifier, and what a token endpoint needs to know then. The time it takes
/// doesn't depend on how much of the secret is right. An identifier is no secret: it has 128 random bits.
pub fn verify(session: &Session, identifier: &[u8], secret: &[u8]) -> Result<Option<Fields>> {
    // None that isn't UTF-8 is stored, and this stands for it.
    let text = std::str::from_utf8(identifier).unwrap_or_default();
    let look = |store: &mut Store| Ok(store.credential_to_verify(text)?.zip(Some(store.scopes()?)));
    session.begin_call();
    session.require_store()?;
    let found = session.read(|store| store.read_at_once(look))?;
    let now = session.now()?;
    let counts = |found: &Credential| found.identifier.as_bytes() == identifier && found.lifetime.counts(&now);
    let Some((credential, scopes)) = found.filter(|(found, _)| counts(found)) else {
        return Ok(None);
    };
    let known = sealing::reveal(session, &credential)?;
    let is_previous = credential.lifetime.previous.as_ref().is_some_and(|known| known.verifies(secret, &now));
    let valid = bool::from(known.reveal().as_bytes().ct_eq(secret)) | is_previous;
    if valid {
        session.note_use(credential.id, credential.last_used_at.as_deref());
    }
    Ok(valid.then(|| details(credential, &scopes)))
}

/// What the endpoints of an authorization server need to know of a credential that was verified.
fn details(credential: Credential, scopes: &ScopeTable) -> Fields {
    let details = credential.details;
    let redirect_uris = details.redirect_uri.split_ascii_whitespace().map(str::to_owned).collect();
    vec![
        ("credentialId", Value::Int(credential.id)),
        ("clientIdentifier", Value::Text(credential.identifier)),
        ("grantType", Value::Text(details.grant_type)),
        ("scope", Value::Texts(scopes.names(&credential.scopes).into_iter().map(str::to_owned).collect())),
        ("serviceId", Value::Int(details.service_id)),
        ("userId", Value::Int(details.user_id.parse().unwrap_or(0))),
        ("redirectUri", Value::Texts(redirect_uris)),
    ]
}
