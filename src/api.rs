//! What one thread of one process works with: the store, the keys, the clock and the random source.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use subtle::ConstantTimeEq as _;

use crate::clock::Clock;
use crate::credential::{Secret, identifier};
use crate::error::{Error, Result};
use crate::place::Place;
use crate::random::Random;
use crate::reply::{Fields, Value};
use crate::settings::{Dsn, Settings};
use crate::store::fixture::{Columns, Table};
use crate::store::{
    self, About, Batch, Credential, LogLine, Note, Proof, ScopeTable, Store, Verdict, Version, Written,
};
use crate::text::{is_blank, is_control, is_space};
use crate::vault::{KeyId, KeyRing, Opened, Vault};

/// How often a transaction is tried where a value turns out to be taken, or a server has undone it for another's sake.
/// Sixteen random bytes are never taken; seeded ones can be.
const ATTEMPTS: usize = 8;

/// In seconds: what happens again so soon leaves no second line.
pub const MINUTE: u64 = 60;

/// What a request owes when it's answered.
type Owed = Box<dyn FnOnce(&Api) -> Result<()>>;

/// How many secrets are resealed in one transaction: others wait no longer than that takes.
const ROTATION_BATCH: i64 = 200;

/// When it is in the sandbox once that is seeded: 18th November 2016 9:32:24am, UTC.
const SEEDED_SECOND: u64 = 1_479_461_544;

/// The store, the keys, the clock and the random source, opened when they are first needed and kept.
pub struct Api {
    settings: Settings,
    identifier_prefix: String,
    test_prefix: String,
    clock: Clock,
    /// Where identifiers and secrets come from.
    random: Random,
    /// Where the vault's keys and nonces come from, whatever a test has seeded.
    vault_random: Random,
    vault: RefCell<Option<Vault>>,
    store: RefCell<Option<Store>>,
    /// Whether the store is where its place says, as far as the call that goes on has looked.
    looked: Cell<Looked>,
    /// Whether the call that goes on makes no sense with a new store.
    needs_store: Cell<bool>,
    /// Whether calls share a transaction now, and what tells whether it was stored.
    in_batch: Cell<bool>,
    batch_proofs: RefCell<Vec<Proof>>,
    /// What is to be done once the call that goes on is answered.
    owed: RefCell<Option<Owed>>,
}

impl Api {
    /// Nothing is opened yet.
    pub fn new(settings: Settings) -> Self {
        let identifier_prefix = identifier::prefix(&settings.company_name);
        let test_prefix = identifier::test_prefix(&identifier_prefix);
        let random = if settings.is_sandbox() { Random::sandbox() } else { Random::System };
        let (clock, vault_random) = (Clock::default(), Random::System);
        let (vault, store) = (RefCell::new(None), RefCell::new(None));
        let (looked, in_batch, batch_proofs) = (Cell::default(), Cell::new(false), RefCell::default());
        let needs_store = Cell::new(false);
        Self {
            settings,
            identifier_prefix,
            test_prefix,
            clock,
            random,
            vault_random,
            vault,
            store,
            looked,
            needs_store,
            in_batch,
            batch_proofs,
            owed: RefCell::default(),
        }
    }

    /// The settings this was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Notes that the host's service belongs to the host's client. A service that is there gets this client.
    pub fn register_service(&self, service: i64, client: i64) -> Result<()> {
        for (position, id) in [(1, service), (2, client)] {
            if id <= 0 {
                return Err(Error::Argument { position, must: "greater than 0" });
            }
        }
        let now = self.clock.now()?;
        self.write_unless(
            |store| Ok(store.service_owner(service)? == Some(Some(client))),
            |store| store.register_service(service, client, &now),
        )
    }

    /// Adds a scope that credentials may then have. A description replaces the one before it, if it says anything.
    pub fn register_scope(&self, scope: &[u8], description: &[u8]) -> Result<()> {
        let scope = argument(1, scope, "1 to 80 printable characters without white space", |scope| {
            !scope.is_empty()
                && scope.chars().count() <= 80
                && !scope.contains(|c: char| is_control(c) || (c.is_ascii() && is_space(c as u8)))
        })?;
        let description = argument(2, description, "at most 255 printable characters", |text| {
            text.chars().count() <= 255 && !text.contains(is_control)
        })?;
        let now = self.clock.now()?;
        self.write_unless(
            |store| {
                let known = store.scope_description(scope)?;
                Ok(known.is_some_and(|known| description.is_empty() || known == description))
            },
            |store| store.register_scope(scope, description, &now),
        )
    }

