//! What `localapi_open` returns, and the session that each thread has for it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Once, Weak};

use crate::http::node::Node;
use crate::session::Session;
use crate::settings::{self, Dsn, Durability, KeyFile, Settings};
use crate::store;

/// Where commands are answered: to be used through its address only.
pub struct Handle {
    settings: Settings,
    /// For the threads, to keep their sessions by.
    own: Weak<Handle>,
}

thread_local! {
    static SESSIONS: RefCell<Vec<(Weak<Handle>, Rc<Session>)>> = const { RefCell::new(Vec::new()) };
}

/// Whether there was a value to put there.
fn put<T>(place: &mut T, value: Option<T>) -> bool {
    value.map(|value| *place = value).is_some()
}

impl Handle {
    /// Reads settings from JSON; else a sentence says what is wrong with them.
    pub fn open(settings_json: &[u8]) -> Result<Arc<Self>, String> {
        let Some(Node::Map(entries)) = Node::from_json(settings_json) else {
            return Err("The settings must be a JSON object.".to_owned());
        };
        let mut settings = Settings::default();
        for (name, value) in &entries {
            let text = value.text();
            let understood = match name.as_ref() {
                // As with PHP's entries, nothing is used instead of one of these two: every call says what is wrong.
                "dsn" => put(&mut settings.dsn, Some(Dsn::parse(&text))),
                "key_file" => put(&mut settings.key_file, Some(KeyFile::parse(&text))),
                "company_name" => put(&mut settings.company_name, Some(text.into_owned())),
                "busy_timeout" => put(&mut settings.busy_timeout, settings::milliseconds(&text)),
                "durability" => put(&mut settings.durability, Durability::parse(&text)),
                "server" => put(&mut settings.server, settings::switch(&text)),
                unknown => return Err(format!("There is no setting {unknown}.")),
            };
            if !understood {
                return Err(format!("The setting {name} is invalid."));
            }
        }
        close_before_fork();
        Ok(Arc::new_cyclic(|own| Self { settings, own: Weak::clone(own) }))
    }

    /// Does something with this thread's session. Nothing is borrowed meanwhile but that.
    pub fn with_session<T>(&self, work: impl FnOnce(&Session) -> T) -> T {
        close_unused();
        let session = SESSIONS.with_borrow_mut(|sessions| {
            if let Some((_, session)) = sessions.iter().find(|(handle, _)| Weak::ptr_eq(handle, &self.own)) {
                return Rc::clone(session);
            }
            let session = Rc::new(Session::new(self.settings.clone()));
            sessions.push((Weak::clone(&self.own), Rc::clone(&session)));
            session
        });
        let done = work(&session);
        session.tidy();
        done
    }
}

/// Closes what this thread has open for handles that are no more.
pub fn close_unused() {
    let unused = SESSIONS.with_borrow_mut(|sessions| {
        let mut unused = Vec::new();
        sessions.retain(|(handle, session)| {
            let used = handle.strong_count() > 0;
            if !used {
                unused.push(Rc::clone(session));
            }
            used
        });
        unused
    });
    drop(unused);
}

/// Registers what happens at a fork, once: all the same as with PHP.
fn close_before_fork() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // SAFETY: both are functions of this library, and they don't panic. Out of memory is the only failure: then a
        // fork is as one of a process that has not called this.
        unsafe {
            libc::pthread_atfork(Some(before_fork), None, Some(in_child));
        }
    });
}

extern "C" fn before_fork() {
    each_session(Session::close_file_store);
}

extern "C" fn in_child() {
    store::note_fork();
    each_session(Session::forget_parent);
}

fn each_session(work: fn(&Session)) {
    let _ = SESSIONS.try_with(|sessions| {
        if let Ok(sessions) = sessions.try_borrow() {
            sessions.iter().for_each(|(_, session)| work(session));
        }
    });
}
