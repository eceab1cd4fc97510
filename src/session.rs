//! What one thread of one process works with: the store, the keys, the clock and the random source.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::clock::Clock;
use crate::credential::identifier;
use crate::error::{Error, KeyError, Result, ServerError, StoreError, SystemError};
use crate::patience::Patience;
use crate::place::Place;
use crate::random::Random;
use crate::settings::{Dsn, Settings};
use crate::store::{self, Missing, Proof, Purpose, Store, Verdict, Version, Written};
use crate::vault::Vault;

/// How often a transaction is tried where a value turns out to be taken, or a commit without an answer was undone. Sixteen
/// random bytes are never taken; seeded ones can be.
pub const ATTEMPTS: usize = 8;

/// In seconds: what happens again so soon leaves no second line in the activity log.
pub const MINUTE: u64 = 60;

/// When it is in the sandbox once that is seeded: 18th November 2016 9:32:24am, UTC.
const SEEDED_SECOND: u64 = 1_479_461_544;

/// What a request owes when it's answered.
type Owed = Box<dyn FnOnce(&Session) -> Result<()>>;

/// The store, the keys, the clock and the random source, opened when they are first needed and kept.
pub struct Session {
    settings: Settings,
    identifier_prefix: String,
    test_prefix: String,
    clock: Clock,
    /// Where identifiers and secrets come from.
    random: Random,
    store: RefCell<Option<Store>>,
    /// The keys of the store that is open, or was last.
    vault: RefCell<Option<Rc<Vault>>>,
    /// What the call that goes on is for; `None` once it has looked that the store is where its place says.
    to_check: Cell<Option<Purpose>>,
    /// What is to be done once the call that goes on is answered.
    owed: RefCell<Option<Owed>>,
    /// The credentials that were used and of which that isn't noted yet, each with the time.
    uses: RefCell<BTreeMap<i64, String>>,
}

/// What was decided by a state of the store, and how to decide again should it change before it's written by.
pub struct Decision<D, F> {
    version: Option<Version>,
    /// The decision.
    pub made: D,
    decide: F,
}

impl Session {
    /// Nothing is opened yet.
    pub fn new(settings: Settings) -> Self {
        let identifier_prefix = identifier::prefix(&settings.company_name);
        Self {
            test_prefix: identifier::test_prefix(&identifier_prefix),
            identifier_prefix,
            clock: Clock::default(),
            random: if settings.is_sandbox() { Random::sandbox() } else { Random::System },
            store: RefCell::default(),
            vault: RefCell::default(),
            to_check: Cell::new(Some(Purpose::Write)),
            owed: RefCell::default(),
            uses: RefCell::default(),
            settings,
        }
    }

    /// The settings this was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The prefix of client identifiers.
    pub fn identifier_prefix(&self) -> &str {
        if self.random.is_seeded() { &self.test_prefix } else { &self.identifier_prefix }
    }

    /// The time for the store.
    pub fn now(&self) -> Result<String> {
        self.clock.now()
    }

    /// So many seconds before now, for the store.
    pub fn ago(&self, seconds: u64) -> Result<String> {
        self.clock.ago(seconds)
    }

    /// So many seconds after now, for the store.
    pub fn after(&self, seconds: u64) -> Result<String> {
        self.clock.after(seconds)
    }

    /// Moves the clock by so many seconds, or has it tell the true time again. Only that of the sandbox can be moved.
    pub fn travel(&self, seconds: Option<i64>) -> Result<()> {
        if self.settings.is_sandbox() { self.clock.travel(seconds) } else { Ok(()) }
    }

    /// The random source of identifiers and secrets.
    pub fn random(&self) -> &Random {
        &self.random
    }

    /// Makes identifiers, secrets and times the same on each run, or ends that. Only the sandbox can be seeded.
    pub fn seed(&self, seed: Option<i64>) {
        if self.settings.is_sandbox() {
            self.random.seed(seed);
            self.clock.stop(seed.map(|_| SEEDED_SECOND));
        }
    }

    /// Whether the store is at a server: then each question is a round trip.
    pub fn is_remote(&self) -> bool {
        matches!(self.settings.dsn, Dsn::Server(_))
    }

