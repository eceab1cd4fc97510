//! Processes that call at the same time, a power cut at any moment, and a look at what is left.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::ChaCha20Rng;
use rand::seq::IteratorRandom as _;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rusqlite::{Connection, OpenFlags};

use super::disk::{Defect, Disk, Faults, Image};
use super::ledger::{Content, Ledger, State, Stored};
use super::process::{Process, Stage, flush_folder, may_lose_power, pause, read_files};
use super::vfs::{self, Machine};
use crate::batch;
use crate::command;
use crate::error::{Result, StoreError};
use crate::registry::register_scope;
use crate::reply::{Fields, Reply, Value};
use crate::request::Request;
use crate::request::fixture::Given;
use crate::session::Session;
use crate::settings::{Dsn, Durability, KeyFile, Settings};
use crate::store::sqlite::checkpoint::Thresholds;
use crate::store::sqlite::schema;
use crate::verify;

/// How a story goes.
#[derive(Debug, Clone, Copy)]
struct Plot {
    seed: u64,
    /// What each process does, by a seed.
    life: fn(&Session, &Stage, u64),
    durability: Durability,
    faults: Faults,
    defect: Option<Defect>,
}

/// What came of stories.
#[derive(Debug, Default)]
struct Outcome {
    cuts: usize,
    issued: usize,
    wrong: Vec<String>,
}

/// The folder of the stories of one thread: the key file is real, the store isn't.
struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        vfs::register();
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn session(&self, durability: Durability) -> Session {
        Session::new(Settings {
            dsn: Dsn::File(self.path("store")),
            key_file: KeyFile::At(self.path("keys")),
            busy_timeout: Duration::from_secs(60),
            durability,
            ..Settings::default()
        })
    }

    /// Tells a story, and looks at the store after each power cut.
    fn tell(&self, plot: Plot, outcome: &mut Outcome) {
        let mut random = ChaCha20Rng::seed_from_u64(plot.seed);
        let processes = random.random_range(1..=4);
        // Those of new stores, and of older ones.
        let page = if random.random_bool(0.7) { schema::PAGE_SIZE } else { 4_096 };
        let (free, most) = (random.random_range(5..60), random.random_range(60..120));
        let thresholds = Thresholds { page, lengthen: random.random_range(0..12), quiet: 5, free, most };
        // Always, or until somebody had to wait: no story takes so long.
        let deserted = if random.random_bool(0.5) { Duration::ZERO } else { Duration::from_secs(60) };
        let store = self.path("store").to_string_lossy().into_owned();
        let begin = Image::from([(store, schema::new_file_of_pages(page).unwrap())]);
        let mut disk = Disk::new(&begin, random.next_u64());
        disk.defect = plot.defect;
        disk.faults = plot.faults;
        let machine = Machine::new(disk);
        let stage = Stage::new(processes, 0.06, random.next_u64());
        std::thread::scope(|scope| {
            for number in 0..processes {
                let (machine, place) = (Arc::clone(&machine), Some((Arc::clone(&stage), number)));
                let process = Process { machine, stage: place, thresholds, deserted };
                let (stage, seed) = (Arc::clone(&stage), random.next_u64());
                scope.spawn(move || process.play(|| (plot.life)(&self.session(plot.durability), &stage, seed)));
            }
        });
        let ledger = stage.ledger.lock().unwrap().clone();
        outcome.issued += ledger.len();
        let end = machine.lock().unwrap().disk.content();
        if let Err(wrong) = self.look(&end, &ledger, thresholds, random.next_u64()) {
            outcome.wrong.push(format!("story {}, in the end: {wrong}", plot.seed));
        }
        for (image, ledger) in stage.cuts() {
            outcome.cuts += 1;
            self.spoil_gate(&mut random);
            if let Err(wrong) = self.look(&image, &ledger, thresholds, random.next_u64()) {
                outcome.wrong.push(format!("story {}, cut {}: {wrong}", plot.seed, outcome.cuts));
            }
        }
    }

    /// A power cut may leave anything in the page that processes share.
    fn spoil_gate(&self, random: &mut ChaCha20Rng) {
        let mut page = [0; 4096];
        random.fill_bytes(&mut page[..28]);
        std::fs::write(self.path("store-gate"), page).unwrap();
    }

    /// Opens what is left, compares it with what was answered, issues another credential and cuts the power again.
    fn look(
        &self,
        image: &Image,
        ledger: &Ledger,
        thresholds: Thresholds,
        seed: u64,
    ) -> std::result::Result<(), String> {
        let machine = Machine::new(Disk::new(image, seed));
        let process = Process { machine: Arc::clone(&machine), stage: None, thresholds, deserted: Duration::ZERO };
        let mut ledger = ledger.clone();
        let again = process.clone().play(|| {
            let session = self.session(Durability::Full);
            check(&session, &ledger)?;
            let (identifier, secret) = create(&session).map_err(|error| format!("it takes nothing more: {error}"))?;
            ledger.created(&identifier, &secret);
            let image = machine.lock().unwrap().disk.cut_power();
            Ok::<_, String>(image)
        })?;
        let machine = Machine::new(Disk::new(&again, seed));
        Process { machine, ..process }
            .play(|| check(&self.session(Durability::Full), &ledger))
            .map_err(|wrong| format!("the second time, {wrong}"))
    }
}

