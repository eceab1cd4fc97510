//! A store copied to another place, a batch of rows at a time.
//!
//! Each batch is compared with what the target has there, and written where that isn't the same: a copy that was
//! interrupted goes on by doing the same again. In the end all of it is compared once more, and each secret is opened.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::clock::Clock;
use crate::error::{CopyError, Error, RequestError, Result, ServerError, StoreError, SystemError};
use crate::own_file::beside;
use crate::patience::Patience;
use crate::place::Place;
use crate::random::Random;
use crate::reply::{Fields, Value};
use crate::settings::{Dsn, DsnFault, KeyFile, Settings};
use crate::store::table::{TABLES, Table, TableRow};
use crate::store::{About, LogLine, Missing, Note, Store, Written};
use crate::vault::{KeyId, Opened, Vault};

/// How many rows are copied in one transaction.
const BATCH: usize = 500;

/// A copy on its way.
pub struct Copy {
    from: Place,
    to: Place,
    settings: Settings,
    /// Open while a batch is copied; closed while the host's code runs, which may fork.
    stores: Option<(Store, Store)>,
    keys: (Vault, Vault),
    step: Step,
    /// What tells the source from any other store.
    source: String,
    /// The tables of the source.
    tables: Vec<Table>,
    /// The columns that both stores have, by table.
    columns: Vec<Vec<String>>,
    /// The columns that only the source has.
    left_out: Vec<String>,
    done: i64,
    rows: i64,
    secrets: i64,
    unreadable: i64,
    /// Whether the activity log of the source says it; the copy says it then, too.
    is_logged: bool,
}

#[derive(Clone, Copy)]
enum Step {
    Begin,
    /// This table, after this key.
    Copy(usize, i64),
    Compare(usize, i64),
    /// The secrets of the credentials after this id.
    Open(i64),
    End,
    Finished,
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Rows copied, rows compared and secrets opened.
    pub done: i64,
    /// Of so many.
    pub total: i64,
}

impl Copy {
    /// A copy from one DSN to another. `allows` tells whether the host may use a file. Nothing is opened yet.
    pub fn new(from: &[u8], to: &[u8], settings: &Settings, allows: impl Fn(&Path) -> bool) -> Result<Self> {
        let (from, to) = (place(1, from)?, place(2, to)?);
        if from.name() == to.name() {
            return Err(RequestError::Argument { position: 2, must: "the DSN of another store" }.into());
        }
        if let Some(refused) = [&from, &to].into_iter().flat_map(files).find(|file| !allows(file)) {
            return Err(CopyError::OutsideOpenBasedir(refused).into());
        }
        let source_keys = match (&settings.key_file, &from) {
            // A store that moves to a server has had its keys beside it.
            (KeyFile::At(set), Place::File { path, .. }) if !set.exists() && beside(path, ".key").exists() => {
                Some(beside(path, ".key"))
            }
            _ => from.key_file(&settings.key_file)?,
        };
        let target_keys = match &to {
            // Where it's looked for once nothing sets another place any more.
            Place::File { path, .. } => Some(beside(path, ".key")),
            _ => to.key_file(&settings.key_file)?,
        };
        let vault = |file| Vault::new(file, settings.busy_timeout);
        let keys = (vault(source_keys), vault(target_keys));
        Ok(Self {
            from,
            to,
            settings: settings.clone(),
            stores: None,
            keys,
            step: Step::Begin,
            source: String::new(),
            tables: Vec::new(),
            columns: Vec::new(),
            left_out: Vec::new(),
            done: 0,
            rows: 0,
            secrets: 0,
            unreadable: 0,
            is_logged: true,
        })
    }

