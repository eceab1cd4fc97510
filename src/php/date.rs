//! Times as PHP's `date()` shows them.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::MaybeUninit;

use ext_php_rs::boxed::ZBox;
use ext_php_rs::ffi::{zend_class_entry, zend_string};
use ext_php_rs::types::Zval;
use ext_php_rs::zend::{ExecutorGlobals, bailout, ce};

use super::held::{RequestEnded, guarded};

/// PHP's `zend_error_handling`: what becomes of a warning.
#[repr(C)]
struct ErrorHandling {
    handling: c_int,
    class: *mut zend_class_entry,
}

/// Warnings are thrown.
const THROW: c_int = 1;

unsafe extern "C" {
    fn get_timezone_info() -> *const c_void;
    fn php_format_date(format: *const c_char, length: usize, second: i64, local: bool) -> *mut zend_string;
    fn zend_replace_error_handling(handling: c_int, class: *const zend_class_entry, before: *mut ErrorHandling);
    fn zend_restore_error_handling(before: *mut ErrorHandling);
}

/// How answers show times.
const SHOWN: &CStr = c"jS F Y g:i:sa";

/// A time as answers show it, where no long jump may pass.
pub fn text(second: i64) -> Result<String, RequestEnded> {
    let shown = guarded(|| shown(second))?;
    Ok(shown.zend_str().map_or_else(String::new, |text| String::from_utf8_lossy(text.as_bytes()).into_owned()))
}

/// A time as answers show it. It may end with a long jump.
pub fn shown(second: i64) -> Zval {
    format(SHOWN, second)
}

/// A time in PHP's default time zone, or in UTC where PHP finds no time zones, as in a chroot. It may end with a long
/// jump.
fn format(format: &CStr, second: i64) -> Zval {
    // What asking for the zone throws must stay apart from what is pending: then nobody will see the time anyway.
    if ExecutorGlobals::has_exception() {
        return format_in(format, second, false);
    }
    let mut before = MaybeUninit::uninit();
    // SAFETY: PHP writes what was set before, and is given it back below, whatever happens in between.
    unsafe { zend_replace_error_handling(THROW, ce::exception(), before.as_mut_ptr()) };
    let shown = guarded(|| {
        // SAFETY: PHP throws and gives null where there is no zone; it would crash where it's told to use that one.
        let local = !unsafe { get_timezone_info() }.is_null();
        format_in(format, second, local)
    });
    // SAFETY: as above.
    unsafe { zend_restore_error_handling(before.as_mut_ptr()) };
    drop(ExecutorGlobals::take_exception());
    match shown {
        Ok(shown) => shown,
        // SAFETY: nothing is owned at this point.
        Err(RequestEnded) => unsafe { bailout() },
    }
}

fn format_in(format: &CStr, second: i64, local: bool) -> Zval {
    let mut shown = Zval::new();
    // SAFETY: the format is read up to its length; the string that PHP gives belongs to us.
    unsafe {
        let string = php_format_date(format.as_ptr(), format.count_bytes(), second, local);
        if !string.is_null() {
            shown.set_zend_string(ZBox::from_raw(string));
        }
    }
    shown
}
