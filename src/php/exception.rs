//! `LocalApi\StoreException`, thrown by the functions that answer no array with `result`.

use ext_php_rs::builders::ClassBuilder;
use ext_php_rs::error::Result;
use ext_php_rs::exception::PhpException;
use ext_php_rs::zend::{ClassEntry, ce};

use super::engine;
use crate::error::Error;

const NAME: &str = "LocalApi\\StoreException";

/// Registers the class at the module's start.
pub fn register() -> Result<()> {
    ClassBuilder::new(NAME)
        .extends((engine::runtime_exception, "\\RuntimeException"))
        .registration(|_, _| {})
        .register()
}

/// Throws a fault of the store.
pub fn throw(error: &Error) {
    let class = ClassEntry::try_find(NAME).unwrap_or_else(ce::exception);
    PhpException::new(error.to_string(), 0, class).throw();
}
