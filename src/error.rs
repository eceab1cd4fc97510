//! Everything that can go wrong, in the words a caller reads.

use std::fmt;
use std::path::PathBuf;

use crate::settings::DsnFault;
use crate::text::Quoted;

/// What a call can fail with. `Display` is the sentence that the caller sees: the answer's `message`, or the message of
/// a `LocalApi\StoreException`. None holds a secret, a key, a password or SQL.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // The call itself.
    /// No command of this name is answered here.
    #[error("The requested command \"{0}\" was not found.")]
    UnknownCommand(Quoted),
    /// The same, where PHP could have answered it by what is named.
    #[error("The requested command \"{0}\" was not found: {1} would answer it.")]
    Unanswered(Quoted, &'static str),
    /// Handlers have called localAPI 64 deep.
    #[error("The command \"{0}\" was not run: handlers have called localAPI 64 deep.")]
    TooDeep(Quoted),
    /// `tbladmins` has no row with this user name.
    #[error("The admin user \"{0}\" was not found.")]
    UnknownAdmin(Quoted),
    /// The admin's row says `disabled`.
    #[error("The admin user \"{0}\" is disabled.")]
    DisabledAdmin(Quoted),
    /// A rule reads this parameter, and its bytes are not UTF-8.
    #[error("The parameter \"{0}\" must be valid UTF-8.")]
    NotUtf8(&'static str),
    /// A rule reads this parameter as a string, and it's an array, a resource or an object that has no text.
    #[error("The parameter \"{0}\" must be a string.")]
    NotAString(&'static str),
    /// PHP threw, or ended the request, while a parameter was read. The caller gets that, not this.
    #[error("A parameter could not be read.")]
    Interrupted,

    // The rules of a credential, in the order in which they are checked.
    /// `grantType` is absent or blank.
    #[error("A valid grant type is required.")]
    GrantTypeRequired,
    /// `grantType` is no grant type that is known here.
    #[error("The requested grant type \"{0}\" is invalid.")]
    GrantTypeInvalid(Quoted),
    /// An authorization_code credential has no name.
    #[error("A name for the Client Credential is required.")]
    NameRequired,
    /// A single_sign_on credential has no service.
    #[error("A service ID is required for the single sign-on grant type.")]
    ServiceRequired,
    /// `scope` holds no token.
    #[error("At least one valid scope is required.")]
    ScopeRequired,
    /// A token has no row in `tbloauthserver_scopes`.
    #[error("The requested scope \"{0}\" is invalid.")]
    ScopeInvalid(Quoted),
    /// `serviceId` is no positive whole number, or has no row in `tblhosting`.
    #[error("A valid Service ID is required.")]
    ServiceInvalid,
    /// The service's `userid` has no row in `tblclients`.
    #[error("Service ID not associated with valid Client.")]
    ServiceWithoutClient,
    /// More than 64 different scopes.
    #[error("At most 64 scopes are allowed.")]
    TooManyScopes,
    /// `name` or `description` is longer than its column, or `search` than both.
    #[error("The {0} is longer than 255 characters.")]
    TextTooLong(&'static str),
    /// `name`, `description` or `search` holds a control character.
    #[error("The {0} contains control characters.")]
    TextWithControls(&'static str),
    /// `logoUri` is longer than its column.
    #[error("The logo URI is longer than 255 characters.")]
    LogoUriTooLong,
    /// `logoUri` is neither an `http` or `https` URL nor a path below the client area.
    #[error("The logo URI \"{0}\" is invalid: {1}.")]
    LogoUriInvalid(Quoted, &'static str),
    /// More than 32 redirect URIs.
    #[error("At most 32 redirect URIs are allowed.")]
    TooManyRedirectUris,
    /// The redirect URIs, joined, are longer than their column.
    #[error("The redirect URIs are longer than 2,000 characters.")]
    RedirectUrisTooLong,
    /// A redirect URI that OAuth must not redirect to.
    #[error("The redirect URI \"{0}\" is invalid: {1}.")]
    RedirectUriInvalid(Quoted, &'static str),
    /// `idempotencyKey` is empty, too long or holds a control character.
    #[error("The idempotency key must be 1 to 255 printable characters.")]
    IdempotencyKeyInvalid,
    /// Something else was asked for with this `idempotencyKey` before.
    #[error("The idempotency key was used with other parameters: take another one.")]
    IdempotencyKeyUsed,
    /// The credential that was created with this `idempotencyKey` is deleted.
    #[error("The credential that was created with this idempotency key has been deleted: take another key.")]
    CreatedIsDeleted,
    /// The secret of the credential that was created with this `idempotencyKey` was reset.
    #[error(
        "The secret of the credential that was created with this idempotency key has been reset: take another key."
    )]
    CreatedIsReset,
    /// `expiresAt` is no time, or one that has passed.
    #[error("The expiry \"{0}\" is invalid: {1}.")]
    ExpiryInvalid(Quoted, &'static str),

    // The other commands.
    /// Neither `credentialId` nor `clientApiIdentifier` says anything.
    #[error("A Credential ID or Client Identifier is required.")]
    CredentialRequired,
    /// `credentialId` names no credential.
    #[error("Invalid Credential ID provided.")]
    CredentialInvalid,
    /// `clientApiIdentifier` names no credential.
    #[error("Invalid Client Identifier provided.")]
    IdentifierInvalid,
    /// `overlap` is no whole number of seconds that is allowed.
    #[error("The overlap \"{0}\" is invalid: it must be 1 to 2,592,000 seconds.")]
    OverlapInvalid(Quoted),
    /// `sortField` is no key that a list can be sorted by.
    #[error("The sort field \"{0}\" is invalid.")]
    SortFieldInvalid(Quoted),
    /// `sortOrder` is neither `ASC` nor `DESC`.
    #[error("The sort order \"{0}\" is invalid.")]
    SortOrderInvalid(Quoted),
    /// `limit` is no whole number.
    #[error("The limit \"{0}\" is invalid.")]
    LimitInvalid(Quoted),
    /// `limitstart` is no whole number.
    #[error("The limit start \"{0}\" is invalid.")]
    LimitStartInvalid(Quoted),
    /// `unusedSince` is no time.
    #[error("The time \"{0}\" of unusedSince is invalid: {1}.")]
    UnusedSinceInvalid(Quoted, &'static str),
    /// `afterId` is no whole number, or the list isn't in the order of ids.
    #[error("The after ID \"{0}\" is invalid: {1}.")]
    AfterIdInvalid(Quoted, &'static str),

    /// An argument of a function of ours is of the right type and still can't be used. PHP makes it a `ValueError` that
    /// names the argument.
    #[error("must be {must}")]
    Argument {
        /// Which argument, from 1.
        position: u32,
        /// What it must be.
        must: &'static str,
    },

    /// A fixture of the sandbox can't be stored. PHP makes it a `ValueError` that names the argument.
    #[error("must {must}")]
    Fixture {
        /// Which argument, from 1.
        position: u32,
        /// What it must do.
        must: String,
    },

    // Where the store is.
    /// A server's `localapi.dsn` is empty.
    #[error(
        "The credential store has no place: set localapi.dsn in php.ini, for example localapi.dsn = \"sqlite:/var/lib/localapi/store.sqlite\"."
    )]
    StoreNotConfigured,
    /// `localapi.dsn` is empty, and neither XDG_DATA_HOME nor HOME is set to an absolute path.
    #[error("The credential store has no place: set localapi.dsn in php.ini, or HOME in the environment.")]
    StoreHomeless,
    /// `localapi.dsn` is empty, and the default place can't be made.
    #[error("The credential store has no place: this user cannot make \"{}\"; set localapi.dsn in php.ini, or HOME in the environment.", .0.display())]
    StoreHomeUnusable(PathBuf),
    /// A DSN can't be read.
    #[error("The credential store has no place: {0}.")]
    DsnInvalid(DsnFault),
    /// `localapi.key_file` can't be read.
    #[error("The key file has no place: localapi.key_file must be an absolute path.")]
    KeyFileInvalid,
    /// `localapi.key_file` is empty, and the store is at a server.
    #[error("The key file has no place: set localapi.key_file, to the same file on every machine.")]
    KeyFileUnset,

    /// A path leads through a link that another user may have put there, or through too many.
    #[error("The link \"{}\" is not followed: it leads to itself, or another user has put it there.", .0.display())]
    LinkRefused(PathBuf),
    /// A file beside the store is a folder, a link or a pipe, or has another name somewhere.
    #[error("The file \"{}\" is not a regular file with one name: find out who has put it there, then remove it.", .0.display())]
    FileUnfit(PathBuf),

    // The store.
    /// The folder of the store isn't there.
    #[error("The credential store cannot be opened: the folder \"{}\" does not exist.", .0.display())]
    StoreFolderMissing(PathBuf),
    /// The store's path is a folder or another thing that is no file.
    #[error("The credential store cannot be opened: \"{}\" is not a file.", .0.display())]
    StoreNotAFile(PathBuf),
    /// The operating system doesn't let this user open the store.
    #[error("The credential store cannot be opened: this user needs to read and write \"{}\" and its folder.", .0.display())]
    StoreUnreachable(PathBuf),
    /// The file, its folder or its file system can't be written.
    #[error("The credential store is read-only: this user needs to write \"{}\" and its folder.", .0.display())]
    StoreReadOnly(PathBuf),
    /// No space is left where the store is.
    #[error("The credential store is full: free space on the disk of {}.", .0.owner())]
    StoreFull(Location),
    /// This process, or the whole system, has as many files open as it may.
    #[error(
        "The credential store {0} cannot be opened: no file descriptor is free; raise the limit of open files (ulimit -n)."
    )]
    NoDescriptor(Location),
    /// A commit could not be flushed to the disk. It's in the file still, and goes with the next power cut or not.
    #[error("The credential store could not be flushed to the disk of \"{}\": what this call has stored may be lost; look whether it is there.", .0.display())]
    StoreUnflushed(PathBuf),
    /// Another process held the store for longer than `localapi.busy_timeout`.
    #[error("The credential store is locked: another process has kept {kept} for more than {waited} ms; try again, or raise localapi.busy_timeout.", kept = .0.kept(), waited = .1)]
    StoreLocked(Location, u64),
    /// What only a store in memory can is asked of another.
    #[error("The credential store is not in memory.")]
    NotInMemory,
    /// A transaction or a result of PDO is open on the sandbox's store, in the thread that this call runs in.
    #[error(
        "The sandbox's store is in use by PDO: end the transaction, or read the result to its end, before this call."
    )]
    HeldByPdo,
    /// Somebody has removed the write-ahead log, or put another in its place, while this call stored something.
    #[error("The write-ahead log of the credential store \"{}\" was removed while it was in use: what this call has stored may be lost; look whether it is there.", .0.display())]
    StoreDisplaced(PathBuf),
    /// Somebody has cut the file where writers queue while it was in use.
    #[error("The file \"{}\" was cut while the credential store was in use: try again, and leave it alone.", .0.display())]
    GateCut(PathBuf),
    /// The file's content is damaged.
    #[error("The credential store is damaged: restore \"{}\" from a backup.", .0.display())]
    StoreDamaged(PathBuf),
    /// A file that isn't a store of ours. It's left as it is.
    #[error("The file \"{}\" is not a credential store; it was left untouched.", .0.display())]
    StoreForeign(PathBuf),
    /// A store made by a newer version. It's left as it is.
    #[error("The credential store \"{path}\" has schema version {found}, and this localapi knows up to {known}; it was left untouched.", path = .0.display(), found = .1, known = .2)]
    StoreNewer(PathBuf, i64, i64),
    /// The file system can't hold a write-ahead log.
    #[error("The credential store cannot use a write-ahead log at \"{}\": put it on a local disk.", .0.display())]
    StoreWithoutWal(PathBuf),
    /// A process forked while other threads had the store open, and this is the child.
    #[error(
        "The credential store cannot be used here: this process was forked while other threads had the store open."
    )]
    StoreForked,

    // The store at a server.
    /// The cargo feature `mysql` was off when this was built.
    #[error("This localapi was built without the cargo feature mysql: it has its credential store in a file only.")]
    WithoutServers,
    /// There is no way to the server, or it takes no connection.
    #[error("The credential store at {0} cannot be reached: {1}.")]
    ServerUnreachable(String, &'static str),
    /// There is no encrypted connection to the server, or not to the right one.
    #[error("The credential store at {0} cannot be trusted: {1}.")]
    ServerUntrusted(String, &'static str),
    /// The server doesn't know the user, the password or the host, or wants TLS.
    #[error("The credential store at {0} refused the login: {1}.")]
    ServerRefused(String, &'static str),
    /// The server has ended a statement that took longer than it allows.
    #[error("The credential store at {0} has ended a statement: raise max_execution_time or max_statement_time there.")]
    ServerImpatient(String),
    /// The server's binary log can't take what is written here.
    #[error("The credential store at {0} cannot be used: its binary log must not be of the format STATEMENT.")]
    ServerLogsStatements(String),
    /// The user may not read or write a table.
    #[error("The credential store at {0} denied the access: this user needs SELECT, INSERT, UPDATE and DELETE there.")]
    ServerDenied(String),
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
    ServerTooOld(String, Quoted),
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
    ServerReadOnly(String),
    /// The server has answered nothing for longer than `read_timeout`.
    #[error("The credential store at {0} has not answered for {1} ms.")]
    ServerSilent(String, u64),
    /// The server has answered what makes no sense: it may be no MySQL or MariaDB.
    #[error("The credential store at {0} has answered what is not MySQL's protocol: check localapi.dsn.")]
    ServerGarbled(String),
    /// The server is gone, or the network to it, and the answer to a commit with it.
    #[error("The connection to the credential store at {0} was lost while it stored this: look whether it has.")]
    CommitUnanswered(String),
    /// The server has undone the transaction for the sake of another's, again and again.
    #[error("The credential store {0} is contended: nothing was stored, try again.")]
    StoreContended(Location),

    // The store that is copied.
    /// PHP's `open_basedir` doesn't allow a file of a store that is copied.
    #[error("The file \"{}\" is outside of the folders that open_basedir allows.", .0.display())]
    OutsideOpenBasedir(PathBuf),
    /// There is no store where one is to be copied, or something is to be done that makes no sense with a new one.
    #[error("There is no credential store at \"{}\": look whether that is the place that was meant.", .0.display())]
    StoreMissing(PathBuf),
    /// A copy of this store that isn't finished is used, or copied itself.
    #[error("The credential store is an unfinished copy: finish it with LocalApi\\copy_store, or remove it.")]
    CopyUnfinished,
    /// A store that is to be a copy isn't new, and no unfinished copy of the same store.
    #[error("The store to copy to is neither new nor an unfinished copy of the same store: it was left untouched.")]
    TargetNotEmpty,
    /// The store to copy to doesn't take a row.
    #[error("The row {id} of {table} cannot be copied: {reason}")]
    RowNotCopied {
        /// The table.
        table: &'static str,
        /// The row's id.
        id: i64,
        /// A sentence.
        reason: String,
    },
    /// A row of the copy isn't what it is in the source, or only one of them has it.
    #[error(
        "The row {id} of {table} is not the same in the copy{}: somebody has changed it meanwhile, or the table does not take it as it is.",
        .column.as_ref().map_or_else(String::new, |column| format!(", in its column {column}"))
    )]
    CopyDiffers {
        /// The table.
        table: &'static str,
        /// The row's id.
        id: i64,
        /// The first column in which they differ; none where only one of them has the row.
        column: Option<String>,
    },

    /// A copy has more rows than its source, or fewer.
    #[error("The copy does not have as many rows of {0} as its source: somebody has changed them meanwhile.")]
    CopyIncomplete(&'static str),

    /// The connection was lost in the middle of a batch.
    #[error("The credential store was lost in the middle of a batch: nothing of it was stored.")]
    BatchLost,
    /// A call of a batch has failed when it had written something. Nobody sees this: the batch is done again.
    #[error("The call was left half-written.")]
    HalfWritten,
    /// A value that must be unique is there already. Nobody sees this: another value is tried.
    #[error("The value is taken.")]
    Taken,
    /// Any other fault, with SQLite's own word for it.
    #[error("The credential store {0} failed: {1}.")]
    StoreFailed(Location, String),

    // The vault.
    /// The store holds sealed secrets, and their key file is gone.
    #[error("The key file \"{}\" is missing: put it back, the stored secrets cannot be read without it.", .0.display())]
    KeyFileMissing(PathBuf),
    /// The file holds no keys of ours.
    #[error("The key file \"{}\" is damaged: restore it from a backup.", .0.display())]
    KeyFileDamaged(PathBuf),
    /// Users outside the file's group can read or write it.
    #[error("The key file \"{}\" is open to other users: take their permissions away (chmod o= on it).", .0.display())]
    KeyFileExposed(PathBuf),
    /// This user can't read the file.
    #[error("The key file \"{path}\" cannot be read: {reason}.", path = .0.display(), reason = .1)]
    KeyFileUnreadable(PathBuf, String),
    /// Another process held the key file for longer than `localapi.busy_timeout`.
    #[error("The key file \"{path}\" is locked: another process has kept it for more than {waited} ms; try again, or raise localapi.busy_timeout.", path = .0.display(), waited = .1)]
    KeyFileLocked(PathBuf, u64),
    /// A key file is needed and can't be made.
    #[error("The key file \"{path}\" cannot be written: {reason}.", path = .0.display(), reason = .1)]
    KeyFileUnwritable(PathBuf, String),
    /// The file doesn't hold the key that this store seals with.
    #[error("The key file \"{path}\" lacks the key \"{key}\" of this store: put a newer copy in its place, or the store's own file.", path = .0.display(), key = .1)]
    KeyFileForeign(PathBuf, String),
    /// A sealed value was changed, or moved to another row.
    #[error("The secret of OAuth credential {0} is damaged.")]
    SecretDamaged(i64),
    /// The operating system gave no random bytes.
    #[error("The operating system's random number generator failed.")]
    NoRandomness,
    /// The system's clock is outside the years 1970 to 9999.
    #[error("The system's clock is wrong.")]
    ClockWrong,
}

/// Where the store is that a fault is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In this file.
    File(PathBuf),
    /// At a server: the host, the port and the database.
    Server(String),
}

