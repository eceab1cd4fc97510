//! `LocalApi\Sandbox`: what a test needs of localapi. Its methods throw outside the sandbox and touch nothing.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::ptr;
use std::rc::Rc;

use ext_php_rs::args::Arg;
use ext_php_rs::builders::{ClassBuilder, FunctionBuilder};
use ext_php_rs::error::Result as PhpResult;
use ext_php_rs::exception::PhpException;
use ext_php_rs::flags::{ClassFlags, DataType, MethodFlags};
use ext_php_rs::types::{ZendHashTable, ZendStr, Zval};
use ext_php_rs::zend::{ExecuteData, run_handler};

use super::call::Call;
use super::callable::Callable;
use super::engine::{self, parse_arguments};
use super::exception::throw_fault;
use super::held::{self, Held, Kept, RequestEnded, guarded};
use super::parameters::{self, PhpParameters};
use super::{exception, handlers, hooks, hooks_file, logs, process};
use crate::error::{Error, RequestError, Result, StoreError};
use crate::sandbox;
use crate::store::fixture::{CLIENTS, Column, Columns, Kind, SERVICES};
use crate::text::Quoted;

const NAME: &str = "LocalApi\\Sandbox";

/// What answers a command instead of the command.
pub enum Fake {
    /// This array.
    Answer(Zval),
    /// What the callable returns.
    Callable(Rc<Callable>),
}

enum Faked {
    /// One per call, the last for all that follow.
    Answers(VecDeque<Held>),
    Callable(Rc<Callable>),
}

/// A call that was made.
struct Recorded {
    number: u64,
    command: Vec<u8>,
    post_data: Held,
    admin: Option<Vec<u8>>,
    /// None yet, or none because an exception was thrown.
    result: Option<Held>,
}

#[derive(Default)]
struct State {
    fakes: BTreeMap<Vec<u8>, Faked>,
    calls: Vec<Recorded>,
    /// Whether a call that nothing answers throws.
    prevents_stray_calls: bool,
}

