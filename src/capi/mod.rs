//! The C interface, for programs that aren't PHP and for a PHP that no extension fits: `include/localapi.h`.
//!
//! Texts are in UTF-8 and end with a zero byte. No panic leaves a function: the answer says so.
#![allow(unsafe_code, reason = "C's pointers; every block says why it is sound")]

mod function;
mod given;
mod handle;
mod written;

use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use zeroize::Zeroize as _;

use self::given::Given;
pub use self::handle::Handle;
use crate::http::node::Node;
use crate::request::Request;
use crate::{command, verify};

/// What is said where this library is wrong.
const PANIC: &str = "localapi has met a fault of its own.";

/// Takes settings, a JSON object whose keys are those of the INI entries without `localapi.`: `dsn`, `key_file`,
/// `company_name`, `busy_timeout`, `durability`. `server` true takes away the default place of the store. Opens nothing
/// yet. Returns `NULL` where one is invalid, and then what is wrong in `*error`, unless that is `NULL`.
///
/// Any number of threads may use what is returned, and each has a connection of its own; a store in memory is the
/// thread's own, too. After a fork the child may go on to use it, unless other threads were using SQLite: then calls
/// say so.
///
/// # Safety
///
/// `settings_json` must be `NULL` or a C string, and `error` `NULL` or a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn localapi_open(settings_json: *const c_char, error: *mut *mut c_char) -> *mut Handle {
    // SAFETY: the caller says that it's a C string or null.
    let settings = unsafe { text(settings_json) }.unwrap_or(b"{}");
    let opened = catch_unwind(|| Handle::open(settings)).unwrap_or_else(|_| Err(PANIC.to_owned()));
    match opened {
        Ok(handle) => Arc::into_raw(handle).cast_mut(),
        Err(message) => {
            if !error.is_null() {
                // SAFETY: the caller says that there is a place for a pointer.
                unsafe { *error = to_c(message.into_bytes()) };
            }
            std::ptr::null_mut()
        }
    }
}

/// Answers a command with a JSON object, `result` first, as `localAPI()` does; times are seconds since 1970. Of
/// `post_data_json`, a JSON object or `NULL`, numbers and booleans are read as PHP makes them texts, and
/// `{"base64": "…"}` stands for bytes that aren't UTF-8. `admin` may be `NULL`. `localapi_free` frees the answer.
///
/// # Safety
///
/// `handle` must be from `localapi_open` and not closed, and the others must be `NULL` or C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn localapi_call(
    handle: *const Handle,
    command: *const c_char,
    post_data_json: *const c_char,
    admin: *const c_char,
) -> *mut c_char {
    // SAFETY: the caller says that they are C strings or null, and that the handle is open.
    let (command, post_data, admin, handle) =
        unsafe { (text(command), text(post_data_json), text(admin), handle.as_ref()) };
    answer(|| {
        let (Some(handle), Some(command)) = (handle, command) else {
            return written::error("The handle or the command is NULL.");
        };
        let Some(given) = Given::parse(post_data.unwrap_or(b"{}")) else {
            return written::error("The parameters must be a JSON object.");
        };
        handle.with_session(|session| {
            let reply = command::answer(session, &Request::new(command, &given, admin));
            written::reply(reply)
        })
    })
}

/// Whether the secret belongs to the identifier: a JSON object whose `value` is what a token endpoint needs to know, or
/// `null` where it doesn't; without `value`, its `message` says why that can't be told. `localapi_free` frees it.
///
/// # Safety
///
/// `handle` must be from `localapi_open` and not closed, and the others must be `NULL` or C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn localapi_verify(
    handle: *const Handle,
    identifier: *const c_char,
    secret: *const c_char,
) -> *mut c_char {
    // SAFETY: the caller says that they are C strings or null, and that the handle is open.
    let (identifier, secret, handle) = unsafe { (text(identifier), text(secret), handle.as_ref()) };
    answer(|| {
        let (Some(handle), Some(identifier), Some(secret)) = (handle, identifier, secret) else {
            return written::fault("The handle, the identifier or the secret is NULL.");
        };
        handle.with_session(|session| match verify::verify(session, identifier, secret) {
            Ok(found) => written::value(found.map_or(Node::Null, written::fields)),
            Err(error) => written::function_fault(&error),
        })
    })
}

