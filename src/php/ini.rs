//! The INI entries, all `PHP_INI_SYSTEM`.

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ext_php_rs::error::php_error;
use ext_php_rs::ffi::{self, zend_string};
use ext_php_rs::flags::{ErrorType, IniEntryPermission};
use ext_php_rs::zend::{IniEntryDef, IniEntryDefs, SapiModule};

use crate::secret_text::SecretText;
use crate::settings::{self, Dsn, DsnFault, Durability, HttpHosts, KeyFile, Settings, without_password};

/// What `php.ini` has for them, in the order of docs/reference.md.
static ENTRIES: IniEntryDefs<10> = IniEntryDefs::new([
    IniEntryDef { displayer: Some(show_dsn), ..entry(c"localapi.dsn", c"") },
    entry(c"localapi.key_file", c""),
    entry(c"localapi.company_name", c"Company Name"),
    entry(c"localapi.busy_timeout", c"5000"),
    entry(c"localapi.sandbox", c"0"),
    entry(c"localapi.durability", c"full"),
    entry(c"localapi.api_allowed_ips", c"127.0.0.1, ::1"),
    IniEntryDef { displayer: Some(show_access_key), ..entry(c"localapi.api_access_key", c"") },
    entry(c"localapi.redirect_http_hosts", c""),
    IniEntryDef::end(),
]);

const fn entry(name: &'static CStr, default: &'static CStr) -> IniEntryDef {
    IniEntryDef { on_modify: Some(on_modify), ..IniEntryDef::new(name, default, IniEntryPermission::System) }
}

thread_local! {
    static SETTINGS: RefCell<Settings> = RefCell::new(Settings::default());
    static CHANGED: Cell<bool> = const { Cell::new(false) };
}

/// `ZEND_INI_STAGE_STARTUP`: the module's start, or that of a thread.
const STARTUP: c_int = 1;

/// What the sandbox has where it can't be: its store would be real.
pub const NO_EFFECT: &str = "no effect: localapi.dsn is neither empty nor sqlite::memory:";

/// Whether the entries are registered: what their values lack is told.
static REGISTERED: AtomicBool = AtomicBool::new(false);

/// Registers the entries at the module's start. Each value passes [`on_modify`] then, and again in every new thread.
pub fn register(module_number: c_int) {
    REGISTERED.store(false, Ordering::Relaxed);
    IniEntryDef::register(ENTRIES.as_slice(), module_number);
    REGISTERED.store(true, Ordering::Relaxed);
}

/// Tells at the module's start that the sandbox is off, where it should be on and isn't: calls reach a real store.
pub fn warn_of_a_real_store() {
    let settings = settings();
    if settings.sandbox && !settings.is_sandbox() {
        php_error(&ErrorType::Warning, &format!("localapi.sandbox has {NO_EFFECT}"));
    }
}

/// The settings of this thread.
pub fn settings() -> Settings {
    // SAFETY: PHP's SAPI has a name, a C string that lives as long as the process.
    let sapi = unsafe { CStr::from_ptr(SapiModule::get().name) };
    let server = !matches!(sapi.to_bytes(), b"cli" | b"phpdbg" | b"embed");
    SETTINGS.with_borrow(|settings| Settings { server, ..settings.clone() })
}

/// Whether this thread is in the sandbox.
pub fn is_sandbox() -> bool {
    SETTINGS.with_borrow(Settings::is_sandbox)
}

/// Whether a setting has changed since this was last asked.
pub fn take_change() -> bool {
    CHANGED.replace(false)
}

/// Takes one value over. Where it is invalid a warning names the entry and never shows the value, and PHP falls
/// back to the default; an invalid place is kept as that, so that nothing is used instead.
///
/// PHP starts each thread with the values of the first, which were told of already.
unsafe extern "C" fn on_modify(
    entry: *mut ffi::_zend_ini_entry,
    value: *mut zend_string,
    _: *mut c_void,
    _: *mut c_void,
    _: *mut c_void,
    stage: c_int,
) -> c_int {
    // SAFETY: PHP passes its entry, whose name is set, and a value or null; both outlive this call.
    let (name, value) =
        unsafe { ((*(*entry).name).as_bytes(), value.as_ref().map_or(&b""[..], |value| value.as_bytes())) };
    let taken = SETTINGS.with_borrow_mut(|settings| take(settings, name, value));
    CHANGED.set(true);
    let (warning, code) = match taken {
        Taken::Yes => return 0,
        Taken::AsInvalid => ("every call will fail until it is corrected", 0),
        Taken::No => ("the default is used instead", -1),
    };
    if stage == STARTUP && REGISTERED.load(Ordering::Relaxed) {
        return code;
    }
    let name = String::from_utf8_lossy(name);
    php_error(&ErrorType::Warning, &format!("The value of {name} is invalid: {warning}"));
    code
}

