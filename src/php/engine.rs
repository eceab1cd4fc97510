//! The few functions of PHP's C API that ext-php-rs doesn't bind.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::{self, ManuallyDrop};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr;

use ext_php_rs::alloc::efree;
use ext_php_rs::boxed::ZBox;
use ext_php_rs::ffi::{
    GC_IMMUTABLE, HashPosition, HashTable, IS_ARRAY, IS_ARRAY_EX, ZEND_ACC_TOP_LEVEL, ZEND_INTERNAL_FUNCTION,
    ZEND_USER_FUNCTION, ext_php_rs_compiler_globals, ext_php_rs_zend_string_release, zend_class_entry,
    zend_eval_string, zend_fcall_info, zend_fcall_info_cache, zend_function, zend_hash_get_current_data_ex,
    zend_hash_move_forward_ex, zend_hash_str_del, zend_internal_function, zend_is_callable_ex, zend_long,
    zend_module_entry, zend_object, zend_string, zend_ulong, zval,
};
use ext_php_rs::flags::DataType;
use ext_php_rs::types::{ZendHashTable, ZendStr, Zval};
use ext_php_rs::zend::{ExecuteData, ExecutorGlobals};

/// PHP's `ZEND_USER_CLASS`, which ext-php-rs doesn't bind.
const ZEND_USER_CLASS: c_char = 2;

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
    fn zend_add_attribute(
        attributes: *mut *mut HashTable,
        name: *mut zend_string,
        arguments: u32,
        flags: u32,
        offset: u32,
        line: u32,
    ) -> *mut c_void;
    fn php_log_err_with_severity(message: *const c_char, severity: c_int);
    fn zend_is_unwind_exit(exception: *const zend_object) -> bool;
    fn zend_is_graceful_exit(exception: *const zend_object) -> bool;
    fn php_check_open_basedir_ex(path: *const c_char, warn: c_int) -> c_int;
    fn display_ini_entries(module: *mut zend_module_entry);
    fn zend_call_function(call: *mut zend_fcall_info, resolved: *mut zend_fcall_info_cache) -> c_int;
    fn zend_release_fcall_info_cache(resolved: *mut zend_fcall_info_cache);
    fn zend_argument_type_error(position: u32, format: *const c_char, ...);
    fn zend_parse_arg_long_weak(value: *mut zval, number: *mut zend_long, position: u32) -> bool;
    fn zend_zval_type_name(value: *const zval) -> *const c_char;
    static zend_resolve_path: Option<unsafe extern "C" fn(*const zend_string) -> *mut zend_string>;
    static spl_ce_LogicException: *mut zend_class_entry;
    static spl_ce_RuntimeException: *mut zend_class_entry;
}

