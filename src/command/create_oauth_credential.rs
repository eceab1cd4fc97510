//! `CreateOAuthCredential`: issues a credential.

use super::{Command, log, log_http};
use crate::actor::Actor;
use crate::credential::{Described, GrantType, Idempotency, Scopes, Secret, Service, expiry, identifier};
use crate::error::{CredentialError, Error, RequestError, Result};
use crate::reply::{Reply, Value};
use crate::request::{Request, later};
use crate::rotation;
use crate::sealing;
use crate::secret_text::SecretText;
use crate::session::Session;
use crate::store::{Credential, Details, Lifetime, RowId, Store, Verdict};

/// What is to be issued.
pub struct Create {
    grant_type: GrantType,
    /// Of single_sign_on.
    service_id: Option<String>,
    scopes: Scopes,
    described: Result<Described>,
    expires_at: Result<Option<String>>,
    idempotency: Result<Option<Idempotency>>,
}

/// For how long a request that may be made again is remembered, in seconds.
const DAY: u64 = 86_400;

/// What is to be done.
enum Decided {
    /// A credential with these scopes is created.
    New(Vec<i64>),
    /// This one is answered again.
    Known(Box<Credential>),
}

/// What was done.
enum Done {
    New(RowId, String),
    Known(Box<Credential>),
}

impl Create {
    /// Reads the parameters in the order in which the documentation lists their errors.
    pub fn read(request: &Request<'_>) -> Result<Self> {
        let grant_type = GrantType::parse(&request.required("grantType")?.ok_or(CredentialError::GrantTypeRequired)?)?;
        let (name, service_id) = match grant_type {
            GrantType::AuthorizationCode => {
                (Some(request.required("name")?.ok_or(CredentialError::NameRequired)?), None)
            }
            GrantType::SingleSignOn => (None, Some(Service::require(request.required("serviceId")?)?)),
        };
        let scopes = match request.text_or_list("scope") {
            Err(Error::Request(RequestError::NotAString(_))) => None,
            scopes => scopes?,
        };
        let scopes = Scopes::parse(scopes.as_ref())?;
        let described = scopes.check_count().and_then(|()| {
            let name = name.map_or_else(|| request.text_or_empty("name"), |name| Ok(Some(name)))?;
            Described::read(request, name, || request.text_or_empty("logoUri"))
        });
        let described = later(described)?;
        let expires_at = request.text_or_empty("expiresAt").and_then(|text| expiry::parse(&text.unwrap_or_default()));
        let expires_at = later(expires_at)?;
        let mut create = Self { grant_type, service_id, scopes, described, expires_at, idempotency: Ok(None) };
        let key = request.text("idempotencyKey");
        create.idempotency = later(key.and_then(|key| key.map(|key| create.may_be_made_again(key)).transpose()))?;
        Ok(create)
    }

    fn may_be_made_again(&self, key: String) -> Result<Idempotency> {
        let scopes = self.scopes.text();
        let described = self.described.as_ref().map(Described::parts).unwrap_or_default();
        let expires_at = self.expires_at.as_ref().map(Option::as_deref).unwrap_or_default();
        let asked = [
            &[self.grant_type.as_str(), self.service_id.as_deref().unwrap_or_default(), &scopes][..],
            &described,
            &[expires_at.unwrap_or_default()],
        ];
        Idempotency::parse(key, &asked.concat())
    }

    /// The credential that the same request has created before.
    fn recall(&self, store: &Store, actor: &Actor, since: &str) -> Result<Option<Credential>> {
        let Ok(Some(idempotency)) = &self.idempotency else { return Ok(None) };
        let Some(known) = store.remembered(&idempotency.key_of(actor), since)? else { return Ok(None) };
        if known.request != idempotency.request {
            return Err(CredentialError::IdempotencyKeyUsed.into());
        }
        let credential = store.credential(known.credential)?.ok_or(CredentialError::CreatedIsDeleted)?;
        if known.reset { Err(CredentialError::CreatedIsReset.into()) } else { Ok(Some(credential)) }
    }

    /// What is checked after the service.
    fn rest(&self, now: &str) -> Result<(Described, Option<String>, Option<Idempotency>)> {
        let described = self.described.clone()?;
        let expires_at = self.expires_at.clone()?;
        expiry::require_future(expires_at.as_deref(), now)?;
        Ok((described, expires_at, self.idempotency.clone()?))
    }

