//! What only a store at a server fails with.

use crate::text::Quoted;

/// What a server fails with. The first field is the server and its database, as `host:3306/database`.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The cargo feature `mysql` was off when this was built.
    #[error("This localapi was built without the cargo feature mysql: it has its credential store in a file only.")]
    WithoutServers,
    /// There is no way to the server, or it takes no connection.
    #[error("The credential store at {0} cannot be reached: {1}.")]
    Unreachable(String, &'static str),
    /// There is no encrypted connection to the server, or not to the right one.
    #[error("The credential store at {0} cannot be trusted: {1}.")]
    Untrusted(String, &'static str),
    /// The server doesn't know the user, the password or the host, or wants TLS.
    #[error("The credential store at {0} refused the login: {1}.")]
    Refused(String, &'static str),
    /// The server has ended a statement that took longer than it allows.
    #[error("The credential store at {0} has ended a statement: raise max_execution_time or max_statement_time there.")]
    Impatient(String),
    /// The server's binary log can't take what is written here.
    #[error("The credential store at {0} cannot be used: its binary log must not be of the format STATEMENT.")]
    LogsStatements(String),
    /// The user may not read or write a table.
    #[error("The credential store at {0} denied the access: this user needs SELECT, INSERT, UPDATE and DELETE there.")]
    Denied(String),
    /// The server has no such database.
    #[error("The credential store at {0} is not there: create the database.")]
    DatabaseMissing(String),
    /// A table isn't there, and the user may not create it.
    #[error("The credential store at {0} lacks the table {1}: create it, or let this user create tables.")]
    TableMissing(String, &'static str),
    /// A table of ours is older than this release, and the user may not change it.
    #[error(
        "The credential store at {place} has a table {table} of an older version: run {statement}; or let this user alter tables."
    )]
    TableOlder {
        /// The server and the database.
        place: String,
        /// The table.
        table: &'static str,
        /// What changes it.
        statement: String,
    },
    /// A table of ours is of a later release. It's left as it is.
    #[error(
        "The credential store at {place} has a table {table} of version {found}, and this localapi knows up to {known}: update it on this machine, too."
    )]
    TableNewer {
        /// The server and the database.
        place: String,
        /// The table.
        table: &'static str,
        /// The version that it has,
        found: usize,
        /// and the latest that is known.
        known: usize,
    },
    /// A table that a host has made is in an engine without transactions, such as MyISAM or Aria.
    #[error(
        "The credential store at {place} cannot use its table {table}: the engine {engine} has no transactions; run ALTER TABLE {table} ENGINE=InnoDB."
    )]
    TableWithoutTransactions {
        /// The server and the database.
        place: String,
        /// The table.
        table: &'static str,
        /// Its engine.
        engine: String,
    },
    /// The server gives ids of deleted rows again after a restart, and what belonged to those to the new ones.
    #[error(
        "The credential store at {0} cannot be used: a server of version {1} gives ids again; MySQL 8.0, MariaDB 10.2.4 or a later one is needed."
    )]
    TooOld(String, Quoted),
    /// A table that a host has made lacks a column.
    #[error("The credential store at {0} has a table {1} without the column {2}.")]
    ColumnMissing(String, &'static str, &'static str),
    /// A column of a table that a host has made takes no value of this length, this kind or these characters.
    #[error("The credential store at {0} has a column {1} that does not take this value.")]
    ColumnUnfit(String, String),
    /// A column of a table that a host has made has no default, and nothing here knows it.
    #[error("The credential store at {0} has a column {1} without a default: give it one.")]
    ColumnWithoutDefault(String, String),
    /// A table that a host has made has a unique column in which this row is another one's double.
    #[error("The credential store takes this for another row: a unique column has an equal value.")]
    RowNotUnique,
    /// The server takes no changes.
    #[error("The credential store at {0} is read-only: the server takes no changes.")]
    ReadOnly(String),
    /// The server has answered nothing for longer than `read_timeout`.
    #[error("The credential store at {0} has not answered for {1} ms.")]
    Silent(String, u64),
    /// The server has answered what makes no sense: it may be no MySQL or MariaDB.
    #[error("The credential store at {0} has answered what is not MySQL's protocol: check localapi.dsn.")]
    Garbled(String),
    /// The server is gone, or the network to it, and the answer to a commit with it.
    #[error("The connection to the credential store at {0} was lost while it stored this: look whether it has.")]
    CommitUnanswered(String),
}

impl ServerError {
    /// Whether the connection should not be used again after this.
    pub(super) fn ends_connection(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(..)
                | Self::Untrusted(..)
                | Self::Refused(..)
                | Self::Denied(_)
                | Self::ReadOnly(_)
                | Self::Silent(..)
                | Self::Garbled(_)
        )
    }
}