thread_local! {
    static STATE: Kept<State> =
        const { Kept::new(State { fakes: BTreeMap::new(), calls: Vec::new(), prevents_stray_calls: false }) };
    /// Numbers calls for good, so that one that is running when all is reset isn't taken for a later one.
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn state<T>(look: impl FnOnce(&mut State) -> T) -> T {
    STATE.with(|kept| kept.with(look))
}

/// Lets go of everything that the request has set but for hooks: of handlers and logged lines too. Destructors may run.
pub fn clear() -> std::result::Result<(), RequestEnded> {
    let own = held::clear(|| STATE.with(Kept::take), |state| state.fakes.is_empty() && state.calls.is_empty());
    let logs = logs::clear();
    let handlers = handlers::clear();
    own.and(logs).and(handlers)
}

/// After PHP has freed the request's memory.
pub fn forget() {
    held::forget(|| STATE.with(Kept::take));
}

/// Records a call; the number is for its result.
pub fn record(call: Call<'_>) -> std::result::Result<u64, RequestEnded> {
    let post_data = guarded(|| Held::new(engine::shared_array(call.post_data)))?;
    let number = CALLS.get() + 1;
    CALLS.set(number);
    let (command, admin) = (call.command.to_vec(), call.admin.map(<[u8]>::to_vec));
    state(|state| state.calls.push(Recorded { number, command, post_data, admin, result: None }));
    Ok(number)
}

/// Records what a call was answered.
pub fn record_result(number: u64, answer: &Zval) {
    let result = Held::new(answer.shallow_clone());
    state(|state| {
        if let Ok(at) = state.calls.binary_search_by_key(&number, |call| call.number)
            && let Some(call) = state.calls.get_mut(at)
        {
            call.result = Some(result);
        }
    });
}

/// The fake of a command, or its next answer.
pub fn fake(command: &[u8]) -> Option<Fake> {
    let key = command.to_ascii_lowercase();
    state(|state| match state.fakes.get_mut(&key)? {
        Faked::Callable(callable) => Some(Fake::Callable(Rc::clone(callable))),
        Faked::Answers(answers) => {
            let answer = answers.front()?.value();
            if answers.len() > 1 {
                // The answer holds another reference, so nothing is let go of here.
                answers.pop_front();
            }
            Some(Fake::Answer(answer))
        }
    })
}

/// Whether a call that nothing answers throws.
pub fn prevents_stray_calls() -> bool {
    state(|state| state.prevents_stray_calls)
}

/// Throws what names a call that nothing answers, its data's keys, and what would answer it.
pub fn throw_stray(call: Call<'_>) {
    let command = Quoted::lossy(call.command);
    let keys: Vec<_> = elements(call.post_data).iter().map(|(key, _)| Quoted::from(key.as_str()).to_string()).collect();
    let data = if keys.is_empty() { "without data".to_owned() } else { format!("with {}", keys.join(", ")) };
    exception::throw_stray(format!(
        "Nothing answers the command \"{command}\", called {data}: \
         {NAME}::fake('{command}', ['result' => 'success']) would"
    ));
}

/// Whether this is the sandbox; an exception is pending where it's not.
pub fn is_allowed() -> bool {
    let session = process::session();
    let settings = session.settings();
    let message = match (settings.is_sandbox(), settings.sandbox) {
        (true, _) => return true,
        (false, true) => "needs a store in memory: leave localapi.dsn empty in php.ini, or set it to sqlite::memory:",
        (false, false) => "needs localapi.sandbox=1 in php.ini, and a store in memory",
    };
    PhpException::new(format!("{NAME} {message}"), 0, engine::logic_exception()).throw();
    false
}

/// Registers the class at the module's start.
pub fn register() -> PhpResult<()> {
    let string = |name: &str| Arg::new(name, DataType::String);
    let array = |name: &str| Arg::new(name, DataType::Array).default("[]");
    let list = |method: FunctionBuilder<'static>| method.returns(DataType::Array, false, false);
    let id = |method: FunctionBuilder<'static>| method.returns(DataType::Long, false, false);
    let nothing = |method: FunctionBuilder<'static>| method.returns(DataType::Void, false, false);
    let methods = [
        nothing(
            FunctionBuilder::new("reset", reset)
                .arg(Arg::new("keepHooks", DataType::Bool).default("false"))
                .required_args(0),
        ),
        nothing(FunctionBuilder::new("seed", seed).arg(Arg::new("seed", DataType::Long))),
        nothing(FunctionBuilder::new("travel", travel).arg(Arg::new("seconds", DataType::Long))),
        id(FunctionBuilder::new("addClient", add_client).arg(array("columns")).required_args(0)),
        id(FunctionBuilder::new("addService", add_service)
            .arg(Arg::new("clientId", DataType::Long))
            .arg(array("columns"))
            .required_args(1)),
        id(FunctionBuilder::new("addAdmin", add_admin).arg(string("username")).arg(array("columns")).required_args(1)),
        id(FunctionBuilder::new("addScope", add_scope)
            .arg(string("scope"))
            .arg(string("description").default("''"))
            .required_args(1)),
        id(FunctionBuilder::new("addRow", add_row).arg(string("table")).arg(array("columns")).required_args(1)),
        FunctionBuilder::new("pdoDsn", pdo_dsn).returns(DataType::String, false, false),
        nothing(FunctionBuilder::new("fake", set_fake).arg(string("command")).arg(Arg::new("answer", DataType::Mixed))),
        nothing(
            FunctionBuilder::new("fakeSequence", set_fake_sequence)
                .arg(string("command"))
                .arg(Arg::new("answers", DataType::Array).is_variadic()),
        ),
        nothing(
            FunctionBuilder::new("preventStrayCalls", prevent_stray_calls)
                .arg(Arg::new("prevent", DataType::Bool).default("true"))
                .required_args(0),
        ),
        list(FunctionBuilder::new("calls", calls).arg(string("command").allow_null().default("null")).required_args(0)),
        list(
            FunctionBuilder::new("hooks", hooks::hooks)
                .arg(string("point").allow_null().default("null"))
                .required_args(0),
        ),
        nothing(FunctionBuilder::new("loadHooks", hooks_file::load_hooks).arg(string("file"))),
        list(
            FunctionBuilder::new("runHook", hooks::run_hook)
                .arg(string("point"))
                .arg(Arg::new("arguments", DataType::Mixed).is_variadic()),
        ),
        list(FunctionBuilder::new("activityLog", logs::activity_log)),
        list(FunctionBuilder::new("moduleLog", logs::module_log)),
    ];
    methods
        .into_iter()
        .fold(ClassBuilder::new(NAME).flags(ClassFlags::Final), |class, method| {
            class.method(method, MethodFlags::Public | MethodFlags::Static)
        })
        // PHP points into the table as long as the process lives.
        .registration(|_, arguments| {
            Box::leak(arguments);
        })
        .register()
}

extern "C" fn reset(execute_data: &mut ExecuteData, _: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut keep_hooks = false;
        if is_allowed() && parse_arguments!(execute_data, c"|b", &mut keep_hooks).is_some() {
            let hooks = if keep_hooks { Ok(()) } else { hooks::clear() };
            if let Some(done) = held::end_request(clear().and(hooks).and_then(|()| reset_store())) {
                throw_fault(done);
            }
        }
    }));
}

