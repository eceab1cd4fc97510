//! A disk whose power can be cut: what is in memory, what has come to last, and all that may have, in between.
//!
//! What is written is seen by all at once and lasts when its file is flushed. Until then each sector of 512 bytes may
//! lag behind the others: it holds what it held at the last flush, or anything that was written to it since. So do a
//! file's size, and the names in the folder until that is flushed. A flush that fails is taken for one that was done, as
//! Linux does: what it should have written lasts only if it's written again. Every handle that was open is told once.

use std::collections::{BTreeMap, HashMap};

use rand::rngs::ChaCha20Rng;
use rand::{RngExt as _, SeedableRng as _};

/// What a disk writes as a whole.
const SECTOR: usize = 512;
/// What the kernel writes as a whole, as a rule.
const PAGE: usize = 4096;

/// A file's number. Names come and go.
pub type FileId = usize;

/// What happens to a disk that it shouldn't happen to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Faults {
    /// How likely a write fails, after half of it perhaps.
    pub write: f64,
    /// How likely a flush fails.
    pub flush: f64,
    /// How likely what a failed flush should have written is gone from memory, too.
    pub forget: f64,
    /// How likely the disk is full from now on, or has room again.
    pub full: f64,
}

/// What a disk does wrong so that the tests can show that they would notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// A flush of the folder does nothing.
    FolderIsNotFlushed,
    /// A flush of the log makes last what was in it before the last commit.
    LogIsFlushedEarly,
    /// Half a page of the log is lost after the power cut, and its checksum says that all is well.
    TornPageLooksWhole,
    /// That a file is in use is told to nobody.
    NobodyTells,
}

/// Why an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskFault {
    /// The medium.
    Broken,
    /// No space is left.
    Full,
}

/// The disk.
pub struct Disk {
    files: Vec<File>,
    names: BTreeMap<String, Name>,
    random: ChaCha20Rng,
    /// What goes wrong by chance.
    pub faults: Faults,
    /// What goes wrong always.
    pub defect: Option<Defect>,
    is_full: bool,
    /// Counts what has changed something.
    now: u64,
}

/// One file.
#[derive(Default)]
struct File {
    /// What is read.
    content: Vec<u8>,
    /// What lasts.
    durable: Vec<u8>,
    /// What was written to sectors and doesn't last for certain.
    sectors: BTreeMap<usize, Sector>,
    /// Sizes that it has had since the last flush, and whether a flush would write the last.
    sizes: Vec<(u64, usize)>,
    size_is_dirty: bool,
    /// How often a flush of it has failed.
    failures: u64,
    /// When the newest commit began to be written, if this is a log.
    commit_began: u64,
}

/// A sector's contents since the last flush, and when they were written.
#[derive(Default)]
struct Sector {
    versions: Vec<(u64, [u8; SECTOR])>,
    /// Whether a flush would write the last.
    is_dirty: bool,
}

/// Which file a name has meant since the folder was last flushed. The first one lasts.
struct Name(Vec<Option<FileId>>);

/// What may have become of the disk's files when the power was cut.
pub type Image = BTreeMap<String, Vec<u8>>;

impl Disk {
    /// A disk with these files, whose chances follow from the seed.
    pub fn new(files: &Image, seed: u64) -> Self {
        let mut disk = Self {
            files: Vec::new(),
            names: BTreeMap::new(),
            random: ChaCha20Rng::seed_from_u64(seed),
            faults: Faults::default(),
            defect: None,
            is_full: false,
            now: 0,
        };
        for (name, content) in files {
            disk.names.insert(name.clone(), Name(vec![Some(disk.files.len())]));
            disk.files.push(File { content: content.clone(), durable: content.clone(), ..File::default() });
        }
        disk
    }

    /// The file of this name.
    pub fn find(&self, name: &str) -> Option<FileId> {
        self.names.get(name).and_then(Name::current)
    }

    /// Makes an empty file.
    pub fn create(&mut self, name: &str) -> FileId {
        let file = self.files.len();
        self.files.push(File::default());
        self.names.entry(name.to_owned()).or_insert_with(|| Name(vec![None])).0.push(Some(file));
        file
    }

