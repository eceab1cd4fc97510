//! What the host has set.

mod dsn;
mod http_hosts;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

pub use self::dsn::{Dsn, DsnFault, Server, Verify, without_password};
pub use self::http_hosts::{HttpHosts, NO_HTTP_HOSTS};
use crate::secret_text::SecretText;

/// The settings of one process, as the INI table of docs/reference.md names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `localapi.dsn`.
    pub dsn: Dsn,
    /// `localapi.key_file`.
    pub key_file: KeyFile,
    /// `localapi.company_name`.
    pub company_name: String,
    /// `localapi.busy_timeout`: how long to wait for another writer.
    pub busy_timeout: Duration,
    /// `localapi.sandbox`.
    pub sandbox: bool,
    /// `localapi.durability`.
    pub durability: Durability,
    /// `localapi.api_allowed_ips`: who may call over HTTP.
    pub api_allowed_ips: Vec<IpNet>,
    /// `localapi.api_access_key`: when set, lets a caller past the address check.
    pub api_access_key: SecretText,
    /// `localapi.redirect_http_hosts`: the hosts that a redirect URI may have `http` for.
    pub redirect_http_hosts: HttpHosts,
    /// Whether this process serves requests of others: then the store has no default place.
    pub server: bool,
}

impl Settings {
    /// Whether this is the sandbox: test mode, and a store in memory.
    pub fn is_sandbox(&self) -> bool {
        self.sandbox && matches!(self.dsn, Dsn::Unset | Dsn::Memory)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dsn: Dsn::Unset,
            key_file: KeyFile::Unset,
            company_name: "Company Name".to_owned(),
            busy_timeout: Duration::from_millis(5_000),
            sandbox: false,
            durability: Durability::Full,
            api_allowed_ips: addresses("127.0.0.1, ::1").unwrap_or_default(),
            api_access_key: SecretText::from(String::new()),
            redirect_http_hosts: HttpHosts::default(),
            server: false,
        }
    }
}

/// `localapi.key_file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyFile {
    /// Empty: the default applies.
    Unset,
    /// It is invalid. Nothing is used instead.
    Invalid,
    /// An absolute path.
    At(PathBuf),
}

impl KeyFile {
    /// Reads the INI entry.
    pub fn parse(text: &str) -> Self {
        if text.is_empty() { Self::Unset } else { absolute(text).map_or(Self::Invalid, Self::At) }
    }
}

/// A path that names the same file whatever the working directory is, and that can name a file at all.
fn absolute(path: &str) -> Option<PathBuf> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let usable = path.starts_with('/') && !matches!(name, "" | "." | "..") && !path.contains('\0');
    usable.then(|| PathBuf::from(path))
}

/// What an answered success has survived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A power cut.
    Full,
    /// A crash of the process, but not a power cut.
    Normal,
}

impl Durability {
    /// Reads `localapi.durability`.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Full, Self::Normal].into_iter().find(|known| known.as_str().eq_ignore_ascii_case(text.trim()))
    }

    /// As it's written in php.ini.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Normal => "normal",
        }
    }
}

/// A number of milliseconds, at most a day.
pub fn milliseconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().filter(|&number: &u64| number <= 86_400_000).map(Duration::from_millis)
}

/// A switch, in the words that php.ini has for one.
pub fn switch(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "on" | "yes" | "true" => Some(true),
        "" | "0" | "off" | "no" | "false" | "none" => Some(false),
        _ => None,
    }
}

/// Addresses and CIDR ranges, between commas or white space.
pub fn addresses(text: &str) -> Option<Vec<IpNet>> {
    let one = |text: &str| text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    text.split([',', ' ', '\t']).filter(|part| !part.is_empty()).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_a_number_of_milliseconds() {
        assert_eq!(milliseconds(" 60000 "), Some(Duration::from_secs(60)));
        assert_eq!(milliseconds("0"), Some(Duration::ZERO));
        for text in ["", "5s", "-1", "1.5", "86400001", "99999999999999999999"] {
            assert_eq!(milliseconds(text), None, "{text}");
        }
    }

    #[test]
    fn the_sandbox_is_a_store_in_memory_that_was_asked_for_as_one() {
        let is_sandbox =
            |sandbox, dsn: &str| Settings { sandbox, dsn: Dsn::parse(dsn), ..Settings::default() }.is_sandbox();
        assert!(is_sandbox(true, "") && is_sandbox(true, "sqlite::memory:"));
        assert!(!is_sandbox(true, "sqlite:/a") && !is_sandbox(true, "mysql://u@h/d") && !is_sandbox(true, "sqlite:a"));
        assert!(!is_sandbox(false, "") && !is_sandbox(false, "sqlite::memory:"));
    }

    #[test]
    fn a_switch_has_the_words_of_php_ini() {
        assert_eq!(["1", "On", "YES", "true"].map(switch), [Some(true); 4]);
        assert_eq!(["", "0", "off", "No", "false", "none"].map(switch), [Some(false); 6]);
        assert_eq!(["2", "maybe"].map(switch), [None; 2]);
    }

    #[test]
    fn durability_is_full_or_normal() {
        assert_eq!(Durability::parse("Full"), Some(Durability::Full));
        assert_eq!(Durability::parse("normal"), Some(Durability::Normal));
        assert_eq!(Durability::parse("fast"), None);
    }

    #[test]
    fn addresses_are_single_ones_and_ranges() {
        let found = addresses("10.0.0.0/8, ::1\t192.0.2.7").unwrap();
        assert_eq!(
            found.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["10.0.0.0/8", "::1/128", "192.0.2.7/32"]
        );
        assert_eq!(addresses("").unwrap(), []);
        for text in ["10.0.0.0/33", "localhost", "1.2.3"] {
            assert_eq!(addresses(text), None, "{text}");
        }
    }
}
