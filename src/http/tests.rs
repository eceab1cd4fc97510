//! The gates, on a store in memory.

use super::node::Node;
use super::*;
use crate::registry::{disable_admin, register_admin};
use crate::reply::Value;
use crate::request::Request;
use crate::request::fixture::Given;
use crate::secret_text::SecretText;
use crate::settings::{Dsn, Settings, addresses};
use crate::store::{Store, Verdict};

/// The bcrypt of the md5 of `password`, cheap enough for tests.
fn password_hash() -> String {
    bcrypt::hash_with_salt("5f4dcc3b5aa765d61d8327deb882cf99", 4, [7; 16]).unwrap().to_string()
}

fn session() -> Session {
    Session::new(Settings { dsn: Dsn::Memory, ..Settings::default() })
}

fn issue(session: &Session, actions: &[&str]) -> (String, String) {
    let actions: Vec<Vec<u8>> = actions.iter().map(|action| action.as_bytes().to_vec()).collect();
    let issued = api_credential::issue(session, b"admin", &actions, b"", Default::default()).unwrap();
    (issued.identifier, issued.secret.reveal().to_owned())
}

fn server(address: &str) -> Given {
    Given::default().with("REQUEST_METHOD", "POST").with("REMOTE_ADDR", address).with("CONTENT_LENGTH", "10")
}

fn refusal(session: &Session, given: &Given, server: &Given, size: Size) -> (u16, String) {
    let refusal = admit(session, given, server, size, |_| ()).unwrap_err();
    (refusal.status(), refusal.to_string())
}

fn refused(session: &Session, given: &Given) -> (u16, String) {
    refusal(session, given, &server("127.0.0.1"), Size::default())
}

fn pair((identifier, secret): &(String, String)) -> Given {
    Given::default().with("identifier", identifier).with("secret", secret)
}

fn run(session: &Session, sql: impl Fn(&mut Store) -> crate::error::Result<()>) {
    session.transaction(|store| sql(store), |()| Verdict::Unknown.always()).unwrap();
}

const WRONG: (u16, &str) = (403, "Invalid or missing credentials");

fn assert_wrong(session: &Session, given: &Given) {
    let (status, message) = refused(session, given);
    assert_eq!((status, message.as_str()), WRONG);
}

#[test]
fn the_gates_come_in_their_order() {
    let session = session();
    let credential = issue(&session, &["ListOAuthCredentials"]);
    let huge = Size { count: 1_001, ..Size::default() };
    let nobody = Given::default();
    let get = Given::default().with("REQUEST_METHOD", "GET").with("REMOTE_ADDR", "203.0.113.9");
    assert_eq!(refusal(&session, &nobody, &get, huge), (405, "Only POST is accepted".to_owned()));
    assert_eq!(refusal(&session, &nobody, &server("203.0.113.9"), huge), (413, "The request is too large".to_owned()));
    assert_eq!(
        refusal(&session, &nobody, &server("203.0.113.9"), Size::default()),
        (403, "Invalid IP 203.0.113.9".to_owned())
    );
    assert_wrong(&session, &nobody);
    assert_eq!(refused(&session, &pair(&credential)), (400, "Empty action request".to_owned()));
    assert_eq!(refused(&session, &pair(&credential).with("action", " ")), (400, "Empty action request".to_owned()));
    assert_eq!(refused(&session, &pair(&credential).with_list("action", &["x"])).0, 400);
    assert_eq!(
        refused(&session, &pair(&credential).with("action", "CreateOAuthCredential")),
        (403, "Invalid Permissions: API action \"createoauthcredential\" is not allowed".to_owned())
    );
    let admitted = admit(
        &session,
        &pair(&credential).with("action", "LISTOAuthCredentials"),
        &server("::1"),
        Size::default(),
        |_| (),
    );
    let origin = Origin { address: "::1".to_owned(), credential: Some(1), hides_secrets: false };
    assert_eq!(
        admitted.unwrap(),
        Admitted { action: b"LISTOAuthCredentials".to_vec(), admin: "admin".to_owned(), origin }
    );
}