    /// Takes a name away. Whether it was there.
    pub fn delete(&mut self, name: &str) -> bool {
        let there = self.find(name).is_some();
        if let Some(name) = self.names.get_mut(name).filter(|_| there) {
            name.0.push(None);
        }
        there
    }

    /// Makes the names last.
    pub fn flush_folder(&mut self) {
        if self.defect != Some(Defect::FolderIsNotFlushed) {
            self.names.values_mut().for_each(Name::flush);
        }
    }

    /// How many bytes a file has.
    pub fn size(&self, file: FileId) -> usize {
        self.files[file].content.len()
    }

    /// How often a flush of a file has failed.
    pub fn failures(&self, file: FileId) -> u64 {
        self.files[file].failures
    }

    /// Reads what is there; how many bytes that were.
    pub fn read(&self, file: FileId, at: usize, into: &mut [u8]) -> usize {
        let from = self.files[file].content.get(at..).unwrap_or_default();
        let length = from.len().min(into.len());
        into[..length].copy_from_slice(&from[..length]);
        length
    }

    /// Writes, or fails after a part of it.
    pub fn write(&mut self, file: FileId, at: usize, bytes: &[u8]) -> Result<(), DiskFault> {
        if self.chance(self.faults.full) {
            self.is_full = !self.is_full;
        }
        let grows = at + bytes.len() > self.size(file);
        let fault = match (self.is_full && grows, self.chance(self.faults.write)) {
            (true, _) => Some(DiskFault::Full),
            (_, true) => Some(DiskFault::Broken),
            _ => None,
        };
        let length = if fault.is_some() { self.random.random_range(0..=bytes.len()) } else { bytes.len() };
        self.now += 1;
        if length > 0 {
            self.files[file].write(at, &bytes[..length], self.now);
        }
        fault.map_or(Ok(()), Err)
    }

    /// Cuts a file to this size, or lengthens it.
    pub fn truncate(&mut self, file: FileId, size: usize) {
        self.now += 1;
        self.files[file].resize(size, self.now);
    }

    /// Notes that a commit begins to be written to a log.
    pub fn begin_commit(&mut self, file: FileId) {
        self.files[file].commit_began = self.now;
    }

    /// Makes a file's content last, or fails and says that it has, but for this time.
    pub fn flush(&mut self, file: FileId, is_log: bool) -> Result<(), DiskFault> {
        if self.chance(self.faults.flush) {
            let forget = self.chance(self.faults.forget);
            let (files, random) = (&mut self.files, &mut self.random);
            files[file].fail_to_flush(forget, random);
            return Err(DiskFault::Broken);
        }
        let file = &mut self.files[file];
        let early = self.defect == Some(Defect::LogIsFlushedEarly) && is_log;
        file.flush(if early { file.commit_began } else { u64::MAX });
        Ok(())
    }

    /// What the disk holds where the power is never cut.
    pub fn content(&self) -> Image {
        let file = |(path, name): (&String, &Name)| Some((path.clone(), self.files[name.current()?].content.clone()));
        self.names.iter().filter_map(file).collect()
    }

    /// What the disk may hold if the power is cut now.
    pub fn cut_power(&mut self) -> Image {
        let how = Cut::any(&mut self.random, self.now);
        let (files, random) = (&self.files, &mut self.random);
        let mut image = Image::new();
        for (path, name) in &self.names {
            let which = match how {
                Cut::All => 0,
                Cut::Nothing => name.0.len() - 1,
                _ => random.random_range(0..name.0.len()),
            };
            if let Some(file) = name.0[which] {
                image.insert(path.clone(), files[file].after(how, random));
            }
        }
        if self.defect == Some(Defect::TornPageLooksWhole) {
            for (_, log) in image.iter_mut().filter(|(path, _)| path.ends_with("-wal")) {
                tear_a_page(log, random);
            }
        }
        image
    }

    fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.random.random_bool(probability)
    }
}

