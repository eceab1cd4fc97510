//! How MariaDB and MySQL run a statement: one connection, and as few round trips as the store lets them be.

pub mod client;
mod compound;
mod dialect;
mod fault;
mod schema;
mod session;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::rc::Rc;

use self::client::{Answer, Cells, Rows};
#[cfg(feature = "fuzzing")]
pub use self::dialect::fuzz as fuzz_dialect;
use self::dialect::{NEW_ROW, render};
use self::session::{Fault, ServerSession};
use super::engine::{Bind, DataVersion, Engine, Missing, Row, RowId};
use crate::error::{Error, Location, Result, ServerError, StoreError};
use crate::settings::{Server, Settings};

/// How often something is sent where its session is lost.
const ATTEMPTS: usize = 8;
/// What is pending is sent once it's this long, so that no packet is larger than the least that servers take.
const LONGEST_PENDING: usize = 512 << 10;

/// A connection that is opened when it's first needed, and again when it is lost.
pub struct Mysql {
    server: Server,
    settings: Settings,
    missing: Missing,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    session: Option<ServerSession>,
    /// The session before this one, if it was lost with a commit: what it has stored is known only when it has ended.
    lost: Option<session::Mark>,
    /// Whether a transaction has begun, here if not yet at the server.
    begun: bool,
    /// Whether the server knows of it.
    sent: bool,
    /// Whether the session has answered something since it began.
    answered: bool,
    /// Whether a new session was opened since a server has become read-only.
    moved: bool,
    /// Whether its session waits for no lock meanwhile.
    hasty: bool,
    /// Whether the server has undone it: then nothing may be sent that would be on its own.
    undone: bool,
    /// Statements of the transaction that the server gets with the next one that is asked for an answer.
    pending: Vec<Sql>,
    /// Queries that are only noted: what will be asked.
    noted: Option<Vec<Noted>>,
    /// Queries that were asked ahead, and their rows.
    foreseen: Vec<(String, Rc<Rows>)>,
    /// Changes with everything that may let another change the store.
    version: u64,
    /// The row that was inserted last, once that is answered.
    new_row: Option<i64>,
}

/// A query that will be asked, and whether it locks what it finds.
#[derive(PartialEq, Eq)]
struct Noted {
    sql: String,
    locks: bool,
}

/// What is about to be changed stays as it is until then. Nothing else is locked: the nodes of a cluster know of no
/// locks, and one that waits for them stops the whole of it.
const EXCLUSIVE: &str = " FOR UPDATE";

/// What keeps for how long a session waits for a lock, what has it wait for none, and what takes that back. MySQL can't
/// wait for less than a second.
const PATIENCE_KEPT: &str = "SET @localapi_patience = @@SESSION.innodb_lock_wait_timeout";
const PATIENCE_LOST: &str = "SET SESSION innodb_lock_wait_timeout = IF(version() LIKE '%MariaDB%', 0, 1)";
const PATIENCE_BACK: &str = "SET SESSION innodb_lock_wait_timeout = @localapi_patience";

/// What asking a server gives.
pub type Asked<T> = std::result::Result<T, Fault>;

/// A statement in MySQL's words.
#[derive(Debug, Clone)]
pub struct Sql {
    /// With its values in it.
    pub sql: String,
    /// Whether it inserts the row whose id is asked for later.
    pub inserts: bool,
}

impl From<String> for Sql {
    fn from(sql: String) -> Self {
        Self { sql, inserts: false }
    }
}

impl Sql {
    /// Whether it's answered with rows.
    pub fn is_query(&self) -> bool {
        self.sql.starts_with("SELECT")
    }
}

impl From<&str> for Sql {
    fn from(sql: &str) -> Self {
        Self::from(sql.to_owned())
    }
}

impl Mysql {
    /// Connects, and makes sure that the tables are there.
    pub fn open(server: &Server, settings: &Settings, missing: Missing) -> Result<Self> {
        let session =
            ServerSession::open(server, settings, missing).map_err(|fault| fault.into_error(server, settings))?;
        let state = RefCell::new(State { session: Some(session), ..State::default() });
        Ok(Self { server: server.clone(), settings: settings.clone(), missing, state })
    }

