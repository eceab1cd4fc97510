//! What the store needs of a database. Statements are written once, in SQLite's SQL; an engine that speaks another
//! dialect translates them.

use super::fixture::Kind;
use super::sqlite::IndexHeader;
use crate::error::{Result, StoreError};

/// A value that a statement is given.
#[derive(Debug, Clone, Copy)]
pub enum Bind<'a> {
    /// A whole number.
    Int(i64),
    /// Text.
    Text(&'a str),
    /// SQL's null.
    Null,
    /// A row's id.
    Id(RowId),
    /// Text with a row's id in the middle.
    #[cfg_attr(not(feature = "mysql"), allow(dead_code, reason = "a file tells a row's id at once"))]
    TextAround(&'a str, RowId, &'a str),
}

/// The id of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowId {
    /// This one.
    Known(i64),
    /// The row that this transaction has inserted last: a server tells its id when the transaction is committed.
    New,
}

/// Tells what is committed to a database from what was before, and from what will be: another one after each change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataVersion {
    /// The header of a log's index.
    Log(IndexHeader),
    /// A count, where there is none. It grows where anything may have changed.
    Count(u64),
}

/// What becomes of a store, or of tables, that are missing where one is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// They are made.
    Made,
    /// It's looked at as it is.
    Left,
    /// That's an error: what is to be done makes no sense with a new one.
    Refused,
}

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It only reads. Where its place has come to name another store, it may see that a second late.
    Read,
    /// It may write.
    Write,
}

/// One row of a result. Columns are read leniently: hosts write these tables too, and SQLite keeps what it's given.
pub trait Row {
    /// A column as it is; `None` where it's null.
    fn bytes(&self, column: usize) -> Option<Vec<u8>>;

    /// A column as a whole number; `None` where it's none.
    fn int_or_null(&self, column: usize) -> Option<i64>;