/// Empties the store, once what a test has left open by Capsule is rolled back: the tests after it would fail as well.
fn reset_store() -> std::result::Result<Result<()>, RequestEnded> {
    let done = sandbox::reset(&process::session());
    if !matches!(done, Err(Error::Store(StoreError::HeldByPdo))) {
        return Ok(done);
    }
    let rolled_back = guarded(|| {
        let roll_back = Callable::find(&engine::new_string(b"LocalApi\\Database::rollBack"));
        roll_back.is_some_and(|roll_back| roll_back.call(&mut []).is_some())
    })?;
    Ok(if rolled_back { sandbox::reset(&process::session()) } else { done })
}

extern "C" fn seed(execute_data: &mut ExecuteData, _: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut seed = 0_i64;
        if is_allowed() && parse_arguments!(execute_data, c"l", &mut seed).is_some() {
            process::session().seed(Some(seed));
        }
    }));
}

extern "C" fn travel(execute_data: &mut ExecuteData, _: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut seconds = 0_i64;
        if is_allowed() && parse_arguments!(execute_data, c"l", &mut seconds).is_some() {
            throw_fault(sandbox::travel(&process::session(), seconds));
        }
    }));
}

extern "C" fn add_client(execute_data: &mut ExecuteData, id: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut columns: *const ZendHashTable = ptr::null();
        if is_allowed() && parse_arguments!(execute_data, c"|h", &mut columns).is_some() {
            add(id, 1, columns, |columns| sandbox::add_row(&process::session(), CLIENTS, 1, &columns));
        }
    }));
}

extern "C" fn add_service(execute_data: &mut ExecuteData, id: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut client = 0_i64;
        let mut columns: *const ZendHashTable = ptr::null();
        if is_allowed() && parse_arguments!(execute_data, c"l|h", &mut client, &mut columns).is_some() {
            add(id, 2, columns, |mut columns| {
                refuse(&columns, "userid")?;
                columns.push(Column::number("userid", client));
                sandbox::add_row(&process::session(), SERVICES, 2, &columns)
            });
        }
    }));
}

