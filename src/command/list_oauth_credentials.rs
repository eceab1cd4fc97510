//! `ListOAuthCredentials`: shows credentials, their secrets included unless they aren't asked for.

use std::rc::Rc;

use super::{Command, log_about};
use crate::actor::Actor;
use crate::clock;
use crate::credential::{GrantType, described, expiry};
use crate::error::{CredentialError, Error, Result};
use crate::reply::{self, Fields, Reply, Rows, Value};
use crate::request::Request;
use crate::sealing;
use crate::session::{MINUTE, Session};
use crate::store::{About, Credential, Filter, ScopeTable, Selection, SortField, Store, Verdict};
use crate::text::{Quoted, whole};
use crate::vault::{KeyRing, Opened};

/// How many credentials are read at once.
const BATCH: usize = 1_000;

/// Which credentials are asked for.
pub struct List {
    selection: Selection,
    /// Whether the secrets are shown.
    secrets: bool,
    /// Whether it's told how many credentials there are.
    total: bool,
}

impl List {
    /// Reads the parameters in the order in which their rules run.
    pub fn read(request: &Request<'_>) -> Result<Self> {
        let selection = selection(request)?;
        // A blank one hides them: it's what PHP makes of false.
        let secrets = request.flag_if_any("secrets")?.unwrap_or(true);
        Ok(Self { selection, secrets, total: request.flag("total")? })
    }

    fn look(&self, store: &mut Store) -> Result<(Vec<i64>, Option<i64>)> {
        // A copy that isn't finished shows nothing.
        store.scopes()?;
        let (ids, total) =
            (store.ids(&self.selection), self.total.then(|| store.count_filtered(&self.selection.filter)));
        Ok((ids?, total.transpose()?))
    }
}

impl Command for List {
    fn writes(&self) -> bool {
        false
    }

    fn ask(&self, store: &mut Store) {
        let _ = self.look(store);
    }

    /// Answers `clients`. The ids are read first and the rest in batches, so that nothing is open while the answer is
    /// built; a credential that is deleted meanwhile is left out.
    fn apply<'a>(&self, session: &'a Session, actor: &Actor) -> Result<Reply<'a>> {
        let (ids, total) = session.read(|store| self.look(store))?;
        let secrets = self.secrets && !actor.origin.as_ref().is_some_and(|origin| origin.hides_secrets);
        if actor.origin.is_some() && secrets && !ids.is_empty() {
            let actor = actor.clone();
            session.after_answer(move |session| log(session, &actor));
        }
        let rows = Clients { session, secrets, ids: ids.into_iter(), without_key: 0, damaged: 0 };
        let after = total.map(|total| ("totalResults", Value::Int(total))).into_iter().collect();
        Ok(Reply { fields: Vec::new(), list: Some(reply::List { key: "clients", rows: Box::new(rows), after }) })
    }
}

/// Writes that secrets were shown over HTTP, once a minute at most.
fn log(session: &Session, actor: &Actor) -> Result<()> {
    let kind = &match actor.credential() {
        Some(id) => format!("list by API credential {id}"),
        None => format!("list by admin {}", actor.id),
    };
    let (now, minute_ago) = (session.now()?, session.ago(MINUTE)?);
    let is_logged = |store: &Store| {
        let last = store.last_line(kind)?;
        Ok(minute_ago < last && last <= now)
    };
    if session.read(|store| is_logged(store))? {
        return Ok(());
    }
    let write = |store: &mut Store| {
        store.queue_for(kind)?;
        if is_logged(store)? {
            return Ok(());
        }
        store.set_last_line(kind, &now)?;
        log_about(store, actor, About::Everything, 0, &"OAuth credentials listed with their secrets", &now)
    };
    session.transaction(write, |()| Verdict::Undone.always())
}

fn selection(request: &Request<'_>) -> Result<Selection> {
    let grant_type = request.filled("grantType")?.map(|text| GrantType::parse(&text)).transpose()?;
    let sort_field = sort_field(request)?;
    let descending = descending(request)?;
    let limit = number(request, "limit", |text| CredentialError::LimitInvalid(text).into())?.filter(|&limit| limit > 0);
    let offset = number(request, "limitstart", |text| CredentialError::LimitStartInvalid(text).into())?.unwrap_or(0);
    let filter = Filter {
        grant_type: grant_type.map(GrantType::as_str),
        identifier: request.filled("clientIdentifier")?,
        service_id: number(request, "serviceId", |_| Error::Credential(CredentialError::ServiceInvalid))?,
        search: search(request)?,
        unused_since: request.filled("unusedSince")?.map(|text| unused_since(&text)).transpose()?,
    };
    Ok(Selection { filter, sort_field, descending, after: after(request, sort_field)?, limit, offset })
}

/// No name and no description holds what is refused here, and SQLite takes no pattern of any length.
fn search(request: &Request<'_>) -> Result<Option<String>> {
    let text = request.filled("search")?;
    text.as_deref().map_or(Ok(()), |text| described::check_description("search", text))?;
    Ok(text)
}

fn unused_since(text: &str) -> Result<String> {
    expiry::time(text).ok_or_else(|| CredentialError::UnusedSinceInvalid(Quoted::from(text), expiry::FORMS).into())
}

fn after(request: &Request<'_>, sort_field: SortField) -> Result<Option<i64>> {
    let Some(text) = request.filled("afterId")? else { return Ok(None) };
    let invalid = |reason| Error::Credential(CredentialError::AfterIdInvalid(Quoted::from(text.as_str()), reason));
    let id = whole(&text).ok_or_else(|| invalid("it is no whole number"))?;
    if sort_field == SortField::Id { Ok(Some(id)) } else { Err(invalid("the list is not sorted by credentialId")) }
}

