//! What goes wrong between here and the server, and what becomes of a call then.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::proxy::Trouble;
use super::*;
use crate::batch;
use crate::error::{Error, ServerError, StoreError};
use crate::place::Place;
use crate::settings::{Dsn, KeyFile, Settings, Verify};
use crate::store::{Verdict, test_server, test_sql};

/// Ends every session that uses the database, as `wait_timeout` or an administrator does.
fn kill_sessions(site: &Site) {
    let database = &site.database.server.database;
    let sessions =
        format!("SELECT id FROM information_schema.processlist WHERE db = '{database}' AND id <> CONNECTION_ID()");
    for session in site.database.rows(&sessions) {
        site.database.run(&format!("KILL {}", session[0]));
    }
}

type Call = fn(&Site, &Fields) -> Result<()>;

/// Each kind of call, on a credential that is there.
fn calls() -> [(&'static str, Call); 9] {
    [
        ("create", |site, _| site.create().map(drop)),
        ("list", |site, _| site.call("ListOAuthCredentials", &[]).map(drop)),
        ("update", |site, known| {
            let id = id(known).to_string();
            site.call("UpdateOAuthCredential", &[("credentialId", &id), ("name", "B"), ("resetSecret", "1")]).map(drop)
        }),
        ("verify", |site, known| {
            let (identifier, secret) = secret(known);
            verify(&site.session, identifier.as_bytes(), secret.as_bytes()).map(drop)
        }),
        ("delete", |site, known| {
            site.call("DeleteOAuthCredential", &[("credentialId", &id(known).to_string())]).map(drop)
        }),
        ("register_service", |site, _| register_service(&site.session, 7, 70)),
        ("register_admin", |site, _| register_admin(&site.session, b"eve")),
        ("register_scope", |site, _| register_scope(&site.session, b"shop", b"A shop")),
        ("rotate_key", |site, _| rotation::rotate(&site.session, || true).map(drop)),
    ]
}

#[test]
fn a_session_that_has_ended_while_it_was_idle_is_opened_again() {
    for (name, call) in calls() {
        let Some(site) = Site::new() else { return };
        let known = site.create().unwrap();
        kill_sessions(&site);
        call(&site, &known).unwrap_or_else(|error| panic!("{name}: {error}"));
        site.proxy.cut_all();
        site.create().unwrap_or_else(|error| panic!("after {name}: {error}"));
    }
}

#[test]
fn a_server_that_ends_idle_sessions_is_no_fault() {
    let Some(site) = Site::new() else { return };
    let mut created = vec![site.create().unwrap()];
    site.database.run("SET GLOBAL wait_timeout = 1");
    site.proxy.cut_all();
    created.push(site.create().unwrap());
    site.database.run("SET GLOBAL wait_timeout = DEFAULT");
    std::thread::sleep(Duration::from_millis(1_500));
    created.push(site.create().unwrap());
    site.assert_kept(&created);
}

/// What is stored of a call whose connection is cut at this word.
fn creates_once(word: &'static str, trouble: Trouble) {
    let Some(site) = Site::new() else { return };
    let mut created = vec![site.create().unwrap()];
    site.proxy.plan(word, trouble);
    created.push(site.create().unwrap());
    assert!(site.proxy.is_done(), "the connection was cut");
    created.push(site.create().unwrap());
    if let Trouble::Late(delay) = trouble {
        // By now the server has seen all that it was sent.
        std::thread::sleep(2 * delay);
    }
    site.assert_kept(&created);
}

#[test]
fn a_connection_that_is_lost_before_the_transaction_is_sent_costs_nothing() {
    creates_once("START TRANSACTION", Trouble::CutBefore);
}

#[test]
fn a_connection_that_is_lost_with_the_first_answers_costs_nothing() {
    creates_once("START TRANSACTION", Trouble::CutAfter);
}

#[test]
fn a_commit_that_the_server_never_saw_is_made_again() {
    creates_once("COMMIT", Trouble::CutBefore);
}

#[test]
fn a_commit_whose_answer_is_lost_is_looked_up() {
    creates_once("COMMIT", Trouble::CutAfter);
}

#[test]
fn a_commit_that_the_server_sees_later_is_waited_for() {
    creates_once("COMMIT", Trouble::Late(Duration::from_millis(500)));
}

#[test]
fn a_commit_that_fails_in_words_that_leave_it_open_is_looked_up() {
    for (code, commits) in [(1180, "COMMIT;"), (1180, ""), (3100, "COMMIT;"), (3100, "")] {
        let Some(site) = Site::new() else { return };
        let mut created = vec![site.create().unwrap()];
        site.database.run(&format!(
            "CREATE PROCEDURE fail() BEGIN {commits} SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {code}; END"
        ));
        site.proxy.plan("COMMIT", Trouble::Instead("CALL fail()"));
        created.push(site.create().unwrap_or_else(|error| panic!("{code} {commits}: {error}")));
        assert!(site.proxy.is_done());
        created.push(site.create().unwrap());
        site.assert_kept(&created);
    }
}

#[test]
fn a_commit_that_the_server_says_it_has_undone_is_made_again() {
    let Some(site) = Site::new() else { return };
    let mut created = vec![site.create().unwrap()];
    site.database.run("CREATE PROCEDURE fail() BEGIN ROLLBACK; SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213; END");
    site.proxy.plan("COMMIT", Trouble::Instead("CALL fail()"));
    created.push(site.create().unwrap());
    assert!(site.proxy.is_done());
    site.assert_kept(&created);
}

#[test]
fn what_a_node_has_ended_before_its_commit_is_made_again_without_a_look() {
    // As a node of a cluster answers, that also shows no next session what has become of this one.
    let node = "SELECT 'wsrep_on', 'ON' UNION SELECT 'wsrep_cluster_address', 'gcomm://' \
                UNION SELECT 'version', version() UNION SELECT variable_name, '' FROM (SELECT '' AS variable_name) none";
    let variables = |proxy: &Proxy| proxy.plan("SHOW SESSION VARIABLES", Trouble::Instead(node));
    let Some(site) = Site::with(|_| {}, variables) else { return };
    if !site.database.is_mariadb() {
        // Only MariaDB has compound statements outside of procedures.
        return;
    }
    let mut created = vec![site.create().unwrap()];
    assert!(site.proxy.is_done());
    // So it says where it has ended the transaction while it was reading a trigger.
    let insert = "INSERT INTO tbloauthserver_client_scopes";
    let ended = "SIGNAL SQLSTATE '42000' SET MYSQL_ERRNO = 1064; INSERT INTO tbloauthserver_client_scopes";
    site.proxy.plan(insert, Trouble::Instead(ended));
    created.push(site.create().unwrap());
    assert!(site.proxy.is_done());
    created.push(site.create().unwrap());
    site.assert_kept(&created);
}

#[test]
fn what_a_server_refuses_that_has_become_read_only_is_made_over_a_new_connection() {
    let Some(site) = Site::new() else { return };
    let mut created = vec![site.create().unwrap()];
    let insert = "INSERT INTO tbloauthserver_clients";
    let refusal = "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1290; INSERT INTO tbloauthserver_clients";
    site.proxy.plan(insert, Trouble::Instead(refusal));
    created.push(site.create().unwrap());
    assert!(site.proxy.is_done());
    site.proxy.plan("COMMIT", Trouble::Instead("SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1290"));
    created.push(site.create().unwrap());
    assert!(site.proxy.is_done());
    site.assert_kept(&created);
}

#[test]
fn whatever_a_server_has_set_for_every_session_each_call_is_stored_and_shown_whole() {
    let Some(site) = Site::new() else { return };
    let database = &site.database.server.database;
    let user = format!("odd_{database}");
    site.database.run(&format!("CREATE USER {user} IDENTIFIED BY 'p'; GRANT ALL ON {database}.* TO {user}"));
    // For these the server sets this at each login.
    let odd = "SET SESSION autocommit = 0, sql_select_limit = 1";
    let previous = site.database.one("SELECT @@GLOBAL.init_connect");
    site.database.run(&format!("SET GLOBAL init_connect = '{odd}'"));
    let settings = site.database.settings_at(Server {
        user: user.clone(),
        password: "p".to_owned().into(),
        ..site.database.server.clone()
    });
    let session = Session::new(settings);
    let created: Vec<Fields> = (0..3).map(|_| create(&session).unwrap()).collect();
    register_admin(&session, b"eve").unwrap();
    let listed = call(&session, "ListOAuthCredentials", &[]).unwrap();
    site.database.run(&format!("SET GLOBAL init_connect = '{previous}'; DROP USER {user}"));
    assert_eq!(listed.iter().filter(|(key, _)| *key == "credentialId").count(), 3);
    site.assert_kept(&created);
    assert_eq!(site.database.one("SELECT count(*) FROM tbladmins"), "2");
}

#[test]
fn whoever_waits_for_the_end_of_a_lost_session_may_be_ended_as_well() {
    let Some(site) = Site::new() else { return };
    let mut created = vec![site.create().unwrap()];
    let late = Duration::from_millis(1_500);
    site.proxy.plan("COMMIT", Trouble::Late(late));
    let (database, ended) = (&site.database, AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for kill in ["KILL QUERY", "KILL"] {
                let waiting = "SELECT id FROM information_schema.processlist WHERE state = 'User lock' AND db = ";
                let found = loop {
                    match database.rows(&format!("{waiting}'{}'", database.server.database)).first() {
                        Some(found) => break found[0].clone(),
                        None if ended.load(Ordering::Relaxed) => return,
                        None => std::thread::sleep(Duration::from_millis(5)),
                    }
                };
                // It may have ended meanwhile.
                let _ = database.connect().query(&format!("{kill} {found}"), 1);
            }
        });
        let answer = site.create();
        ended.store(true, Ordering::Relaxed);
        created.push(answer.unwrap());
    });
    std::thread::sleep(late);
    site.assert_kept(&created);
}

