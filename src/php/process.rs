//! What a thread of a PHP process keeps from call to call, and what becomes of it when the process forks or ends.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Once;

use super::{http, ini};
use crate::api::Api;
use crate::store;

thread_local! {
    static API: RefCell<Option<Rc<Api>>> = const { RefCell::new(None) };
}

/// This thread's [`Api`], made anew where a setting has changed.
pub fn api() -> Rc<Api> {
    API.with_borrow_mut(|slot| {
        let changed = ini::take_change();
        match slot {
            Some(api) if !changed => Rc::clone(api),
            _ => Rc::clone(slot.insert(Rc::new(Api::new(ini::settings())))),
        }
    })
}

/// After a request: the next one starts with an empty sandbox, and a store that was put in order.
pub fn end_request() {
    let _ = API.try_with(|slot| {
        if let Ok(mut slot) = slot.try_borrow_mut()
            && let Some(api) = &*slot
        {
            http::do_owed(api);
            api.tidy();
            if api.reset().is_err() {
                *slot = None;
            }
        }
    });
}

/// Closes everything at the module's end.
pub fn close() {
    let _ = API.try_with(RefCell::take);
}

/// Registers what happens at a fork, once, at the module's start: a thread that did it later would hold the lock that
/// the child of another thread then waits for.
pub fn close_before_fork() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // SAFETY: both handlers are functions of this library, which unregisters them when it's unloaded. They don't
        // panic. Out of memory is the only failure, and PHP itself wouldn't survive that.
        unsafe {
            libc::pthread_atfork(Some(before_fork), None, Some(in_child));
        }
    });
}

/// SQLite keeps its locks in process memory, and the child would have a copy that the kernel knows nothing of.
extern "C" fn before_fork() {
    let _ = API.try_with(|slot| {
        if let Ok(slot) = slot.try_borrow()
            && let Some(api) = &*slot
        {
            api.close_file_store();
        }
    });
}

extern "C" fn in_child() {
    store::note_fork();
    let _ = API.try_with(|slot| {
        if let Ok(slot) = slot.try_borrow()
            && let Some(api) = &*slot
        {
            api.forget_owed();
            api.forget_store_of_parent();
        }
    });
}
