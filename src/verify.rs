//! What the endpoints of an authorization server ask: whether a client is who it says it is, and what it may do.

use std::rc::Rc;

use subtle::ConstantTimeEq as _;

use crate::error::{Error, Result};
use crate::reply::{Fields, Value};
use crate::sealing;
use crate::session::Session;
use crate::store::{Credential, Scope, ScopeTable, Store};
use crate::vault::Opened;

/// Whether this secret belongs to this identifier, and what a token endpoint needs to know then. The time it takes
/// doesn't depend on how much of the secret is right. An identifier is no secret: it has 128 random bits.
pub fn verify(session: &Session, identifier: &[u8], secret: &[u8]) -> Result<Option<Fields>> {
    let Some((credential, scopes)) = look_up(session, identifier)? else {
        return Ok(None);
    };
    let valid: bool = match sealing::open(session, &credential, &mut None)? {
        Opened::Secret(known) => known.text().reveal().as_bytes().ct_eq(secret).into(),
        Opened::Damaged => return Err(Error::SecretDamaged(credential.id)),
        Opened::KeyMissing(id) => return Err(session.vault()?.foreign(&id)),
    };
    Ok(valid.then(|| {
        let scope = scopes.names(&credential.scopes).into_iter().map(str::to_owned).collect();
        let redirect_uri = redirect_uris(&credential);
        let details = credential.details;
        vec![
            ("credentialId", Value::Int(credential.id)),
            ("clientIdentifier", Value::Text(credential.identifier)),
            ("grantType", Value::Text(details.grant_type)),
            ("scope", Value::Texts(scope)),
            ("serviceId", Value::Int(details.service_id)),
            ("userId", Value::Int(details.user_id.parse().unwrap_or(0))),
            ("redirectUri", redirect_uri),
            ("name", Value::Text(details.name)),
            ("description", Value::Text(details.description)),
            ("logoUri", Value::Text(details.logo_uri)),
        ]
    }))
}

/// What an authorization endpoint and its consent screen need to know of the credential with this identifier. No secret
/// is unsealed.
pub fn find(session: &Session, identifier: &[u8]) -> Result<Option<Fields>> {
    let found = look_up(session, identifier)?;
    Ok(found.map(|(credential, scopes)| {
        let described = |scope: &Scope| (scope.name.clone(), scope.description.clone());
        let scope = scopes.scopes(&credential.scopes).map(described).collect();
        let redirect_uri = redirect_uris(&credential);
        let details = credential.details;
        vec![
            ("credentialId", Value::Int(credential.id)),
            ("name", Value::Text(details.name)),
            ("description", Value::Text(details.description)),
            ("logoUri", Value::Text(details.logo_uri)),
            ("grantType", Value::Text(details.grant_type)),
            ("scope", Value::Map(scope)),
            ("redirectUri", redirect_uri),
            ("serviceId", Value::Int(details.service_id)),
            ("userId", Value::Int(details.user_id.parse().unwrap_or(0))),
        ]
    }))
}

/// The credential with this identifier, byte for byte, and the scopes there are.
fn look_up(session: &Session, identifier: &[u8]) -> Result<Option<(Credential, Rc<ScopeTable>)>> {
    // None that isn't UTF-8 is stored, and this stands for it.
    let text = std::str::from_utf8(identifier).unwrap_or_default();
    let look = |store: &mut Store| Ok(store.credential_to_read(text)?.zip(Some(store.scopes()?)));
    session.begin_call();
    session.require_store()?;
    let found = session.read(|store| store.read_at_once(look))?;
    Ok(found.filter(|(found, _)| found.identifier.as_bytes() == identifier))
}

fn redirect_uris(credential: &Credential) -> Value {
    Value::Texts(credential.details.redirect_uri.split_ascii_whitespace().map(str::to_owned).collect())
}