#[test]
fn a_request_has_a_size_that_is_the_last_to_pass() {
    let largest = Size { count: 1_000, depth: 3, bytes: 1 << 20, cut: false };
    assert!(!is_too_large(None, largest));
    assert!(!is_too_large(Some(b"1048576"), largest));
    for size in [
        Size { count: 1_001, ..largest },
        Size { depth: 4, ..largest },
        Size { bytes: (1 << 20) + 1, ..largest },
        Size { cut: true, ..largest },
    ] {
        assert!(is_too_large(None, size), "{size:?}");
    }
    for length in ["1048577", "99999999999999999999999999"] {
        assert!(is_too_large(Some(length.as_bytes()), Size::default()), "{length}");
    }
    // A length that isn't one is measured.
    for length in ["", "-1", "many"] {
        assert!(is_too_large(Some(length.as_bytes()), Size { bytes: 1 << 21, ..largest }), "{length}");
        assert!(!is_too_large(Some(length.as_bytes()), largest), "{length}");
    }
}

#[test]
fn an_address_that_cannot_be_read_is_refused() {
    let session = session();
    for (address, shown) in [("", ""), ("unix:", "unix:"), ("::ffff:203.0.113.9", "203.0.113.9")] {
        let expected = (403, format!("Invalid IP {shown}"));
        assert_eq!(refusal(&session, &Given::default(), &server(address), Size::default()), expected);
    }
    let nowhere = Given::default().with("REQUEST_METHOD", "POST");
    assert_eq!(refusal(&session, &Given::default(), &nowhere, Size::default()), (403, "Invalid IP ".to_owned()));
}

#[test]
fn a_header_of_a_proxy_is_not_believed() {
    let session = session();
    let server = server("203.0.113.9").with("HTTP_X_FORWARDED_FOR", "127.0.0.1").with("HTTP_CLIENT_IP", "127.0.0.1");
    assert_eq!(
        refusal(&session, &Given::default(), &server, Size::default()),
        (403, "Invalid IP 203.0.113.9".to_owned())
    );
}

#[test]
fn the_access_key_passes_the_address_and_nothing_else() {
    let session = Session::new(Settings {
        dsn: Dsn::Memory,
        api_allowed_ips: addresses("").unwrap(),
        api_access_key: SecretText::from("key".to_owned()),
        ..Settings::default()
    });
    let credential = issue(&session, &["*"]);
    for key in ["", "Key", "keys", "ke"] {
        assert_eq!(refused(&session, &pair(&credential).with("accesskey", key)).1, "Invalid IP 127.0.0.1", "{key}");
    }
    assert_wrong(&session, &Given::default().with("accesskey", "key"));
    let given = pair(&credential).with("accesskey", "key").with("action", "x");
    admit(&session, &given, &server("203.0.113.9"), Size::default(), |_| ()).unwrap();
}

#[test]
fn an_access_key_that_is_not_set_is_never_shown() {
    let session = session();
    let given = Given::default().with("accesskey", "");
    assert_eq!(
        refusal(&session, &given, &server("203.0.113.9"), Size::default()),
        (403, "Invalid IP 203.0.113.9".to_owned())
    );
}

#[test]
fn a_pair_may_be_in_either_place_and_empty_strings_are_none() {
    let session = session();
    let (identifier, secret) = issue(&session, &["*"]);
    let sent = |names: [&str; 4], values: [&str; 4]| {
        names
            .iter()
            .zip(values)
            .fold(Given::default().with("action", "x"), |given, (name, value)| given.with(name, value))
    };
    let names = ["username", "password", "identifier", "secret"];
    for values in [
        ["", "", identifier.as_str(), secret.as_str()],
        [identifier.as_str(), secret.as_str(), "", ""],
        [identifier.as_str(), secret.as_str(), identifier.as_str(), ""],
        ["x", "y", identifier.as_str(), secret.as_str()],
    ] {
        admit(&session, &sent(names, values), &server("127.0.0.1"), Size::default(), |_| ()).unwrap();
    }
    for values in [
        ["", "", identifier.as_str(), ""],
        [identifier.as_str(), "", "", secret.as_str()],
        ["", "", identifier.as_str(), "y"],
        ["", "", "x", secret.as_str()],
        [identifier.as_str(), "y", "", ""],
    ] {
        assert_wrong(&session, &sent(names, values));
    }
}

