//! What was read by name, kept for the next time.

use std::collections::BTreeMap;

/// So many at most: names that differ without end don't pile up.
const MOST: usize = 256;

/// Values by name.
pub struct Kept<T>(BTreeMap<String, T>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Clone> Kept<T> {
    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<T> {
        self.0.get(name).cloned()
    }

    /// Keeps a value. Where there are too many all others go.
    pub fn put(&mut self, name: &str, value: T) {
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_and_does_not_pile_up() {
        let mut kept = Kept::default();
        for number in 0..3 * MOST {
            kept.put(&number.to_string(), number);
            assert_eq!(kept.get(&number.to_string()), Some(number));
            assert!(kept.0.len() <= MOST);
        }
        assert_eq!(kept.get("0"), None);
    }
}
