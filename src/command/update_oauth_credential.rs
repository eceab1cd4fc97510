//! `UpdateOAuthCredential`: changes what is passed and leaves the rest.

use super::{Command, log, log_http};
use crate::actor::Actor;
use crate::credential::{Described, GrantType, Scopes, Secret, Service, expiry, logo_uri};
use crate::error::{CredentialError, Result};
use crate::reply::{Reply, Value};
use crate::request::{Request, TextOrList, later};
use crate::rotation;
use crate::sealing;
use crate::session::Session;
use crate::store::{Credential, Previous, RowId, Store, Verdict};
use crate::text::{Quoted, is_blank, positive};
use crate::verifier;

/// What is passed, each with the fault that its rule tells. `None` is what isn't.
pub struct Update {
    named: Named,
    grant_type: Result<Option<GrantType>>,
    name: Result<Option<String>>,
    service_id: Result<Option<String>>,
    scopes: Result<Option<Scopes>>,
    described: Result<Described>,
    resets_secret: Result<bool>,
    /// For how many seconds the secret that is reset still verifies.
    overlap: Result<Option<u64>>,
    revokes_previous: Result<bool>,
    /// A blank one says that it never expires.
    expires_at: Result<Option<Option<String>>>,
    disabled: Result<Option<bool>>,
}

/// For how long a secret that was replaced may verify, in seconds: 30 days.
const LONGEST_OVERLAP: u64 = 2_592_000;

/// What names the credential.
enum Named {
    Id(i64),
    Identifier(String),
}

/// What becomes of a stored credential.
struct Change {
    before: Credential,
    credential: Credential,
    /// The new scopes, if any were passed.
    scopes: Option<Vec<i64>>,
    /// Whether anything but the secret was passed.
    edits: bool,
    resets_secret: bool,
    overlap: Option<u64>,
    /// Whether there is a previous secret that is to be revoked.
    revokes_previous: bool,
}

impl Update {
    /// Reads the parameters in the order in which their rules run.
    pub fn read(request: &Request<'_>) -> Result<Self> {
        let named = Named::read(request)?;
        let grant_type = later(request.text("grantType").and_then(|text| match text {
            Some(text) if is_blank(&text) => Err(CredentialError::GrantTypeRequired.into()),
            text => text.map(|text| GrantType::parse(&text)).transpose(),
        }))?;
        let name = later(request.text_or_empty("name"))?;
        let service_id = later(request.text("serviceId"))?;
        let scopes = request.text_or_list("scope");
        let scopes = later(scopes.and_then(|scopes| scopes.map(|scopes| Scopes::parse(Some(&scopes))).transpose()))?;
        let described = Described::read(request, name.clone().unwrap_or_default(), || logo_uri(request));
        let described = later(described)?;
        let resets_secret = later(request.flag("resetSecret"))?;
        let overlap = request.filled("overlap");
        let overlap = later(overlap.and_then(|text| text.map(|text| seconds(&text)).transpose()))?;
        let revokes_previous = later(request.flag("revokePreviousSecret"))?;
        let expires_at = request.text_or_empty("expiresAt");
        let expires_at = later(expires_at.and_then(|text| text.map(|text| expiry::parse(&text)).transpose()))?;
        let disabled = later(request.flag_if_any("disabled"))?;
        Ok(Self {
            named,
            grant_type,
            name,
            service_id,
            scopes,
            described,
            resets_secret,
            overlap,
            revokes_previous,
            expires_at,
            disabled,
        })
    }

    /// Checks only what is passed, and what a passed grant type newly needs.
    fn look(&self, store: &mut Store) -> Result<Change> {
        let (before, table) = (self.named.find(store), store.scopes());
        let passed_service = self.service_id.as_ref().ok().and_then(Option::as_ref);
        let service = passed_service.map(|id| Service::find(id, store));

        let before = before?;
        let mut credential = before.clone();
        let details = &mut credential.details;
        let grant_type = self.grant_type.clone()?;
        if let Some(grant_type) = grant_type {
            details.grant_type = grant_type.as_str().to_owned();
        }
        let single_sign_on = details.grant_type == GrantType::SingleSignOn.as_str();
        let nameless = match self.name.clone()? {
            Some(name) => name.is_empty(),
            None => grant_type.is_some() && is_blank(&details.name),
        };
        if nameless && !single_sign_on {
            return Err(CredentialError::NameRequired.into());
        }
        let service_id = self.service_id.clone()?.filter(|_| single_sign_on);
        if let Some(text) = &service_id {
            Service::require(Some(text.clone()).filter(|text| !is_blank(text)))?;
        } else if single_sign_on && grant_type.is_some() && details.service_id == 0 {
            return Err(CredentialError::ServiceRequired.into());
        }
        let scopes = self.scopes.clone()?;
        let table = table?;
        let scope_ids = scopes.as_ref().map(|scopes| scopes.ids(&table)).transpose()?;
        match service.filter(|_| service_id.is_some()) {
            Some(service) => Service::assign(Some(service?), details),
            None if grant_type.is_some() && !single_sign_on => Service::assign(None, details),
            None => {}
        }
        scopes.as_ref().map_or(Ok(()), Scopes::check_count)?;
        let described = self.described.clone()?.put_into(details);
        let resets_secret = self.resets_secret.clone()?;
        let overlap = self.overlap.clone()?;
        let revokes_previous = self.revokes_previous.clone()? && before.lifetime.previous.is_some();
        let (expires_at, disabled) = (self.expires_at.clone()?, self.disabled.clone()?);
        let edits = grant_type.is_some()
            || service_id.is_some()
            || scope_ids.is_some()
            || described
            || expires_at.is_some()
            || disabled.is_some();
        let lifetime = &mut credential.lifetime;
        if let Some(expires_at) = expires_at {
            lifetime.expires_at = expires_at;
        }
        lifetime.disabled = disabled.unwrap_or(lifetime.disabled);
        if resets_secret || revokes_previous {
            lifetime.previous = None;
        }
        Ok(Change { before, credential, scopes: scope_ids, edits, resets_secret, overlap, revokes_previous })
    }
}