#[test]
fn whatever_becomes_of_the_commit_of_a_change_it_is_made_once() {
    let lines = "SELECT description FROM tblactivitylog WHERE description NOT LIKE '%created%' ORDER BY id";
    for trouble in [Trouble::CutBefore, Trouble::CutAfter, Trouble::Late(Duration::from_millis(300))] {
        let Some(site) = Site::new() else { return };
        let known = [site.create().unwrap(), site.create().unwrap()];
        let first = id(&known[0]).to_string();
        site.proxy.plan("COMMIT", trouble);
        let reset = [("credentialId", first.as_str()), ("resetSecret", "1")];
        let answer = site.call("UpdateOAuthCredential", &reset).unwrap();
        let [_, ("newClientSecret", Value::Secret(new))] = answer.as_slice() else { panic!("{answer:?}") };
        let (identifier, old) = secret(&known[0]);
        let verifies =
            |secret: &str| verify(&site.session, identifier.as_bytes(), secret.as_bytes()).unwrap().is_some();
        assert!(verifies(new.reveal()) && !verifies(&old));

        site.proxy.plan("COMMIT", trouble);
        let second = id(&known[1]).to_string();
        site.call("DeleteOAuthCredential", &[("credentialId", &second)]).unwrap();
        assert!(site.proxy.is_done());
        assert_eq!(site.ids(), [id(&known[0])]);
        let written = [format!("OAuth credential {first} secret reset"), format!("OAuth credential {second} deleted")];
        assert_eq!(site.database.rows(lines).concat(), written, "{trouble:?}");
    }
}

