//! The simulated disk as SQLite sees it: a VFS, with locks and shared memory among the processes of a story.
//!
//! Each thread that plays a process has one disk. SQLite calls these functions in that thread.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

use rusqlite::ffi;

use super::disk::{Defect, Disk, DiskFault, FileId};
use super::process;
use crate::store::sqlite::file::{INDEX, Identity};
use crate::store::sqlite::in_use::Range;

/// Its name.
pub const VFS: &CStr = c"localapi simulator";

/// How many locks the index of a log has.
const SLOTS: usize = 8;

/// A disk, and what the processes that have its files open share.
pub struct Machine {
    /// The disk.
    pub disk: Disk,
    /// The locks that handles have, by handle.
    handles: Vec<Option<Handle>>,
    /// The indexes of logs. None goes, since a process may have one that has no name any more.
    indexes: Vec<Index>,
    /// What processes have told to be in use, each as often as it was told.
    in_use: Vec<(Identity, Range)>,
}

/// The index of a log.
struct Index {
    /// The database.
    of: FileId,
    /// Whether it still has its name.
    is_named: bool,
    parts: Vec<Box<[u64]>>,
}

/// A handle on a file. The kernel may have dropped locks that SQLite counts on.
struct Handle {
    /// The process that has it.
    process: usize,
    file: FileId,
    name: String,
    is_log: bool,
    /// Its first flush makes its name last.
    is_new: bool,
    remove: bool,
    /// How many failed flushes it was told of.
    failures: u64,
    /// The lock that SQLite counts on, and the one that there is.
    level: c_int,
    real_level: c_int,
    /// The index that it has mapped, and whether the kernel knows.
    index: Option<usize>,
    is_index_locked: bool,
    persists: c_int,
    shared: [bool; SLOTS],
    exclusive: [bool; SLOTS],
    /// Whether what it did last was to write.
    writes: bool,
}

impl Machine {
    /// Switches a disk on.
    pub fn new(disk: Disk) -> Arc<Mutex<Self>> {
        let (handles, indexes, in_use) = (Vec::new(), Vec::new(), Vec::new());
        Arc::new(Mutex::new(Self { disk, handles, indexes, in_use }))
    }

    fn others(&self, number: usize) -> impl Iterator<Item = &Handle> {
        let file = self.handle(number).file;
        let others = self.handles.iter().enumerate().filter(move |(other, _)| *other != number);
        others.filter_map(|(_, handle)| handle.as_ref()).filter(move |handle| handle.file == file)
    }

    fn handle(&self, number: usize) -> &Handle {
        self.handles[number].as_ref().expect("an open file")
    }

    fn handle_mut(&mut self, number: usize) -> &mut Handle {
        self.handles[number].as_mut().expect("an open file")
    }

    fn open(&mut self, process: usize, name: &str, flags: c_int) -> Option<usize> {
        let journal = ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_WAL;
        let found = self.disk.find(name);
        let file = match found {
            None if flags & ffi::SQLITE_OPEN_CREATE == 0 => return None,
            None => self.disk.create(name),
            Some(file) => file,
        };
        self.handles.push(Some(Handle {
            process,
            file,
            name: name.to_owned(),
            is_log: flags & ffi::SQLITE_OPEN_WAL != 0,
            is_new: found.is_none() && flags & journal != 0,
            remove: flags & ffi::SQLITE_OPEN_DELETEONCLOSE != 0,
            failures: self.disk.failures(file),
            level: ffi::SQLITE_LOCK_NONE,
            real_level: ffi::SQLITE_LOCK_NONE,
            index: None,
            is_index_locked: false,
            persists: 0,
            shared: [false; SLOTS],
            exclusive: [false; SLOTS],
            writes: false,
        }));
        Some(self.handles.len() - 1)
    }

    fn close(&mut self, number: usize) {
        self.unmap(number, false);
        if let Some(handle) = self.handles[number].take()
            && handle.remove
        {
            self.disk.delete(&handle.name);
        }
    }

    fn write(&mut self, number: usize, at: usize, bytes: &[u8]) -> Result<(), DiskFault> {
        let handle = self.handle_mut(number);
        let begins = !mem::replace(&mut handle.writes, true);
        let file = handle.file;
        if begins {
            self.disk.begin_commit(file);
        }
        self.disk.write(file, at, bytes)
    }