    /// Sends what is pending and then these, and returns the answers to these.
    fn ask(&self, statements: Vec<Sql>) -> Result<Vec<Answer>> {
        let state = &mut *self.state.borrow_mut();
        if state.undone {
            return Err(StoreError::Contended(Location::Server(self.server.place())).into());
        }
        let asked = statements.len();
        state.pending.extend(statements);
        let packet = std::mem::take(&mut state.pending);
        let mut answers = self.send_all(state, &packet);
        for _ in 1..ATTEMPTS {
            // The server knows nothing yet that was lost with the session.
            if state.sent || answers.as_ref().err() != Some(&Fault::Lost) {
                break;
            }
            answers = self.send_all(state, &packet);
        }
        if state.sent && answers.as_ref().err() == Some(&Fault::Lost) {
            // The server undoes what wasn't committed, so all of it can be done again.
            answers = Err(Fault::Contended);
        }
        let mut answers = answers.map_err(|fault| {
            let fault = Self::move_on(state, fault);
            state.undone = state.begun && (state.session.is_none() || fault == Fault::Contended);
            // The statements before the one that failed have run.
            state.sent = state.begun;
            fault.into_error(&self.server, &self.settings)
        })?;
        state.sent = state.begun;
        Ok(answers.split_off(answers.len().saturating_sub(asked)))
    }

    fn send_all(&self, state: &mut State, packet: &[Sql]) -> Asked<Vec<Answer>> {
        let mut answers = Vec::with_capacity(packet.len());
        self.send(state, packet, &mut answers).map(|()| answers)
    }

    /// Sends statements at once, over a new session where there is none. What was answered before a fault is in
    /// `answers`, too.
    fn send(&self, state: &mut State, packet: &[Sql], answers: &mut Vec<Answer>) -> Asked<()> {
        let mut session = match state.session.take() {
            Some(session) => session,
            None => self.reconnect(state)?,
        };
        let done = session.send(packet, answers);
        if !done.as_ref().is_err_and(Fault::ends_session) {
            state.session = Some(session);
        }
        for (statement, answer) in packet.iter().zip(answers.iter()) {
            if statement.inserts {
                state.new_row = Some(answer.new_id);
            }
        }
        state.answered = done.is_ok();
        done
    }

    fn reconnect(&self, state: &mut State) -> Asked<ServerSession> {
        let mut session = ServerSession::again(&self.server, &self.settings, self.missing)?;
        if let Some(lost) = &state.lost {
            match session.wait_for_end_of(lost) {
                // Until then nobody may look, or write it again.
                Err(fault) if fault != Fault::Unanswered => return Err(fault),
                waited => {
                    state.lost = None;
                    waited?;
                }
            }
        }
        Ok(session)
    }

    fn look(&self, mut sql: String, locks: bool, read: &mut dyn FnMut(&dyn Row) -> bool) -> Result<()> {
        let foreseen = {
            let state = &mut *self.state.borrow_mut();
            if let Some(noted) = &mut state.noted {
                let query = Noted { sql, locks };
                if !noted.contains(&query) {
                    noted.push(query);
                }
                return Ok(());
            }
            let found = state.foreseen.iter().find(|(known, _)| *known == sql).map(|(_, rows)| Rc::clone(rows));
            if state.begun && locks {
                sql.push_str(EXCLUSIVE);
            }
            found
        };
        let rows = match foreseen {
            Some(rows) => rows,
            None => self.ask(vec![sql.into()])?.pop().map(|answer| Rc::new(answer.rows)).unwrap_or_default(),
        };
        let _ = rows.iter().all(|row| read(&row));
        Ok(())
    }

    /// Where a server has become read-only since the session was opened, another may take changes now: all is made again
    /// over a new session, once.
    fn move_on(state: &mut State, fault: Fault) -> Fault {
        state.moved = fault.is_read_only() && !state.moved;
        if !state.moved {
            return fault;
        }
        state.session = None;
        Fault::Contended
    }