#[test]
fn whatever_becomes_of_the_commit_of_a_registration_it_is_made() {
    for trouble in [Trouble::CutBefore, Trouble::CutAfter, Trouble::Late(Duration::from_millis(300))] {
        let Some(site) = Site::new() else { return };
        site.create().unwrap();
        for (name, call) in calls().into_iter().filter(|(name, _)| name.starts_with('r')) {
            site.proxy.plan("COMMIT", trouble);
            call(&site, &Vec::new()).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(site.proxy.is_done(), "{name}");
        }
        assert_eq!(site.database.rows("SELECT username FROM tbladmins ORDER BY id"), [["admin"], ["eve"]]);
        assert_eq!(site.database.rows("SELECT userid FROM tblhosting WHERE id = 7"), [["70"]]);
        assert_eq!(
            site.database.rows("SELECT description FROM tbloauthserver_scopes WHERE scope = 'shop'"),
            [["A shop"]]
        );
    }
}

#[test]
fn whatever_becomes_of_the_commit_of_an_api_credential_it_is_issued_and_revoked_once() {
    use crate::http::api_credential::{issue, revoke};
    for trouble in [Trouble::CutBefore, Trouble::CutAfter, Trouble::Late(Duration::from_millis(300))] {
        let Some(site) = Site::new() else { return };
        site.create().unwrap();
        site.proxy.plan("COMMIT", trouble);
        let issued = issue(&site.session, b"admin", &[b"*".to_vec()], b"", Default::default()).unwrap();
        let kept = "SELECT identifier FROM tbldeviceauth WHERE deleted_at IS NULL";
        assert_eq!(site.database.rows(kept), [[issued.identifier.as_str()]]);
        site.proxy.plan("COMMIT", trouble);
        assert!(revoke(&site.session, issued.identifier.as_bytes()).unwrap(), "{trouble:?}");
        assert!(site.proxy.is_done());
        assert_eq!(site.database.one("SELECT count(*) FROM tbldeviceauth"), "1");
        assert_eq!(site.database.one("SELECT count(*) FROM tbldeviceauth WHERE deleted_at IS NULL"), "0");
    }
}

