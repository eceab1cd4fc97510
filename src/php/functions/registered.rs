//! `LocalApi\scopes()`, `services()` and `admins()`: what was registered.

use std::panic::AssertUnwindSafe;

use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::Zval;
use ext_php_rs::zend::{ExecuteData, run_handler};

use super::api_credential::give;
use crate::php::engine::parse_arguments;
use crate::php::process;
use crate::registry;

/// What PHP sees of them.
pub fn functions() -> [FunctionBuilder<'static>; 3] {
    [
        FunctionBuilder::new("LocalApi\\scopes", scopes),
        FunctionBuilder::new("LocalApi\\services", services),
        FunctionBuilder::new("LocalApi\\admins", admins),
    ]
    .map(|function| function.returns(DataType::Array, false, false))
}

extern "C" fn scopes(execute_data: &mut ExecuteData, list: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        if parse_arguments!(execute_data, c"",).is_some() {
            give(list, registry::scopes(&process::session()));
        }
    }));
}

extern "C" fn services(execute_data: &mut ExecuteData, list: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        if parse_arguments!(execute_data, c"",).is_some() {
            give(list, registry::services(&process::session()));
        }
    }));
}

extern "C" fn admins(execute_data: &mut ExecuteData, list: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        if parse_arguments!(execute_data, c"",).is_some() {
            give(list, registry::admins(&process::session()));
        }
    }));
}
