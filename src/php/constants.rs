//! The constants that files of WHMCS look for. They exist in the sandbox only, and for one request.

use std::ffi::{CString, c_int};
use std::os::unix::ffi::OsStringExt as _;

use ext_php_rs::ffi::{zend_register_bool_constant, zend_register_string_constant};

/// `WHMCS`, which a module's file asks for before it does anything.
const WHMCS: &str = "WHMCS";
/// `ROOTDIR`, the folder that all is in: here the one that PHP was started in.
const ROOTDIR: &str = "ROOTDIR";

/// Without PHP's `CONST_PERSISTENT`.
const NOT_PERSISTENT: c_int = 0;

/// Defines them at a request's start.
pub fn define(module_number: c_int) {
    // One that is gone has no name.
    let folder = std::env::current_dir().map_or_else(|_| b".".to_vec(), |folder| folder.into_os_string().into_vec());
    // Without a slash at its end: the root itself is empty.
    let Ok(folder) = CString::new(if folder == b"/" { Vec::new() } else { folder }) else { return };
    // SAFETY: PHP copies names and text. The constants aren't persistent: they end with the request, and opcache takes
    // none of them over into a script.
    unsafe {
        zend_register_bool_constant(WHMCS.as_ptr().cast(), WHMCS.len(), true, NOT_PERSISTENT, module_number);
        let (name, length) = (ROOTDIR.as_ptr().cast(), ROOTDIR.len());
        zend_register_string_constant(name, length, folder.as_ptr(), NOT_PERSISTENT, module_number);
    }
}