/// A batch of so many creates.
fn create_many(site: &Site, count: usize) -> Vec<Result<Fields>> {
    let given = REQUEST.iter().fold(Given::default(), |given, (name, value)| given.with(name, value));
    let calls: Vec<_> =
        (0..count).map(|_| command::read(&Request::new(b"CreateOAuthCredential", &given, None))).collect();
    batch::answer(&site.session, &calls, || true).into_iter().map(|reply| reply.map(|reply| reply.fields)).collect()
}

#[test]
fn whatever_becomes_of_a_batch_each_of_its_calls_is_made_once() {
    let late = Trouble::Late(Duration::from_millis(300));
    for (word, trouble) in [
        ("START TRANSACTION", Trouble::CutAfter),
        ("SAVEPOINT", Trouble::CutBefore),
        ("RELEASE", Trouble::CutAfter),
        ("COMMIT", Trouble::CutBefore),
        ("COMMIT", Trouble::CutAfter),
        ("COMMIT", late),
    ] {
        let Some(site) = Site::new() else { return };
        site.create().unwrap();
        site.database.run(
            "DELETE FROM tbloauthserver_clients; DELETE FROM tbloauthserver_client_scopes; DELETE FROM tblactivitylog",
        );
        site.proxy.plan(word, trouble);
        let created: Vec<Fields> = create_many(&site, 5)
            .into_iter()
            .map(|reply| reply.unwrap_or_else(|error| panic!("{word}: {error}")))
            .collect();
        assert!(site.proxy.is_done(), "{word}");
        site.assert_kept(&created);
    }
}

#[test]
fn a_server_that_answers_nothing_is_told_after_the_timeout() {
    let quick = |server: &mut Server| server.read_timeout = Duration::from_secs(1);
    let Some(site) = Site::with(quick, |_| {}) else { return };
    let mut created = vec![site.create().unwrap()];
    let place = Place::Server(Box::new(site.proxy.server(&site.database.server))).name();
    site.proxy.plan("SELECT", Trouble::Silence);
    let error = site.create().unwrap_err().to_string();
    assert_eq!(error, format!("The credential store at {place} has not answered for 1000 ms."));
    created.push(site.create().unwrap());
    // The commit itself is looked up.
    site.proxy.plan("COMMIT", Trouble::Silence);
    created.push(site.create().unwrap());
    site.assert_kept(&created);
}

