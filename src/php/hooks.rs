//! Hooks and logs as WHMCS modules know them. They exist in the sandbox only, and end with the request.

use std::panic::AssertUnwindSafe;
use std::ptr;
use std::rc::Rc;

use ext_php_rs::args::Arg;
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::exception::PhpException;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::{ZendHashTable, ZendStr, Zval};
use ext_php_rs::zend::{ExecuteData, ce, run_handler};

use super::callable::Callable;
use super::engine::{self, parse_arguments};
use super::held::{self, Held, Kept, RequestEnded, guarded};
use super::{call, sandbox};

/// The global functions, as PHP keeps their names.
pub const GLOBALS: [&str; 4] = ["add_hook", "run_hook", "logactivity", "logmodulecall"];

/// How deep hooks may run hooks.
const DEEPEST: usize = 64;

/// A hook.
struct Hook {
    point: Vec<u8>,
    priority: i64,
    function: Callable,
}

impl Hook {
    /// The hook that these arguments of `add_hook` are; `None` means that an exception is pending.
    fn read(point: &[u8], priority: &Zval, function: &Zval) -> Option<Self> {
        let Some(number) = engine::to_int(2, priority) else {
            engine::argument_type_error(2, "int", priority);
            return None;
        };
        match Callable::find_now_or_later(function) {
            Ok(function) => Some(Self { point: point.to_vec(), priority: number, function }),
            Err(why) => {
                engine::argument_error(3, &format!("must be a valid callback, {why}"));
                None
            }
        }
    }
}

#[derive(Default)]
struct State {
    /// In the order in which they run: by priority, then as they came.
    hooks: Vec<Rc<Hook>>,
    activity: Vec<Held>,
    modules: Vec<Held>,
}

thread_local! {
    static STATE: Kept<State> =
        const { Kept::new(State { hooks: Vec::new(), activity: Vec::new(), modules: Vec::new() }) };
}

fn state<T>(look: impl FnOnce(&mut State) -> T) -> T {
    STATE.with(|kept| kept.with(look))
}

/// Lets go of all hooks and logged lines.
pub fn clear() -> Result<(), RequestEnded> {
    let is_empty = |state: &State| state.hooks.is_empty() && state.activity.is_empty() && state.modules.is_empty();
    held::clear(|| STATE.with(Kept::take), is_empty)
}

/// After PHP has freed the request's memory.
pub fn forget() {
    held::forget(|| STATE.with(Kept::take));
}

/// The global functions.
pub fn all() -> Vec<FunctionBuilder<'static>> {
    let string = |name: &str| Arg::new(name, DataType::String);
    // WHMCS's own functions declare no types, and take more arguments than they read.
    let mixed = |name: &str| Arg::new(name, DataType::Mixed);
    vec![
        FunctionBuilder::new("add_hook", add_hook)
            .arg(string("hookPoint"))
            .arg(mixed("priority"))
            .arg(mixed("function"))
            .arg(mixed("more").is_variadic())
            .returns(DataType::Void, false, false),
        FunctionBuilder::new("run_hook", run_hook)
            .arg(string("hookPoint"))
            .arg(Arg::new("args", DataType::Array).default("[]"))
            .required_args(1)
            .returns(DataType::Array, false, false),
        FunctionBuilder::new("logActivity", log_activity)
            .arg(string("message"))
            .arg(Arg::new("userId", DataType::Long).allow_null().default("0"))
            .required_args(1)
            .returns(DataType::Void, false, false),
        FunctionBuilder::new("logModuleCall", log_module_call)
            .arg(string("module"))
            .arg(string("action"))
            .arg(Arg::new("requestString", DataType::Mixed))
            .arg(Arg::new("responseData", DataType::Mixed))
            .arg(Arg::new("processedData", DataType::Mixed).default("''"))
            .arg(Arg::new("replaceVars", DataType::Array).default("[]"))
            .required_args(4)
            .returns(DataType::Void, false, false),
    ]
}

extern "C" fn add_hook(execute_data: &mut ExecuteData, _: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut point: *const ZendStr = ptr::null();
        let (mut priority, mut function): (*const Zval, *const Zval) = (ptr::null(), ptr::null());
        let (mut more, mut count): (*const Zval, u32) = (ptr::null(), 0);
        if !sandbox::is_allowed()
            || parse_arguments!(execute_data, c"Szz*", &mut point, &mut priority, &mut function, &mut more, &mut count)
                .is_none()
        {
            return;
        }
        let point = engine::string(point).unwrap_or_default();
        let hook = guarded(|| Hook::read(point, &engine::value(priority), &engine::value(function)));
        if let Some(Some(hook)) = call::end_request(hook) {
            add(Rc::new(hook));
        }
    }));
}

fn add(hook: Rc<Hook>) {
    state(|state| {
        let place = state.hooks.partition_point(|known| known.priority <= hook.priority);
        state.hooks.insert(place, hook);
    });
}