/// Runs what the namespace `LocalApi` has beside calls: `register_service`, `register_scope`, `register_admin`,
/// `batch`, `rotate_key`, `copy_store`, `find_credential`, `redirect_uri_matches`, `issue_api_credential`,
/// `revoke_api_credential`, with a JSON list of its arguments. Returns a JSON object with its `value`, or with a
/// `message`, and with the number of the `argument` where that is wrong. `localapi_free` frees it.
///
/// # Safety
///
/// `handle` must be from `localapi_open` and not closed, and the others must be `NULL` or C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn localapi_run(
    handle: *const Handle,
    function: *const c_char,
    arguments_json: *const c_char,
) -> *mut c_char {
    // SAFETY: the caller says that they are C strings or null, and that the handle is open.
    let (function, arguments, handle) = unsafe { (text(function), text(arguments_json), handle.as_ref()) };
    answer(|| {
        let (Some(handle), Some(function)) = (handle, function) else {
            return written::fault("The handle or the function is NULL.");
        };
        let Some(Node::List(arguments)) = Node::from_json(arguments.unwrap_or(b"[]")) else {
            return written::fault("The arguments must be a JSON list.");
        };
        handle.with_session(|session| function::run(session, function, &arguments))
    })
}

/// Frees an answer or an error, and wipes it first. `NULL` is nothing.
///
/// # Safety
///
/// `text` must be `NULL` or from a function of this library, and nobody may use it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn localapi_free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: the caller says that `to_c` made it, and that this is the last that is heard of it.
        let mut bytes = unsafe { CString::from_raw(text) }.into_bytes();
        bytes.zeroize();
    }
}

/// Lets go of a handle. The connection of this thread is closed, and each other thread's when it ends or calls again.
/// `NULL` is nothing.
///
/// # Safety
///
/// `handle` must be `NULL` or from `localapi_open`, and nobody may use it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn localapi_close(handle: *mut Handle) {
    if !handle.is_null() {
        // SAFETY: the caller says that `localapi_open` made it, and that this is the last that is heard of it.
        let handle = unsafe { Arc::from_raw(handle.cast_const()) };
        // Nobody is told of a panic here, and nothing is left that it could have broken.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            drop(handle);
            handle::close_unused();
        }));
    }
}

/// What a C string holds; `None` for `NULL`.
///
/// # Safety
///
/// The pointer must be null or one to a C string that stays as it is while what is returned is used.
unsafe fn text<'a>(text: *const c_char) -> Option<&'a [u8]> {
    // SAFETY: the caller says so.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_bytes())
}

fn answer(work: impl FnOnce() -> Vec<u8>) -> *mut c_char {
    to_c(catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| written::error(PANIC)))
}

