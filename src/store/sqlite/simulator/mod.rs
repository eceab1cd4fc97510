//! Power cuts, simulated: what was answered must be there when the power is back, whatever the disk did.
//!
//! * [`disk`]: what may have come to last, and what not
//! * [`vfs`]: the disk as SQLite sees it
//! * [`process`]: threads that play processes, one at a time
//! * [`ledger`]: what was answered, and what a store must hold after that
//! * [`story`]: processes that call, a power cut, and a look at what is left

mod disk;
mod ledger;
mod process;
mod story;
#[allow(unsafe_code, reason = "SQLite's interface for file systems; every block says why it is sound")]
mod vfs;

pub use process::{deserted, flush_folder, is_on, lock, named, pause, thresholds, unlock};
pub use vfs::VFS;