pub extern "C" fn run_hook(execute_data: &mut ExecuteData, results: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut point: *const ZendStr = ptr::null();
        let mut variables: *const ZendHashTable = ptr::null();
        if !sandbox::is_allowed() || parse_arguments!(execute_data, c"S|h", &mut point, &mut variables).is_none() {
            return;
        }
        if engine::running(&[run_hook], DEEPEST + 1) > DEEPEST {
            PhpException::new("Hooks have run hooks 64 deep".to_owned(), 0, ce::error()).throw();
            return;
        }
        let hooks = find(engine::string(point));
        let done = run(&hooks, variables);
        // A hook may have gone meanwhile.
        if let Some(Some(array)) = call::end_request(held::let_go(hooks).and(done)) {
            *results = array;
        }
    }));
}

/// Runs hooks one after the other; `None` means that one threw.
fn run(hooks: &[Rc<Hook>], variables: *const ZendHashTable) -> Result<Option<Zval>, RequestEnded> {
    guarded(|| {
        let mut results = ZendHashTable::new();
        for hook in hooks {
            let _ = results.push(hook.function.call(&mut [engine::shared_array(variables)])?);
        }
        Some(engine::array_value(results))
    })
}

/// The hooks of a point, or all, in the order in which they run.
fn find(point: Option<&[u8]>) -> Vec<Rc<Hook>> {
    state(|state| {
        let wanted = |hook: &&Rc<Hook>| point.is_none_or(|point| hook.point == point);
        state.hooks.iter().filter(wanted).cloned().collect()
    })
}

/// `LocalApi\Sandbox::hooks()`.
pub extern "C" fn hooks(execute_data: &mut ExecuteData, list: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut point: *const ZendStr = ptr::null();
        if !sandbox::is_allowed() || parse_arguments!(execute_data, c"|S!", &mut point).is_none() {
            return;
        }
        let mut array = ZendHashTable::new();
        for hook in find(engine::string(point)) {
            let mut element = ZendHashTable::new();
            let _ = element.insert("point", engine::new_string(&hook.point));
            let _ = element.insert("priority", hook.priority);
            let _ = element.insert("function", hook.function.value());
            let _ = array.push(element);
        }
        *list = engine::array_value(array);
    }));
}

extern "C" fn log_activity(execute_data: &mut ExecuteData, _: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut message: *const ZendStr = ptr::null();
        let (mut user, mut none) = (0_i64, false);
        if !sandbox::is_allowed()
            || parse_arguments!(execute_data, c"S|l!", &mut message, &mut user, &mut none).is_none()
        {
            return;
        }
        let mut line = ZendHashTable::new();
        let _ = line.insert("message", engine::new_string(engine::string(message).unwrap_or_default()));
        let _ = line.insert("userId", user);
        let line = Held::new(engine::array_value(line));
        state(|state| state.activity.push(line));
    }));
}

extern "C" fn log_module_call(execute_data: &mut ExecuteData, _: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let (mut module, mut action): (*const ZendStr, *const ZendStr) = (ptr::null(), ptr::null());
        let (mut request, mut response): (*const Zval, *const Zval) = (ptr::null(), ptr::null());
        let mut processed: *const Zval = ptr::null();
        let mut replaced: *const ZendHashTable = ptr::null();
        if !sandbox::is_allowed()
            || parse_arguments!(
                execute_data,
                c"SSzz|zh",
                &mut module,
                &mut action,
                &mut request,
                &mut response,
                &mut processed,
                &mut replaced
            )
            .is_none()
        {
            return;
        }
        let text = |text| engine::new_string(engine::string(text).unwrap_or_default());
        let processed = if processed.is_null() { engine::new_string(b"") } else { engine::value(processed) };
        let mut line = ZendHashTable::new();
        let _ = line.insert("module", text(module));
        let _ = line.insert("action", text(action));
        let _ = line.insert("requestString", engine::value(request));
        let _ = line.insert("responseData", engine::value(response));
        let _ = line.insert("processedData", processed);
        let _ = line.insert("replaceVars", engine::shared_array(replaced));
        let line = Held::new(engine::array_value(line));
        state(|state| state.modules.push(line));
    }));
}

/// `LocalApi\Sandbox::activityLog()`.
pub extern "C" fn activity_log(execute_data: &mut ExecuteData, list: &mut Zval) {
    logged(execute_data, list, |state| &state.activity);
}

/// `LocalApi\Sandbox::moduleLog()`.
pub extern "C" fn module_log(execute_data: &mut ExecuteData, list: &mut Zval) {
    logged(execute_data, list, |state| &state.modules);
}

fn logged(execute_data: &ExecuteData, list: &mut Zval, lines: fn(&State) -> &Vec<Held>) {
    run_handler(AssertUnwindSafe(|| {
        if !sandbox::is_allowed() || parse_arguments!(execute_data, c"",).is_none() {
            return;
        }
        let lines: Vec<Zval> = state(|state| lines(state).iter().map(Held::value).collect());
        let mut array = ZendHashTable::new();
        for line in lines {
            let _ = array.push(line);
        }
        *list = engine::array_value(array);
    }));
}