enum Taken {
    Yes,
    AsInvalid,
    No,
}

fn take(settings: &mut Settings, name: &[u8], value: &[u8]) -> Taken {
    let Ok(value) = std::str::from_utf8(value) else {
        match name {
            b"localapi.dsn" => settings.dsn = Dsn::Invalid(DsnFault::Form),
            b"localapi.key_file" => settings.key_file = KeyFile::Invalid,
            _ => return Taken::No,
        }
        return Taken::AsInvalid;
    };
    let understood = match name {
        b"localapi.dsn" => {
            settings.dsn = Dsn::parse(value);
            return if matches!(settings.dsn, Dsn::Invalid(_)) { Taken::AsInvalid } else { Taken::Yes };
        }
        b"localapi.key_file" => {
            settings.key_file = KeyFile::parse(value);
            return if settings.key_file == KeyFile::Invalid { Taken::AsInvalid } else { Taken::Yes };
        }
        b"localapi.company_name" if value == "0" => None,
        b"localapi.api_access_key" if is_calculated(value) => None,
        b"localapi.company_name" => Some(value.to_owned()).map(|name| settings.company_name = name),
        b"localapi.busy_timeout" => {
            settings::milliseconds(value).map(|timeout: Duration| settings.busy_timeout = timeout)
        }
        b"localapi.sandbox" => settings::switch(value).map(|sandbox| settings.sandbox = sandbox),
        b"localapi.durability" => Durability::parse(value).map(|durability| settings.durability = durability),
        b"localapi.api_allowed_ips" => settings::addresses(value).map(|addresses| settings.api_allowed_ips = addresses),
        b"localapi.redirect_http_hosts" => HttpHosts::parse(value).map(|hosts| settings.redirect_http_hosts = hosts),
        _ => Some(SecretText::from(value.to_owned())).map(|key| settings.api_access_key = key),
    };
    if understood.is_some() { Taken::Yes } else { Taken::No }
}

/// Whether this is what PHP makes of many a value that isn't in quotes: it takes `&`, `|`, `^`, `~` and `!` as operators.
/// A longer number may be meant as it is.
fn is_calculated(value: &str) -> bool {
    value.len() < 8 && value.parse::<i64>().is_ok()
}

unsafe extern "C" fn show_dsn(entry: *mut ffi::_zend_ini_entry, which: c_int) {
    // SAFETY: PHP passes its entry.
    unsafe { show(entry, which, without_password) }
}

unsafe extern "C" fn show_access_key(entry: *mut ffi::_zend_ini_entry, which: c_int) {
    // SAFETY: PHP passes its entry.
    unsafe { show(entry, which, |_| "********".to_owned()) }
}

/// Prints an entry's value in the table of `phpinfo()`, masked.
///
/// # Safety
///
/// The entry must be a live one of PHP's.
unsafe fn show(entry: *mut ffi::_zend_ini_entry, which: c_int, mask: impl FnOnce(&str) -> String) {
    const ORIGINAL: c_int = 1;
    // SAFETY: the entry is alive, and so are the strings it points to; a null one reads as none.
    let value = unsafe {
        let original = which == ORIGINAL && (*entry).modified != 0;
        let value = if original { (*entry).orig_value } else { (*entry).value };
        value.as_ref().map_or_else(String::new, |value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let as_text = SapiModule::get().phpinfo_as_text != 0;
    let shown = match (value.is_empty(), as_text) {
        (true, true) => "no value".to_owned(),
        (true, false) => "<i>no value</i>".to_owned(),
        (false, true) => mask(&value),
        (false, false) => mask(&value).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
    };
    // SAFETY: PHP copies the bytes out.
    unsafe { ffi::php_output_write(shown.as_ptr().cast(), shown.len()) };
}
