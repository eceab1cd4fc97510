//! `LocalApi\handle()`: PHP callables that answer the commands that aren't native. They end with the request.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::ptr;
use std::rc::Rc;

use ext_php_rs::types::{ZendStr, Zval};
use ext_php_rs::zend::{ExecuteData, run_handler};

use super::callable::Callable;
use super::engine::{self, parse_arguments};
use super::held::{self, Kept, RequestEnded};
use super::{call, process};
use crate::command;

/// The handlers by the command's name in lower case.
type Handlers = BTreeMap<Vec<u8>, Rc<Callable>>;

thread_local! {
    static HANDLERS: Kept<Handlers> = const { Kept::new(BTreeMap::new()) };
}

/// The handler of a command.
pub fn find(command: &[u8]) -> Option<Rc<Callable>> {
    let key = command.to_ascii_lowercase();
    HANDLERS.with(|handlers| handlers.with(|handlers| handlers.get(&key).cloned()))
}

pub extern "C" fn handle(execute_data: &mut ExecuteData, _: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut command: *const ZendStr = ptr::null();
        let (mut handler, mut resolved) = engine::no_callable();
        if parse_arguments!(execute_data, c"Sf!", &mut command, &mut handler, &mut resolved).is_none() {
            return;
        }
        let command = engine::string(command).unwrap_or_default();
        if command::find(command).is_some() && !process::api().settings().is_sandbox() {
            engine::argument_value_error(1, "must not be a command that is answered natively");
            return;
        }
        call::end_request(set(command, Callable::from_argument(&handler, &resolved)));
    }));
}

fn set(command: &[u8], handler: Option<Callable>) -> Result<(), RequestEnded> {
    let key = command.to_ascii_lowercase();
    let before = HANDLERS.with(|handlers| {
        handlers.with(|handlers| match handler {
            Some(handler) => handlers.insert(key, Rc::new(handler)),
            None => handlers.remove(&key),
        })
    });
    held::let_go(before)
}

/// Lets go of all handlers.
pub fn clear() -> Result<(), RequestEnded> {
    held::clear(|| HANDLERS.with(Kept::take), BTreeMap::is_empty)
}

/// After PHP has freed the request's memory: whatever was set since is gone with it.
pub fn forget() {
    held::forget(|| HANDLERS.with(Kept::take));
}
