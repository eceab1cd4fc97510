//! Many calls with one durable commit.

use crate::command::Call;
use crate::error::{Error, Result, ServerError, StoreError};
use crate::reply::{Fields, List, Reply, Rows};
use crate::rotation;
use crate::session::{ATTEMPTS, Session};
use crate::store::{Store, Verdict};

/// How many calls share a commit: others wait no longer for their turn than these take.
const CHUNK: usize = 1_000;

/// Answers calls in their order, each as if it were alone. `go_on` is asked before each chunk. Where a chunk's commit
/// fails, each success in it becomes that error.
pub fn answer<'a>(
    session: &'a Session,
    calls: &[Result<Call<'_>>],
    mut go_on: impl FnMut() -> bool,
) -> Vec<Result<Reply<'a>>> {
    let mut replies = Vec::with_capacity(calls.len());
    for chunk in calls.chunks(CHUNK) {
        if !go_on() {
            break;
        }
        let mut answered = Vec::with_capacity(chunk.len());
        match answer_chunk(session, chunk, &mut answered) {
            Ok(()) => replies.append(&mut answered),
            Err(error) => {
                let mut answered = answered.into_iter();
                replies.extend(chunk.iter().map(|_| match answered.next() {
                    Some(Err(own)) => Err(own),
                    Some(Ok(_)) | None => Err(error.clone()),
                }));
            }
        }
    }
    replies
}

/// Answers calls in one transaction: what each writes is undone alone where it fails, and all of it where the commit
/// does. They are answered again where the database has undone the transaction.
fn answer_chunk<'a>(
    session: &'a Session,
    chunk: &[Result<Call<'_>>],
    answered: &mut Vec<Result<Reply<'a>>>,
) -> Result<()> {
    let (mut attempts, mut has_made_room) = (1, false);
    let mut patience = session.patience();
    let mut undoes_alone = session.is_remote();
    loop {
        session.begin_call();
        let mut proofs = Vec::new();
        let done = session
            .read(|store| store.begin_batch(undoes_alone))
            .and_then(|()| answer_each(session, chunk, answered))
            .and_then(|()| session.read(|store| store.commit_batch(&mut proofs)));
        if done.is_err() {
            // A store that has been closed meanwhile has undone it.
            session.with_open_store(Store::roll_batch_back);
        }
        let again = match &done {
            Ok(()) => {
                rotation::reseal_late(session);
                false
            }
            Err(Error::Store(StoreError::Contended(_))) => patience.pause(),
            Err(error @ Error::Store(StoreError::Full(_))) if !has_made_room => {
                has_made_room = true;
                session.make_room(error.clone()).is_ok()
            }
            Err(Error::Store(StoreError::HalfWritten)) => {
                undoes_alone = true;
                true
            }
            Err(Error::Server(ServerError::CommitUnanswered(_))) => {
                match Verdict::of_all(proofs.iter().map(|proof| session.judge(proof))) {
                    Verdict::Stored => {
                        rotation::reseal_late(session);
                        return Ok(());
                    }
                    Verdict::Unknown if !proofs.is_empty() => false,
                    Verdict::Undone | Verdict::Unknown => {
                        attempts += 1;
                        attempts <= ATTEMPTS
                    }
                }
            }
            _ => false,
        };
        if !again {
            return done;
        }
    }
}

/// Stops at a call after which the transaction is gone.
fn answer_each<'a>(
    session: &'a Session,
    chunk: &[Result<Call<'_>>],
    answered: &mut Vec<Result<Reply<'a>>>,
) -> Result<()> {
    answered.clear();
    for call in chunk {
        let reply = call.as_ref().map_err(Error::clone).and_then(|call| call.answer(session)).and_then(read_list);
        match reply {
            Err(error) if error.undoes_transaction() => return Err(error),
            reply => answered.push(reply),
        }
    }
    Ok(())
}