    /// Copies or checks a batch; `None` once all is done.
    pub fn step(&mut self) -> Result<Option<Progress>> {
        if matches!(self.step, Step::Finished) {
            return Ok(None);
        }
        let (mut from, mut to) = match self.stores.take() {
            Some(stores) => stores,
            None => self.open()?,
        };
        self.step = match self.step {
            Step::Begin => {
                let step = self.begin(&mut from, &mut to)?;
                // It may have been made only now.
                to = self.open()?.1;
                self.list_columns(&from, &to)?;
                step
            }
            Step::Copy(number, after) => self.copy(number, after, &from, &mut to)?,
            Step::Compare(number, after) => self.compare(number, after, &from, &to)?,
            Step::Open(after) => self.open_secrets(after, &to)?,
            Step::End => self.end(&mut from, &mut to)?,
            Step::Finished => Step::Finished,
        };
        self.stores = Some((from, to));
        let total = 2 * self.rows + self.secrets;
        Ok(Some(Progress { done: self.done.min(total), total }))
    }

    /// Closes both stores until the next step.
    pub fn close(&mut self) {
        self.stores = None;
    }

    /// What was copied.
    pub fn report(self) -> Fields {
        vec![
            ("rows", Value::Int(self.rows)),
            ("secrets", Value::Int(self.secrets)),
            ("unreadable", Value::Int(self.unreadable)),
            ("leftOut", Value::Texts(self.left_out)),
        ]
    }

    fn open(&self) -> Result<(Store, Store)> {
        let from = Store::open_to_copy(&self.from, &self.settings)?;
        if matches!(self.step, Step::Begin) && !self.to.is_there() {
            Store::open(&self.to, &self.settings, Missing::Made)?;
        }
        Ok((from, Store::open_to_copy(&self.to, &self.settings)?))
    }

    fn begin(&mut self, from: &mut Store, to: &mut Store) -> Result<Step> {
        if from.note_if_any(Note::CopyOf)?.is_some() {
            return Err(CopyError::Unfinished.into());
        }
        self.tables.clear();
        for table in TABLES {
            match from.columns(table)?.is_empty() {
                false => self.tables.push(table),
                true if table.is_ours() => {}
                true => return Err(ServerError::TableMissing(self.from.name(), table.name).into()),
            }
        }
        let unfinished = to.note_if_any(Note::CopyOf)?;
        let by_place = self.fingerprint("");
        // It was begun when the source took no note.
        let is_by_place = unfinished.as_ref() == Some(&by_place);
        self.source = if is_by_place { by_place } else { self.fingerprint(&self.identity(from)?) };
        if unfinished.as_ref().is_some_and(|of| *of != self.source)
            || (unfinished.is_none() && !to.is_new(&self.settings)?)
        {
            return Err(CopyError::TargetNotEmpty.into());
        }
        self.share_keys(from)?;
        if unfinished.is_none() {
            self.is_logged = self.log_in_source(from)?;
            // Makes what is missing of a new store.
            let mut to = Store::open(&self.to, &self.settings, Missing::Made)?;
            write(&mut to, &self.to, &self.settings, |to| {
                // This first: those who have begun to write find it when that is stored.
                to.set_note(Note::CopyOf, Some(&self.source))?;
                if to.is_new(&self.settings)? { to.delete_first_rows() } else { Err(CopyError::TargetNotEmpty.into()) }
            })?;
        }
        for &table in &self.tables {
            self.rows += from.count_rows(table)?;
        }
        self.secrets = from.count_secrets()?;
        Ok(Step::Copy(0, i64::MIN))
    }

    /// Gives the target's key file, where that is another, the keys of the source.
    fn share_keys(&self, from: &mut Store) -> Result<()> {
        let (source, target) = &self.keys;
        let noted = from.note_if_any(Note::SealingKey)?;
        let ring = if from.has_secrets()? { Some(source.keys_of_sealed()?) } else { source.keys()? };
        let Some(ring) = ring else { return Ok(()) };
        let Some(known) = target.keys()? else { return target.adopt(&ring) };
        let key = noted.as_deref().and_then(KeyId::parse).unwrap_or(ring.active);
        if known.holds(&key) || !ring.holds(&key) { Ok(()) } else { Err(target.foreign(&key)) }
    }