#[test]
fn a_lost_session_that_the_server_keeps_is_ended_and_its_call_made_again() {
    let impatient = |server: &mut Server| server.read_timeout = Duration::from_secs(2);
    let Some(site) = Site::with(impatient, |_| {}) else { return };
    let mut created = vec![site.create().unwrap()];
    // For the server its client is there for longer than anybody waits.
    let late = Duration::from_secs(3);
    site.proxy.plan("COMMIT", Trouble::Late(late));
    created.push(site.create().unwrap());
    assert!(site.proxy.is_done());
    std::thread::sleep(2 * late);
    site.assert_kept(&created);
}

#[test]
fn a_commit_of_which_nothing_can_be_known_is_told_as_that() {
    let Some(site) = Site::with(|_| {}, |_| {}) else { return };
    site.create().unwrap();
    // The next session is at another server, for all it says.
    site.proxy.plan("COMMIT", Trouble::CutAfter);
    site.proxy.plan_next("SHOW SESSION VARIABLES", Trouble::Instead("SHOW SESSION STATUS"));
    let place = Place::Server(Box::new(site.proxy.server(&site.database.server))).name();
    assert_eq!(
        site.create().unwrap_err().to_string(),
        format!(
            "The connection to the credential store at {place} was lost while it stored this: look whether it has."
        )
    );
    assert!(site.proxy.is_done());
}

#[test]
fn a_deadlock_is_tried_again() {
    let Some(site) = Site::new() else { return };
    let known = [site.create().unwrap(), site.create().unwrap()];
    let (first, second) = (id(&known[0]), id(&known[1]).to_string());
    let mut other = site.database.connect();
    let mut run = |sql: &str| test_server::run(&mut other, sql);
    // The other one has more to lose, so the server ends this one.
    run("START TRANSACTION");
    let numbers = test_sql::numbers(500);
    run(&format!("INSERT INTO tblactivitylog (description) SELECT 'other' FROM ({numbers}) AS n"));
    run(&format!("UPDATE tbloauthserver_clients SET name = 'other' WHERE id = {second}"));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let session = Session::new(site.settings.clone());
            let mut change = |store: &mut crate::store::Store| {
                store.update_secret(first, "", "2001-01-01 00:00:00")?;
                store.credential(first)?;
                store.update_secret(second.parse().unwrap(), "", "2001-01-01 00:00:00")
            };
            session.transaction(&mut change, |()| Verdict::Unknown.always())
        });
        let waits = "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'";
        while site.database.one(waits) == "0" && !waiting.is_finished() {
            // The server looks again only where nobody has asked for a tenth of a second.
            std::thread::sleep(Duration::from_millis(150));
        }
        run(&format!("UPDATE tbloauthserver_clients SET name = 'other' WHERE id = {first}"));
        run("COMMIT");
        waiting.join().unwrap().unwrap();
    });
    let rows = site.database.rows("SELECT name, secret FROM tbloauthserver_clients");
    assert_eq!(rows, [["other", ""], ["other", ""]]);
}

#[test]
fn a_lock_that_outlasts_the_timeout_is_told() {
    let Some(site) = Site::new() else { return };
    let known = site.create().unwrap();
    let mut other = site.database.connect();
    let mut run = |sql: &str| test_server::run(&mut other, sql);
    run("START TRANSACTION");
    run("SELECT * FROM tbloauthserver_clients FOR UPDATE");
    let session = Session::new(Settings { busy_timeout: Duration::from_millis(500), ..site.settings.clone() });
    let update = [("credentialId", id(&known).to_string()), ("name", "B".to_owned())];
    let update: Vec<(&str, &str)> = update.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let place = Place::Server(Box::new(site.proxy.server(&site.database.server))).name();
    assert_eq!(
        call(&session, "UpdateOAuthCredential", &update).unwrap_err().to_string(),
        format!(
            "The credential store is locked: another process has kept a row at {place} for more than 500 ms; try again, or \
             raise localapi.busy_timeout."
        )
    );
    run("ROLLBACK");
    call(&session, "UpdateOAuthCredential", &update).unwrap();
}