/// How far the disk has come with what wasn't flushed.
#[derive(Clone, Copy)]
enum Cut {
    /// Not at all.
    All,
    /// To the end.
    Nothing,
    /// Up to one moment, in the order in which it was written.
    At(u64),
    /// The same, each file up to a moment of its own.
    AtEach(u64),
    /// Each page for itself.
    Pages,
    /// Each sector for itself.
    Sectors,
}

impl Cut {
    fn any(random: &mut ChaCha20Rng, now: u64) -> Self {
        // Most of what is open at any moment is young.
        let recent = |random: &mut ChaCha20Rng| now - random.random_range(0..=now.min(40));
        match random.random_range(0..8) {
            0 => Self::All,
            1 => Self::Nothing,
            2 | 3 => Self::At(recent(random)),
            4 => Self::AtEach(recent(random)),
            5 => Self::Pages,
            _ => Self::Sectors,
        }
    }
}

impl File {
    fn write(&mut self, at: usize, bytes: &[u8], now: u64) {
        let end = at + bytes.len();
        let size = self.content.len();
        if end > size {
            self.content.resize(end, 0);
            self.sizes.push((now, end));
        }
        // Where a flush has failed to write the size, writing after the one that lasts leads to it again.
        self.size_is_dirty |= end > self.durable.len();
        self.content[at..end].copy_from_slice(bytes);
        // A gap that comes to be reads as zeros.
        self.note(at.min(size)..end, now);
    }

    fn note(&mut self, bytes: std::ops::Range<usize>, now: u64) {
        for sector in bytes.start / SECTOR..bytes.end.div_ceil(SECTOR) {
            let content = sector_of(&self.content, sector);
            let sector = self.sectors.entry(sector).or_default();
            sector.versions.push((now, content));
            sector.is_dirty = true;
        }
    }

    fn resize(&mut self, size: usize, now: u64) {
        let old = self.content.len();
        self.content.resize(size, 0);
        self.sizes.push((now, size));
        self.size_is_dirty = true;
        // What a cut takes of a sector, and what lengthening adds, is zeros.
        self.note(old.min(size)..if size > old { size } else { size.next_multiple_of(SECTOR) }, now);
    }

    /// Makes last what would be written, as it was at a moment.
    fn flush(&mut self, until: u64) {
        if self.size_is_dirty
            && let Some(&(_, size)) = self.sizes.iter().rev().find(|(when, _)| *when <= until)
        {
            self.durable.resize(size, 0);
            self.sizes.retain(|(when, _)| *when > until);
            self.size_is_dirty = !self.sizes.is_empty();
        }
        let durable = &mut self.durable;
        self.sectors.retain(|&number, sector| {
            if !sector.is_dirty {
                return true;
            }
            let Some(at) = sector.versions.iter().rposition(|(when, _)| *when <= until) else { return true };
            put(durable, number, &sector.versions[at].1);
            sector.versions.drain(..=at);
            !sector.versions.is_empty()
        });
    }

    /// From now on nobody writes what should have been written, and some of it may have been.
    fn fail_to_flush(&mut self, forget: bool, random: &mut ChaCha20Rng) {
        self.failures += 1;
        self.size_is_dirty = false;
        for (&number, sector) in &mut self.sectors {
            if !sector.is_dirty {
                continue;
            }
            sector.is_dirty = false;
            if let Some((_, last)) = sector.versions.last()
                && random.random_bool(0.5)
            {
                put(&mut self.durable, number, last);
                sector.versions.clear();
            } else if forget && random.random_bool(0.5) {
                let old = sector_of(&self.durable, number);
                let start = number * SECTOR;
                let end = (start + SECTOR).min(self.content.len());
                if start < end {
                    self.content[start..end].copy_from_slice(&old[..end - start]);
                }
                sector.versions.clear();
            }
        }
        self.sectors.retain(|_, sector| !sector.versions.is_empty());
    }

