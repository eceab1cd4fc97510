//! The few functions of PHP's C API that ext-php-rs doesn't bind.

use std::ffi::{CStr, c_char, c_int, c_void};

use ext_php_rs::boxed::ZBox;
use ext_php_rs::ffi::{
    HashPosition, HashTable, ext_php_rs_compiler_globals, zend_class_entry, zend_function,
    zend_hash_get_current_data_ex, zend_hash_move_forward_ex, zend_module_entry, zend_string, zend_ulong, zval,
};
use ext_php_rs::types::{ZendHashTable, ZendStr, Zval};
use ext_php_rs::zend::{ExecuteData, ExecutorGlobals};

unsafe extern "C" {
    pub fn zend_parse_parameters(count: u32, spec: *const c_char, ...) -> c_int;
    fn zend_argument_value_error(position: u32, format: *const c_char, ...);
    fn zval_try_get_string_func(value: *mut zval) -> *mut zend_string;
    fn zend_hash_get_current_key_ex(
        array: *const HashTable,
        key: *mut *const zend_string,
        number: *mut zend_ulong,
        position: *const HashPosition,
    ) -> c_int;
    fn zend_unregister_ini_entries(module_number: c_int);
    fn php_format_date(format: *const c_char, length: usize, second: i64, local: bool) -> *mut zend_string;
    fn zend_add_attribute(
        attributes: *mut *mut HashTable,
        name: *mut zend_string,
        arguments: u32,
        flags: u32,
        offset: u32,
        line: u32,
    ) -> *mut c_void;
    fn display_ini_entries(module: *mut zend_module_entry);
    static spl_ce_RuntimeException: *mut zend_class_entry;
}

/// Reads arguments as every native function does: PHP's own conversions, which follow the caller's `strict_types`, and
/// PHP's own errors. `None` means that an exception is pending.
macro_rules! parse_arguments {
    ($execute_data:expr, $spec:literal, $($place:expr),+) => {
        // SAFETY: the letters of the spec and the types of the places are the caller's to match, as in C; each place
        // outlives the call, and PHP writes nothing else.
        unsafe { $crate::php::engine::parse($execute_data, |count| {
            $crate::php::engine::zend_parse_parameters(count, $spec.as_ptr(), $(std::ptr::from_mut($place)),+)
        }) }
    };
}
pub(super) use parse_arguments;

/// Runs `zend_parse_parameters` with the number of arguments that this call has.
///
/// # Safety
///
/// The closure must pass `zend_parse_parameters` places of the types that its spec names.
pub unsafe fn parse(execute_data: &ExecuteData, run: impl FnOnce(u32) -> c_int) -> Option<()> {
    // SAFETY: for a function's frame PHP keeps the number of arguments in this member of the union.
    let count = unsafe { execute_data.This.u2.num_args };
    (run(count) == 0).then_some(())
}

/// Throws PHP's `ValueError` that names the running function and this argument.
pub fn argument_value_error(position: u32, must: &str) {
    let Ok(must) = std::ffi::CString::new(must) else { return };
    // SAFETY: the format takes one C string, which outlives the call.
    unsafe { zend_argument_value_error(position, c"%s".as_ptr(), must.as_ptr()) }
}

/// A number, boolean or object as PHP turns it into a string; `None` when that threw. An object's `__toString` runs.
pub fn to_string(value: &Zval) -> Option<Vec<u8>> {
    // SAFETY: PHP reads the value and doesn't change it. The string it gives belongs to us.
    unsafe {
        let string = zval_try_get_string_func(std::ptr::from_ref(value).cast_mut());
        let bytes = string.as_ref().map(|string| string.as_bytes().to_vec());
        if !string.is_null() {
            ext_php_rs::ffi::ext_php_rs_zend_string_release(string);
        }
        bytes
    }
}

