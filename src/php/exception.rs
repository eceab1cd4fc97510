//! What a function throws that answers no array with `result`, and what PHP's log is told.

use ext_php_rs::builders::ClassBuilder;
use ext_php_rs::error::Result as PhpResult;
use ext_php_rs::exception::PhpException;
use ext_php_rs::zend::{ClassEntry, ce};

use super::engine;
use crate::error::{Error, Result};

const NAME: &str = "LocalApi\\StoreException";

/// Registers `LocalApi\StoreException` at the module's start.
pub fn register() -> PhpResult<()> {
    ClassBuilder::new(NAME)
        .extends((engine::runtime_exception, "\\RuntimeException"))
        .registration(|_, _| {})
        .register()
}

/// Throws what a function that answers no array has met; `None` then.
pub fn throw_fault<T>(done: Result<T>) -> Option<T> {
    match done {
        Ok(value) => return Some(value),
        Err(Error::Argument { position, must }) => engine::argument_value_error(position, &format!("must be {must}")),
        Err(Error::Fixture { position, must }) => engine::argument_value_error(position, &format!("must {must}")),
        Err(error) => throw(&error),
    }
    None
}

fn throw(error: &Error) {
    let class = ClassEntry::try_find(NAME).unwrap_or_else(ce::exception);
    PhpException::new(error.to_string(), 0, class).throw();
}

/// Tells PHP's log what is no mistake of the caller's, who may be the only one to see it otherwise.
pub fn log(error: &Error) {
    if error.is_fault() {
        engine::log(&format!("PHP Warning:  localapi: {error}"));
    }
}
