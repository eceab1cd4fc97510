//! What `php --ri localapi` and `phpinfo()` show.

use ext_php_rs::zend::ModuleEntry;
use ext_php_rs::{info_table_end, info_table_header, info_table_row, info_table_start};

use super::{engine, ini};

/// Prints the tables.
pub extern "C" fn print(module: *mut ModuleEntry) {
    let settings = ini::settings();
    let on_off = |on| if on { "enabled" } else { "disabled" };
    info_table_start!();
    info_table_header!("localapi", "enabled");
    info_table_row!("Version", env!("CARGO_PKG_VERSION"));
    info_table_row!("Store", format!("SQLite {}", rusqlite::version()));
    info_table_row!("Sandbox", on_off(settings.sandbox));
    info_table_row!("Durability", settings.durability.as_str());
    info_table_end!();
    // SAFETY: the module is the one that PHP passes.
    unsafe { engine::print_ini_entries(module) };
}