    /// Commits, and asks something after that; `None` where that has no answer.
    fn commit_and(&mut self, then: Vec<Sql>) -> Result<Option<Answer>> {
        let state = self.state.get_mut();
        if !state.sent {
            if state.pending.len() <= 1 {
                // Nothing was asked or done since it began.
                Self::end(state);
                return Ok(Some(Answer::default()));
            }
            if !state.answered {
                // A session that was lost is better found now than with the commit.
                let rest = state.pending.split_off(1);
                self.ask(Vec::new())?;
                self.state.get_mut().pending = rest;
            }
        }
        let state = &mut *self.state.borrow_mut();
        if state.undone {
            return Err(StoreError::Contended(Location::Server(self.server.place())).into());
        }
        let mut packet = std::mem::take(&mut state.pending);
        let commit = packet.len();
        packet.push("COMMIT".into());
        packet.extend(then);
        let mark = state.session.as_ref().map(ServerSession::mark);
        let mut answers = Vec::with_capacity(packet.len());
        let done = self.send(state, &packet, &mut answers);
        let answered = answers.len();
        match done {
            Err(fault)
                if answered < commit && fault.ends_session() && fault != Fault::Ended
                    || answered == commit && fault.leaves_open() =>
            {
                // The end of the session ends what it does.
                state.session = None;
                state.lost = mark;
                Err(ServerError::CommitUnanswered(self.server.place()).into())
            }
            Err(fault) if answered <= commit => {
                Err(Self::move_on(state, fault).into_error(&self.server, &self.settings))
            }
            _ => {
                state.moved = false;
                Self::end(state);
                Ok(answers.into_iter().nth(commit + 1))
            }
        }
    }

    fn end(state: &mut State) {
        state.begun = false;
        state.sent = false;
        state.answered = false;
        state.undone = false;
        state.pending.clear();
        state.foreseen.clear();
        state.noted = None;
        state.version += 1;
    }
}