/// What one process does.
fn live(session: &Session, stage: &Stage, seed: u64) {
    live_and(session, stage, seed, || ());
}

/// What one process does among others that know nothing of localapi, if it isn't one of them itself: its host's code reads
/// the store's files, and all its locks on them are gone.
fn live_among_others(session: &Session, stage: &Stage, seed: u64) {
    let mut random = ChaCha20Rng::seed_from_u64(seed);
    match random.random_range(0..3) {
        0 => open_and_close(session, &mut random),
        _ => live_and(session, stage, seed, read_files),
    }
}

/// What a program does that opens the store by SQLite alone: the last one to close it deletes the log.
fn open_and_close(session: &Session, random: &mut ChaCha20Rng) {
    let Dsn::File(path) = &session.settings().dsn else { return };
    for _ in 0..random.random_range(1..12) {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let Ok(connection) = Connection::open_with_flags_and_vfs(path, flags, vfs::VFS) else { continue };
        let _ = connection.execute_batch("PRAGMA wal_autocheckpoint = 0");
        let sql = ["SELECT count(*) FROM tblclients", "INSERT INTO tblclients DEFAULT VALUES"];
        // Nothing makes the name of a log last that another process has made and not flushed yet. File systems do it with
        // the first flush of the log; this disk doesn't.
        let _ = connection.execute_batch(sql[0]);
        let _ = flush_folder();
        for _ in 0..random.random_range(1..4) {
            let _ = connection.execute_batch(sql[random.random_range(0..sql.len())]);
        }
    }
}

fn live_and(session: &Session, stage: &Stage, seed: u64, between: impl Fn()) {
    let mut random = ChaCha20Rng::seed_from_u64(seed);
    let mut own: Vec<(i64, String)> = Vec::new();
    let mut shown = None;
    for _ in 0..random.random_range(1..8) {
        between();
        let chosen = if own.is_empty() { None } else { Some(random.random_range(0..own.len())) };
        match (random.random_range(0..10), chosen) {
            (0, Some(at)) => {
                let (id, identifier) = own.swap_remove(at);
                stage.ledger.lock().unwrap().begin(&identifier, State::Deleted);
                let given = Given::default().with("credentialId", id.to_string());
                if answer(session, b"DeleteOAuthCredential", &given).is_ok() {
                    stage.ledger.lock().unwrap().answered(&identifier, State::Deleted);
                }
            }
            (1 | 2, Some(at)) => {
                let (id, identifier) = own[at].clone();
                stage.ledger.lock().unwrap().begin(&identifier, State::Unknown);
                let given = Given::default().with("credentialId", id.to_string()).with("resetSecret", "1");
                let given = if random.random_bool(0.5) { given.with("overlap", "1000") } else { given };
                if let Ok(fields) = answer(session, b"UpdateOAuthCredential", &given) {
                    let secret = State::Secret(text(&fields, "newClientSecret"));
                    stage.ledger.lock().unwrap().answered(&identifier, secret);
                }
            }
            (3, _) => {
                let given = new_credential();
                let calls: Vec<_> =
                    (0..3).map(|_| command::read(&Request::new(b"CreateOAuthCredential", &given, None))).collect();
                for reply in batch::answer(session, &calls, || true).into_iter().flatten() {
                    own.push(note(stage, &reply.fields));
                }
            }
            (4, _) => {
                let _ = read(session);
            }
            (5, _) => read_slowly(session, random.random_range(1..60)),
            // What a verification leaves is flushed with what others write, if at all.
            (6, Some(_)) => {
                if let Some((identifier, secret)) = &shown {
                    let _ = verify::verify(session, String::as_bytes(identifier), String::as_bytes(secret));
                    let _ = session.do_owed();
                }
            }
            (7, _) => {
                let key = format!("{seed} {}", random.random_range(0..3));
                if let Ok(fields) =
                    answer(session, b"CreateOAuthCredential", &new_credential().with("idempotencyKey", key))
                {
                    let (identifier, secret) = (text(&fields, "clientIdentifier"), text(&fields, "clientSecret"));
                    if own.iter().all(|(_, known)| *known != identifier) {
                        own.push(note(stage, &fields));
                    }
                    shown = Some((identifier, secret));
                }
            }
            _ => {
                if let Ok(fields) = answer(session, b"CreateOAuthCredential", &new_credential()) {
                    own.push(note(stage, &fields));
                }
            }
        }
        if random.random_bool(0.1) {
            session.close_file_store();
        }
    }
}