    /// To be called where a call begins: the store may be another one than in the call before.
    pub fn begin_call(&self) {
        self.to_check.set(Some(Purpose::Write));
    }

    /// The same where a call begins that writes nothing.
    pub fn begin_reading(&self) {
        self.to_check.set(Some(Purpose::Read));
    }

    /// Opens the store if it's there, for what makes no sense with a new one.
    pub fn require_store(&self) -> Result<()> {
        self.open(&mut self.store.borrow_mut(), Missing::Refused).map(drop)
    }

    /// Looks at the store, opening it first where that is needed.
    pub fn read<T>(&self, look: impl FnOnce(&mut Store) -> Result<T>) -> Result<T> {
        let mut slot = self.store.borrow_mut();
        let store = self.open(&mut slot, Missing::Made)?;
        let memory = store.is_memory();
        let found = look(store);
        if let Err(error) = &found {
            // It may be that this connection must not be used again.
            self.to_check.set(Some(Purpose::Write));
            if !memory && error.is_fault_of_store() {
                // The next call starts afresh, so that it works once the cause is gone.
                *slot = None;
            }
        }
        found
    }

    /// The keys of the store that is open.
    pub fn vault(&self) -> Result<Rc<Vault>> {
        self.vault.borrow().clone().ok_or(KeyError::Invalid.into())
    }

    /// Asks a server at once what `reads` will ask one by one; with `writes` in the transaction that will write.
    pub fn ask_at_once(&self, writes: bool, reads: impl Fn(&mut Store)) -> Result<()> {
        let mut patience = self.patience();
        loop {
            match self.read(|store| store.foresee(writes, &reads)) {
                Err(Error::Store(StoreError::Contended(_))) if !self.is_in_batch() && patience.pause() => self.settle(),
                done => return done,
            }
        }
    }

    /// How long what a server has undone for another's sake is tried again.
    pub fn patience(&self) -> Patience {
        Patience::new(self.settings.busy_timeout)
    }

    /// Ends what [`ask_at_once`](Self::ask_at_once) has begun.
    pub fn settle(&self) {
        self.with_open_store(Store::settle);
    }

    /// Decides something by what is stored, to write by it later.
    pub fn decide<D, F: Fn(&mut Store) -> Result<D>>(&self, decide: F) -> Result<Decision<D, F>> {
        self.read(|store| {
            let version = store.version()?;
            Ok(Decision { version: Some(version), made: decide(store)?, decide })
        })
    }