    fn flush(&mut self, number: usize) -> Result<(), DiskFault> {
        let handle = self.handle_mut(number);
        handle.writes = false;
        let (file, is_log, is_new, known) = (handle.file, handle.is_log, handle.is_new, handle.failures);
        let before = self.disk.failures(file);
        let flushed = self.disk.flush(file, is_log);
        let failures = self.disk.failures(file);
        self.handle_mut(number).failures = failures;
        flushed?;
        if before > known {
            return Err(DiskFault::Broken);
        }
        if is_new {
            self.disk.flush_folder();
            self.handle_mut(number).is_new = false;
        }
        Ok(())
    }

    fn lock(&mut self, number: usize, level: c_int) -> c_int {
        if self.handle(number).level >= level {
            return ffi::SQLITE_OK;
        }
        let highest = self.others(number).map(|other| other.real_level).max().unwrap_or(ffi::SQLITE_LOCK_NONE);
        let is_in_use = self.is_in_use(Identity::simulated(self.handle(number).file), Range::Database);
        let own = match level {
            ffi::SQLITE_LOCK_SHARED if highest < ffi::SQLITE_LOCK_PENDING => level,
            ffi::SQLITE_LOCK_RESERVED if highest < ffi::SQLITE_LOCK_RESERVED => level,
            ffi::SQLITE_LOCK_EXCLUSIVE if highest < ffi::SQLITE_LOCK_SHARED && !is_in_use => level,
            ffi::SQLITE_LOCK_EXCLUSIVE if highest < ffi::SQLITE_LOCK_RESERVED => ffi::SQLITE_LOCK_PENDING,
            _ => return ffi::SQLITE_BUSY,
        };
        let handle = self.handle_mut(number);
        (handle.level, handle.real_level) = (own, own);
        if own == level { ffi::SQLITE_OK } else { ffi::SQLITE_BUSY }
    }

    fn unlock(&mut self, number: usize, level: c_int) {
        let handle = self.handle_mut(number);
        (handle.level, handle.real_level) = (level, handle.real_level.min(level));
    }

    /// What the kernel does when a process closes a handle of its own on these files: all its locks on them are gone.
    pub fn drop_locks(&mut self, process: usize) {
        for handle in self.handles.iter_mut().flatten().filter(|handle| handle.process == process) {
            handle.real_level = ffi::SQLITE_LOCK_NONE;
            handle.is_index_locked = false;
            (handle.shared, handle.exclusive) = ([false; SLOTS], [false; SLOTS]);
        }
    }

    /// Tells a file to be in use; `None` where another has it alone.
    pub fn use_file(&mut self, name: &str, range: Range) -> Option<Identity> {
        let identity = self.named(name)?;
        let alone = |handle: &Handle| {
            range == Range::Database
                && Identity::simulated(handle.file) == identity
                && handle.real_level >= ffi::SQLITE_LOCK_EXCLUSIVE
        };
        if self.handles.iter().flatten().any(alone) {
            return None;
        }
        self.in_use.push((identity, range));
        Some(identity)
    }

    /// Takes that back.
    pub fn leave_file(&mut self, identity: Identity, range: Range) {
        if let Some(at) = self.in_use.iter().position(|known| *known == (identity, range)) {
            self.in_use.swap_remove(at);
        }
    }

    fn is_in_use(&self, identity: Identity, range: Range) -> bool {
        self.disk.defect != Some(Defect::NobodyTells) && self.in_use.contains(&(identity, range))
    }

    /// Which file a name means. The index of a log is none of the disk's.
    pub fn named(&self, name: &str) -> Option<Identity> {
        match name.strip_suffix(INDEX) {
            Some(database) => {
                let file = self.disk.find(database)?;
                let at = self.indexes.iter().position(|index| index.of == file && index.is_named)?;
                // Its number is no file's.
                Some(Identity::simulated(usize::MAX - at))
            }
            None => self.disk.find(name).map(Identity::simulated),
        }
    }

