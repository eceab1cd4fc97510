//! `DeleteOAuthCredential`: takes a credential away for good.

use super::{log, stored};
use crate::actor::Actor;
use crate::api::Api;
use crate::error::{Error, Result};
use crate::reply::{Reply, Value};
use crate::request::Request;
use crate::store::RowId;

/// Deletes the credential and its scope rows in one transaction. Its id is never given again. Answers `credentialId`.
pub fn run<'a>(api: &'a Api, request: &Request<'_>, actor: &Actor) -> Result<Reply<'a>> {
    let id = request.filled("credentialId")?.ok_or(Error::CredentialInvalid)?;
    let decision = api.decide(|store| stored(&id, store))?;
    let now = api.now()?;
    let id = api.write(decision, |store, credential| {
        store.delete_credential(credential.id)?;
        log(store, actor, RowId::Known(credential.id), &credential.details, "deleted", &now)?;
        Ok(credential.id)
    })?;
    Ok(Reply::from(vec![("credentialId", Value::Int(id))]))
}