extern "C" fn add_admin(execute_data: &mut ExecuteData, id: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut username: *const ZendStr = ptr::null();
        let mut columns: *const ZendHashTable = ptr::null();
        if is_allowed() && parse_arguments!(execute_data, c"S|h", &mut username, &mut columns).is_some() {
            add(id, 2, columns, |columns| {
                refuse(&columns, "username")?;
                sandbox::add_admin(&process::session(), engine::string(username).unwrap_or_default(), columns)
            });
        }
    }));
}

extern "C" fn add_row(execute_data: &mut ExecuteData, id: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut table: *const ZendStr = ptr::null();
        let mut columns: *const ZendHashTable = ptr::null();
        if is_allowed() && parse_arguments!(execute_data, c"S|h", &mut table, &mut columns).is_some() {
            add(id, 2, columns, |columns| {
                sandbox::add_row_to_any(&process::session(), engine::string(table).unwrap_or_default(), &columns)
            });
        }
    }));
}

/// Refuses the column that is the first argument.
fn refuse(columns: &Columns, name: &str) -> Result<()> {
    if columns.iter().any(|column| column.name.eq_ignore_ascii_case(name)) {
        return Err(
            RequestError::Fixture { position: 2, must: format!("not hold \"{name}\", which is argument #1") }.into()
        );
    }
    Ok(())
}

extern "C" fn pdo_dsn(execute_data: &mut ExecuteData, dsn: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        if is_allowed()
            && parse_arguments!(execute_data, c"",).is_some()
            && let Some(name) = throw_fault(sandbox::pdo_dsn(&process::session()))
        {
            *dsn = engine::new_string(name.as_bytes());
        }
    }));
}

extern "C" fn add_scope(execute_data: &mut ExecuteData, id: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut scope: *const ZendStr = ptr::null();
        let mut description: *const ZendStr = ptr::null();
        if is_allowed() && parse_arguments!(execute_data, c"S|S", &mut scope, &mut description).is_some() {
            let scope = engine::string(scope).unwrap_or_default();
            let description = engine::string(description).unwrap_or_default();
            if let Some(added) = throw_fault(sandbox::add_scope(&process::session(), scope, description)) {
                id.set_long(added);
            }
        }
    }));
}

/// Adds a fixture with the columns of an array.
fn add(id: &mut Zval, argument: u32, array: *const ZendHashTable, add: impl FnOnce(Columns) -> Result<i64>) {
    let parameters = PhpParameters::new(None);
    let columns = read_columns(&parameters, argument, array);
    if parameters.ended() {
        drop(columns);
        held::end_request::<()>(Err(RequestEnded));
        return;
    }
    match columns.and_then(add) {
        Err(Error::Request(RequestError::Interrupted)) => {}
        done => {
            if let Some(added) = throw_fault(done) {
                id.set_long(added);
            }
        }
    }
}

/// Reads columns and their values as a command's parameters are read: `null` is a column's default.
fn read_columns(parameters: &PhpParameters<'_>, argument: u32, array: *const ZendHashTable) -> Result<Columns> {
    let wrong = |must| Err(RequestError::Fixture { position: argument, must }.into());
    // A value's `__toString` may change what the caller's references lead to: these stay.
    let given: Vec<(String, Zval)> =
        elements(array).into_iter().map(|(key, value)| (key, parameters::resolve(value).shallow_clone())).collect();
    let mut columns = Columns::new();
    for (name, value) in &given {
        let quoted = || Quoted::from(name.as_str());
        if value.is_null() {
            columns.push(Column::null(name));
            continue;
        }
        if value.is_bool() {
            columns.push(Column::number(name, value.is_true().into()));
            continue;
        }
        let Ok(text) = parameters.text(value)? else {
            return wrong(format!("hold text or a number as \"{}\"", quoted()));
        };
        let Ok(text) = String::from_utf8(text) else {
            return wrong(format!("hold valid UTF-8 as \"{}\"", quoted()));
        };
        let kind = if value.is_long() || value.is_double() { Kind::Number } else { Kind::Text };
        columns.push(Column { name: name.clone(), value: text, kind });
    }
    Ok(columns)
}

