//! Changes the key that secrets are sealed with, while other processes go on.

use std::thread;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::random::Random;
use crate::sealing::{note_rotation, sealing_key};
use crate::session::Session;
use crate::store::{About, LogLine, Note, Store, Verdict};
use crate::vault::{KeyId, Opened};

/// How many secrets are resealed in one transaction: in a file others wait until that is over.
const BATCH: i64 = 50;
/// How many it is at a server, where others wait for none but these, and in memory, where there are no others.
const LARGE_BATCH: i64 = 200;
/// How many times as long as a batch takes nothing is written to a file after it: others' turn.
const PAUSE: u32 = 3;
/// How long that is at most, where the batch itself has waited for others.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Adds a new key to the key file, to be used by the next rotation.
pub fn stage(session: &Session) -> Result<()> {
    let (in_use, _) = key_in_use(session)?;
    session.vault()?.update(|ring| ring.stage(in_use, &Random::System).map(drop))?;
    session.transaction(
        |store| log(session, store, "Key staged: the next rotation seals with it"),
        |()| Verdict::Unknown.always(),
    )
}

/// Seals every secret with a new key, a batch at a time. Returns how many were. Where an earlier call did not finish this
/// one does. `go_on` is asked between two batches.
pub fn rotate(session: &Session, go_on: impl Fn() -> bool) -> Result<i64> {
    let target = begin(session)?;
    let key = target.to_string();
    let (mut after, mut resealed) = (0, 0);
    while go_on() {
        let begun = Instant::now();
        session.begin_call();
        session.require_store()?;
        let (batch, is_file) = session.read(|store| {
            let is_file = !store.is_remote() && !store.is_memory();
            let most = if is_file { BATCH } else { LARGE_BATCH };
            Ok((store.sealed_with_others(&key, after, most)?, is_file))
        })?;
        let Some(&(last, ..)) = batch.last() else {
            session.transaction(|store| store.set_note(Note::Rotation, None), |()| Verdict::Undone.always())?;
            break;
        };
        after = last;
        resealed += reseal(session, &target, &batch)?;
        if is_file {
            thread::sleep((begun.elapsed() * PAUSE).min(LONGEST_PAUSE));
        }
    }
    Ok(resealed)
}

/// Notes the key that everything is sealed with from now on; it's in the key file by then.
fn begin(session: &Session) -> Result<KeyId> {
    let (in_use, unfinished) = key_in_use(session)?;
    let vault = session.vault()?;
    let target = vault.update(|ring| {
        let goes_on = unfinished && ring.holds(&in_use);
        if goes_on { Ok(in_use) } else { ring.stage(in_use, &Random::System) }
    })?;
    let key = target.to_string();
    let begin = |store: &mut Store| {
        if store.note(Note::Rotation)?.as_ref() == Some(&key) {
            return Ok(());
        }
        log(session, store, "Key rotated: everything is sealed with the new one from now on")?;
        note_rotation(store, &target)
    };
    session.transaction(begin, |()| Verdict::Undone.always())?;
    vault.update(|ring| {
        ring.active = target;
        Ok(())
    })?;
    Ok(target)
}

/// The key that a rotation starts from, and whether one to it was begun already: by an earlier call, or because the
/// store is older than the key file. A store without secrets gets its first. An older copy of the key file would go on
/// with keys that the newer ones lack: it's refused as long as a secret needs what it hasn't got.
fn key_in_use(session: &Session) -> Result<(KeyId, bool)> {
    session.begin_call();
    session.require_store()?;
    let vault = session.vault()?;
    session.read(|store| {
        let noted = sealing_key(store)?;
        let is_first = noted.is_none() && !store.has_secrets()?;
        let ring = vault.keys_to_seal(&Random::System, is_first)?;
        let Some(noted) = noted else { return Ok((ring.active, false)) };
        match ring.later(noted, ring.active) {
            Some(later) => Ok((later, later != noted || store.note(Note::Rotation)?.is_some())),
            None if store.is_sealed_with(&noted.to_string())? => Err(vault.foreign(&noted)),
            None => Ok((noted, false)),
        }
    })
}

