//! How often a call waits for the server.

use super::*;

fn trips(site: &Site, call: impl FnOnce()) -> usize {
    site.proxy.trips();
    call();
    site.proxy.trips()
}

/// A credential that is there, and the connection with it.
fn begun() -> Option<(Site, Fields)> {
    let site = Site::new()?;
    register_service(&site.session, 1, 42).unwrap();
    let created = site.create().unwrap();
    Some((site, created))
}

#[test]
fn a_create_takes_two() {
    let Some((site, _)) = begun() else { return };
    assert_eq!(trips(&site, || drop(site.create().unwrap())), 2);
    let single = [("grantType", "single_sign_on"), ("serviceId", "1"), ("scope", "openid profile email")];
    let given = single.iter().fold(Given::default(), |given, (name, value)| given.with(name, value));
    let request = Request::new(b"CreateOAuthCredential", &given, Some(b"admin"));
    assert_eq!(trips(&site, || assert!(command::answer(&site.session, &request).is_ok())), 2);
}

#[test]
fn a_create_that_is_refused_takes_one() {
    let Some((site, _)) = begun() else { return };
    let refused = [("grantType", "authorization_code"), ("name", "A"), ("scope", "nope")];
    assert_eq!(trips(&site, || assert!(site.call("CreateOAuthCredential", &refused).is_err())), 1);
}

#[test]
fn a_verification_takes_one() {
    let Some((site, created)) = begun() else { return };
    let (identifier, secret) = secret(&created);
    let verify = |identifier: &str| verify(&site.session, identifier.as_bytes(), secret.as_bytes()).unwrap();
    assert_eq!(trips(&site, || assert!(verify(&identifier).is_some())), 1);
    assert_eq!(trips(&site, || assert!(verify("nobody").is_none())), 1);
}

#[test]
fn a_list_of_a_thousand_takes_two() {
    let Some((site, _)) = begun() else { return };
    let numbers = crate::store::test_sql::numbers(999);
    site.database.run(&format!("INSERT INTO tbloauthserver_clients (identifier) SELECT i FROM ({numbers}) AS n"));
    let list = || site.call("ListOAuthCredentials", &[("sortField", "name")]).unwrap();
    let mut found = 0;
    assert_eq!(trips(&site, || found = list().iter().filter(|(key, _)| *key == "credentialId").count()), 2);
    assert_eq!(found, 1_000);
}

#[test]
fn an_update_and_a_deletion_take_two() {
    let Some((site, created)) = begun() else { return };
    let id = id(&created).to_string();
    let update = [("credentialId", id.as_str()), ("name", "B"), ("scope", "email"), ("resetSecret", "1")];
    assert_eq!(trips(&site, || drop(site.call("UpdateOAuthCredential", &update).unwrap())), 2);
    let update = [("credentialId", id.as_str()), ("resetSecret", "1")];
    assert_eq!(trips(&site, || drop(site.call("UpdateOAuthCredential", &update).unwrap())), 2);
    assert_eq!(trips(&site, || drop(site.call("DeleteOAuthCredential", &update[..1]).unwrap())), 2);
}

#[test]
fn where_a_packet_may_hold_one_statement_they_go_one_by_one() {
    let Some(site) = Site::with(|_| {}, Proxy::allow_one_statement) else { return };
    let created = [site.create().unwrap(), site.create().unwrap()];
    assert!(trips(&site, || drop(site.call("ListOAuthCredentials", &[]).unwrap())) > 2);
    site.assert_kept(&created);
}

#[test]
fn bytes_that_arrive_one_by_one_are_read() {
    let Some(site) = Site::with(|_| {}, Proxy::fragment) else { return };
    let created = [site.create().unwrap(), site.create().unwrap()];
    site.assert_kept(&created);
}
