//! PHP's own JSON of a value. `json_encode` is called in C: a host may have disabled the function.

use std::ffi::c_int;
use std::ptr;

use ext_php_rs::ffi::{ext_php_rs_zend_string_release, zend_long, zend_string};
use ext_php_rs::types::Zval;

/// `JSON_PARTIAL_OUTPUT_ON_ERROR`, `JSON_PRESERVE_ZERO_FRACTION` and `JSON_INVALID_UTF8_SUBSTITUTE`.
const FLAGS: c_int = 512 | 1_024 | 2_097_152;

/// How deep arrays and objects may be nested: what `json_encode` takes.
const DEPTH: zend_long = 512;

/// PHP's `smart_str`: a string that grows.
#[repr(C)]
struct SmartStr {
    text: *mut zend_string,
    capacity: usize,
}

unsafe extern "C" {
    fn php_json_encode_ex(text: *mut SmartStr, value: *mut Zval, flags: c_int, depth: zend_long) -> c_int;
}

/// Encodes a value, whose objects' `jsonSerialize` may run and end the request with a long jump. `None` where there is
/// nothing; an exception may be pending.
pub fn encode(value: &Zval) -> Option<Vec<u8>> {
    let mut json = SmartStr { text: ptr::null_mut(), capacity: 0 };
    // SAFETY: PHP reads the value. The string that it makes belongs to us.
    unsafe {
        php_json_encode_ex(&raw mut json, ptr::from_ref(value).cast_mut(), FLAGS, DEPTH);
        let bytes = json.text.as_ref().map(|text| text.as_bytes().to_vec());
        if !json.text.is_null() {
            ext_php_rs_zend_string_release(json.text);
        }
        bytes
    }
}