    /// Writes by a decision, in one transaction. `work` runs again where a value was taken or the database has undone the
    /// transaction. Where the answer to the commit is lost, the proof tells whether what was written is stored.
    pub fn write<D, F, T>(
        &self,
        decision: Decision<D, F>,
        mut work: impl FnMut(&mut Store, &D) -> Result<T>,
        proof: impl Fn(&T) -> Proof,
    ) -> Result<T>
    where
        F: Fn(&mut Store) -> Result<D>,
    {
        let Decision { mut version, made, decide } = decision;
        let (mut attempts, mut has_made_room) = (1, false);
        let mut patience = self.patience();
        loop {
            let written = self.read(|store| {
                store.write(|store| {
                    // Something may have changed since, and nothing can any more.
                    if Some(store.version()?) == version {
                        return work(store, &made);
                    }
                    let made = decide(store)?;
                    work(store, &made)
                })
            });
            match written {
                Ok(Written::Surely(value)) => {
                    self.with_open_store(|store| store.prove_in_batch(|| proof(&value)));
                    return Ok(value);
                }
                Ok(Written::Perhaps(value, error)) => match self.judge(&proof(&value)) {
                    Verdict::Stored => return Ok(value),
                    Verdict::Undone if attempts < ATTEMPTS => attempts += 1,
                    Verdict::Undone | Verdict::Unknown => return Err(error),
                },
                Err(Error::Store(StoreError::Taken)) if attempts < ATTEMPTS => {
                    attempts += 1;
                    // What was decided didn't see it.
                    version = None;
                }
                // Another column than ours, of a table that a host has made.
                Err(Error::Store(StoreError::Taken)) if self.is_remote() => {
                    return Err(ServerError::RowNotUnique.into());
                }
                Err(Error::Store(StoreError::Taken)) => return Err(SystemError::NoRandomness.into()),
                // A batch is done again as a whole.
                Err(error) if self.is_in_batch() => return Err(error),
                Err(error @ Error::Store(StoreError::Full(_))) if !has_made_room => {
                    has_made_room = true;
                    self.make_room(error)?;
                }
                Err(Error::Store(StoreError::Contended(_))) if patience.pause() => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes in one transaction, whatever was there before.
    pub fn transaction<T>(
        &self,
        mut work: impl FnMut(&mut Store) -> Result<T>,
        proof: impl Fn(&T) -> Proof,
    ) -> Result<T> {
        let decision = Decision { version: None, made: (), decide: |_: &mut Store| Ok(()) };
        self.write(decision, |store, ()| work(store), proof)
    }

    /// Frees what it can of a disk that is full; fails as what needs the space did where there is nothing to free.
    pub fn make_room(&self, error: Error) -> Result<()> {
        if self.read(Store::make_room).unwrap_or(false) { Ok(()) } else { Err(error) }
    }

    /// Looks whether a transaction was stored whose commit had no answer.
    pub fn judge(&self, proof: &Proof) -> Verdict {
        // The connection that has written may have a file that nobody else sees any more.
        self.to_check.set(Some(Purpose::Write));
        let look = |store: &mut Store| {
            let verdict = proof(store)?;
            if verdict == Verdict::Stored { store.make_last().map(|()| verdict) } else { Ok(verdict) }
        };
        self.read(look).unwrap_or(Verdict::Unknown)
    }

    /// Whether calls share a transaction now.
    pub fn is_in_batch(&self) -> bool {
        self.with_open_store(|store| store.is_in_batch()).unwrap_or(false)
    }

    /// Does this when the request is answered, at the latest before the next one is.
    pub fn after_answer(&self, work: impl FnOnce(&Self) -> Result<()> + 'static) {
        self.owed.replace(Some(Box::new(work)));
    }

    /// Does what the request before this owes to its store. Where that has gone since, nobody misses it.
    pub fn do_owed(&self) -> Result<()> {
        let (work, uses) = (self.owed.take(), self.uses.take());
        if work.is_none() && uses.is_empty() {
            return Ok(());
        }
        if !self.with_open_store(|store| store.is_current(Purpose::Write)).unwrap_or(false) {
            return Ok(());
        }
        if !uses.is_empty() {
            // It's no reason for anything to fail.
            let _ = self.write_uses(&uses);
        }
        work.map_or(Ok(()), |work| work(self))
    }

    /// Notes that a credential was used, of which this is the last time that was noted: once a minute at most, and when
    /// the request is answered. A request that goes on for longer has it noted by a later use.
    pub fn note_use(&self, credential: i64, last: Option<&str>) {
        let (Ok(now), Ok(minute_ago)) = (self.now(), self.ago(MINUTE)) else { return };
        if last.is_some_and(|last| minute_ago.as_str() < last && last <= now.as_str()) {
            return;
        }
        let is_due = {
            let mut uses = self.uses.borrow_mut();
            uses.entry(credential).or_insert(now);
            self.with_open_store(|store| store.is_memory()).unwrap_or(false)
                || uses.values().any(|time| *time <= minute_ago)
        };
        if is_due {
            // It's no reason for anything to fail.
            let _ = self.write_uses(&self.uses.take());
        }
    }

    fn write_uses(&self, uses: &BTreeMap<i64, String>) -> Result<()> {
        let (now, minute_ago) = (self.now()?, self.ago(MINUTE)?);
        let is_noted = |last: &str| minute_ago.as_str() < last && last <= now.as_str();
        self.read(|store| store.note_uses(uses, is_noted))
    }

    /// After a request: does what the next one needn't wait for.
    pub fn tidy(&self) {
        self.with_open_store(Store::tidy);
    }

    /// Closes a store that lives in a file, before the process forks: SQLite's locks don't survive a fork, and the next
    /// call opens it again on both sides. A store in memory stays, the child has a copy.
    pub fn close_file_store(&self) {
        self.let_go(|store| !store.is_memory() && !store.is_remote(), drop);
    }

    /// Lets go of what is the parent's, in the child after a fork: what it owes, and a store that the child can't use. A
    /// connection to a server isn't even closed, nor may SQLite be called where other threads had stores open.
    pub fn forget_parent(&self) {
        if let Ok(mut owed) = self.owed.try_borrow_mut() {
            *owed = None;
        }
        if let Ok(mut uses) = self.uses.try_borrow_mut() {
            uses.clear();
        }
        self.let_go(|store| store.is_remote() || store::is_orphan(), std::mem::forget);
    }

    /// Lets go of the store where it has to.
    pub fn let_go(&self, has_to: impl FnOnce(&Store) -> bool, let_go: impl FnOnce(Option<Store>)) {
        if let Ok(mut slot) = self.store.try_borrow_mut()
            && slot.as_ref().is_some_and(has_to)
        {
            let_go(slot.take());
        }
    }

    /// Does something with a store that is open; nothing where none is, or where this is in the middle of using it.
    pub fn with_open_store<T>(&self, work: impl FnOnce(&mut Store) -> T) -> Option<T> {
        self.store.try_borrow_mut().ok()?.as_mut().map(work)
    }

    fn open<'a>(&self, slot: &'a mut Option<Store>, missing: Missing) -> Result<&'a mut Store> {
        let unchecked = self.to_check.take();
        if unchecked.is_some_and(|purpose| slot.as_ref().is_some_and(|store| !store.is_current(purpose))) {
            *slot = None;
        }
        match slot {
            Some(store) => Ok(store),
            None => {
                let place = Place::of(&self.settings, |name| std::env::var_os(name))?;
                let key_file = place.key_file(&self.settings.key_file)?;
                let store = Store::open(&place, &self.settings, missing)?;
                // The keys that a process made for a store in memory go with that store.
                let vault = Vault::new(key_file, self.settings.busy_timeout);
                *self.vault.borrow_mut() = Some(Rc::new(vault));
                Ok(slot.insert(store))
            }
        }
    }
}

#[cfg(test)]
impl Session {
    /// One with the same identifiers, secrets and times on each run, wherever its store is.
    pub fn seeded_for_test(settings: Settings) -> Self {
        let mut session = Self::new(settings);
        session.random = Random::sandbox();
        session.clock.stop(Some(SEEDED_SECOND));
        session.reseed_for_test(1);
        session
    }

