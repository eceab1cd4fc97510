//! Memory that a key was in is wiped before it is given back: an allocator for the tests looks at what comes back.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::RefCell;
use std::time::Duration;

use super::key_file;
use super::key_ring::KeyRing;
use super::{Opened, Vault};
use crate::credential::Secret;
use crate::random::Random;

thread_local! {
    /// What mustn't be in memory that this thread gives back, and how often it was.
    static WATCHED: RefCell<(Vec<Vec<u8>>, usize)> = const { RefCell::new((Vec::new(), 0)) };
}

struct Watching;

#[global_allocator]
static ALLOCATOR: Watching = Watching;

#[allow(unsafe_code, reason = "an allocator; it leaves all the work to the system's")]
// SAFETY: every block is the system allocator's. A block that is given back is only read, whole, before that, and all of
// it was written: `alloc` fills it.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller gives back a block of this size.
        let content = unsafe { std::slice::from_raw_parts(block, layout.size()) };
        // Not while the thread ends, and not for what this itself gives back.
        let _ = WATCHED.try_with(|watched| {
            if let Ok(mut watched) = watched.try_borrow_mut() {
                let (secrets, found) = &mut *watched;
                *found +=
                    secrets.iter().filter(|secret| content.windows(secret.len()).any(|part| part == *secret)).count();
            }
        });
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(block, layout) }
    }
}

/// How often memory that came back while this ran held a key, or one in base64.
fn left_behind(keys: &[String], work: impl FnOnce()) -> usize {
    use base64::Engine as _;
    let bytes = |text: &String| base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    let watched = keys.iter().flat_map(|text| [text.as_bytes().to_vec(), bytes(text)]).collect();
    WATCHED.with_borrow_mut(|state| *state = (watched, 0));
    work();
    WATCHED.with_borrow_mut(std::mem::take).1
}

/// The keys of a file, in base64.
fn keys(path: &std::path::Path) -> Vec<String> {
    let content: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    content["keys"].as_array().unwrap().iter().map(|entry| entry["key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn no_memory_that_a_key_was_in_is_given_back_with_the_key_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let mut ring = KeyRing::generate(&Random::System).unwrap();
    for _ in 0..20 {
        ring.active = ring.stage(ring.active, &Random::System).unwrap();
    }
    key_file::create(&path, &ring).unwrap();
    let keys = keys(&path);
    assert_eq!(keys.len(), 21);
    assert!(left_behind(&keys, || drop(std::fs::read(&path).unwrap())) > 0, "a copy that isn't wiped is noticed");
    let all = move || {
        let vault = Vault::new(Some(path), Duration::ZERO);
        let ring = vault.keys_to_seal(&Random::System, false).unwrap();
        let secret = Secret::generate(&Random::System).unwrap();
        let sealed = ring.seal(&ring.active, "A.1", &secret, &Random::System).unwrap().unwrap();
        assert!(matches!(ring.open(&sealed, "A.1"), Opened::Secret(_)));
        for _ in 0..5 {
            vault.update(|ring| ring.stage(ring.active, &Random::System).map(|new| ring.active = new)).unwrap();
        }
        assert_eq!(vault.keys_of_sealed().unwrap().keys.len(), 26);
        drop(KeyRing::clone(&ring));
    };
    assert_eq!(left_behind(&keys, all), 0);
    drop(ring);
}
