//! Who calls.

use std::ops::{Range, RangeInclusive};

use bcrypt::HashParts;
use constant_time_eq::constant_time_eq;
use zeroize::Zeroizing;

use super::api_credential;
use crate::error::Result;
use crate::request::{Parameter, Parameters};
use crate::session::{Decision, MINUTE, Session};
use crate::store::{ApiCredential, Store, Verdict};
use crate::verifier;

/// The costs that bcrypt knows.
const COSTS: RangeInclusive<u32> = 4..=31;

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
    /// The API credential; `None` is an admin in person.
    pub credential: Option<i64>,
    /// Whether no list shows it the secrets of credentials.
    pub hides_secrets: bool,
    /// The permissions of each role. An admin in person may call everything.
    roles: Vec<String>,
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

    /// Who it is. The time it takes doesn't depend on how much of the secret is right.
    pub fn caller(&self, session: &Session) -> Result<Option<Caller>> {
        let Ok(name) = std::str::from_utf8(&self.name) else { return Ok(None) };
        let found = session.decide(|store| store.api_credential(name))?;
        match &found.made {
            Some(known) if verifier::matches(&self.secret, &known.verifier) => {
                let now = session.now()?;
                if known.disabled || known.expires_at.as_ref().is_some_and(|expiry| *expiry <= now) {
                    return Ok(None);
                }
                let roles = session.read(|store| api_credential::roles(store, &known.role_ids))?;
                let (admin, hides_secrets) = (known.admin.clone(), known.hides_secrets);
                let caller = Caller { admin, credential: Some(known.id), hides_secrets, roles };
                // It's no reason for a call to fail.
                let _ = note_access(session, found);
                Ok(Some(caller))
            }
            _ if self.may_be_admin => self.admin(session, name),
            _ => Ok(None),
        }
    }

    /// The admin who logs in with the md5 of the password, as old clients do. It's off for an admin without a password;
    /// where any has one, a name that has none costs as much as one that has.
    fn admin(&self, session: &Session, name: &str) -> Result<Option<Caller>> {
        if self.secret.len() != 32 || !self.secret.iter().all(u8::is_ascii_hexdigit) {
            return Ok(None);
        }
        let (own, all) = session.read(|store| Ok((store.admin_password(name)?, store.admin_passwords()?)))?;
        let digest = Zeroizing::new(self.secret.to_ascii_lowercase());
        let again = |cost| drop(bcrypt::hash_with_salt(&*digest, cost, [0; 16]));
        let comparison = Comparison::of(own.as_deref(), &all);
        let matches = comparison.is_some_and(|comparison| comparison.matches(&digest, again));
        Ok(matches.then(|| Caller {
            admin: name.to_owned(),
            credential: None,
            hides_secrets: false,
            roles: Vec::new(),
        }))
    }
}

/// What the md5 of a password is compared with. It costs the same for every name: as much as the dearest hash of all.
#[derive(Debug, PartialEq, Eq)]
struct Comparison<'a> {
    /// A bcrypt hash.
    hash: &'a str,
    /// Whether it's the admin's own; nothing matches another's.
    is_own: bool,
    /// The costs at which bcrypt runs once more each. Each step costs twice as much as the one before.
    more: Range<u32>,
}

impl<'a> Comparison<'a> {
    /// `None` where no admin has a password that is a bcrypt hash.
    fn of(own: Option<&'a str>, all: &'a [String]) -> Option<Self> {
        // What bcrypt takes is said nowhere else: with another cost nothing matches.
        let cost = |hash: &str| {
            hash.parse::<HashParts>().ok().map(|parts| parts.get_cost()).filter(|cost| COSTS.contains(cost))
        };
        let with_cost = |hash: &'a str| Some((hash, cost(hash)?));
        let (dearest, most) = all.iter().filter_map(|hash| with_cost(hash)).max_by_key(|(_, cost)| *cost)?;
        Some(match own.and_then(with_cost) {
            Some((hash, cost)) => Self { hash, is_own: true, more: cost..most },
            None => Self { hash: dearest, is_own: false, more: most..most },
        })
    }

    /// Whether it's the password. `again` is to do the same work once more at another cost.
    fn matches(&self, digest: &[u8], again: impl FnMut(u32)) -> bool {
        let matches = bcrypt::verify(digest, self.hash).unwrap_or(false);
        self.more.clone().for_each(again);
        matches && self.is_own
    }
}

impl Caller {
    /// Whether this caller may call an action, lower-cased.
    pub fn may(&self, action: &str) -> bool {
        self.credential.is_none() || self.roles.iter().any(|role| api_credential::allows(role, action))
    }
}

