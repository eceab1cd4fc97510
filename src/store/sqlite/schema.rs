//! The tables, and how a file of an older version gets them.

use rusqlite::{Connection, Result};

use crate::store::seed::{admins, scopes};

/// Marks a SQLite file as a store of ours: "LAPI" in `PRAGMA application_id`.
pub const APPLICATION_ID: i64 = 0x4c41_5049;

/// One step per schema version: a file with `PRAGMA user_version` n has had the first n.
pub const MIGRATIONS: &[&str] = &[V1];

/// Brings a database from one schema version to the newest.
pub fn run_steps(connection: &Connection, migrations: &[&str], version: i64) -> Result<()> {
    for (step, number) in migrations.iter().zip(1..).skip(usize::try_from(version).unwrap_or(0)) {
        connection.execute_batch(&format!(
            "{step}; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number};"
        ))?;
    }
    Ok(())
}

/// A new store as the content of a file: put in its place as a whole, it's never seen half made.
pub fn new_file() -> Result<Vec<u8>> {
    let memory = Connection::open_in_memory()?;
    run_steps(&memory, MIGRATIONS, 0)?;
    let mut content = memory.serialize(rusqlite::MAIN_DB)?.to_vec();
    // Those who write and read it use a write-ahead log (sqlite.org/fileformat2.html, "File format version numbers").
    if let Some(versions) = content.get_mut(18..20) {
        versions.fill(2);
    }
    Ok(content)
}

/// What takes all rows away, and lets the ids start at 1 again.
pub const EMPTY: &[&str] = &[
    "DELETE FROM localapi_ranks",
    "DELETE FROM tbloauthserver_clients",
    "DELETE FROM tbloauthserver_client_scopes",
    "DELETE FROM tbloauthserver_scopes",
    "DELETE FROM tblhosting",
    "DELETE FROM tblclients",
    "DELETE FROM tbladmins",
    "DELETE FROM tblactivitylog",
    "DELETE FROM tbldeviceauth",
    "DELETE FROM tblapi_roles",
    "DELETE FROM localapi_store",
    "DELETE FROM sqlite_sequence",
];

/// The documented tables. Every column but `id` has a default, so that a row can be inserted with the interesting
/// columns only. Times are UTC, which is what CURRENT_TIMESTAMP gives.
const V1: &str = concat!(
    "
CREATE TABLE tbloauthserver_clients (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    identifier VARCHAR(80) NOT NULL DEFAULT '' UNIQUE,
    secret VARCHAR(255) NOT NULL DEFAULT '',
    redirect_uri VARCHAR(2000) NOT NULL DEFAULT '',
    grant_types VARCHAR(80) NOT NULL DEFAULT '',
    user_id VARCHAR(255) NOT NULL DEFAULT '',
    service_id INTEGER NOT NULL DEFAULT 0,
    name VARCHAR(255) NOT NULL DEFAULT '',
    description VARCHAR(255) NOT NULL DEFAULT '',
    logo_uri VARCHAR(255) NOT NULL DEFAULT '',
    rsa_key_pair_id INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE tbloauthserver_client_scopes (
    client_id INTEGER NOT NULL DEFAULT 0,
    scope_id INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (client_id, scope_id)
) WITHOUT ROWID;
CREATE TABLE tbloauthserver_scopes (
    id INTEGER PRIMARY KEY,
    scope VARCHAR(80) NOT NULL DEFAULT '' UNIQUE,
    description VARCHAR(255) NOT NULL DEFAULT '',
    is_default INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE tblhosting (
    id INTEGER PRIMARY KEY,
    userid INTEGER NOT NULL DEFAULT 0,
    domain VARCHAR(255) NOT NULL DEFAULT '',
    domainstatus VARCHAR(255) NOT NULL DEFAULT 'Active',
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE tblclients (
    id INTEGER PRIMARY KEY,
    firstname VARCHAR(255) NOT NULL DEFAULT '',
    lastname VARCHAR(255) NOT NULL DEFAULT '',
    companyname VARCHAR(255) NOT NULL DEFAULT '',
    email VARCHAR(255) NOT NULL DEFAULT '',
    status VARCHAR(255) NOT NULL DEFAULT 'Active',
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE tbladmins (
    id INTEGER PRIMARY KEY,
    username VARCHAR(255) NOT NULL DEFAULT '' UNIQUE,
    password VARCHAR(255) NOT NULL DEFAULT '',
    disabled INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE tblactivitylog (
    id INTEGER PRIMARY KEY,
    date TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    description TEXT NOT NULL DEFAULT '',
    user VARCHAR(255) NOT NULL DEFAULT '',
    userid INTEGER NOT NULL DEFAULT 0,
    admin_id INTEGER NOT NULL DEFAULT 0,
    ipaddr VARCHAR(255) NOT NULL DEFAULT ''
);
-- Calls over HTTP that were refused are counted by address.
CREATE INDEX localapi_activity_of_address ON tblactivitylog (ipaddr, date) WHERE ipaddr <> '';
CREATE TABLE tbldeviceauth (
    id INTEGER PRIMARY KEY,
    identifier VARCHAR(255) NOT NULL DEFAULT '' UNIQUE,
    secret VARCHAR(255) NOT NULL DEFAULT '',
    user_id INTEGER NOT NULL DEFAULT 0,
    role_ids VARCHAR(255) NOT NULL DEFAULT '',
    description VARCHAR(255) NOT NULL DEFAULT '',
    last_access TEXT DEFAULT NULL,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    deleted_at TEXT DEFAULT NULL
);
CREATE TABLE tblapi_roles (
    id INTEGER PRIMARY KEY,
    role VARCHAR(255) NOT NULL DEFAULT '',
    description VARCHAR(255) NOT NULL DEFAULT '',
    permissions TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
-- What the store knows of itself: the key that its secrets are sealed with.
CREATE TABLE localapi_store (
    name VARCHAR(80) PRIMARY KEY,
    value VARCHAR(255) NOT NULL DEFAULT ''
) WITHOUT ROWID;
-- Every thousandth credential and how many come before it, so that a list that skips many finds its first one.
CREATE TABLE localapi_ranks (
    id INTEGER PRIMARY KEY,
    rank INTEGER NOT NULL
);
CREATE TRIGGER localapi_ranks_lower AFTER DELETE ON tbloauthserver_clients BEGIN
    UPDATE localapi_ranks SET rank = rank - 1 WHERE id > OLD.id;
END;
CREATE TRIGGER localapi_ranks_forget AFTER UPDATE OF id ON tbloauthserver_clients BEGIN
    DELETE FROM localapi_ranks;
END;
",
    admins!(),
    ";\n",
    scopes!(),
    ";"
);
