//! The tables, and how a file of an older version gets them.

use rusqlite::{Connection, Result};

use crate::store::seed::{admins, scopes};

/// Marks a SQLite file as a store of ours: "LAPI" in `PRAGMA application_id`.
pub const APPLICATION_ID: i64 = 0x4c41_5049;

/// The version of these tables: what `PRAGMA user_version` says of a file that has them.
pub const VERSION: i64 = 1 + STEPS.len() as i64;

/// How many bytes a page of a new store has; one that was made with others keeps them. A commit writes each page that it
/// changes as a whole, and most rows are short.
pub const PAGE_SIZE: u32 = 2_048;

/// What brings a file of version 1 to version 2, one of 2 to 3, and so on.
const STEPS: &[fn(&Connection) -> Result<()>] = &[to_version_2, to_version_3, to_version_4];

/// Brings a database from one schema version to the newest; 0 is an empty one.
pub fn bring_up(connection: &Connection, version: i64) -> Result<()> {
    match usize::try_from(version - 1) {
        Err(_) => connection.execute_batch(TABLES)?,
        Ok(done) => STEPS.iter().skip(done).try_for_each(|step| step(connection))?,
    }
    connection.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"))
}

/// To be called before the first transaction: it changes nothing of a database that has tables.
pub fn set_page_size(connection: &Connection, size: u32) -> Result<()> {
    connection.pragma_update(None, "page_size", size)
}

/// A new store as the content of a file: put in its place as a whole, it's never seen half made.
pub fn new_file() -> Result<Vec<u8>> {
    new_file_of_pages(PAGE_SIZE)
}

/// The same with pages of another size, as older stores have them.
pub fn new_file_of_pages(size: u32) -> Result<Vec<u8>> {
    let memory = Connection::open_in_memory()?;
    set_page_size(&memory, size)?;
    bring_up(&memory, 0)?;
    let mut content = memory.serialize(rusqlite::MAIN_DB)?.to_vec();
    // Those who write and read it use a write-ahead log (sqlite.org/fileformat2.html, "File format version numbers").
    if let Some(versions) = content.get_mut(18..20) {
        versions.fill(2);
    }
    Ok(content)
}