/// Whether a caller shows the access key. The time it takes says nothing of the key but its length.
pub fn has_access_key(parameters: &dyn Parameters, session: &Session) -> Result<bool> {
    let key = session.settings().api_access_key.reveal();
    let shown = filled(parameters, "accesskey")?.map(Zeroizing::new);
    Ok(!key.is_empty() && shown.is_some_and(|shown| constant_time_eq(&shown, key.as_bytes())))
}

/// Notes that a credential is used, once a minute at most. Another process may be about to do the same.
fn note_access<F>(session: &Session, found: Decision<Option<ApiCredential>, F>) -> Result<()>
where
    F: Fn(&mut Store) -> Result<Option<ApiCredential>>,
{
    let (now, minute_ago) = (session.now()?, session.ago(MINUTE)?);
    let noted = |known: &ApiCredential| minute_ago < known.last_access && known.last_access <= now;
    if found.made.as_ref().is_none_or(noted) {
        return Ok(());
    }
    let write = |store: &mut Store, found: &Option<ApiCredential>| match found {
        Some(known) if !noted(known) => store.set_last_access(known.id, &now),
        _ => Ok(()),
    };
    session.write(found, write, |()| Verdict::Undone.always())
}

/// A parameter that says something; clients send the ones they don't use as empty strings.
fn filled(parameters: &dyn Parameters, name: &str) -> Result<Option<Vec<u8>>> {
    Ok(match parameters.read(name)? {
        Some(Parameter::Text(text)) if !text.is_empty() => Some(text),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::register_admin;
    use crate::settings::{Dsn, Settings};

    fn hash(cost: u32) -> String {
        bcrypt::hash_with_salt("5f4dcc3b5aa765d61d8327deb882cf99", cost, [7; 16]).unwrap().to_string()
    }

    #[test]
    fn every_name_costs_as_much_as_the_dearest_password() {
        let all = [hash(5), hash(4).replacen("04", "99", 1), hash(7), hash(4)];
        let of = |own: Option<usize>| Comparison::of(own.and_then(|at| all.get(at)).map(String::as_str), &all).unwrap();
        assert_eq!(of(Some(0)), Comparison { hash: &all[0], is_own: true, more: 5..7 });
        assert_eq!(of(Some(2)), Comparison { hash: &all[2], is_own: true, more: 7..7 });
        let other = Comparison { hash: &all[2], is_own: false, more: 7..7 };
        assert_eq!((of(None), of(Some(1))), (other, Comparison { hash: &all[2], is_own: false, more: 7..7 }));
        assert_eq!(Comparison::of(Some(""), &[]), None);
        let cost = |comparison: Comparison<'_>| {
            let mut sum = 1 << comparison.hash.parse::<HashParts>().unwrap().get_cost();
            comparison.matches(b"", |cost| sum += 1 << cost);
            sum
        };
        for own in [Some(0), Some(1), Some(2), Some(3), None] {
            assert_eq!(cost(of(own)), 1 << 7, "{own:?}");
        }
    }

    #[test]
    fn only_an_own_password_matches() {
        let (digest, all) = (b"5f4dcc3b5aa765d61d8327deb882cf99", [hash(4), hash(5)]);
        let matches = |own, digest: &[u8]| Comparison::of(own, &all).unwrap().matches(digest, |_| ());
        assert!(matches(Some(&all[0]), digest));
        assert!(!matches(Some(&all[0]), b"5f4dcc3b5aa765d61d8327deb882cf9a"));
        assert!(!matches(None, digest));
    }

    #[test]
    fn an_access_that_another_process_has_noted_meanwhile_is_not_noted_again() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { dsn: Dsn::File(folder.path().join("a.sqlite")), ..Settings::default() };
        let [session, other] = [(), ()].map(|()| Session::seeded_for_test(settings.clone()));
        register_admin(&session, b"admin").unwrap();
        let issued = api_credential::issue(&session, b"admin", &[b"*".to_vec()], b"", Default::default()).unwrap();
        let look = |store: &mut Store| store.api_credential(&issued.identifier);
        for (age, noted) in [(30, 30), (90, 0)] {
            let found = session.decide(look).unwrap();
            let date = other.ago(age).unwrap();
            let note = format!("UPDATE tbldeviceauth SET last_access = '{date}'");
            other.transaction(|store| store.execute_for_test(&note), |()| Verdict::Undone.always()).unwrap();
            note_access(&session, found).unwrap();
            assert_eq!(session.read(look).unwrap().unwrap().last_access, session.ago(noted).unwrap());
            other
                .transaction(
                    |store| store.execute_for_test("UPDATE tbldeviceauth SET last_access = ''"),
                    |()| Verdict::Undone.always(),
                )
                .unwrap();
        }
    }
}
