//! `DeleteOAuthCredential`: takes a credential away for good.

use super::{Command, log, stored};
use crate::actor::Actor;
use crate::api::Api;
use crate::error::{Error, Result};
use crate::reply::{Reply, Value};
use crate::request::Request;
use crate::store::{RowId, Store, Verdict};

pub const COMMAND: Command =
    Command { name: "DeleteOAuthCredential", run, parameters: &["credentialId"], writes: true, foresee };

fn foresee(request: &Request<'_>, store: &mut Store) {
    let _ = store.scopes();
    if let Ok(Some(id)) = request.required("credentialId") {
        let _ = stored(&id, store);
    }
}

/// Deletes the credential and its scope rows in one transaction. Its id is never given again. Answers `credentialId`.
fn run<'a>(api: &'a Api, request: &Request<'_>, actor: &Actor) -> Result<Reply<'a>> {
    let id = request.required("credentialId")?.ok_or(Error::CredentialInvalid)?;
    let decision = api.decide(|store| stored(&id, store))?;
    let now = api.now()?;
    let id = api.write_proven(
        decision,
        |store, credential| {
            store.delete_credential(credential.id)?;
            log(store, actor, RowId::Known(credential.id), &credential.details, "deleted", &now)?;
            Ok(credential.id)
        },
        |&id| Box::new(move |store| Ok(Verdict::stored_if(store.credential(id)?.is_none()))),
    )?;
    Ok(Reply::from(vec![("credentialId", Value::Int(id))]))
}