impl Command for Update {
    fn writes(&self) -> bool {
        true
    }

    fn ask(&self, store: &mut Store) {
        let _ = self.look(store);
    }

    /// All of it is one transaction. Answers `credentialId`, and `newClientSecret` when the secret was reset: the old one
    /// is invalid at once, or from `previousSecretExpiresAt` on where an overlap was asked for.
    fn apply<'a>(&self, session: &'a Session, actor: &Actor) -> Result<Reply<'a>> {
        let decision = session.decide(|store| self.look(store))?;
        let Change { credential, edits, resets_secret, overlap, revokes_previous, .. } = &decision.made;
        let mut answer = vec![("credentialId", Value::Int(credential.id))];
        if !edits && !resets_secret && !revokes_previous {
            return Ok(Reply::from(answer));
        }
        let now = session.now()?;
        if let Ok(Some(expires_at)) = &self.expires_at {
            expiry::require_future(expires_at.as_deref(), &now)?;
        }
        let secret = if *resets_secret { Some(Secret::generate(session.random())?) } else { None };
        let previous_expires_at =
            overlap.filter(|_| *resets_secret).map(|seconds| session.after(seconds)).transpose()?;
        session.write(
            decision,
            |store, change| {
                let Change { before, credential, scopes, edits, revokes_previous, .. } = change;
                let row = RowId::Known(credential.id);
                let mut written = Credential { updated_at: now.clone(), ..credential.clone() };
                if *edits || *revokes_previous {
                    store.update_credential(credential.id, &credential.details, &now)?;
                }
                if *revokes_previous {
                    log(store, actor, row, &credential.details, "previous secret revoked", &now)?;
                }
                if *edits {
                    if let Some(scopes) = scopes {
                        store.delete_scopes(credential.id)?;
                        store.insert_scopes(row, scopes)?;
                        written.scopes.clone_from(scopes);
                    }
                    log(store, actor, row, &credential.details, "updated", &now)?;
                    log_http(store, actor, row, &credential.details, &now)?;
                }
                if let Some(secret) = &secret {
                    if let Some(expires_at) = previous_expires_at.clone() {
                        let verifier = verifier::of(sealing::reveal(session, before)?.reveal().as_bytes());
                        written.lifetime.previous = Some(Previous { verifier, expires_at });
                    }
                    written.secret = sealing::seal_anew(session, store, &credential.identifier, secret)?;
                    store.forget_secret(credential.id)?;
                    store.update_secret(credential.id, &written.secret, &now)?;
                    log(store, actor, row, &credential.details, "secret reset", &now)?;
                }
                if written.lifetime != before.lifetime {
                    store.set_lifetime(row, &written.lifetime)?;
                }
                Ok((before.clone(), written))
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
        rotation::reseal_late(session);
        if let Some(secret) = secret {
            answer.push(("newClientSecret", Value::Secret(secret.text())));
        }
        if let Some(expires_at) = previous_expires_at {
            answer.push(("previousSecretExpiresAt", Value::Text(expires_at)));
        }
        Ok(Reply::from(answer))
    }
}

impl Named {
    fn read(request: &Request<'_>) -> Result<Self> {
        let (id, identifier) = (request.required("credentialId")?, request.required("clientApiIdentifier")?);
        match (id, identifier) {
            (None, None) => Err(CredentialError::CredentialRequired.into()),
            // Clients send 0 for an id that they don't know.
            (None, Some(identifier)) => Ok(Self::Identifier(identifier)),
            (Some(id), Some(identifier)) if id == "0" => Ok(Self::Identifier(identifier)),
            (Some(id), _) => positive(&id).map(Self::Id).ok_or(CredentialError::CredentialInvalid.into()),
        }
    }

    fn find(&self, store: &Store) -> Result<Credential> {
        match self {
            Self::Id(id) => store.credential(*id)?.ok_or(CredentialError::CredentialInvalid.into()),
            Self::Identifier(identifier) => {
                store.credential_by_identifier(identifier)?.ok_or(CredentialError::IdentifierInvalid.into())
            }
        }
    }
}

/// Reads `overlap`.
fn seconds(text: &str) -> Result<u64> {
    let seconds = positive(text).and_then(|seconds| u64::try_from(seconds).ok());
    seconds
        .filter(|&seconds| seconds <= LONGEST_OVERLAP)
        .ok_or_else(|| CredentialError::OverlapInvalid(Quoted::from(text)).into())
}

/// `logoUri`, which may come as a list here: the documented types of the two URIs look swapped.
fn logo_uri(request: &Request<'_>) -> Result<Option<String>> {
    Ok(match request.text_or_list("logoUri")? {
        Some(TextOrList::List(list)) => Some(logo_uri::of_list(&list)?),
        Some(TextOrList::Text(text)) if is_blank(&text) => Some(String::new()),
        Some(TextOrList::Text(text)) => Some(text),
        None => None,
    })
}
