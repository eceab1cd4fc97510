//! Many calls with one durable commit.

use crate::api::Api;
use crate::command;
use crate::error::Result;
use crate::reply::{Fields, List, Reply, Rows};
use crate::request::Request;

/// How many calls share a commit: others wait no longer for their turn than these take.
const CHUNK: usize = 1_000;

/// Answers calls in their order, each as if it were alone. All that was read ahead of them is read by now. Where a
/// chunk's commit fails, each success in it becomes that error.
pub fn answer<'a>(api: &'a Api, requests: &[Request<'_>], mut go_on: impl FnMut() -> bool) -> Vec<Result<Reply<'a>>> {
    let mut replies = Vec::with_capacity(requests.len());
    for chunk in requests.chunks(CHUNK) {
        if !go_on() {
            break;
        }
        let mut answered = Vec::with_capacity(chunk.len());
        let done = api.batch(|| {
            answered.clear();
            chunk.iter().try_for_each(|request| {
                let reply = command::answer(api, request).and_then(read_list);
                match reply {
                    Err(error) if error.undoes_transaction() => return Err(error),
                    reply => answered.push(reply),
                }
                Ok(())
            })
        });
        match done {
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

/// Reads a list to its end: what the rest of the batch does isn't seen in it.
fn read_list(reply: Reply<'_>) -> Result<Reply<'_>> {
    let Reply { fields, list } = reply;
    let list = match list {
        None => None,
        Some(List { key, mut rows }) => {
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
            Some(List { key, rows })
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
    use crate::error::Error;
    use crate::request::fixture::Given;
    use crate::settings::Dsn;
    use crate::settings::Settings;

    fn api(dsn: Dsn) -> Api {
        Api::new(Settings { dsn, ..Settings::default() })
    }

    fn create() -> Given {
        Given::default().with("grantType", "authorization_code").with("name", "A").with("scope", "openid")
    }

    fn count(api: &Api) -> usize {
        let nothing = Given::default();
        let reply = command::answer(api, &Request::new(b"ListOAuthCredentials", &nothing, None)).unwrap();
        read_list(reply).unwrap().list.map_or(0, |mut list| list.rows.next_batch().unwrap().len())
    }

    #[test]
    fn a_call_that_fails_is_undone_alone() {
        let api = api(Dsn::Memory);
        let (good, bad) = (create(), create().with("redirectUri", "ftp://a"));
        let calls: Vec<Request<'_>> =
            [&good, &bad, &good].map(|given| Request::new(b"CreateOAuthCredential", given, None)).into();
        let replies = answer(&api, &calls, || true);
        assert_eq!(replies.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(count(&api), 2);
    }

    #[test]
    fn a_call_that_fails_when_it_has_written_is_undone_alone() {
        let folder = tempfile::tempdir().unwrap();
        let api = api(Dsn::File(folder.path().join("a.sqlite")));
        answer(&api, &[Request::new(b"CreateOAuthCredential", &create(), None)], || true);
        std::fs::remove_file(folder.path().join("a.sqlite.key")).unwrap();
        let named = |name: &'static str| Given::default().with("credentialId", "1").with("name", name);
        // Only a new secret needs the key, after the name is changed.
        let (first, second) = (named("B"), named("C").with("resetSecret", "1"));
        let calls: Vec<Request<'_>> =
            [&first, &second].map(|given| Request::new(b"UpdateOAuthCredential", given, None)).into();
        let replies = answer(&api, &calls, || true);
        assert!(matches!(replies.as_slice(), [Ok(_), Err(Error::KeyFileMissing(_))]));
        let found = api.read(|store| store.credential(1)).unwrap().unwrap();
        assert_eq!(found.details.name, "B");
    }

    #[test]
    fn where_the_store_fails_every_success_of_the_chunk_becomes_the_error() {
        let folder = tempfile::tempdir().unwrap();
        let api = api(Dsn::File(folder.path().join("a.sqlite")));
        let given = create();
        let call = || Request::new(b"CreateOAuthCredential", &given, None);
        assert!(answer(&api, &[call()], || true)[0].is_ok());
        // Room for a few credentials only.
        let pages = "PRAGMA max_page_count = 60";
        api.read(|store| store.execute_for_test(pages)).unwrap();
        let calls: Vec<Request<'_>> = (0..CHUNK).map(|_| call()).collect();
        let replies = answer(&api, &calls, || true);
        assert_eq!(replies.len(), CHUNK);
        for reply in replies {
            assert!(matches!(reply, Err(Error::StoreFull(_))));
        }
        assert_eq!(count(&api), 1);
        assert!(answer(&api, &[call()], || true)[0].is_ok(), "the next one has the store again");
    }

    #[test]
    fn no_chunk_begins_once_time_is_up() {
        let api = api(Dsn::Memory);
        let given = create();
        let calls: Vec<Request<'_>> =
            (0..2 * CHUNK).map(|_| Request::new(b"CreateOAuthCredential", &given, None)).collect();
        let mut chunks = 0;
        let replies = answer(&api, &calls, || {
            chunks += 1;
            chunks == 1
        });
        assert_eq!((replies.len(), count(&api)), (CHUNK, CHUNK));
    }
}
