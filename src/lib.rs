//! PHP's `localAPI()` without WHMCS behind it.
//!
//! ```php
//! LocalApi\register_service(serviceId: 1, clientId: 42);
//! $answer = localAPI('CreateOAuthCredential', [
//!     'grantType' => 'single_sign_on',
//!     'scope' => 'clientarea:sso clientarea:billing_info clientarea:announcements',
//!     'serviceId' => '1',
//! ]);
//! // ['result' => 'success', 'credentialId' => 1, 'clientIdentifier' => 'COMPANY-NAME.…', 'clientSecret' => '…']
//! ```
//!
//! # Layout
//!
//! A call goes down this list and its answer comes back up. Only `php` knows PHP; without the feature `extension` the
//! rest builds and tests by itself.
//!
//! * `php`: the binding, with the functions, arrays, INI entries and the life of a process
//! * [`batch`]: many calls with one commit
//! * [`command`]: one file per command
//! * [`verify`], [`registry`], [`rotation`], [`prune`], [`sandbox`], [`copy`]: what the other functions do; [`argument`]: theirs
//! * [`http`]: who may call over HTTP, and the formats of an answer
//! * [`request`], [`reply`], [`error`]: what comes in and what goes out
//! * [`actor`]: in whose name a command runs
//! * [`sealing`]: the secrets of credentials, sealed and opened
//! * [`session`]: one thread's store, keys, clock and random source
//! * [`credential`]: the rules for each part of a credential, and the making of it
//! * [`vault`]: seals secrets at rest
//! * [`store`]: the tables and the statements
//! * [`text`], [`secret_text`], [`verifier`], [`clock`], [`random`], [`patience`]: what all of them use
//! * [`settings`]: what the host has set; [`place`]: where things are; [`own_file`]: files that are ours

pub mod actor;
pub mod argument;
pub mod batch;
pub mod clock;
pub mod command;
pub mod copy;
pub mod credential;
pub mod error;
pub mod http;
pub mod own_file;
pub mod patience;
pub mod place;
pub mod prune;
pub mod random;
pub mod registry;
pub mod reply;
pub mod request;
pub mod rotation;
pub mod sandbox;
pub mod sealing;
pub mod secret_text;
pub mod session;
pub mod settings;
pub mod store;
pub mod text;
pub mod vault;
pub mod verifier;
pub mod verify;

// Test binaries are executables, and no executable but PHP has the engine's symbols; `php-tests/` exercises the binding.
#[cfg(all(feature = "extension", not(test)))]
mod php;

#[cfg(feature = "capi")]
pub mod capi;