#[test]
fn a_secret_belongs_to_one_identifier() {
    let session = session();
    let (first, second) = (issue(&session, &["*"]), issue(&session, &["*"]));
    assert_wrong(&session, &pair(&(first.0.clone(), second.1.clone())).with("action", "x"));
    // Where an identifier isn't known, another row is looked at.
    assert_wrong(&session, &pair(&("x".repeat(32), second.1.clone())).with("action", "x"));
    assert!(api_credential::revoke(&session, first.0.as_bytes()).unwrap());
    assert_wrong(&session, &pair(&(first.0, second.1.clone())).with("action", "x"));
    admit(&session, &pair(&second).with("action", "x"), &server("127.0.0.1"), Size::default(), |_| ()).unwrap();
}

#[test]
fn a_credential_that_was_revoked_is_wrong() {
    let session = session();
    let credential = issue(&session, &["*"]);
    assert!(api_credential::revoke(&session, credential.0.as_bytes()).unwrap());
    assert!(!api_credential::revoke(&session, credential.0.as_bytes()).unwrap());
    assert!(!api_credential::revoke(&session, b"\xff").unwrap());
    assert_wrong(&session, &pair(&credential).with("action", "x"));
}

#[test]
fn a_credential_that_sql_has_revoked_is_wrong_though_its_secret_is_there_still() {
    let session = session();
    let credential = issue(&session, &["*"]);
    let given = pair(&credential).with("action", "x");
    admit(&session, &given, &server("127.0.0.1"), Size::default(), |_| ()).unwrap();
    run(&session, |store| store.execute_for_test("UPDATE tbldeviceauth SET deleted_at = '2001-02-03 04:05:06'"));
    assert_wrong(&session, &given);
}

#[test]
fn a_credential_of_a_disabled_admin_is_wrong() {
    let session = session();
    let credential = issue(&session, &["*"]);
    run(&session, |store| store.execute_for_test("UPDATE tbladmins SET disabled = 1"));
    assert_wrong(&session, &pair(&credential).with("action", "x"));
    let error = api_credential::issue(&session, b"admin", &[b"*".to_vec()], b"", Default::default()).err().unwrap();
    assert_eq!(error.to_string(), "The admin user \"admin\" is disabled.");
}

