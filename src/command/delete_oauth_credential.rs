//! `DeleteOAuthCredential`: takes a credential away for good.

use super::{Command, log};
use crate::actor::Actor;
use crate::error::{CredentialError, Result};
use crate::reply::{Reply, Value};
use crate::request::Request;
use crate::session::Session;
use crate::store::{Credential, RowId, Store, Verdict};
use crate::text::positive;

/// Which credential is to go.
pub struct Delete {
    id: i64,
}

impl Delete {
    /// Reads `credentialId`.
    pub fn read(request: &Request<'_>) -> Result<Self> {
        let id = request.required("credentialId")?.as_deref().and_then(positive);
        Ok(Self { id: id.ok_or(CredentialError::CredentialInvalid)? })
    }

    fn look(&self, store: &mut Store) -> Result<Credential> {
        let (_, credential) = (store.scopes(), store.credential(self.id));
        credential?.ok_or(CredentialError::CredentialInvalid.into())
    }
}

impl Command for Delete {
    fn writes(&self) -> bool {
        true
    }

    fn ask(&self, store: &mut Store) {
        let _ = self.look(store);
    }

    /// Deletes the credential and its scope rows in one transaction. Its id is never given again. Answers `credentialId`.
    fn apply<'a>(&self, session: &'a Session, actor: &Actor) -> Result<Reply<'a>> {
        let decision = session.decide(|store| self.look(store))?;
        let now = session.now()?;
        let id = session.write(
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
}