/// What a process does that registers scopes which the others register, too: often one is there already, and who has
/// written it waits for it to last.
fn register(session: &Session, stage: &Stage, _: u64) {
    for number in 0..12 {
        let scope = format!("scope{number}");
        if register_scope(session, scope.as_bytes(), b"").is_ok() {
            stage.ledger.lock().unwrap().registered(&scope);
            may_lose_power();
        }
    }
}

/// What a process does that registers scopes, and uses what any other has registered: it keeps what it has read while it
/// writes itself.
fn use_what_others_register(session: &Session, stage: &Stage, seed: u64) {
    let mut random = ChaCha20Rng::seed_from_u64(seed);
    if random.random_bool(0.4) {
        return add_scopes(session, stage, seed);
    }
    for number in 0..16 {
        let known = stage.ledger.lock().unwrap().scopes().choose(&mut random).map(str::to_owned);
        match known.filter(|_| random.random_bool(0.8)) {
            Some(scope) => {
                let given = credential_for(&format!("openid {scope}"));
                match answer(session, b"CreateOAuthCredential", &given) {
                    Ok(fields) => drop(note(stage, &fields)),
                    Err(error) => assert!(error.is_fault_of_store(), "{error} after it was registered"),
                }
            }
            None => {
                let scope = format!("scope{seed:x}.{number}");
                if register_scope(session, scope.as_bytes(), b"").is_ok() {
                    stage.ledger.lock().unwrap().registered(&scope);
                }
            }
        }
    }
}

/// The same as a program does that knows no gate: it may commit right after another's commit.
fn add_scopes(session: &Session, stage: &Stage, seed: u64) {
    let Dsn::File(path) = &session.settings().dsn else { return };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let Ok(connection) = Connection::open_with_flags_and_vfs(path, flags, vfs::VFS) else { return };
    let _ = connection.execute_batch("PRAGMA wal_autocheckpoint = 0");
    for number in 0..40 {
        let scope = format!("other{seed:x}.{number}");
        if connection.execute("INSERT INTO tbloauthserver_scopes (scope) VALUES (?1)", [&scope]).is_ok() {
            stage.ledger.lock().unwrap().added(&scope);
        }
        pause();
    }
}

/// As a program of the host's may: what is in the log can't be copied to its end meanwhile.
fn read_slowly(session: &Session, pauses: u32) {
    let _ = session.read(|store| {
        store.engine.change("BEGIN", &[])?;
        let read = store.engine.row("SELECT count(*) FROM tbloauthserver_clients", &[], |_| ());
        for _ in 0..pauses {
            pause();
        }
        store.engine.change("COMMIT", &[])?;
        read
    });
}

fn note(stage: &Stage, fields: &Fields) -> (i64, String) {
    let identifier = text(fields, "clientIdentifier");
    stage.ledger.lock().unwrap().created(&identifier, &text(fields, "clientSecret"));
    (text(fields, "credentialId").parse().unwrap(), identifier)
}

fn new_credential() -> Given {
    credential_for("openid profile")
}

fn credential_for(scopes: &str) -> Given {
    // Long enough for a page to hold only a few.
    Given::default()
        .with("grantType", "authorization_code")
        .with("name", "A")
        .with("scope", scopes)
        .with("description", "d".repeat(200))
        .with("redirectUri", format!("https://a.test/{}", "r".repeat(600)))
}

fn answer(session: &Session, name: &[u8], given: &Given) -> Result<Fields> {
    command::answer(session, &Request::new(name, given, None)).map(|reply| reply.fields)
}

