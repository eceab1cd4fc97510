//! Prepared statements, kept as long as their connection.
//!
//! rusqlite's own can't be kept beside the connection that they borrow, only looked up anew for each use, and they copy
//! every value. This seam keeps the handles and lends SQLite the values for as long as a statement runs.
#![allow(unsafe_code, reason = "SQLite's C API for statements; every block says why it is sound")]

use std::cell::RefCell;
use std::ffi::c_int;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use rusqlite::{Connection, Error, Result, ffi};

use crate::store::engine::{self, Bind, RowId};

/// More different statements than there are here: then the host's choices are in them, and they start over.
const MOST: usize = 128;

/// The statements of one connection. They must be dropped before it.
#[derive(Default)]
pub struct Statements(RefCell<Vec<(Box<str>, Statement)>>);

impl Statements {
    /// Runs a statement and reads its rows, as long as `read` wants more of them.
    pub fn run(
        &self,
        connection: &Connection,
        sql: &str,
        values: &[Bind<'_>],
        read: &mut dyn FnMut(&dyn engine::Row) -> bool,
    ) -> Result<()> {
        let mut kept = self.0.borrow_mut();
        let at = kept.iter().position(|(known, _)| **known == *sql);
        let statement = match at.and_then(|at| kept.get(at)) {
            Some((_, statement)) => statement,
            None => {
                if kept.len() >= MOST {
                    kept.clear();
                }
                let statement = Statement::prepare(connection, sql)?;
                kept.push((Box::from(sql), statement));
                kept.last().map(|(_, statement)| statement).ok_or(Error::InvalidQuery)?
            }
        };
        let running = statement.bind(values)?;
        while running.step()? && read(&Row { statement, lent: PhantomData }) {}
        Ok(())
    }
}

/// A statement's handle.
struct Statement(NonNull<ffi::sqlite3_stmt>);

impl Statement {
    fn prepare(connection: &Connection, sql: &str) -> Result<Self> {
        let length = c_int::try_from(sql.len()).map_err(|_| Error::InvalidQuery)?;
        let mut handle = ptr::null_mut();
        // SAFETY: the connection is open, and SQLite reads no more than the length of the SQL.
        let code = unsafe {
            ffi::sqlite3_prepare_v3(
                connection.handle(),
                sql.as_ptr().cast(),
                length,
                ffi::SQLITE_PREPARE_PERSISTENT,
                &raw mut handle,
                ptr::null_mut(),
            )
        };
        check(code)?;
        NonNull::new(handle).map(Self).ok_or(Error::InvalidQuery)
    }

    /// Gives the statement a value for every parameter: then it never sees those of an earlier run, which are gone.
    fn bind<'a>(&'a self, values: &'a [Bind<'a>]) -> Result<Running<'a>> {
        let running = Running(self);
        // SAFETY: the handle is alive as long as `self`.
        let parameters = unsafe { ffi::sqlite3_bind_parameter_count(self.0.as_ptr()) };
        let parameters = usize::try_from(parameters).unwrap_or_default();
        if parameters != values.len() {
            return Err(Error::InvalidParameterCount(values.len(), parameters));
        }
        for (position, value) in (1..).zip(values) {
            // SAFETY: as above. SQLite reads no more than the length of a text, and only while the statement runs: the
            // values outlive `Running`, and the next run replaces them all before its first step.
            check(unsafe {
                match *value {
                    Bind::Int(number) | Bind::Id(RowId::Known(number)) => {
                        ffi::sqlite3_bind_int64(self.0.as_ptr(), position, number)
                    }
                    Bind::Text(text) => ffi::sqlite3_bind_text64(
                        self.0.as_ptr(),
                        position,
                        text.as_ptr().cast(),
                        text.len() as u64,
                        ffi::SQLITE_STATIC(),
                        ffi::SQLITE_UTF8 as u8,
                    ),
                    Bind::Null => ffi::sqlite3_bind_null(self.0.as_ptr(), position),
                    // Only a server leaves an id open.
                    Bind::Id(RowId::New) | Bind::TextAround(..) => ffi::SQLITE_MISUSE,
                }
            })?;
        }
        Ok(running)
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        // SAFETY: the handle is alive, and nobody has it after this.
        unsafe { ffi::sqlite3_finalize(self.0.as_ptr()) };
    }
}

/// A statement with its values, reset when dropped.
struct Running<'a>(&'a Statement);

impl Running<'_> {
    /// Whether there is another row.
    fn step(&self) -> Result<bool> {
        // SAFETY: the handle is alive as long as the statement.
        match unsafe { ffi::sqlite3_step(self.0.0.as_ptr()) } {
            ffi::SQLITE_ROW => Ok(true),
            ffi::SQLITE_DONE => Ok(false),
            code => check(code).map(|()| false),
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // SAFETY: as in `step`. It repeats the fault of the last step, which is known by then.
        unsafe { ffi::sqlite3_reset(self.0.0.as_ptr()) };
    }
}

