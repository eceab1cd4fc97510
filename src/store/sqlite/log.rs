//! The write-ahead log of a connection: how what was committed comes to last.
//!
//! With `synchronous=NORMAL` SQLite commits without a flush, and the log is flushed here, when the write lock is free
//! again and before the caller is answered: those who write at the same time wait at the same time. Why that is enough:
//!
//! * The log is only appended to, and each commit's pages are in it before the commit returns. A flush of the file
//!   covers all that was written to it before, by whatever process.
//! * Each page carries a checksum over all pages before it. After a power cut SQLite takes the log up to the last commit
//!   whose pages are all there; a flush that came back has made sure of them and of all before them.
//! * The log begins anew only when a checkpoint has flushed the log, then copied its pages and flushed the database:
//!   with NORMAL, too. The first pages of the new log follow only when its header is flushed.
//! * Its name in the folder is flushed when a connection has opened it. It isn't removed while one has ([`in_use`]), and
//!   no connection of ours removes it; whether it still has its name is looked at before a commit is answered.
//!
//! A reader may see a row before it lasts.
//!
//! [`in_use`]: super::in_use
#![allow(unsafe_code, reason = "SQLite's file methods; every block says why it is sound")]

use std::array;
use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Error, ErrorCode, Result, ffi};

/// The lengths of the log's header and of the one before each page (sqlite.org/fileformat2.html, "The Write-Ahead Log").
const HEADER: usize = 32;
const PAGE_HEADER: usize = 24;
/// The first part of the log's index, in bytes. It begins with a header and a copy of that, and the number of pages that
/// are copied into the database (sqlite.org/walformat.html, "The WAL-Index File Format").
const INDEX: c_int = 32_768;
const HEADER_OF_INDEX: usize = 12;
const COPIED_IN_INDEX: usize = 2 * HEADER_OF_INDEX;
/// Where the header has how many pages there are in the log. All of these are counted in numbers of 4 bytes.
const PAGES_IN_INDEX: usize = 4;
/// The locks that whoever copies the log has, and those that read more than is copied ("Locks", ibidem).
const COPYING: Range<c_int> = 1..2;
const READING: Range<c_int> = 4..8;
/// So long it takes until such a lock is asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(1);
/// And so long at most.
const ASK_AGAIN_LATER: Duration = Duration::from_millis(20);

/// So many zeros are written at once: SQLite writes no more than 128 KiB.
const ZEROS: usize = 16 << 10;

/// A file that a connection has open. It's read and written by SQLite's own methods: another handle on a file would drop
/// the locks that SQLite has on it.
struct OpenFile<'a> {
    file: NonNull<ffi::sqlite3_file>,
    methods: &'a ffi::sqlite3_io_methods,
}

impl<'a> OpenFile<'a> {
    fn of(connection: &'a Connection, which: c_int) -> Result<Self> {
        let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
        // SAFETY: the connection is open, and SQLite writes a pointer to where it's told. The file and its methods stay
        // as they are until the connection runs a statement or ends, and it's borrowed until then.
        unsafe {
            let place = (&raw mut file).cast();
            check(ffi::sqlite3_file_control(connection.handle(), c"main".as_ptr(), which, place))?;
            let file = NonNull::new(file).ok_or(Error::InvalidQuery)?;
            let methods = file.as_ref().pMethods.as_ref().ok_or(Error::InvalidQuery)?;
            Ok(Self { file, methods })
        }
    }

    fn read(&self, bytes: &mut [u8], at: u64) -> Result<()> {
        let read = self.methods.xRead.ok_or(Error::InvalidQuery)?;
        let (length, at) = place(bytes.len(), at)?;
        // SAFETY: the file is open, and SQLite writes no more bytes than there is room for.
        check(unsafe { read(self.file.as_ptr(), bytes.as_mut_ptr().cast(), length, at) })
    }