/// Reads arguments as every native function does: PHP's own conversions, which follow the caller's `strict_types`, and
/// PHP's own errors. `None` means that an exception is pending.
macro_rules! parse_arguments {
    ($execute_data:expr, $spec:literal, $($place:expr),*) => {
        // SAFETY: the letters of the spec and the types of the places are the caller's to match, as in C; each place
        // outlives the call, and PHP writes nothing else.
        unsafe { $crate::php::engine::parse($execute_data, |count| {
            $crate::php::engine::zend_parse_parameters(count, $spec.as_ptr(), $(std::ptr::from_mut($place)),*)
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
    let Ok(must) = CString::new(must) else { return };
    // SAFETY: the format takes one C string, which outlives the call.
    unsafe { zend_argument_value_error(position, c"%s".as_ptr(), must.as_ptr()) }
}

/// Throws PHP's `TypeError` that names the running function, this argument, and the type that it has.
pub fn argument_type_error(position: u32, expected: &str, given: &Zval) {
    argument_error(position, &format!("must be of type {expected}, {} given", type_name(given)));
}

/// Throws PHP's `TypeError` that names the running function and this argument, unless an exception is pending.
pub fn argument_error(position: u32, must: &str) {
    let Ok(must) = CString::new(must) else { return };
    // SAFETY: the format takes one C string, which outlives the call.
    unsafe { zend_argument_type_error(position, c"%s".as_ptr(), must.as_ptr()) }
}

/// A number, boolean or object as PHP turns it into a string; `None` when that threw. An object's `__toString` runs.
pub fn to_string(value: &Zval) -> Option<Vec<u8>> {
    // PHP 8.5 makes the same of it, and warns.
    if value.double().is_some_and(f64::is_nan) {
        return Some(b"NAN".to_vec());
    }
    // SAFETY: PHP reads the value and doesn't change it. The string it gives belongs to us.
    unsafe {
        let string = zval_try_get_string_func(std::ptr::from_ref(value).cast_mut());
        let bytes = string.as_ref().map(|string| string.as_bytes().to_vec());
        if !string.is_null() {
            ext_php_rs_zend_string_release(string);
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
            // SAFETY: as above; PHP moves the position to the next element or after the last.
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

/// Whether `open_basedir` allows this file.
pub fn is_in_open_basedir(file: &Path) -> bool {
    let Ok(path) = CString::new(file.as_os_str().as_bytes()) else { return false };
    // SAFETY: PHP reads the C string, and says nothing where it's told not to warn.
    unsafe { php_check_open_basedir_ex(path.as_ptr(), 0) == 0 }
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

/// Whether the script is exiting: PHP has `exit` travel as an exception that nothing may take.
pub fn is_exiting() -> bool {
    let exception = ExecutorGlobals::get().exception;
    // SAFETY: a pending exception is a live object.
    !exception.is_null() && unsafe { zend_is_unwind_exit(exception) || zend_is_graceful_exit(exception) }
}

/// Writes to PHP's log, wherever the host keeps it.
pub fn log(message: &str) {
    if let Ok(message) = CString::new(message.replace('\0', "\u{fffd}")) {
        // SAFETY: PHP reads the C string before it returns.
        unsafe { php_log_err_with_severity(message.as_ptr(), libc::LOG_WARNING) }
    }
}

/// Takes a function of ours out of PHP again. To be called at the module's start.
pub fn remove_function(name: &str) {
    // SAFETY: the table holds this module's functions by now, nothing runs yet, and PHP reads no more than the name.
    unsafe {
        let table = (*ext_php_rs_compiler_globals()).function_table;
        if !table.is_null() {
            zend_hash_str_del(table, name.as_ptr().cast(), name.len());
        }
    }
}

/// PHP's `LogicException`.
pub fn logic_exception() -> &'static zend_class_entry {
    // SAFETY: as for `runtime_exception`.
    unsafe { &*spl_ce_LogicException }
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

/// Where [`parse_arguments`] puts a callable (`f`). It has no references of its own.
pub fn no_callable() -> (ManuallyDrop<zend_fcall_info>, zend_fcall_info_cache) {
    // SAFETY: both are plain structures of C, and all zeros is a call of nothing.
    unsafe { (ManuallyDrop::new(mem::zeroed()), mem::zeroed()) }
}

/// Finds what a callable value calls, seen from the function that runs. Where it isn't callable, PHP's words for why;
/// an autoloader may have run, and have thrown.
pub fn resolve_callable(value: &Zval) -> Result<zend_fcall_info_cache, String> {
    let (_, mut resolved) = no_callable();
    let (value, none) = (ptr::from_ref(value).cast_mut(), ptr::null_mut());
    let mut why: *mut c_char = ptr::null_mut();
    // SAFETY: PHP reads the value, and writes the cache and a C string that belongs to us. A call by `__call` is a
    // function made for this one look.
    unsafe {
        let found = zend_is_callable_ex(value, none, 0, ptr::null_mut(), &raw mut resolved, &raw mut why);
        let words = why.as_ref().map_or_else(String::new, |why| CStr::from_ptr(why).to_string_lossy().into_owned());
        if !why.is_null() {
            efree(why.cast());
        }
        if !found {
            return Err(words);
        }
        zend_release_fcall_info_cache(&raw mut resolved);
    }
    Ok(resolved)
}

/// Whether a value has the form of a callable: a name, or a class or object and a name, that may not be there yet.
pub fn is_form_of_callable(value: &Zval) -> bool {
    const CHECK_SYNTAX_ONLY: u32 = 1;
    let (_, mut resolved) = no_callable();
    let (value, none) = (ptr::from_ref(value).cast_mut(), ptr::null_mut());
    // SAFETY: as in `resolve_callable`; PHP looks for nothing here.
    unsafe { zend_is_callable_ex(value, none, CHECK_SYNTAX_ONLY, ptr::null_mut(), &raw mut resolved, ptr::null_mut()) }
}

/// A value as a number, as PHP's own functions take it without `strict_types`; null is 0. `None` where it's none. PHP
/// may have said something of one with a fraction, and an exception may be pending.
pub fn to_int(position: u32, value: &Zval) -> Option<i64> {
    let mut number = value.long().unwrap_or_default();
    // SAFETY: PHP reads the value and writes the number.
    let is_number = value.is_long()
        || value.is_null()
        || unsafe { zend_parse_arg_long_weak(ptr::from_ref(value).cast_mut(), &raw mut number, position) };
    is_number.then_some(number)
}

/// Calls a function with these arguments; `None` means that an exception is pending.
pub fn call_function(callable: &Zval, mut resolved: zend_fcall_info_cache, arguments: &mut [Zval]) -> Option<Zval> {
    let mut answer = Zval::new();
    let (mut call, _) = no_callable();
    call.size = size_of::<zend_fcall_info>();
    call.function_name = callable.shallow_clone();
    call.retval = &raw mut answer;
    call.params = arguments.as_mut_ptr();
    call.param_count = u32::try_from(arguments.len()).unwrap_or(0);
    // SAFETY: everything outlives the call. PHP copies the arguments that it keeps.
    unsafe {
        zend_call_function(&raw mut *call, &raw mut resolved);
        ptr::drop_in_place(&raw mut call.function_name);
    }
    // PHP leaves it undefined when the function threw.
    if ExecutorGlobals::has_exception() || answer.get_type() == DataType::Undef {
        return None;
    }
    Some(match answer.reference() {
        Some(value) => value.shallow_clone(),
        None => answer,
    })
}

/// The path of the file that `require` would include here; the name itself where it finds none. A stream wrapper of the
/// host's may run, and throw.
pub fn resolve_path(file: *const ZendStr) -> Vec<u8> {
    // SAFETY: PHP has set the function by now. The name is alive, and the path that PHP gives belongs to us.
    unsafe {
        let path = zend_resolve_path.map_or(ptr::null_mut(), |resolve| resolve(file));
        let bytes = path.as_ref().or(file.as_ref()).map_or_else(Vec::new, |path| path.as_bytes().to_vec());
        if !path.is_null() {
            ext_php_rs_zend_string_release(path);
        }
        bytes
    }
}

/// Includes a file as `require` does, in a scope of its own, which may end with a long jump. `false` means that an
/// exception is pending.
pub fn require(path: &[u8]) -> bool {
    // Without `bind` it would be in the class whose method runs.
    const INCLUDE: &CStr = c"\\Closure::bind(static function (string $file): void { require $file; }, null, null)";
    let mut include = Zval::new();
    // SAFETY: PHP reads both C strings and writes the value.
    let made =
        unsafe { zend_eval_string(INCLUDE.as_ptr(), &raw mut include, c"LocalApi\\Sandbox::loadHooks()".as_ptr()) };
    let resolved = if made == 0 { resolve_callable(&include).ok() } else { None };
    resolved.is_some_and(|resolved| call_function(&include, resolved, &mut [new_string(path)]).is_some())
}

/// The name of a function or class that a file has declared under no condition. PHP can't include such a file again:
/// the request ends where it tries.
pub fn declared_by(path: &[u8]) -> Option<String> {
    let globals = ExecutorGlobals::get();
    let functions = pointers(globals.function_table()).filter_map(|function: *const zend_function| {
        // SAFETY: PHP's table of functions leads to functions, and one of PHP code has all of the union.
        unsafe {
            let is_code = u32::from((*function).type_) == ZEND_USER_FUNCTION;
            is_code.then(|| &(*function).op_array).map(|code| (code.fn_flags, code.filename, code.function_name))
        }
    });
    let classes = pointers(globals.class_table()).filter_map(|class: *const zend_class_entry| {
        // SAFETY: PHP's table of classes leads to classes, and only one of PHP code has a file.
        unsafe {
            let is_code = (*class).type_ == ZEND_USER_CLASS;
            is_code.then(|| ((*class).ce_flags, (*class).info.user.filename, (*class).name))
        }
    });
    let (.., name) = functions
        .chain(classes)
        .find(|(flags, file, _)| flags & ZEND_ACC_TOP_LEVEL != 0 && string(*file) == Some(path))?;
    string(name).map(|name| String::from_utf8_lossy(name).into_owned())
}

/// What the elements of a table of PHP's own point at.
fn pointers<'a, T>(table: Option<&'a ZendHashTable>) -> impl Iterator<Item = *const T> + use<'a, T> {
    // The iterator's own `next` panics at a key that isn't UTF-8.
    let mut elements = table.map(ZendHashTable::iter);
    std::iter::from_fn(move || elements.as_mut()?.next_zval())
        // SAFETY: the pointer is only handed on.
        .filter_map(|(_, element)| unsafe { element.ptr::<T>() }.map(|to| to.cast_const()))
}

/// An object that a callable is called on, as a value.
pub fn object(object: *mut zend_object) -> Option<Zval> {
    let mut value = Zval::new();
    // SAFETY: null, or an object that is alive as long as the callable that it was found in.
    value.set_object(unsafe { object.as_mut() }?);
    Some(value)
}

/// How many calls of this extension's functions are running, counted up to a limit. One of them runs this.
pub fn own_calls(limit: usize) -> usize {
    let own = running_function(ExecutorGlobals::get().current_execute_data).map(|function| function.module);
    running(limit, |function| Some(function.module) == own)
}

/// How many calls of the function that runs this are running, counted up to a limit.
pub fn calls_of_this(limit: usize) -> usize {
    let own = running_function(ExecutorGlobals::get().current_execute_data).and_then(|function| function.handler);
    running(limit, |function| function.handler.map(|handler| handler as usize) == own.map(|own| own as usize))
}

fn running(limit: usize, is_wanted: impl Fn(&zend_internal_function) -> bool) -> usize {
    let mut frame: *const ExecuteData = ExecutorGlobals::get().current_execute_data;
    let mut count = 0;
    // SAFETY: the frames of the running functions are alive, each links to its caller's.
    while let Some(found) = unsafe { frame.as_ref() }
        && count < limit
    {
        count += usize::from(running_function(frame).is_some_and(&is_wanted));
        frame = found.prev_execute_data;
    }
    count
}

/// The function of a frame, if C has it.
fn running_function<'a>(frame: *const ExecuteData) -> Option<&'a zend_internal_function> {
    // SAFETY: the frame is one of a running function or null, and a function lives as long as it runs. One of C is
    // shorter than the union: only its own members are read.
    unsafe {
        let called = frame.as_ref()?.func;
        let is_internal = !called.is_null() && u32::from((*called).type_) == ZEND_INTERNAL_FUNCTION;
        is_internal.then(|| &(*called).internal_function)
    }
}

/// A string for PHP.
pub fn new_string(bytes: &[u8]) -> Zval {
    let mut value = Zval::new();
    value.set_zend_string(ZendStr::new(bytes, false));
    value
}

/// An array argument as a value that shares it; no array is an empty one. It takes a pointer, because the array's
/// counter of references changes.
pub fn shared_array(array: *const ZendHashTable) -> Zval {
    let mut value = Zval::new();
    let array = array.cast_mut();
    if array.is_null() {
        value.set_hashtable(ZendHashTable::new());
        return value;
    }
    // SAFETY: the array is alive and gets a reference of its own, but for one that PHP never frees.
    unsafe {
        value.value.arr = array;
        if (*array).gc.u.type_info & GC_IMMUTABLE == 0 {
            (*array).gc.refcount += 1;
            value.u1.type_info = IS_ARRAY_EX;
        } else {
            value.u1.type_info = IS_ARRAY;
        }
    }
    value
}

/// A new array as a value.
pub fn array_value(array: ZBox<ZendHashTable>) -> Zval {
    let mut value = Zval::new();
    value.set_hashtable(array);
    value
}

/// The name of a value's type, as PHP's own errors have it.
pub fn type_name(value: &Zval) -> &'static str {
    // SAFETY: PHP gives a C string that lives as long as the process.
    unsafe { CStr::from_ptr(zend_zval_type_name(ptr::from_ref(value))) }.to_str().unwrap_or("mixed")
}

/// A value argument as [`parse_arguments`] leaves it (`z`): another reference to what the caller gave.
pub fn value(argument: *const Zval) -> Zval {
    // SAFETY: PHP keeps the arguments alive until the function returns.
    match unsafe { argument.as_ref() } {
        Some(value) => value.reference().unwrap_or(value).shallow_clone(),
        None => Zval::null(),
    }
}

/// Variadic arguments as [`parse_arguments`] leaves them (`*`, `+`).
pub fn values<'a>(first: *const Zval, count: u32) -> &'a [Zval] {
    match usize::try_from(count) {
        // SAFETY: PHP has so many arguments in a row and keeps them until the function returns.
        Ok(count) if !first.is_null() => unsafe { std::slice::from_raw_parts(first, count) },
        _ => &[],
    }
}
