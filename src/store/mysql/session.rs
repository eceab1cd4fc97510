//! One session at the server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use mysql::prelude::{Protocol, Queryable as _};
use mysql::{Conn, Opts, OptsBuilder, QueryResult, SslOpts, Value};

pub use super::fault::Fault;
use super::schema::{TABLES, Table};
use super::{Cells, Statement};
use crate::place::Server;
use crate::random::Random;
use crate::settings::Settings;
use crate::store::engine::Missing;
use crate::store::seed::SEEDS;

/// Packets to the server are never larger, so that its least limit (MariaDB and MySQL have 16 MiB and more) holds.
const LARGEST_PACKET: usize = 16 << 20;
/// After so many milliseconds without a word the kernel asks whether the server is still there.
const KEEP_ALIVE: u32 = 60_000;
/// The lock that one session has while it makes the tables.
const MAKING: &str = "localapi tables";
/// A server that lacks several statements in one packet, or a proxy before it, calls them a syntax error.
const SYNTAX: u16 = 1064;

/// A session.
pub struct Session {
    connection: Conn,
    mark: Mark,
    /// Whether a packet may hold only one statement.
    one_by_one: bool,
    /// For how many seconds the server may wait.
    longest_wait: u64,
}

/// What tells of a session whether it has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// A lock that nobody else has.
    lock: String,
    /// The machine and the port: locks are each server's own.
    server: String,
}

/// What the server says to one statement.
#[derive(Debug, Default)]
pub struct Answer {
    /// The rows found.
    pub rows: Vec<Cells>,
    /// How many were changed.
    pub changed: usize,
    /// The id of the row inserted.
    pub new_id: i64,
}