    /// A column as text; empty where it's null.
    fn text(&self, column: usize) -> String {
        let bytes = self.bytes(column).unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// A column as a whole number; 0 where it's none.
    fn int(&self, column: usize) -> i64 {
        self.int_or_null(column).unwrap_or(0)
    }
}

/// A connection to a database.
pub trait Engine {
    /// Runs a statement and reads its rows, as long as `read` wants more of them.
    fn query(&self, sql: &str, values: &[Bind<'_>], read: &mut dyn FnMut(&dyn Row) -> bool) -> Result<()>;

    /// Runs a query in a transaction that is about to change the rows it finds: no other one reads them for the same end
    /// meanwhile.
    fn query_to_change(&self, sql: &str, values: &[Bind<'_>], read: &mut dyn FnMut(&dyn Row) -> bool) -> Result<()> {
        self.query(sql, values, read)
    }

    /// Runs a statement in a transaction. A server may get it as late as with the commit.
    fn execute(&self, sql: &str, values: &[Bind<'_>]) -> Result<()>;

    /// Runs a statement now; returns how many rows it has changed.
    fn change(&self, sql: &str, values: &[Bind<'_>]) -> Result<usize>;

    /// Inserts a row in a transaction, as late as `execute`. Where a unique column has the value already, this or the
    /// commit fails with [`StoreError::Taken`](crate::error::StoreError::Taken).
    fn insert(&self, sql: &str, values: &[Bind<'_>]) -> Result<RowId>;

    /// Inserts a row now and returns its id.
    fn insert_now(&self, sql: &str, values: &[Bind<'_>]) -> Result<i64>;

    /// The id of the row that `insert` has inserted last, once it's committed; `None` where the answer that had it was
    /// lost.
    fn id(&self, row: RowId) -> Option<i64>;

    /// Begins a transaction in which nobody else changes what is read; one that was begun ahead goes on.
    fn begin(&self) -> Result<()>;

    /// Begins a transaction for which no other writer is waited; `false` where one would have to be.
    fn begin_at_once(&self) -> Result<bool>;

    /// Ends such a transaction. Its rows last once the next transaction's do.
    fn commit_unflushed(&mut self) -> Result<()>;

    /// Ends the transaction: its rows are as durable as was asked for once this returns. The version that it has made;
    /// `None` where others may have changed the store since.
    fn commit(&mut self) -> Result<Option<DataVersion>>;

    /// Commits, and reads what is there then, where others may have changed it since this transaction has read it.
    fn commit_and_query(
        &mut self,
        _sql: &str,
        _values: &[Bind<'_>],
        _read: &mut dyn FnMut(&dyn Row) -> bool,
    ) -> Result<Option<DataVersion>> {
        self.commit()
    }

    /// Undoes the transaction, if one is open still: some faults have ended it already.
    fn rollback(&self);

    /// Which version of the data is committed.
    fn data_version(&self) -> Result<DataVersion>;

    /// Makes sure that what this connection has read is as durable as what it commits: another may have written it, and
    /// wait for it to last.
    fn make_last(&self) -> Result<()> {
        Ok(())
    }

    /// The names of the columns that a table keeps; none where there is no such table.
    fn columns(&self, table: &str) -> Result<Vec<String>>;

    /// The greatest id that a row of a table has ever had, where the database numbers its rows.
    fn last_id(&self, table: &str) -> Result<i64>;

    /// Whether the place still names what is open here, for a call with this purpose.
    fn is_current(&self, _: Purpose) -> bool {
        true
    }

    /// Whether the content ends with this connection.
    fn is_memory(&self) -> bool {
        false
    }

    /// Gives a store in memory a name under which others in this process reach it by SQLite, a URI, and the tables of
    /// WHMCS.
    fn share(&mut self) -> Result<String> {
        Err(StoreError::NotInMemory.into())
    }

    /// Adds a column to a table of the sandbox, for such values. The name must be one.
    fn add_column(&mut self, _table: &str, _column: &str, _kind: Kind) -> Result<()> {
        Ok(())
    }

    /// Makes the sandbox's tables new where it isn't enough to take their rows away. Whether it has.
    fn make_new(&mut self) -> Result<bool> {
        Ok(false)
    }

    /// How many rows this connection has changed since it was opened.
    fn changes_so_far(&self) -> u64;

    /// After a request: does what the next one needn't wait for.
    fn tidy(&mut self) {}

    /// Frees what it can of a disk that is full. Whether that is worth to try again.
    fn make_room(&mut self) -> Result<bool> {
        Ok(false)
    }

    /// Whether each statement costs a round trip to a server: then `foresee` saves some.
    fn is_remote(&self) -> bool {
        false
    }

    /// From now on queries find nothing and are only noted, until `fetch`.
    fn foresee(&self) {}

    /// Asks all that was noted at once, in a transaction where `writes` says that one will be needed. The same queries
    /// get their answers from it, until the transaction ends.
    fn fetch(&self, _writes: bool) -> Result<()> {
        Ok(())
    }
}

impl dyn Engine {
    /// The first row of a result.
    pub fn row<T>(&self, sql: &str, values: &[Bind<'_>], mut read: impl FnMut(&dyn Row) -> T) -> Result<Option<T>> {
        let mut found = None;
        self.query(sql, values, &mut |row| {
            found = Some(read(row));
            false
        })?;
        Ok(found)
    }

    /// The first row of a result that the transaction is about to change.
    pub fn row_to_change<T>(
        &self,
        sql: &str,
        values: &[Bind<'_>],
        mut read: impl FnMut(&dyn Row) -> T,
    ) -> Result<Option<T>> {
        let mut found = None;
        self.query_to_change(sql, values, &mut |row| {
            found = Some(read(row));
            false
        })?;
        Ok(found)
    }

    /// All rows of a result.
    pub fn rows<T>(&self, sql: &str, values: &[Bind<'_>], mut read: impl FnMut(&dyn Row) -> T) -> Result<Vec<T>> {
        let mut found = Vec::new();
        self.query(sql, values, &mut |row| {
            found.push(read(row));
            true
        })?;
        Ok(found)
    }
}
