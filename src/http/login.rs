//! Who calls.

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::api_credential;
use crate::api::{Api, Decision};
use crate::error::Result;
use crate::request::{Parameter, Parameters};
use crate::store::{ApiCredential, Store};

/// For how many seconds a use of a credential isn't noted again, and a line of a refusal counts.
const MINUTE: u64 = 60;
/// How many lines one address may cause in a minute.
const LINES: i64 = 10;

/// What a caller shows.
pub struct Login {
    name: Vec<u8>,
    secret: Zeroizing<Vec<u8>>,
    /// Whether it may also be an admin's name and password.
    may_be_admin: bool,
}

/// Who has called.
#[derive(Debug, PartialEq, Eq)]
pub struct Caller {
    /// The admin in whose name the command runs.
    pub admin: String,
    /// The permissions of each role; `None` is an admin in person, who may call everything.
    roles: Option<Vec<String>>,
}

impl Login {
    /// `identifier` and `secret`, or else `username` and `password`.
    pub fn read(parameters: &dyn Parameters) -> Result<Option<Self>> {
        for (name, secret, may_be_admin) in [("identifier", "secret", false), ("username", "password", true)] {
            if let (Some(name), Some(secret)) = (filled(parameters, name)?, filled(parameters, secret)?) {
                return Ok(Some(Self { name, secret: Zeroizing::new(secret), may_be_admin }));
            }
        }
        Ok(None)
    }

    /// Who it is. What is unknown takes as long as what is wrong.
    pub fn caller(&self, api: &Api) -> Result<Option<Caller>> {
        let name = std::str::from_utf8(&self.name).unwrap_or_default();
        let found = api.decide(|store| store.api_credential_or_decoy(name))?;
        let verifier = found.made.as_ref().map(|known| known.verifier.as_str());
        let matches = api_credential::matches(&self.secret, verifier);
        match &found.made {
            Some(known) if matches && known.identifier.is_some() => {
                if known.disabled {
                    return Ok(None);
                }
                let roles = api.read(|store| roles(store, &known.role_ids))?;
                let caller = Caller { admin: known.admin.clone(), roles: Some(roles) };
                // It's no reason for a call to fail.
                let _ = note_access(api, found);
                Ok(Some(caller))
            }
            _ if self.may_be_admin => self.admin(api, name),
            _ => Ok(None),
        }
    }

    /// The admin who logs in with the md5 of the password, as old clients do. It's off for an admin without a password;
    /// where any has one, a name that has none costs a comparison too.
    fn admin(&self, api: &Api, name: &str) -> Result<Option<Caller>> {
        if self.secret.len() != 32 || !self.secret.iter().all(u8::is_ascii_hexdigit) {
            return Ok(None);
        }
        let (own, any) = api.read(|store| Ok((store.admin_password(name)?, store.any_admin_password()?)))?;
        let own = own.filter(|hash| is_bcrypt(hash));
        let Some(hash) = own.as_ref().or(any.as_ref()) else {
            return Ok(None);
        };
        let digest = Zeroizing::new(self.secret.to_ascii_lowercase());
        let matches = bcrypt::verify(&*digest, hash).unwrap_or(false);
        Ok((matches && own.is_some()).then(|| Caller { admin: name.to_owned(), roles: None }))
    }
}

impl Caller {
    /// Whether this caller may call an action, lower-cased.
    pub fn may(&self, action: &str) -> bool {
        self.roles.as_ref().is_none_or(|roles| roles.iter().any(|role| api_credential::allows(role, action)))
    }
}

/// Whether a caller shows the access key. The time it takes says nothing of the key but its length.
pub fn has_access_key(parameters: &dyn Parameters, api: &Api) -> Result<bool> {
    let key = api.settings().api_access_key.reveal();
    let shown = filled(parameters, "accesskey")?.map(Zeroizing::new);
    Ok(!key.is_empty() && shown.is_some_and(|shown| bool::from(shown.as_slice().ct_eq(key.as_bytes()))))
}

/// Writes that a credential shown from this address was wrong, and nothing of what was shown.
pub fn log_refusal(api: &Api, address: &str) -> Result<()> {
    let (now, since) = (api.now()?, api.ago(MINUTE)?);
    if api.read(|store| store.refusals(address, &since))? >= LINES {
        return Ok(());
    }
    api.transaction(|store| store.log_refusal(address, &now, &since, LINES))
}

/// Notes that a credential is used, once a minute at most. Another process may be about to do the same.
fn note_access<F>(api: &Api, found: Decision<Option<ApiCredential>, F>) -> Result<()>
where
    F: Fn(&mut Store) -> Result<Option<ApiCredential>>,
{
    let (now, minute_ago) = (api.now()?, api.ago(MINUTE)?);
    let noted = |known: &ApiCredential| minute_ago < known.last_access && known.last_access <= now;
    let due = |known: &ApiCredential| known.identifier.is_some() && !noted(known);
    if !found.made.as_ref().is_some_and(due) {
        return Ok(());
    }
    api.write(found, |store, found| match found {
        Some(known) if due(known) => store.set_last_access(known.id, &now),
        _ => Ok(()),
    })
}

fn roles(store: &Store, ids: &str) -> Result<Vec<String>> {
    let ids = ids.split(|c: char| !c.is_ascii_digit()).filter_map(|id| id.parse().ok());
    ids.filter_map(|id| store.permissions(id).transpose()).collect()
}

fn is_bcrypt(hash: &str) -> bool {
    hash.parse::<bcrypt::HashParts>().is_ok()
}

/// A parameter that says something; clients send the ones they don't use as empty strings.
fn filled(parameters: &dyn Parameters, name: &str) -> Result<Option<Vec<u8>>> {
    Ok(match parameters.read(name)? {
        Some(Parameter::Text(text)) if !text.is_empty() => Some(text),
        _ => None,
    })
}
