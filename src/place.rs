//! Where the store and its keys are.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use crate::error::{KeyError, Result, ServerError, StoreError, SystemError};
use crate::own_file::beside;
use crate::settings::{Dsn, KeyFile, Server, Settings};

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the process, and gone with it.
    Memory,
    /// In a file.
    File {
        /// The database itself, whatever links led there. All other files of the store are beside it.
        path: PathBuf,
        /// As the host has named it.
        named: PathBuf,
        /// Whether the folder is ours to make.
        own_folder: bool,
    },
    /// At a server.
    Server(Box<Server>),
}

impl Place {
    /// The place that the settings name, or the default one. On the command line that's below `XDG_DATA_HOME` or `HOME`
    /// of the environment; a server has none, since its home may be the web's.
    pub fn of(settings: &Settings, environment: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        match &settings.dsn {
            Dsn::Unset if settings.sandbox => Ok(Self::Memory),
            Dsn::Unset if settings.server => Err(StoreError::NotConfigured.into()),
            Dsn::Unset => {
                let folder = |name| environment(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
                let data = folder("XDG_DATA_HOME").or_else(|| Some(folder("HOME")?.join(".local/share")));
                Self::file(data.ok_or(StoreError::Homeless)?.join("localapi/store.sqlite"), true)
            }
            dsn => Self::named_by(dsn),
        }
    }

    /// The place that a DSN names, which has no default.
    pub fn named_by(dsn: &Dsn) -> Result<Self> {
        match dsn {
            Dsn::Unset => Err(StoreError::NotConfigured.into()),
            Dsn::Invalid(fault) => Err(StoreError::DsnInvalid(fault.clone()).into()),
            Dsn::Memory => Ok(Self::Memory),
            Dsn::File(path) => Self::file(path.clone(), false),
            Dsn::Server(_) if cfg!(not(feature = "mysql")) => Err(ServerError::WithoutServers.into()),
            Dsn::Server(server) => Ok(Self::Server(server.clone())),
        }
    }

    fn file(named: PathBuf, own_folder: bool) -> Result<Self> {
        Ok(Self::File { path: resolve(&named)?, named, own_folder })
    }

    /// What it's called, without who logs in there.
    pub fn name(&self) -> String {
        match self {
            Self::Memory => ":memory:".to_owned(),
            Self::File { path, .. } => path.display().to_string(),
            Self::Server(server) => server.place(),
        }
    }

    /// Whether it can be opened without making a file.
    pub fn is_there(&self) -> bool {
        !matches!(self, Self::File { path, .. } if !path.exists())
    }

    /// The key file that belongs to it; `None` keeps the key in the process.
    pub fn key_file(&self, setting: &KeyFile) -> Result<Option<PathBuf>> {
        match (setting, self) {
            (KeyFile::Invalid, _) => Err(KeyError::Invalid.into()),
            (KeyFile::At(path), _) => Ok(Some(path.clone())),
            (KeyFile::Unset, Self::Memory) => Ok(None),
            (KeyFile::Unset, Self::File { path, .. }) => Ok(Some(beside(path, ".key"))),
            (KeyFile::Unset, Self::Server(_)) => Err(KeyError::Unset.into()),
        }
    }
}

/// How many links a path may lead through.
const MOST_LINKS: usize = 40;

/// Where a path leads in the end. The file needn't be there, nor the folders above it. A link is followed only if its
/// owner is root, this user, or the owner of the folder that it's in: in a shared folder another user may put one that
/// leads to a file which that user couldn't write.
pub fn resolve(path: &Path) -> Result<PathBuf> {
    let parts = |path: &Path| path.components().rev().map(|part| part.as_os_str().to_owned()).collect::<Vec<_>>();
    let mut resolved = PathBuf::from("/");
    let mut left = parts(path);
    let mut links = 0;
    while let Some(part) = left.pop() {
        match Path::new(&part).components().next() {
            Some(Component::ParentDir) => drop(resolved.pop()),
            Some(Component::Normal(name)) => resolved.push(name),
            Some(Component::RootDir) => resolved = PathBuf::from("/"),
            _ => {}
        }
        // What isn't there, or can't be looked at, is told where it's opened.
        let Some(link) = fs::symlink_metadata(&resolved).ok().filter(fs::Metadata::is_symlink) else { continue };
        let target = fs::read_link(&resolved).unwrap_or_default();
        let folder = resolved.parent().and_then(|folder| fs::metadata(folder).ok()).map(|folder| folder.uid());
        links += 1;
        if links > MOST_LINKS || !is_trusted(link.uid(), folder, rustix::process::geteuid().as_raw()) {
            return Err(SystemError::LinkRefused(resolved).into());
        }
        resolved.pop();
        left.append(&mut parts(&target));
    }
    Ok(resolved)
}

/// Whether a user follows the link of this owner.
fn is_trusted(owner: u32, folder: Option<u32>, user: u32) -> bool {
    owner == 0 || owner == user || Some(owner) == folder
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::error::Error;

    fn place(settings: &Settings, environment: &[(&str, &str)]) -> Result<Place> {
        Place::of(settings, |name| {
            environment.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        })
    }

    fn file(path: &str, own_folder: bool) -> Place {
        Place::File { path: PathBuf::from(path), named: PathBuf::from(path), own_folder }
    }

    #[test]
    fn the_command_line_has_a_default_place() {
        let home = Settings::default();
        let both = [("XDG_DATA_HOME", "/data"), ("HOME", "/home/a")];
        assert_eq!(place(&home, &both).unwrap(), file("/data/localapi/store.sqlite", true));
        let relative = [("XDG_DATA_HOME", "data"), ("HOME", "/home/a")];
        assert_eq!(place(&home, &relative).unwrap(), file("/home/a/.local/share/localapi/store.sqlite", true));
        let error = place(&home, &[("HOME", "")]).unwrap_err().to_string();
        assert_eq!(
            error,
            "The credential store has no place: set localapi.dsn in php.ini, or HOME in the environment."
        );
    }

    #[test]
    fn a_server_has_no_default_place() {
        let server = Settings { server: true, ..Settings::default() };
        let error = place(&server, &[("HOME", "/var/www")]).unwrap_err().to_string();
        assert!(error.contains("set localapi.dsn in php.ini"), "{error}");
    }

    #[test]
    fn the_sandbox_is_in_memory_by_default() {
        for server in [false, true] {
            let sandbox = Settings { sandbox: true, server, ..Settings::default() };
            assert_eq!(place(&sandbox, &[("HOME", "/home/a")]).unwrap(), Place::Memory);
        }
    }

    #[test]
    fn a_dsn_that_makes_no_sense_is_no_place() {
        let settings = Settings { dsn: Dsn::parse("sqlite:a"), sandbox: true, ..Settings::default() };
        assert_eq!(
            place(&settings, &[("HOME", "/home/a")]).unwrap_err().to_string(),
            "The credential store has no place: localapi.dsn must be sqlite:/absolute/path, sqlite::memory: or mysql://user:password@host/database."
        );
    }

    #[test]
    fn the_key_file_is_beside_the_store_by_default() {
        let store = file("/a/b.db", false);
        assert_eq!(store.key_file(&KeyFile::Unset).unwrap(), Some(PathBuf::from("/a/b.db.key")));
        assert_eq!(Place::Memory.key_file(&KeyFile::Unset).unwrap(), None);
        let set = KeyFile::parse("/etc/k");
        assert_eq!(Place::Memory.key_file(&set).unwrap(), Some(PathBuf::from("/etc/k")));
        let Dsn::Server(server) = Dsn::parse("mysql://u@h/d") else { panic!() };
        assert_eq!(
            Place::Server(server).key_file(&KeyFile::Unset).unwrap_err().to_string(),
            "The key file has no place: set localapi.key_file, to the same file on every machine."
        );
        let error = store.key_file(&KeyFile::parse("k")).unwrap_err().to_string();
        assert_eq!(error, "The key file has no place: localapi.key_file must be an absolute path.");
    }

    #[test]
    fn a_server_is_a_place_only_where_its_engine_was_built() {
        let named = Place::named_by(&Dsn::parse("mysql://u@h/d")).map(|place| place.name());
        let without =
            "This localapi was built without the cargo feature mysql: it has its credential store in a file only.";
        let has_servers = cfg!(feature = "mysql");
        assert_eq!(named.is_ok(), has_servers);
        named.map_or_else(|error| assert_eq!(error.to_string(), without), |name| assert_eq!(name, "h:3306/d"));
    }

    #[test]
    fn a_place_has_a_name_and_tells_whether_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store").display().to_string();
        let store = file(&path, false);
        assert_eq!((store.name(), store.is_there()), (path.clone(), false));
        fs::write(&path, "").unwrap();
        assert!(store.is_there());
        assert_eq!((Place::Memory.name().as_str(), Place::Memory.is_there()), (":memory:", true));
        let Dsn::Server(server) = Dsn::parse("mysql://u:p@h/d") else { panic!() };
        let server = Place::Server(server);
        assert_eq!((server.name().as_str(), server.is_there()), ("h:3306/d", true));
    }

