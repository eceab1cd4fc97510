//! `CreateOAuthCredential`: issues a credential.

use crate::actor::Actor;
use crate::api::Api;
use crate::credential::{GrantType, Scopes, Secret, Service, identifier, logo_uri, redirect_uri, text};
use crate::error::{Error, Result};
use crate::reply::{Reply, Value};
use crate::request::Request;
use crate::store::{LogLine, NewCredential, Store};

/// How often an identifier may turn out to be taken. Sixteen random bytes never are; seeded ones can be.
const ATTEMPTS: usize = 8;

/// Checks the request in the documented order, then stores the credential, its scopes and its line in the activity log
/// in one transaction. Answers `credentialId`, `clientIdentifier` and `clientSecret`.
pub fn run<'a>(api: &'a Api, request: &Request<'_>, actor: &Actor) -> Result<Reply<'a>> {
    let grant_type = GrantType::parse(&request.filled("grantType")?.ok_or(Error::GrantTypeRequired)?)?;
    let (name, service_id) = match grant_type {
        GrantType::AuthorizationCode => (Some(request.filled("name")?.ok_or(Error::NameRequired)?), None),
        GrantType::SingleSignOn => (None, Some(Service::require(request.filled("serviceId")?)?)),
    };
    let scopes = Scopes::parse(request.text("scope")?.as_deref())?;
    let decision = api.decide(|store| {
        let scope_ids = scopes.ids(&*store.scopes()?)?;
        let service = service_id.as_deref().map(|id| Service::find(id, store)).transpose()?;
        Ok((scope_ids, service))
    })?;
    scopes.check_count()?;
    let name = match name {
        Some(name) => name,
        None => request.filled("name")?.unwrap_or_default(),
    };
    text::check_name(&name)?;
    let description = request.filled("description")?.unwrap_or_default();
    text::check_description(&description)?;
    let logo_uri = request.filled("logoUri")?.unwrap_or_default();
    logo_uri::check(&logo_uri)?;
    let redirect_uri = match request.text_or_list("redirectUri")? {
        Some(input) => redirect_uri::parse(&input)?,
        None => String::new(),
    };

    let now = api.now()?;
    let secret = Secret::generate(api.random())?;
    let (id, identifier) = api.write(decision, |store, (scope_ids, service)| {
        let user_id = service.map(|service| service.owner.to_string()).unwrap_or_default();
        let service_id = service.map_or(0, |service| service.id);
        let new = NewCredential {
            redirect_uri: &redirect_uri,
            grant_type: grant_type.as_str(),
            user_id: &user_id,
            service_id,
            name: &name,
            description: &description,
            logo_uri: &logo_uri,
            now: &now,
        };
        let (id, identifier) = insert(api, store, &secret, &new)?;
        store.insert_scopes(id, &scope_ids)?;
        let grant = grant_type.as_str();
        let what = match service {
            Some(service) => format!("OAuth credential {id} created ({grant}, service {})", service.id),
            None => format!("OAuth credential {id} created ({grant})"),
        };
        let client = service.map_or(0, |service| service.owner);
        store.log(&LogLine { date: &now, description: &what, user: &actor.user, client, admin: actor.id })?;
        Ok((id, identifier))
    })?;
    Ok(Reply::from(vec![
        ("credentialId", Value::Int(id)),
        ("clientIdentifier", Value::Text(identifier)),
        ("clientSecret", Value::Secret(secret.text())),
    ]))
}

/// Inserts the row under an identifier that is free.
fn insert(api: &Api, store: &mut Store, secret: &Secret, new: &NewCredential<'_>) -> Result<(i64, String)> {
    for _ in 0..ATTEMPTS {
        let identifier = identifier::generate(api.identifier_prefix(), api.random())?;
        let sealed = api.seal(store, &identifier, secret)?;
        if let Some(id) = store.insert_credential(&identifier, &sealed, new)? {
            return Ok((id, identifier));
        }
    }
    Err(Error::NoRandomness)
}