    fn write(&self, bytes: &[u8], at: u64) -> Result<()> {
        let write = self.methods.xWrite.ok_or(Error::InvalidQuery)?;
        let (length, at) = place(bytes.len(), at)?;
        // SAFETY: the file is open, and SQLite reads no more bytes than there are.
        check(unsafe { write(self.file.as_ptr(), bytes.as_ptr().cast(), length, at) })
    }

    /// How many bytes it has.
    fn length(&self) -> Result<u64> {
        let size = self.methods.xFileSize.ok_or(Error::InvalidQuery)?;
        let mut length = 0;
        // SAFETY: the file is open, and SQLite writes a number to where it's told.
        check(unsafe { size(self.file.as_ptr(), &raw mut length) })?;
        u64::try_from(length).map_err(|_| Error::InvalidQuery)
    }

    /// The first numbers of the index of this database's log; `None` where there is no index.
    fn index<const COUNT: usize>(&self) -> Result<Option<[u32; COUNT]>> {
        let map = self.methods.xShmMap.ok_or(Error::InvalidQuery)?;
        let mut index: *mut c_void = ptr::null_mut();
        // SAFETY: the file is open, and SQLite writes a pointer to where it's told. The part of the index is as long as
        // was asked for, begins with these numbers, and stays as long as the file is open. Other processes may change
        // them at any time, as atomics may be.
        unsafe {
            check(map(self.file.as_ptr(), 0, INDEX, 0, &raw mut index))?;
            let number = |at| AtomicU32::from_ptr(index.cast::<u32>().add(at)).load(Ordering::Acquire);
            Ok((!index.is_null()).then(|| array::from_fn(number)))
        }
    }

    /// How many pages the log of this database has, and how many of them are copied.
    fn pages_in_log(&self) -> Result<(u32, u32)> {
        let index = self.index::<{ COPIED_IN_INDEX + 1 }>()?;
        Ok(index.map_or((0, 0), |index| (index[PAGES_IN_INDEX], index[COPIED_IN_INDEX])))
    }

    fn lock(&self, which: &Range<c_int>, how: c_int) -> Result<()> {
        let lock = self.methods.xShmLock.ok_or(Error::InvalidQuery)?;
        let how = how | ffi::SQLITE_SHM_EXCLUSIVE;
        // SAFETY: the file is open, and the index has these locks.
        check(unsafe { lock(self.file.as_ptr(), which.start, which.end - which.start, how) })
    }

    /// Runs work while nobody else has any of these locks, waiting for them no longer than this.
    fn alone<T>(&self, which: &Range<c_int>, longest: Duration, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let begun = Instant::now();
        while let Err(error) = self.lock(which, ffi::SQLITE_SHM_LOCK) {
            if error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy) || begun.elapsed() >= longest {
                return Err(error);
            }
            pause();
        }
        let done = work();
        self.lock(which, ffi::SQLITE_SHM_UNLOCK).and(done)
    }

    fn flush(&self) -> Result<()> {
        let flush = self.methods.xSync.ok_or(Error::InvalidQuery)?;
        // SAFETY: the file is open.
        check(unsafe { flush(self.file.as_ptr(), ffi::SQLITE_SYNC_NORMAL) })
    }
}

/// The header of a log's index: which commit of which log was the last one.
///
/// Only who has the write lock writes it: anew with each commit, before anybody sees what is committed. SQLite itself
/// keeps the pages that it has read as long as the header is what it was (wal.c, `walIndexTryHdr`), and so may whoever
/// keeps anything that was read after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexHeader([u32; HEADER_OF_INDEX]);

impl IndexHeader {
    /// As it is now, read without a lock. `None` where it can't be told: both copies are written one after the other, and
    /// differ while that is done, or when whoever did it has died.
    pub fn of(connection: &Connection) -> Result<Option<Self>> {
        let index = OpenFile::of(connection, ffi::SQLITE_FCNTL_FILE_POINTER)?.index::<COPIED_IN_INDEX>()?;
        Ok(index.and_then(|index| {
            let header = Self(*index.first_chunk()?);
            (index.last_chunk() == Some(&header.0) && header.is_written()).then_some(header)
        }))
    }

