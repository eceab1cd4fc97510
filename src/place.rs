//! Where the store and its keys are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// `localapi.dsn`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dsn {
    /// Empty: the default applies.
    Unset,
    /// It makes no sense. Nothing is used instead.
    Invalid,
    /// `sqlite:` and an absolute path.
    File(PathBuf),
    /// `sqlite::memory:`.
    Memory,
}

impl Dsn {
    /// Reads the INI entry.
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix("sqlite:") {
            _ if text.is_empty() => Self::Unset,
            Some(":memory:") => Self::Memory,
            Some(path) => absolute(path).map_or(Self::Invalid, Self::File),
            None => Self::Invalid,
        }
    }
}

/// `localapi.key_file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyFile {
    /// Empty: the default applies.
    Unset,
    /// It makes no sense. Nothing is used instead.
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
    let usable = path.starts_with('/') && !path.ends_with('/') && !path.contains('\0');
    usable.then(|| PathBuf::from(path))
}

/// Where a store is that `localapi.dsn` doesn't place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultPlace {
    /// In the process: the sandbox.
    Memory,
    /// Below the user's home: the command line.
    Home,
    /// Nowhere: a server, whose home may be the web's.
    None,
}

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the process, and gone with it.
    Memory,
    /// In a file.
    File {
        /// The database.
        path: PathBuf,
        /// Whether the folder is ours to make.
        own_folder: bool,
    },
}

impl Place {
    /// The place that the DSN names, or the default one: at home that's below `XDG_DATA_HOME` or `HOME`.
    pub fn resolve(dsn: &Dsn, default: DefaultPlace, environment: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        match (dsn, default) {
            (Dsn::Invalid, _) => Err(Error::DsnInvalid),
            (Dsn::Memory, _) | (Dsn::Unset, DefaultPlace::Memory) => Ok(Self::Memory),
            (Dsn::File(path), _) => Ok(Self::File { path: path.clone(), own_folder: false }),
            (Dsn::Unset, DefaultPlace::None) => Err(Error::StoreNotConfigured),
            (Dsn::Unset, DefaultPlace::Home) => {
                let folder = |name| environment(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
                let data = folder("XDG_DATA_HOME").or_else(|| Some(folder("HOME")?.join(".local/share")));
                let path = data.ok_or(Error::StoreHomeless)?.join("localapi/store.sqlite");
                Ok(Self::File { path, own_folder: true })
            }
        }
    }

    /// The key file that belongs to it; `None` keeps the key in the process.
    pub fn key_file(&self, setting: &KeyFile) -> Result<Option<PathBuf>> {
        match (setting, self) {
            (KeyFile::Invalid, _) => Err(Error::KeyFileInvalid),
            (KeyFile::At(path), _) => Ok(Some(path.clone())),
            (KeyFile::Unset, Self::Memory) => Ok(None),
            (KeyFile::Unset, Self::File { path, .. }) => Ok(Some(beside(path, ".key"))),
        }
    }
}

/// The file whose name has this at its end.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
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

    fn resolve(default: DefaultPlace, environment: &[(&str, &str)]) -> Result<Place> {
        Place::resolve(&Dsn::Unset, default, |name| {
            environment.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        })
    }

    fn file(path: &str, own_folder: bool) -> Place {
        Place::File { path: PathBuf::from(path), own_folder }
    }

    #[test]
    fn a_dsn_names_a_file_or_memory() {
        assert_eq!(Dsn::parse(""), Dsn::Unset);
        assert_eq!(Dsn::parse("sqlite:/var/lib/a b?c.db"), Dsn::File(PathBuf::from("/var/lib/a b?c.db")));
        assert_eq!(Dsn::parse("sqlite::memory:"), Dsn::Memory);
    }

    #[test]
    fn a_mistyped_dsn_is_never_read_as_something_else() {
        for dsn in
            ["sqlite:", "sqlite:relative.db", "sqlite:/folder/", "sqlit:/a", "/a.db", "SQLITE:/a", "sqlite:/a\0b"]
        {
            assert_eq!(Dsn::parse(dsn), Dsn::Invalid, "{dsn}");
        }
    }

    #[test]
    fn the_command_line_has_a_default_place() {
        let home = DefaultPlace::Home;
        let both = [("XDG_DATA_HOME", "/data"), ("HOME", "/home/a")];
        assert_eq!(resolve(home, &both).unwrap(), file("/data/localapi/store.sqlite", true));
        let relative = [("XDG_DATA_HOME", "data"), ("HOME", "/home/a")];
        assert_eq!(resolve(home, &relative).unwrap(), file("/home/a/.local/share/localapi/store.sqlite", true));
        let error = resolve(home, &[("HOME", "")]).unwrap_err().to_string();
        assert_eq!(
            error,
            "The credential store has no place: set localapi.dsn in php.ini, or HOME in the environment."
        );
    }

    #[test]
    fn a_server_has_no_default_place() {
        let error = resolve(DefaultPlace::None, &[("HOME", "/var/www")]).unwrap_err().to_string();
        assert!(error.contains("set localapi.dsn in php.ini"), "{error}");
    }

    #[test]
    fn the_sandbox_is_in_memory_by_default() {
        assert_eq!(resolve(DefaultPlace::Memory, &[]).unwrap(), Place::Memory);
    }

    #[test]
    fn the_key_file_is_beside_the_store_by_default() {
        let store = file("/a/b.db", false);
        assert_eq!(store.key_file(&KeyFile::Unset).unwrap(), Some(PathBuf::from("/a/b.db.key")));
        assert_eq!(Place::Memory.key_file(&KeyFile::Unset).unwrap(), None);
        let set = KeyFile::parse("/etc/k");
        assert_eq!(Place::Memory.key_file(&set).unwrap(), Some(PathBuf::from("/etc/k")));
        let error = store.key_file(&KeyFile::parse("k")).unwrap_err().to_string();
        assert_eq!(error, "The key file has no place: localapi.key_file must be an absolute path.");
    }

    #[test]
    fn a_dsn_is_shown_without_its_password() {
        assert_eq!(without_password("sqlite:/a@b:c"), "sqlite:/a@b:c");
        assert_eq!(without_password("mysql://u:p@w@h:1/d"), "mysql://u:********@h:1/d");
        assert_eq!(without_password("mysql:u:p/d"), "********");
    }
}
