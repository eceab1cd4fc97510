//! The tables, as MySQL and MariaDB have them, and what they must have when a host has made them.

/// A table: its name, its columns for `CREATE TABLE`, and the rows of a new one.
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Every column that is read or written here.
    pub columns: &'static [&'static str],
    definition: &'static str,
}

impl Table {
    /// The statement that makes it. Identifiers, scopes and user names are compared byte for byte.
    pub fn create(&self) -> String {
        format!(
            "CREATE TABLE IF NOT EXISTS {} ({}) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
            self.name, self.definition
        )
    }
}

macro_rules! times {
    () => {
        "created_at DATETIME DEFAULT (UTC_TIMESTAMP()), updated_at DATETIME DEFAULT (UTC_TIMESTAMP())"
    };
}

/// The documented tables. The last one says that all of them were made.
pub const TABLES: &[Table] = &[
    Table {
        name: "tbloauthserver_clients",
        columns: &[
            "id",
            "identifier",
            "secret",
            "redirect_uri",
            "grant_types",
            "user_id",
            "service_id",
            "name",
            "description",
            "logo_uri",
            "rsa_key_pair_id",
            "created_at",
            "updated_at",
        ],
        definition: concat!(
            "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
             identifier VARCHAR(80) NOT NULL DEFAULT '' UNIQUE,
             secret VARCHAR(255) NOT NULL DEFAULT '',
             redirect_uri VARCHAR(2000) NOT NULL DEFAULT '',
             grant_types VARCHAR(80) NOT NULL DEFAULT '',
             user_id VARCHAR(255) NOT NULL DEFAULT '',
             service_id BIGINT NOT NULL DEFAULT 0,
             name VARCHAR(255) NOT NULL DEFAULT '',
             description VARCHAR(255) NOT NULL DEFAULT '',
             logo_uri VARCHAR(255) NOT NULL DEFAULT '',
             rsa_key_pair_id BIGINT NOT NULL DEFAULT 0, ",
            times!()
        ),
    },
    Table {
        name: "tbloauthserver_client_scopes",
        columns: &["client_id", "scope_id"],
        definition: "client_id BIGINT NOT NULL DEFAULT 0, scope_id BIGINT NOT NULL DEFAULT 0,
                     PRIMARY KEY (client_id, scope_id)",
    },
    Table {
        name: "tbloauthserver_scopes",
        columns: &["id", "scope", "description", "created_at", "updated_at"],
        definition: concat!(
            "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
             scope VARCHAR(80) NOT NULL DEFAULT '' UNIQUE,
             description VARCHAR(255) NOT NULL DEFAULT '',
             is_default INT NOT NULL DEFAULT 0, ",
            times!()
        ),
    },
    Table {
        name: "tblhosting",
        columns: &["id", "userid", "created_at", "updated_at"],
        definition: concat!(
            "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
             userid BIGINT NOT NULL DEFAULT 0,
             domain VARCHAR(255) NOT NULL DEFAULT '',
             domainstatus VARCHAR(255) NOT NULL DEFAULT 'Active', ",
            times!()
        ),
    },
    Table {
        name: "tblclients",
        columns: &["id", "created_at", "updated_at"],
        definition: concat!(
            "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
             firstname VARCHAR(255) NOT NULL DEFAULT '',
             lastname VARCHAR(255) NOT NULL DEFAULT '',
             companyname VARCHAR(255) NOT NULL DEFAULT '',
             email VARCHAR(255) NOT NULL DEFAULT '',
             status VARCHAR(255) NOT NULL DEFAULT 'Active', ",
            times!()
        ),
    },
    Table {
        name: "tbladmins",
        columns: &["id", "username", "password", "disabled", "created_at", "updated_at"],
        definition: concat!(
            "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
             username VARCHAR(255) NOT NULL DEFAULT '' UNIQUE,
             password VARCHAR(255) NOT NULL DEFAULT '',
             disabled INT NOT NULL DEFAULT 0, ",
            times!()
        ),
    },
    Table {
        name: "tblactivitylog",
        columns: &["id", "date", "description", "user", "userid", "admin_id", "ipaddr"],
        definition: "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
             date DATETIME NOT NULL DEFAULT (UTC_TIMESTAMP()),
             description VARCHAR(2000) NOT NULL DEFAULT '',
             user VARCHAR(255) NOT NULL DEFAULT '',
             userid BIGINT NOT NULL DEFAULT 0,
             admin_id BIGINT NOT NULL DEFAULT 0,
             ipaddr VARCHAR(255) NOT NULL DEFAULT '',
             KEY localapi_activity_of_network (ipaddr(50), user(10), date)",
    },
    Table {
        name: "tbldeviceauth",
        columns: &[
            "id",
            "identifier",
            "secret",
            "user_id",
            "role_ids",
            "description",
            "last_access",
            "created_at",
            "updated_at",
            "deleted_at",
        ],
        definition: concat!(
            "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
             identifier VARCHAR(255) NOT NULL DEFAULT '' UNIQUE,
             secret VARCHAR(255) NOT NULL DEFAULT '',
             user_id BIGINT NOT NULL DEFAULT 0,
             role_ids VARCHAR(255) NOT NULL DEFAULT '',
             description VARCHAR(255) NOT NULL DEFAULT '',
             last_access DATETIME DEFAULT NULL, ",
            times!(),
            ", deleted_at DATETIME DEFAULT NULL"
        ),
    },
    Table {
        name: "tblapi_roles",
        columns: &["id", "role", "description", "permissions", "created_at", "updated_at"],
        definition: concat!(
            "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
             role VARCHAR(255) NOT NULL DEFAULT '',
             description VARCHAR(255) NOT NULL DEFAULT '',
             permissions VARCHAR(10000) NOT NULL DEFAULT '', ",
            times!()
        ),
    },
    Table {
        name: "localapi_lifetimes",
        columns: &["id", "expires_at", "disabled", "previous_verifier", "previous_expires_at"],
        definition: "id BIGINT NOT NULL PRIMARY KEY,
             expires_at DATETIME DEFAULT NULL,
             disabled INT NOT NULL DEFAULT 0,
             previous_verifier VARCHAR(64) NOT NULL DEFAULT '',
             previous_expires_at DATETIME DEFAULT NULL,
             KEY localapi_lifetimes_by_expiry (expires_at)",
    },
    Table {
        name: "localapi_last_uses",
        columns: &["id", "used_at"],
        definition: "id BIGINT NOT NULL PRIMARY KEY, used_at DATETIME DEFAULT NULL",
    },
    Table {
        name: "localapi_idempotency_keys",
        columns: &["id", "key_hash", "request_hash", "is_reset", "created_at"],
        definition: "id BIGINT NOT NULL PRIMARY KEY,
             key_hash VARCHAR(64) NOT NULL DEFAULT '' UNIQUE,
             request_hash VARCHAR(64) NOT NULL DEFAULT '',
             is_reset INT NOT NULL DEFAULT 0,
             created_at DATETIME DEFAULT NULL,
             KEY localapi_idempotency_keys_by_age (created_at)",
    },
    Table {
        name: "localapi_api_credentials",
        columns: &["id", "hides_secrets", "expires_at"],
        definition: "id BIGINT NOT NULL PRIMARY KEY,
             hides_secrets INT NOT NULL DEFAULT 0,
             expires_at DATETIME DEFAULT NULL",
    },
    Table {
        name: "localapi_store",
        columns: &["name", "value"],
        definition: "name VARCHAR(80) NOT NULL PRIMARY KEY, value VARCHAR(255) NOT NULL DEFAULT ''",
    },
];
