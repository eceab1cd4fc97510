//! The functions, as PHP calls them.

use std::panic::AssertUnwindSafe;
use std::ptr;

use ext_php_rs::args::Arg;
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::{ZendHashTable, ZendStr, Zval};
use ext_php_rs::zend::{ExecuteData, run_handler};

use super::call::{self, Call, Outcome};
use super::engine::{self, parse_arguments};
use super::{answer, batch, exception, handlers, process};
use crate::error::{Error, Result};

/// Every function that PHP sees.
pub fn all() -> Vec<FunctionBuilder<'static>> {
    let string = |name: &str| Arg::new(name, DataType::String);
    let int = |name: &str| Arg::new(name, DataType::Long);
    let call = |name: &str| {
        FunctionBuilder::new(name, local_api)
            .arg(string("command"))
            .arg(Arg::new("postData", DataType::Array).allow_null().default("[]"))
            .arg(string("adminUsername").allow_null().default("null"))
            .required_args(1)
            .returns(DataType::Array, false, false)
    };
    let register = |name: &str, handler| {
        FunctionBuilder::new(format!("LocalApi\\register_{name}"), handler).returns(DataType::Void, false, false)
    };
    vec![
        call("localAPI"),
        call("LocalApi\\call"),
        FunctionBuilder::new("LocalApi\\verify_credential", verify_credential)
            .arg(string("clientIdentifier"))
            .arg(string("clientSecret"))
            .returns(DataType::Array, false, true),
        FunctionBuilder::new("LocalApi\\batch", batch::batch).arg(Arg::new("calls", DataType::Array)).returns(
            DataType::Array,
            false,
            false,
        ),
        FunctionBuilder::new("LocalApi\\rotate_key", rotate_key)
            .arg(Arg::new("stage", DataType::Bool).default("false"))
            .required_args(0)
            .returns(DataType::Long, false, false),
        register("service", register_service).arg(int("serviceId")).arg(int("clientId")),
        register("scope", register_scope)
            .arg(string("scope"))
            .arg(string("description").default("''"))
            .required_args(1),
        register("admin", register_admin).arg(string("username")),
        FunctionBuilder::new("LocalApi\\handle", handlers::handle)
            .arg(string("command"))
            .arg(Arg::new("handler", DataType::Callable).allow_null())
            .returns(DataType::Void, false, false),
    ]
}

pub extern "C" fn local_api(execute_data: &mut ExecuteData, answer: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut command: *const ZendStr = ptr::null();
        let mut post_data: *const ZendHashTable = ptr::null();
        let mut admin: *const ZendStr = ptr::null();
        if parse_arguments!(execute_data, c"S|h!S!", &mut command, &mut post_data, &mut admin).is_none() {
            return;
        }
        let call = Call {
            command: engine::string(command).unwrap_or_default(),
            post_data,
            admin: engine::string(admin),
            origin: None,
        };
        if let Some(Outcome::Answer(array)) = call::end_request(call::answer(call)) {
            *answer = array;
        }
    }));
}

extern "C" fn verify_credential(execute_data: &mut ExecuteData, answer: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut identifier: *const ZendStr = ptr::null();
        let mut secret: *const ZendStr = ptr::null();
        if parse_arguments!(execute_data, c"SS", &mut identifier, &mut secret).is_none() {
            return;
        }
        let identifier = engine::string(identifier).unwrap_or_default();
        let secret = engine::string(secret).unwrap_or_default();
        let built = match throw_fault(process::api().verify_credential(identifier, secret)) {
            Some(Some(fields)) => answer::fields(&fields).map(Some),
            Some(None) | None => Ok(None),
        };
        if let Some(Some(array)) = call::end_request(built) {
            answer.set_hashtable(array);
        }
    }));
}

extern "C" fn rotate_key(execute_data: &mut ExecuteData, answer: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut stage = false;
        if parse_arguments!(execute_data, c"|b", &mut stage).is_some()
            && let Some(resealed) = throw_fault(process::api().rotate_key(stage, || !engine::timed_out()))
        {
            answer.set_long(resealed);
        }
    }));
}

extern "C" fn register_service(execute_data: &mut ExecuteData, _: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let (mut service, mut client) = (0_i64, 0_i64);
        if parse_arguments!(execute_data, c"ll", &mut service, &mut client).is_some() {
            throw_fault(process::api().register_service(service, client));
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
            throw_fault(process::api().register_scope(scope, description));
        }
    }));
}

extern "C" fn register_admin(execute_data: &mut ExecuteData, _: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut username: *const ZendStr = ptr::null();
        if parse_arguments!(execute_data, c"S", &mut username).is_some() {
            throw_fault(process::api().register_admin(engine::string(username).unwrap_or_default()));
        }
    }));
}

/// Throws what a function that answers no array has met; `None` then.
pub fn throw_fault<T>(done: Result<T>) -> Option<T> {
    match done {
        Ok(value) => return Some(value),
        Err(Error::Argument { position, must }) => engine::argument_value_error(position, &format!("must be {must}")),
        Err(Error::Fixture { position, must }) => engine::argument_value_error(position, &format!("must {must}")),
        Err(error) => exception::throw(&error),
    }
    None
}
