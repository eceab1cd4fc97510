//! `localapi.dsn`.

use std::path::PathBuf;
use std::time::Duration;

use fluent_uri::Uri;
use percent_encoding::percent_decode_str;

use super::{absolute, switch};
use crate::secret_text::SecretText;
use crate::text::{Quoted, is_control};

/// `localapi.dsn`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dsn {
    /// Empty: the default applies.
    Unset,
    /// It is invalid. Nothing is used instead.
    Invalid(DsnFault),
    /// `sqlite:` and an absolute path.
    File(PathBuf),
    /// `sqlite::memory:`.
    Memory,
    /// `mysql://`.
    Server(Box<Server>),
}

/// A database of a MariaDB or MySQL server, and how to get there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Who logs in,
    pub user: String,
    /// and with what.
    pub password: SecretText,
    /// A name or an address.
    pub host: String,
    /// 3306 where the DSN says nothing.
    pub port: u16,
    /// The database.
    pub database: String,
    /// `socket`: a path that is used instead of host and port.
    pub socket: Option<String>,
    /// `ssl_ca`: the authority that vouches for the server's certificate, beside the public ones.
    pub ssl_ca: Option<PathBuf>,
    /// `ssl_verify`: what to verify of the server's certificate. Without this and without `ssl_ca` there is no TLS.
    pub ssl_verify: Option<Verify>,
    /// `connect_timeout`, in seconds: how long to wait for the server to take the connection.
    pub connect_timeout: Duration,
    /// `read_timeout`, in seconds: how long to wait for an answer.
    pub read_timeout: Duration,
}

/// What is verified of a server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// `0`: nothing.
    Nothing,
    /// `ca`: that the authority of `ssl_ca` vouches for it, whatever its name is.
    Authority,
    /// `1`: that it's this server's, too.
    Everything,
}

impl Verify {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "ca" => Some(Self::Authority),
            text => switch(text).map(|everything| if everything { Self::Everything } else { Self::Nothing }),
        }
    }
}

impl Server {
    const SCHEME: &str = "mysql";

    /// How long it may wait for a lock before it seems silent.
    pub fn longest_wait(&self) -> Duration {
        self.read_timeout.saturating_sub(Duration::from_secs(1)).max(Duration::from_secs(1))
    }

    fn parse(dsn: &str) -> Result<Self, DsnFault> {
        let uri = Uri::parse(dsn).map_err(|_| DsnFault::Form)?;
        let mut server = Self::named_by(&uri).ok_or(DsnFault::Form)?;
        let options = uri.query().map_or("", |query| query.as_str());
        // An @ here may be the one after a password that should have been percent-encoded.
        if options.contains('@') {
            return Err(DsnFault::Form);
        }
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            server.set(name, value)?;
        }
        if server.host.is_empty() && server.socket.is_none() {
            return Err(DsnFault::Form);
        }
        if server.ssl_verify == Some(Verify::Authority) && server.ssl_ca.is_none() {
            // A public authority vouches for anybody.
            return Err(DsnFault::OptionValue { option: "ssl_verify", must: VERIFY });
        }
        Ok(server)
    }

    /// All but the options.
    fn named_by(uri: &Uri<&str>) -> Option<Self> {
        let authority = uri.authority().filter(|_| uri.scheme().as_str() == Self::SCHEME && !uri.has_fragment())?;
        let user = authority.userinfo()?.as_str();
        let (user, password) = user.split_once(':').unwrap_or((user, ""));
        let host = authority.host();
        let server = Self {
            user: decoded(user)?,
            password: SecretText::from(decoded(password)?),
            host: decoded(host.trim_start_matches('[').trim_end_matches(']'))?,
            port: match authority.port() {
                Some(port) if !port.is_empty() => port.as_str().parse().ok()?,
                _ => 3306,
            },
            database: decoded(uri.path().as_str().strip_prefix('/')?)?,
            socket: None,
            ssl_ca: None,
            ssl_verify: None,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(30),
        };
        let named = !server.database.is_empty() && !server.database.contains('/') && !server.user.is_empty();
        named.then_some(server)
    }

    /// Sets an option. One that says nothing may have lost what it was to say, such as whom to trust.
    fn set(&mut self, name: &str, value: &str) -> Result<(), DsnFault> {
        let value = decoded(value).filter(|value| !value.is_empty());
        let path = || value.as_deref().and_then(absolute);
        let whole_seconds = || value.as_deref().and_then(seconds);
        let (option, must, taken) = match name {
            "socket" => {
                let socket = value.clone().filter(|_| path().is_some());
                ("socket", "an absolute path", socket.map(|socket| self.socket = Some(socket)))
            }
            "ssl_ca" => ("ssl_ca", "an absolute path", path().map(|file| self.ssl_ca = Some(file))),
            "ssl_verify" => {
                let verify = value.as_deref().and_then(Verify::parse);
                ("ssl_verify", VERIFY, verify.map(|verify| self.ssl_verify = Some(verify)))
            }
            "connect_timeout" => {
                ("connect_timeout", SECONDS, whole_seconds().map(|timeout| self.connect_timeout = timeout))
            }
            "read_timeout" => ("read_timeout", SECONDS, whole_seconds().map(|timeout| self.read_timeout = timeout)),
            _ => return Err(DsnFault::UnknownOption(Quoted::from(name))),
        };
        taken.ok_or(DsnFault::OptionValue { option, must })
    }

    /// Whether nobody in between can read what is said.
    pub fn is_encrypted(&self) -> bool {
        self.ssl_ca.is_some() || self.ssl_verify.is_some() || self.socket.is_some()
    }

    /// How a message names it: neither the user nor the password.
    pub fn place(&self) -> String {
        match &self.socket {
            Some(socket) => format!("{socket}/{}", self.database),
            None => format!("{}:{}/{}", self.host, self.port, self.database),
        }
    }
}