    /// Adds an admin in whose name commands may run. One that is there stays as it is, disabled or not.
    pub fn register_admin(&self, username: &[u8]) -> Result<()> {
        let username = admin_name(username)?;
        let now = self.clock.now()?;
        self.write_unless(|store| Ok(store.admin(username)?.is_some()), |store| store.register_admin(username, &now))
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

    /// The random source of identifiers and secrets.
    pub fn random(&self) -> &Random {
        &self.random
    }

    /// Makes identifiers, secrets and times the same on each run. Only the sandbox can be seeded.
    pub fn seed(&self, seed: i64) {
        if self.settings.is_sandbox() {
            self.random.seed(Some(seed));
            self.clock.stop(Some(SEEDED_SECOND));
        }
    }

    /// Empties the sandbox's store, and ends what a seed has begun. A store that wasn't opened stays closed.
    pub fn reset(&self) -> Result<()> {
        if !self.settings.is_sandbox() {
            return Ok(());
        }
        self.random.seed(None);
        self.clock.stop(None);
        let Ok(mut slot) = self.store.try_borrow_mut() else { return Ok(()) };
        let done = slot.as_mut().map_or(Ok(()), Store::reset);
        if done.is_err() {
            *slot = None;
        }
        done
    }

    /// Does this when the request is answered, at the latest before the next one is.
    pub fn after_answer(&self, work: impl FnOnce(&Self) -> Result<()> + 'static) {
        self.owed.replace(Some(Box::new(work)));
    }

    /// Does what the request before this owes to its store. Where that has gone since, nobody misses it.
    pub fn do_owed(&self) -> Result<()> {
        let Some(work) = self.owed.take() else { return Ok(()) };
        let is_there = self.store.borrow().as_ref().is_some_and(Store::is_current);
        if is_there { work(self) } else { Ok(()) }
    }

    /// After a request: does what the next one needn't wait for.
    pub fn tidy(&self) {
        if let Ok(mut slot) = self.store.try_borrow_mut()
            && let Some(store) = &mut *slot
        {
            store.tidy();
        }
    }

    /// Puts a row into the sandbox's store. `argument` is where the caller gave the columns.
    pub fn add_row(&self, table: Table, argument: u32, mut columns: Columns) -> Result<i64> {
        let now = self.clock.now()?;
        for time in ["created_at", "updated_at"] {
            if columns.iter().all(|(name, _)| name != time) {
                columns.push((time.to_owned(), now.clone()));
            }
        }
        self.read(|store| store.add_row(table, argument, &columns))
    }

    /// Puts an admin into the sandbox's store, or gives the one that is there these columns.
    pub fn add_admin(&self, username: &[u8], mut columns: Columns) -> Result<i64> {
        let username = admin_name(username)?.to_owned();
        columns.push(("username".to_owned(), username));
        self.add_row(Table::Admins, 2, columns)
    }

    /// Adds a scope as [`register_scope`](Self::register_scope) does, and returns its id.
    pub fn add_scope(&self, scope: &[u8], description: &[u8]) -> Result<i64> {
        self.register_scope(scope, description)?;
        self.read(|store| Ok(store.scopes()?.id(&String::from_utf8_lossy(scope)).unwrap_or_default()))
    }

    /// Closes a store that lives in a file, before the process forks: SQLite's locks don't survive a fork, and the next
    /// call opens it again on both sides. A store in memory stays, the child has a copy.
    pub fn close_file_store(&self) {
        if let Ok(mut slot) = self.store.try_borrow_mut()
            && slot.as_ref().is_some_and(|store| !store.is_memory() && !store.is_remote())
        {
            *slot = None;
        }
    }

    /// Leaves to the parent what it owes, in the child after a fork.
    pub fn forget_owed(&self) {
        if let Ok(mut owed) = self.owed.try_borrow_mut() {
            *owed = None;
        }
    }

    /// Lets go of a store that the child can't use after a fork. A connection to a server is the parent's, and not even
    /// closing it would leave it to the parent; nor may SQLite be called where other threads had stores open.
    pub fn forget_store_of_parent(&self) {
        if let Ok(mut slot) = self.store.try_borrow_mut()
            && slot.as_ref().is_some_and(|store| store.is_remote() || store::is_orphan())
        {
            std::mem::forget(slot.take());
        }
    }

    /// Whether the store is at a server: then `foresee` saves round trips.
    pub fn is_remote(&self) -> bool {
        matches!(self.settings.dsn, Dsn::Server(_))
    }

    /// Asks the server at once what a call will ask; with `writes` in the transaction that will write.
    pub fn foresee(&self, writes: bool, reads: impl Fn(&mut Store)) -> Result<()> {
        let mut attempts = 1;
        loop {
            match self.read(|store| store.foresee(writes, &reads)) {
                Err(Error::StoreContended(_)) if attempts < ATTEMPTS && !self.in_batch.get() => attempts += 1,
                done => return done,
            }
            self.settle();
        }
    }

    /// Ends what `foresee` has begun.
    pub fn settle(&self) {
        if let Ok(mut slot) = self.store.try_borrow_mut()
            && let Some(store) = &mut *slot
        {
            store.settle();
        }
    }

    /// Looks at the store, opening it first where that is needed.
    pub fn read<T>(&self, look: impl FnOnce(&mut Store) -> Result<T>) -> Result<T> {
        let mut slot = self.store.borrow_mut();
        let store = self.open(&mut slot)?;
        let memory = store.is_memory();
        let found = look(store);
        if found.is_err() && self.looked.get() == Looked::Once {
            // It may be that this connection must not be used again.
            self.looked.set(Looked::NotYet);
        }
        if !memory && found.as_ref().is_err_and(Error::is_fault_of_store) {
            // The next call starts afresh, so that it works once the cause is gone.
            *slot = None;
        }
        found
    }

    /// Decides something by what is stored, to write by it later.
    pub fn decide<D, F: Fn(&mut Store) -> Result<D>>(&self, decide: F) -> Result<Decision<D, F>> {
        self.read(|store| {
            let version = store.version()?;
            Ok(Decision { version: Some(version), made: decide(store)?, decide })
        })
    }

    /// Writes by a decision, in one transaction. `work` runs again where a value was taken or the database has undone the
    /// transaction.
    pub fn write<D, F, T>(&self, decision: Decision<D, F>, work: impl FnMut(&mut Store, &D) -> Result<T>) -> Result<T>
    where
        F: Fn(&mut Store) -> Result<D>,
    {
        self.write_proven(decision, work, |_| Box::new(|_| Ok(Verdict::Unknown)))
    }

    /// Writes as [`write`](Self::write) does. Where a server was lost before it answered the commit, the proof of what
    /// was written tells whether to write it again.
    pub fn write_proven<D, F, T>(
        &self,
        decision: Decision<D, F>,
        mut work: impl FnMut(&mut Store, &D) -> Result<T>,
        proof: impl Fn(&T) -> Proof,
    ) -> Result<T>
    where
        F: Fn(&mut Store) -> Result<D>,
    {
        let Decision { version, made, decide } = decision;
        let (mut attempts, mut has_made_room) = (0, false);
        loop {
            attempts += 1;
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
                    if self.in_batch.get() && self.is_remote() {
                        self.batch_proofs.borrow_mut().push(proof(&value));
                    }
                    return Ok(value);
                }
                Ok(Written::Perhaps(value, error)) => match self.judge(&proof(&value)) {
                    Verdict::Stored => return Ok(value),
                    Verdict::Undone if attempts < ATTEMPTS => {}
                    Verdict::Undone | Verdict::Unknown => return Err(error),
                },
                Err(Error::Taken) if attempts < ATTEMPTS => {}
                Err(error @ Error::StoreFull(_)) if !has_made_room && !self.in_batch.get() => {
                    has_made_room = true;
                    self.make_room(error)?;
                }
                // A batch is done again as a whole.
                Err(Error::StoreContended(_)) if attempts < ATTEMPTS && !self.in_batch.get() => {}
                // Another column than ours, of a table that a host has made.
                Err(Error::Taken) if self.is_remote() => return Err(Error::RowNotUnique),
                Err(Error::Taken) => return Err(Error::NoRandomness),
                Err(error) => return Err(error),
            }
        }
    }

    /// Frees what it can of a disk that is full; fails as what needs the space did where there is nothing to free.
    fn make_room(&self, error: Error) -> Result<()> {
        if self.read(Store::make_room).unwrap_or(false) { Ok(()) } else { Err(error) }
    }

    /// Looks whether a transaction was stored whose commit had no answer.
    fn judge(&self, proof: &Proof) -> Verdict {
        if self.looked.get() == Looked::Once {
            // The connection that has written may have a file that nobody else sees any more.
            self.looked.set(Looked::NotYet);
        }
        let look = |store: &mut Store| {
            let verdict = proof(store)?;
            if verdict == Verdict::Stored { store.make_last().map(|()| verdict) } else { Ok(verdict) }
        };
        self.read(look).unwrap_or(Verdict::Unknown)
    }

    /// Runs calls in one transaction: what each writes is undone alone where it fails, and all of it where `calls` or the
    /// commit does. They run again where the database has undone the transaction.
    pub fn batch(&self, mut calls: impl FnMut() -> Result<()>) -> Result<()> {
        let (mut attempts, mut has_made_room) = (1, false);
        let mut how = if self.is_remote() { Batch::Careful } else { Batch::Quick };
        loop {
            self.in_batch.set(true);
            self.batch_proofs.borrow_mut().clear();
            let done = self.read(|store| store.begin_batch(how)).and_then(|()| calls());
            self.in_batch.set(false);
            let done = match done {
                Ok(()) => self.read(Store::commit_batch),
                // A store that has been closed meanwhile has undone it.
                Err(error) => {
                    if let Some(store) = &mut *self.store.borrow_mut() {
                        store.roll_batch_back();
                    }
                    Err(error)
                }
            };
            let undone = match &done {
                Err(Error::StoreContended(_)) => true,
                Err(error @ Error::StoreFull(_)) if !has_made_room => {
                    has_made_room = true;
                    self.make_room(error.clone()).is_ok()
                }
                Err(Error::HalfWritten) => {
                    how = Batch::Careful;
                    true
                }
                Err(Error::CommitUnanswered(_)) => {
                    let proofs = self.batch_proofs.take();
                    match Verdict::of_all(proofs.iter().map(|proof| self.judge(proof))) {
                        Verdict::Stored => return Ok(()),
                        Verdict::Undone => true,
                        Verdict::Unknown => proofs.is_empty(),
                    }
                }
                _ => false,
            };
            if !undone || attempts == ATTEMPTS {
                return done;
            }
            attempts += 1;
        }
    }

    /// Writes in one transaction, whatever was there before.
    pub fn transaction<T>(&self, work: impl FnMut(&mut Store) -> Result<T>) -> Result<T> {
        self.transaction_proven(work, |_| Box::new(|_| Ok(Verdict::Unknown)))
    }

    /// Writes as [`transaction`](Self::transaction) does, with a proof as for [`write_proven`](Self::write_proven).
    pub fn transaction_proven<T>(
        &self,
        mut work: impl FnMut(&mut Store) -> Result<T>,
        proof: impl Fn(&T) -> Proof,
    ) -> Result<T> {
        let decision = Decision { version: None, made: (), decide: |_: &mut Store| Ok(()) };
        self.write_proven(decision, |store, ()| work(store), proof)
    }

    /// Writes, unless what should be there is there already: that needs no write, and a flush only where others have
    /// written.
    fn write_unless(
        &self,
        done: impl Fn(&mut Store) -> Result<bool>,
        write: impl Fn(&mut Store) -> Result<()>,
    ) -> Result<()> {
        let decision = self.decide(&done)?;
        if decision.made {
            return self.read(|store| store.make_last());
        }
        let write = |store: &mut Store, is_done: &bool| {
            if *is_done {
                return Ok(());
            }
            write(store)?;
            // A host's table may compare in another way, or have more columns that are unique.
            if store.is_remote() && !done(store)? { Err(Error::RowNotUnique) } else { Ok(()) }
        };
        self.write_proven(decision, write, |()| harmless_again())
    }

    /// Seals a new secret for a new credential, inside the transaction that stores it. The first secret of a store makes
    /// its key file, which lasts before the secret is sealed.
    pub fn seal(&self, store: &mut Store, identifier: &str, secret: &Secret) -> Result<String> {
        let vault = self.vault.borrow();
        let vault = vault.as_ref().ok_or(Error::KeyFileInvalid)?;
        let noted = sealing_key(store)?;
        let is_first = noted.is_none() && !store.has_secrets()?;
        let ring = vault.keys_to_seal(&self.vault_random, is_first)?;
        let id = match noted {
            Some(noted) => ring.later(noted, ring.active).ok_or_else(|| vault.foreign(&noted))?,
            None => ring.active,
        };
        let sealed = ring.seal(&id, identifier, secret, &self.vault_random)?.ok_or_else(|| vault.foreign(&id))?;
        match noted {
            None => store.set_first_note(Note::SealingKey, &id.to_string())?,
            // The store is older than the key file: what the retired key has sealed is left to `rotate_key`.
            Some(noted) if noted != id => note_rotation(store, &id)?,
            Some(_) => {}
        }
        Ok(sealed)
    }

    /// Seals another secret for a credential that has one. Where the store's key is lost this goes on with a key that
    /// is there: it's how a row comes back.
    pub fn seal_anew(&self, store: &mut Store, identifier: &str, secret: &Secret) -> Result<String> {
        let sealed = self.seal(store, identifier, secret);
        match sealed {
            Err(Error::KeyFileForeign(..)) => {
                let vault = self.vault.borrow();
                let vault = vault.as_ref().ok_or(Error::KeyFileInvalid)?;
                let ring = vault.keys_to_seal(&self.vault_random, false)?;
                let sealed = ring.seal(&ring.active, identifier, secret, &self.vault_random)?;
                sealed.ok_or_else(|| vault.foreign(&ring.active))
            }
            sealed => sealed,
        }
    }

    /// Opens a credential's secret. The keys are kept in `keys` for the next one.
    pub fn open_secret(&self, credential: &Credential, keys: &mut Option<Rc<KeyRing>>) -> Result<Opened> {
        let vault = self.vault.borrow();
        let vault = vault.as_ref().ok_or(Error::KeyFileInvalid)?;
        let keys = match keys {
            Some(keys) => keys,
            None => keys.insert(vault.keys_of_sealed()?),
        };
        vault.open(keys, &credential.secret, &credential.identifier)
    }

    /// Whether this secret belongs to this identifier, and what a token endpoint needs to know then. The time it takes
    /// doesn't depend on how much of the secret is right. An identifier is no secret: it has 128 random bits.
    pub fn verify_credential(&self, identifier: &[u8], secret: &[u8]) -> Result<Option<Fields>> {
        // None that isn't UTF-8 is stored, and this stands for it.
        let text = std::str::from_utf8(identifier).unwrap_or_default();
        let look = |store: &mut Store| Ok(store.credential_to_verify(text)?.zip(Some(store.scopes()?)));
        let found = self.with_existing_store(|| self.read(|store| store.read_at_once(look)))?;
        let Some((credential, scopes)) = found.filter(|(found, _)| found.identifier.as_bytes() == identifier) else {
            return Ok(None);
        };
        let valid: bool = match self.open_secret(&credential, &mut None)? {
            Opened::Secret(known) => known.text().reveal().as_bytes().ct_eq(secret).into(),
            Opened::Damaged => return Err(Error::SecretDamaged(credential.id)),
            Opened::KeyMissing(id) => return Err(self.foreign_key_file(&id)),
        };
        Ok(valid.then(|| details_for_tokens(credential, &scopes)))
    }

    /// Seals every secret with a new key, a batch at a time, while other processes go on. Returns how many were. Where
    /// an earlier call did not finish this one does. With `stage` the new key is only added to the file, to be used by
    /// the next call. `go_on` is asked between two batches.
    pub fn rotate_key(&self, stage: bool, go_on: impl Fn() -> bool) -> Result<i64> {
        let (in_use, unfinished) = self.with_existing_store(|| self.read(|store| self.key_in_use(store)))?;
        if stage {
            self.with_vault(|vault| vault.update(|ring| ring.stage(in_use, &self.vault_random).map(drop)))?;
            self.transaction(|store| self.log(store, "Key staged: the next rotation seals with it"))?;
            return Ok(0);
        }
        let target = self.begin_rotation(in_use, unfinished)?;
        let key = target.to_string();
        let (mut behind, mut resealed) = (0, 0);
        while go_on() {
            let batch = self.read(|store| store.sealed_with_others(&key, behind, ROTATION_BATCH))?;
            let Some(&(last, ..)) = batch.last() else {
                self.transaction_proven(|store| store.set_note(Note::Rotation, None), |()| harmless_again())?;
                break;
            };
            behind = last;
            resealed += self.reseal(&target, &batch)?;
        }
        Ok(resealed)
    }

    /// Notes the key that everything is sealed with from now on; it's in the key file by then.
    fn begin_rotation(&self, in_use: KeyId, unfinished: bool) -> Result<KeyId> {
        let target = self.with_vault(|vault| {
            vault.update(|ring| {
                let goes_on = unfinished && ring.holds(&in_use);
                if goes_on { Ok(in_use) } else { ring.stage(in_use, &self.vault_random) }
            })
        })?;
        let key = target.to_string();
        let begin = |store: &mut Store| {
            if store.note(Note::Rotation)?.as_ref() == Some(&key) {
                return Ok(());
            }
            self.log(store, "Key rotated: everything is sealed with the new one from now on")?;
            note_rotation(store, &target)
        };
        self.transaction_proven(begin, |()| harmless_again())?;
        self.with_vault(|vault| {
            vault.update(|ring| {
                ring.active = target;
                Ok(())
            })
        })?;
        Ok(target)
    }

    /// Writes a line of the system's own into the activity log.
    fn log(&self, store: &Store, what: &str) -> Result<()> {
        store.log(&LogLine::of_system(&self.now()?, About::Everything, &what))
    }

    /// Seals these secrets with another key. One that can't be opened stays as it is.
    fn reseal(&self, target: &KeyId, batch: &[(i64, String, String)]) -> Result<i64> {
        let mut resealed = Vec::with_capacity(batch.len());
        self.with_vault(|vault| {
            let mut ring = vault.keys_of_sealed()?;
            for (id, identifier, old) in batch {
                if let Opened::Secret(secret) = vault.open(&mut ring, old, identifier)? {
                    let new = ring.seal(target, identifier, &secret, &self.vault_random)?;
                    resealed.push((*id, old, new.ok_or_else(|| vault.foreign(target))?));
                }
            }
            Ok(())
        })?;
        let reseal = |store: &mut Store| {
            let mut count = 0;
            for (id, old, new) in &resealed {
                count += i64::from(store.reseal_secret(*id, old, new)?);
            }
            Ok(count)
        };
        self.transaction_proven(reseal, |_| {
            let last = resealed.last().map(|(id, _, new)| (*id, new.clone()));
            Box::new(move |store| {
                let Some((id, new)) = &last else { return Ok(Verdict::Stored) };
                Ok(Verdict::stored_if(store.credential(*id)?.is_some_and(|found| found.secret == *new)))
            })
        })
    }

    /// The key that a rotation starts from, and whether one to it was begun already: by an earlier call, or because the
    /// store is older than the key file. A store without secrets gets its first. An older copy of the key file would go
    /// on with keys that the newer ones lack: it's refused as long as a secret needs what it hasn't got.
    fn key_in_use(&self, store: &mut Store) -> Result<(KeyId, bool)> {
        let noted = sealing_key(store)?;
        let is_first = noted.is_none() && !store.has_secrets()?;
        let ring = self.with_vault(|vault| vault.keys_to_seal(&self.vault_random, is_first))?;
        let Some(noted) = noted else { return Ok((ring.active, false)) };
        match ring.later(noted, ring.active) {
            Some(later) => Ok((later, later != noted || store.note(Note::Rotation)?.is_some())),
            None if store.is_sealed_with(&noted.to_string())? => Err(self.foreign_key_file(&noted)),
            None => Ok((noted, false)),
        }
    }

    fn foreign_key_file(&self, id: &KeyId) -> Error {
        self.with_vault(|vault| Ok(vault.foreign(id))).unwrap_or_else(|error| error)
    }

    /// The vault of the store that is open.
    fn with_vault<T>(&self, work: impl FnOnce(&Vault) -> Result<T>) -> Result<T> {
        self.vault.borrow().as_ref().ok_or(Error::KeyFileInvalid).and_then(work)
    }

    /// Runs what makes no sense with a new store: where there is none, nothing is made.
    pub fn with_existing_store<T>(&self, call: impl FnOnce() -> Result<T>) -> Result<T> {
        self.needs_store.set(true);
        let done = call();
        self.needs_store.set(false);
        done
    }

    /// Looks only once, while this runs, whether the store is still the one that its place names.
    pub fn in_one_call<T>(&self, call: impl FnOnce() -> T) -> T {
        self.looked.set(Looked::NotYet);
        let done = call();
        self.looked.set(Looked::Never);
        done
    }

    fn open<'a>(&self, slot: &'a mut Option<Store>) -> Result<&'a mut Store> {
        let looked = self.looked.get();
        if looked != Looked::Once && slot.as_ref().is_some_and(|store| !store.is_current()) {
            *slot = None;
        }
        if looked == Looked::NotYet {
            self.looked.set(Looked::Once);
        }
        match slot {
            Some(store) => Ok(store),
            None => {
                let place = Place::of(&self.settings, |name| std::env::var_os(name))?;
                let key_file = place.key_file(&self.settings.key_file)?;
                let open = if self.needs_store.get() { Store::open_existing } else { Store::open };
                let store = open(&place, &self.settings)?;
                // The keys that a process made for a store in memory go with that store.
                *self.vault.borrow_mut() = Some(Vault::new(key_file, self.settings.busy_timeout));
                Ok(slot.insert(store))
            }
        }
    }
}