/// The first element whose key is this name without regard to case. ext-php-rs's own iterator makes a value of every key.
pub fn find_ignoring_case<'a>(array: &'a ZendHashTable, name: &str) -> Option<&'a Zval> {
    const IS_STRING: c_int = 1;
    const NON_EXISTENT: c_int = 3;
    let table = std::ptr::from_ref(array).cast_mut();
    let mut position = 0;
    loop {
        let (mut key, mut number) = (std::ptr::null(), 0);
        // SAFETY: PHP reads the array, which nothing changes meanwhile, and skips the places of removed elements.
        let kind = unsafe { zend_hash_get_current_key_ex(table, &raw mut key, &raw mut number, &raw const position) };
        // SAFETY: a key that is a string lives as long as its array.
        let key = unsafe { key.as_ref() };
        match (kind, key) {
            (NON_EXISTENT, _) => return None,
            (IS_STRING, Some(key)) if key.as_bytes().eq_ignore_ascii_case(name.as_bytes()) => {
                // SAFETY: there is an element at this position, and it lives as long as its array.
                return unsafe { zend_hash_get_current_data_ex(table, &raw mut position).as_ref() };
            }
            // SAFETY: as above; PHP moves the position to the next element or behind the last.
            _ => unsafe { zend_hash_move_forward_ex(table, &raw mut position) },
        };
    }
}

/// Takes this module's INI entries out again.
pub fn unregister_ini_entries(module_number: c_int) {
    // SAFETY: called once, at the module's end.
    unsafe { zend_unregister_ini_entries(module_number) }
}

/// Prints the INI table of `php --ri` and `phpinfo()`.
///
/// # Safety
///
/// The module must be the one that PHP gave to the info function.
pub unsafe fn print_ini_entries(module: *mut zend_module_entry) {
    // SAFETY: see above.
    unsafe { display_ini_entries(module) }
}

/// A time as PHP's `date()` shows it, in PHP's default time zone.
pub fn format_date(format: &CStr, second: i64) -> Zval {
    let mut shown = Zval::new();
    // SAFETY: the format is read up to its length; the string that PHP gives belongs to us.
    unsafe {
        let string = php_format_date(format.as_ptr(), format.count_bytes(), second, true);
        if !string.is_null() {
            shown.set_zend_string(ZBox::from_raw(string));
        }
    }
    shown
}

/// Whether the request has run out of time. PHP acts on it when the running call returns.
pub fn timed_out() -> bool {
    let globals = ExecutorGlobals::get();
    // SAFETY: one byte that a signal handler sets: a bool in PHP 8.1, later an atomic one.
    unsafe { std::ptr::from_ref(&globals.timed_out).cast::<u8>().read_volatile() != 0 }
}

/// Marks an argument of a function of ours as `#[\\SensitiveParameter]`, so that no backtrace shows it: PHP 8.2 and later.
/// To be called at the module's start.
pub fn hide_argument(function: &str, position: u32) {
    const PERSISTENT: u32 = 1;
    // SAFETY: PHP has registered its classes and this module's functions by now and runs nothing else yet. The
    // attribute's table and name are of PHP's permanent memory, as those of a native function have to be.
    unsafe {
        let globals = ext_php_rs_compiler_globals();
        let (Some(classes), Some(functions)) = ((*globals).class_table.as_ref(), (*globals).function_table.as_ref())
        else {
            return;
        };
        if classes.get("sensitiveparameter").is_none() {
            return;
        }
        let Some(found) = functions.get(function.to_ascii_lowercase().as_str()) else { return };
        let Some(function) = found.ptr::<zend_function>() else { return };
        let name = ZendStr::new_interned("SensitiveParameter", true).into_raw();
        // Attributes of arguments count from 1; 0 is the function itself.
        zend_add_attribute(&raw mut (*function).common.attributes, name, 0, PERSISTENT, position, 0);
    }
}

/// PHP's `RuntimeException`.
pub fn runtime_exception() -> &'static zend_class_entry {
    // SAFETY: SPL, which PHP always has, sets the pointer before any extension starts and never changes it.
    unsafe { &*spl_ce_RuntimeException }
}

/// A string argument as [`parse_arguments`] leaves it: null where a nullable one was null or not given.
pub fn string<'a>(argument: *const ZendStr) -> Option<&'a [u8]> {
    // SAFETY: PHP keeps the arguments alive until the function returns, and callers don't keep the slice longer.
    unsafe { argument.as_ref() }.map(ZendStr::as_bytes)
}

/// An array argument as [`parse_arguments`] leaves it.
pub fn array<'a>(argument: *const ZendHashTable) -> Option<&'a ZendHashTable> {
    // SAFETY: as for `string`; the frame's own reference keeps the array from being changed.
    unsafe { argument.as_ref() }
}