/// What [`Verify`] is read from.
const VERIFY: &str = "1 or 0, or ca with an ssl_ca";

/// What [`seconds`] reads.
const SECONDS: &str = "a number of seconds from 1 to 3,600";

fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().filter(|number| (1..=3_600).contains(number)).map(Duration::from_secs)
}

fn decoded(text: &str) -> Option<String> {
    let text = percent_decode_str(text).decode_utf8().ok()?;
    (!text.contains(is_control)).then(|| text.into_owned())
}

impl Dsn {
    /// Reads the INI entry.
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix("sqlite:") {
            _ if text.is_empty() => Self::Unset,
            Some(":memory:") => Self::Memory,
            Some(path) => absolute(path).map_or(Self::Invalid(DsnFault::Form), Self::File),
            None => Server::parse(text).map_or_else(Self::Invalid, |server| Self::Server(Box::new(server))),
        }
    }
}

/// Why a DSN is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DsnFault {
    /// It isn't of a known form.
    #[error("localapi.dsn must be sqlite:/absolute/path, sqlite::memory: or mysql://user:password@host/database")]
    Form,
    /// It has an option that isn't known.
    #[error(
        "the DSN has an unknown option \"{0}\"; known are socket, ssl_ca, ssl_verify, connect_timeout and read_timeout"
    )]
    UnknownOption(Quoted),
    /// An option has an invalid value.
    #[error("the option {option} of the DSN must be {must}")]
    OptionValue {
        /// Its name.
        option: &'static str,
        /// What its value must be.
        must: &'static str,
    },
}

