//! What a fault of the server or of the network to it means. The server's own words aren't passed on: they may quote a
//! value.

use std::io::ErrorKind;
use std::path::PathBuf;

use mysql::DriverError;

use crate::error::Error;
use crate::place::Server;
use crate::settings::Settings;

/// Why a statement has no answer, or a server no session.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// The session has ended before it answered.
    Lost,
    /// The server has answered nothing for longer than `read_timeout`.
    Silent,
    /// The server has undone the transaction, for another's sake.
    Contended,
    /// The server answered with this error.
    Code(u16),
    /// The server can't be reached.
    Unreachable(&'static str),
    /// There is no trusted connection to be had.
    Tls(&'static str),
    /// A table isn't there.
    TableMissing(&'static str),
    /// A table lacks a column.
    ColumnMissing(&'static str, &'static str),
    /// What the session before this one has stored can't be known.
    Unanswered,
}

impl Fault {
    /// What the driver's error is, of a session that was there.
    pub fn of(error: &mysql::Error) -> Self {
        match error {
            mysql::Error::MySqlError(error) => match error.code {
                // Shutting down, killed, gone, timed out.
                1053 | 1077 | 1078 | 1079 | 1080 | 1152 | 1153 | 1158..=1161 | 1184 | 1317 | 1927 | 4031 => Self::Lost,
                // Deadlock, or Galera's certification; a node that is about to leave.
                1213 | 3101 => Self::Contended,
                code => Self::Code(code),
            },
            mysql::Error::IoError(error) if is_timeout(error.kind()) => Self::Silent,
            mysql::Error::TlsError(_) => Self::Tls("the encrypted connection failed"),
            _ => Self::Lost,
        }
    }

    /// What the driver's error is, of a session that isn't there yet.
    pub fn of_opening(error: &mysql::Error) -> Self {
        match error {
            mysql::Error::DriverError(DriverError::ConnectTimeout | DriverError::Timeout) => {
                Self::Unreachable("it did not answer in time")
            }
            mysql::Error::DriverError(DriverError::CouldNotConnect(Some((.., kind)))) => {
                Self::Unreachable(reason(*kind))
            }
            mysql::Error::DriverError(DriverError::CouldNotConnect(None)) => {
                Self::Unreachable("its name does not resolve")
            }
            mysql::Error::DriverError(DriverError::TlsNotSupported) => Self::Tls("the server does not speak TLS"),
            mysql::Error::TlsError(error) => Self::Tls(tls_reason(&error.to_string())),
            mysql::Error::IoError(error) => match tls_reason_of(error) {
                Some(reason) => Self::Tls(reason),
                None => Self::Unreachable(reason(error.kind())),
            },
            error => match Self::of(error) {
                Self::Lost => Self::Unreachable("it ended the connection"),
                fault => fault,
            },
        }
    }

    /// Whether the session can't be used any more.
    pub fn ends_session(&self) -> bool {
        matches!(self, Self::Lost | Self::Silent | Self::Tls(_) | Self::Unreachable(_) | Self::Unanswered)
    }

    /// The sentence for the caller.
    pub fn into_error(self, server: &Server, settings: &Settings) -> Error {
        let place = server.place();
        let milliseconds = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        match self {
            Self::Lost => Error::ServerUnreachable(place, "it ended the connection"),
            Self::Unreachable(reason) => Error::ServerUnreachable(place, reason),
            Self::Silent => Error::ServerSilent(place, milliseconds(server.read_timeout)),
            Self::Contended => Error::StoreContended(place),
            Self::Tls(reason) => Error::ServerUntrusted(place, reason),
            Self::TableMissing(table) => Error::TableMissing(place, table),
            Self::ColumnMissing(table, column) => Error::ColumnMissing(place, table, column),
            Self::Unanswered => Error::CommitUnanswered(place),
            Self::Code(code) => match code {
                1044 | 1045 | 1130 | 1251 | 1524 | 1698 | 1820 | 3118 => Error::ServerRefused(place),
                1049 => Error::DatabaseMissing(place),
                1040 | 1203 | 1226 => Error::ServerUnreachable(place, "it has no connection left"),
                3159 => Error::ServerUntrusted(place, "the server requires TLS: set ssl_ca or ssl_verify"),
                1062 => Error::Taken,
                1205 => Error::StoreLocked(PathBuf::from(place), milliseconds(settings.busy_timeout)),
                1290 | 1792 | 1836 => Error::ServerReadOnly(place),
                3 | 1021 | 1026 | 1030 | 1114 => Error::StoreFull(PathBuf::from(place)),
                1142 | 1143 | 1227 => Error::ServerDenied(place),
                code => Error::StoreFailed(PathBuf::from(place), format!("the server answered with error {code}")),
            },
        }
    }
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn reason(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ConnectionRefused => "it refuses the connection",
        ErrorKind::NotFound => "its socket is not there",
        ErrorKind::PermissionDenied => "this user may not open its socket",
        ErrorKind::WouldBlock | ErrorKind::TimedOut => "it did not answer in time",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => "no network leads there",
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => "it ended the connection",
        _ => "its name does not resolve",
    }
}

/// rustls reports a certificate that it doesn't trust as a fault of reading or writing.
fn tls_reason_of(error: &std::io::Error) -> Option<&'static str> {
    (error.kind() == ErrorKind::InvalidData).then(|| tls_reason(&error.to_string()))
}

fn tls_reason(text: &str) -> &'static str {
    if text.contains("NotValidForName") {
        "its certificate is for another name"
    } else if text.contains("Expired") {
        "its certificate has expired"
    } else if text.contains("certificate") || text.contains("Certificate") {
        "its certificate is not trusted"
    } else {
        "the encrypted connection failed"
    }
}