impl Engine for Mysql {
    fn query(&self, sql: &str, values: &[Bind<'_>], read: &mut dyn FnMut(&dyn Row) -> bool) -> Result<()> {
        self.look(render(sql, values), false, read)
    }

    fn query_to_change(&self, sql: &str, values: &[Bind<'_>], read: &mut dyn FnMut(&dyn Row) -> bool) -> Result<()> {
        self.look(render(sql, values), true, read)
    }

    fn execute(&self, sql: &str, values: &[Bind<'_>]) -> Result<()> {
        let pending: usize = self.state.borrow().pending.iter().map(|statement| statement.sql.len()).sum();
        if pending > LONGEST_PENDING {
            self.ask(Vec::new())?;
        }
        let begun = {
            let state = &mut *self.state.borrow_mut();
            state.foreseen.clear();
            state.pending.push(render(sql, values).into());
            state.begun
        };
        if begun { Ok(()) } else { self.ask(Vec::new()).map(drop) }
    }

    fn change(&self, sql: &str, values: &[Bind<'_>]) -> Result<usize> {
        self.state.borrow_mut().foreseen.clear();
        let answers = self.ask(vec![render(sql, values).into()])?;
        Ok(answers.last().map_or(0, |answer| answer.changed))
    }

    fn insert(&self, sql: &str, values: &[Bind<'_>]) -> Result<RowId> {
        self.execute(sql, values)?;
        let state = &mut *self.state.borrow_mut();
        state.new_row = None;
        if let Some(insert) = state.pending.last_mut() {
            insert.inserts = true;
        }
        state.pending.push(format!("SET {NEW_ROW} = LAST_INSERT_ID()").into());
        Ok(RowId::New)
    }

    fn insert_now(&self, sql: &str, values: &[Bind<'_>]) -> Result<i64> {
        self.state.borrow_mut().foreseen.clear();
        let answers = self.ask(vec![render(sql, values).into()])?;
        Ok(answers.last().map_or(0, |answer| answer.new_id))
    }

    fn id(&self, row: RowId) -> Option<i64> {
        match row {
            RowId::Known(id) => Some(id),
            RowId::New => self.state.borrow().new_row,
        }
    }

    fn begin(&self) -> Result<()> {
        let state = &mut *self.state.borrow_mut();
        if !state.begun {
            Self::end(state);
            state.begun = true;
            state.pending.push("START TRANSACTION".into());
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<Option<DataVersion>> {
        self.commit_and(Vec::new()).map(|_| None)
    }

    fn commit_and_query(
        &mut self,
        sql: &str,
        values: &[Bind<'_>],
        read: &mut dyn FnMut(&dyn Row) -> bool,
    ) -> Result<Option<DataVersion>> {
        match self.commit_and(vec![render(sql, values).into()])? {
            Some(answer) => {
                let _ = answer.rows.iter().all(|row| read(&row));
                Ok(None)
            }
            None => self.query(sql, values, read).map(|()| None),
        }
    }

    fn begin_at_once(&self) -> Result<bool> {
        self.begin()?;
        let state = &mut *self.state.borrow_mut();
        state.hasty = true;
        state.pending.extend([PATIENCE_KEPT, PATIENCE_LOST].map(Sql::from));
        Ok(true)
    }

    fn commit_unflushed(&mut self) -> Result<()> {
        self.execute(PATIENCE_BACK, &[])?;
        // Here it's the server that says what is flushed.
        self.commit()?;
        self.state.get_mut().hasty = false;
        Ok(())
    }

    fn rollback(&self) {
        let state = &mut *self.state.borrow_mut();
        if std::mem::take(&mut state.hasty) {
            // Its end undoes all of it.
            state.session = None;
        }
        let open = state.begun && state.sent;
        Self::end(state);
        if open && state.session.is_some() && self.send_all(state, &["ROLLBACK".into()]).is_err() {
            // Its end undoes it.
            state.session = None;
        }
    }

    fn data_version(&self) -> Result<DataVersion> {
        let state = &mut *self.state.borrow_mut();
        if !state.begun {
            state.version += 1;
        }
        Ok(DataVersion::Count(state.version))
    }

    fn columns(&self, table: &str) -> Result<Vec<String>> {
        let mut columns = Vec::new();
        let sql = "SELECT lower(column_name) FROM information_schema.columns \
                   WHERE table_schema = DATABASE() AND table_name = ?1 AND coalesce(generation_expression, '') = '' \
                   ORDER BY ordinal_position";
        self.query(sql, &[Bind::Text(table)], &mut |row| {
            columns.push(row.text(0));
            true
        })?;
        Ok(columns)
    }

    fn last_id(&self, table: &str) -> Result<i64> {
        // MySQL would tell what it has seen at some time today; MariaDB has no such setting.
        match self.ask(vec!["SET SESSION information_schema_stats_expiry = 0".into()]) {
            Ok(_) | Err(Error::Store(StoreError::Failed(..))) => {}
            Err(error) => return Err(error),
        }
        let mut next = 0;
        let sql = "SELECT auto_increment FROM information_schema.tables \
                   WHERE table_schema = DATABASE() AND table_name = ?1";
        self.query(sql, &[Bind::Text(table)], &mut |row| {
            next = row.int(0);
            false
        })?;
        Ok((next - 1).max(0))
    }

    fn changes_so_far(&self) -> u64 {
        0
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn foresee(&self) {
        self.state.borrow_mut().noted = Some(Vec::new());
    }

    fn fetch(&self, writes: bool) -> Result<()> {
        let noted = self.state.borrow_mut().noted.take().unwrap_or_default();
        let begins = writes && noted.iter().any(|noted| noted.locks);
        if begins {
            self.begin()?;
        }
        let statement = |noted: &Noted| match begins && noted.locks {
            true => Sql::from(format!("{}{EXCLUSIVE}", noted.sql)),
            false => Sql::from(noted.sql.clone()),
        };
        let answers = self.ask(noted.iter().map(statement).collect())?;
        if writes && !begins {
            // What locks nothing is read before the transaction: it begins with what is written.
            self.begin()?;
            self.state.borrow_mut().answered = true;
        }
        let rows = answers.into_iter().map(|answer| Rc::new(answer.rows));
        self.state.borrow_mut().foreseen = noted.into_iter().map(|noted| noted.sql).zip(rows).collect();
        Ok(())
    }
}

impl Row for Cells<'_> {
    fn bytes(&self, column: usize) -> Option<Vec<u8>> {
        self.get(column)?.map(<[u8]>::to_vec)
    }

    fn int_or_null(&self, column: usize) -> Option<i64> {
        let text = (*self.get(column)?)?;
        std::str::from_utf8(text).ok()?.trim().parse().ok()
    }
}