    /// One in memory and one in a file of this folder, which wait for nobody.
    pub fn impatient_for_test(folder: &std::path::Path) -> [Self; 2] {
        [Dsn::Memory, Dsn::File(folder.join("a.sqlite"))]
            .map(|dsn| Self::new(Settings { dsn, busy_timeout: std::time::Duration::ZERO, ..Settings::default() }))
    }

    /// Writes so much that cutting the log is worth while.
    pub fn grow_log_for_test(&self) {
        let sql = "INSERT INTO tblactivitylog (date, description) VALUES ('', hex(zeroblob(4000000)))";
        self.transaction(|store| store.execute_for_test(sql), |()| Verdict::Stored.always()).unwrap();
    }

    /// Stops the clock.
    pub fn stop_for_test(&self) {
        self.clock.stop(Some(SEEDED_SECOND));
    }

    /// Moves the clock by so many seconds.
    pub fn travel_for_test(&self, seconds: i64) {
        self.clock.travel(Some(seconds)).unwrap();
    }

    /// Begins with others, or with the same again.
    pub fn reseed_for_test(&self, seed: i64) {
        self.random.seed(Some(seed));
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::error::Location;
    use crate::own_file::beside;

    fn session(sandbox: bool, dsn: &str) -> Session {
        Session::new(Settings { sandbox, dsn: Dsn::parse(dsn), company_name: "Acme".to_owned(), ..Settings::default() })
    }

    /// How often a write is tried whose first tries fail like this, and what comes of it.
    fn tries(session: &Session, failing: usize, fault: impl Fn() -> Error) -> (usize, Result<()>) {
        let mut tries = 0;
        let work = |_: &mut Store| {
            tries += 1;
            if tries <= failing { Err(fault()) } else { Ok(()) }
        };
        let done = session.transaction(work, |()| Verdict::Stored.always());
        (tries, done)
    }

    fn here() -> Location {
        Location::File(PathBuf::from("/a"))
    }

    #[test]
    fn a_write_is_tried_again_where_another_attempt_may_do() {
        let folder = tempfile::tempdir().unwrap();
        let [memory, file] = Session::impatient_for_test(folder.path());
        for session in [&memory, &file] {
            assert!(matches!(tries(session, 7, || StoreError::Taken.into()), (8, Ok(()))));
            let (times, done) = tries(session, 8, || StoreError::Taken.into());
            assert!(matches!((times, done), (8, Err(Error::System(SystemError::NoRandomness)))));
            assert!(matches!(tries(session, 7, || StoreError::Contended(here()).into()), (8, Ok(()))));
            let (times, done) = tries(session, 8, || StoreError::Contended(here()).into());
            assert!(matches!((times, done), (8, Err(Error::Store(StoreError::Contended(_))))));
            assert!(matches!(tries(session, 1, || StoreError::ReadOnly(PathBuf::from("/a")).into()), (1, Err(_))));
        }
        // Only a file has a log, which can be cut where there is anything in it.
        let full = || StoreError::Full(here()).into();
        assert!(matches!(tries(&file, 1, full), (1, Err(Error::Store(StoreError::Full(_))))));
        let other = Session::new(file.settings().clone());
        other.grow_log_for_test();
        assert!(matches!(tries(&memory, 1, full), (1, Err(Error::Store(StoreError::Full(_))))));
        assert!(matches!(tries(&file, 1, full), (2, Ok(()))));
        other.grow_log_for_test();
        assert!(matches!(tries(&file, 2, full), (2, Err(Error::Store(StoreError::Full(_))))));
    }

    #[test]
    fn a_write_in_a_batch_is_tried_once() {
        let session = session(false, "sqlite::memory:");
        assert!(!session.is_in_batch());
        session.read(|store| store.begin_batch(true)).unwrap();
        assert!(session.is_in_batch());
        assert!(matches!(tries(&session, 1, || StoreError::Contended(here()).into()), (1, Err(_))));
        assert!(matches!(tries(&session, 1, || StoreError::Full(here()).into()), (1, Err(_))));
        session.with_open_store(Store::roll_batch_back);
        assert!(!session.is_in_batch());
    }

    #[test]
    fn what_was_decided_is_decided_again_where_it_may_no_longer_hold() {
        let session = session(false, "sqlite::memory:");
        let decided = Cell::new(0);
        let decide = |_: &mut Store| {
            decided.set(decided.get() + 1);
            Ok(decided.get())
        };
        let used = RefCell::new(Vec::new());
        let write = |failing: usize| {
            let decision = session.decide(decide).unwrap();
            let work = |_: &mut Store, made: &i32| {
                used.borrow_mut().push(*made);
                if used.borrow().len() <= failing { Err(StoreError::Taken.into()) } else { Ok(()) }
            };
            session.write(decision, work, |()| Verdict::Stored.always()).unwrap();
            (used.take(), decided.take())
        };
        assert_eq!(write(0), (vec![1], 1));
        assert_eq!(write(2), (vec![1, 2, 3], 3));
    }

    #[test]
    fn a_commit_that_nobody_may_see_is_judged_by_what_is_stored() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sqlite");
        let session = session(false, &format!("sqlite:{}", path.display()));
        for (verdict, times, stored) in
            [(Verdict::Stored, 1, true), (Verdict::Unknown, 1, false), (Verdict::Undone, 8, false)]
        {
            let mut tries = 0;
            let work = |_: &mut Store| {
                tries += 1;
                std::fs::rename(beside(&path, "-wal"), folder.path().join("moved")).unwrap();
                Ok(())
            };
            let done = session.transaction(work, |()| verdict.always());
            assert_eq!((tries, done.is_ok()), (times, stored), "{verdict:?}");
        }
    }