fn sort_field(request: &Request<'_>) -> Result<SortField> {
    let Some(text) = request.filled("sortField")? else {
        return Ok(SortField::Id);
    };
    Ok(match text.as_str() {
        "id" | "credentialId" => SortField::Id,
        "name" => SortField::Name,
        "description" => SortField::Description,
        "grantType" | "grantTypes" => SortField::GrantType,
        "clientIdentifier" => SortField::Identifier,
        "serviceId" => SortField::ServiceId,
        "createdAt" => SortField::CreatedAt,
        "updatedAt" => SortField::UpdatedAt,
        "lastUsedAt" => SortField::LastUsedAt,
        _ => return Err(CredentialError::SortFieldInvalid(Quoted::from(text.as_str())).into()),
    })
}

fn descending(request: &Request<'_>) -> Result<bool> {
    match request.filled("sortOrder")? {
        Some(text) if text.eq_ignore_ascii_case("DESC") => Ok(true),
        Some(text) if !text.eq_ignore_ascii_case("ASC") => {
            Err(CredentialError::SortOrderInvalid(Quoted::from(text.as_str())).into())
        }
        _ => Ok(false),
    }
}

fn number(request: &Request<'_>, name: &'static str, invalid: fn(Quoted) -> Error) -> Result<Option<i64>> {
    let read = |text: String| whole(&text).ok_or_else(|| invalid(Quoted::from(text.as_str())));
    request.filled(name)?.map(read).transpose()
}

/// The elements of `clients`.
struct Clients<'a> {
    session: &'a Session,
    secrets: bool,
    ids: std::vec::IntoIter<i64>,
    without_key: usize,
    damaged: usize,
}

impl Rows for Clients<'_> {
    fn next_batch(&mut self) -> Result<Vec<Fields>> {
        loop {
            let ids: Vec<i64> = self.ids.by_ref().take(BATCH).collect();
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            let (mut found, scopes) = self
                .session
                .read(|store| store.read_at_once(|store| Ok((store.credentials(&ids)?, store.scopes()?))))?;
            // The order of the ids is the order that was asked for.
            let place = |id| found.binary_search_by_key(&id, |credential: &Credential| credential.id).ok();
            let order: Vec<usize> = ids.iter().filter_map(|&id| place(id)).collect();
            let mut keys = None;
            let mut batch = Vec::with_capacity(order.len());
            for place in order {
                if let Some(credential) = found.get_mut(place).map(std::mem::take) {
                    batch.push(self.fields(credential, &scopes, &mut keys)?);
                }
            }
            if !batch.is_empty() {
                return Ok(batch);
            }
        }
    }

    fn message(&self) -> Option<String> {
        let without_key = match self.without_key {
            0 => None,
            1 => Some("1 client secret cannot be read: the key file lacks its key.".to_owned()),
            many => Some(format!("{many} client secrets cannot be read: the key file lacks their keys.")),
        };
        let damaged = match self.damaged {
            0 => None,
            1 => Some("1 client secret cannot be read: it is damaged.".to_owned()),
            many => Some(format!("{many} client secrets cannot be read: they are damaged.")),
        };
        let sentences: Vec<String> = without_key.into_iter().chain(damaged).collect();
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }
}

impl Clients<'_> {
    fn open(&mut self, credential: &Credential, keys: &mut Option<Rc<KeyRing>>) -> Result<Value> {
        let unreadable = match sealing::open(self.session, credential, keys)? {
            Opened::Secret(secret) => return Ok(Value::Secret(secret.text())),
            Opened::KeyMissing(_) => &mut self.without_key,
            Opened::Damaged => &mut self.damaged,
        };
        *unreadable += 1;
        Ok(Value::Null)
    }

    fn fields(
        &mut self,
        credential: Credential,
        scopes: &ScopeTable,
        keys: &mut Option<Rc<KeyRing>>,
    ) -> Result<Fields> {
        let secret = if self.secrets { self.open(&credential, keys)? } else { Value::Null };
        let details = credential.details;
        let redirect_uris = details.redirect_uri.split(' ').filter(|uri| !uri.is_empty()).map(str::to_owned).collect();
        let time = |text: &str| clock::parse(text).map_or(Value::Null, Value::Time);
        Ok(vec![
            ("credentialId", Value::Int(credential.id)),
            ("name", Value::Text(details.name)),
            ("description", Value::Text(details.description)),
            ("grantTypes", Value::Text(details.grant_type)),
            ("scope", Value::Text(scopes.names(&credential.scopes).join(" "))),
            ("clientIdentifier", Value::Text(credential.identifier)),
            ("clientSecret", secret),
            ("uuid", Value::Null),
            ("serviceId", Value::Int(details.service_id)),
            ("logoUri", Value::Text(details.logo_uri)),
            ("redirectUri", Value::Texts(redirect_uris)),
            ("rsaKeyPairId", Value::Int(0)),
            ("createdAt", time(&credential.created_at)),
            ("updatedAt", time(&credential.updated_at)),
            ("expiresAt", credential.lifetime.expires_at.map_or(Value::Null, Value::Text)),
            ("disabled", Value::Bool(credential.lifetime.disabled)),
            ("lastUsedAt", credential.last_used_at.map_or(Value::Null, Value::Text)),
        ])
    }
}
