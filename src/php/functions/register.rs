//! `LocalApi\register_service()`, `register_scope()`, `register_admin()` and `disable_admin()`.

use std::panic::AssertUnwindSafe;
use std::ptr;

use ext_php_rs::args::Arg;
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::{ZendStr, Zval};
use ext_php_rs::zend::{ExecuteData, run_handler};

use crate::php::engine::{self, parse_arguments};
use crate::php::exception::throw_fault;
use crate::php::process;
use crate::registry;

/// What PHP sees of them.
pub fn functions() -> [FunctionBuilder<'static>; 4] {
    let string = |name: &str| Arg::new(name, DataType::String);
    let int = |name: &str| Arg::new(name, DataType::Long);
    let nothing = |function: FunctionBuilder<'static>| function.returns(DataType::Void, false, false);
    [
        nothing(
            FunctionBuilder::new("LocalApi\\register_service", register_service)
                .arg(int("serviceId"))
                .arg(int("clientId")),
        ),
        nothing(
            FunctionBuilder::new("LocalApi\\register_scope", register_scope)
                .arg(string("scope"))
                .arg(string("description").default("''"))
                .required_args(1),
        ),
        nothing(FunctionBuilder::new("LocalApi\\register_admin", register_admin).arg(string("username"))),
        FunctionBuilder::new("LocalApi\\disable_admin", disable_admin)
            .arg(string("username"))
            .arg(Arg::new("disabled", DataType::Bool).default("true"))
            .required_args(1)
            .returns(DataType::Bool, false, false),
    ]
}

extern "C" fn register_service(execute_data: &mut ExecuteData, _: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let (mut service, mut client) = (0_i64, 0_i64);
        if parse_arguments!(execute_data, c"ll", &mut service, &mut client).is_some() {
            throw_fault(registry::register_service(&process::session(), service, client));
        }
    }));
}

extern "C" fn register_scope(execute_data: &mut ExecuteData, _: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut scope: *const ZendStr = ptr::null();
        let mut description: *const ZendStr = ptr::null();
        if parse_arguments!(execute_data, c"S|S", &mut scope, &mut description).is_some() {
            let scope = engine::string(scope).unwrap_or_default();
            let description = engine::string(description).unwrap_or_default();
            throw_fault(registry::register_scope(&process::session(), scope, description));
        }
    }));
}

extern "C" fn register_admin(execute_data: &mut ExecuteData, _: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut username: *const ZendStr = ptr::null();
        if parse_arguments!(execute_data, c"S", &mut username).is_some() {
            throw_fault(registry::register_admin(&process::session(), engine::string(username).unwrap_or_default()));
        }
    }));
}

extern "C" fn disable_admin(execute_data: &mut ExecuteData, found: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let (mut username, mut disabled): (*const ZendStr, bool) = (ptr::null(), true);
        if parse_arguments!(execute_data, c"S|b", &mut username, &mut disabled).is_some() {
            let username = engine::string(username).unwrap_or_default();
            if let Some(is_there) = throw_fault(registry::disable_admin(&process::session(), username, disabled)) {
                found.set_bool(is_there);
            }
        }
    }));
}
