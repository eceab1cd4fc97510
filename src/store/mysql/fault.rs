//! What a fault of the server or of the network to it means. The server's own words aren't passed on: they may quote a
//! value.

use std::io::ErrorKind;
use std::time::Duration;

use rustls::CertificateError;

use super::client;
use crate::error::{Error, Location, ServerError, StoreError};
use crate::settings::{Server, Settings};
use crate::text::Quoted;

/// Why a statement has no answer, or a server no session.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// The session has ended before it answered.
    Lost,
    /// The server has answered nothing for longer than `read_timeout`.
    Silent,
    /// The server has undone the transaction, for another's sake.
    Contended,
    /// The server has ended the transaction before its commit. What it did is undone with the session.
    Ended,
    /// The server answered with this error.
    Code(u16),
    /// A column of this name doesn't take the value.
    Unfit(String),
    /// A column of this name has no default and was given no value.
    WithoutDefault(String),
    /// The server can't be reached.
    Unreachable(&'static str),
    /// No file descriptor is free.
    NoDescriptor,
    /// The server wants the user to log in in a way that isn't known here. MySQL wants that of users that it doesn't know.
    PluginUnknown,
    /// The user has asked, changed or connected as often as it may in an hour.
    Rationed,
    /// There is no trusted connection to be had.
    Tls(&'static str),
    /// A table isn't there.
    TableMissing(&'static str),
    /// A table lacks a column.
    ColumnMissing(&'static str, &'static str),
    /// A table of ours is older: this statement makes the next version of it.
    TableOlder(&'static str, String),
    /// A table of ours is of this version, and a lower one is known.
    TableNewer(&'static str, usize, usize),
    /// A table's engine, named after it, has no transactions.
    WithoutTransactions(&'static str, String),
    /// The server's version gives ids again.
    TooOld(String),
    /// What the session before this one has stored can't be known.
    Unanswered,
    /// The server has answered what isn't its protocol.
    Malformed,
    /// The server has answered more than is read.
    TooLong,
}

impl Fault {
    /// What the client's error is, of a session that was there.
    pub fn of(error: client::Error) -> Self {
        match error {
            client::Error::Answered { code, message } => match code {
                // Shutting down, killed, gone, timed out.
                1053 | 1077 | 1078 | 1079 | 1080 | 1152 | 1153 | 1158..=1161 | 1184 | 1317 | 1927 | 4031 => Self::Lost,
                // Deadlock, or Galera's certification; a node that is about to leave.
                1213 | 1614 | 3101 => Self::Contended,
                // Null, out of range, cut off, not of the type or the character set, too long.
                1048 | 1264 | 1265 | 1292 | 1366 | 1406 | 3988 => {
                    column(&message).map_or(Self::Code(code), Self::Unfit)
                }
                // The other one is about connections at the same time.
                1226 if !message.contains("max_user_connections") => Self::Rationed,
                1364 => column(&message).map_or(Self::Code(code), Self::WithoutDefault),
                code => Self::Code(code),
            },
            client::Error::NoDescriptor => Self::NoDescriptor,
            client::Error::Unresolved => Self::Unreachable("its name does not resolve"),
            // What the kernel says when the network has swallowed what was sent is another error than its own timeout.
            client::Error::Io(ErrorKind::WouldBlock) => Self::Silent,
            client::Error::Io(_) => Self::Lost,
            client::Error::AuthorityUnreadable => Self::Tls("the file of ssl_ca cannot be read"),
            client::Error::AuthorityMissing => Self::Tls("the file of ssl_ca holds no certificate"),
            client::Error::Unencrypted => Self::Tls("the server does not speak TLS"),
            client::Error::Tls(error) => Self::Tls(tls_reason(&error)),
            client::Error::PluginUnknown => Self::PluginUnknown,
            client::Error::Malformed => Self::Malformed,
            client::Error::TooLong => Self::TooLong,
        }
    }

    /// What the client's error is, of a session that isn't there yet.
    pub fn of_opening(error: client::Error) -> Self {
        match error {
            client::Error::Io(kind) => Self::Unreachable(reason(kind)),
            error => match Self::of(error) {
                Self::Lost => Self::Unreachable("it ended the connection"),
                fault => fault,
            },
        }
    }

    /// Whether the session can't be used any more.
    pub fn ends_session(&self) -> bool {
        matches!(
            self,
            Self::Lost
                | Self::Ended
                | Self::Silent
                | Self::Tls(_)
                | Self::Unreachable(_)
                | Self::Unanswered
                | Self::Malformed
                | Self::TooLong
        )
    }

    /// Whether the server takes no changes, as one does that is a replica now. 1792 is said of one transaction.
    pub fn is_read_only(&self) -> bool {
        matches!(self, Self::Code(1290 | 1836))
    }

    /// Whether a commit that is answered so may be stored all the same: the server doesn't say that it has undone it. A
    /// node that is outside of its cluster runs nothing.
    pub fn leaves_open(&self) -> bool {
        !matches!(self, Self::Contended | Self::Code(1047))
    }

    /// The sentence for the caller.
    pub fn into_error(self, server: &Server, settings: &Settings) -> Error {
        let place = server.place();
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        match self {
            Self::Lost => Error::Server(ServerError::Unreachable(place, "it ended the connection")),
            Self::Unreachable(reason) => Error::Server(ServerError::Unreachable(place, reason)),
            Self::Silent => Error::Server(ServerError::Silent(place, milliseconds(server.read_timeout))),
            Self::Contended | Self::Ended => Error::Store(StoreError::Contended(Location::Server(place))),
            Self::NoDescriptor => Error::Store(StoreError::NoDescriptor(Location::Server(place))),
            Self::Tls(reason) => Error::Server(ServerError::Untrusted(place, reason)),
            Self::TableMissing(table) => Error::Server(ServerError::TableMissing(place, table)),
            Self::ColumnMissing(table, column) => Error::Server(ServerError::ColumnMissing(place, table, column)),
            Self::TableOlder(table, statement) => Error::Server(ServerError::TableOlder { place, table, statement }),
            Self::TableNewer(table, found, known) => {
                Error::Server(ServerError::TableNewer { place, table, found, known })
            }
            Self::WithoutTransactions(table, engine) => {
                Error::Server(ServerError::TableWithoutTransactions { place, table, engine })
            }
            Self::TooOld(version) => Error::Server(ServerError::TooOld(place, Quoted::from(version.as_str()))),
            Self::Unfit(column) => Error::Server(ServerError::ColumnUnfit(place, column)),
            Self::WithoutDefault(column) => Error::Server(ServerError::ColumnWithoutDefault(place, column)),
            Self::Unanswered => Error::Server(ServerError::CommitUnanswered(place)),
            Self::Malformed => Error::Server(ServerError::Garbled(place)),
            Self::PluginUnknown => Error::Server(ServerError::Refused(
                place,
                "the server does not know the user, or wants it to log in by a plugin that is not known here",
            )),
            Self::Rationed => {
                Error::Server(ServerError::Unreachable(place, "this user has used up what it may ask in an hour"))
            }
            Self::TooLong => {
                Error::Store(StoreError::Failed(Location::Server(place), "the server's answer is too long".to_owned()))
            }
            Self::Code(code) => match code {
                // MariaDB says the same of a password that is wrong and of a connection that isn't encrypted.
                1045 if !server.is_encrypted() => Error::Server(ServerError::Refused(
                    place,
                    "check user, password and, where the server requires TLS, ssl_ca or ssl_verify in localapi.dsn",
                )),
                1044 | 1045 | 1251 | 1524 | 1698 | 3118 | 4151 => {
                    Error::Server(ServerError::Refused(place, "check user and password in localapi.dsn"))
                }
                1820 | 1862 => Error::Server(ServerError::Refused(place, "the password has expired")),
                1049 => Error::Server(ServerError::DatabaseMissing(place)),
                1665 => Error::Server(ServerError::LogsStatements(place)),
                1969 | 3024 => Error::Server(ServerError::Impatient(place)),
                1040 | 1203 | 1226 => Error::Server(ServerError::Unreachable(place, "it has no connection left")),
                1129 | 1130 => {
                    Error::Server(ServerError::Unreachable(place, "it takes no connection from this machine"))
                }
                1047 => Error::Server(ServerError::Unreachable(place, "it has left its cluster")),
                3159 => {
                    Error::Server(ServerError::Untrusted(place, "the server requires TLS: set ssl_ca or ssl_verify"))
                }
                1062 => Error::Store(StoreError::Taken),
                1205 => {
                    let waited = settings.busy_timeout.min(server.longest_wait());
                    Error::Store(StoreError::Locked(Location::Server(place), milliseconds(waited)))
                }
                1036 | 1290 | 1792 | 1836 => Error::Server(ServerError::ReadOnly(place)),
                3 | 1021 | 1026 | 1030 | 1114 => Error::Store(StoreError::Full(Location::Server(place))),
                1142 | 1143 | 1227 => Error::Server(ServerError::Denied(place)),
                code => Error::Store(StoreError::Failed(
                    Location::Server(place),
                    format!("the server answered with error {code}"),
                )),
            },
        }
    }
}

/// The column that a message is about: its name and nothing else of the message, which may quote a value.
fn column(message: &str) -> Option<String> {
    let (_, mut rest) = message.rsplit_once("olumn ").or_else(|| message.split_once("Field "))?;
    loop {
        // 'column', or `database`.`table`.`column`.
        let quote = rest.chars().next().filter(|quote| ['\'', '`'].contains(quote))?;
        let (name, after) = rest.get(1..)?.split_once(quote)?;
        let Some(more) = after.strip_prefix('.') else {
            let is_plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            return is_plain.then(|| name.to_owned());
        };
        rest = more;
    }
}

fn reason(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ConnectionRefused => "it refuses the connection",
        ErrorKind::NotFound => "its socket is not there",
        ErrorKind::PermissionDenied => "this user may not open its socket",
        ErrorKind::WouldBlock | ErrorKind::TimedOut => "it did not answer in time",
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => "it ended the connection",
        _ => "no network leads there",
    }
}

fn tls_reason(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(error) => match error {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another name"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired",
            _ => "its certificate is not trusted",
        },
        rustls::Error::NoCertificatesPresented => "its certificate is not trusted",
        _ => "the encrypted connection failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: u16, message: &str) -> Fault {
        Fault::of(client::Error::Answered { code, message: message.to_owned() })
    }

    #[test]
    fn a_column_is_named_and_its_value_is_not() {
        let unfit = |name: &str| Fault::Unfit(name.to_owned());
        assert_eq!(of(1406, "Data too long for column 'secret' at row 1"), unfit("secret"));
        let message =
            "Incorrect string value: 'for column `x` at row 1' for column `a`.`tbladmins`.`username` at row 1";
        assert_eq!(of(1366, message), unfit("username"));
        assert_eq!(of(1292, "Incorrect datetime value: 'x' for column 'date' at row 1"), unfit("date"));
        assert_eq!(of(1048, "Column 'name' cannot be null"), unfit("name"));
        assert_eq!(of(1366, "Incorrect value for column 'a value'"), Fault::Code(1366));
        let missing = of(1364, "Field 'notes' doesn't have a default value");
        assert_eq!(missing, Fault::WithoutDefault("notes".to_owned()));
    }

    #[test]
    fn a_server_that_has_ended_a_session_is_not_one_that_is_silent() {
        let of_kind = |kind: ErrorKind| Fault::of(client::Error::Io(kind));
        assert_eq!(of_kind(ErrorKind::WouldBlock), Fault::Silent);
        for kind in [ErrorKind::TimedOut, ErrorKind::ConnectionReset, ErrorKind::BrokenPipe, ErrorKind::UnexpectedEof] {
            assert_eq!(of_kind(kind), Fault::Lost, "{kind:?}");
        }
        assert_eq!(of(1927, "Connection was killed"), Fault::Lost);
    }

    #[test]
    fn a_certificate_is_told_from_a_connection_that_failed() {
        let of = |error: rustls::Error| Fault::of_opening(client::Error::Tls(error));
        let other_name = CertificateError::NotValidForNameContext {
            expected: rustls::pki_types::ServerName::try_from("db.example").unwrap(),
            presented: vec![],
        };
        for (error, reason) in [
            (CertificateError::NotValidForName, "its certificate is for another name"),
            (other_name, "its certificate is for another name"),
            (CertificateError::Expired, "its certificate has expired"),
            (CertificateError::UnknownIssuer, "its certificate is not trusted"),
            (CertificateError::NotValidYet, "its certificate is not trusted"),
            (CertificateError::BadEncoding, "its certificate is not trusted"),
        ] {
            assert_eq!(of(error.into()), Fault::Tls(reason));
        }
        assert_eq!(of(rustls::Error::DecryptError), Fault::Tls("the encrypted connection failed"));
    }

    fn sentence(fault: Fault) -> String {
        let crate::settings::Dsn::Server(server) = crate::settings::Dsn::parse("mysql://u@h/d") else { panic!() };
        fault.into_error(&server, &Settings::default()).to_string()
    }

    #[test]
    fn what_a_server_says_in_numbers_is_told_in_sentences() {
        for (code, said) in [
            (1862, "refused the login: the password has expired."),
            (3024, "has ended a statement: raise max_execution_time or max_statement_time there."),
            (1969, "has ended a statement: raise max_execution_time or max_statement_time there."),
            (1665, "cannot be used: its binary log must not be of the format STATEMENT."),
        ] {
            assert_eq!(sentence(of(code, "")), format!("The credential store at h:3306/d {said}"));
        }
        let rationed = of(1226, "User 'u' has exceeded the 'max_questions' resource (current value: 1)");
        assert_eq!(
            sentence(rationed),
            "The credential store at h:3306/d cannot be reached: this user has used up what it may ask in an hour."
        );
        let busy = of(1226, "User 'u' has exceeded the 'max_user_connections' resource (current value: 1)");
        assert_eq!(sentence(busy), "The credential store at h:3306/d cannot be reached: it has no connection left.");
        assert_eq!(
            sentence(Fault::of(client::Error::PluginUnknown)),
            "The credential store at h:3306/d refused the login: the server does not know the user, or wants it to log \
             in by a plugin that is not known here."
        );
    }

    #[test]
    fn an_answer_that_is_too_long_is_told() {
        let crate::settings::Dsn::Server(server) = crate::settings::Dsn::parse("mysql://u@h/d") else { panic!() };
        let fault = Fault::of(client::Error::TooLong);
        assert!(fault.ends_session());
        assert_eq!(
            fault.into_error(&server, &Settings::default()).to_string(),
            "The credential store at h:3306/d failed: the server's answer is too long."
        );
    }
}