    /// The fourth number says so, and how long a page is.
    fn is_written(&self) -> bool {
        let [_, _, _, written, ..] = self.0;
        written != 0
    }

    /// How many pages the log has.
    pub fn pages(&self) -> u32 {
        let [_, _, _, _, pages, ..] = self.0;
        pages
    }

    /// What each page of the log has, and none of a log before it.
    pub fn salts(&self) -> [u32; 2] {
        let [.., first, second, _, _] = self.0;
        [first, second]
    }

    /// Whether this is what a commit has left that found `before` and after which the log had this many pages, and nobody
    /// has committed since. As long as a log has the same salts pages are only added to it, and each commit adds some:
    /// no two of them end at the same page. A log that has begun anew has other salts.
    pub fn is_commit_after(&self, before: &Self, pages: u32) -> bool {
        self.pages() == pages && self.salts() == before.salts()
    }
}

/// Where a log of so many pages ends, in bytes, if each page has so many.
pub fn end(pages: u32, page: u32) -> u64 {
    HEADER as u64 + u64::from(pages) * (PAGE_HEADER as u64 + u64::from(page))
}

/// Flushes the log of a connection that has read something: then SQLite has opened it. All that was committed before
/// lasts once this returns.
pub fn flush(connection: &Connection) -> Result<()> {
    OpenFile::of(connection, ffi::SQLITE_FCNTL_JOURNAL_POINTER)?.flush()
}

/// Writes zeros behind all that the log's file has, until it has `length` bytes, unless it has the `needed` ones. Only who
/// has the write lock may: nobody else writes there then. Gives how many the file has now.
pub fn lengthen(connection: &Connection, needed: u64, length: u64) -> Result<u64> {
    let log = OpenFile::of(connection, ffi::SQLITE_FCNTL_JOURNAL_POINTER)?;
    let (mut has, zeros) = (log.length()?, [0; ZEROS]);
    if has >= needed {
        return Ok(has);
    }
    while has < length {
        let missing = usize::try_from(length - has).map_or(ZEROS, |missing| missing.min(ZEROS));
        log.write(zeros.get(..missing).unwrap_or(&zeros), has)?;
        has += missing as u64;
    }
    Ok(has)
}

/// Has a connection that is the last to close leave the log and its index where they are.
pub fn keep(connection: &Connection) -> Result<()> {
    let mut persist: c_int = 1;
    // SAFETY: the connection is open, and SQLite reads and writes one number where it's told.
    check(unsafe {
        let place = (&raw mut persist).cast();
        ffi::sqlite3_file_control(connection.handle(), c"main".as_ptr(), ffi::SQLITE_FCNTL_PERSIST_WAL, place)
    })
}

/// How many pages of the log aren't copied into the database.
pub fn pages_to_copy(connection: &Connection) -> Result<u32> {
    let (pages, copied) = OpenFile::of(connection, ffi::SQLITE_FCNTL_FILE_POINTER)?.pages_in_log()?;
    Ok(pages.saturating_sub(copied))
}

/// Waits until nobody reads the log, no longer than this, so that the next commit begins it anew. Only who has the write
/// lock may, and has begun its transaction when all of the log was copied: readers that come then read the database.
pub fn wait_for_readers(connection: &Connection, longest: Duration) -> Result<()> {
    OpenFile::of(connection, ffi::SQLITE_FCNTL_FILE_POINTER)?.alone(&READING, longest, || Ok(()))
}

/// Waits a moment.
pub fn pause() {
    pause_after(Duration::ZERO);
}

/// Waits a moment, for longer where one has waited long.
pub fn pause_after(waited: Duration) {
    #[cfg(test)]
    if super::simulator::pause() {
        return;
    }
    std::thread::sleep((waited / 8).clamp(ASK_AGAIN, ASK_AGAIN_LATER));
}