    fn after(&self, how: Cut, random: &mut ChaCha20Rng) -> Vec<u8> {
        let how = match how {
            Cut::AtEach(until) => Cut::At(until.saturating_sub(random.random_range(0..20))),
            how => how,
        };
        let mut content = self.durable.clone();
        let sizes = [(0, self.durable.len())].into_iter().chain(self.sizes.iter().copied());
        let sizes: Vec<(u64, usize)> = sizes.collect();
        let size = match how {
            Cut::All => self.durable.len(),
            Cut::Nothing => self.content.len(),
            Cut::At(until) => sizes.iter().rev().find(|(when, _)| *when <= until).map_or(0, |(_, size)| *size),
            Cut::AtEach(_) | Cut::Pages | Cut::Sectors => sizes[random.random_range(0..sizes.len())].1,
        };
        content.resize(size.max(self.durable.len()), 0);
        let mut of_page: HashMap<usize, u64> = HashMap::new();
        for (&number, sector) in &self.sectors {
            let until = match how {
                Cut::All => 0,
                Cut::Nothing | Cut::AtEach(_) => u64::MAX,
                Cut::At(until) => until,
                Cut::Pages => *of_page.entry(number * SECTOR / PAGE).or_insert_with(|| any_moment(sector, random)),
                Cut::Sectors => any_moment(sector, random),
            };
            if let Some((_, version)) = sector.versions.iter().rev().find(|(when, _)| *when <= until) {
                put(&mut content, number, version);
            }
        }
        content.truncate(size);
        content
    }
}

/// A moment from before the first version, or from one of them on.
fn any_moment(sector: &Sector, random: &mut ChaCha20Rng) -> u64 {
    let which = random.random_range(0..=sector.versions.len());
    which.checked_sub(1).map_or(0, |which| sector.versions[which].0)
}

fn sector_of(content: &[u8], number: usize) -> [u8; SECTOR] {
    let mut sector = [0; SECTOR];
    let from = content.get(number * SECTOR..).unwrap_or_default();
    let length = from.len().min(SECTOR);
    sector[..length].copy_from_slice(&from[..length]);
    sector
}

/// Puts a sector where it belongs, as far as there is room.
fn put(content: &mut [u8], number: usize, sector: &[u8; SECTOR]) {
    if let Some(to) = content.get_mut(number * SECTOR..) {
        let length = to.len().min(SECTOR);
        to[..length].copy_from_slice(&sector[..length]);
    }
}

impl Name {
    fn current(&self) -> Option<FileId> {
        self.0.last().copied().flatten()
    }

    fn flush(&mut self) {
        self.0 = vec![self.current()];
    }
}

/// Loses half of a page of a log, and mends all checksums from there on.
fn tear_a_page(log: &mut [u8], random: &mut ChaCha20Rng) {
    const HEADER: usize = 32;
    const PAGE_HEADER: usize = 24;
    if log.len() < HEADER {
        return;
    }
    let page = word(log, 8) as usize;
    let frame = PAGE_HEADER + page;
    let salts = log.get(16..24).map(<[u8]>::to_vec);
    let mut frames = log.get(HEADER..).unwrap_or_default().chunks_exact(frame);
    let whole = frames.by_ref().take_while(|frame| Some(&frame[8..16]) == salts.as_deref()).count();
    if whole == 0 {
        return;
    }
    let torn = random.random_range(0..whole);
    let mut sums = (word(log, 24), word(log, 28));
    for number in 0..whole {
        let frame = &mut log[HEADER + number * frame..][..frame];
        if number == torn {
            frame[PAGE_HEADER + page / 2..].fill(0);
        }
        add(&mut sums, &frame[..8]);
        add(&mut sums, &frame[PAGE_HEADER..]);
        frame[16..20].copy_from_slice(&sums.0.to_be_bytes());
        frame[20..24].copy_from_slice(&sums.1.to_be_bytes());
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// SQLite's checksum on a machine that puts the lowest byte first.
fn add((first, second): &mut (u32, u32), bytes: &[u8]) {
    for pair in bytes.chunks_exact(8) {
        let read = |at: usize| u32::from_le_bytes([pair[at], pair[at + 1], pair[at + 2], pair[at + 3]]);
        *first = first.wrapping_add(read(0)).wrapping_add(*second);
        *second = second.wrapping_add(read(4)).wrapping_add(*first);
    }
}