/// Seals anew what was sealed with a key that a rotation has replaced before it was stored: that may have looked for such
/// secrets already. Where this fails the older key is in the file still, and the next rotation looks again.
pub fn reseal_late(session: &Session) {
    if session.is_in_batch() {
        return;
    }
    let Ok(Some((key, late))) = session.read(Store::sealed_late) else { return };
    let Some(key) = KeyId::parse(&key) else { return };
    for identifier in late {
        if let Ok(Some(found)) = session.read(|store| store.credential_to_read(&identifier)) {
            let _ = reseal(session, &key, &[(found.id, found.identifier.clone(), found.secret.clone())]);
        }
    }
}

/// Seals these secrets with another key. One that can't be opened stays as it is.
fn reseal(session: &Session, target: &KeyId, batch: &[(i64, String, String)]) -> Result<i64> {
    let vault = session.vault()?;
    let mut ring = vault.keys_of_sealed()?;
    let mut resealed = Vec::with_capacity(batch.len());
    for (id, identifier, old) in batch {
        if let Opened::Secret(secret) = vault.open(&mut ring, old, identifier)? {
            let new = ring.seal(target, identifier, &secret, &Random::System)?;
            resealed.push((*id, old, new.ok_or_else(|| vault.foreign(target))?));
        }
    }
    let reseal = |store: &mut Store| {
        let mut count = 0;
        for (id, old, new) in &resealed {
            count += i64::from(store.reseal_secret(*id, old, new)?);
        }
        Ok(count)
    };
    session.transaction(reseal, |_| {
        let last = resealed.last().map(|(id, _, new)| (*id, new.clone()));
        Box::new(move |store| {
            let Some((id, new)) = &last else { return Ok(Verdict::Stored) };
            Ok(Verdict::stored_if(store.credential(*id)?.is_some_and(|found| found.secret == *new)))
        })
    })
}

