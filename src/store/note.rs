//! What a store notes of itself.

use std::collections::BTreeMap;

use super::Store;
use super::engine::Bind;
use crate::error::Result;

/// What the store notes of itself, in `localapi_store`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// The id of the key that secrets are sealed with. None before the first.
    SealingKey,
    /// The id of the key that secrets are being resealed with, while that goes on.
    Rotation,
    /// What the store is being copied from, until that is finished.
    CopyOf,
    /// How far that is: the number of a table, and the key of its last row. Nothing but the copy has put in what is
    /// before.
    CopiedUpTo,
    /// What tells it from any other, once it was copied. A copy doesn't have it.
    Identity,
}

impl Note {
    const ALL: [Self; 5] = [Self::SealingKey, Self::Rotation, Self::CopyOf, Self::CopiedUpTo, Self::Identity];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::SealingKey => "sealing key",
            Self::Rotation => "rotation",
            Self::CopyOf => "copy of",
            Self::CopiedUpTo => "copied up to",
            Self::Identity => "identity",
        }
    }
}

impl Store {
    pub(super) fn read_notes(&self) -> Result<BTreeMap<Note, String>> {
        // A server locks what it's asked for, and other rows change more often.
        let names = Note::ALL.map(Note::name).map(Bind::Text);
        let sql = "SELECT name, value FROM localapi_store WHERE name IN (?1, ?2, ?3, ?4, ?5)";
        let rows = self.engine.rows(sql, &names, |row| (row.text(0), row.text(1)))?;
        let note = |name: &str| Note::ALL.into_iter().find(|note| note.name() == name);
        Ok(rows.into_iter().filter_map(|(name, value)| Some((note(&name)?, value))).collect())
    }

    /// Changes what the store notes of itself.
    pub fn set_note(&mut self, note: Note, value: Option<&str>) -> Result<()> {
        self.known = None;
        // Who says that it's a copy is who makes it.
        self.copied |= note == Note::CopyOf;
        let name = Bind::Text(note.name());
        match value {
            Some(value) => {
                let sql = "REPLACE INTO localapi_store (name, value) VALUES (?1, ?2)";
                self.engine.execute(sql, &[name, Bind::Text(value)])
            }
            None => self.engine.execute("DELETE FROM localapi_store WHERE name = ?1", &[name]),
        }
    }

    /// Notes something for the first time: where another was faster, it fails as [`StoreError::Taken`](crate::error::StoreError::Taken).
    pub fn set_first_note(&mut self, note: Note, value: &str) -> Result<()> {
        self.known = None;
        let sql = "INSERT INTO localapi_store (name, value) VALUES (?1, ?2)";
        self.engine.execute(sql, &[Bind::Text(note.name()), Bind::Text(value)])
    }
}
