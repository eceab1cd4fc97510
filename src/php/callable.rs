//! A PHP callable that is called later.

use ext_php_rs::ffi::{zend_fcall_info, zend_fcall_info_cache};
use ext_php_rs::types::Zval;

use super::engine;
use super::held::Held;

/// A callable, resolved where it was given: a private method stays callable from elsewhere.
pub struct Callable {
    value: Held,
    /// The object it's called on, which the value may not hold itself (`parent::method`).
    _object: Option<Held>,
    resolved: zend_fcall_info_cache,
}

impl Callable {
    /// A callable argument as PHP's own parsing leaves it; `None` where it was null.
    pub fn from_argument(call: &zend_fcall_info, resolved: &zend_fcall_info_cache) -> Option<Self> {
        (call.size != 0).then(|| Self::new(&call.function_name, *resolved))
    }

    /// This value, where it is callable.
    pub fn find(value: &Zval) -> Option<Self> {
        engine::resolve_callable(value).map(|resolved| Self::new(value, resolved))
    }

    fn new(value: &Zval, resolved: zend_fcall_info_cache) -> Self {
        let _object = engine::object(resolved.object).map(Held::new);
        Self { value: Held::new(value.shallow_clone()), _object, resolved }
    }

    /// The callable itself.
    pub fn value(&self) -> Zval {
        self.value.value()
    }

    /// Calls it, which may end with a long jump; `None` means that an exception is pending.
    pub fn call(&self, arguments: &mut [Zval]) -> Option<Zval> {
        engine::call_function(&self.value(), self.resolved, arguments)
    }
}