    #[test]
    fn each_call_looks_whether_the_store_is_still_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sqlite");
        let session = session(false, &format!("sqlite:{}", path.display()));
        let open = || session.read(|_| Ok(())).unwrap();
        open();
        std::fs::rename(&path, folder.path().join("b.sqlite")).unwrap();
        open();
        assert!(!path.exists(), "a call looks once");
        session.begin_call();
        open();
        assert!(path.exists());
        std::fs::rename(&path, folder.path().join("b.sqlite")).unwrap();
        session.begin_reading();
        open();
        assert!(path.exists());
    }

    #[test]
    fn before_a_fork_a_file_is_closed_and_the_child_owes_nothing_of_its_parents() {
        let folder = tempfile::tempdir().unwrap();
        let is_open = |session: &Session| session.with_open_store(|_| ()).is_some();
        let file = session(false, &format!("sqlite:{}", folder.path().join("a.sqlite").display()));
        let memory = session(false, "sqlite::memory:");
        for session in [&file, &memory] {
            session.read(|_| Ok(())).unwrap();
            session.forget_parent();
            assert!(is_open(session), "no other process is its parent");
            session.note_use(1, None);
            session.after_answer(|_| Err(SystemError::NoRandomness.into()));
            session.close_file_store();
        }
        assert!(!is_open(&file) && is_open(&memory));
        file.read(|_| Ok(())).unwrap();
        assert!(!file.uses.borrow().is_empty());
        file.forget_parent();
        assert!(file.uses.borrow().is_empty() && file.do_owed().is_ok());
    }