/// Writes again what a flush that failed may have left unwritten: the kernel takes it for written, so that a later flush
/// wouldn't write it, and it may be gone from its memory. First the log, which is flushed by that; then those of its
/// pages that are copied into the database, where SQLite wouldn't copy them again. Only who has the write lock may;
/// whoever copies the log is waited for, no longer than this.
pub fn write_again(connection: &Connection, longest: Duration) -> Result<()> {
    let log = OpenFile::of(connection, ffi::SQLITE_FCNTL_JOURNAL_POINTER)?;
    let database = OpenFile::of(connection, ffi::SQLITE_FCNTL_FILE_POINTER)?;
    database.alone(&COPYING, longest, || write_pages_again(&log, &database))
}

fn write_pages_again(log: &OpenFile<'_>, database: &OpenFile<'_>) -> Result<()> {
    let (pages, copied) = database.pages_in_log()?;
    if pages == 0 {
        return log.flush();
    }
    let mut header = [0; HEADER];
    log.read(&mut header, 0)?;
    let mut chain = Chain::new(&header).ok_or_else(broken)?;
    log.write(&header, 0)?;
    let mut page = vec![0; PAGE_HEADER + chain.page];
    // Where the log has what is copied of each page, and how many pages the database has by the last commit.
    let (mut places, mut size) = (BTreeMap::new(), 0);
    let places_in_log = (HEADER as u64..).step_by(page.len());
    for (number, at) in (1..=pages).zip(places_in_log) {
        log.read(&mut page, at)?;
        if !chain.holds(&page) {
            return Err(broken());
        }
        log.write(&page, at)?;
        let (which, committed) = (word(&page, 0).unwrap_or_default(), word(&page, 4).unwrap_or_default());
        if number <= copied {
            places.insert(which, at);
        }
        if committed > 0 {
            size = committed;
        }
    }
    log.flush()?;
    for (which, at) in places {
        if let Some(before) = which.checked_sub(1).filter(|_| which <= size) {
            log.read(&mut page, at)?;
            let content = page.get(PAGE_HEADER..).unwrap_or_default();
            database.write(content, u64::from(before) * chain.page as u64)?;
        }
    }
    Ok(())
}

/// The checksums of a log, each over all that comes before it.
struct Chain {
    /// How long a page is.
    page: usize,
    big_endian: bool,
    salts: [u8; 8],
    sums: (u32, u32),
}

impl Chain {
    /// `None` where the header isn't whole.
    fn new(header: &[u8; HEADER]) -> Option<Self> {
        let big_endian = match word(header, 0)? {
            0x377f_0682 => false,
            0x377f_0683 => true,
            _ => return None,
        };
        let page = usize::try_from(word(header, 8)?).ok().filter(|page| (512..=65_536).contains(page))?;
        let salts = header.get(16..24)?.try_into().ok()?;
        let mut chain = Self { page, big_endian, salts, sums: (0, 0) };
        chain.add(header.get(..24)?);
        (Some(chain.sums) == sums(header, 24)).then_some(chain)
    }

    /// Whether the next page belongs here as it is.
    fn holds(&mut self, page: &[u8]) -> bool {
        let (Some(start), Some(content)) = (page.get(..8), page.get(PAGE_HEADER..)) else { return false };
        self.add(start);
        self.add(content);
        page.get(8..16) == Some(&self.salts) && sums(page, 16) == Some(self.sums)
    }

    fn add(&mut self, bytes: &[u8]) {
        let read = |word: &[u8]| {
            let word = word.try_into().unwrap_or_default();
            if self.big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
        };
        let (mut first, mut second) = self.sums;
        for pair in bytes.chunks_exact(8) {
            let (left, right) = pair.split_at(4);
            first = first.wrapping_add(read(left)).wrapping_add(second);
            second = second.wrapping_add(read(right)).wrapping_add(first);
        }
        self.sums = (first, second);
    }
}

