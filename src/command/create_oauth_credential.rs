//! `CreateOAuthCredential`: issues a credential.

use super::{Command, log};
use crate::actor::Actor;
use crate::credential::{Described, GrantType, Scopes, Secret, Service, expiry, identifier};
use crate::error::{Error, Result};
use crate::reply::{Reply, Value};
use crate::request::{Request, later};
use crate::sealing;
use crate::session::Session;
use crate::store::{Details, Lifetime, RowId, Store, Verdict};

/// What is to be issued.
pub struct Create {
    grant_type: GrantType,
    /// Of single_sign_on.
    service_id: Option<String>,
    scopes: Scopes,
    described: Result<Described>,
    expires_at: Result<Option<String>>,
}

impl Create {
    /// Reads the parameters in the order in which the documentation lists their errors.
    pub fn read(request: &Request<'_>) -> Result<Self> {
        let grant_type = GrantType::parse(&request.required("grantType")?.ok_or(Error::GrantTypeRequired)?)?;
        let (name, service_id) = match grant_type {
            GrantType::AuthorizationCode => (Some(request.required("name")?.ok_or(Error::NameRequired)?), None),
            GrantType::SingleSignOn => (None, Some(Service::require(request.required("serviceId")?)?)),
        };
        let scopes = match request.text_or_list("scope") {
            Err(Error::NotAString(_)) => None,
            scopes => scopes?,
        };
        let scopes = Scopes::parse(scopes.as_ref())?;
        let described = scopes.check_count().and_then(|()| {
            let name = name.map_or_else(|| request.text_or_empty("name"), |name| Ok(Some(name)))?;
            Described::read(request, name, || request.text_or_empty("logoUri"))
        });
        let described = later(described)?;
        let expires_at = request.text_or_empty("expiresAt").and_then(|text| expiry::parse(&text.unwrap_or_default()));
        Ok(Self { grant_type, service_id, scopes, described, expires_at: later(expires_at)? })
    }

    /// The ids of the scopes, and the service.
    fn look(&self, store: &mut Store) -> Result<(Vec<i64>, Option<Service>)> {
        let table = store.scopes();
        let service = self.service_id.as_deref().map(|id| Service::find(id, store));
        Ok((self.scopes.ids(&*table?)?, service.transpose()?))
    }
}

impl Command for Create {
    fn writes(&self) -> bool {
        true
    }

    fn ask(&self, store: &mut Store) {
        let _ = self.look(store);
    }

    /// Stores the credential, its scopes and its line in the activity log in one transaction. Answers `credentialId`,
    /// `clientIdentifier` and `clientSecret`.
    fn apply<'a>(&self, session: &'a Session, actor: &Actor) -> Result<Reply<'a>> {
        let decision = session.decide(|store| self.look(store))?;
        let mut details = Details { grant_type: self.grant_type.as_str().to_owned(), ..Details::default() };
        self.described.clone()?.put_into(&mut details);
        let now = session.now()?;
        let expires_at = self.expires_at.clone()?;
        expiry::require_future(expires_at.as_deref(), &now)?;
        let secret = Secret::generate(session.random())?;
        let (row, identifier) = session.write(
            decision,
            |store, (scope_ids, service)| {
                Service::assign(*service, &mut details);
                let identifier = identifier::generate(session.identifier_prefix(), session.random())?;
                let sealed = sealing::seal(session, store, &identifier, &secret)?;
                let row = store.insert_credential(&identifier, &sealed, &details, &now)?;
                store.insert_scopes(row, scope_ids)?;
                if expires_at.is_some() {
                    let lifetime = Lifetime { expires_at: expires_at.clone(), ..Lifetime::default() };
                    store.set_lifetime(row, &lifetime)?;
                }
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
            RowId::New => session.read(|store| match store.id(row) {
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
}
