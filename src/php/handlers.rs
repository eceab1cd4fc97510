//! PHP callables that answer the commands that aren't native. They end with the request.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::callable::Callable;
use super::held::{self, Kept, RequestEnded};

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

/// Sets the handler of a command, or takes it away.
pub fn set(command: &[u8], handler: Option<Callable>) -> Result<(), RequestEnded> {
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