/// Reads a log as it is; then as the pages of a log with the right checksums, and with one bit changed.
///
/// # Panics
///
/// Where pages don't hold that should, or do that shouldn't.
#[cfg(feature = "fuzzing")]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a fault is told here")]
pub fn fuzz(input: &[u8]) {
    const PAGE: usize = 512;
    if let Some((header, pages)) = input.split_first_chunk::<HEADER>()
        && let Some(mut chain) = Chain::new(header)
    {
        let length = PAGE_HEADER + chain.page;
        let _ = pages.chunks(length).take_while(|page| chain.holds(page)).count();
    }
    let Some((&[kind, at_1, at_2, bit], content)) = input.split_first_chunk::<4>() else { return };
    let mut log = vec![0; HEADER];
    log[..4].copy_from_slice(&(0x377f_0682 | u32::from(kind & 1)).to_be_bytes());
    log[8..12].copy_from_slice(&(PAGE as u32).to_be_bytes());
    log[16..24].copy_from_slice(&[kind, at_1, at_2, bit, kind, at_1, at_2, bit]);
    let mut chain =
        Chain { page: PAGE, big_endian: kind & 1 == 1, salts: log[16..24].try_into().unwrap(), sums: (0, 0) };
    let sums = |chain: &Chain| [chain.sums.0.to_be_bytes(), chain.sums.1.to_be_bytes()].concat();
    chain.add(&log[..24]);
    log[24..].copy_from_slice(&sums(&chain));
    for (number, content) in (1_u32..).zip(content.chunks(PAGE)) {
        let mut page = vec![0; PAGE_HEADER + PAGE];
        page[..4].copy_from_slice(&number.to_be_bytes());
        page[4..8].copy_from_slice(&number.to_be_bytes());
        page[8..16].copy_from_slice(&log[16..24]);
        page[PAGE_HEADER..][..content.len()].copy_from_slice(content);
        chain.add(&page[..8]);
        chain.add(&page[PAGE_HEADER..]);
        page[16..24].copy_from_slice(&sums(&chain));
        log.append(&mut page);
    }
    let whole = |log: &[u8]| {
        let mut chain = Chain::new(log.first_chunk()?)?;
        Some(log[HEADER..].chunks(PAGE_HEADER + PAGE).take_while(|page| chain.holds(page)).count())
    };
    let pages = content.chunks(PAGE).count();
    assert_eq!(whole(&log), Some(pages));
    let at = usize::from(u16::from_be_bytes([at_1, at_2])) % log.len();
    log[at] ^= 1 << (bit % 8);
    // What the header says is all under its checksum.
    assert!(whole(&log).is_none_or(|found| found < pages && at >= HEADER));
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn sums(bytes: &[u8], at: usize) -> Option<(u32, u32)> {
    Some((word(bytes, at)?, word(bytes, at + 4)?))
}

/// What's in the log isn't what was written there. It's cut off there when the store is opened by the first process.
fn broken() -> Error {
    Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR_DATA), None)
}

fn place(length: usize, at: u64) -> Result<(c_int, ffi::sqlite3_int64)> {
    let length = c_int::try_from(length).map_err(|_| Error::InvalidQuery)?;
    Ok((length, ffi::sqlite3_int64::try_from(at).map_err(|_| Error::InvalidQuery)?))
}