fn create(session: &Session) -> Result<(String, String)> {
    let fields = answer(session, b"CreateOAuthCredential", &new_credential())?;
    Ok((text(&fields, "clientIdentifier"), text(&fields, "clientSecret")))
}

fn text(fields: &Fields, name: &str) -> String {
    match fields.iter().find(|(known, _)| *known == name) {
        Some((_, Value::Text(text))) => text.clone(),
        Some((_, Value::Secret(secret))) => secret.reveal().to_owned(),
        Some((_, Value::Int(number))) => number.to_string(),
        _ => String::new(),
    }
}

/// Whether a store opens, is sound, and holds what was answered.
fn check(session: &Session, ledger: &Ledger) -> std::result::Result<(), String> {
    let stored = read(session).map_err(|error| format!("it doesn't open: {error}"))?;
    ledger.check(&stored)
}

fn read(session: &Session) -> Result<Content> {
    let mut content = Content::default();
    let rows =
        |sql: &str| session.read(|store| store.engine.rows(sql, &[], |row| (row.text(0), row.int(1), row.int(2))));
    let sound = rows("PRAGMA integrity_check")?;
    if sound.iter().any(|(word, ..)| word != "ok") {
        return Err(StoreError::Damaged(Path::new(&sound[0].0).to_owned()).into());
    }
    let orphans = rows(
        "SELECT 'a scope', client_id, scope_id FROM tbloauthserver_client_scopes \
         WHERE client_id NOT IN (SELECT id FROM tbloauthserver_clients)",
    )?;
    if let Some(orphan) = orphans.first() {
        return Err(StoreError::Damaged(Path::new(&format!("{orphan:?}")).to_owned()).into());
    }
    let orphans = rows(
        "SELECT 'a life', id, 0 FROM (SELECT id FROM localapi_lifetimes UNION ALL SELECT id FROM localapi_last_uses) \
         WHERE id NOT IN (SELECT id FROM tbloauthserver_clients)",
    )?;
    if let Some(orphan) = orphans.first() {
        return Err(StoreError::Damaged(Path::new(&format!("{orphan:?}")).to_owned()).into());
    }
    let counts = rows(
        "SELECT identifier, (SELECT count(*) FROM tbloauthserver_client_scopes WHERE client_id = c.id), \
         (SELECT count(*) FROM tblactivitylog WHERE description LIKE 'OAuth credential ' || c.id || ' created%') \
         FROM tbloauthserver_clients c",
    )?;
    let nothing = Given::default();
    let Reply { list, .. } = command::answer(session, &Request::new(b"ListOAuthCredentials", &nothing, None))?;
    let mut secrets = BTreeMap::new();
    if let Some(mut list) = list {
        loop {
            let clients = list.rows.next_batch()?;
            if clients.is_empty() {
                break;
            }
            for client in clients {
                let secret = Some(text(&client, "clientSecret")).filter(|secret| !secret.is_empty());
                secrets.insert(text(&client, "clientIdentifier"), secret);
            }
        }
    }
    for (identifier, scopes, lines) in counts {
        let secret = secrets.remove(&identifier).flatten();
        content.credentials.insert(identifier, Stored { secret, scopes, lines });
    }
    content.scopes =
        rows("SELECT scope, 0, 0 FROM tbloauthserver_scopes")?.into_iter().map(|(scope, ..)| scope).collect();
    Ok(content)
}

/// Tells stories, as many at a time as the machine can.
fn tell(count: u64, plot: impl Fn(u64) -> Plot + Sync) -> Outcome {
    let next = AtomicU64::new(0);
    let tell_some = || {
        let (scene, mut outcome) = (Scene::new(), Outcome::default());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= count {
                return outcome;
            }
            scene.tell(plot(seed), &mut outcome);
        }
    };
    std::thread::scope(|scope| {
        let tellers = std::thread::available_parallelism().map_or(1, usize::from);
        let tellers: Vec<_> = (0..tellers).map(|_| scope.spawn(tell_some)).collect();
        let outcomes = tellers.into_iter().map(|teller| teller.join().unwrap());
        outcomes.fold(Outcome::default(), |mut all, one| {
            all.cuts += one.cuts;
            all.issued += one.issued;
            all.wrong.extend(one.wrong);
            all
        })
    })
}

/// The size of the issue with LOCALAPI_FULL=1, a short one otherwise.
fn size(short: u64, full: u64) -> u64 {
    if std::env::var_os("LOCALAPI_FULL").is_some_and(|full| full == "1") { full } else { short }
}