#[test]
fn an_issued_credential_is_stored_as_a_verifier() {
    let session = session();
    let (identifier, secret) = issue(&session, &["GetClients", "CreateOAuthCredential"]);
    let known = session.read(|store| store.api_credential(&identifier)).unwrap().unwrap();
    assert_eq!(known.verifier.len(), 64);
    assert!(crate::verifier::matches(secret.as_bytes(), &known.verifier));
    let role = known.role_ids.parse().unwrap();
    let permissions = session.read(|store| store.permissions(role)).unwrap();
    assert_eq!(permissions.as_deref(), Some(r#"["getclients","createoauthcredential"]"#));
}

#[test]
fn what_became_of_a_credential_is_in_the_activity_log() {
    let session = session();
    let (identifier, _) = issue(&session, &["*"]);
    api_credential::revoke(&session, identifier.as_bytes()).unwrap();
    api_credential::revoke(&session, identifier.as_bytes()).unwrap();
    let lines = "SELECT description || ' | ' || user || ' | ' || ipaddr FROM tblactivitylog ORDER BY id";
    assert_eq!(
        session.read(|store| store.texts_for_test(lines)).unwrap(),
        ["API credential 1 issued (admin 1) | System | ", "API credential 1 revoked | System | "]
    );
}

#[test]
fn what_cannot_be_issued_is_said() {
    let session = session();
    let issue = |admin: &[u8], actions: &[&[u8]], description: &[u8]| {
        let actions: Vec<Vec<u8>> = actions.iter().map(|action| action.to_vec()).collect();
        api_credential::issue(&session, admin, &actions, description, Default::default()).err().unwrap().to_string()
    };
    let every = &[&b"*"[..]];
    assert_eq!(issue(b"nobody", every, b""), "The admin user \"nobody\" was not found.");
    for actions in [vec![], vec![&b""[..]], vec![b"a b"], vec![b"\xff"], vec![b"x", b"**"]] {
        assert_eq!(issue(b"admin", &actions, b""), "must be a list of the names of commands, or ['*']");
    }
    assert_eq!(issue(b"admin", every, b"a\0"), "must be at most 255 printable characters");
    let long = "x".repeat(256);
    assert_eq!(issue(b"admin", every, long.as_bytes()), "must be at most 255 printable characters");
}

#[test]
fn an_admin_may_log_in_with_the_md5_of_the_password() {
    let session = session();
    let login = |name: &str, password: &str| {
        Given::default().with("username", name).with("password", password).with("action", "x")
    };
    let md5 = "5f4dcc3b5aa765d61d8327deb882cf99";
    // It's off without a password.
    assert_wrong(&session, &login("admin", md5));
    run(&session, |store| store.execute_for_test(&format!("UPDATE tbladmins SET password = '{}'", password_hash())));
    admit(&session, &login("admin", md5), &server("127.0.0.1"), Size::default(), |_| ()).unwrap();
    admit(&session, &login("admin", &md5.to_ascii_uppercase()), &server("127.0.0.1"), Size::default(), |_| ()).unwrap();
    for (name, password) in [("admin", "password"), ("admin", &md5.replace('5', "6")), ("nobody", md5), ("ADMIN", md5)]
    {
        assert_wrong(&session, &login(name, password));
    }
    // Only as username and password.
    assert_wrong(&session, &Given::default().with("identifier", "admin").with("secret", md5).with("action", "x"));
    // Another's password doesn't help an admin who has none.
    register_admin(&session, b"second").unwrap();
    assert_wrong(&session, &login("second", md5));
    run(&session, |store| store.execute_for_test("UPDATE tbladmins SET disabled = 1"));
    assert_wrong(&session, &login("admin", md5));
}

/// The lines of the activity log, without those of credentials that were issued.
fn log(session: &Session) -> Vec<String> {
    let sql = "SELECT description || ' | ' || user || ' | ' || ipaddr FROM tblactivitylog \
               WHERE description NOT LIKE 'API credential % issued%' ORDER BY id";
    session.read(|store| store.texts_for_test(sql)).unwrap()
}

#[test]
fn a_refused_credential_is_logged_ten_times_a_minute_for_one_network() {
    let session = Session::new(Settings {
        dsn: Dsn::Memory,
        api_allowed_ips: addresses("127.0.0.1, 2001:db8::/32").unwrap(),
        api_access_key: SecretText::from("key".to_owned()),
        ..Settings::default()
    });
    let wrong = Given::default().with("identifier", "sent-name").with("secret", "sent-secret");
    let refuse =
        |address: &str, given: &Given| assert_eq!(refusal(&session, given, &server(address), Size::default()).0, 403);
    for last in 1..=12 {
        refuse("127.0.0.1", &wrong);
        refuse(&format!("2001:db8:0:1:{last}::1"), &wrong);
    }
    refuse("2001:db8:0:2::1", &wrong);
    // These write nothing.
    refuse("203.0.113.9", &wrong);
    refuse("127.0.0.1", &Given::default());
    let refused = "API call refused: invalid credentials";
    let mut expected: Vec<String> = (1..=10)
        .flat_map(|last| {
            [
                format!("{refused} | System | 127.0.0.1"),
                format!("{refused} (2001:db8:0:1:{last}::1) | System | 2001:db8:0:1::/64"),
            ]
        })
        .collect();
    expected.push(format!("{refused} (2001:db8:0:2::1) | System | 2001:db8:0:2::/64"));
    assert_eq!(log(&session), expected);
    // A web server may pass no address to a caller with the access key, or one that is none.
    let wrong = wrong.with("accesskey", "key");
    for _ in 0..12 {
        refuse("", &wrong);
        refuse("unix:", &wrong);
    }
    let found = log(&session).split_off(expected.len());
    assert_eq!(found.iter().filter(|line| **line == format!("{refused} | System | unknown")).count(), 10);
    assert_eq!(found.iter().filter(|line| **line == format!("{refused} | System | unix:")).count(), 10);
    assert_eq!(found.len(), 20);
}

#[test]
fn a_credential_that_has_expired_or_whose_admin_is_disabled_is_as_good_as_none() {
    let session = session();
    session.stop_for_test();
    let terms = api_credential::Terms { expires_at: Some(b"2016-11-18T09:33:24Z"), ..Default::default() };
    let issued = api_credential::issue(&session, b"admin", &[b"X".to_vec()], b"Shop", terms).unwrap();
    let pair = Given::default()
        .with("identifier", &issued.identifier)
        .with("secret", issued.secret.reveal())
        .with("action", "X");
    let admitted = || admit(&session, &pair, &server("127.0.0.1"), Size::default(), |_| ());
    assert!(admitted().is_ok());
    let shown = || api_credential::all(&session).unwrap();
    let expected = vec![
        ("identifier", Value::Text(issued.identifier.clone())),
        ("adminUsername", Value::Text("admin".to_owned())),
        ("actions", Value::Texts(vec!["x".to_owned()])),
        ("description", Value::Text("Shop".to_owned())),
        ("secrets", Value::Bool(true)),
        ("lastAccess", Value::Text("2016-11-18 09:32:24".to_owned())),
        ("expiresAt", Value::Text("2016-11-18 09:33:24".to_owned())),
    ];
    assert_eq!(shown(), [expected]);
    assert!(disable_admin(&session, b"admin", true).unwrap());
    assert!(matches!(admitted(), Err(Refusal::Credentials)));
    assert!(disable_admin(&session, b"admin", false).unwrap());
    assert!(admitted().is_ok());
    session.travel_for_test(60);
    assert!(matches!(admitted(), Err(Refusal::Credentials)));
    assert_eq!(shown().len(), 1);
    api_credential::revoke(&session, issued.identifier.as_bytes()).unwrap();
    assert!(shown().is_empty());
    for time in [&b"2016-11-18 09:33:24"[..], b"soon", b"\xff"] {
        let terms = api_credential::Terms { expires_at: Some(time), ..Default::default() };
        let error = api_credential::issue(&session, b"admin", &[b"X".to_vec()], b"", terms).err().unwrap();
        let must = "must be a time in the future such as 2030-01-31 09:00:00 or 2030-01-31T10:00:00+01:00";
        assert_eq!(error.to_string(), must);
    }
}

#[test]
fn a_credential_that_is_to_see_no_secrets_sees_none_whatever_it_asks() {
    let session = session();
    let create = Given::default().with("grantType", "authorization_code").with("name", "A").with("scope", "openid");
    crate::command::answer(&session, &Request::new(b"CreateOAuthCredential", &create, None)).unwrap();
    for hides_secrets in [true, false] {
        let terms = api_credential::Terms { hides_secrets, ..Default::default() };
        let issued = api_credential::issue(&session, b"admin", &[b"*".to_vec()], b"", terms).unwrap();
        let given = Given::default()
            .with("identifier", &issued.identifier)
            .with("secret", issued.secret.reveal())
            .with("action", "ListOAuthCredentials")
            .with("secrets", "1");
        let admitted = admit(&session, &given, &server("127.0.0.1"), Size::default(), |_| ()).unwrap();
        let request = Request::new(&admitted.action, &given, Some(b"admin")).from(Some(&admitted.origin));
        let mut list = crate::command::answer(&session, &request).unwrap().list.unwrap();
        let client = list.rows.next_batch().unwrap().remove(0);
        let (_, secret) = client.iter().find(|(key, _)| *key == "clientSecret").unwrap();
        assert_eq!(*secret == Value::Null, hides_secrets);
    }
    // What it has seen none of is no line in the log.
    session.do_owed().unwrap();
    assert_eq!(log(&session).iter().filter(|line| line.contains("listed with their secrets")).count(), 1);
}

#[test]
fn a_denied_action_is_logged_ten_times_a_minute_for_one_network() {
    let session = session();
    let credential = issue(&session, &["ListOAuthCredentials"]);
    for number in 0..12 {
        let given = pair(&credential).with("action", format!("Delete{number}"));
        assert_eq!(refused(&session, &given).0, 403);
    }
    let expected: Vec<String> = (0..10)
        .map(|number| format!("API credential 1 denied the action \"delete{number}\" | System | 127.0.0.1"))
        .collect();
    assert_eq!(log(&session), expected);
    // Wrong credentials have lines of their own.
    assert_wrong(&session, &Given::default().with("identifier", "x").with("secret", "y"));
    assert_eq!(log(&session).len(), 11);
}

/// Lets a call in and answers it.
fn call(session: &Session, given: Given, address: &str) {
    let admitted = admit(session, &given, &server(address), Size::default(), |_| ()).unwrap();
    let request = Request::new(&admitted.action, &given, Some(admitted.admin.as_bytes())).from(Some(&admitted.origin));
    let mut reply = crate::command::answer(session, &request).unwrap();
    while reply.list.as_mut().is_some_and(|list| !list.rows.next_batch().unwrap().is_empty()) {}
}

#[test]
fn the_line_of_a_call_names_the_address_and_the_api_credential() {
    let session = session();
    let credential = issue(&session, &["*"]);
    let create = |given: Given| {
        let given = given.with("action", "CreateOAuthCredential").with("grantType", "authorization_code");
        given.with("name", "n").with("scope", "openid")
    };
    call(&session, create(pair(&credential)), "::ffff:127.0.0.1");
    let hash = password_hash();
    run(&session, |store| store.execute_for_test(&format!("UPDATE tbladmins SET password = '{hash}' WHERE id = 1")));
    let person = Given::default().with("username", "admin").with("password", "5f4dcc3b5aa765d61d8327deb882cf99");
    call(&session, create(person), "::1");
    call(&session, pair(&credential).with("action", "DeleteOAuthCredential").with("credentialId", "1"), "::1");
    assert_eq!(
        log(&session),
        [
            "OAuth credential 1 created (authorization_code) by API credential 1 | admin | 127.0.0.1",
            "OAuth credential 2 created (authorization_code) | admin | ::1",
            "OAuth credential 1 deleted by API credential 1 | admin | ::1",
        ]
    );
}

#[test]
fn a_list_over_http_leaves_a_line_a_minute_for_each_caller_once_it_is_answered() {
    let session = Session::new(Settings { dsn: Dsn::Memory, sandbox: true, ..Settings::default() });
    // Its clock stands still.
    session.seed(Some(1));
    let (first, second) = (issue(&session, &["*"]), issue(&session, &["*"]));
    let list = |credential| {
        call(&session, pair(credential).with("action", "ListOAuthCredentials"), "::1");
        let before = log(&session).len();
        session.do_owed().unwrap();
        log(&session).split_off(before)
    };
    // There is no secret yet.
    assert!(list(&first).is_empty());
    let given = Given::default().with("grantType", "authorization_code").with("name", "n").with("scope", "openid");
    crate::command::answer(&session, &Request::new(b"CreateOAuthCredential", &given, None)).unwrap();
    let line = |id| [format!("OAuth credentials listed with their secrets by API credential {id} | admin | ::1")];
    assert_eq!(list(&first), line(1));
    assert!(list(&first).is_empty());
    assert_eq!(list(&second), line(2));
    for (age, lines) in [(59, 0), (60, 1)] {
        let date = session.ago(age).unwrap();
        let sql = format!("UPDATE localapi_store SET value = '{date}' WHERE name = 'list by API credential 1'");
        run(&session, |store| store.execute_for_test(&sql));
        assert_eq!(list(&first).len(), lines, "{age} seconds later");
    }
    // A list of PHP's own leaves none.
    let nothing = Given::default();
    crate::command::answer(&session, &Request::new(b"ListOAuthCredentials", &nothing, None)).unwrap();
    let before = log(&session).len();
    session.do_owed().unwrap();
    assert_eq!(log(&session).len(), before);
}

#[test]
fn a_body_in_json_is_refused_after_the_method() {
    let session = session();
    let of = |content_type: &str, length: &str| {
        let server = Given::default().with("REQUEST_METHOD", "POST").with("REMOTE_ADDR", "203.0.113.9");
        let server = server.with("CONTENT_TYPE", content_type).with("CONTENT_LENGTH", length);
        refusal(&session, &Given::default(), &server, Size::default()).0
    };
    for content_type in
        ["application/json", "Application/JSON ; charset=utf-8", "text/json", "application/vnd.session+json"]
    {
        assert_eq!(of(content_type, "10"), 415, "{content_type}");
        // There is no body.
        assert_eq!(of(content_type, "0"), 403, "{content_type}");
        // There may be one.
        assert_eq!(of(content_type, ""), 415, "{content_type}");
    }
    for content_type in
        ["", "application/x-www-form-urlencoded", "Multipart/Form-Data; boundary=x", "text/plain", "application/jsonp"]
    {
        assert_eq!(of(content_type, "10"), 403, "{content_type}");
    }
    let server = server("203.0.113.9").with("CONTENT_TYPE", "application/json");
    let huge = Size { count: 1_001, ..Size::default() };
    assert_eq!(
        refusal(&session, &Given::default(), &server, Size::default()),
        (415, "The request must be a form".to_owned())
    );
    assert_eq!(refusal(&session, &Given::default(), &server, huge).0, 413);
}

#[test]
fn a_stranger_learns_nothing_of_a_store_that_cannot_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let dsn = Dsn::File(folder.path().join("none/store.sqlite"));
    let session = Session::new(Settings { dsn, ..Settings::default() });
    let given = Given::default().with("identifier", "x").with("secret", "y").with("action", "z");
    assert_eq!(refused(&session, &given), (503, "The service is unavailable".to_owned()));
}

#[test]
fn what_cannot_be_noted_is_reported_and_changes_nothing() {
    let session = session();
    let credential = issue(&session, &["ListOAuthCredentials"]);
    let deny = "CREATE TRIGGER deny BEFORE INSERT ON tblactivitylog BEGIN SELECT RAISE(ABORT, 'no'); END;
                CREATE TRIGGER deny_access BEFORE UPDATE OF last_access ON tbldeviceauth BEGIN SELECT RAISE(ABORT, 'no'); END";
    for statement in deny.split_inclusive("END;") {
        run(&session, |store| store.execute_for_test(statement));
    }
    let reports = std::cell::Cell::new(0);
    let status = |given: &Given| {
        reports.set(0);
        let admitted =
            admit(&session, given, &server("127.0.0.1"), Size::default(), |_| reports.set(reports.get() + 1));
        (admitted.map_or_else(|refusal| refusal.status(), |_| 200), reports.get())
    };
    assert_eq!(status(&pair(&credential).with("action", "ListOAuthCredentials")), (200, 0));
    assert_eq!(status(&pair(&credential).with("action", "DeleteOAuthCredential")), (403, 1));
    assert_eq!(status(&Given::default().with("identifier", "x").with("secret", "y")), (403, 1));
}

#[test]
fn a_line_counts_for_a_whole_minute() {
    let session = Session::new(Settings { dsn: Dsn::Memory, sandbox: true, ..Settings::default() });
    // Its clock stands still.
    session.seed(Some(1));
    let wrong = Given::default().with("identifier", "sent-name").with("secret", "sent-secret");
    let count = || log(&session).len();
    (0..10).for_each(|_| assert_wrong(&session, &wrong));
    for (age, lines) in [(60, 10), (61, 11)] {
        let date = session.ago(age).unwrap();
        run(&session, |store| store.execute_for_test(&format!("UPDATE tblactivitylog SET date = '{date}'")));
        assert_wrong(&session, &wrong);
        assert_eq!(count(), lines, "{age} seconds later");
    }
}

#[test]
fn passwords_that_are_no_bcrypt_are_none() {
    let session = session();
    register_admin(&session, b"second").unwrap();
    let all = || session.read(|store| store.admin_passwords()).unwrap();
    assert!(all().is_empty());
    let short = "$2y$10$cut";
    run(&session, |store| store.execute_for_test(&format!("UPDATE tbladmins SET password = '{short}' WHERE id = 1")));
    assert!(all().is_empty());
    let hash = password_hash();
    run(&session, |store| store.execute_for_test(&format!("UPDATE tbladmins SET password = '{hash}' WHERE id = 2")));
    assert_eq!(all(), [hash]);
}

#[test]
fn only_the_md5_of_a_password_is_compared_with_a_hash() {
    let session = session();
    for password in ["password".to_owned(), "5f4dcc3b5aa765d61d8327deb882cf9".to_owned(), "g".repeat(32)] {
        // As if the hash were one of the password itself.
        let hash = bcrypt::hash_with_salt(&password, 4, [7; 16]).unwrap();
        run(&session, |store| store.execute_for_test(&format!("UPDATE tbladmins SET password = '{hash}'")));
        assert_wrong(
            &session,
            &Given::default().with("username", "admin").with("password", &password).with("action", "x"),
        );
    }
}

#[test]
fn an_access_is_noted_where_none_was_within_a_minute_and_none_is_to_come() {
    let session = Session::new(Settings { dsn: Dsn::Memory, sandbox: true, ..Settings::default() });
    // Its clock stands still.
    session.seed(Some(1));
    let credential = issue(&session, &["*"]);
    let given = pair(&credential).with("action", "x");
    for statement in [
        "CREATE TABLE noted (id INTEGER)",
        "CREATE TRIGGER note AFTER UPDATE OF last_access ON tbldeviceauth BEGIN INSERT INTO noted VALUES (1); END",
    ] {
        run(&session, |store| store.execute_for_test(statement));
    }
    let noted = || session.read(|store| store.texts_for_test("SELECT id FROM noted")).unwrap().len();
    for (age, again) in [(0, 0), (59, 0), (60, 1), (61, 1)] {
        let date = session.ago(age).unwrap();
        run(&session, |store| store.execute_for_test(&format!("UPDATE tbldeviceauth SET last_access = '{date}'")));
        let before = noted();
        admit(&session, &given, &server("127.0.0.1"), Size::default(), |_| ()).unwrap();
        assert_eq!(noted() - before, again, "{age} seconds later");
    }
}

#[test]
fn an_access_is_noted_once_a_minute() {
    let session = session();
    let credential = issue(&session, &["*"]);
    let given = pair(&credential).with("action", "x");
    let access = || session.read(|store| store.api_credential(&credential.0)).unwrap().unwrap().last_access;
    let call = || drop(admit(&session, &given, &server("127.0.0.1"), Size::default(), |_| ()).unwrap());
    assert_eq!(access(), "");
    call();
    assert_eq!(access().len(), 19);
    let recent = session.ago(30).unwrap();
    run(&session, |store| store.execute_for_test(&format!("UPDATE tbldeviceauth SET last_access = '{recent}'")));
    call();
    assert_eq!(access(), recent);
    for old in [session.ago(61).unwrap(), "9999-01-01 00:00:00".to_owned()] {
        run(&session, |store| store.execute_for_test(&format!("UPDATE tbldeviceauth SET last_access = '{old}'")));
        call();
        assert_ne!(access(), old);
    }
}

#[test]
fn a_credential_may_have_several_roles() {
    let session = session();
    let credential = issue(&session, &["a"]);
    issue(&session, &["b"]);
    let may = |action| {
        admit(&session, &pair(&credential).with("action", action), &server("127.0.0.1"), Size::default(), |_| ())
            .is_ok()
    };
    assert!(may("a") && !may("b"));
    for ids in ["1,2", "[1, 2, 77]", "2 1"] {
        run(&session, |store| {
            store.execute_for_test(&format!("UPDATE tbldeviceauth SET role_ids = '{ids}' WHERE id = 1"))
        });
        assert!(may("a") && may("b") && !may("c"), "{ids}");
    }
    run(&session, |store| store.execute_for_test("UPDATE tbldeviceauth SET role_ids = ''"));
    assert!(!may("a"));
}

#[test]
fn an_answer_shows_the_action_without_what_may_do_harm() {
    let wish = Wish::read(&Given::default().with("action", b"A\x00\xff").with("responsetype", "xml")).unwrap();
    assert_eq!(wish, Wish { format: Format::Xml, action: "a\u{fffd}\u{fffd}".to_owned() });
    assert_eq!(Wish::read(&Given::default()).unwrap(), Wish { format: Format::Json, action: String::new() });
}

#[test]
fn what_is_about_the_call_is_not_for_the_command() {
    assert!(is_own(b"Secret") && is_own(b"responseType") && !is_own(b"password2") && !is_own(b""));
}

#[test]
fn a_native_reply_goes_to_its_format_in_the_order_of_its_keys_and_no_further_than_it_may() {
    let session = session();
    let create = |name: &str| {
        let given = Given::default().with("grantType", "authorization_code").with("name", name).with("scope", "openid");
        crate::command::answer(&session, &Request::new(b"CreateOAuthCredential", &given, None)).unwrap()
    };
    let show = |second: i64| if second > 0 { Ok(Node::Text("then".into())) } else { Err(()) };
    let json = |reply, go_on: bool| {
        let node = Node::of_reply(reply, show, || go_on).unwrap().unwrap();
        String::from_utf8(Format::Json.write("action", &node).unwrap()).unwrap()
    };
    let created = json(create("A"), true);
    assert!(created.starts_with(r#"{"result":"success","credentialId":1,"clientIdentifier":"#), "{created}");
    let nothing = Given::default();
    let list = || crate::command::answer(&session, &Request::new(b"ListOAuthCredentials", &nothing, None)).unwrap();
    let listed = json(list(), true);
    assert!(listed.starts_with(r#"{"result":"success","clients":[{"credentialId":1,"name":"A","description":"","#));
    assert!(
        listed.contains(r#""uuid":null,"#) && listed.contains(r#""createdAt":"then","updatedAt":"then""#),
        "{listed}"
    );
    assert_eq!(json(list(), false), r#"{"result":"success","clients":[]}"#);
    assert!(Node::of_reply(list(), |_| Err("no zone"), || true).is_err());
    run(&session, |store| store.execute_for_test("DROP TABLE tbloauthserver_client_scopes"));
    let reply = list();
    assert!(Node::of_reply(reply, show, || true).unwrap().is_err());
}