    fn list_columns(&mut self, from: &Store, to: &Store) -> Result<()> {
        self.columns.clear();
        self.left_out.clear();
        for &table in &self.tables {
            let known = to.columns(table)?;
            let (both, only): (Vec<_>, Vec<_>) =
                from.columns(table)?.into_iter().partition(|name| known.contains(name) && is_plain(name));
            self.columns.push(both);
            self.left_out.extend(only.into_iter().map(|name| format!("{}.{name}", table.name)));
        }
        Ok(())
    }

    fn copy(&mut self, number: usize, after: i64, from: &Store, to: &mut Store) -> Result<Step> {
        let Some((table, columns)) = self.table(number) else {
            return Ok(Step::Compare(0, i64::MIN));
        };
        let (rows, last) = batch(from, table, columns, after)?;
        if rows != to.rows_between(table, columns, after, last, i64::MAX)? {
            let written = self.write(to, |to| {
                Self::refuse_strays(to, number, table, after, last)?;
                to.set_rows(table, columns, after, last, &rows)?;
                to.set_note(Note::CopiedUpTo, Some(&format!("{number} {last}")))
            });
            if let Err(
                error @ (Error::Store(StoreError::Failed(..))
                | Error::Server(ServerError::ColumnUnfit(..))
                | Error::Store(StoreError::Taken)),
            ) = written
            {
                self.write(to, |to| to.find_refused(table, columns, after, last, &rows))?;
                return Err(error);
            }
            written?;
        }
        self.count(rows.len());
        Ok(if last == i64::MAX { Step::Copy(number + 1, i64::MIN) } else { Step::Copy(number, last) })
    }

    /// Refuses to go on where the copy has a row that it hasn't got from its source: one whose writer had begun before
    /// this store was a copy.
    fn refuse_strays(to: &mut Store, number: usize, table: Table, after: i64, last: i64) -> Result<()> {
        let noted = to.note(Note::CopiedUpTo)?;
        let copied: Option<(usize, i64)> = noted
            .and_then(|noted| noted.split_once(' ').and_then(|(at, key)| Some((at.parse().ok()?, key.parse().ok()?))));
        let after = match copied {
            Some((at, _)) if at > number => return Ok(()),
            Some((at, key)) if at == number => key.max(after),
            _ => after,
        };
        match to.rows_between(table, &[], after, last, 1)?.first() {
            Some(stray) => Err(CopyError::Differs { table: table.name, id: stray.key, column: None }.into()),
            None => Ok(()),
        }
    }

    fn compare(&mut self, number: usize, after: i64, from: &Store, to: &Store) -> Result<Step> {
        let Some((table, columns)) = self.table(number) else {
            return Ok(Step::Open(i64::MIN));
        };
        if !table.is_steady() {
            return Ok(Step::Compare(number + 1, i64::MIN));
        }
        let (rows, last) = batch(from, table, columns, after)?;
        let there = to.rows_between(table, columns, after, last, i64::MAX)?;
        if rows != there {
            return Err(difference(table, columns, &rows, &there));
        }
        self.count(rows.len());
        Ok(if last == i64::MAX { Step::Compare(number + 1, i64::MIN) } else { Step::Compare(number, last) })
    }

