//! A PHP callable that is called later.

use ext_php_rs::exception::PhpException;
use ext_php_rs::ffi::{zend_fcall_info, zend_fcall_info_cache};
use ext_php_rs::types::Zval;
use ext_php_rs::zend::{ExecutorGlobals, ce};

use super::engine;
use super::held::Held;

/// A callable, resolved where it was given: a private method stays callable from elsewhere.
pub struct Callable {
    value: Held,
    /// The object it's called on, which the value may not hold itself (`parent::method`).
    _object: Option<Held>,
    /// None where its function isn't there yet: it's looked for when it's called.
    resolved: Option<zend_fcall_info_cache>,
}

impl Callable {
    /// A callable argument as PHP's own parsing leaves it; `None` where it was null.
    pub fn from_argument(call: &zend_fcall_info, resolved: &zend_fcall_info_cache) -> Option<Self> {
        (call.size != 0).then(|| Self::new(&call.function_name, *resolved))
    }

    /// This value, where it is callable.
    pub fn find(value: &Zval) -> Option<Self> {
        engine::resolve_callable(value).ok().map(|resolved| Self::new(value, resolved))
    }

    /// This value, where it is callable or may be so later; otherwise PHP's words for why it isn't, or an autoloader
    /// has thrown.
    pub fn find_now_or_later(value: &Zval) -> Result<Self, String> {
        match engine::resolve_callable(value) {
            Ok(resolved) => Ok(Self::new(value, resolved)),
            Err(_) if !ExecutorGlobals::has_exception() && engine::is_form_of_callable(value) => {
                Ok(Self { value: Held::new(value.shallow_clone()), _object: None, resolved: None })
            }
            Err(why) => Err(why),
        }
    }

    fn new(value: &Zval, resolved: zend_fcall_info_cache) -> Self {
        let _object = engine::object(resolved.object).map(Held::new);
        Self { value: Held::new(value.shallow_clone()), _object, resolved: Some(resolved) }
    }

    /// The callable itself.
    pub fn value(&self) -> Zval {
        self.value.value()
    }

    /// Calls it, which may end with a long jump; `None` means that an exception is pending.
    pub fn call(&self, arguments: &mut [Zval]) -> Option<Zval> {
        let value = self.value();
        match self.resolved.map_or_else(|| engine::resolve_callable(&value), Ok) {
            Ok(resolved) => engine::call_function(&value, resolved, arguments),
            Err(why) => {
                // It may be what an autoloader has thrown.
                if !ExecutorGlobals::has_exception() {
                    PhpException::new(format!("No valid callback: {why}"), 0, ce::type_error()).throw();
                }
                None
            }
        }
    }
}