    #[test]
    fn a_path_leads_through_forty_links_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let at = |number: usize| folder.path().join(number.to_string());
        for number in 0..41 {
            symlink((number + 1).to_string(), at(number)).unwrap();
        }
        assert_eq!(resolve(&at(1)).unwrap(), at(41));
        assert!(matches!(resolve(&at(0)), Err(Error::System(SystemError::LinkRefused(_)))));
    }

    #[test]
    fn a_path_leads_where_its_links_lead_whether_or_not_there_is_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let link = |target: &str, name: &str| symlink(target, at(name)).unwrap();
        fs::create_dir_all(at("shared/..2026")).unwrap();
        link("..2026", "shared/..data");
        link("..data/keys", "shared/keys");
        link("shared", "release");
        link("../release/new", "shared/store");
        link("circle", "circle");
        symlink(at("shared/..2026"), at("shared/absolute")).unwrap();
        for (path, leads_to) in [
            ("shared/..2026/keys", "shared/..2026/keys"),
            ("release/keys", "shared/..2026/keys"),
            ("release/../release/./store", "shared/new"),
            ("none/../none/a", "none/a"),
            ("release/absolute/keys", "shared/..2026/keys"),
        ] {
            assert_eq!(resolve(&at(path)).unwrap(), at(leads_to), "{path}");
        }
        assert_eq!(resolve(Path::new("/")).unwrap(), Path::new("/"));
        let circle = resolve(&at("circle/a")).unwrap_err().to_string();
        assert_eq!(
            circle,
            format!(
                "The link \"{}\" is not followed: it leads to itself, or another user has put it there.",
                at("circle").display()
            )
        );
    }

    #[test]
    fn a_link_that_another_user_may_have_put_there_is_not_followed() {
        let [root, user, other, third] = [0, 7, 8, 9];
        for (owner, folder, follows) in [
            (root, other, true),
            (user, root, true),
            (other, other, true),
            (other, root, false),
            (other, user, false),
            (other, third, false),
        ] {
            assert_eq!(is_trusted(owner, Some(folder), user), follows, "a link of {owner} in a folder of {folder}");
        }
        assert!(!is_trusted(other, None, user));
    }
}