    /// Opens each secret of the copy. One that can't be opened in the source either is counted.
    fn open_secrets(&mut self, after: i64, to: &Store) -> Result<Step> {
        let secrets = to.sealed_after(after, i64::try_from(BATCH).unwrap_or(i64::MAX))?;
        let Some(&(last, ..)) = secrets.last() else { return Ok(Step::End) };
        let mut keys = (self.keys.0.keys_of_sealed()?, self.keys.1.keys_of_sealed()?);
        for (_, identifier, sealed) in &secrets {
            match self.keys.1.open(&mut keys.1, sealed, identifier)? {
                Opened::Secret(_) => {}
                Opened::Damaged => self.unreadable += 1,
                Opened::KeyMissing(id) => match self.keys.0.open(&mut keys.0, sealed, identifier)? {
                    Opened::Secret(_) => return Err(self.keys.1.foreign(&id)),
                    Opened::Damaged | Opened::KeyMissing(_) => self.unreadable += 1,
                },
            }
        }
        self.count(secrets.len());
        Ok(Step::Open(last))
    }

    /// Makes a store of the copy.
    fn end(&self, from: &mut Store, to: &mut Store) -> Result<Step> {
        for &table in &self.tables {
            if table.is_steady() && from.count_rows(table)? != to.count_rows(table)? {
                return Err(CopyError::Incomplete(table.name).into());
            }
        }
        let numbered = self.tables.iter().filter(|table| !table.repeats_keys());
        let last = numbered.map(|&table| Ok((table, from.last_id(table)?))).collect::<Result<Vec<_>>>()?;
        let notes = [Note::SealingKey, Note::Rotation].map(|note| Ok((note, from.note_if_any(note)?)));
        let notes = notes.into_iter().collect::<Result<Vec<_>>>()?;
        self.write(to, |to| {
            last.iter().try_for_each(|&(table, id)| to.use_ids_up_to(table, id))?;
            if !self.is_logged {
                let now = Clock::default().now()?;
                let what = format!("Store copied from {}", self.from.name());
                to.log(&LogLine::of_system(&now, About::Everything, &what))?;
            }
            notes.iter().try_for_each(|(note, value)| to.set_note(*note, value.as_deref()))?;
            to.set_note(Note::CopiedUpTo, None)?;
            to.set_note(Note::CopyOf, None)
        })?;
        Ok(Step::Finished)
    }

    fn table(&self, number: usize) -> Option<(Table, &[String])> {
        self.tables.get(number).copied().zip(self.columns.get(number).map(Vec::as_slice))
    }

    fn count(&mut self, done: usize) {
        self.done = self.done.saturating_add(i64::try_from(done).unwrap_or(i64::MAX));
    }

    /// Writes to the copy, as long as it's this one's and unfinished: another may have finished it, and others use it.
    fn write<T>(&self, to: &mut Store, work: impl Fn(&mut Store) -> Result<T>) -> Result<T> {
        write(to, &self.to, &self.settings, |to| {
            if to.note(Note::CopyOf)?.as_ref() != Some(&self.source) {
                return Err(CopyError::TargetNotEmpty.into());
            }
            work(to)
        })
    }

    /// What tells the source from any other store at its place. Nothing where that can't be noted there.
    fn identity(&self, from: &mut Store) -> Result<String> {
        if let Some(known) = from.note_if_any(Note::Identity)? {
            return Ok(known);
        }
        if !from.takes_notes()? {
            return Ok(String::new());
        }
        let mut identity = [0; 16];
        Random::System.fill(&mut identity).map_err(|_| SystemError::NoRandomness)?;
        let identity = base16ct::lower::encode_string(&identity);
        let noted = write(from, &self.from, &self.settings, |from| match from.note(Note::Identity)? {
            None => from.set_note(Note::Identity, Some(&identity)).map(|()| identity.clone()),
            Some(known) => Ok(known),
        });
        match noted {
            Err(error) if takes_no_changes(&error) => Ok(String::new()),
            noted => noted,
        }
    }

    /// Writes into the source that it's copied from now on. Whether it takes that.
    fn log_in_source(&self, from: &mut Store) -> Result<bool> {
        let (now, what) = (Clock::default().now()?, format!("Copy of the store to {} begun", self.to.name()));
        let logged = write(from, &self.from, &self.settings, |from| {
            from.log(&LogLine::of_system(&now, About::Everything, &what))
        });
        match logged {
            Err(error) if takes_no_changes(&error) => Ok(false),
            logged => logged.map(|()| true),
        }
    }

