//! The tables, as MySQL and MariaDB have them, and what they must have when a host has made them.

/// A table: its name, its columns for `CREATE TABLE`, and the rows of a new one.
pub struct Definition {
    /// Its name.
    pub name: &'static str,
    /// Every column that is read or written here.
    pub columns: &'static [&'static str],
    /// What a new one is made of.
    pub definition: &'static str,
    /// What each version but the first changes in a table of the one before. Steps that have been released never change.
    pub steps: &'static [&'static str],
}

/// What the comment of a table of ours begins with; the number of its version is after it. Those of a host have none.
const COMMENT: &str = "localapi, version ";

impl Definition {
    /// The statement that makes it. Identifiers, scopes and user names are compared byte for byte.
    pub fn create(&self) -> String {
        format!(
            "CREATE TABLE IF NOT EXISTS {} ({}) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin \
             COMMENT = '{COMMENT}{}'",
            self.name,
            self.definition,
            self.version()
        )
    }

    /// The version that is known here.
    pub fn version(&self) -> usize {
        1 + self.steps.len()
    }

    /// The version of one with this comment, if it's ours.
    pub fn version_of(comment: &str) -> Option<usize> {
        comment.strip_prefix(COMMENT)?.parse().ok()
    }

    /// The statement that makes the next version of one of this version: with its comment, or not at all.
    pub fn step_from(&self, version: usize) -> Option<String> {
        let step = self.steps.get(version.checked_sub(1)?)?;
        Some(format!("ALTER TABLE {} {step}, COMMENT = '{COMMENT}{}'", self.name, version + 1))
    }
}

macro_rules! times {
    () => {
        "created_at DATETIME DEFAULT (UTC_TIMESTAMP()), updated_at DATETIME DEFAULT (UTC_TIMESTAMP())"
    };
}

/// The documented tables. Once the last one is there all of them are.
pub const TABLES: &[Definition] = &[
    Definition {
        steps: &[],
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
    Definition {
        steps: &[],
        name: "tbloauthserver_client_scopes",
        columns: &["client_id", "scope_id"],
        definition: "client_id BIGINT NOT NULL DEFAULT 0, scope_id BIGINT NOT NULL DEFAULT 0,
                     PRIMARY KEY (client_id, scope_id)",
    },
    Definition {
        steps: &[],
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
    Definition {
        steps: &[],
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
    Definition {
        steps: &[],
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
    Definition {
        steps: &[],
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
    Definition {
        steps: &[],
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
    Definition {
        steps: &[],
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
    Definition {
        steps: &[],
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
    Definition {
        steps: &[],
        name: "localapi_lifetimes",
        columns: &["id", "expires_at", "disabled", "previous_verifier", "previous_expires_at"],
        definition: "id BIGINT NOT NULL PRIMARY KEY,
             expires_at DATETIME DEFAULT NULL,
             disabled INT NOT NULL DEFAULT 0,
             previous_verifier VARCHAR(64) NOT NULL DEFAULT '',
             previous_expires_at DATETIME DEFAULT NULL,
             KEY localapi_lifetimes_by_expiry (expires_at)",
    },
    Definition {
        steps: &[],
        name: "localapi_last_uses",
        columns: &["id", "used_at"],
        definition: "id BIGINT NOT NULL PRIMARY KEY, used_at DATETIME DEFAULT NULL",
    },
    Definition {
        steps: &[],
        name: "localapi_idempotency_keys",
        columns: &["id", "key_hash", "request_hash", "is_reset", "created_at"],
        definition: "id BIGINT NOT NULL PRIMARY KEY,
             key_hash VARCHAR(64) NOT NULL DEFAULT '' UNIQUE,
             request_hash VARCHAR(64) NOT NULL DEFAULT '',
             is_reset INT NOT NULL DEFAULT 0,
             created_at DATETIME DEFAULT NULL,
             KEY localapi_idempotency_keys_by_age (created_at)",
    },
    Definition {
        steps: &[],
        name: "localapi_api_credentials",
        columns: &["id", "hides_secrets", "expires_at"],
        definition: "id BIGINT NOT NULL PRIMARY KEY,
             hides_secrets INT NOT NULL DEFAULT 0,
             expires_at DATETIME DEFAULT NULL",
    },
    Definition {
        steps: &[],
        name: "localapi_store",
        columns: &["name", "value"],
        definition: "name VARCHAR(80) NOT NULL PRIMARY KEY, value VARCHAR(255) NOT NULL DEFAULT ''",
    },
];