/// Whether a call has looked for the store.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Looked {
    /// There is no call: each time is the first.
    #[default]
    Never,
    NotYet,
    Once,
}

/// The proof of what looks itself whether there is anything left to do: it's written again.
fn harmless_again() -> Proof {
    Box::new(|_| Ok(Verdict::Undone))
}

/// What was decided by a state of the store, and how to decide again should it change before it's written by.
pub struct Decision<D, F> {
    version: Option<Version>,
    /// The decision.
    pub made: D,
    decide: F,
}

/// Notes that secrets are sealed with this key from now on, and that those sealed with another are yet to be.
fn note_rotation(store: &mut Store, key: &KeyId) -> Result<()> {
    store.set_note(Note::Rotation, Some(&key.to_string()))?;
    store.set_note(Note::SealingKey, Some(&key.to_string()))
}

/// The id of the key that this store's secrets are sealed with; `None` before the first.
fn sealing_key(store: &mut Store) -> Result<Option<KeyId>> {
    Ok(store.note(Note::SealingKey)?.as_deref().and_then(KeyId::parse))
}

/// What the endpoints of an authorization server need to know of a credential that was verified.
fn details_for_tokens(credential: Credential, scopes: &ScopeTable) -> Fields {
    let details = credential.details;
    let redirect_uris = details.redirect_uri.split_ascii_whitespace().map(str::to_owned).collect();
    vec![
        ("credentialId", Value::Int(credential.id)),
        ("clientIdentifier", Value::Text(credential.identifier)),
        ("grantType", Value::Text(details.grant_type)),
        ("scope", Value::Texts(scopes.names(&credential.scopes).into_iter().map(str::to_owned).collect())),
        ("serviceId", Value::Int(details.service_id)),
        ("userId", Value::Int(details.user_id.parse().unwrap_or(0))),
        ("redirectUri", Value::Texts(redirect_uris)),
    ]
}