    fn lock_index(&mut self, number: usize, slots: std::ops::Range<usize>, flags: c_int) -> c_int {
        let exclusive = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
        if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
            let handle = self.handle_mut(number);
            for slot in slots {
                if exclusive { handle.exclusive[slot] = false } else { handle.shared[slot] = false }
            }
            return ffi::SQLITE_OK;
        }
        let taken = |other: &Handle| slots.clone().any(|slot| other.exclusive[slot] || exclusive && other.shared[slot]);
        if self.others(number).any(taken) {
            return ffi::SQLITE_BUSY;
        }
        let handle = self.handle_mut(number);
        for slot in slots {
            if exclusive { handle.exclusive[slot] = true } else { handle.shared[slot] = true }
        }
        ffi::SQLITE_OK
    }

    /// A part of the index of a database's log, made where it's missing.
    fn map(&mut self, number: usize, part: usize, size: usize, extend: bool) -> *mut c_void {
        let at = match self.handle(number).index {
            Some(at) => at,
            None => self.open_index(number),
        };
        let parts = &mut self.indexes[at].parts;
        while extend && parts.len() <= part {
            parts.push(vec![0; size / mem::size_of::<u64>()].into_boxed_slice());
        }
        parts.get_mut(part).map_or(ptr::null_mut(), |part| part.as_mut_ptr().cast())
    }

    /// The index that has the name. Whom the kernel knows of no other that has it open empties it.
    fn open_index(&mut self, number: usize) -> usize {
        let file = self.handle(number).file;
        let at = match self.indexes.iter().position(|index| index.of == file && index.is_named) {
            Some(at) => at,
            None => {
                self.indexes.push(Index { of: file, is_named: true, parts: Vec::new() });
                self.indexes.len() - 1
            }
        };
        // A process knows of its own.
        let process = self.handle(number).process;
        let is_open =
            |handle: &Handle| handle.index == Some(at) && (handle.is_index_locked || handle.process == process);
        let is_in_use = self.is_in_use(Identity::simulated(usize::MAX - at), Range::Index);
        if !is_in_use && !self.handles.iter().flatten().any(is_open) {
            self.indexes[at].parts.iter_mut().for_each(|part| part.fill(0));
        }
        let handle = self.handle_mut(number);
        (handle.index, handle.is_index_locked) = (Some(at), true);
        at
    }

    fn unmap(&mut self, number: usize, delete: bool) {
        let handle = self.handle_mut(number);
        (handle.shared, handle.exclusive, handle.is_index_locked) = ([false; SLOTS], [false; SLOTS], false);
        if let Some(at) = handle.index.take()
            && delete
        {
            self.indexes[at].is_named = false;
        }
    }
}

/// What SQLite has of a file.
#[repr(C)]
struct OpenFile {
    base: ffi::sqlite3_file,
    /// The machine, with a reference of its own.
    machine: *const Mutex<Machine>,
    number: usize,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Makes the VFS known to SQLite, once.
pub fn register() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        let vfs = Box::new(ffi::sqlite3_vfs {
            iVersion: 2,
            szOsFile: c_int::try_from(mem::size_of::<OpenFile>()).expect("a small size"),
            mxPathname: 512,
            pNext: ptr::null_mut(),
            zName: VFS.as_ptr(),
            pAppData: ptr::null_mut(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_pathname),
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: Some(current_time),
            xGetLastError: Some(last_error),
            xCurrentTimeInt64: Some(current_time_int64),
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        });
        // SAFETY: the VFS lives as long as the process.
        let code = unsafe { ffi::sqlite3_vfs_register(Box::into_raw(vfs), 0) };
        assert_eq!(code, ffi::SQLITE_OK);
    });
}

fn entered(machine: &Mutex<Machine>) -> MutexGuard<'_, Machine> {
    machine.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets another process go on, then looks at an open file.
///
/// # Safety
///
/// The file is one that `open` has opened and `close` hasn't closed.
unsafe fn with<T>(file: *mut ffi::sqlite3_file, work: impl FnOnce(&mut Machine, usize) -> T) -> T {
    process::pause();
    // SAFETY: SQLite passes what `open` has written, and the machine has a reference until `close`.
    let (machine, number) = unsafe {
        let file = file.cast::<OpenFile>();
        (&*(*file).machine, (*file).number)
    };
    work(&mut entered(machine), number)
}