/// The keys of an array as text, and its values.
fn elements<'a>(array: *const ZendHashTable) -> Vec<(String, &'a Zval)> {
    let text = |key: &Zval| match key.zend_str() {
        Some(text) => String::from_utf8_lossy(text.as_bytes()).into_owned(),
        None => key.long().unwrap_or_default().to_string(),
    };
    let Some(array) = engine::array(array) else { return Vec::new() };
    // The iterator's own `next` panics at a key that isn't UTF-8.
    let mut elements = array.iter();
    std::iter::from_fn(|| elements.next_zval()).map(|(key, value)| (text(&key), value)).collect()
}

extern "C" fn set_fake(execute_data: &mut ExecuteData, _: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut command: *const ZendStr = ptr::null();
        let mut answer: *const Zval = ptr::null();
        if !is_allowed() || parse_arguments!(execute_data, c"Sz", &mut command, &mut answer).is_none() {
            return;
        }
        let answer = engine::value(answer);
        let list_of_two = answer.array().is_some_and(|array| array.len() == 2);
        let faked = match Callable::find(&answer).filter(|_| !answer.is_array() || list_of_two) {
            Some(callable) => Faked::Callable(Rc::new(callable)),
            None if answer.is_array() => Faked::Answers(VecDeque::from([Held::new(answer)])),
            None => return engine::argument_type_error(2, "array|callable", &answer),
        };
        held::end_request(replace(command, faked));
    }));
}

extern "C" fn set_fake_sequence(execute_data: &mut ExecuteData, _: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut command: *const ZendStr = ptr::null();
        let mut first: *const Zval = ptr::null();
        let mut count = 0_u32;
        if !is_allowed() || parse_arguments!(execute_data, c"S+", &mut command, &mut first, &mut count).is_none() {
            return;
        }
        let mut answers = VecDeque::new();
        for (position, answer) in (2..).zip(engine::values(first, count)) {
            let answer = engine::value(answer);
            if !answer.is_array() {
                return engine::argument_type_error(position, "array", &answer);
            }
            answers.push_back(Held::new(answer));
        }
        held::end_request(replace(command, Faked::Answers(answers)));
    }));
}

extern "C" fn prevent_stray_calls(execute_data: &mut ExecuteData, _: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut prevent = true;
        if is_allowed() && parse_arguments!(execute_data, c"|b", &mut prevent).is_some() {
            state(|state| state.prevents_stray_calls = prevent);
        }
    }));
}

fn replace(command: *const ZendStr, faked: Faked) -> std::result::Result<(), RequestEnded> {
    let key = engine::string(command).unwrap_or_default().to_ascii_lowercase();
    held::let_go(state(|state| state.fakes.insert(key, faked)))
}

extern "C" fn calls(execute_data: &mut ExecuteData, list: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut command: *const ZendStr = ptr::null();
        if !is_allowed() || parse_arguments!(execute_data, c"|S!", &mut command).is_none() {
            return;
        }
        let command = engine::string(command);
        let wanted = |call: &&Recorded| command.is_none_or(|command| call.command.eq_ignore_ascii_case(command));
        let taken = |call: &Recorded| {
            let result = call.result.as_ref().map_or_else(Zval::null, Held::value);
            (call.command.clone(), call.post_data.value(), call.admin.clone(), result)
        };
        let found: Vec<_> = state(|state| state.calls.iter().filter(wanted).map(taken).collect());
        let mut array = ZendHashTable::new();
        for (command, post_data, admin, result) in found {
            let mut element = ZendHashTable::new();
            let _ = element.insert("command", engine::new_string(&command));
            let _ = element.insert("postData", post_data);
            let _ = element.insert("adminUsername", admin.map_or_else(Zval::null, |name| engine::new_string(&name)));
            let _ = element.insert("result", result);
            let _ = array.push(element);
        }
        *list = engine::array_value(array);
    }));
}