    #[test]
    fn only_a_store_at_a_server_is_asked_at_once() {
        assert!(session(false, "mysql://u@h/d").is_remote());
        assert!(!session(false, "sqlite::memory:").is_remote() && !session(false, "sqlite:/a").is_remote());
    }

    #[test]
    fn a_use_is_noted_unless_one_was_within_the_minute_before() {
        for (last, noted) in [(-61, true), (-60, true), (-59, false), (0, false), (1, true)] {
            for is_told in [false, true] {
                let session = Session::seeded_for_test(Settings { dsn: Dsn::Memory, ..Settings::default() });
                let credential = "INSERT INTO tbloauthserver_clients (id, identifier) VALUES (1, 'A')";
                session.read(|store| store.execute_for_test(credential)).unwrap();
                let used =
                    || session.read(|store| store.texts_for_test("SELECT used_at FROM localapi_last_uses")).unwrap();
                session.travel_for_test(last);
                session.note_use(1, None);
                let before = used();
                assert_eq!(before, [session.now().unwrap()]);
                session.travel_for_test(-last);
                // Whoever verifies may have read it before another has noted it.
                session.note_use(1, before.first().map(String::as_str).filter(|_| is_told));
                assert_eq!(used(), if noted { vec![session.now().unwrap()] } else { before }, "{last} {is_told}");
            }
        }
    }

    #[test]
    fn only_the_sandbox_is_seeded_and_has_its_clock_moved() {
        for (sandbox, dsn) in [(true, "sqlite:/a"), (false, "sqlite::memory:")] {
            let session = session(sandbox, dsn);
            session.seed(Some(1));
            session.travel(Some(-1_000_000)).unwrap();
            assert_eq!(session.identifier_prefix(), "ACME");
            assert!(!session.random().is_seeded());
            assert!(session.now().unwrap() > session.ago(900_000).unwrap());
        }
        let session = session(true, "sqlite::memory:");
        session.travel(Some(-1_000_000)).unwrap();
        let (moved, true_time) = (session.after(1_000).unwrap(), Clock::default().ago(900_000).unwrap());
        assert!(moved < true_time, "{moved} {true_time}");
        session.travel(None).unwrap();
        assert!(session.now().unwrap() > true_time);
        session.seed(Some(1));
        assert_eq!(session.now().unwrap(), crate::clock::to_text(SEEDED_SECOND).unwrap());
        assert_ne!(session.identifier_prefix(), "ACME");
        session.seed(None);
        assert_eq!(session.identifier_prefix(), "ACME");
        assert!(session.now().unwrap() > true_time);
    }
}
