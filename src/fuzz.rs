//! What reads the input of strangers, run by libFuzzer: `make fuzz`. `LOCALAPI_FUZZ` names what is run.
//!
//! The library is one for PHP, which no executable can be linked with: its modules are compiled in here. `make mutants`
//! changes them once, in the library.
#![no_main]
#![cfg_attr(false, mutants::skip)]
#![allow(dead_code, unused_imports, reason = "only a part of the library is used")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a fault is told here"
)]

mod actor;
mod argument;
mod batch;
mod clock;
mod command;
mod copy;
mod credential;
mod error;
mod http;
mod own_file;
mod patience;
mod place;
mod prune;
mod random;
mod registry;
mod reply;
mod request;
mod rotation;
mod sandbox;
mod sealing;
mod secret_text;
mod session;
mod settings;
mod store;
mod text;
mod vault;
mod verifier;
mod verify;

#[path = "../fuzz/formats.rs"]
mod formats;
#[path = "../fuzz/parameters.rs"]
mod parameters;
#[path = "../fuzz/uris.rs"]
mod uris;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

/// Runs one input. It panics where something isn't as it must be.
type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 8] = [
    ("dialect", store::fuzz::dialect),
    ("dsn", uris::dsn),
    ("formats", formats::formats),
    ("key_file", vault::fuzz_key_file),
    ("log", store::fuzz::log),
    ("logo_uri", uris::logo),
    ("redirect_uri", uris::redirect),
    ("request", parameters::request),
];

fn target() -> Target {
    static CHOSEN: OnceLock<Target> = OnceLock::new();
    *CHOSEN.get_or_init(|| {
        let name = std::env::var("LOCALAPI_FUZZ").unwrap_or_default();
        let found = TARGETS.iter().find(|(known, _)| *known == name);
        found.unwrap_or_else(|| panic!("LOCALAPI_FUZZ must be one of {:?}", TARGETS.map(|(name, _)| name))).1
    })
}

fuzz_target!(|input: &[u8]| target()(input));