#[test]
fn a_call_that_waits_in_vain_for_a_lock_leaves_none_behind() {
    let Some(site) = Site::new() else { return };
    let known = site.create().unwrap();
    let mut other = site.database.connect();
    let mut run = |sql: &str| test_server::run(&mut other, sql);
    run("START TRANSACTION");
    // What an update changes after the row that it locks.
    run("SELECT * FROM tbloauthserver_client_scopes FOR UPDATE");
    let session = Session::new(Settings { busy_timeout: Duration::from_millis(500), ..site.settings.clone() });
    let id = id(&known).to_string();
    let update = [("credentialId", id.as_str()), ("scope", "openid")];
    let refused = call(&session, "UpdateOAuthCredential", &update);
    assert!(matches!(refused, Err(Error::Store(StoreError::Locked(..)))), "{refused:?}");
    let mut third = site.database.connect();
    let mut run = |sql: &str| test_server::run(&mut third, sql);
    run("SET SESSION innodb_lock_wait_timeout = 1");
    run(&format!("UPDATE tbloauthserver_clients SET description = 'x' WHERE id = {id}"));
}

/// What a first call with this DSN answers.
fn refusal(site: &Site, change: impl FnOnce(&mut Server)) -> String {
    let mut server = site.database.server.clone();
    change(&mut server);
    create(&Session::new(site.database.settings_at(server))).unwrap_err().to_string()
}

#[test]
fn a_server_that_cannot_be_reached_is_told_with_the_reason() {
    let Some(site) = Site::new() else { return };
    let named = |server: &mut Server, host: &str| server.host = host.to_owned();
    let Server { port, database, .. } = site.database.server.clone();
    let at = format!("127.0.0.1:{port}/{database}");

    let error = refusal(&site, |server| named(server, "no-such-host.invalid"));
    assert_eq!(
        error,
        format!(
            "The credential store at no-such-host.invalid:{port}/{database} cannot be reached: its name does not resolve."
        )
    );
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = refusal(&site, |server| server.port = closed);
    assert_eq!(
        error,
        format!("The credential store at 127.0.0.1:{closed}/{database} cannot be reached: it refuses the connection.")
    );
    let error = refusal(&site, |server| server.socket = Some("/nowhere/m.sock".to_owned()));
    assert_eq!(
        error,
        format!("The credential store at /nowhere/m.sock/{database} cannot be reached: its socket is not there.")
    );
    // It takes the connection and says nothing.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let error = refusal(&site, |server| {
        server.port = mute.local_addr().unwrap().port();
        server.read_timeout = Duration::from_secs(1);
    });
    assert!(error.ends_with("cannot be reached: it did not answer in time."), "{error}");

    let error = refusal(&site, |server| server.password = "s3cret-of-mine".to_owned().into());
    assert_eq!(
        error,
        format!(
            "The credential store at {at} refused the login: check user, password and, where the server requires TLS, ssl_ca or ssl_verify in localapi.dsn."
        )
    );
    let error = refusal(&site, |server| server.database = "no_such_database".to_owned());
    assert_eq!(
        error,
        format!("The credential store at 127.0.0.1:{port}/no_such_database is not there: create the database.")
    );
    let error = refusal(&site, |server| server.ssl_verify = Some(Verify::Everything));
    assert_eq!(error, format!("The credential store at {at} cannot be trusted: the server does not speak TLS."));
    let error = refusal(&site, |server| server.ssl_ca = Some("/nowhere/ca.pem".into()));
    assert_eq!(error, format!("The credential store at {at} cannot be trusted: the file of ssl_ca cannot be read."));
}