/// Reads the name of an admin.
fn admin_name(username: &[u8]) -> Result<&str> {
    argument(1, username, "1 to 255 printable characters", |name| {
        !is_blank(name) && name.chars().count() <= 255 && !name.contains(is_control)
    })
}

/// Reads an argument that must be text of some form.
pub fn argument<'a>(
    position: u32,
    bytes: &'a [u8],
    must: &'static str,
    valid: impl FnOnce(&str) -> bool,
) -> Result<&'a str> {
    std::str::from_utf8(bytes).ok().filter(|text| valid(text)).ok_or(Error::Argument { position, must })
}

#[cfg(test)]
impl Api {
    /// One with the same identifiers, secrets and times on each run, wherever its store is.
    pub fn seeded_for_test(settings: Settings) -> Self {
        let mut api = Self::new(settings);
        api.random = Random::sandbox();
        api.clock.stop(Some(SEEDED_SECOND));
        api.reseed_for_test(1);
        api
    }

    /// Begins with others, or with the same again.
    pub fn reseed_for_test(&self, seed: i64) {
        self.random.seed(Some(seed));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::command;
    use crate::request::Request;
    use crate::request::fixture::Given;
    use crate::settings::KeyFile;
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

    fn create(api: &Api) -> Result<i64> {
        let given = Given::default().with("grantType", "authorization_code").with("name", "A").with("scope", "openid");
        let reply = command::answer(api, &Request::new(b"CreateOAuthCredential", &given, None))?;
        match reply.fields.first() {
            Some((_, Value::Int(id))) => Ok(*id),
            other => panic!("{other:?}"),
        }
    }

    /// The keys that the secrets are sealed with, in the order of the credentials.
    fn sealed_with(api: &Api) -> Vec<String> {
        let rows = api.read(|store| store.sealed_behind(0, 100)).unwrap();
        rows.into_iter().map(|(_, _, sealed)| sealed.split(':').nth(1).unwrap().to_owned()).collect()
    }

    fn note(api: &Api, note: Note) -> Option<String> {
        api.read(|store| store.note(note)).unwrap()
    }

    /// What a backup from before a rotation is: the store's notes, and a secret sealed with the key of that time.
    fn restore(api: &Api, id: i64, sealed: &str, key: &str) {
        api.transaction(|store| {
            store
                .execute_for_test(&format!("UPDATE tbloauthserver_clients SET secret = '{sealed}' WHERE id = {id}"))?;
            store.set_note(Note::Rotation, None)?;
            store.set_note(Note::SealingKey, Some(key))
        })
        .unwrap();
    }

    #[test]
    fn a_store_that_is_older_than_the_key_file_seals_with_the_key_that_replaced_its_own() {
        let folder = tempfile::tempdir().unwrap();
        for (settings, ..) in stores(folder.path()) {
            let api = Api::new(settings);
            let first = create(&api).unwrap();
            let sealed = api.read(|store| store.credential(first)).unwrap().unwrap().secret;
            let retired = note(&api, Note::SealingKey).unwrap();
            assert_eq!(api.rotate_key(false, || true).unwrap(), 1);
            // A staged key is in the file, and nothing is sealed with it.
            assert_eq!(api.rotate_key(true, || true).unwrap(), 0);
            let active = note(&api, Note::SealingKey).unwrap();
            restore(&api, first, &sealed, &retired);

            create(&api).unwrap();
            assert_eq!(sealed_with(&api), [retired.clone(), active.clone()]);
            assert_eq!(note(&api, Note::SealingKey), Some(active.clone()));
            // What is left is sealed with the same key, and no other is made.
            assert_eq!(api.rotate_key(false, || true).unwrap(), 1);
            assert_eq!(sealed_with(&api), [active.clone(), active.clone()]);
            assert_eq!(note(&api, Note::Rotation), None);

            restore(&api, first, &sealed, &retired);
            assert_eq!(api.rotate_key(false, || true).unwrap(), 1, "nobody has sealed anything before");
            assert_eq!(sealed_with(&api), [active.clone(), active.clone()]);
            // Then all is as after any rotation: the next one takes the staged key.
            assert_eq!(api.rotate_key(false, || true).unwrap(), 2);
            assert!(!sealed_with(&api).contains(&active));
        }
    }

    #[test]
    fn a_key_file_that_is_older_than_the_store_seals_with_the_keys_that_it_shares() {
        let folder = tempfile::tempdir().unwrap();
        for (settings, keys, _database) in stores(folder.path()) {
            let api = Api::new(settings);
            create(&api).unwrap();
            api.rotate_key(true, || true).unwrap();
            // Another machine's copy, from when the new key had gone round.
            let copy = fs::read(&keys).unwrap();
            api.rotate_key(false, || true).unwrap();
            let active = note(&api, Note::SealingKey).unwrap();
            fs::write(&keys, copy).unwrap();
            create(&api).unwrap();
            assert_eq!(sealed_with(&api), [active.clone(), active.clone()]);
            assert_eq!((note(&api, Note::SealingKey), note(&api, Note::Rotation)), (Some(active), None));
        }
    }
}
