//! What the endpoints of an authorization server ask: whether a client is who it says it is, and what it may do.

use std::rc::Rc;

use constant_time_eq::constant_time_eq;

use crate::error::Result;
use crate::reply::{Fields, Value};
use crate::sealing;
use crate::session::Session;
use crate::store::{Credential, Scope, ScopeTable, Store};

/// Whether this secret belongs to this identifier, and what a token endpoint needs to know then. The time it takes
/// doesn't depend on how much of the secret is right. An identifier is no secret: it has 128 random bits.
pub fn verify(session: &Session, identifier: &[u8], secret: &[u8]) -> Result<Option<Fields>> {
    let Some((credential, scopes)) = look_up(session, identifier)? else { return Ok(None) };
    let now = session.now()?;
    if !credential.lifetime.counts(&now) {
        return Ok(None);
    }
    let known = sealing::reveal(session, &credential)?;
    let is_previous = credential.lifetime.previous.as_ref().is_some_and(|known| known.verifies(secret, &now));
    let valid = constant_time_eq(known.reveal().as_bytes(), secret) | is_previous;
    if !valid {
        return Ok(None);
    }
    session.note_use(credential.id, credential.last_used_at.as_deref());
    let scope = scopes.names(&credential.scopes).into_iter().map(str::to_owned).collect();
    let details = &credential.details;
    Ok(Some(vec![
        ("credentialId", Value::Int(credential.id)),
        ("clientIdentifier", Value::Text(credential.identifier.clone())),
        ("grantType", Value::Text(details.grant_type.clone())),
        ("scope", Value::Texts(scope)),
        ("serviceId", Value::Int(details.service_id)),
        ("userId", Value::Int(details.user_id.parse().unwrap_or(0))),
        ("redirectUri", redirect_uris(&credential)),
        ("name", Value::Text(details.name.clone())),
        ("description", Value::Text(details.description.clone())),
        ("logoUri", Value::Text(details.logo_uri.clone())),
        ("expiresAt", expires_at(&credential)),
        ("disabled", Value::Bool(credential.lifetime.disabled)),
    ]))
}

/// What an authorization endpoint and its consent screen need to know of the credential with this identifier. No secret
/// is unsealed.
pub fn find(session: &Session, identifier: &[u8]) -> Result<Option<Fields>> {
    let found = look_up(session, identifier)?;
    Ok(found.map(|(credential, scopes)| {
        let described = |scope: &Scope| (scope.name.clone(), scope.description.clone());
        let scope = scopes.scopes(&credential.scopes).map(described).collect();
        let details = &credential.details;
        vec![
            ("credentialId", Value::Int(credential.id)),
            ("name", Value::Text(details.name.clone())),
            ("description", Value::Text(details.description.clone())),
            ("logoUri", Value::Text(details.logo_uri.clone())),
            ("grantType", Value::Text(details.grant_type.clone())),
            ("scope", Value::Map(scope)),
            ("redirectUri", redirect_uris(&credential)),
            ("serviceId", Value::Int(details.service_id)),
            ("userId", Value::Int(details.user_id.parse().unwrap_or(0))),
            ("expiresAt", expires_at(&credential)),
            ("disabled", Value::Bool(credential.lifetime.disabled)),
        ]
    }))
}

/// The credential with this identifier, byte for byte, and the scopes there are.
fn look_up(session: &Session, identifier: &[u8]) -> Result<Option<(Rc<Credential>, Rc<ScopeTable>)>> {
    // None that isn't UTF-8 is stored, and this stands for it.
    let text = std::str::from_utf8(identifier).unwrap_or_default();
    let look = |store: &mut Store| Ok(store.credential_to_read(text)?.zip(Some(store.scopes()?)));
    session.begin_reading();
    session.require_store()?;
    let found = session.read(|store| store.read_at_once(look))?;
    Ok(found.filter(|(found, _)| found.identifier.as_bytes() == identifier))
}

fn expires_at(credential: &Credential) -> Value {
    credential.lifetime.expires_at.clone().map_or(Value::Null, Value::Text)
}

fn redirect_uris(credential: &Credential) -> Value {
    Value::Texts(credential.details.redirect_uri.split_ascii_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command;
    use crate::request::Request;
    use crate::request::fixture::Given;
    use crate::rotation;
    use crate::settings::{Dsn, Settings};

    fn answer(session: &Session, command: &str, given: &Given) -> Fields {
        command::answer(session, &Request::new(command.as_bytes(), given, None)).unwrap().fields
    }

    fn text(fields: &Fields, name: &str) -> String {
        match fields.iter().find(|(known, _)| *known == name) {
            Some((_, Value::Text(text))) => text.clone(),
            Some((_, Value::Secret(secret))) => secret.reveal().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_was_verified_before_is_seen_as_it_is_whoever_has_changed_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = || Session::new(Settings { dsn: Dsn::File(folder.path().join("a.sqlite")), ..Settings::default() });
        let memory = || Session::new(Settings { dsn: Dsn::Memory, ..Settings::default() });
        // Another process of a file, the same connection, and a store in memory.
        for (session, other) in [(file(), Some(file())), (file(), None), (memory(), None)] {
            let other = other.as_ref().unwrap_or(&session);
            let given =
                Given::default().with("grantType", "authorization_code").with("name", "A").with("scope", "openid");
            let made = answer(&session, "CreateOAuthCredential", &given);
            let (identifier, mut secret) = (text(&made, "clientIdentifier"), text(&made, "clientSecret"));
            let verified = |secret: &str| verify(&session, identifier.as_bytes(), secret.as_bytes()).unwrap();
            let change = |command: &str, name: &str, value: &str| {
                let given = Given::default().with("clientApiIdentifier", &identifier).with(name, value);
                answer(other, command, &given)
            };
            for _ in 0..3 {
                assert!(verified(&secret).is_some() && verified(&secret).is_some() && verified("other").is_none());
                let reset = change("UpdateOAuthCredential", "resetSecret", "1");
                assert!(verified(&secret).is_none());
                secret = text(&reset, "newClientSecret");
                assert!(verified(&secret).is_some());
                assert_eq!(rotation::rotate(other, || true).unwrap(), 1);
                assert!(verified(&secret).is_some());
                change("UpdateOAuthCredential", "scope", "profile");
                let found = verified(&secret).unwrap();
                assert!(found.iter().any(|(_, value)| *value == Value::Texts(vec!["profile".to_owned()])));
                change("UpdateOAuthCredential", "scope", "openid");
            }
            let Some((_, Value::Int(id))) = made.first() else { panic!("no id") };
            answer(other, "DeleteOAuthCredential", &Given::default().with("credentialId", id.to_string()));
            assert!(verified(&secret).is_none());
        }
    }
}
