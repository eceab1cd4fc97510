//! What `php --ri localapi` and `phpinfo()` show.

use ext_php_rs::zend::ModuleEntry;
use ext_php_rs::{info_table_end, info_table_header, info_table_row, info_table_start};

use super::{engine, ini};
use crate::error::Result;
use crate::place::{Place, resolve};
use crate::settings::Settings;

/// Prints the tables. Nothing is opened for them.
pub extern "C" fn print(module: *mut ModuleEntry) {
    let settings = ini::settings();
    let place = Place::of(&settings, |name| std::env::var_os(name));
    info_table_start!();
    info_table_header!("localapi", "enabled");
    info_table_row!("Version", env!("CARGO_PKG_VERSION"));
    info_table_row!("SQLite", rusqlite::version());
    info_table_row!("Store", place.as_ref().map_or_else(ToString::to_string, store));
    info_table_row!(
        "Key file",
        place.and_then(|place| key_file(&place, &settings)).unwrap_or_else(|error| error.to_string())
    );
    info_table_row!("Sandbox", sandbox(&settings));
    info_table_row!("Durability", settings.durability.as_str());
    info_table_end!();
    // SAFETY: the module is the one that PHP passes.
    unsafe { engine::print_ini_entries(module) };
}

fn store(place: &Place) -> String {
    match place {
        Place::Memory => "SQLite, in memory".to_owned(),
        Place::File { path, .. } => format!("SQLite, {}", path.display()),
        Place::Server(server) => format!("MariaDB or MySQL, {}", server.place()),
    }
}

fn key_file(place: &Place, settings: &Settings) -> Result<String> {
    Ok(match place.key_file(&settings.key_file)? {
        Some(path) => resolve(&path)?.display().to_string(),
        None => "none: the key is in memory".to_owned(),
    })
}

fn sandbox(settings: &Settings) -> &'static str {
    match (settings.is_sandbox(), settings.sandbox) {
        (true, _) => "enabled",
        (false, true) => ini::NO_EFFECT,
        (false, false) => "disabled",
    }
}
