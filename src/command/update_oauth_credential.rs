//! `UpdateOAuthCredential`: changes what is passed and leaves the rest.

use super::{Command, log, stored};
use crate::actor::Actor;
use crate::api::Api;
use crate::credential::{GrantType, Scopes, Secret, Service, details, logo_uri};
use crate::error::{Error, Result};
use crate::reply::{Reply, Value};
use crate::request::{Request, TextOrList};
use crate::store::{Credential, RowId, Store, Verdict};
use crate::text::is_blank;

pub const COMMAND: Command =
    Command { name: "UpdateOAuthCredential", run, parameters: &PARAMETERS, writes: true, foresee };

/// What may be passed: what names the credential first, then the rest in the order in which it is read.
const PARAMETERS: [&str; 10] = [
    "credentialId",
    "clientApiIdentifier",
    "grantType",
    "name",
    "serviceId",
    "scope",
    "description",
    "logoUri",
    "redirectUri",
    "resetSecret",
];

fn foresee(request: &Request<'_>, store: &mut Store) {
    let _ = (credential(request, store), store.scopes());
    if let Ok(Some(id)) = request.filled("serviceId") {
        let _ = Service::find(&id, store);
    }
}

/// Checks only what is passed, and what a passed grant type newly needs. All of it is one transaction. Answers
/// `credentialId`, and `newClientSecret` when the secret was reset: the old one is invalid at once.
fn run<'a>(api: &'a Api, request: &Request<'_>, actor: &Actor) -> Result<Reply<'a>> {
    request.read_ahead(&["credentialId", "clientApiIdentifier"])?;
    api.read(|store| credential(request, store))?;
    request.read_ahead(&PARAMETERS)?;
    let decision = api.decide(|store| Change::plan(request, store))?;
    let mut answer = vec![("credentialId", Value::Int(decision.made.credential.id))];
    if decision.made.is_none() {
        return Ok(Reply::from(answer));
    }
    let secret = if decision.made.reset { Some(Secret::generate(api.random())?) } else { None };
    let now = api.now()?;
    api.write_proven(
        decision,
        |store, change| {
            let Change { credential, scopes, edited, .. } = change;
            let row = RowId::Known(credential.id);
            let mut written = Credential { updated_at: now.clone(), ..credential.clone() };
            if *edited {
                store.update_credential(credential.id, &credential.details, &now)?;
                if let Some(scopes) = scopes {
                    store.delete_scopes(credential.id)?;
                    store.insert_scopes(row, scopes)?;
                    written.scopes.clone_from(scopes);
                }
                log(store, actor, row, &credential.details, "updated", &now)?;
            }
            if let Some(secret) = &secret {
                written.secret = api.seal_anew(store, &credential.identifier, secret)?;
                store.update_secret(credential.id, &written.secret, &now)?;
                log(store, actor, row, &credential.details, "secret reset", &now)?;
            }
            Ok((change.before.clone(), written))
        },
        |(before, written)| {
            let (before, written) = (before.clone(), written.clone());
            Box::new(move |store| {
                Ok(match store.credential(written.id)? {
                    Some(found) if found.is_same(&written) => Verdict::Stored,
                    Some(found) if found.is_same(&before) => Verdict::Undone,
                    _ => Verdict::Unknown,
                })
            })
        },
    )?;
    if let Some(secret) = secret {
        answer.push(("newClientSecret", Value::Secret(secret.text())));
    }
    Ok(Reply::from(answer))
}

/// The credential that the request names.
fn credential(request: &Request<'_>, store: &Store) -> Result<Credential> {
    let (id, identifier) = (request.required("credentialId")?, request.required("clientApiIdentifier")?);
    match (id, identifier) {
        (None, None) => Err(Error::CredentialRequired),
        (Some(id), None) => stored(&id, store),
        // Clients send 0 for an id that they don't know.
        (Some(id), Some(_)) if id != "0" => stored(&id, store),
        (_, Some(identifier)) => store.credential_by_identifier(&identifier)?.ok_or(Error::IdentifierInvalid),
    }
}

/// What a request makes of a stored credential.
struct Change {
    before: Credential,
    credential: Credential,
    /// The new scopes, if any were passed.
    scopes: Option<Vec<i64>>,
    /// Whether anything but the secret was passed.
    edited: bool,
    reset: bool,
}

impl Change {
    fn plan(request: &Request<'_>, store: &mut Store) -> Result<Self> {
        let before = credential(request, store)?;
        let mut credential = before.clone();
        let details = &mut credential.details;
        let passed = request.text("grantType")?;
        if passed.as_deref().is_some_and(is_blank) {
            return Err(Error::GrantTypeRequired);
        }
        if let Some(text) = &passed {
            details.grant_type = GrantType::parse(text)?.as_str().to_owned();
        }
        let single_sign_on = details.grant_type == GrantType::SingleSignOn.as_str();
        let name = request.text_or_empty("name")?;
        let nameless = match &name {
            Some(name) => name.is_empty(),
            None => passed.is_some() && is_blank(&details.name),
        };
        if nameless && !single_sign_on {
            return Err(Error::NameRequired);
        }
        let service_id = request.text("serviceId")?.filter(|_| single_sign_on);
        if let Some(text) = &service_id {
            Service::require(Some(text.clone()).filter(|text| !is_blank(text)))?;
        } else if single_sign_on && passed.is_some() && details.service_id == 0 {
            return Err(Error::ServiceRequired);
        }
        let scopes = request.text_or_list("scope")?.map(|scopes| Scopes::parse(Some(&scopes))).transpose()?;
        let scope_ids = match &scopes {
            Some(scopes) => Some(scopes.ids(&*store.scopes()?)?),
            None => None,
        };
        match &service_id {
            Some(id) => Service::assign(Some(Service::find(id, store)?), details),
            None if passed.is_some() && !single_sign_on => Service::assign(None, details),
            None => {}
        }
        scopes.as_ref().map_or(Ok(()), Scopes::check_count)?;
        let described = details::read(request, details, || logo_uri(request))?;
        let edited = passed.is_some() || service_id.is_some() || scope_ids.is_some() || described;
        Ok(Self { before, credential, scopes: scope_ids, edited, reset: request.flag("resetSecret")? })
    }

    fn is_none(&self) -> bool {
        !self.edited && !self.reset
    }
}

/// `logoUri`, which may come as a list here: the documented types of the two URIs look swapped.
fn logo_uri(request: &Request<'_>) -> Result<Option<String>> {
    match request.text_or_list("logoUri")? {
        Some(TextOrList::List(list)) => logo_uri::of_list(&list).map(Some),
        Some(TextOrList::Text(_)) => request.text_or_empty("logoUri"),
        None => Ok(None),
    }
}