fn check(code: c_int) -> Result<()> {
    if code == ffi::SQLITE_OK { Ok(()) } else { Err(Error::SqliteFailure(ffi::Error::new(code), None)) }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;
    use std::path::{Path, PathBuf};

    use super::*;

    /// A database with a log of its own, and its path.
    fn database(folder: &tempfile::TempDir, page: u32) -> (PathBuf, Connection) {
        let path = folder.path().join(format!("database-{page}"));
        let connection = connect(&path);
        let sql = format!("PRAGMA page_size = {page}; PRAGMA journal_mode = WAL; CREATE TABLE t (text);");
        connection.execute_batch(&sql).unwrap();
        (path, connection)
    }

    fn connect(path: &Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch("PRAGMA wal_autocheckpoint = 0").unwrap();
        connection
    }

    fn write(connection: &Connection) {
        connection.execute("INSERT INTO t (text) VALUES (hex(randomblob(3000)))", []).unwrap();
    }

    /// Whether it has met another, the pages in the log and those that are copied, as SQLite itself tells.
    fn copy(connection: &Connection) -> (i64, i64, i64) {
        let sql = "PRAGMA wal_checkpoint(PASSIVE)";
        connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap()
    }

    fn database_file(connection: &Connection) -> OpenFile<'_> {
        OpenFile::of(connection, ffi::SQLITE_FCNTL_FILE_POINTER).unwrap()
    }

    /// Whether a byte of a file is locked.
    fn is_locked(file: &std::fs::File, at: libc::off_t) -> bool {
        let kind = libc::F_WRLCK as libc::c_short;
        let whence = libc::SEEK_SET as libc::c_short;
        let mut lock = libc::flock { l_type: kind, l_whence: whence, l_start: at, l_len: 1, l_pid: 0 };
        // SAFETY: the file is open, and the kernel writes a lock to where it's told.
        let asked = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_GETLK, &raw mut lock) };
        assert_eq!(asked, 0);
        lock.l_type != libc::F_UNLCK as libc::c_short
    }

    // SQLite promises nothing of the index: another version may have another one.
    #[test]
    fn the_index_of_the_log_is_laid_out_as_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let (path, connection) = database(&folder, 4096);
        let length = |path: &Path| std::fs::metadata(path).unwrap().len();
        let log = path.with_file_name("database-4096-wal");
        write(&connection);
        let pages = u32::try_from((length(&log) - HEADER as u64) / (PAGE_HEADER as u64 + 4096)).unwrap();
        assert_eq!(database_file(&connection).pages_in_log().unwrap(), (pages, 0));

        // A reader keeps what comes after it from being copied.
        let reader = connect(&path);
        reader.execute_batch("BEGIN; SELECT count(*) FROM t;").unwrap();
        write(&connection);
        let (_, now, copied) = copy(&connection);
        let (now, copied) = (u32::try_from(now).unwrap(), u32::try_from(copied).unwrap());
        assert!(now > pages && copied == pages, "{now}, {copied}");
        assert_eq!(database_file(&connection).pages_in_log().unwrap(), (now, copied));
        assert_eq!(pages_to_copy(&connection).unwrap(), now - copied);

        // SQLite's own version of the index, at its start and in the second copy of what it begins with.
        let index = std::fs::read(path.with_file_name("database-4096-shm")).unwrap();
        assert_eq!(index[..4], 3_007_000_u32.to_ne_bytes());
        assert_eq!(index[..48], index[48..96]);
    }

    #[test]
    fn the_locks_of_the_index_are_those_that_sqlite_asks_for() {
        let folder = tempfile::tempdir().unwrap();
        let (path, connection) = database(&folder, 4096);
        write(&connection);
        let file = database_file(&connection);
        let short = Duration::from_millis(5);

        let reader = connect(&path);
        reader.execute_batch("BEGIN; SELECT count(*) FROM t;").unwrap();
        assert!(file.alone(&READING, short, || Ok(())).is_err(), "somebody reads the log");
        reader.execute_batch("COMMIT").unwrap();
        file.alone(&READING, short, || Ok(())).unwrap();

        file.alone(&COPYING, short, || {
            assert_eq!(copy(&reader).0, 1, "somebody copies the log");
            Ok(())
        })
        .unwrap();
        assert_eq!(copy(&reader).0, 0);

        // What tells others that the store is in use: the bytes of `in_use::Range`. Opened once: closing a file drops
        // SQLite's locks.
        let files = [(path.clone(), 0x4000_0002), (path.with_file_name("database-4096-shm"), 128)];
        let files = files.map(|(path, at)| (std::fs::File::options().read(true).write(true).open(path).unwrap(), at));
        assert!(files.iter().all(|(file, at)| is_locked(file, *at)));
        drop((reader, connection));
        assert!(!files.iter().any(|(file, at)| is_locked(file, *at)));
    }

    #[test]
    fn a_log_is_whole_as_sqlite_has_written_it_and_broken_where_a_bit_is_another() {
        let folder = tempfile::tempdir().unwrap();
        for size in [512, 4096, 65_536] {
            let (path, connection) = database(&folder, size);
            write(&connection);
            let log = std::fs::read(path.with_file_name(format!("database-{size}-wal"))).unwrap();
            let whole = |log: &[u8]| {
                let (header, pages) = log.split_first_chunk::<HEADER>()?;
                let mut chain = Chain::new(header)?;
                let length = PAGE_HEADER + chain.page;
                Some(pages.chunks(length).take_while(|page| page.len() == length && chain.holds(page)).count())
            };
            let pages = (log.len() - HEADER) / (PAGE_HEADER + size as usize);
            assert!(pages > 2 && whole(&log) == Some(pages));
            for at in (0..log.len()).step_by(log.len() / 50) {
                let mut broken = log.clone();
                broken[at] ^= 1;
                assert!(whole(&broken).is_none_or(|found| found < pages), "byte {at}");
            }
        }
    }

    /// Commits a row, with the pages that the log has after that.
    fn commit(connection: &Connection) -> (IndexHeader, u32, IndexHeader) {
        let before = header(connection);
        connection.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (randomblob(3000)); COMMIT").unwrap();
        let after = header(connection);
        (before, after.pages(), after)
    }

    fn header(connection: &Connection) -> IndexHeader {
        IndexHeader::of(connection).unwrap().unwrap()
    }

    #[test]
    fn a_header_tells_each_commit_and_whether_the_last_one_was_this() {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let connection = Connection::open(folder.path().join("a")).unwrap();
            connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0").unwrap();
            connection
        };
        let (one, other) = (open(), open());
        one.execute_batch("CREATE TABLE t (b)").unwrap();
        other.query_row("SELECT count(*) FROM t", [], |_| Ok(())).unwrap();
        assert_eq!(header(&one), header(&other));
        let (before, pages, after) = commit(&one);
        assert_ne!(before, after);
        assert!(after.is_commit_after(&before, pages));
        one.query_row("SELECT count(*) FROM t", [], |_| Ok(())).unwrap();
        assert_eq!(header(&one), after, "who reads changes nothing");
        let (_, _, others) = commit(&other);
        assert_eq!(header(&one), others);
        assert!(!others.is_commit_after(&before, pages));
        // One that writes nothing has no pages.
        assert!(!others.is_commit_after(&others, 0));
        // The next commit begins the log anew.
        one.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())).unwrap();
        let before = header(&one);
        let (_, pages, after) = commit(&other);
        assert_ne!(before, after);
        assert_eq!(after.is_commit_after(&before, pages), after.salts() == before.salts());
        assert!(!after.is_commit_after(&others, pages), "it's another log's page by now");
    }

    #[test]
    fn half_a_header_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (b)").unwrap();
        let known = header(&connection);
        let index = std::fs::OpenOptions::new().write(true).open(folder.path().join("a-shm")).unwrap();
        let number = known.0[2].wrapping_add(1).to_ne_bytes();
        std::os::unix::fs::FileExt::write_at(&index, &number, 8).unwrap();
        assert_eq!(IndexHeader::of(&connection).unwrap(), None);
        std::os::unix::fs::FileExt::write_at(&index, &number, 48 + 8).unwrap();
        assert_ne!(header(&connection), known);
        std::mem::forget(index);
    }
}
