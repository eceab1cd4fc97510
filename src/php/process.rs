//! What a thread of a PHP process keeps from call to call, and what becomes of it when the process forks or ends.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Once;

use super::{exception, ini};
use crate::session::Session;
use crate::{sandbox, store};

thread_local! {
    static SESSION: RefCell<Option<Rc<Session>>> = const { RefCell::new(None) };
}

/// This thread's [`Session`], made anew where a setting has changed.
pub fn session() -> Rc<Session> {
    SESSION.with_borrow_mut(|slot| {
        let changed = ini::take_change();
        match slot {
            Some(session) if !changed => Rc::clone(session),
            _ => Rc::clone(slot.insert(Rc::new(Session::new(ini::settings())))),
        }
    })
}

/// Does what the request before this owes.
pub fn do_owed(session: &Session) {
    session.do_owed().unwrap_or_else(|error| exception::log(&error));
}

/// After a request: the next one starts with an empty sandbox, and a store that was put in order.
pub fn end_request() {
    let _ = SESSION.try_with(|slot| {
        if let Ok(mut slot) = slot.try_borrow_mut()
            && let Some(session) = &*slot
        {
            do_owed(session);
            session.tidy();
            if sandbox::reset(session).is_err() {
                *slot = None;
            }
        }
    });
}

/// Closes everything at the module's end.
pub fn close() {
    let _ = SESSION.try_with(RefCell::take);
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
    let _ = SESSION.try_with(|slot| {
        if let Ok(slot) = slot.try_borrow()
            && let Some(session) = &*slot
        {
            session.close_file_store();
        }
    });
}

extern "C" fn in_child() {
    store::note_fork();
    let _ = SESSION.try_with(|slot| {
        if let Ok(slot) = slot.try_borrow()
            && let Some(session) = &*slot
        {
            session.forget_parent();
        }
    });
}
