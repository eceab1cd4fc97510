//! PHP's values that are kept from one call to the next. They belong to the request and end with it.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::panic::AssertUnwindSafe;

use ext_php_rs::types::Zval;
use ext_php_rs::zend::{bailout, try_catch};

/// PHP has ended the request meanwhile: at `memory_limit`, by a fatal error, say.
pub struct RequestEnded;

/// Runs what may allocate PHP's memory or run the host's code. A limit or a fatal error there is a long jump, stopped
/// here, because the frames above own things.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, RequestEnded> {
    try_catch(AssertUnwindSafe(work)).map_err(|_| RequestEnded)
}

/// Lets PHP go on ending the request, once everything that the function owned is let go of.
pub fn end_request<T>(done: Result<T, RequestEnded>) -> Option<T> {
    match done {
        Ok(value) => Some(value),
        // SAFETY: the callers own nothing at this point.
        Err(RequestEnded) => unsafe { bailout() },
    }
}

/// Lets go of what holds PHP's values: an object's destructor may run.
pub fn let_go<T>(value: T) -> Result<(), RequestEnded> {
    guarded(|| drop(value))
}

thread_local! {
    static MEMORY_GONE: Cell<bool> = const { Cell::new(false) };
}

/// A value of PHP's with a reference of its own.
pub struct Held(ManuallyDrop<Zval>);

impl Held {
    /// Keeps this value.
    pub fn new(value: Zval) -> Self {
        Self(ManuallyDrop::new(value))
    }

    /// Another reference to it.
    pub fn value(&self) -> Zval {
        self.0.shallow_clone()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !MEMORY_GONE.get() {
            // SAFETY: nothing uses the value afterwards.
            unsafe { ManuallyDrop::drop(&mut self.0) }
        }
    }
}

/// What a thread keeps for its request. Nothing is ever borrowed from it for longer than a look, so that no long jump
/// leaves it locked; and it has no destructor of its own that would run when PHP is gone.
pub struct Kept<T: 'static>(Cell<ManuallyDrop<T>>);

impl<T: Default> Kept<T> {
    /// Starts with this.
    pub const fn new(value: T) -> Self {
        Self(Cell::new(ManuallyDrop::new(value)))
    }

    /// Looks at it, or changes it. PHP isn't called meanwhile, and what is taken out is let go of afterwards.
    pub fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> R {
        let mut value = self.take();
        let found = look(&mut value);
        self.0.set(ManuallyDrop::new(value));
        found
    }

    /// Takes all of it away.
    pub fn take(&self) -> T {
        ManuallyDrop::into_inner(self.0.replace(ManuallyDrop::new(T::default())))
    }
}

/// How often what destructors set anew is let go of as well.
const ROUNDS: usize = 8;

/// Lets go of all that is kept somewhere. Destructors may run, and may set something anew.
pub fn clear<T>(take: impl Fn() -> T, is_empty: impl Fn(&T) -> bool) -> Result<(), RequestEnded> {
    for _ in 0..ROUNDS {
        let kept = take();
        if is_empty(&kept) {
            break;
        }
        let_go(kept)?;
    }
    Ok(())
}

/// Drops what PHP's values were held by, after PHP has freed them itself.
pub fn forget<T>(take: impl FnOnce() -> T) {
    MEMORY_GONE.set(true);
    drop(take());
    MEMORY_GONE.set(false);
}