    fn scope_ids(&self, store: &mut Store) -> Result<Vec<i64>> {
        self.scopes.ids(&*store.scopes()?)
    }

    fn service(&self, store: &mut Store) -> Result<Option<Service>> {
        self.service_id.as_deref().map(|id| Service::find(id, store)).transpose()
    }
}

impl Command for Create {
    fn writes(&self) -> bool {
        true
    }

    fn ask(&self, store: &mut Store) {
        let _ = self.scope_ids(store);
        let _ = self.service(store);
    }

    /// Stores the credential, its scopes and its line in the activity log in one transaction. Answers `credentialId`,
    /// `clientIdentifier` and `clientSecret`; the same again where the same request has created one before.
    fn apply<'a>(&self, session: &'a Session, actor: &Actor) -> Result<Reply<'a>> {
        let since = match &self.idempotency {
            Ok(Some(_)) => session.ago(DAY)?,
            _ => String::new(),
        };
        let decision = session.decide(|store| match self.recall(store, actor, &since)? {
            Some(credential) => Ok(Decided::Known(Box::new(credential))),
            None => self.scope_ids(store).map(Decided::New),
        })?;
        if let Decided::Known(credential) = &decision.made {
            session.read(|store| store.make_last())?;
            return again(session, credential);
        }
        let mut details = Details { grant_type: self.grant_type.as_str().to_owned(), ..Details::default() };
        let now = session.now()?;
        let (described, expires_at, idempotency) = match self.rest(&now) {
            Ok(rest) => rest,
            // A fault of the service comes before.
            Err(fault) => return session.read(|store| self.service(store)).and(Err(fault)),
        };
        described.put_into(&mut details);
        let secret = Secret::generate(session.random())?;
        let done = session.write(
            decision,
            |store, decided| {
                let scope_ids = match decided {
                    Decided::New(scope_ids) => scope_ids,
                    Decided::Known(credential) => return Ok(Done::Known(credential.clone())),
                };
                // Looked for here it costs no locks of its own.
                let service = self.service(store)?;
                Service::assign(service, &mut details);
                let identifier = identifier::generate(session.identifier_prefix(), session.random())?;
                let sealed = sealing::seal(session, store, &identifier, &secret)?;
                let row = store.insert_credential(&identifier, &sealed, &details, &now)?;
                store.insert_scopes(row, scope_ids)?;
                if expires_at.is_some() {
                    let lifetime = Lifetime { expires_at: expires_at.clone(), ..Lifetime::default() };
                    store.set_lifetime(row, &lifetime)?;
                }
                if let Some(idempotency) = &idempotency {
                    store.remember(&idempotency.key_of(actor), &idempotency.request, row, &now, &since)?;
                }
                match service {
                    Some(service) => {
                        let what = format_args!("created ({}, service {})", details.grant_type, service.id);
                        log(store, actor, row, &details, what, &now)?;
                    }
                    None => log(store, actor, row, &details, format_args!("created ({})", details.grant_type), &now)?,
                }
                log_http(store, actor, row, &details, &now)?;
                Ok(Done::New(row, identifier))
            },
            |done| {
                let Done::New(_, identifier) = done else { return Verdict::Stored.always() };
                let identifier = identifier.clone();
                Box::new(move |store| Ok(Verdict::stored_if(store.credential_by_identifier(&identifier)?.is_some())))
            },
        )?;
        rotation::reseal_late(session);
        let (row, identifier) = match done {
            Done::New(row, identifier) => (row, identifier),
            Done::Known(credential) => return again(session, &credential),
        };
        let id = match row {
            RowId::Known(id) => id,
            RowId::New => session.read(|store| match store.id(row) {
                Some(id) => Ok(id),
                None => Ok(store.credential_by_identifier(&identifier)?.ok_or(CredentialError::IdentifierInvalid)?.id),
            })?,
        };
        Ok(reply(id, identifier, secret.text()))
    }
}

/// Answers what was answered when this one was created.
fn again<'a>(session: &Session, credential: &Credential) -> Result<Reply<'a>> {
    let secret = sealing::reveal(session, credential)?;
    Ok(reply(credential.id, credential.identifier.clone(), secret))
}

fn reply<'a>(id: i64, identifier: String, secret: SecretText) -> Reply<'a> {
    Reply::from(vec![
        ("credentialId", Value::Int(id)),
        ("clientIdentifier", Value::Text(identifier)),
        ("clientSecret", Value::Secret(secret)),
    ])
}
