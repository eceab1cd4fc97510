//! The binding: all that knows PHP, and all that is `unsafe`.
#![allow(unsafe_code, reason = "PHP's C API; every block says why it is sound")]

mod answer;
mod call;
mod callable;
mod constants;
mod date;
mod engine;
mod exception;
mod functions;
mod handlers;
mod held;
mod hooks;
mod hooks_file;
mod info;
mod ini;
mod json;
mod logs;
mod parameters;
mod process;
mod sandbox;

use ext_php_rs::internal::startup_guard;
use ext_php_rs::prelude::*;

/// The arguments that may hold a secret: no backtrace shows them.
const SECRETS: [(&str, u32); 12] = [
    ("localAPI", 2),
    ("LocalApi\\call", 2),
    ("LocalApi\\batch", 1),
    ("LocalApi\\verify_credential", 2),
    ("LocalApi\\respond", 1),
    ("LocalApi\\respond", 2),
    ("LocalApi\\copy_store", 1),
    ("LocalApi\\copy_store", 2),
    ("logModuleCall", 3),
    ("logModuleCall", 4),
    ("logModuleCall", 5),
    ("logModuleCall", 6),
];

/// The functions that only the sandbox has, as PHP keeps their names.
const SANDBOX_ONLY: [&str; 4] = ["add_hook", "run_hook", "logactivity", "logmodulecall"];

/// What PHP loads.
#[php_module]
#[php(startup = "startup")]
pub fn get_module(module: ModuleBuilder) -> ModuleBuilder {
    functions::all()
        .chain(hooks::all())
        .chain(logs::all())
        .fold(module, ModuleBuilder::function)
        .shutdown_function(shutdown)
        .request_startup_function(start_of_request)
        .request_shutdown_function(end_of_request)
        .post_deactivate_function(after_request)
        .info_function(info::print)
}

/// At the module's start: no file, connection or thread yet.
fn startup(_: i32, module_number: i32) -> i32 {
    startup_guard(|| {
        ini::register(module_number);
        ini::warn_of_a_real_store();
        process::close_before_fork();
        for (function, position) in SECRETS {
            engine::hide_argument(function, position);
        }
        if !ini::is_sandbox() {
            SANDBOX_ONLY.iter().for_each(|name| engine::remove_function(name));
        }
        exception::register()?;
        sandbox::register()
    })
}

/// Before any script runs.
extern "C" fn start_of_request(_: i32, module_number: i32) -> i32 {
    if ini::is_sandbox() {
        constants::define(module_number);
    }
    0
}

/// What the request has set ends with it. Destructors may run.
extern "C" fn end_of_request(_: i32, _: i32) -> i32 {
    // A fatal error in one of them ends it as well, and the request is ending anyway.
    let _ = hooks::clear();
    let _ = sandbox::clear();
    let _ = hooks_file::clear();
    0
}

/// PHP may have run the host's code even after that: a session's save handler, a stream's close.
unsafe extern "C" fn after_request() -> i32 {
    handlers::forget();
    hooks::forget();
    hooks_file::forget();
    logs::forget();
    sandbox::forget();
    process::end_request();
    0
}

extern "C" fn shutdown(_: i32, module_number: i32) -> i32 {
    process::close();
    engine::unregister_ini_entries(module_number);
    0
}