fn sound(seed: u64) -> Plot {
    Plot { seed, life: live, durability: Durability::Full, faults: Faults::default(), defect: None }
}

fn assert_nothing_is_wrong(what: &str, outcome: &Outcome) {
    println!("{what}: {} power cuts, {} credentials issued", outcome.cuts, outcome.issued);
    let first: Vec<_> = outcome.wrong.iter().take(5).collect();
    assert!(first.is_empty(), "{what}: {} of {} power cuts: {first:#?}", outcome.wrong.len(), outcome.cuts);
}

#[test]
fn what_was_answered_survives_a_power_cut() {
    let outcome = tell(size(60, 14_000), sound);
    assert_nothing_is_wrong("a sound disk", &outcome);
    let least = usize::try_from(size(300, 100_000)).unwrap();
    assert!(outcome.cuts > least && outcome.issued > least);
}

#[test]
fn what_was_answered_survives_a_power_cut_whatever_the_disk_did_before() {
    let none = Faults::default();
    let kinds = [
        ("writes that fail", Faults { write: 0.01, ..none }),
        ("flushes that fail", Faults { flush: 0.05, ..none }),
        ("flushes that fail and forget", Faults { flush: 0.03, forget: 0.3, ..none }),
        ("a disk that is full", Faults { full: 0.02, ..none }),
        ("all of that", Faults { write: 0.003, flush: 0.02, forget: 0.2, full: 0.003 }),
    ];
    for (what, faults) in kinds {
        let outcome = tell(size(10, 1_500), |seed| Plot { faults, ..sound(seed) });
        assert_nothing_is_wrong(what, &outcome);
        let least = usize::try_from(size(20, 4_000)).unwrap();
        assert!(outcome.cuts > least && outcome.issued > least);
    }
}

#[test]
fn what_another_has_registered_lasts_before_that_is_told() {
    let outcome = tell(size(40, 1_000), |seed| Plot { life: register, ..sound(seed) });
    assert_nothing_is_wrong("registered by several", &outcome);
    assert!(outcome.cuts > 40);
}

#[test]
fn what_another_has_changed_is_seen_by_the_next_call_of_anybody() {
    let outcome = tell(size(100, 2_000), |seed| Plot { life: use_what_others_register, ..sound(seed) });
    assert_nothing_is_wrong("used by several", &outcome);
    assert!(outcome.cuts > 100 && outcome.issued > 300);
}

#[test]
fn what_was_answered_lasts_whoever_reads_the_files_and_whoever_closes_them() {
    let outcome = tell(size(60, 5_000), |seed| Plot { life: live_among_others, ..sound(seed) });
    assert_nothing_is_wrong("among other programs", &outcome);
    assert!(outcome.cuts > 150 && outcome.issued > 80);
}

#[test]
fn where_nobody_tells_that_a_store_is_in_use_that_is_noticed() {
    let defect = Some(Defect::NobodyTells);
    let outcome = tell(40, |seed| Plot { life: live_among_others, defect, ..sound(seed) });
    assert!(!outcome.wrong.is_empty());
}

#[test]
fn without_the_flush_the_last_moments_are_lost_and_nothing_else() {
    let outcome = tell(size(20, 2_000), |seed| Plot { durability: Durability::Normal, ..sound(seed) });
    let (lost, broken): (Vec<_>, Vec<_>) = outcome.wrong.iter().partition(|wrong| wrong.contains("is lost"));
    assert!(!lost.is_empty() && broken.is_empty(), "{broken:?}");
}

#[test]
fn a_flush_before_the_commit_is_noticed() {
    let outcome = tell(10, |seed| Plot { defect: Some(Defect::LogIsFlushedEarly), ..sound(seed) });
    assert!(outcome.wrong.iter().any(|wrong| wrong.contains("is lost")), "{:?}", outcome.wrong);
}

#[test]
fn a_folder_that_is_not_flushed_is_noticed() {
    let outcome = tell(10, |seed| Plot { defect: Some(Defect::FolderIsNotFlushed), ..sound(seed) });
    assert!(outcome.wrong.iter().any(|wrong| wrong.contains("is lost")), "{:?}", outcome.wrong);
}

#[test]
fn a_torn_page_that_looks_whole_is_noticed() {
    let outcome = tell(10, |seed| Plot { defect: Some(Defect::TornPageLooksWhole), ..sound(seed) });
    assert!(!outcome.wrong.is_empty());
}
