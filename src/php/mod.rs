//! The binding: all that knows PHP, and all that is `unsafe`.
#![allow(unsafe_code, reason = "PHP's C API; every block says why it is sound")]

mod answer;
mod engine;
mod exception;
mod functions;
mod info;
mod ini;
mod parameters;
mod process;

use ext_php_rs::internal::startup_guard;
use ext_php_rs::prelude::*;

/// What PHP loads.
#[php_module]
#[php(startup = "startup")]
pub fn get_module(module: ModuleBuilder) -> ModuleBuilder {
    functions::all()
        .into_iter()
        .fold(module, ModuleBuilder::function)
        .shutdown_function(shutdown)
        .info_function(info::print)
}

/// At the module's start: no file, connection or thread yet.
fn startup(_: i32, module_number: i32) -> i32 {
    startup_guard(|| {
        ini::register(module_number);
        engine::hide_argument(functions::VERIFY_CREDENTIAL, 2);
        exception::register()
    })
}

extern "C" fn shutdown(_: i32, module_number: i32) -> i32 {
    process::close();
    engine::unregister_ini_entries(module_number);
    0
}