/// A DSN as it may be shown: without the password, and without anything where it can't be told from one.
pub fn without_password(dsn: &str) -> String {
    if matches!(Dsn::parse(dsn), Dsn::File(_) | Dsn::Memory) {
        return dsn.to_owned();
    }
    let shown = || {
        let (scheme, rest) = dsn.split_once("://")?;
        // The last @ ends the password: one that should have been percent-encoded is hidden too.
        let (user, host) = rest.rsplit_once('@')?;
        let user = user.split(':').next().unwrap_or_default();
        Some(format!("{scheme}://{user}:********@{host}"))
    };
    shown().unwrap_or_else(|| "********".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dsn_names_a_file_or_memory() {
        assert_eq!(Dsn::parse(""), Dsn::Unset);
        assert_eq!(Dsn::parse("sqlite:/var/lib/a b?c.db"), Dsn::File(PathBuf::from("/var/lib/a b?c.db")));
        assert_eq!(Dsn::parse("sqlite::memory:"), Dsn::Memory);
        for folder in ["/", "/.", "/..", "/var/lib/", "/var/lib/.", "/var/lib/.."] {
            assert_eq!(Dsn::parse(&format!("sqlite:{folder}")), Dsn::Invalid(DsnFault::Form), "{folder}");
        }
        assert_eq!(Dsn::parse("sqlite:/var/../.store"), Dsn::File(PathBuf::from("/var/../.store")));
    }

    fn server(dsn: &str) -> Server {
        match Dsn::parse(dsn) {
            Dsn::Server(server) => *server,
            other => panic!("{dsn}: {other:?}"),
        }
    }

    #[test]
    fn a_dsn_names_a_database_of_a_server() {
        let found = server("mysql://u%40x:p%3A%2F%23@db.example:3307/whm%20cs");
        assert_eq!((found.user.as_str(), found.password.reveal()), ("u@x", "p:/#"));
        assert_eq!((found.host.as_str(), found.port, found.database.as_str()), ("db.example", 3307, "whm cs"));
        assert_eq!((found.ssl_ca, found.ssl_verify, found.socket), (None, None, None));
        assert_eq!(found.connect_timeout, Duration::from_secs(5));
        assert_eq!(found.read_timeout, Duration::from_secs(30));
        assert_eq!((server("mysql://u@[::1]/d").host.as_str(), server("mysql://u@h/d").port), ("::1", 3306));
        assert_eq!(server("mysql://u:secret@h/d").place(), "h:3306/d");
    }

    #[test]
    fn a_server_has_its_usual_port_where_none_is_named() {
        assert_eq!(server("mysql://u@h:/d").port, 3306);
        assert!(matches!(Dsn::parse("mysql://u@h:70000/d"), Dsn::Invalid(_)));
    }

    #[test]
    fn a_lock_is_waited_for_a_second_less_than_an_answer() {
        let longest = |seconds| server(&format!("mysql://u@h/d?read_timeout={seconds}")).longest_wait().as_secs();
        assert_eq!([longest(1), longest(2), longest(30)], [1, 1, 29]);
    }

    #[test]
    fn a_connection_is_encrypted_or_leaves_no_machine_where_that_was_asked_for() {
        let encrypted = |options: &str| server(&format!("mysql://u@localhost/d{options}")).is_encrypted();
        assert!(encrypted("?ssl_ca=/ca") && encrypted("?ssl_verify=1") && encrypted("?socket=/run/m.sock"));
        assert!(!encrypted("") && !encrypted("?read_timeout=3"));
    }

    #[test]
    fn a_dsn_has_options() {
        let found = server("mysql://u@localhost/d?socket=%2Frun%2Fm.sock&connect_timeout=2&read_timeout=3");
        assert_eq!(found.socket.as_deref(), Some("/run/m.sock"));
        assert_eq!((found.connect_timeout, found.read_timeout), (Duration::from_secs(2), Duration::from_secs(3)));
        assert_eq!(found.place(), "/run/m.sock/d");
        let found = server("mysql://u@h/d?ssl_ca=/etc/ca.pem&ssl_verify=0");
        assert_eq!((found.ssl_ca, found.ssl_verify), (Some(PathBuf::from("/etc/ca.pem")), Some(Verify::Nothing)));
        assert_eq!(server("mysql://u@h/d?ssl_verify=1").ssl_verify, Some(Verify::Everything));
        assert_eq!(server("mysql://u@h/d?ssl_verify=ca&ssl_ca=/a").ssl_verify, Some(Verify::Authority));
    }

    fn refused(dsn: &str) -> String {
        match Dsn::parse(dsn) {
            Dsn::Invalid(fault) => fault.to_string(),
            other => panic!("{dsn}: {other:?}"),
        }
    }

    #[test]
    fn a_mistyped_dsn_is_never_read_as_something_else() {
        for dsn in [
            "sqlite:",
            "sqlite:relative.db",
            "sqlite:/folder/",
            "sqlit:/a",
            "/a.db",
            "SQLITE:/a",
            "sqlite:/a\0b",
            "mysql://h/d",
            "mysql://:p@h/d",
            "mysql://u@h",
            "mysql://u@h/",
            "mysql://u@h/a/b",
            "mysql://u@/d",
            "mysql://u@h:99999/d",
            "mysql://u:p%00@h/d",
            "mysql://u@h/d#f",
            "mysql:u:p/d",
            "postgres://u@h/d",
            // All of these are in a password.
            "mysql://u:a?b=c@h/d",
            "mysql://u:a@b/c?word=d@h/d",
        ] {
            assert_eq!(
                refused(dsn),
                "localapi.dsn must be sqlite:/absolute/path, sqlite::memory: or mysql://user:password@host/database",
                "{dsn}"
            );
        }
    }

    #[test]
    fn an_option_that_makes_no_sense_is_named() {
        for name in ["charset", "unix_socket", "SSL_CA", "ssl-ca", ""] {
            assert_eq!(
                refused(&format!("mysql://u:word@h/d?connect_timeout=1&{name}=x")),
                format!(
                    "the DSN has an unknown option \"{name}\"; known are socket, ssl_ca, ssl_verify, connect_timeout and read_timeout"
                )
            );
        }
        for (option, values, must) in [
            ("socket", ["m.sock", "", "/a/"], "an absolute path"),
            ("ssl_ca", ["ca.pem", "", "/a%00b"], "an absolute path"),
            ("ssl_verify", ["perhaps", "ca", "%ff"], "1 or 0, or ca with an ssl_ca"),
            ("connect_timeout", ["0", "", "3601"], "a number of seconds from 1 to 3,600"),
            ("read_timeout", ["1.5", "", "-1"], "a number of seconds from 1 to 3,600"),
        ] {
            let told = format!("the option {option} of the DSN must be {must}");
            assert_eq!(refused(&format!("mysql://u:word@h/d?{option}")), told);
            for value in values {
                assert_eq!(refused(&format!("mysql://u:word@h/d?{option}={value}")), told, "{value}");
            }
        }
    }

    #[test]
    fn a_dsn_is_shown_without_its_password() {
        assert_eq!(without_password("sqlite:/a@b:c"), "sqlite:/a@b:c");
        assert_eq!(without_password("mysql://u:p@w@h:1/d"), "mysql://u:********@h:1/d");
        assert_eq!(without_password("mysql://u:p@h/d?ssl_verify=1"), "mysql://u:********@h/d?ssl_verify=1");
        assert_eq!(without_password("mysql:u:p/d"), "********");
    }
}
