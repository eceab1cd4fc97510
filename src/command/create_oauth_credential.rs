//! `CreateOAuthCredential`: issues a credential.

use super::{Command, log};
use crate::actor::Actor;
use crate::api::Api;
use crate::credential::{GrantType, Scopes, Secret, Service, details, identifier};
use crate::error::{Error, Result};
use crate::reply::{Reply, Value};
use crate::request::Request;
use crate::store::{Details, RowId, Store, Verdict};

pub const COMMAND: Command = Command {
    name: "CreateOAuthCredential",
    run,
    parameters: &["grantType", "scope", "name", "serviceId", "description", "logoUri", "redirectUri"],
    writes: true,
    foresee,
};

fn foresee(request: &Request<'_>, store: &mut Store) {
    let _ = store.scopes();
    if let Ok(Some(id)) = request.required("serviceId") {
        let _ = Service::find(&id, store);
    }
}

/// Checks the request in the documented order, then stores the credential, its scopes and its line in the activity log
/// in one transaction. Answers `credentialId`, `clientIdentifier` and `clientSecret`.
fn run<'a>(api: &'a Api, request: &Request<'_>, actor: &Actor) -> Result<Reply<'a>> {
    let grant_type = GrantType::parse(&request.required("grantType")?.ok_or(Error::GrantTypeRequired)?)?;
    let service_id = match grant_type {
        GrantType::AuthorizationCode => {
            request.read_ahead(&["name"])?;
            request.required("name")?.ok_or(Error::NameRequired)?;
            None
        }
        GrantType::SingleSignOn => Some(Service::require(request.required("serviceId")?)?),
    };
    let scopes = match request.text_or_list("scope") {
        Err(Error::NotAString(_)) => None,
        scopes => scopes?,
    };
    let scopes = Scopes::parse(scopes.as_ref())?;
    let decision = api.decide(|store| {
        let scope_ids = scopes.ids(&*store.scopes()?)?;
        let service = service_id.as_deref().map(|id| Service::find(id, store)).transpose()?;
        Ok((scope_ids, service))
    })?;
    scopes.check_count()?;
    let mut details = Details { grant_type: grant_type.as_str().to_owned(), ..Details::default() };
    details::read(request, &mut details, || request.text_or_empty("logoUri"))?;

    let now = api.now()?;
    let secret = Secret::generate(api.random())?;
    let (row, identifier) = api.write_proven(
        decision,
        |store, (scope_ids, service)| {
            Service::assign(*service, &mut details);
            let identifier = identifier::generate(api.identifier_prefix(), api.random())?;
            let sealed = api.seal(store, &identifier, &secret)?;
            let row = store.insert_credential(&identifier, &sealed, &details, &now)?;
            store.insert_scopes(row, scope_ids)?;
            match service {
                Some(service) => {
                    let what = format_args!("created ({}, service {})", details.grant_type, service.id);
                    log(store, actor, row, &details, what, &now)?;
                }
                None => log(store, actor, row, &details, format_args!("created ({})", details.grant_type), &now)?,
            }
            Ok((row, identifier))
        },
        |(_, identifier)| {
            let identifier = identifier.clone();
            Box::new(move |store| Ok(Verdict::stored_if(store.credential_by_identifier(&identifier)?.is_some())))
        },
    )?;
    let id = match row {
        RowId::Known(id) => id,
        RowId::New => api.read(|store| match store.id(row) {
            Some(id) => Ok(id),
            None => Ok(store.credential_by_identifier(&identifier)?.ok_or(Error::IdentifierInvalid)?.id),
        })?,
    };
    Ok(Reply::from(vec![
        ("credentialId", Value::Int(id)),
        ("clientIdentifier", Value::Text(identifier)),
        ("clientSecret", Value::Secret(secret.text())),
    ]))
}
