//! What PHP throws of localapi's own, and what PHP's log is told.

use ext_php_rs::builders::ClassBuilder;
use ext_php_rs::error::Result as PhpResult;
use ext_php_rs::exception::PhpException;
use ext_php_rs::zend::{ClassEntry, ce};

use super::engine;
use crate::error::{Error, RequestError, Result};

/// Thrown by the functions that answer no array with `result`.
const STORE_EXCEPTION: &str = "LocalApi\\StoreException";
/// Thrown in the sandbox by calls that nothing answers, where a test wants that.
const STRAY_CALL: &str = "LocalApi\\StrayCall";

/// Registers the classes at the module's start.
pub fn register() -> PhpResult<()> {
    ClassBuilder::new(STORE_EXCEPTION)
        .extends((engine::runtime_exception, "\\RuntimeException"))
        .registration(|_, _| {})
        .register()?;
    ClassBuilder::new(STRAY_CALL)
        .extends((engine::logic_exception, "\\LogicException"))
        .registration(|_, _| {})
        .register()
}

/// Throws what a function that answers no array has met; `None` then.
pub fn throw_fault<T>(done: Result<T>) -> Option<T> {
    match done {
        Ok(value) => return Some(value),
        Err(Error::Request(RequestError::Argument { position, must })) => {
            engine::argument_value_error(position, &format!("must be {must}"))
        }
        Err(Error::Request(RequestError::Fixture { position, must })) => {
            engine::argument_value_error(position, &format!("must {must}"))
        }
        Err(error) => throw(STORE_EXCEPTION, error.to_string()),
    }
    None
}

/// Throws what says of a call that nothing answers it.
pub fn throw_stray(message: String) {
    throw(STRAY_CALL, message);
}

fn throw(class: &str, message: String) {
    let class = ClassEntry::try_find(class).unwrap_or_else(ce::exception);
    PhpException::new(message, 0, class).throw();
}

/// Tells PHP's log what is no mistake of the caller's, who may be the only one to see it otherwise.
pub fn log(error: &Error) {
    if error.is_fault() {
        engine::log(&format!("PHP Warning:  localapi: {error}"));
    }
}