    /// What the source is known by: where it is, without who logs in there, and its identity.
    fn fingerprint(&self, identity: &str) -> String {
        let known = format!("{}\n{identity}", self.from.name());
        base16ct::lower::encode_string(&Sha256::digest(known.as_bytes()))
    }
}

/// The rows after a key, as many as a batch has and all that have the last one's key; and that key, or the greatest of
/// all where nothing is left.
fn batch(from: &Store, table: Table, columns: &[String], after: i64) -> Result<(Vec<TableRow>, i64)> {
    let mut rows = from.rows_between(table, columns, after, i64::MAX, i64::try_from(BATCH).unwrap_or(i64::MAX))?;
    let Some(last) = rows.last().map(|row| row.key).filter(|_| rows.len() >= BATCH) else {
        return Ok((rows, i64::MAX));
    };
    if table.repeats_keys() {
        rows.retain(|row| row.key != last);
        rows.append(&mut from.rows_between(table, columns, last - 1, last, i64::MAX)?);
    }
    Ok((rows, last))
}

/// What is first not the same in a copy.
fn difference(table: Table, columns: &[String], rows: &[TableRow], there: &[TableRow]) -> Error {
    let same = rows.iter().zip(there).take_while(|(row, copy)| row == copy).count();
    let (row, copy) = (rows.get(same), there.get(same));
    let column = row.zip(copy).filter(|(row, copy)| row.key == copy.key).and_then(|(row, copy)| {
        let at = row.columns.iter().zip(&copy.columns).position(|(value, copied)| value != copied)?;
        columns.get(at).cloned()
    });
    let id = row.into_iter().chain(copy).map(|row| row.key).min().unwrap_or(0);
    Error::Copy(CopyError::Differs { table: table.name, id, column })
}

/// The files that a store is opened by.
fn files(place: &Place) -> Vec<PathBuf> {
    match place {
        Place::File { path, .. } => vec![path.clone(), beside(path, ".key")],
        Place::Server(server) => server.ssl_ca.clone().into_iter().collect(),
        Place::Memory => Vec::new(),
    }
}

/// Whether the name of a column needs no more than quotes.
fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ' ')
}

/// Whether a store that can be read takes no changes now.
fn takes_no_changes(error: &Error) -> bool {
    matches!(
        error,
        Error::Server(ServerError::ReadOnly(_) | ServerError::Denied(_))
            | Error::Store(StoreError::ReadOnly(_) | StoreError::Full(_) | StoreError::Locked(..))
    )
}

fn write<T>(
    store: &mut Store,
    place: &Place,
    settings: &Settings,
    work: impl Fn(&mut Store) -> Result<T>,
) -> Result<T> {
    let mut patience = Patience::new(settings.busy_timeout);
    loop {
        match store.write(&work) {
            Ok(Written::Surely(value)) => return Ok(value),
            Ok(Written::Perhaps(_, error)) => return Err(error),
            Err(Error::Store(StoreError::Contended(_))) if patience.pause() => {
                // A file's connection may be in doubt since another process has failed to flush.
                *store = Store::open_to_copy(place, settings)?;
            }
            Err(error) => return Err(error),
        }
    }
}

fn place(position: u32, dsn: &[u8]) -> Result<Place> {
    let must = "the DSN of a store in a file or at a server";
    let dsn = std::str::from_utf8(dsn).map(Dsn::parse).unwrap_or(Dsn::Invalid(DsnFault::Form));
    match Place::named_by(&dsn) {
        Ok(Place::Memory) | Err(Error::Store(StoreError::DsnInvalid(DsnFault::Form) | StoreError::NotConfigured)) => {
            Err(RequestError::Argument { position, must }.into())
        }
        place => place,
    }
}

#[cfg(test)]
mod tests;