/// Reads a list to its end: what the rest of the batch does isn't seen in it.
fn read_list(reply: Reply<'_>) -> Result<Reply<'_>> {
    let Reply { fields, list } = reply;
    let list = match list {
        None => None,
        Some(List { key, mut rows, after }) => {
            let mut all = Vec::new();
            loop {
                let mut batch = rows.next_batch()?;
                if batch.is_empty() {
                    break;
                }
                all.append(&mut batch);
            }
            let message = rows.message();
            let rows: Box<dyn Rows> = Box::new(Read { rows: all, message });
            Some(List { key, rows, after })
        }
    };
    Ok(Reply { fields, list })
}

/// A list that was read.
struct Read {
    rows: Vec<Fields>,
    message: Option<String>,
}

impl Rows for Read {
    fn next_batch(&mut self) -> Result<Vec<Fields>> {
        Ok(std::mem::take(&mut self.rows))
    }

    fn message(&self) -> Option<String> {
        self.message.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command;
    use crate::error::{CredentialError, KeyError, Location};
    use crate::request::Request;
    use crate::request::fixture::Given;
    use crate::settings::{Dsn, Settings};

    fn call<'a>(command: &'a [u8], given: &'a Given) -> Result<Call<'a>> {
        command::read(&Request::new(command, given, None))
    }

    fn session(dsn: Dsn) -> Session {
        Session::new(Settings { dsn, ..Settings::default() })
    }

    fn create() -> Given {
        Given::default().with("grantType", "authorization_code").with("name", "A").with("scope", "openid")
    }

    fn count(session: &Session) -> usize {
        let nothing = Given::default();
        let reply = command::answer(session, &Request::new(b"ListOAuthCredentials", &nothing, None)).unwrap();
        read_list(reply).unwrap().list.map_or(0, |mut list| list.rows.next_batch().unwrap().len())
    }

    #[test]
    fn a_call_that_fails_is_undone_alone() {
        let session = session(Dsn::Memory);
        let (good, bad) = (create(), create().with("redirectUri", "ftp://a"));
        let calls = [&good, &bad, &good].map(|given| call(b"CreateOAuthCredential", given));
        let replies = answer(&session, &calls, || true);
        assert_eq!(replies.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(count(&session), 2);
    }

    #[test]
    fn a_call_that_fails_when_it_has_written_is_undone_alone() {
        let folder = tempfile::tempdir().unwrap();
        let session = session(Dsn::File(folder.path().join("a.sqlite")));
        answer(&session, &[call(b"CreateOAuthCredential", &create())], || true);
        std::fs::remove_file(folder.path().join("a.sqlite.key")).unwrap();
        let named = |name: &'static str| Given::default().with("credentialId", "1").with("name", name);
        // Only a new secret needs the key, after the name is changed.
        let (first, second) = (named("B"), named("C").with("resetSecret", "1"));
        let calls = [&first, &second].map(|given| call(b"UpdateOAuthCredential", given));
        let replies = answer(&session, &calls, || true);
        assert!(matches!(replies.as_slice(), [Ok(_), Err(Error::Key(KeyError::Missing(_)))]));
        let found = session.read(|store| store.credential(1)).unwrap().unwrap();
        assert_eq!(found.details.name, "B");
    }

    #[test]
    fn where_the_store_fails_every_success_of_the_chunk_becomes_the_error() {
        let folder = tempfile::tempdir().unwrap();
        let session = session(Dsn::File(folder.path().join("a.sqlite")));
        let given = create();
        let call = || call(b"CreateOAuthCredential", &given);
        assert!(answer(&session, &[call()], || true)[0].is_ok());
        // Room for a few credentials only.
        let pages = "PRAGMA max_page_count = 60";
        session.read(|store| store.execute_for_test(pages)).unwrap();
        let calls: Vec<_> = (0..CHUNK).map(|_| call()).collect();
        let replies = answer(&session, &calls, || true);
        assert_eq!(replies.len(), CHUNK);
        for reply in replies {
            assert!(matches!(reply, Err(Error::Store(StoreError::Full(_)))));
        }
        assert_eq!(count(&session), 1);
        assert!(answer(&session, &[call()], || true)[0].is_ok(), "the next one has the store again");
    }

    /// How often a batch is tried in which a call fails so many times, and what it answers.
    fn tries(session: &Session, failing: usize, fault: impl Into<Error>) -> (usize, Option<Error>) {
        let (call, tries) = command::fixture::failing(failing, fault);
        let error = answer(session, &[Ok(call)], || true).pop().and_then(Result::err);
        (tries.get(), error)
    }

    #[test]
    fn a_batch_is_tried_again_where_another_attempt_may_do() {
        let folder = tempfile::tempdir().unwrap();
        let [memory, file] = Session::impatient_for_test(folder.path());
        let contended = || StoreError::Contended(Location::File("/a".into()));
        let unanswered = || ServerError::CommitUnanswered("h:3306/d".to_owned());
        for session in [&memory, &file] {
            assert!(matches!(tries(session, 7, contended()), (8, None)));
            assert!(matches!(tries(session, 8, contended()), (8, Some(Error::Store(StoreError::Contended(_))))));
            assert!(matches!(tries(session, 7, unanswered()), (8, None)));
            assert!(matches!(
                tries(session, 8, unanswered()),
                (8, Some(Error::Server(ServerError::CommitUnanswered(_))))
            ));
            assert!(matches!(tries(session, 1, CredentialError::NameRequired), (1, Some(Error::Credential(_)))));
        }
        // Only a file has a log, which can be cut where there is anything in it.
        let full = || StoreError::Full(Location::File("/a".into()));
        assert!(matches!(tries(&memory, 1, full()), (1, Some(Error::Store(StoreError::Full(_))))));
        let other = Session::new(file.settings().clone());
        for (failing, is_answered) in [(1, true), (2, false)] {
            other.grow_log_for_test();
            let (times, error) = tries(&file, failing, full());
            assert_eq!((times, error.is_none()), (2, is_answered));
        }
    }

    #[test]
    fn a_list_in_a_batch_says_what_it_says_alone() {
        let session = session(Dsn::Memory);
        let (given, nothing) = (create(), Given::default());
        answer(&session, &[call(b"CreateOAuthCredential", &given)], || true);
        let spoil = "UPDATE tbloauthserver_clients SET secret = 'v1:x'";
        session.read(|store| store.execute_for_test(spoil)).unwrap();
        let mut replies = answer(&session, &[call(b"ListOAuthCredentials", &nothing)], || true);
        let mut list = replies.pop().and_then(Result::ok).and_then(|reply| reply.list).unwrap();
        assert_eq!((list.rows.next_batch().unwrap().len(), list.rows.next_batch().unwrap().len()), (1, 0));
        assert_eq!(list.rows.message().as_deref(), Some("1 client secret cannot be read: it is damaged."));
    }

    #[test]
    fn no_chunk_begins_once_time_is_up() {
        let session = session(Dsn::Memory);
        let given = create();
        let calls: Vec<_> = (0..2 * CHUNK).map(|_| call(b"CreateOAuthCredential", &given)).collect();
        let mut chunks = 0;
        let replies = answer(&session, &calls, || {
            chunks += 1;
            chunks == 1
        });
        assert_eq!((replies.len(), count(&session)), (CHUNK, CHUNK));
    }
}
