//! A PHP array as a request's parameters.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;

use ext_php_rs::types::{ZendHashTable, Zval};
use ext_php_rs::zend::{ExecutorGlobals, try_catch};

use super::engine;
use crate::error::{RequestError, Result};
use crate::request::{Parameter, Parameters};

/// `$postData`.
pub struct PhpParameters<'a> {
    array: Option<&'a ZendHashTable>,
    ended: Cell<bool>,
}

impl<'a> PhpParameters<'a> {
    /// No array is one without elements.
    pub fn new(array: Option<&'a ZendHashTable>) -> Self {
        Self { array, ended: Cell::new(false) }
    }

    /// Whether PHP ended the request while a value was read (`exit`, a limit, a fatal error). The caller lets go of
    /// what it holds and then goes on ending it.
    pub fn ended(&self) -> bool {
        self.ended.get()
    }

    fn find(&self, name: &str) -> Option<&'a Zval> {
        let array = self.array?;
        let found = array.get(name).or_else(|| engine::find_ignoring_case(array, name));
        found.map(resolve)
    }

    /// A value as text; `Err` names the type of one that has none.
    pub fn text(&self, value: &Zval) -> Result<std::result::Result<Vec<u8>, &'static str>> {
        if let Some(text) = value.zend_str() {
            return Ok(Ok(text.as_bytes().to_vec()));
        }
        if let Some(number) = value.long() {
            return Ok(Ok(number.to_string().into_bytes()));
        }
        if let Some(type_name) = type_without_text(value) {
            return Ok(Err(type_name));
        }
        // This may run the host's code, which may end the request with a long jump: it's stopped here, because the
        // frames above own things.
        match try_catch(AssertUnwindSafe(|| engine::to_string(value))) {
            Ok(Some(text)) => Ok(Ok(text)),
            Ok(None) => Err(RequestError::Interrupted.into()),
            Err(_) => {
                self.ended.set(true);
                Err(RequestError::Interrupted.into())
            }
        }
    }

    /// Drops a value. It may be the last one of an array by then, and destructors of the host's objects run.
    fn let_go(&self, value: Zval) -> Result<()> {
        if try_catch(AssertUnwindSafe(|| drop(value))).is_err() {
            self.ended.set(true);
        }
        if self.ended() || ExecutorGlobals::has_exception() { Err(RequestError::Interrupted.into()) } else { Ok(()) }
    }
}

impl Parameters for PhpParameters<'_> {
    fn read(&self, name: &str) -> Result<Option<Parameter>> {
        let Some(value) = self.find(name) else {
            return Ok(None);
        };
        if !value.is_array() {
            return Ok(match self.text(value)? {
                Ok(text) => Some(Parameter::Text(text)),
                Err(_) if value.is_null() => None,
                Err(_) => Some(Parameter::Textless),
            });
        }
        // An element's `__toString` may change the list where the caller gave a reference to it: this one stays.
        let kept = value.shallow_clone();
        let elements = kept.array().map_or_else(
            || Ok(Vec::new()),
            |list| {
                // The iterator's own `next` panics at a key that isn't UTF-8.
                let mut elements = list.iter();
                std::iter::from_fn(|| elements.next_zval())
                    .map(|(_, element)| self.text(resolve(element)))
                    .collect::<Result<Vec<_>>>()
            },
        );
        self.let_go(kept)?;
        elements.map(|elements| Some(Parameter::List(elements)))
    }

    fn are_plain(&self) -> bool {
        let all = |array: &ZendHashTable, plain: fn(&Zval) -> bool| {
            let mut elements = array.iter();
            std::iter::from_fn(|| elements.next_zval()).all(|(_, element)| plain(resolve(element)))
        };
        self.array.is_none_or(|parameters| {
            all(parameters, |value| match value.array() {
                Some(list) => {
                    let mut elements = list.iter();
                    std::iter::from_fn(|| elements.next_zval()).all(|(_, element)| !resolve(element).is_object())
                }
                None => !value.is_object(),
            })
        })
    }
}

/// The value behind references and the slots of a symbol table.
pub fn resolve(value: &Zval) -> &Zval {
    let value = value.indirect().unwrap_or(value);
    value.reference().unwrap_or(value)
}

/// The type of a value that has no text.
pub fn type_without_text(value: &Zval) -> Option<&'static str> {
    match value {
        _ if value.is_null() => Some("null"),
        _ if value.is_array() => Some("array"),
        _ if value.is_resource() => Some("resource"),
        _ => value.object().filter(|object| !has_text(object)).map(|_| "object"),
    }
}

/// Whether the object's class has `__toString`.
fn has_text(object: &ext_php_rs::types::ZendObject) -> bool {
    // SAFETY: a live object's class is alive.
    unsafe { object.ce.as_ref() }.is_some_and(|class| !class.__tostring.is_null())
}

/// Keys and values. The iterator of ext-php-rs itself panics at a key that isn't UTF-8.
pub fn elements(array: &ZendHashTable) -> impl Iterator<Item = (Zval, &Zval)> {
    let mut elements = array.iter();
    std::iter::from_fn(move || elements.next_zval()).map(|(key, value)| (key, resolve(value)))
}
