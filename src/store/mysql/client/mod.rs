//! A client of MySQL's protocol: as much of it as the store needs, which is login, TLS, and statements with their
//! results as text (MySQL's and MariaDB's documentation of the "Client/Server Protocol").
//!
//! Nothing that a server sends is relied on. Memory is taken for what has arrived and never for what is announced, and
//! [`packet`] has a bound for everything: how long a packet and an answer may be, and until when they must have come.
//! What makes no sense is an [`Error`], after which the connection can't be used any more.

mod login;
mod packet;
mod password;
mod result;
mod rsa;
mod socket;
#[cfg(test)]
pub mod tests;
mod tls;

use std::io::{self, ErrorKind};

use self::packet::Channel;
pub use self::result::{Answer, Cells, Rows};
use crate::own_file;
use crate::settings::Server;

/// The first byte of a command that is a text with statements.
const QUERY: u8 = 3;
/// The command that ends the session.
const QUIT: u8 = 1;

/// A connection that is logged in.
pub struct Connection {
    channel: Channel,
    /// Whether the server has answered everything.
    idle: bool,
}

impl Connection {
    /// Connects to the first of the server's addresses that takes a connection, encrypts it where the DSN says so, and
    /// logs in, with `utf8mb4` and the DSN's database.
    pub fn open(server: &Server) -> Result<Self> {
        let tls = tls::Client::of(server)?;
        let mut channel = login::log_in(socket::connect(server)?, server, tls)?;
        channel.be_patient_for(server.read_timeout);
        Ok(Self { channel, idle: true })
    }

    /// Sends statements and returns the answers.
    #[cfg(test)]
    pub fn query(&mut self, statements: &str, most: usize) -> Result<Vec<Answer>> {
        let mut answers = Vec::new();
        self.query_into(&mut answers, statements, most).map(|()| answers)
    }

    /// Sends statements, with semicolons between them, and puts the answers after those that are there: as many as the
    /// statements are, or fewer, but not more than `most`. The first statement that fails is the last that runs, and its
    /// fault is returned.
    pub fn query_into(&mut self, answers: &mut Vec<Answer>, statements: &str, most: usize) -> Result<()> {
        self.idle = false;
        self.channel.write_command(QUERY, statements.as_bytes())?;
        let done = result::read_all(&mut self.channel, most, answers);
        self.idle = matches!(done, Ok(()) | Err(Error::Answered { .. }));
        done
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.idle {
            let _ = self.channel.write_command(QUIT, &[]);
        }
    }
}

/// Why there is no connection, or no answer.
#[derive(Debug)]
pub enum Error {
    /// The server's name has no address.
    Unresolved,
    /// This process, or the whole system, has as many files open as it may.
    NoDescriptor,
    /// Connecting, reading or writing failed; [`ErrorKind::WouldBlock`] where it took too long.
    Io(ErrorKind),
    /// The file of `ssl_ca` can't be read.
    AuthorityUnreadable,
    /// The file of `ssl_ca` holds no certificate.
    AuthorityMissing,
    /// The server doesn't speak TLS.
    Unencrypted,
    /// TLS failed, or the certificate isn't trusted.
    Tls(rustls::Error),
    /// The server wants the user to log in in a way that isn't known here.
    PluginUnknown,
    /// The server answered with an error.
    Answered {
        /// MySQL's number for it.
        code: u16,
        /// The server's own words, which may quote a value.
        message: String,
    },
    /// What the server sent isn't MySQL's protocol.
    Malformed,
    /// The server sent more than is read.
    TooLong,
}

/// What talking to a server gives.
pub type Result<T> = std::result::Result<T, Error>;

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(tls) => Self::Tls(tls.clone()),
            None if own_file::lacks_descriptor(&error) => Self::NoDescriptor,
            None => Self::Io(error.kind()),
        }
    }
}
