//! Hooks as WHMCS modules know them. They exist in the sandbox only, and end with the request.

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
use super::held::{self, Kept, RequestEnded, guarded};
use super::sandbox;

/// How deep hooks may run hooks.
const DEEPEST: usize = 64;

/// A hook.
pub struct Hook {
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

thread_local! {
    /// In the order in which they run: by priority, then as they came.
    static HOOKS: Kept<Vec<Rc<Hook>>> = const { Kept::new(Vec::new()) };
}

/// Lets go of all hooks.
pub fn clear() -> Result<(), RequestEnded> {
    held::clear(|| HOOKS.with(Kept::take), Vec::is_empty)
}

/// After PHP has freed the request's memory.
pub fn forget() {
    held::forget(|| HOOKS.with(Kept::take));
}

/// The global functions.
pub fn all() -> [FunctionBuilder<'static>; 2] {
    let string = |name: &str| Arg::new(name, DataType::String);
    // WHMCS's own functions declare no types, and take more arguments than they read.
    let mixed = |name: &str| Arg::new(name, DataType::Mixed);
    [
        FunctionBuilder::new("add_hook", add_hook)
            .arg(string("hookPoint"))
            .arg(mixed("priority"))
            .arg(mixed("function"))
            .arg(mixed("more").is_variadic())
            .returns(DataType::Void, false, false),
        FunctionBuilder::new("run_hook", run_hook)
            .arg(string("hookPoint"))
            .arg(mixed("arguments").is_variadic())
            .returns(DataType::Array, false, false),
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
        if let Some(Some(hook)) = held::end_request(hook) {
            add(Rc::new(hook));
        }
    }));
}

/// Adds a hook, unless it's there.
pub fn add(hook: Rc<Hook>) {
    HOOKS.with(|kept| {
        kept.with(|hooks| {
            if !hooks.iter().any(|known| Rc::ptr_eq(known, &hook)) {
                let place = hooks.partition_point(|known| known.priority <= hook.priority);
                hooks.insert(place, hook);
            }
        });
    });
}

pub extern "C" fn run_hook(execute_data: &mut ExecuteData, results: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut point: *const ZendStr = ptr::null();
        let (mut arguments, mut count): (*const Zval, u32) = (ptr::null(), 0);
        if !sandbox::is_allowed()
            || parse_arguments!(execute_data, c"S*", &mut point, &mut arguments, &mut count).is_none()
        {
            return;
        }
        if engine::calls_of_this(DEEPEST + 1) > DEEPEST {
            PhpException::new("Hooks have run hooks 64 deep".to_owned(), 0, ce::error()).throw();
            return;
        }
        let hooks = find(engine::string(point));
        let done = run(&hooks, engine::values(arguments, count));
        // A hook may have gone meanwhile.
        if let Some(Some(array)) = held::end_request(held::let_go(hooks).and(done)) {
            *results = array;
        }
    }));
}

/// Runs hooks one after the other; `None` means that one threw.
fn run(hooks: &[Rc<Hook>], arguments: &[Zval]) -> Result<Option<Zval>, RequestEnded> {
    guarded(|| {
        let mut arguments: Vec<Zval> = arguments.iter().map(|argument| engine::value(argument)).collect();
        if arguments.is_empty() {
            // What hooks read are variables, of which there are none.
            arguments.push(engine::shared_array(ptr::null()));
        }
        let mut results = ZendHashTable::new();
        for hook in hooks {
            let _ = results.push(hook.function.call(&mut arguments)?);
        }
        Some(engine::array_value(results))
    })
}

/// The hooks of a point, or all, in the order in which they run.
pub fn find(point: Option<&[u8]>) -> Vec<Rc<Hook>> {
    let wanted = |hook: &&Rc<Hook>| point.is_none_or(|point| hook.point == point);
    HOOKS.with(|kept| kept.with(|hooks| hooks.iter().filter(wanted).cloned().collect()))
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
