//! Files of hooks. PHP can include one only once where it declares a function, and a test needs its hooks again after
//! each reset: what a file has added is kept until the request ends.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::ptr;
use std::rc::Rc;

use ext_php_rs::exception::PhpException;
use ext_php_rs::types::{ZendStr, Zval};
use ext_php_rs::zend::{ExecuteData, ExecutorGlobals, run_handler};

use super::engine::{self, parse_arguments};
use super::held::{self, Kept, RequestEnded, guarded};
use super::hooks::{self, Hook};
use super::sandbox;
use crate::text::Quoted;

thread_local! {
    /// The hooks of each file that was included, by its path.
    static FILES: Kept<BTreeMap<Vec<u8>, Vec<Rc<Hook>>>> = const { Kept::new(BTreeMap::new()) };
}

/// Lets go of all hooks of files, at the end of a request.
pub fn clear() -> Result<(), RequestEnded> {
    held::clear(|| FILES.with(Kept::take), BTreeMap::is_empty)
}

/// After PHP has freed the request's memory.
pub fn forget() {
    held::forget(|| FILES.with(Kept::take));
}

/// `LocalApi\Sandbox::loadHooks()`.
pub extern "C" fn load_hooks(execute_data: &mut ExecuteData, _: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut file: *const ZendStr = ptr::null();
        if sandbox::is_allowed() && parse_arguments!(execute_data, c"P", &mut file).is_some() {
            held::end_request(load(file));
        }
    }));
}

/// Includes a file, or adds the hooks again that it has added. An exception may be pending then.
fn load(file: *const ZendStr) -> Result<(), RequestEnded> {
    let path = guarded(|| engine::resolve_path(file))?;
    if ExecutorGlobals::has_exception() {
        return Ok(());
    }
    if let Some(hooks) = FILES.with(|files| files.with(|files| files.get(&path).cloned())) {
        hooks.into_iter().for_each(hooks::add);
        return Ok(());
    }
    if let Some(name) = engine::declared_by(&path) {
        throw_included(&path, &name);
        return Ok(());
    }
    // One that loads itself is there already.
    FILES.with(|files| files.with(|files| files.insert(path.clone(), Vec::new())));
    let before = hooks::find(None);
    let included = guarded(|| engine::require(&path));
    let mut added = hooks::find(None);
    added.retain(|hook| !before.iter().any(|known| Rc::ptr_eq(known, hook)));
    FILES.with(|files| {
        files.with(|files| match included {
            Ok(true) => files.insert(path, added),
            // The next call includes it again.
            _ => files.remove(&path),
        })
    });
    // A reset in the file has left these to us.
    held::let_go(before)?;
    included.map(drop)
}

/// Throws what names a file that others have included, or that threw, and what it has declared.
fn throw_included(path: &[u8], name: &str) {
    let (path, name) = (Quoted::lossy(path), Quoted::from(name));
    let message = format!(
        "\"{path}\" was included before, and PHP can't declare its \"{name}\" again: mend what it threw then, or let \
         LocalApi\\Sandbox::loadHooks() be the first to include it"
    );
    PhpException::new(message, 0, engine::logic_exception()).throw();
}