#[test]
fn a_server_that_speaks_another_protocol_is_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        std::io::Write::write_all(&mut listener.accept().unwrap().0, b"SSH-2.0-OpenSSH_9.2p1\r\n").unwrap();
    });
    let dsn = Dsn::parse(&format!("mysql://u:p@127.0.0.1:{port}/d"));
    let session = Session::new(Settings { dsn, key_file: KeyFile::At("/nowhere/keys".into()), ..Settings::default() });
    assert_eq!(
        create(&session).unwrap_err().to_string(),
        format!(
            "The credential store at 127.0.0.1:{port}/d has answered what is not MySQL's protocol: check localapi.dsn."
        )
    );
}

#[test]
fn a_name_that_has_another_address_than_the_server_listens_at_is_no_fault() {
    let Some(site) = Site::new() else { return };
    let mut server = site.database.server.clone();
    server.host = "localhost".to_owned();
    create(&Session::new(site.database.settings_at(server))).unwrap();
}

#[test]
fn a_server_may_be_reached_by_its_socket() {
    let Some(site) = Site::new() else { return };
    let mut server = site.database.server.clone();
    server.host = "no-such-host.invalid".to_owned();
    server.socket = Some(site.database.one("SELECT @@socket"));
    // Nobody is between the two, so it's not encrypted.
    server.ssl_verify = Some(Verify::Everything);
    create(&Session::new(site.database.settings_at(server))).unwrap();
}

#[test]
fn a_user_may_log_in_by_a_signature() {
    let Some(site) = Site::new() else { return };
    if !site.database.is_mariadb() {
        // Only MariaDB has the plugin.
        return;
    }
    let database = &site.database.server.database;
    site.database.run(&format!(
        "INSTALL PLUGIN IF NOT EXISTS ed25519 SONAME 'auth_ed25519'; \
         CREATE USER signs_{database} IDENTIFIED VIA ed25519 USING PASSWORD('pass'); \
         GRANT ALL ON {database}.* TO signs_{database}"
    ));
    let logs_in = |password: &str| {
        let user = format!("signs_{database}");
        let server = Server { user, password: password.to_owned().into(), ..site.database.server.clone() };
        create(&Session::new(site.database.settings_at(server)))
    };
    let (right, wrong) = (logs_in("pass"), logs_in("word"));
    site.database.run(&format!("DROP USER signs_{database}"));
    right.unwrap();
    assert!(matches!(wrong, Err(Error::Server(ServerError::Refused(..)))), "{wrong:?}");
}

#[test]
fn a_server_without_a_connection_left_is_told() {
    let Some(site) = Site::new() else { return };
    let Server { port, database, .. } = site.database.server.clone();
    site.database.run(&format!(
        "CREATE USER few_{database} IDENTIFIED BY 'p' WITH MAX_USER_CONNECTIONS 1; GRANT ALL ON {database}.* TO few_{database}"
    ));
    let few = |server: &mut Server| {
        server.user = format!("few_{database}");
        server.password = "p".to_owned().into();
    };
    let mut server = site.database.server.clone();
    few(&mut server);
    let first = Session::new(site.database.settings_at(server));
    create(&first).unwrap();
    let error = refusal(&site, few);
    site.database.run(&format!("DROP USER few_{database}"));
    assert_eq!(
        error,
        format!("The credential store at 127.0.0.1:{port}/{database} cannot be reached: it has no connection left.")
    );
}

#[test]
fn no_error_holds_a_password() {
    let Some(site) = Site::new() else { return };
    let faults: [fn(&mut Server); 6] = [
        |_| {},
        |server| server.user = "nobody".to_owned(),
        |server| server.host = "no-such-host.invalid".to_owned(),
        |server| server.port = 1,
        |server| server.ssl_verify = Some(Verify::Everything),
        |server| server.socket = Some("/nowhere/socket".into()),
    ];
    for fault in faults {
        let mut server = site.database.server.clone();
        server.password = "hunter2".to_owned().into();
        fault(&mut server);
        let settings = site.database.settings_at(server);
        let error = create(&Session::new(settings.clone())).unwrap_err();
        for shown in [error.to_string(), format!("{error:?}"), format!("{settings:?}")] {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
}
