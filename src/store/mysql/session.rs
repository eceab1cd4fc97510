//! One session at the server.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::client::{Answer, Connection};
pub use super::fault::Fault;
use super::schema::{Definition, TABLES};
use super::{Sql, compound};
use crate::random::Random;
use crate::settings::{Server, Settings};
use crate::store::engine::Missing;
use crate::store::seed::SEEDS;

/// The variables that tell what kind of server it is.
const KIND: [&str; 3] = ["version", "wsrep_on", "wsrep_cluster_address"];

/// Variables of a server, by their names.
struct Variables(BTreeMap<String, String>);

impl Variables {
    fn of(answer: Option<&Answer>) -> Self {
        let text = |cell: &[u8]| String::from_utf8_lossy(cell).into_owned();
        let rows = answer.into_iter().flat_map(|answer| answer.rows.iter());
        let pairs = rows.filter_map(|row| match row.as_slice() {
            [Some(name), Some(value)] => Some((text(name).to_ascii_lowercase(), text(value))),
            _ => None,
        });
        Self(pairs.collect())
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// What tells the server from others.
    fn identity(&self) -> String {
        IDENTITY.map(|name| self.text(name)).join("\n")
    }
}

/// The lock that one session has while it makes the tables.
const MAKING: &str = "localapi tables";
/// A server that lacks several statements in one packet, or a proxy before it, calls them a syntax error.
const SYNTAX: u16 = 1064;

/// A session.
pub struct ServerSession {
    connection: Connection,
    mark: Mark,
    packets: Packets,
    /// For how many seconds the server may wait.
    longest_wait: u64,
    /// For how many of them it waits for a lock.
    patience: u64,
    /// The tables that it needs.
    tables: &'static [Definition],
}

/// How several statements are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packets {
    /// All in one packet.
    Several,
    /// As one compound statement.
    Compound,
    /// Each in a packet of its own.
    One,
}

/// What tells of a session whether it has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// A lock that nobody else has.
    lock: String,
    /// What tells the server from others, as far as it says: locks are each server's own. Empty where it has none.
    server: String,
}

/// The variables that tell one server from another, of which each server has some. Machines, ports and ids may be the
/// same in two containers, and all of them again in the nodes of a cluster.
const IDENTITY: [&str; 10] = [
    "hostname",
    "port",
    "socket",
    "datadir",
    "server_id",
    "server_uuid",
    "server_uid",
    "wsrep_node_name",
    "wsrep_node_address",
    "wsrep_node_incoming_address",
];

impl ServerSession {
    /// Logs in, and makes the tables where they are missing.
    pub fn open(server: &Server, settings: &Settings, missing: Missing) -> Result<Self, Fault> {
        Self::over(server, settings, missing, TABLES)
    }

    /// Does so with these tables.
    pub fn over(
        server: &Server,
        settings: &Settings,
        missing: Missing,
        tables: &'static [Definition],
    ) -> Result<Self, Fault> {
        let connection = Connection::open(server).map_err(Fault::of_opening)?;
        let mut bytes = [0; 16];
        Random::System.fill(&mut bytes).map_err(|_| Fault::Lost)?;
        let lock = format!("localapi {}", base16ct::lower::encode_string(&bytes));
        let longest_wait = server.longest_wait().as_secs();
        let patience = settings.busy_timeout.as_millis().div_ceil(1_000).clamp(1, longest_wait.into());
        let patience = u64::try_from(patience).unwrap_or(longest_wait);
        let mark = Mark { lock, server: String::new() };
        let mut session = Self { connection, mark, packets: Packets::Several, longest_wait, patience, tables };
        session.configure()?;
        match missing {
            Missing::Made => session.require_tables()?,
            Missing::Left => {}
            Missing::Refused => match session.missing()? {
                Some(Fault::TableOlder(..)) => session.require_tables()?,
                // A store that is older than these tables.
                Some(Fault::TableMissing(table)) if table.starts_with("localapi_") && table != "localapi_store" => {
                    session.require_tables()?;
                }
                missing => missing.map_or(Ok(()), Err)?,
            },
        }
        Ok(session)
    }

    /// Logs in after a session was lost: a server that restarts is waited for.
    pub fn again(server: &Server, settings: &Settings, missing: Missing) -> Result<Self, Fault> {
        let deadline = Instant::now() + settings.busy_timeout;
        loop {
            match Self::open(server, settings, missing) {
                Err(Fault::Unreachable(_) | Fault::Lost | Fault::Code(1047)) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                done => return done,
            }
        }
    }

