//! The functions that PHP sees, a file for each or for those that belong together.

mod api_credential;
mod batch;
mod copy_store;
mod find_credential;
mod handle;
mod local_api;
mod prune;
mod register;
mod registered;
pub mod respond;
mod rotate_key;
mod verify_credential;

use ext_php_rs::builders::FunctionBuilder;

/// Every one outside the sandbox.
pub fn all() -> impl Iterator<Item = FunctionBuilder<'static>> {
    local_api::functions()
        .into_iter()
        .chain([
            verify_credential::function(),
            batch::function(),
            rotate_key::function(),
            prune::function(),
            copy_store::function(),
            handle::function(),
            respond::function(),
        ])
        .chain(find_credential::functions())
        .chain(register::functions())
        .chain(registered::functions())
        .chain(api_credential::functions())
}