impl Session {
    /// Logs in, and makes the tables where they are missing.
    pub fn open(server: &Server, settings: &Settings, missing: Missing) -> Result<Self, Fault> {
        let connection = connect(server)?;
        let mut bytes = [0; 16];
        Random::System.fill(&mut bytes).map_err(|_| Fault::Lost)?;
        let lock = format!("localapi {:032x}", u128::from_ne_bytes(bytes));
        let longest_wait = server.longest_wait().as_secs();
        let mark = Mark { lock, server: String::new() };
        let mut session = Self { connection, mark, one_by_one: false, longest_wait };
        session.configure(settings)?;
        match missing {
            Missing::Made => session.require_tables()?,
            Missing::Left => {}
            Missing::Refused => session.missing()?.map_or(Ok(()), Err)?,
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

    /// Waits until another session has ended: then all is stored that it has stored.
    pub fn wait_for_end_of(&mut self, other: &Mark) -> Result<(), Fault> {
        if other.server != self.mark.server || other.server.is_empty() {
            return Err(Fault::Unanswered);
        }
        let wait = format!("SELECT GET_LOCK('{}', {})", other.lock, self.longest_wait);
        let answers = self.send(&[wait.into(), format!("DO RELEASE_LOCK('{}')", other.lock).into()])?;
        match first_text(&answers, 0).as_str() {
            "1" => Ok(()),
            "0" => Err(Fault::Unanswered),
            // Null: the server has ended the wait, as it ends sessions.
            _ => Err(Fault::Lost),
        }
    }

    /// Sends statements and reads all their answers. The first that fails is the last that runs.
    pub fn send(&mut self, statements: &[Statement]) -> Result<Vec<Answer>, Fault> {
        let mut answers = Vec::with_capacity(statements.len());
        if self.one_by_one {
            for statement in statements {
                self.send_packet(&statement.sql, &mut answers)?;
            }
        } else if !statements.is_empty() {
            let texts: Vec<&str> = statements.iter().map(|statement| statement.sql.as_str()).collect();
            self.send_packet(&texts.join("; "), &mut answers)?;
        }
        Ok(answers)
    }

    fn send_packet(&mut self, text: &str, answers: &mut Vec<Answer>) -> Result<(), Fault> {
        let mut results = self.connection.query_iter(text).map_err(|error| Fault::of(&error))?;
        read_all(&mut results, answers).map_err(|error| Fault::of(&error))
    }

    fn configure(&mut self, settings: &Settings) -> Result<(), Fault> {
        let longest_wait = u128::from(self.longest_wait);
        let seconds = settings.busy_timeout.as_millis().div_ceil(1_000).clamp(1, longest_wait);
        let statements = [
            "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,\
             NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO,PIPES_AS_CONCAT', time_zone = '+00:00', \
             group_concat_max_len = 65536"
                .to_owned(),
            // Locks of rows, and locks of whole tables.
            format!("SET SESSION innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}"),
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED".to_owned(),
            "SET NAMES utf8mb4".to_owned(),
        ];
        let statements = statements.map(Statement::from);
        match self.send(&statements) {
            Err(Fault::Code(SYNTAX)) => {
                self.one_by_one = true;
                self.send(&statements)
            }
            done => done,
        }?;
        // Some clusters refuse such locks: then nobody can tell when a session has ended.
        let mark = format!("SELECT GET_LOCK('{}', 0), concat(@@hostname, ':', @@port)", self.mark.lock);
        match self.send(&[mark.into()]) {
            Ok(answers) if first_text(&answers, 0) == "1" => self.mark.server = first_text(&answers, 1),
            Ok(_) | Err(Fault::Code(_)) => {}
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    fn require_tables(&mut self) -> Result<(), Fault> {
        match self.missing()? {
            None => return Ok(()),
            // A host's table is left to the host.
            Some(Fault::TableMissing(_)) => {}
            Some(fault) => return Err(fault),
        }
        // Some clusters refuse such locks. Making a table twice does no harm.
        match self.send(&[format!("SELECT GET_LOCK('{MAKING}', {})", self.longest_wait).into()]) {
            Ok(_) | Err(Fault::Code(_)) => {}
            Err(fault) => return Err(fault),
        }
        let made = self.make_tables();
        match self.send(&[format!("DO RELEASE_LOCK('{MAKING}')").into()]) {
            Err(fault) if fault.ends_session() => Err(fault),
            _ => made,
        }
    }

    fn make_tables(&mut self) -> Result<(), Fault> {
        if self.missing()?.is_none() {
            return Ok(());
        }
        let finished = TABLES.last().map_or("", |table| table.name);
        for table in TABLES {
            if table.name == finished {
                self.seed()?;
            }
            match self.send(&[table.create().into()]) {
                // Not allowed, or read-only: what is missing is told then.
                Err(Fault::Code(1044 | 1142 | 1290 | 1792 | 1836)) => {}
                made => drop(made?),
            }
        }
        self.missing()?.map_or(Ok(()), Err)
    }

    /// Gives the tables of a new store the rows that it begins with.
    fn seed(&mut self) -> Result<(), Fault> {
        for (table, seed) in SEEDS {
            let answers = match self.send(&[format!("SELECT EXISTS (SELECT 1 FROM {table})").into()]) {
                // It couldn't be made, which is told then.
                Err(Fault::Code(1142 | 1146)) => continue,
                answers => answers?,
            };
            if first_text(&answers, 0) == "0" {
                match self.send(&[seed.into()]) {
                    // Another node of a cluster was faster.
                    Ok(_) | Err(Fault::Code(1062)) => {}
                    Err(fault) => return Err(fault),
                }
            }
        }
        Ok(())
    }

    /// The first column that a table lacks, or else the first table that isn't there.
    fn missing(&mut self) -> Result<Option<Fault>, Fault> {
        let names: Vec<String> = TABLES.iter().map(|table| format!("'{}'", table.name)).collect();
        let columns = format!(
            "SELECT lower(table_name), lower(column_name) FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND lower(table_name) IN ({})",
            names.join(", ")
        );
        let answers = self.send(&[columns.into()])?;
        let found: Vec<(&[u8], &[u8])> = answers
            .iter()
            .flat_map(|answer| &answer.rows)
            .filter_map(|row| match row.as_slice() {
                [Some(table), Some(column)] => Some((table.as_slice(), column.as_slice())),
                _ => None,
            })
            .collect();
        let is_there = |table: &Table| found.iter().any(|(name, _)| *name == table.name.as_bytes());
        let lacks = |table: &Table| {
            let has = |column: &str| found.contains(&(table.name.as_bytes(), column.as_bytes()));
            table.columns.iter().find(|column| !has(column)).map(|column| Fault::ColumnMissing(table.name, column))
        };
        let column = TABLES.iter().filter(|table| is_there(table)).find_map(lacks);
        let table = TABLES.iter().find(|table| !is_there(table)).map(|table| Fault::TableMissing(table.name));
        Ok(column.or(table))
    }
}

fn read_all<P: Protocol>(results: &mut QueryResult<'_, '_, '_, P>, answers: &mut Vec<Answer>) -> mysql::Result<()> {
    while let Some(rows) = results.iter() {
        let mut answer = Answer {
            rows: Vec::new(),
            changed: usize::try_from(rows.affected_rows()).unwrap_or(usize::MAX),
            new_id: rows.last_insert_id().and_then(|id| i64::try_from(id).ok()).unwrap_or_default(),
        };
        for row in rows {
            let text = |value| match value {
                Some(Value::Bytes(bytes)) => Some(bytes),
                _ => None,
            };
            answer.rows.push(row?.unwrap_raw().into_iter().map(text).collect());
        }
        answers.push(answer);
    }
    Ok(())
}

fn first_text(answers: &[Answer], column: usize) -> String {
    let row = answers.first().and_then(|answer| answer.rows.first());
    let cell = row.and_then(|row| row.get(column)?.as_deref()).unwrap_or_default();
    String::from_utf8_lossy(cell).into_owned()
}

/// Connects and logs in. The driver tries the first address of a name only, unless it's bound to one of its own: then
/// every address of that family.
fn connect(server: &Server) -> Result<Conn, Fault> {
    let connect = |from| {
        let options = options(server, from).map_err(|fault| (fault, false))?;
        Conn::new(options).map_err(|error| (Fault::of_opening(&error), Fault::is_of_address(&error)))
    };
    let fault = match connect(None) {
        Err((fault, true)) if server.socket.is_none() => fault,
        done => return done.map_err(|(fault, _)| fault),
    };
    let addresses = (server.host.as_str(), server.port).to_socket_addrs();
    let addresses: Vec<SocketAddr> = addresses.map(Iterator::collect).unwrap_or_default();
    if addresses.len() > 1 {
        for any in [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)] {
            if addresses.iter().any(|address| address.is_ipv4() == any.is_ipv4()) {
                match connect(Some(SocketAddr::new(any, 0))) {
                    Err((_, true)) => {}
                    done => return done.map_err(|(fault, _)| fault),
                }
            }
        }
    }
    Err(fault)
}

fn options(server: &Server, from: Option<SocketAddr>) -> Result<Opts, Fault> {
    let tls = match (&server.ssl_ca, server.ssl_verify) {
        (None, None) => None,
        (ca, verify) => {
            let options = SslOpts::default().with_root_cert_path(ca.clone());
            if ca.as_ref().is_some_and(|path| std::fs::File::open(path).is_err()) {
                return Err(Fault::Tls("the file of ssl_ca cannot be read"));
            }
            let trusting = verify == Some(false);
            Some(options.with_danger_accept_invalid_certs(trusting).with_danger_skip_domain_validation(trusting))
        }
    };
    let milliseconds = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
    let options = OptsBuilder::new()
        .ip_or_hostname(Some(server.host.as_str()))
        .tcp_port(server.port)
        .socket(server.socket.as_deref())
        .prefer_socket(false)
        .bind_address(from)
        .user(Some(server.user.as_str()))
        .pass(Some(server.password.reveal()))
        .db_name(Some(server.database.as_str()))
        .tcp_connect_timeout(Some(server.connect_timeout))
        .read_timeout(Some(server.read_timeout))
        .write_timeout(Some(server.read_timeout))
        // A connection whose other end is gone without a word is noticed while it's idle, or soon after the next packet.
        .tcp_keepalive_time_ms(Some(KEEP_ALIVE))
        .tcp_keepalive_probe_interval_secs(Some(10))
        .tcp_keepalive_probe_count(Some(3))
        .tcp_user_timeout_ms(Some(milliseconds(server.connect_timeout)))
        .max_allowed_packet(Some(LARGEST_PACKET))
        .stmt_cache_size(0)
        .ssl_opts(tls);
    Ok(options.into())
}