    /// What to know it by after its end.
    pub fn mark(&self) -> Mark {
        self.mark.clone()
    }

    /// Waits until another session has ended: then all is stored that it has stored. Where it takes too long, because it
    /// waits itself or the server doesn't know that its client is gone, it's ended.
    pub fn wait_for_end_of(&mut self, other: &Mark) -> Result<(), Fault> {
        if other.server != self.mark.server || other.server.is_empty() {
            return Err(Fault::Unanswered);
        }
        if self.has_ended(other, self.patience)? {
            return Ok(());
        }
        self.kill(other)?;
        if self.has_ended(other, self.longest_wait)? { Ok(()) } else { Err(Fault::Unanswered) }
    }

    /// Whether another session has ended, or does within so many seconds.
    fn has_ended(&mut self, other: &Mark, seconds: u64) -> Result<bool, Fault> {
        let wait = format!("SELECT GET_LOCK('{}', {seconds})", other.lock);
        let answers = self.ask(&[wait.into()])?;
        match first_text(&answers, 0).as_str() {
            "1" => self.ask(&[format!("DO RELEASE_LOCK('{}')", other.lock).into()]).map(|_| true),
            "0" => Ok(false),
            // Null: the server has ended the wait, as it ends sessions.
            _ => Err(Fault::Lost),
        }
    }

