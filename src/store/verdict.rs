//! What became of a transaction whose commit had no answer.

use super::Store;
use crate::error::{Error, Result};

/// What is found of a transaction whose commit had no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It's stored.
    Stored,
    /// It was undone.
    Undone,
    /// Another has changed the same since.
    Unknown,
}

impl Verdict {
    /// The verdict on what is there for certain once it's stored, and not before.
    pub fn stored_if(stored: bool) -> Self {
        if stored { Self::Stored } else { Self::Undone }
    }

    /// The proof that tells this verdict whatever is there. Where it's `Undone` the write is made again: that is right
    /// for one that looks itself whether there is anything left to do.
    pub fn always(self) -> Proof {
        Box::new(move |_| Ok(self))
    }

    /// The verdict on a transaction by those on each change in it. One alone may be wrong: others change the same
    /// meanwhile.
    pub fn of_all(each: impl IntoIterator<Item = Self>) -> Self {
        let mut told = each.into_iter().filter(|verdict| *verdict != Self::Unknown);
        match told.next() {
            Some(first) if told.all(|verdict| verdict == first) => first,
            _ => Self::Unknown,
        }
    }
}

/// Looks what became of a transaction.
pub type Proof = Box<dyn Fn(&mut Store) -> Result<Verdict>>;

/// What became of a transaction.
pub enum Written<T> {
    /// It's stored.
    Surely(T),
    /// The server was lost before it answered the commit.
    Perhaps(T, Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_stored_or_undone_where_no_change_in_it_says_otherwise() {
        use Verdict::{Stored, Undone, Unknown};
        assert_eq!(Verdict::of_all([Stored, Unknown, Stored]), Stored);
        assert_eq!(Verdict::of_all([Unknown, Undone, Undone]), Undone);
        assert_eq!(Verdict::of_all([Unknown]), Unknown);
        // Another has deleted what was to be deleted, or what was created.
        assert_eq!(Verdict::of_all([Undone, Stored]), Unknown);
        assert_eq!(Verdict::of_all([Stored, Undone]), Unknown);
    }
}
