//! The tables: made on first use, or a host's own.

use super::super::schema::Definition;
use super::super::session::{Fault, ServerSession};
use super::*;
use crate::store::engine::Missing;

/// A user of this database with these rights only.
fn user(site: &Site, rights: &str) -> Server {
    let database = &site.database.server.database;
    let name = format!("u_{database}");
    site.database.run(&format!(
        "DROP USER IF EXISTS {name}; CREATE USER {name} IDENTIFIED BY 'p'; GRANT {rights} ON {database}.* TO {name}"
    ));
    Server { user: name, password: "p".to_owned().into(), ..site.database.server.clone() }
}

fn session_of(site: &Site, server: &Server) -> Session {
    Session::new(site.database.settings_at(server.clone()))
}

fn message<T: std::fmt::Debug>(answer: Result<T>) -> String {
    answer.unwrap_err().to_string()
}

#[test]
fn they_are_made_in_innodb_and_compare_names_by_their_bytes() {
    let Some(site) = Site::new() else { return };
    site.create().unwrap();
    let database = &site.database.server.database;
    let engines = format!("SELECT DISTINCT engine FROM information_schema.tables WHERE table_schema = '{database}'");
    assert_eq!(site.database.rows(&engines), [["InnoDB"]]);
    let collations = format!(
        "SELECT DISTINCT collation_name FROM information_schema.columns WHERE table_schema = '{database}' \
         AND collation_name IS NOT NULL"
    );
    assert_eq!(site.database.rows(&collations), [["utf8mb4_bin"]]);
}

#[test]
fn many_that_need_them_at_once_make_them_once() {
    let Some(site) = Site::new() else { return };
    std::thread::scope(|scope| {
        let creators: Vec<_> = (0..8).map(|_| scope.spawn(|| create(&Session::new(site.settings.clone())))).collect();
        for creator in creators {
            creator.join().unwrap().unwrap();
        }
    });
    assert_eq!(site.database.one("SELECT count(*) FROM tbladmins"), "1");
    assert_eq!(site.database.one("SELECT count(*) FROM tbloauthserver_scopes"), "23");
    assert_eq!(site.database.one("SELECT count(*) FROM tbloauthserver_clients"), "8");
}

#[test]
fn a_user_who_may_not_make_them_is_told_which_one_is_missing() {
    let Some(site) = Site::new() else { return };
    let place = site.database.server.place();
    let server = user(&site, "SELECT, INSERT, UPDATE, DELETE");
    let lacks = |table: &str| {
        format!("The credential store at {place} lacks the table {table}: create it, or let this user create tables.")
    };
    assert_eq!(message(create(&session_of(&site, &server))), lacks("tbloauthserver_clients"));
    site.create().unwrap();
    create(&session_of(&site, &server)).unwrap();
    site.database.run("DROP TABLE tblhosting");
    assert_eq!(message(create(&session_of(&site, &server))), lacks("tblhosting"));
    create(&Session::new(site.settings.clone())).unwrap();
    site.database.run("DROP TABLE localapi_store");
    assert_eq!(message(create(&session_of(&site, &server))), lacks("localapi_store"));
}

#[test]
fn a_user_without_a_right_is_told() {
    let Some(site) = Site::new() else { return };
    site.create().unwrap();
    let server = user(&site, "SELECT");
    let needs = format!(
        "The credential store at {} denied the access: this user needs SELECT, INSERT, UPDATE and DELETE there.",
        site.database.server.place()
    );
    assert_eq!(message(create(&session_of(&site, &server))), needs);
    assert_eq!(site.ids().len(), 1);
}

#[test]
fn a_table_that_lacks_a_column_is_told() {
    let Some(site) = Site::new() else { return };
    site.database.run("CREATE TABLE tbladmins (id INT PRIMARY KEY, username TEXT)");
    let lacks = format!(
        "The credential store at {} has a table tbladmins without the column password.",
        Proxy::server(&site.proxy, &site.database.server).place()
    );
    assert_eq!(message(site.create()), lacks);
}

const FIRST: &[Definition] =
    &[Definition { name: "localapi_x", columns: &["id"], definition: "id INT NOT NULL PRIMARY KEY", steps: &[] }];
