//! URIs, by which a user or a connection is led somewhere.

use fluent_uri::Iri;
use percent_encoding::percent_decode_str;

use crate::credential::{logo_uri, redirect_uri};
use crate::request::TextOrList;
use crate::settings::{Dsn, NO_HTTP_HOSTS, without_password};
use crate::text::is_control;

fn text(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok()
}

/// `redirectUri`: what is taken is taken again, and leads nowhere that it may not.
pub fn redirect(input: &[u8]) {
    let Some(given) = text(input) else { return };
    let listed = |uri: &str| redirect_uri::parse(&TextOrList::List(vec![Ok(uri.to_owned())]), &NO_HTTP_HOSTS);
    if let Ok(alone) = listed(given) {
        assert_eq!(alone, given, "it's kept byte for byte");
        leads_nowhere_else(given);
    }
    let Ok(joined) = redirect_uri::parse(&TextOrList::Text(given.to_owned()), &NO_HTTP_HOSTS) else { return };
    assert!(joined.chars().count() <= 2_000);
    // A comma at the end of one would separate it from the next.
    if !joined.contains(", ") {
        assert_eq!(redirect_uri::parse(&TextOrList::Text(joined.clone()), &NO_HTTP_HOSTS).unwrap(), joined);
    }
    for uri in joined.split(' ').filter(|uri| !uri.is_empty()) {
        assert!(given.contains(uri));
        assert_eq!(listed(uri).unwrap(), uri);
        leads_nowhere_else(uri);
    }
}

fn leads_nowhere_else(uri: &str) {
    assert!(!uri.contains(|c: char| is_control(c) || c.is_whitespace() || matches!(c, '#' | '*' | '\\')), "{uri}");
    let parsed = Iri::parse(uri).unwrap();
    let scheme = parsed.scheme().as_str().to_ascii_lowercase();
    let authority = parsed.authority();
    assert!(authority.is_none_or(|authority| authority.userinfo().is_none()), "{uri}");
    let host = authority.map(|authority| authority.host().to_ascii_lowercase());
    match (scheme.as_str(), host.as_deref()) {
        ("https", Some(host)) => assert!(!host.is_empty() && host.is_ascii(), "{uri}"),
        ("http", Some(host)) => assert!(
            matches!(host, "localhost")
                || host.ends_with(".localhost")
                || host.ends_with(".test")
                || host.starts_with("127.")
                || host.starts_with('[') && host.ends_with("1]"),
            "{uri}"
        ),
        ("http" | "https", None) => panic!("{uri}"),
        _ => assert!(scheme.contains('.'), "{uri}"),
    }
}

/// `logoUri`: what is taken is of the web or stays below the client area, as a browser resolves it.
pub fn logo(input: &[u8]) {
    let Some(given) = text(input) else { return };
    if logo_uri::check(given).is_err() || given.is_empty() {
        return;
    }
    assert!(given.chars().count() <= 255);
    let begins = |scheme: &str| given.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    if begins("http://") || begins("https://") {
        assert!(Iri::parse(given).unwrap().authority().is_some_and(|authority| !authority.host().is_empty()));
        return;
    }
    let path = given.split(['?', '#']).next().unwrap_or_default();
    let decoded = percent_decode_str(path).decode_utf8().unwrap();
    for path in [path, &decoded] {
        assert!(!path.starts_with("//") && !path.contains('\\') && !path.contains(is_control), "{given}");
        assert!(!path.split('/').any(|segment| segment == ".."), "{given}");
    }
    assert!(!path.split('/').next().unwrap_or_default().contains(':'), "{given} has a scheme");
}

/// `localapi.dsn`: it's shown without its password, and is the same without it.
pub fn dsn(input: &[u8]) {
    let Some(given) = text(input) else { return };
    let parsed = Dsn::parse(given);
    let shown = without_password(given);
    match parsed {
        Dsn::File(path) => {
            assert!(path.is_absolute() && path.file_name().is_some(), "{given}");
            assert_eq!(shown, given);
        }
        Dsn::Memory => assert_eq!(shown, given),
        Dsn::Server(server) => {
            assert!(!server.user.is_empty() && !server.database.is_empty(), "{given}");
            assert!(!server.host.is_empty() || server.socket.is_some(), "{given}");
            if given.matches('@').count() > 1 {
                // More is hidden than the password.
                return assert!(shown.contains(":********@"), "{given} is shown as {shown}");
            }
            let Dsn::Server(again) = Dsn::parse(&shown) else { panic!("{given} is shown as {shown}") };
            assert_eq!(again.password.reveal(), "********");
            let without = |server: &crate::settings::Server| {
                let mut server = server.clone();
                server.password = String::new().into();
                server
            };
            assert_eq!(without(&again), without(&server), "{given} is shown as {shown}");
        }
        // What may be a password isn't told.
        Dsn::Invalid(_) | Dsn::Unset => assert!(shown == "********" || shown.contains(":********@"), "{given}"),
    }
}