/// One row of a result.
struct Row<'a> {
    statement: &'a Statement,
    /// A row is gone with the next step.
    lent: PhantomData<&'a Running<'a>>,
}

impl Row<'_> {
    fn kind(&self, column: c_int) -> c_int {
        // SAFETY: a row is there, and SQLite answers any column number.
        unsafe { ffi::sqlite3_column_type(self.statement.0.as_ptr(), column) }
    }
}

impl engine::Row for Row<'_> {
    fn int_or_null(&self, column: usize) -> Option<i64> {
        let number = c_int::try_from(column).ok()?;
        match self.kind(number) {
            // SAFETY: a row is there, and SQLite answers any column number.
            ffi::SQLITE_INTEGER => Some(unsafe { ffi::sqlite3_column_int64(self.statement.0.as_ptr(), number) }),
            ffi::SQLITE_TEXT => self.text(column).trim().parse().ok(),
            _ => None,
        }
    }

    fn bytes(&self, column: usize) -> Option<Vec<u8>> {
        let column = c_int::try_from(column).unwrap_or(c_int::MAX);
        // SAFETY: a row is there, and SQLite answers any column number. What it points to has the length that it tells
        // next, and stays until the column is read again.
        unsafe {
            let text = ffi::sqlite3_column_text(self.statement.0.as_ptr(), column);
            let length = ffi::sqlite3_column_bytes(self.statement.0.as_ptr(), column);
            match usize::try_from(length) {
                Ok(length) if !text.is_null() => Some(std::slice::from_raw_parts(text, length).to_vec()),
                _ => None,
            }
        }
    }
}

fn check(code: c_int) -> Result<()> {
    if code == ffi::SQLITE_OK { Ok(()) } else { Err(Error::SqliteFailure(ffi::Error::new(code), None)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ints(statements: &Statements, connection: &Connection, sql: &str, values: &[Bind<'_>]) -> Result<Vec<i64>> {
        let mut found = Vec::new();
        statements.run(connection, sql, values, &mut |row| {
            found.push(row.int(0));
            true
        })?;
        Ok(found)
    }

    #[test]
    fn a_statement_runs_again_with_other_values() {
        let connection = Connection::open_in_memory().unwrap();
        let statements = Statements::default();
        for number in [7, -1] {
            let found = ints(&statements, &connection, "SELECT ?1 UNION ALL SELECT 2", &[Bind::Int(number)]).unwrap();
            assert_eq!(found, [number, 2]);
        }
        assert_eq!(statements.0.borrow().len(), 1);
    }

    #[test]
    fn a_missing_value_is_refused() {
        let connection = Connection::open_in_memory().unwrap();
        let error = ints(&Statements::default(), &connection, "SELECT ?1, ?2", &[Bind::Int(1)]).unwrap_err();
        assert_eq!(error, Error::InvalidParameterCount(1, 2));
    }

    #[test]
    fn a_fault_leaves_the_statement_usable() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (n INTEGER UNIQUE)").unwrap();
        let statements = Statements::default();
        let insert = |number| ints(&statements, &connection, "INSERT INTO t VALUES (?1)", &[Bind::Int(number)]);
        insert(1).unwrap();
        let code = insert(1).unwrap_err().sqlite_error_code();
        assert_eq!(code, Some(rusqlite::ErrorCode::ConstraintViolation));
        insert(2).unwrap();
    }

    #[test]
    fn columns_are_read_leniently() {
        let connection = Connection::open_in_memory().unwrap();
        let sql = "SELECT ' 12 ', NULL, 3, x'61ff', ?1, 1.5";
        Statements::default()
            .run(&connection, sql, &[Bind::Text("")], &mut |row| {
                assert_eq!((row.int(0), row.int_or_null(1), row.int(2), row.int_or_null(5)), (12, None, 3, None));
                assert_eq!([1, 2, 3, 4, 5].map(|column| row.text(column)), ["", "3", "a\u{fffd}", "", "1.5"]);
                false
            })
            .unwrap();
    }

    #[test]
    fn statements_that_differ_without_end_do_not_pile_up() {
        let connection = Connection::open_in_memory().unwrap();
        let statements = Statements::default();
        for number in 0..2 * i64::try_from(MOST).unwrap() {
            assert_eq!(ints(&statements, &connection, &format!("SELECT {number}"), &[]).unwrap(), [number]);
        }
        assert!(statements.0.borrow().len() <= MOST);
    }
}