    fn kill(&mut self, other: &Mark) -> Result<(), Fault> {
        let answers = self.ask(&[format!("SELECT IS_USED_LOCK('{}')", other.lock).into()])?;
        let Ok(number) = first_text(&answers, 0).parse::<u64>() else { return Ok(()) };
        // As a prepared statement, which no proxy takes for one about its own sessions.
        for sql in [format!("PREPARE localapi_kill FROM 'KILL {number}'"), "EXECUTE localapi_kill".to_owned()] {
            match self.ask(&[sql.into()]) {
                // It has just ended.
                Ok(_) | Err(Fault::Code(_)) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    /// Sends statements and reads all their answers. The first that fails is the last that runs.
    pub fn ask(&mut self, statements: &[Sql]) -> Result<Vec<Answer>, Fault> {
        let mut answers = Vec::with_capacity(statements.len());
        self.send(statements, &mut answers).map(|()| answers)
    }

    /// Does so, and puts the answers of those before a fault into `answers`, too.
    pub fn send(&mut self, statements: &[Sql], answers: &mut Vec<Answer>) -> Result<(), Fault> {
        if self.packets == Packets::Compound && statements.len() > 1 {
            return self.send_compound(statements, answers);
        }
        let at_once = if self.packets == Packets::One { 1 } else { statements.len().max(1) };
        for packet in statements.chunks(at_once) {
            let texts: Vec<&str> = packet.iter().map(|statement| statement.sql.as_str()).collect();
            self.connection.query_into(answers, &texts.join("; "), packet.len()).map_err(Fault::of)?;
        }
        // Otherwise nobody knows which statement an answer is to.
        if answers.len() == statements.len() { Ok(()) } else { Err(Fault::Malformed) }
    }

    fn send_compound(&mut self, statements: &[Sql], answers: &mut Vec<Answer>) -> Result<(), Fault> {
        let mut told = Vec::with_capacity(statements.len() + 1);
        let done = self.connection.query_into(&mut told, &compound::text(statements), statements.len() + 1);
        let count = told.len();
        answers.extend(statements.iter().zip(told).map(|(statement, told)| compound::answer(statement, told)));
        match done.map_err(Fault::of) {
            // A node that ends a transaction while it reads a host's trigger says that the trigger has a mistake.
            Err(Fault::Code(SYNTAX)) => return Err(Fault::Ended),
            done => done?,
        }
        if count == statements.len() + 1 { Ok(()) } else { Err(Fault::Malformed) }
    }

    fn configure(&mut self) -> Result<(), Fault> {
        let seconds = self.patience;
        let statements = [
            "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,\
             NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO,PIPES_AS_CONCAT', time_zone = '+00:00', \
             group_concat_max_len = 65536, autocommit = 1, sql_select_limit = 18446744073709551615"
                .to_owned(),
            // Locks of rows, and locks of whole tables.
            format!("SET SESSION innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}"),
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED".to_owned(),
            "SET NAMES utf8mb4".to_owned(),
            // A server has but some of them.
            format!("SHOW SESSION VARIABLES WHERE variable_name IN ({})", list(KIND.into_iter().chain(IDENTITY))),
        ];
        let statements = statements.map(Sql::from);
        let answers = match self.ask(&statements) {
            Err(Fault::Code(SYNTAX)) => {
                self.packets = Packets::One;
                self.ask(&statements)?
            }
            answers => answers?,
        };
        let variables = Variables::of(answers.last());
        let version = variables.text("version");
        if gives_ids_again(version) {
            return Err(Fault::TooOld(version.to_owned()));
        }
        if variables.text("wsrep_on") == "ON" && !variables.text("wsrep_cluster_address").is_empty() {
            self.packets = match self.packets {
                Packets::Several if is_mariadb(version) => Packets::Compound,
                _ => Packets::One,
            };
            // The node would run again what has answered in part.
            self.ask(&["SET SESSION wsrep_retry_autocommit = 0".into()])?;
        }
        // Some clusters refuse such locks: then nobody can tell when a session has ended.
        match self.ask(&[format!("SELECT GET_LOCK('{}', 0)", self.mark.lock).into()]) {
            Ok(answers) if first_text(&answers, 0) == "1" => self.mark.server = variables.identity(),
            Ok(_) | Err(Fault::Code(_)) => {}
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    fn require_tables(&mut self) -> Result<(), Fault> {
        match self.missing()? {
            None => return Ok(()),
            // A host's table is left to the host.
            Some(Fault::TableMissing(_) | Fault::TableOlder(..)) => {}
            Some(fault) => return Err(fault),
        }
        // Some clusters refuse such locks. Making a table twice does no harm.
        match self.ask(&[format!("SELECT GET_LOCK('{MAKING}', {})", self.longest_wait).into()]) {
            Ok(_) | Err(Fault::Code(_)) => {}
            Err(fault) => return Err(fault),
        }
        let made = self.make_tables();
        match self.ask(&[format!("DO RELEASE_LOCK('{MAKING}')").into()]) {
            Err(fault) if fault.ends_session() => Err(fault),
            _ => made,
        }
    }

    fn make_tables(&mut self) -> Result<(), Fault> {
        if self.missing()?.is_none() {
            return Ok(());
        }
        let finished = self.tables.last().map_or("", |table| table.name);
        for table in self.tables {
            if table.name == finished {
                self.seed()?;
            }
            match self.ask(&[table.create().into()]) {
                // Not allowed, or read-only: what is missing is told then.
                Err(Fault::Code(1044 | 1142 | 1290 | 1792 | 1836)) => {}
                made => drop(made?),
            }
        }
        let mut missing = self.missing()?;
        while let Some(Fault::TableOlder(_, statement)) = &missing {
            match self.ask(&[statement.as_str().into()]) {
                // Not allowed, or another node was faster: whether it's there is seen then.
                Err(Fault::Code(1044 | 1060 | 1061 | 1142 | 1290 | 1792 | 1836)) => {}
                changed => drop(changed?),
            }
            let next = self.missing()?;
            if next == missing {
                break;
            }
            missing = next;
        }
        missing.map_or(Ok(()), Err)
    }

    /// Gives the tables of a new store the rows that it begins with.
    fn seed(&mut self) -> Result<(), Fault> {
        for (table, seed) in SEEDS {
            let answers = match self.ask(&[format!("SELECT EXISTS (SELECT 1 FROM {table})").into()]) {
                // It couldn't be made, which is told then.
                Err(Fault::Code(1142 | 1146)) => continue,
                answers => answers?,
            };
            if first_text(&answers, 0) == "0" {
                match self.ask(&[seed.into()]) {
                    // Another node of a cluster was faster.
                    Ok(_) | Err(Fault::Code(1062)) => {}
                    Err(fault) => return Err(fault),
                }
            }
        }
        Ok(())
    }

    /// The first table of ours that is of another version, or else the first column that a table lacks, or the first table
    /// that has no transactions, or that isn't there.
    fn missing(&mut self) -> Result<Option<Fault>, Fault> {
        let names = list(self.tables.iter().map(|table| table.name));
        let ours = format!("table_schema = DATABASE() AND lower(table_name) IN ({names})");
        let columns =
            format!("SELECT lower(table_name), lower(column_name) FROM information_schema.columns WHERE {ours}");
        let engines = format!(
            "SELECT lower(table_name), engine FROM information_schema.tables WHERE {ours} AND engine NOT IN \
             (SELECT engine FROM information_schema.engines WHERE transactions = 'YES')"
        );
        let comments = format!("SELECT lower(table_name), table_comment FROM information_schema.tables WHERE {ours}");
        let answers = self.ask(&[columns.into(), engines.into(), comments.into()])?;
        let pairs = |number: usize| -> Vec<(&[u8], &[u8])> {
            let rows = answers.get(number).into_iter().flat_map(|answer| answer.rows.iter());
            rows.filter_map(|row| match row.as_slice() {
                [Some(first), Some(second)] => Some((*first, *second)),
                _ => None,
            })
            .collect()
        };
        let (found, unfit, comments) = (pairs(0), pairs(1), pairs(2));
        let other_version = self.tables.iter().find_map(|table| {
            let (_, comment) = comments.iter().find(|(name, _)| *name == table.name.as_bytes())?;
            let version = Definition::version_of(&String::from_utf8_lossy(comment))?;
            match table.step_from(version) {
                Some(step) => Some(Fault::TableOlder(table.name, step)),
                None if version == table.version() => None,
                None => Some(Fault::TableNewer(table.name, version, table.version())),
            }
        });
        let without_transactions = self.tables.iter().find_map(|table| {
            let (_, engine) = unfit.iter().find(|(name, _)| *name == table.name.as_bytes())?;
            Some(Fault::WithoutTransactions(table.name, String::from_utf8_lossy(engine).into_owned()))
        });
        let is_there = |table: &Definition| found.iter().any(|(name, _)| *name == table.name.as_bytes());
        let lacks = |table: &Definition| {
            let has = |column: &str| found.contains(&(table.name.as_bytes(), column.as_bytes()));
            table.columns.iter().find(|column| !has(column)).map(|column| Fault::ColumnMissing(table.name, column))
        };
        let column = self.tables.iter().filter(|table| is_there(table)).find_map(lacks);
        let table = self.tables.iter().find(|table| !is_there(table)).map(|table| Fault::TableMissing(table.name));
        Ok(other_version.or(column).or(without_transactions).or(table))
    }
}

/// Whether a server of this version gives ids of deleted rows again when it was restarted: MySQL before 8.0
/// ("InnoDB AUTO_INCREMENT Counter Initialization"), MariaDB before 10.2.4 ("AUTO_INCREMENT Handling in InnoDB").
fn gives_ids_again(version: &str) -> bool {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse::<u32>().ok());
    let [Some(major), Some(minor), patch] = [numbers.next(), numbers.next(), numbers.next()] else { return false };
    let first = if is_mariadb(version) { (10, 2, 4) } else { (8, 0, 0) };
    (major, minor, patch.unwrap_or(0)) < first
}

fn is_mariadb(version: &str) -> bool {
    version.to_ascii_lowercase().contains("mariadb")
}

/// Names between quotes.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

fn first_text(answers: &[Answer], column: usize) -> String {
    let row = answers.first().and_then(|answer| answer.rows.iter().next());
    let cell = row.and_then(|row| *row.get(column)?).unwrap_or_default();
    String::from_utf8_lossy(cell).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::client::tests::login::{CAPABILITIES, greeting, serve};
    use super::super::client::tests::{done, server};
    use super::*;

    #[test]
    fn a_version_that_gives_ids_again_is_known() {
        for version in ["5.7.44", "5.7.44-log", "5.6.51-91.0-log", "10.1.48-MariaDB-0+deb9u2", "10.2.3-MariaDB"] {
            assert!(gives_ids_again(version), "{version}");
        }
        for version in
            ["8.0.0", "9.7.1", "10.2.4-MariaDB", "10.11.14-MariaDB-0+deb12u2", "11.8.6-mariadb", "", "x", "9"]
        {
            assert!(!gives_ids_again(version), "{version}");
        }
    }

    #[test]
    fn servers_are_told_apart_by_each_thing_that_they_say_of_themselves() {
        let of = |changed: &str| {
            let value = |name: &str| if name == changed { "another" } else { "the same" }.to_owned();
            Variables(IDENTITY.iter().map(|name| ((*name).to_owned(), value(name))).collect()).identity()
        };
        for name in IDENTITY {
            assert_ne!(of(name), of("none"), "{name}");
        }
        assert_eq!(of("version"), of("none"));
    }

    #[test]
    fn fewer_answers_than_statements_are_none() {
        let once = done(0, 0, 2);
        let (port, _) = serve(vec![greeting(CAPABILITIES, "mysql_native_password"), once.clone(), once]);
        let opened = ServerSession::open(&server(port, 5_000), &Settings::default(), Missing::Left);
        assert_eq!(opened.err(), Some(Fault::Malformed));
    }
}
