//! Threads that play processes: one runs at a time, and which one follows from the seed.

use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::ChaCha20Rng;
use rand::{RngExt as _, SeedableRng as _};

use super::disk::Image;
use super::ledger::Ledger;
use super::vfs::Machine;
use crate::store::sqlite::checkpoint::Thresholds;
use crate::store::sqlite::file::Identity;
use crate::store::sqlite::in_use::Range;

/// How likely another process goes on where one could wait.
const SWITCH: f64 = 0.3;

thread_local! {
    static PROCESS: RefCell<Option<Process>> = const { RefCell::new(None) };
}

/// What this thread plays.
#[derive(Clone)]
pub struct Process {
    /// The machine it runs on.
    pub machine: Arc<Mutex<Machine>>,
    /// The stage and its place there; `None` if it's alone.
    pub stage: Option<(Arc<Stage>, usize)>,
    /// When it copies the log.
    pub thresholds: Thresholds,
    /// For how long nobody must have waited, so that it goes past the gate.
    pub deserted: Duration,
}

impl Process {
    /// Plays it: calls reach its machine from this thread.
    pub fn play<T>(self, part: impl FnOnce() -> T) -> T {
        /// Also where the part panics: the others go on.
        struct Exit(Option<(Arc<Stage>, usize)>);
        impl Drop for Exit {
            fn drop(&mut self) {
                PROCESS.set(None);
                if let Some((stage, own)) = self.0.take() {
                    stage.exit(own);
                }
            }
        }
        let stage = self.stage.clone();
        if let Some((stage, own)) = &stage {
            stage.wait_for(*own);
        }
        PROCESS.set(Some(self));
        let _exit = Exit(stage);
        part()
    }
}

/// Whether this thread plays a process.
pub fn is_on() -> bool {
    PROCESS.with_borrow(Option::is_some)
}

fn current() -> Option<Process> {
    PROCESS.with_borrow(Clone::clone)
}

/// The machine of this thread's process.
pub fn machine() -> Arc<Mutex<Machine>> {
    current().expect("a process of a story").machine
}

/// Lets another process go on. Whether this thread plays one.
pub fn pause() -> bool {
    match current() {
        Some(Process { stage: Some((stage, own)), .. }) => {
            stage.switch(own);
            true
        }
        Some(_) => true,
        None => false,
    }
}

/// Makes the names in the folder last.
pub fn flush_folder() -> io::Result<()> {
    pause();
    machine().lock().unwrap_or_else(PoisonError::into_inner).disk.flush_folder();
    Ok(())
}

/// Which process this thread plays.
pub fn number() -> usize {
    current().and_then(|process| process.stage).map_or(0, |(_, number)| number)
}

/// Which file a name means.
pub fn named(path: &Path) -> Option<Identity> {
    on_machine(|machine| machine.named(&path.to_string_lossy()))
}

/// Tells a file to be in use, as soon as nobody has it alone.
pub fn lock(path: &Path, range: Range) -> Option<Identity> {
    let name = path.to_string_lossy();
    loop {
        let locked = on_machine(|machine| machine.use_file(&name, range));
        if locked.is_some() || named(path).is_none() {
            return locked;
        }
        pause();
    }
}

/// Takes that back. Whether it was told here.
pub fn unlock(identity: Identity, range: Range) -> bool {
    is_on() && {
        on_machine(|machine| machine.leave_file(identity, range));
        true
    }
}

/// The host's code opens and closes the store's files: the kernel drops all locks that this process has on them.
pub fn read_files() {
    on_machine(|machine| machine.drop_locks(number()));
}

fn on_machine<T>(look: impl FnOnce(&mut Machine) -> T) -> T {
    pause();
    look(&mut machine().lock().unwrap_or_else(PoisonError::into_inner))
}

/// When this thread's process copies the log.
pub fn thresholds() -> Option<Thresholds> {
    current().map(|process| process.thresholds)
}

/// For how long nobody must have waited, so that this thread's process goes past the gate.
pub fn deserted() -> Option<Duration> {
    current().map(|process| process.deserted)
}

/// Notes what the disk may hold if the power is cut now, sometimes.
pub fn may_lose_power() {
    if let Some(Process { machine, stage: Some((stage, _)), .. }) = current() {
        stage.may_lose_power(&machine);
    }
}

/// Where processes play, one at a time.
pub struct Stage {
    state: Mutex<State>,
    changed: Condvar,
    /// What was answered.
    pub ledger: Mutex<Ledger>,
}

struct State {
    running: usize,
    /// Which processes haven't ended.
    playing: Vec<bool>,
    random: ChaCha20Rng,
    /// How likely the power is cut.
    cut: f64,
    cuts: Vec<(Image, Ledger)>,
}

impl Stage {
    /// A stage for so many processes.
    pub fn new(processes: usize, cut: f64, seed: u64) -> Arc<Self> {
        let random = ChaCha20Rng::seed_from_u64(seed);
        let state = State { running: 0, playing: vec![true; processes], random, cut, cuts: Vec::new() };
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new(), ledger: Mutex::default() })
    }

    /// The power cuts: what was left each time, and what had been answered.
    pub fn cuts(&self) -> Vec<(Image, Ledger)> {
        std::mem::take(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).cuts)
    }

    fn wait_for(&self, own: usize) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_while(state, |state| state.running != own).unwrap_or_else(PoisonError::into_inner));
    }

    fn switch(&self, own: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.random.random_bool(SWITCH) {
            state.next();
            if state.running != own {
                self.changed.notify_all();
                drop(state);
                self.wait_for(own);
            }
        }
    }

    fn exit(&self, own: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.playing[own] = false;
        if state.playing.contains(&true) {
            state.next();
            self.changed.notify_all();
        }
    }

    fn may_lose_power(&self, machine: &Mutex<Machine>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let probability = state.cut;
        if state.random.random_bool(probability) {
            let image = machine.lock().unwrap_or_else(PoisonError::into_inner).disk.cut_power();
            let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner).clone();
            state.cuts.push((image, ledger));
        }
    }
}

impl State {
    /// Chooses who goes on, of those who haven't ended.
    fn next(&mut self) {
        let playing = (0..self.playing.len()).filter(|&number| self.playing[number]);
        let playing: Vec<usize> = playing.collect();
        self.running = playing[self.random.random_range(0..playing.len())];
    }
}