fn log(session: &Session, store: &Store, what: &str) -> Result<()> {
    store.log(&LogLine::of_system(&session.now()?, About::Everything, &what))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::command;
    use crate::credential::Secret;
    use crate::reply::Value;
    use crate::request::Request;
    use crate::request::fixture::Given;
    use crate::settings::{Dsn, KeyFile, Settings};
    use crate::store::Details;
    use crate::store::test_server::Database;

    /// A store in a file and one at the server, if there is any, each with the path of its key file.
    fn stores(folder: &Path) -> Vec<(Settings, std::path::PathBuf, Option<Database>)> {
        let keys = folder.join("keys");
        let file = Settings { dsn: Dsn::File(folder.join("store")), ..Settings::default() };
        let with_keys =
            |settings: Settings, keys: &Path| Settings { key_file: KeyFile::At(keys.to_owned()), ..settings };
        let mut stores = vec![(with_keys(file, &keys), keys, None)];
        if let Some(database) = Database::new() {
            let keys = folder.join("keys of the server");
            stores.push((with_keys(database.settings(), &keys), keys, Some(database)));
        }
        stores
    }

    fn create(session: &Session) -> Result<i64> {
        let given = Given::default().with("grantType", "authorization_code").with("name", "A").with("scope", "openid");
        let reply = command::answer(session, &Request::new(b"CreateOAuthCredential", &given, None))?;
        match reply.fields.first() {
            Some((_, Value::Int(id))) => Ok(*id),
            other => panic!("{other:?}"),
        }
    }

    /// The keys that the secrets are sealed with, in the order of the credentials.
    fn sealed_with(session: &Session) -> Vec<String> {
        let rows = session.read(|store| store.sealed_after(0, 100)).unwrap();
        rows.into_iter().map(|(_, _, sealed)| sealed.split(':').nth(1).unwrap().to_owned()).collect()
    }

    fn note(session: &Session, note: Note) -> Option<String> {
        session.read(|store| store.note(note)).unwrap()
    }

    /// What a backup from before a rotation is: the store's notes, and a secret sealed with the key of that time.
    fn restore(session: &Session, id: i64, sealed: &str, key: &str) {
        let restore = |store: &mut Store| {
            store
                .execute_for_test(&format!("UPDATE tbloauthserver_clients SET secret = '{sealed}' WHERE id = {id}"))?;
            store.set_note(Note::Rotation, None)?;
            store.set_note(Note::SealingKey, Some(key))
        };
        session.transaction(restore, |()| Verdict::Unknown.always()).unwrap();
    }

    #[test]
    fn a_store_that_is_older_than_the_key_file_seals_with_the_key_that_replaced_its_own() {
        let folder = tempfile::tempdir().unwrap();
        for (settings, ..) in stores(folder.path()) {
            let session = Session::new(settings);
            let first = create(&session).unwrap();
            let sealed = session.read(|store| store.credential(first)).unwrap().unwrap().secret;
            let retired = note(&session, Note::SealingKey).unwrap();
            assert_eq!(rotate(&session, || true).unwrap(), 1);
            // A staged key is in the file, and nothing is sealed with it.
            stage(&session).unwrap();
            let active = note(&session, Note::SealingKey).unwrap();
            restore(&session, first, &sealed, &retired);

            create(&session).unwrap();
            assert_eq!(sealed_with(&session), [retired.clone(), active.clone()]);
            assert_eq!(note(&session, Note::SealingKey), Some(active.clone()));
            // What is left is sealed with the same key, and no other is made.
            assert_eq!(rotate(&session, || true).unwrap(), 1);
            assert_eq!(sealed_with(&session), [active.clone(), active.clone()]);
            assert_eq!(note(&session, Note::Rotation), None);

            restore(&session, first, &sealed, &retired);
            assert_eq!(rotate(&session, || true).unwrap(), 1, "nobody has sealed anything before");
            assert_eq!(sealed_with(&session), [active.clone(), active.clone()]);
            // Then all is as after any rotation: the next one takes the staged key.
            assert_eq!(rotate(&session, || true).unwrap(), 2);
            assert!(!sealed_with(&session).contains(&active));
        }
    }

    #[test]
    fn what_was_sealed_before_a_rotation_and_is_stored_after_it_is_sealed_anew() {
        let folder = tempfile::tempdir().unwrap();
        // In a file nobody rotates meanwhile.
        for (settings, ..) in stores(folder.path()).into_iter().skip(1) {
            let (session, other) = (Session::new(settings.clone()), Session::new(settings));
            create(&session).unwrap();
            let secret = Secret::generate(&Random::System).unwrap();
            let mut rotated = 0;
            let late = |store: &mut Store| {
                let sealed = crate::sealing::seal(&session, store, "late", &secret)?;
                rotated = rotate(&other, || true)?;
                store.insert_credential("late", &sealed, &Details::default(), "2026-01-01 00:00:00").map(drop)
            };
            session.transaction(late, |()| Verdict::Unknown.always()).unwrap();
            assert_eq!(rotated, 1);
            let active = note(&session, Note::SealingKey).unwrap();
            assert_ne!(sealed_with(&session), [active.clone(), active.clone()]);
            reseal_late(&session);
            assert_eq!(sealed_with(&session), [active.clone(), active]);
        }
    }

    #[test]
    fn a_key_file_that_is_older_than_the_store_seals_with_the_keys_that_it_shares() {
        let folder = tempfile::tempdir().unwrap();
        for (settings, keys, _database) in stores(folder.path()) {
            let session = Session::new(settings);
            create(&session).unwrap();
            stage(&session).unwrap();
            // Another machine's copy, from when the new key had gone round.
            let copy = fs::read(&keys).unwrap();
            rotate(&session, || true).unwrap();
            let active = note(&session, Note::SealingKey).unwrap();
            fs::write(&keys, copy).unwrap();
            create(&session).unwrap();
            assert_eq!(sealed_with(&session), [active.clone(), active.clone()]);
            assert_eq!((note(&session, Note::SealingKey), note(&session, Note::Rotation)), (Some(active), None));
        }
    }
}