const SECOND: &[Definition] = &[Definition {
    name: "localapi_x",
    columns: &["id", "a", "b"],
    definition: "id INT NOT NULL PRIMARY KEY, a INT NOT NULL DEFAULT 7, b INT NOT NULL DEFAULT 8",
    steps: &["ADD COLUMN a INT NOT NULL DEFAULT 7", "ADD COLUMN b INT NOT NULL DEFAULT 8"],
}];

#[test]
fn a_table_of_ours_is_brought_up_to_the_version_that_is_known() {
    let Some(database) = Database::new() else { return };
    let open =
        |server: &Server, missing, tables| ServerSession::over(server, &Settings::default(), missing, tables).map(drop);
    let server = &database.server;
    open(server, Missing::Made, FIRST).unwrap();
    database.run("INSERT INTO localapi_x (id) VALUES (1)");
    // The user may not: then the sentence has the statement.
    let site = Site::new().unwrap();
    let few = user(&site, "SELECT");
    let few = Server { database: server.database.clone(), ..few };
    site.database.run(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {}.* TO {}", server.database, few.user));
    let refused = open(&few, Missing::Made, SECOND).unwrap_err().into_error(server, &Settings::default()).to_string();
    let statement = "ALTER TABLE localapi_x ADD COLUMN a INT NOT NULL DEFAULT 7, COMMENT = 'localapi, version 2'";
    assert_eq!(
        refused,
        format!(
            "The credential store at {} has a table localapi_x of an older version: run {statement}; or let this user \
             alter tables.",
            server.place()
        )
    );
    // Many at once, and one that opens only what is there.
    std::thread::scope(|scope| {
        for missing in [Missing::Made, Missing::Refused, Missing::Made] {
            scope.spawn(move || open(server, missing, SECOND).unwrap());
        }
    });
    assert_eq!(database.rows("SELECT id, a, b FROM localapi_x"), [["1", "7", "8"]]);
    // A release that doesn't know this version.
    let refused = open(server, Missing::Made, FIRST).unwrap_err().into_error(server, &Settings::default()).to_string();
    assert_eq!(
        refused,
        format!(
            "The credential store at {} has a table localapi_x of version 3, and this localapi knows up to 1: update it \
             on this machine, too.",
            server.place()
        )
    );
}

#[test]
fn a_new_table_is_of_the_newest_version_and_a_hosts_table_is_left_alone() {
    let Some(database) = Database::new() else { return };
    let server = &database.server;
    let open = || ServerSession::over(server, &Settings::default(), Missing::Made, SECOND).map(drop);
    open().unwrap();
    open().unwrap();
    database.run("DROP TABLE localapi_x; CREATE TABLE localapi_x (id INT PRIMARY KEY) COMMENT = 'ours'");
    assert_eq!(open(), Err(Fault::ColumnMissing("localapi_x", "a")));
    assert_eq!(database.one("SELECT count(*) FROM information_schema.columns WHERE table_schema = DATABASE()"), "1");
}

#[test]
fn a_table_without_transactions_is_refused_and_nothing_is_made_or_changed() {
    for (table, engine) in
        [("tblactivitylog", "MyISAM"), ("tbloauthserver_clients", "MyISAM"), ("localapi_store", "MEMORY")]
    {
        let Some(site) = Site::new() else { return };
        site.create().unwrap();
        let log = "SELECT count(*) FROM tblactivitylog";
        let lines = site.database.one(log);
        site.database.run(&format!("ALTER TABLE {table} ENGINE={engine}; DROP TABLE tblhosting"));
        let session = Session::new(site.settings.clone());
        let refused = format!(
            "The credential store at {} cannot use its table {table}: the engine {engine} has no transactions; run \
             ALTER TABLE {table} ENGINE=InnoDB.",
            Proxy::server(&site.proxy, &site.database.server).place()
        );
        assert_eq!(message(create(&session)), refused);
        assert_eq!(message(rotation::rotate(&session, || true)), refused);
        assert_eq!(site.database.rows("SHOW TABLES LIKE 'tblhosting'"), Vec::<Vec<String>>::new());
        assert_eq!(site.database.one(log), lines);
        site.database.run(&format!("ALTER TABLE {table} ENGINE=InnoDB"));
        create(&session).unwrap();
    }
}

#[test]
fn what_sql_inserts_has_the_time_in_utc_whatever_the_zone_of_its_session() {
    let Some(site) = Site::new() else { return };
    site.create().unwrap();
    site.database.run(
        "SET time_zone = '+11:00';
         INSERT INTO tblclients (id) VALUES (5); INSERT INTO tblactivitylog (id) VALUES (500);
         INSERT INTO tbldeviceauth (id, identifier) VALUES (5, 'x')",
    );
    for column in ["tblclients.created_at", "tblclients.updated_at", "tblactivitylog.date", "tbldeviceauth.created_at"]
    {
        let (table, name) = column.split_once('.').unwrap();
        let late = format!(
            "SELECT abs(timestampdiff(MINUTE, {name}, utc_timestamp())) < 2 FROM {table} ORDER BY id DESC LIMIT 1"
        );
        assert_eq!(site.database.one(&late), "1", "{column}");
    }
}

#[test]
fn a_time_that_is_null_or_zero_is_none() {
    let Some(site) = host() else { return };
    site.create_with("openid", None).unwrap();
    let issued =
        crate::http::api_credential::issue(&site.session, b"admin", &[b"*".to_vec()], b"", Default::default()).unwrap();
    let times = || {
        let listed = site.call("ListOAuthCredentials", &[("sortField", "createdAt")]).unwrap();
        listed
            .into_iter()
            .filter(|(key, _)| matches!(*key, "createdAt" | "updatedAt"))
            .map(|(_, value)| value)
            .collect::<Vec<_>>()
    };
    let credential = || site.session.read(|store| store.api_credential(&issued.identifier)).unwrap();
    for none in ["NULL", "'0000-00-00 00:00:00'"] {
        site.database.run(&format!(
            "SET sql_mode = ''; UPDATE tbloauthserver_clients SET created_at = {none}, updated_at = {none};
             UPDATE tbldeviceauth SET last_access = {none}, deleted_at = {none}, created_at = {none}"
        ));
        assert_eq!(times(), [Value::Null, Value::Null], "{none}");
        assert!(credential().is_some(), "{none}");
    }
    assert!(crate::http::api_credential::revoke(&site.session, issued.identifier.as_bytes()).unwrap());
    assert_eq!(credential(), None);
    assert!(!crate::http::api_credential::revoke(&site.session, issued.identifier.as_bytes()).unwrap());
}

#[test]
fn an_admin_is_disabled_in_whatever_words_a_hosts_column_has() {
    let Some(site) = host() else { return };
    site.database.run("ALTER TABLE tbladmins MODIFY disabled VARCHAR(10) NULL");
    for (value, is_disabled) in [("'true'", true), ("'yes'", true), ("'on'", true), ("'0'", false), ("NULL", false)] {
        site.database.run(&format!("UPDATE tbladmins SET disabled = {value}"));
        let refused = site.create_with("openid", Some("admin")).map_err(|error| error.to_string());
        let sentence = "The admin user \"admin\" is disabled.".to_owned();
        assert_eq!(refused.err(), is_disabled.then_some(sentence), "{value}");
    }
}

/// Tables that a host has made long ago: other collations and character sets, more columns, in another order, other
/// types, nulls, columns without a default, and names that are unique without regard to case.
const FOREIGN: &str = "
    CREATE TABLE tbloauthserver_clients (
        created_at TIMESTAMP NULL, uuid CHAR(36) NULL, id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        secret VARCHAR(255) NULL, identifier VARCHAR(80) NOT NULL, redirect_uri VARCHAR(2000) NULL,
        grant_types VARCHAR(80) NULL, user_id VARCHAR(255) NULL, service_id INT NULL, name VARCHAR(255) NULL,
        description VARCHAR(255) NULL, logo_uri VARCHAR(255) NULL, rsa_key_pair_id INT UNSIGNED NOT NULL,
        updated_at TIMESTAMP NULL, UNIQUE KEY (identifier)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8 COLLATE=utf8_unicode_ci;
    CREATE TABLE tbloauthserver_client_scopes (
        note TEXT, scope_id INT UNSIGNED NOT NULL, client_id INT UNSIGNED NOT NULL, KEY (client_id)
    ) ENGINE=InnoDB;
    CREATE TABLE tbloauthserver_scopes (
        scope VARCHAR(80) NOT NULL UNIQUE, id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        description VARCHAR(255) NOT NULL, is_default TINYINT(1) NOT NULL DEFAULT 0, created_at DATETIME NULL,
        updated_at DATETIME NULL
    ) ENGINE=InnoDB DEFAULT CHARSET=latin1;
    CREATE TABLE tblhosting (
        id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, packageid INT NOT NULL, userid INT UNSIGNED NULL,
        domain TEXT NOT NULL, domainstatus ENUM('Active', 'Suspended') NOT NULL, created_at DATETIME NULL,
        updated_at DATETIME NULL
    ) ENGINE=InnoDB;
    CREATE TABLE tblclients (
        id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, firstname TEXT NOT NULL, email VARCHAR(200) NULL UNIQUE,
        created_at DATETIME NULL, updated_at DATETIME NULL
    ) ENGINE=InnoDB;
    CREATE TABLE tbladmins (
        id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, uuid CHAR(36) NULL, roleid INT NULL,
        username VARCHAR(255) CHARACTER SET latin1 COLLATE latin1_swedish_ci NOT NULL UNIQUE,
        password VARCHAR(255) NOT NULL DEFAULT '', disabled TINYINT UNSIGNED NULL, created_at DATETIME NULL,
        updated_at DATETIME NULL
    ) ENGINE=InnoDB;
    CREATE TABLE tblactivitylog (
        id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, date DATETIME NOT NULL, description TEXT NOT NULL,
        user TEXT NOT NULL, userid INT NOT NULL, user_id INT UNSIGNED NOT NULL DEFAULT 0, admin_id INT NOT NULL,
        ipaddr TEXT NOT NULL
    ) ENGINE=InnoDB;
    CREATE TABLE tbldeviceauth (
        id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, identifier VARCHAR(255) NOT NULL UNIQUE,
        secret VARCHAR(255) NOT NULL, compat_secret VARCHAR(255) NOT NULL DEFAULT '', user_id INT UNSIGNED NOT NULL,
        is_admin TINYINT NOT NULL DEFAULT 0, role_ids TEXT NOT NULL, description VARCHAR(255) NULL,
        last_access DATETIME NULL, created_at DATETIME NULL, updated_at DATETIME NULL, deleted_at DATETIME NULL
    ) ENGINE=InnoDB;
    INSERT INTO tbloauthserver_scopes (scope, description) VALUES ('clientarea:sso', 'Sign in'), ('openid', ''), ('b', ''), ('C', '');
    INSERT INTO tbladmins (username) VALUES ('admin'), ('j\u{f6}rg');
    INSERT INTO tblclients (id, firstname, email) VALUES (42, 'A', '');
    INSERT INTO tblhosting (id, packageid, userid, domain) VALUES (7, 1, 42, ''), (8, 1, NULL, ''), (9, 1, 43, '')";

fn host() -> Option<Site> {
    let site = Site::new()?;
    site.database.run(&format!("SET NAMES utf8mb4; {FOREIGN}"));
    Some(site)
}

#[test]
fn a_hosts_tables_are_used_as_they_are() {
    let Some(site) = host() else { return };
    let single = [("grantType", "single_sign_on"), ("serviceId", "7"), ("scope", "openid clientarea:sso")];
    let created = site.call("CreateOAuthCredential", &single).unwrap();
    let named = [("grantType", "authorization_code"), ("name", "Z\u{fc}rich"), ("scope", "openid")];
    let second = site.call("CreateOAuthCredential", &named).unwrap();
    assert_eq!([id(&created), id(&second)], [1, 2]);
    let (identifier, secret) = secret(&created);
    let found = verify(&site.session, identifier.as_bytes(), secret.as_bytes()).unwrap().unwrap();
    let scopes = vec!["clientarea:sso".to_owned(), "openid".to_owned()];
    assert_eq!(found[3], ("scope", Value::Texts(scopes)));
    assert_eq!(found[5], ("userId", Value::Int(42)));

    let update = [("credentialId", "2"), ("description", "d"), ("scope", "b"), ("resetSecret", "1")];
    site.call("UpdateOAuthCredential", &update).unwrap();
    let listed = site.call("ListOAuthCredentials", &[("sortField", "name"), ("sortOrder", "DESC")]).unwrap();
    let names: Vec<_> = listed.iter().filter(|(key, _)| *key == "name").map(|(_, name)| name.clone()).collect();
    assert_eq!(names, [Value::Text("Z\u{fc}rich".to_owned()), Value::Text(String::new())]);
    site.call("DeleteOAuthCredential", &[("credentialId", "1")]).unwrap();
    assert_eq!(site.ids(), [2]);
    assert_eq!(site.database.rows("SELECT client_id, scope_id FROM tbloauthserver_client_scopes"), [["2", "3"]]);

    for (service, sentence) in [
        ("8", "Service ID not associated with valid Client."),
        ("9", "Service ID not associated with valid Client."),
        ("10", "A valid Service ID is required."),
    ] {
        let single = [("grantType", "single_sign_on"), ("serviceId", service), ("scope", "openid")];
        assert_eq!(message(site.call("CreateOAuthCredential", &single)), sentence);
    }
    let issued = crate::http::api_credential::issue(
        &site.session,
        "j\u{f6}rg".as_bytes(),
        &[b"*".to_vec()],
        b"",
        Default::default(),
    )
    .unwrap();
    assert!(crate::http::api_credential::revoke(&site.session, issued.identifier.as_bytes()).unwrap());
    assert_eq!(rotation::rotate(&site.session, || true).unwrap(), 1);
}

#[test]
fn names_are_compared_by_their_bytes_whatever_the_collation() {
    let Some(site) = host() else { return };
    let created = site.create_with("openid", None).unwrap();
    for scope in ["OPENID", "openid\u{301}", "\u{1f600}", "c"] {
        let refused = format!("The requested scope \"{scope}\" is invalid.");
        assert_eq!(message(site.create_with(scope, None)), refused);
    }
    for admin in ["ADMIN", "admin ", "jorg", "J\u{d6}RG", "\u{1f600}"] {
        let refused = format!("The admin user \"{admin}\" was not found.");
        assert_eq!(message(site.create_with("openid", Some(admin))), refused);
    }
    site.create_with("openid", Some("j\u{f6}rg")).unwrap();
    let (identifier, secret) = secret(&created);
    for other in [identifier.to_lowercase(), format!("{identifier} "), format!("{identifier}\0")] {
        assert!(verify(&site.session, other.as_bytes(), secret.as_bytes()).unwrap().is_none(), "{other}");
        let update = [("clientApiIdentifier", other.as_str()), ("name", "B")];
        assert_eq!(message(site.call("UpdateOAuthCredential", &update)), "Invalid Client Identifier provided.");
    }
    assert!(verify(&site.session, identifier.as_bytes(), secret.as_bytes()).unwrap().is_some());
    let issued =
        crate::http::api_credential::issue(&site.session, b"admin", &[b"*".to_vec()], b"", Default::default()).unwrap();
    let other = issued.identifier.to_lowercase();
    assert!(!crate::http::api_credential::revoke(&site.session, other.as_bytes()).unwrap());
}

#[test]
fn lists_are_sorted_by_bytes_whatever_the_collation() {
    let Some(site) = host() else { return };
    for name in ["b", "A", "a", "\u{e9}", "B", "a "] {
        let given = [("grantType", "authorization_code"), ("name", name), ("scope", "openid")];
        site.call("CreateOAuthCredential", &given).unwrap();
    }
    let listed = site.call("ListOAuthCredentials", &[("sortField", "name")]).unwrap();
    let names: Vec<_> = listed.into_iter().filter(|(key, _)| *key == "name").map(|(_, name)| name).collect();
    assert_eq!(names, ["A", "B", "a", "a ", "b", "\u{e9}"].map(|name| Value::Text(name.to_owned())));
}

#[test]
fn a_name_that_the_host_takes_for_another_is_refused_and_changes_nothing() {
    let Some(site) = host() else { return };
    let sentence = "The credential store takes this for another row: a unique column has an equal value.";
    assert_eq!(message(register_admin(&site.session, b"Admin")), sentence);
    assert_eq!(message(register_scope(&site.session, b"OpenID", b"Other")), sentence);
    assert_eq!(site.database.one("SELECT count(*) FROM tbladmins"), "2");
    assert_eq!(
        site.database.rows("SELECT scope, description FROM tbloauthserver_scopes WHERE id = 2"),
        [["openid", ""]]
    );
    register_admin(&site.session, b"admin").unwrap();
    register_scope(&site.session, b"openid", b"Own").unwrap();
    assert_eq!(site.database.one("SELECT description FROM tbloauthserver_scopes WHERE id = 2"), "Own");
}

#[test]
fn a_column_that_does_not_take_a_value_is_told_and_nothing_is_stored() {
    let Some(site) = host() else { return };
    site.create().unwrap_err();
    let place = Proxy::server(&site.proxy, &site.database.server).place();
    let unfit =
        |column: &str| format!("The credential store at {place} has a column {column} that does not take this value.");
    // utf8 has no four bytes.
    let named = [("grantType", "authorization_code"), ("name", "\u{1f600}"), ("scope", "openid")];
    assert_eq!(message(site.call("CreateOAuthCredential", &named)), unfit("name"));
    site.database.run("ALTER TABLE tbloauthserver_clients MODIFY secret VARCHAR(100)");
    assert_eq!(message(site.create_with("openid", None)), unfit("secret"));
    site.database.run("ALTER TABLE tbloauthserver_clients MODIFY secret VARCHAR(255), MODIFY uuid CHAR(36) NOT NULL");
    let without_default =
        |column: &str| format!("The credential store at {place} has a column {column} without a default: give it one.");
    assert_eq!(message(site.create_with("openid", None)), without_default("uuid"));
    assert_eq!(message(register_service(&site.session, 1, 2)), without_default("firstname"));
    site.database.run("ALTER TABLE tbloauthserver_clients MODIFY uuid CHAR(36) NOT NULL DEFAULT ''");
    assert_eq!(site.ids(), [] as [i64; 0]);
    assert_eq!(site.database.one("SELECT count(*) FROM tblactivitylog"), "0");
    site.create_with("openid", None).unwrap();
}

#[test]
fn a_column_of_the_hosts_that_must_be_unique_is_told() {
    let Some(site) = Site::new() else { return };
    site.create().unwrap();
    site.database.run("ALTER TABLE tbloauthserver_clients ADD uuid CHAR(36) NOT NULL DEFAULT '' UNIQUE");
    let sentence = "The credential store takes this for another row: a unique column has an equal value.";
    assert_eq!(message(site.create()), sentence);
    assert_eq!(site.ids().len(), 1);
}

#[test]
fn times_are_utc_whatever_the_server_has() {
    let Some(site) = host() else { return };
    site.database.run("SET GLOBAL time_zone = '+05:00'");
    let created = site.create_with("openid", None);
    site.database.run("SET GLOBAL time_zone = DEFAULT");
    created.unwrap();
    let age = "SELECT abs(unix_timestamp() - unix_timestamp(created_at)) < 60 FROM tbloauthserver_clients";
    assert_eq!(site.database.one(age), "1");
    let listed = site.call("ListOAuthCredentials", &[]).unwrap();
    let Some((_, Value::Time(time))) = listed.iter().find(|(key, _)| *key == "createdAt") else { panic!("{listed:?}") };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(now.abs_diff(u64::try_from(*time).unwrap()) < 60);
}

#[test]
fn a_scope_that_stands_twice_is_shown_whichever_a_credential_has() {
    let Some(site) = host() else { return };
    site.database.run(
        "ALTER TABLE tbloauthserver_scopes DROP KEY scope; INSERT INTO tbloauthserver_scopes (scope, description) VALUES ('openid', '')",
    );
    let created = [site.create_with("openid", None).unwrap(), site.create_with("openid", None).unwrap()];
    site.database.run("UPDATE tbloauthserver_client_scopes SET scope_id = 5 WHERE client_id = 2");
    for answer in &created {
        let (identifier, secret) = secret(answer);
        let found = verify(&site.session, identifier.as_bytes(), secret.as_bytes()).unwrap().unwrap();
        assert_eq!(found[3], ("scope", Value::Texts(vec!["openid".to_owned()])));
    }
}