/// Hands a text over. JSON has no zero byte in it, and messages lose theirs.
fn to_c(mut bytes: Vec<u8>) -> *mut c_char {
    bytes.retain(|&byte| byte != 0);
    CString::new(bytes).unwrap_or_default().into_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer as Rust's own.
    fn taken(text: *mut c_char) -> String {
        assert!(!text.is_null());
        // SAFETY: it's an answer, and is used up here.
        unsafe {
            let copy = CStr::from_ptr(text).to_str().unwrap().to_owned();
            localapi_free(text);
            copy
        }
    }

    fn open(settings: &CStr) -> *mut Handle {
        let mut error = std::ptr::null_mut();
        // SAFETY: both are what they have to be.
        let handle = unsafe { localapi_open(settings.as_ptr(), &raw mut error) };
        assert!(!handle.is_null(), "{}", taken(error));
        handle
    }

    fn call(handle: *const Handle, command: &CStr, post_data: &CStr) -> String {
        // SAFETY: all of them live as long as this call.
        taken(unsafe { localapi_call(handle, command.as_ptr(), post_data.as_ptr(), std::ptr::null()) })
    }

    #[test]
    fn the_life_of_a_credential_goes_over_the_border() {
        let handle = open(c"{\"dsn\": \"sqlite::memory:\", \"company_name\": \"Shop\"}");
        // SAFETY: as above.
        let run =
            |name: &CStr, arguments: &CStr| unsafe { taken(localapi_run(handle, name.as_ptr(), arguments.as_ptr())) };
        assert_eq!(run(c"register_service", c"[7, 42]"), r#"{"value":null}"#);
        assert_eq!(run(c"register_service", c"[0, 42]"), r#"{"message":"must be greater than 0","argument":1}"#);
        let create = c"{\"grantType\": \"single_sign_on\", \"serviceId\": 7, \"scope\": [\"openid\", \"email\"]}";
        let made = call(handle, c"createoauthcredential", create);
        assert!(made.starts_with(r#"{"result":"success","credentialId":1,"clientIdentifier":"SHOP."#), "{made}");
        let listed = call(handle, c"ListOAuthCredentials", c"{}");
        assert!(listed.contains(r#""serviceId":7"#) && listed.contains(r#""createdAt":1"#), "{listed}");
        let field = |name: &str| made.split(&format!("\"{name}\":\"")).nth(1).unwrap().split('"').next().unwrap();
        let verified = |secret: &str| {
            let (identifier, secret) =
                (CString::new(field("clientIdentifier")).unwrap(), CString::new(secret).unwrap());
            // SAFETY: as above.
            taken(unsafe { localapi_verify(handle, identifier.as_ptr(), secret.as_ptr()) })
        };
        assert!(verified(field("clientSecret")).starts_with(r#"{"value":{"credentialId":1,"#));
        assert_eq!(verified("wrong"), r#"{"value":null}"#);
        assert_eq!(run(c"rotate_key", c"[]"), r#"{"value":1}"#);
        let batch = run(c"batch", c"[[[\"DeleteOAuthCredential\", {\"credentialId\": 1}], [\"Nothing\"]]]");
        assert!(batch.starts_with(r#"{"value":[{"result":"success","credentialId":1},{"result":"error","#), "{batch}");
        // SAFETY: nobody uses it any more.
        unsafe { localapi_close(handle) };
    }

    #[test]
    fn what_makes_no_sense_is_answered() {
        for (settings, says) in [
            (c"[]", "The settings must be a JSON object."),
            (c"{\"dns\": \"\"}", "There is no setting dns."),
            (c"{\"busy_timeout\": \"5s\"}", "The setting busy_timeout is invalid."),
        ] {
            let mut error = std::ptr::null_mut();
            // SAFETY: both are what they have to be.
            assert!(unsafe { localapi_open(settings.as_ptr(), &raw mut error) }.is_null());
            assert_eq!(taken(error), says);
        }
        let handle = open(c"{\"dsn\": \"sqlite::memory:\"}");
        let message =
            |answer: String| answer.split(r#""message":""#).nth(1).unwrap().trim_end_matches("\"}").to_owned();
        assert_eq!(message(call(handle, c"ListOAuthCredentials", c"[]")), "The parameters must be a JSON object.");
        let bytes = call(handle, c"ListOAuthCredentials", c"{\"limit\": {\"base64\": \"/w==\"}}");
        assert_eq!(message(bytes), "The parameter \\\"limit\\\" must be valid UTF-8.");
        assert_eq!(message(call(std::ptr::null(), c"x", c"{}")), "The handle or the command is NULL.");
        // SAFETY: null is nothing.
        unsafe {
            localapi_free(std::ptr::null_mut());
            localapi_close(std::ptr::null_mut());
            localapi_close(handle);
        }
    }

    #[test]
    fn a_panic_does_not_pass_the_border() {
        assert_eq!(taken(answer(|| panic!("on purpose"))), format!(r#"{{"result":"error","message":"{PANIC}"}}"#));
    }

    #[test]
    fn the_header_is_what_cbindgen_writes() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let config = cbindgen::Config::from_file(root.join("include/cbindgen.toml")).unwrap();
        let mut written = Vec::new();
        cbindgen::Builder::new()
            .with_src(root.join("src/capi/mod.rs"))
            .with_config(config)
            .generate()
            .unwrap()
            .write(&mut written);
        let header = root.join("include/localapi.h");
        if std::env::var_os("LOCALAPI_WRITE_HEADER").is_some() {
            std::fs::write(&header, &written).unwrap();
        }
        assert_eq!(std::fs::read_to_string(header).unwrap(), String::from_utf8(written).unwrap());
    }
}
