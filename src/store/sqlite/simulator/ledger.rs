//! What callers were told, and what a store must hold after that.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What is known of one credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It has this secret.
    Secret(String),
    /// A call was to give it another secret, and hasn't said which.
    Unknown,
    /// It's deleted.
    Deleted,
}

/// The states of one credential, and which of them was answered last.
#[derive(Debug, Clone)]
struct Entry {
    states: Vec<State>,
    answered: usize,
}

/// The credentials that callers know of, by identifier, and the scopes that they know to be registered.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    credentials: HashMap<String, Entry>,
    scopes: BTreeSet<String>,
    /// Those that another program has added. A power cut may take them.
    of_others: BTreeSet<String>,
}

/// What a store has.
#[derive(Debug, Default)]
pub struct Content {
    /// Its credentials, by identifier.
    pub credentials: BTreeMap<String, Stored>,
    /// Its scopes.
    pub scopes: BTreeSet<String>,
}

/// A credential as a store has it.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its secret; `None` if it can't be opened.
    pub secret: Option<String>,
    /// How many scopes it has.
    pub scopes: i64,
    /// How many lines the activity log has of its creation.
    pub lines: i64,
}

impl Ledger {
    /// A credential was issued.
    pub fn created(&mut self, identifier: &str, secret: &str) {
        let states = vec![State::Secret(secret.to_owned())];
        self.credentials.insert(identifier.to_owned(), Entry { states, answered: 0 });
    }

    /// A scope was registered, now or before.
    pub fn registered(&mut self, scope: &str) {
        self.scopes.insert(scope.to_owned());
    }

    /// Another program has added a scope.
    pub fn added(&mut self, scope: &str) {
        self.of_others.insert(scope.to_owned());
    }

    /// The scopes that are known to be registered.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes.union(&self.of_others).map(String::as_str)
    }

    /// A call begins that brings a credential into this state.
    pub fn begin(&mut self, identifier: &str, state: State) {
        if let Some(entry) = self.credentials.get_mut(identifier) {
            entry.states.push(state);
        }
    }

    /// That call was answered: the credential is in this state.
    pub fn answered(&mut self, identifier: &str, state: State) {
        if let Some(entry) = self.credentials.get_mut(identifier) {
            entry.answered = entry.states.len() - 1;
            entry.states[entry.answered] = state;
        }
    }

    /// How many credentials were issued.
    pub fn len(&self) -> usize {
        self.credentials.len()
    }

    /// What is wrong with a store, if anything.
    pub fn check(&self, store: &Content) -> Result<(), String> {
        if let Some(scope) = self.scopes.difference(&store.scopes).next() {
            return Err(format!("the scope {scope} is lost"));
        }
        for (identifier, stored) in &store.credentials {
            if stored.secret.is_none() || stored.scopes != 2 || stored.lines != 1 {
                return Err(format!("{identifier} is half-written: {stored:?}"));
            }
        }
        for (identifier, entry) in &self.credentials {
            let possible = &entry.states[entry.answered..];
            let found = store.credentials.get(identifier);
            let right = possible.iter().any(|state| match (state, found) {
                (State::Deleted, None) | (State::Unknown, Some(_)) => true,
                (State::Secret(secret), Some(stored)) => stored.secret.as_ref() == Some(secret),
                _ => false,
            });
            if !right {
                return Err(format!("{identifier} is lost: {found:?} where {possible:?} was answered"));
            }
        }
        Ok(())
    }
}