fn code(done: Result<(), DiskFault>, broken: c_int) -> c_int {
    match done {
        Ok(()) => ffi::SQLITE_OK,
        Err(DiskFault::Broken) => broken,
        Err(DiskFault::Full) => ffi::SQLITE_FULL,
    }
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    process::pause();
    let machine = process::machine();
    // SAFETY: SQLite passes a name that ends with a zero, or null for a file that nobody else opens, and room for an
    // `OpenFile`.
    unsafe {
        let name = if name.is_null() { "temporary".into() } else { CStr::from_ptr(name).to_string_lossy() };
        let Some(number) = entered(&machine).open(process::number(), &name, flags) else {
            (*file).pMethods = ptr::null();
            return ffi::SQLITE_CANTOPEN;
        };
        let base = ffi::sqlite3_file { pMethods: &raw const METHODS };
        file.cast::<OpenFile>().write(OpenFile { base, machine: Arc::into_raw(machine), number });
        if !out_flags.is_null() {
            *out_flags = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: as in `with`; SQLite closes a file once, and the reference that `open` has made ends here.
    unsafe {
        with(file, |machine, number| machine.close(number));
        drop(Arc::from_raw((*file.cast::<OpenFile>()).machine));
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, into: *mut c_void, length: c_int, at: i64) -> c_int {
    let (Ok(length), Ok(at)) = (usize::try_from(length), usize::try_from(at)) else { return ffi::SQLITE_IOERR_READ };
    // SAFETY: as in `with`, and there is room for so many bytes, which are zeros from here on.
    let (found, into) = unsafe {
        ptr::write_bytes(into.cast::<u8>(), 0, length);
        let into = std::slice::from_raw_parts_mut(into.cast::<u8>(), length);
        (with(file, |machine, number| machine.disk.read(machine.handle(number).file, at, into)), length)
    };
    if found == into { ffi::SQLITE_OK } else { ffi::SQLITE_IOERR_SHORT_READ }
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, from: *const c_void, length: c_int, at: i64) -> c_int {
    let (Ok(length), Ok(at)) = (usize::try_from(length), usize::try_from(at)) else { return ffi::SQLITE_IOERR_WRITE };
    // SAFETY: as in `with`, and there are so many bytes.
    let done = unsafe {
        let bytes = std::slice::from_raw_parts(from.cast::<u8>(), length);
        with(file, |machine, number| machine.write(number, at, bytes))
    };
    process::may_lose_power();
    code(done, ffi::SQLITE_IOERR_WRITE)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    let Ok(size) = usize::try_from(size) else { return ffi::SQLITE_IOERR_TRUNCATE };
    // SAFETY: as in `with`.
    unsafe { with(file, |machine, number| machine.disk.truncate(machine.handle(number).file, size)) };
    process::may_lose_power();
    ffi::SQLITE_OK
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    process::may_lose_power();
    // SAFETY: as in `with`.
    let done = unsafe { with(file, |machine, number| machine.flush(number)) };
    process::may_lose_power();
    code(done, ffi::SQLITE_IOERR_FSYNC)
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    // SAFETY: as in `with`, and there is room for a number.
    unsafe {
        let found = with(file, |machine, number| machine.disk.size(machine.handle(number).file));
        *size = i64::try_from(found).unwrap_or(i64::MAX);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: as in `with`.
    unsafe { with(file, |machine, number| machine.lock(number, level)) }
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: as in `with`.
    unsafe { with(file, |machine, number| machine.unlock(number, level)) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, found: *mut c_int) -> c_int {
    // SAFETY: as in `with`, and there is room for a number.
    unsafe {
        *found = c_int::from(with(file, |machine, number| {
            let reserved = |handle: &Handle| handle.real_level >= ffi::SQLITE_LOCK_RESERVED;
            reserved(machine.handle(number)) || machine.others(number).any(reserved)
        }));
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(file: *mut ffi::sqlite3_file, what: c_int, place: *mut c_void) -> c_int {
    if what != ffi::SQLITE_FCNTL_PERSIST_WAL {
        return ffi::SQLITE_NOTFOUND;
    }
    // SAFETY: as in `with`, and for this control there is a number to read and to write.
    unsafe {
        let place = place.cast::<c_int>();
        with(file, |machine, number| {
            let persists = &mut machine.handle_mut(number).persists;
            if *place < 0 { *place = *persists } else { *persists = *place }
        });
    }
    ffi::SQLITE_OK
}

// As SQLite's own VFS for Unix has it.
unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    4096
}

unsafe extern "C" fn device_characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    part: c_int,
    size: c_int,
    extend: c_int,
    place: *mut *mut c_void,
) -> c_int {
    let (Ok(part), Ok(size)) = (usize::try_from(part), usize::try_from(size)) else { return ffi::SQLITE_IOERR_SHMMAP };
    // SAFETY: as in `with`, and there is room for a pointer. A part stays where it is until nobody has it mapped.
    unsafe { *place = with(file, |machine, number| machine.map(number, part, size, extend != 0)) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_lock(file: *mut ffi::sqlite3_file, first: c_int, count: c_int, flags: c_int) -> c_int {
    let (Ok(first), Ok(count)) = (usize::try_from(first), usize::try_from(count)) else { return ffi::SQLITE_MISUSE };
    // SAFETY: as in `with`.
    unsafe { with(file, |machine, number| machine.lock_index(number, first..first + count, flags)) }
}

/// Between both copies of the index's header: others see only one of them changed.
unsafe extern "C" fn shm_barrier(_: *mut ffi::sqlite3_file) {
    process::pause();
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    // SAFETY: as in `with`.
    unsafe { with(file, |machine, number| machine.unmap(number, delete != 0)) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    process::pause();
    // SAFETY: SQLite passes a name that ends with a zero.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy();
    let machine = process::machine();
    let there = entered(&machine).disk.delete(&name);
    process::may_lose_power();
    if sync_folder != 0 {
        entered(&machine).disk.flush_folder();
        process::may_lose_power();
    }
    if there { ffi::SQLITE_OK } else { ffi::SQLITE_IOERR_DELETE_NOENT }
}

unsafe extern "C" fn access(_: *mut ffi::sqlite3_vfs, name: *const c_char, flags: c_int, found: *mut c_int) -> c_int {
    // SAFETY: SQLite passes a name that ends with a zero, and room for a number.
    unsafe {
        let name = CStr::from_ptr(name).to_string_lossy();
        let machine = process::machine();
        let machine = entered(&machine);
        let file = machine.disk.find(&name);
        let exists = |file| flags != ffi::SQLITE_ACCESS_EXISTS || machine.disk.size(file) > 0;
        *found = c_int::from(file.is_some_and(exists));
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    length: c_int,
    full: *mut c_char,
) -> c_int {
    // SAFETY: SQLite passes a name that ends with a zero, and room for so many bytes.
    unsafe {
        let name = CStr::from_ptr(name).to_bytes_with_nul();
        if name.len() > usize::try_from(length).unwrap_or_default() {
            return ffi::SQLITE_CANTOPEN;
        }
        ptr::copy_nonoverlapping(name.as_ptr().cast(), full, name.len());
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(_: *mut ffi::sqlite3_vfs, length: c_int, into: *mut c_char) -> c_int {
    for at in 0..usize::try_from(length).unwrap_or_default() {
        // SAFETY: there is room for so many bytes.
        unsafe { *into.add(at) = c_char::try_from(at % 100).unwrap_or_default() };
    }
    length
}

unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    process::pause();
    microseconds
}

unsafe extern "C" fn current_time(_: *mut ffi::sqlite3_vfs, days: *mut f64) -> c_int {
    // SAFETY: there is room for a number.
    unsafe { *days = 2_461_000.5 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn current_time_int64(_: *mut ffi::sqlite3_vfs, milliseconds: *mut i64) -> c_int {
    // SAFETY: there is room for a number.
    unsafe { *milliseconds = 212_630_443_200_000 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn last_error(_: *mut ffi::sqlite3_vfs, _: c_int, _: *mut c_char) -> c_int {
    0
}
