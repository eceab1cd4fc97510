//! `LocalApi\handle()`.

use std::panic::AssertUnwindSafe;
use std::ptr;

use ext_php_rs::args::Arg;
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::{ZendStr, Zval};
use ext_php_rs::zend::{ExecuteData, run_handler};

use crate::command;
use crate::php::callable::Callable;
use crate::php::engine::{self, parse_arguments};
use crate::php::{handlers, held, process};

/// What PHP sees of it.
pub fn function() -> FunctionBuilder<'static> {
    FunctionBuilder::new("LocalApi\\handle", handle)
        .arg(Arg::new("command", DataType::String))
        .arg(Arg::new("handler", DataType::Callable).allow_null())
        .returns(DataType::Void, false, false)
}

extern "C" fn handle(execute_data: &mut ExecuteData, _: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut command: *const ZendStr = ptr::null();
        let (mut handler, mut resolved) = engine::no_callable();
        if parse_arguments!(execute_data, c"Sf!", &mut command, &mut handler, &mut resolved).is_none() {
            return;
        }
        let command = engine::string(command).unwrap_or_default();
        if command::is_native(command) && !process::session().settings().is_sandbox() {
            engine::argument_value_error(1, "must not be a command that is answered natively");
            return;
        }
        held::end_request(handlers::set(command, Callable::from_argument(&handler, &resolved)));
    }));
}
