//! The logs that WHMCS modules write to. They exist in the sandbox only, and end with the request.

use std::panic::AssertUnwindSafe;
use std::ptr;
use std::thread::LocalKey;

use ext_php_rs::args::Arg;
use ext_php_rs::boxed::ZBox;
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::{ZendHashTable, Zval};
use ext_php_rs::zend::{ExecuteData, run_handler};

use super::engine::{self, parse_arguments};
use super::held::{self, Held, Kept, RequestEnded, guarded};
use super::parameters::type_without_text;
use super::{answer, sandbox};

thread_local! {
    static ACTIVITY: Kept<Vec<Held>> = const { Kept::new(Vec::new()) };
    static MODULES: Kept<Vec<Held>> = const { Kept::new(Vec::new()) };
}

/// Lets go of all logged lines.
pub fn clear() -> Result<(), RequestEnded> {
    held::clear(take, |(activity, modules)| activity.is_empty() && modules.is_empty())
}

/// After PHP has freed the request's memory.
pub fn forget() {
    held::forget(take);
}

fn take() -> (Vec<Held>, Vec<Held>) {
    (ACTIVITY.with(Kept::take), MODULES.with(Kept::take))
}

/// The global functions. WHMCS's own declare no types, and take more arguments than they read.
pub fn all() -> [FunctionBuilder<'static>; 2] {
    let mixed = |name: &str| Arg::new(name, DataType::Mixed);
    [
        FunctionBuilder::new("logActivity", log_activity)
            .arg(mixed("message"))
            .arg(mixed("userId").default("0"))
            .arg(mixed("more").is_variadic())
            // The variadic one is taken off.
            .required_args(2)
            .returns(DataType::Void, false, false),
        FunctionBuilder::new("logModuleCall", log_module_call)
            .arg(mixed("module"))
            .arg(mixed("action"))
            .arg(mixed("requestString"))
            .arg(mixed("responseData"))
            .arg(mixed("processedData").default("''"))
            .arg(mixed("replaceVars").default("[]"))
            .arg(mixed("more").is_variadic())
            .required_args(5)
            .returns(DataType::Void, false, false),
    ]
}

extern "C" fn log_activity(execute_data: &mut ExecuteData, _: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let (mut message, mut user): (*const Zval, *const Zval) = (ptr::null(), ptr::null());
        let (mut more, mut count): (*const Zval, u32) = (ptr::null(), 0);
        if !sandbox::is_allowed()
            || parse_arguments!(execute_data, c"z|z*", &mut message, &mut user, &mut more, &mut count).is_none()
        {
            return;
        }
        log(&ACTIVITY, || {
            let mut line = ZendHashTable::new();
            answer::put(&mut line, "message", text(1, message)?);
            let _ = line.insert("userId", engine::value(user).coerce_to_long().unwrap_or_default());
            Some(line)
        });
    }));
}

extern "C" fn log_module_call(execute_data: &mut ExecuteData, _: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let (mut module, mut action): (*const Zval, *const Zval) = (ptr::null(), ptr::null());
        let (mut request, mut response): (*const Zval, *const Zval) = (ptr::null(), ptr::null());
        let (mut processed, mut replaced): (*const Zval, *const Zval) = (ptr::null(), ptr::null());
        let (mut more, mut count): (*const Zval, u32) = (ptr::null(), 0);
        if !sandbox::is_allowed()
            || parse_arguments!(
                execute_data,
                c"zzzz|zz*",
                &mut module,
                &mut action,
                &mut request,
                &mut response,
                &mut processed,
                &mut replaced,
                &mut more,
                &mut count
            )
            .is_none()
        {
            return;
        }
        log(&MODULES, || {
            let processed = if processed.is_null() { engine::new_string(b"") } else { engine::value(processed) };
            let replaced = if replaced.is_null() { engine::shared_array(ptr::null()) } else { engine::value(replaced) };
            let mut line = ZendHashTable::new();
            answer::put(&mut line, "module", text(1, module)?);
            answer::put(&mut line, "action", text(2, action)?);
            answer::put(&mut line, "requestString", engine::value(request));
            answer::put(&mut line, "responseData", engine::value(response));
            answer::put(&mut line, "processedData", processed);
            answer::put(&mut line, "replaceVars", replaced);
            Some(line)
        });
    }));
}

/// Logs a line, unless an exception is pending then.
fn log(lines: &'static LocalKey<Kept<Vec<Held>>>, line: impl FnOnce() -> Option<ZBox<ZendHashTable>>) {
    let line = guarded(|| line().map(|line| Held::new(engine::array_value(line))));
    if let Some(Some(line)) = held::end_request(line) {
        lines.with(|lines| lines.with(|lines| lines.push(line)));
    }
}

/// An argument as text, whatever the caller's `strict_types`. `None` means that an exception is pending.
fn text(position: u32, argument: *const Zval) -> Option<Zval> {
    let value = engine::value(argument);
    match type_without_text(&value) {
        None if value.is_string() => Some(value),
        None => engine::to_string(&value).map(|text| engine::new_string(&text)),
        Some("null") => Some(engine::new_string(b"")),
        Some(_) => {
            engine::argument_type_error(position, "string", &value);
            None
        }
    }
}

/// `LocalApi\Sandbox::activityLog()`.
pub extern "C" fn activity_log(execute_data: &mut ExecuteData, list: &mut Zval) {
    logged(execute_data, list, &ACTIVITY);
}

/// `LocalApi\Sandbox::moduleLog()`.
pub extern "C" fn module_log(execute_data: &mut ExecuteData, list: &mut Zval) {
    logged(execute_data, list, &MODULES);
}

fn logged(execute_data: &ExecuteData, list: &mut Zval, lines: &'static LocalKey<Kept<Vec<Held>>>) {
    run_handler(AssertUnwindSafe(|| {
        if !sandbox::is_allowed() || parse_arguments!(execute_data, c"",).is_none() {
            return;
        }
        let lines: Vec<Zval> = lines.with(|lines| lines.with(|lines| lines.iter().map(Held::value).collect()));
        let mut array = ZendHashTable::new();
        for line in lines {
            let _ = array.push(line);
        }
        *list = engine::array_value(array);
    }));
}