/// What takes all rows away, and lets the ids start at 1 again.
pub const EMPTY: &[&str] = &[
    "DELETE FROM localapi_lifetimes",
    "DELETE FROM localapi_last_uses",
    "DELETE FROM localapi_api_credentials",
    "DELETE FROM localapi_idempotency_keys",
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

/// What is ours of the lives of credentials.
macro_rules! lives {
    () => {
        "
-- How long a credential counts, where any of that is known.
CREATE TABLE localapi_lifetimes (
    id INTEGER PRIMARY KEY,
    expires_at TEXT DEFAULT NULL,
    disabled INTEGER NOT NULL DEFAULT 0,
    previous_verifier VARCHAR(64) NOT NULL DEFAULT '',
    previous_expires_at TEXT DEFAULT NULL
);
-- When a credential last verified.
CREATE TABLE localapi_last_uses (
    id INTEGER PRIMARY KEY,
    used_at TEXT DEFAULT NULL
);
-- What was created by requests that may be made again: `id` is the credential's.
CREATE TABLE localapi_idempotency_keys (
    id INTEGER PRIMARY KEY,
    key_hash VARCHAR(64) NOT NULL DEFAULT '' UNIQUE,
    request_hash VARCHAR(64) NOT NULL DEFAULT '',
    is_reset INTEGER NOT NULL DEFAULT 0,
    created_at TEXT DEFAULT NULL
);
CREATE INDEX localapi_idempotency_keys_by_age ON localapi_idempotency_keys (created_at);
-- What callers over HTTP may not see, and until when they may call: `id` is the one of tbldeviceauth.
CREATE TABLE localapi_api_credentials (
    id INTEGER PRIMARY KEY,
    hides_secrets INTEGER NOT NULL DEFAULT 0,
    expires_at TEXT DEFAULT NULL
);
CREATE INDEX localapi_lifetimes_by_expiry ON localapi_lifetimes (expires_at) WHERE expires_at IS NOT NULL;
"
    };
}

/// The documented tables. Every column but `id` has a default, so that a row can be inserted with the interesting
/// columns only. Times may be null, as a host's are, and are UTC, which is what CURRENT_TIMESTAMP gives. With AUTOINCREMENT no id is ever given again:
/// what refers to a row that is gone would refer to another one.
const TABLES: &str = concat!(
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
    created_at TEXT DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE tbloauthserver_client_scopes (
    client_id INTEGER NOT NULL DEFAULT 0,
    scope_id INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (client_id, scope_id)
) WITHOUT ROWID;
CREATE TABLE tbloauthserver_scopes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    scope VARCHAR(80) NOT NULL DEFAULT '' UNIQUE,
    description VARCHAR(255) NOT NULL DEFAULT '',
    is_default INTEGER NOT NULL DEFAULT 0,
    created_at TEXT DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE tblhosting (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    userid INTEGER NOT NULL DEFAULT 0,
    domain VARCHAR(255) NOT NULL DEFAULT '',
    domainstatus VARCHAR(255) NOT NULL DEFAULT 'Active',
    created_at TEXT DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE tblclients (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    firstname VARCHAR(255) NOT NULL DEFAULT '',
    lastname VARCHAR(255) NOT NULL DEFAULT '',
    companyname VARCHAR(255) NOT NULL DEFAULT '',
    email VARCHAR(255) NOT NULL DEFAULT '',
    status VARCHAR(255) NOT NULL DEFAULT 'Active',
    created_at TEXT DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE tbladmins (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    username VARCHAR(255) NOT NULL DEFAULT '' UNIQUE,
    password VARCHAR(255) NOT NULL DEFAULT '',
    disabled INTEGER NOT NULL DEFAULT 0,
    created_at TEXT DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT DEFAULT CURRENT_TIMESTAMP
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
-- Calls over HTTP that were refused are counted by network.
CREATE INDEX localapi_activity_of_network ON tblactivitylog (ipaddr, date) WHERE ipaddr <> '' AND user = 'System';
CREATE TABLE tbldeviceauth (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    identifier VARCHAR(255) NOT NULL DEFAULT '' UNIQUE,
    secret VARCHAR(255) NOT NULL DEFAULT '',
    user_id INTEGER NOT NULL DEFAULT 0,
    role_ids VARCHAR(255) NOT NULL DEFAULT '',
    description VARCHAR(255) NOT NULL DEFAULT '',
    last_access TEXT DEFAULT NULL,
    created_at TEXT DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT DEFAULT CURRENT_TIMESTAMP,
    deleted_at TEXT DEFAULT NULL
);
CREATE TABLE tblapi_roles (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    role VARCHAR(255) NOT NULL DEFAULT '',
    description VARCHAR(255) NOT NULL DEFAULT '',
    permissions TEXT NOT NULL DEFAULT '',
    created_at TEXT DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT DEFAULT CURRENT_TIMESTAMP
);
-- What the store knows of itself: the key that its secrets are sealed with.
CREATE TABLE localapi_store (
    name VARCHAR(80) PRIMARY KEY,
    value VARCHAR(255) NOT NULL DEFAULT ''
) WITHOUT ROWID;
",
    lives!(),
    admins!(),
    ";\n",
    scopes!(),
    ";"
);

/// The tables whose ids could be given again in version 1, and what finds the greatest id of theirs that something
/// refers to.
const REFERRED_TO: [(&str, &str); 6] = [
    ("tbloauthserver_scopes", "SELECT scope_id FROM tbloauthserver_client_scopes"),
    ("tblhosting", "SELECT service_id FROM tbloauthserver_clients"),
    (
        "tblclients",
        "SELECT userid FROM tblhosting UNION ALL SELECT CAST(user_id AS INTEGER) FROM tbloauthserver_clients \
         UNION ALL SELECT userid FROM tblactivitylog",
    ),
    ("tbladmins", "SELECT user_id FROM tbldeviceauth UNION ALL SELECT admin_id FROM tblactivitylog"),
    (
        "tbldeviceauth",
        "SELECT CAST(substr(description, length('API credential ')) AS INTEGER) FROM tblactivitylog \
         WHERE description LIKE 'API credential %'",
    ),
    // Each credential was issued with one role.
    ("tblapi_roles", "SELECT CAST(role_ids AS INTEGER) FROM tbldeviceauth"),
];

/// What still refers to a row that is gone stays without one.
fn give_no_id_again(connection: &Connection) -> Result<()> {
    for (table, _) in REFERRED_TO {
        number_for_good(connection, table)?;
    }
    for (table, references) in REFERRED_TO {
        connection.execute_batch(&format!(
            "CREATE TEMP TABLE highest AS SELECT max(id) AS id FROM (SELECT seq AS id FROM main.sqlite_sequence \
             WHERE name = '{table}' UNION ALL {references});
             DELETE FROM main.sqlite_sequence WHERE name = '{table}';
             INSERT INTO main.sqlite_sequence (name, seq) SELECT '{table}', id FROM temp.highest WHERE id > 0;
             DROP TABLE temp.highest;"
        ))?;
    }
    Ok(())
}

/// Ids are given once, and the calls that were refused are counted where those that were accepted have an address, too.
fn to_version_2(connection: &Connection) -> Result<()> {
    give_no_id_again(connection)?;
    connection.execute_batch(
        "DROP INDEX IF EXISTS localapi_activity_of_address;
         CREATE INDEX localapi_activity_of_network ON tblactivitylog (ipaddr, date) WHERE ipaddr <> '' AND user = 'System';",
    )
}

/// Credentials have lives of their own.
fn to_version_3(connection: &Connection) -> Result<()> {
    connection.execute_batch(lives!())
}

/// No rank of a credential is noted any more: a list goes on after an id instead.
fn to_version_4(connection: &Connection) -> Result<()> {
    connection.execute_batch(
        "DROP TRIGGER IF EXISTS localapi_ranks_lower;
         DROP TRIGGER IF EXISTS localapi_ranks_forget;
         DROP TABLE IF EXISTS localapi_ranks;",
    )
}

/// Makes a table anew with AUTOINCREMENT, with all that a host may have added to it: columns, indexes and triggers
/// (sqlite.org/lang_altertable.html, "Making Other Kinds Of Table Schema Changes").
fn number_for_good(connection: &Connection, table: &str) -> Result<()> {
    let texts =
        |sql: &str| connection.prepare(sql)?.query_map([table], |row| row.get(0))?.collect::<Result<Vec<String>>>();
    let made = texts("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1")?.join("");
    let beside = texts("SELECT sql FROM sqlite_schema WHERE type <> 'table' AND tbl_name = ?1 AND sql IS NOT NULL")?;
    let columns = texts("SELECT '\"' || replace(name, '\"', '\"\"') || '\"' FROM pragma_table_info(?1)")?.join(", ");
    let anew = made.replacen(table, "localapi_anew", 1).replacen(
        "id INTEGER PRIMARY KEY",
        "id INTEGER PRIMARY KEY AUTOINCREMENT",
        1,
    );
    // What names the table elsewhere means the new one.
    connection.execute_batch(&format!(
        "PRAGMA legacy_alter_table = ON;
         {anew};
         INSERT INTO localapi_anew ({columns}) SELECT {columns} FROM {table};
         DROP TABLE {table};
         ALTER TABLE localapi_anew RENAME TO {table};
         PRAGMA legacy_alter_table = OFF;
         {};",
        beside.join(";\n")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stores up to version 3 had beside.
    const RANKS: &str = "
        CREATE TABLE localapi_ranks (id INTEGER PRIMARY KEY, rank INTEGER NOT NULL);
        CREATE TRIGGER localapi_ranks_lower AFTER DELETE ON tbloauthserver_clients BEGIN
            UPDATE localapi_ranks SET rank = rank - 1 WHERE id > OLD.id;
        END;
        CREATE TRIGGER localapi_ranks_forget AFTER UPDATE OF id ON tbloauthserver_clients BEGIN
            DELETE FROM localapi_ranks;
        END;";

    /// A store of version 1.
    fn first_version() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        let tables = TABLES.replace(lives!(), "");
        let (clients, others) = tables.split_once("AUTOINCREMENT").unwrap();
        let tables = format!("{clients}AUTOINCREMENT{}", others.replace(" AUTOINCREMENT", ""));
        let tables = tables.replace("activity_of_network", "activity_of_address").replace(" AND user = 'System'", "");
        let tables = tables.replace("_at TEXT DEFAULT CURRENT", "_at TEXT NOT NULL DEFAULT CURRENT");
        connection.execute_batch(&format!("{tables}; {RANKS} PRAGMA user_version = 1;")).unwrap();
        connection
    }

    fn rows(connection: &Connection, sql: &str) -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.collect::<Result<_>>().unwrap()
    }

    /// Each table's columns, each index and trigger, and what numbers its rows for good. The times of a store that was
    /// made by version 1 are never null.
    fn shape(connection: &Connection) -> Vec<String> {
        let columns = "SELECT t.name || '.' || c.name || ' ' || c.type || (c.'notnull' AND c.name NOT LIKE '%_at') || c.pk || coalesce(c.dflt_value, '') \
                       FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table' ORDER BY 1";
        let rest = "SELECT type || tbl_name || name FROM sqlite_schema WHERE type <> 'table' ORDER BY 1";
        let numbered = "SELECT name FROM sqlite_schema WHERE sql LIKE '%AUTOINCREMENT%' ORDER BY 1";
        [columns, rest, numbered].iter().flat_map(|sql| rows(connection, sql)).collect()
    }

    #[test]
    fn a_new_store_has_short_pages_and_one_with_others_keeps_them() {
        let folder = tempfile::tempdir().unwrap();
        let size = |connection: &Connection| connection.query_row("PRAGMA page_size", [], |row| row.get::<_, u32>(0));
        for (pages, name) in [(PAGE_SIZE, "new"), (4_096, "old")] {
            let path = folder.path().join(name);
            std::fs::write(&path, new_file_of_pages(pages).unwrap()).unwrap();
            let connection = Connection::open(&path).unwrap();
            set_page_size(&connection, PAGE_SIZE).unwrap();
            connection.execute_batch("INSERT INTO tblclients DEFAULT VALUES").unwrap();
            assert_eq!(size(&connection).unwrap(), pages);
        }
        let memory = crate::store::sqlite::Sqlite::open_memory(&crate::settings::Settings::default()).unwrap();
        assert_eq!(memory.pragma("page_size").unwrap(), i64::from(PAGE_SIZE));
        assert_eq!(new_file().unwrap()[16..18], u16::try_from(PAGE_SIZE).unwrap().to_be_bytes());
    }

    #[test]
    fn a_store_of_an_older_version_comes_to_be_what_a_new_one_is() {
        let (new, old) = (Connection::open_in_memory().unwrap(), first_version());
        bring_up(&new, 0).unwrap();
        assert_ne!(shape(&old), shape(&new));
        bring_up(&old, 1).unwrap();
        assert_eq!(shape(&old), shape(&new));
        let version = old.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(version, VERSION);
    }

    #[test]
    fn what_a_host_has_added_to_an_older_store_stays() {
        let old = first_version();
        old.execute_batch(
            "ALTER TABLE tbladmins ADD COLUMN \"own \"\" column\" TEXT DEFAULT 'x';
             CREATE INDEX own_index ON tbladmins (password);
             CREATE TABLE own (n INTEGER);
             CREATE VIEW own_view AS SELECT username FROM tbladmins;
             CREATE TRIGGER own_trigger AFTER INSERT ON tbladmins BEGIN INSERT INTO own VALUES (NEW.id); END;
             INSERT INTO tbladmins (id, username, \"own \"\" column\") VALUES (7, 'bob', 'y;');",
        )
        .unwrap();
        bring_up(&old, 1).unwrap();
        assert_eq!(rows(&old, "SELECT id || username || \"own \"\" column\" FROM tbladmins"), ["1adminx", "7boby;"]);
        assert_eq!(rows(&old, "SELECT username FROM own_view"), ["admin", "bob"]);
        old.execute_batch("INSERT INTO tbladmins (username) VALUES ('alice')").unwrap();
        assert_eq!(rows(&old, "SELECT CAST(n AS TEXT) FROM own"), ["7", "8"]);
        assert_eq!(rows(&old, "SELECT name FROM pragma_index_list('tbladmins') WHERE origin = 'c'"), ["own_index"]);
    }

    #[test]
    fn what_an_older_store_still_refers_to_is_given_to_nothing_new() {
        let old = first_version();
        old.execute_batch(
            "INSERT INTO tbloauthserver_client_scopes VALUES (1, 40);
             INSERT INTO tbloauthserver_clients (identifier, service_id, user_id) VALUES ('a', 50, '60');
             INSERT INTO tbldeviceauth (id, identifier, user_id, role_ids) VALUES (3, 'b', 70, '80');
             INSERT INTO tblactivitylog (description) VALUES ('API credential 90 issued (admin 1)');",
        )
        .unwrap();
        bring_up(&old, 1).unwrap();
        for (table, next) in [
            ("tbloauthserver_scopes", 41),
            ("tblhosting", 51),
            ("tblclients", 61),
            ("tbladmins", 71),
            ("tblapi_roles", 81),
            ("tbldeviceauth", 91),
        ] {
            old.execute_batch(&format!("INSERT INTO {table} DEFAULT VALUES")).unwrap();
            assert_eq!(old.last_insert_rowid(), next, "{table}");
        }
    }
}