impl Location {
    /// Whose disk is meant.
    fn owner(&self) -> String {
        match self {
            Self::File(path) => format!("\"{}\"", path.display()),
            Self::Server(place) => format!("the server at {place}"),
        }
    }

    /// What a lock is on.
    fn kept(&self) -> String {
        match self {
            Self::File(path) => format!("\"{}\"", path.display()),
            Self::Server(place) => format!("a row at {place}"),
        }
    }
}

/// `The credential store "/path"`, `The credential store at host:3306/database`.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "\"{}\"", path.display()),
            Self::Server(place) => write!(f, "at {place}"),
        }
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl Error {
    /// Whether the transaction that was open is gone with this.
    pub fn undoes_transaction(&self) -> bool {
        self.is_fault_of_store()
            || matches!(self, Self::StoreContended(_) | Self::CommitUnanswered(_) | Self::HalfWritten)
    }

    /// Whether this is no mistake of the caller's: those who run the machine should know.
    pub fn is_fault(&self) -> bool {
        !matches!(
            self,
            Self::UnknownCommand(_)
                | Self::Unanswered(..)
                | Self::TooDeep(_)
                | Self::UnknownAdmin(_)
                | Self::DisabledAdmin(_)
                | Self::NotUtf8(_)
                | Self::NotAString(_)
                | Self::Interrupted
                | Self::GrantTypeRequired
                | Self::GrantTypeInvalid(_)
                | Self::NameRequired
                | Self::ServiceRequired
                | Self::ScopeRequired
                | Self::ScopeInvalid(_)
                | Self::ServiceInvalid
                | Self::ServiceWithoutClient
                | Self::TooManyScopes
                | Self::TextTooLong(_)
                | Self::TextWithControls(_)
                | Self::LogoUriTooLong
                | Self::LogoUriInvalid(..)
                | Self::TooManyRedirectUris
                | Self::RedirectUrisTooLong
                | Self::RedirectUriInvalid(..)
                | Self::ExpiryInvalid(..)
                | Self::IdempotencyKeyInvalid
                | Self::IdempotencyKeyUsed
                | Self::CreatedIsDeleted
                | Self::CreatedIsReset
                | Self::CredentialRequired
                | Self::CredentialInvalid
                | Self::IdentifierInvalid
                | Self::OverlapInvalid(_)
                | Self::SortFieldInvalid(_)
                | Self::SortOrderInvalid(_)
                | Self::LimitInvalid(_)
                | Self::LimitStartInvalid(_)
                | Self::UnusedSinceInvalid(..)
                | Self::AfterIdInvalid(..)
                | Self::Argument { .. }
                | Self::Fixture { .. }
        )
    }

    /// Whether a connection to the store should not be used again after this.
    pub fn is_fault_of_store(&self) -> bool {
        matches!(
            self,
            Self::StoreReadOnly(_)
                | Self::StoreUnreachable(_)
                | Self::StoreFull(_)
                | Self::NoDescriptor(_)
                | Self::StoreUnflushed(_)
                | Self::StoreDisplaced(_)
                | Self::GateCut(_)
                | Self::StoreDamaged(_)
                | Self::StoreFailed(..)
                | Self::ServerUnreachable(..)
                | Self::ServerUntrusted(..)
                | Self::ServerRefused(..)
                | Self::ServerDenied(_)
                | Self::ServerReadOnly(_)
                | Self::ServerSilent(..)
                | Self::ServerGarbled(_)
        )
    }
}

/// What a call gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;
