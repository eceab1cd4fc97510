//! Where the authorization server may send a user back to.

use std::net::{Ipv4Addr, Ipv6Addr};

use fluent_uri::Iri;

use crate::error::{CredentialError, Result};
use crate::request::TextOrList;
use crate::settings::HttpHosts;
use crate::text::{Quoted, is_control, is_longer, is_space, positive};

/// How many redirect URIs one credential may have.
const MOST: usize = 32;
/// The length of the column, in characters.
const LONGEST: usize = 2_000;

/// Reads `redirectUri` and joins its URIs by one space, each byte for byte as given. These hosts may have `http`, too.
pub fn parse(input: &TextOrList, http_hosts: &HttpHosts) -> Result<String> {
    let uris: Vec<std::result::Result<&str, &str>> = match input {
        TextOrList::Text(text) => split(text).into_iter().map(Ok).collect(),
        TextOrList::List(list) => list.iter().map(|element| element.as_deref().map_err(|name| *name)).collect(),
    };
    if uris.len() > MOST {
        return Err(CredentialError::TooManyRedirectUris.into());
    }
    let joined = uris.iter().map(|uri| uri.unwrap_or_default()).collect::<Vec<_>>().join(" ");
    if is_longer(&joined, LONGEST) {
        return Err(CredentialError::RedirectUrisTooLong.into());
    }
    let fault = |uri: &std::result::Result<&str, &str>| match *uri {
        Ok(uri) => fault(uri, http_hosts).map(|reason| (Quoted::from(uri), reason)),
        Err(type_name) => Some((Quoted::from(type_name), "it is not a string")),
    };
    match uris.iter().find_map(fault) {
        Some((uri, reason)) => Err(CredentialError::RedirectUriInvalid(uri, reason).into()),
        None => Ok(joined),
    }
}

/// Whether a client that has registered one URI may be redirected to another: to the same, byte for byte. Only the port
/// of a loopback address is left open, since an app on this machine takes the one that is free (RFC 8252 §7.3).
pub fn matches(registered: &[u8], given: &[u8]) -> bool {
    if registered == given {
        return !given.is_empty();
    }
    let parts = |uri| std::str::from_utf8(uri).ok().and_then(around_open_port);
    parts(registered).is_some() && parts(registered) == parts(given)
}

/// The host of an `http` URI of a loopback address, and what stands after its port, whether it has one or not.
fn around_open_port(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let (authority, after) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let host = host(authority);
    let port = authority.strip_prefix(host).filter(|_| is_loopback(host))?;
    let is_port = |port: &str| positive(port).is_some_and(|port| port <= i64::from(u16::MAX));
    (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some((host, after))
}

/// The first host that one of these URIs has `http` for, beside this machine and test hosts.
pub fn http_host(joined: &str) -> Option<&str> {
    joined.split(' ').find_map(|uri| {
        let (_, rest) = uri.split_once("://").filter(|(scheme, _)| scheme.eq_ignore_ascii_case("http"))?;
        let authority = rest.split(['/', '?', '#']).next()?;
        Some(host(authority)).filter(|host| !is_local(host))
    })
}

/// White space separates; so does a comma, where a new absolute URI begins after it: JavaScript joins arrays that way,
/// and a comma may also belong to a URI.
fn split(text: &str) -> Vec<&str> {
    let mut uris = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii() && is_space(c as u8));
        if rest.is_empty() {
            return uris;
        }
        let (uri, after) = rest.split_at(end_of_first(rest));
        if !uri.is_empty() {
            uris.push(uri);
        }
        rest = after.strip_prefix(',').unwrap_or(after);
    }
}

/// Where the first URI of a text ends: at white space, or at a comma that separates.
fn end_of_first(text: &str) -> usize {
    text.bytes()
        .enumerate()
        .find(|&(at, byte)| is_space(byte) || (byte == b',' && begins_uri(text.get(at + 1..).unwrap_or_default())))
        .map_or(text.len(), |(at, _)| at)
}

/// Whether an absolute URI begins here: `scheme://`, or a scheme with a dot and `:`.
fn begins_uri(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| c.is_ascii() && is_space(c as u8));
    let Some((scheme, after)) = text.split_once(':') else {
        return false;
    };
    is_scheme(scheme) && (after.starts_with("//") || scheme.contains('.'))
}

/// RFC 3986 §3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// Why OAuth may not redirect to this URI, if it may not: `https` anywhere, `http` to this machine or a test host, and a
/// private-use scheme (RFC 8252 §7.1). Never with a fragment (RFC 6749 §3.1.2), a user or a wildcard.
fn fault(uri: &str, http_hosts: &HttpHosts) -> Option<&'static str> {
    let Some((scheme, rest)) = uri.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
        return Some("it is not an absolute URI");
    };
    let authority = rest.strip_prefix("//").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let (user, place) = authority.map_or((None, None), |authority| match authority.rsplit_once('@') {
        Some((user, place)) => (Some(user), Some(place)),
        None => (None, Some(authority)),
    });
    let host = place.map(host);
    match scheme.to_ascii_lowercase().as_str() {
        "https" | "http" if host.is_none_or(str::is_empty) => return Some("it has no host"),
        "https" => {}
        "http" if host.is_some_and(|host| is_local(host) || http_hosts.allow(host)) => {}
        "http" => return Some("http is for loopback hosts and *.test only"),
        scheme if !scheme.contains('.') => return Some("a private scheme needs a dot"),
        _ if rest.is_empty() => return Some("it has nothing behind its scheme"),
        _ if host == Some("") => return Some("it has no host"),
        _ => {}
    }
    // As a certificate could name it.
    if host.is_some_and(|host| !host.is_ascii() || host.contains('%')) {
        return Some("its host is not ASCII");
    }
    let rules: [(bool, &str); 6] = [
        (uri.contains('#'), "it has a fragment"),
        (user.is_some(), "it has a user"),
        (uri.contains('*'), "it has a wildcard"),
        (uri.contains(char::is_whitespace), "it has white space"),
        (uri.contains(is_control), "it has a control character"),
        (uri.contains('\\'), "it has a backslash"),
    ];
    let broken = rules.iter().find(|(is_broken, _)| *is_broken).map(|(_, reason)| *reason);
    broken.or_else(|| match Iri::parse(uri) {
        Err(_) => Some("it is not a valid URI"),
        Ok(uri) if uri.authority().is_some_and(|authority| authority.port_to_u16().is_err()) => {
            Some("its port is not valid")
        }
        Ok(_) => None,
    })
}

/// The host of an authority without its user: what stands before the port, and an IPv6 address with its brackets.
fn host(place: &str) -> &str {
    let end = match place.strip_prefix('[').and_then(|address| address.find(']')) {
        Some(at) => at + 2,
        None => place.find(':').unwrap_or(place.len()),
    };
    place.get(..end).unwrap_or(place)
}

/// Whether a host is a loopback address. Other spellings of one, `127.1` say, are names here.
fn is_loopback(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|address| address.strip_suffix(']')) {
        Some(address) => address.parse().is_ok_and(|address: Ipv6Addr| address.is_loopback()),
        None => host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback()),
    }
}

/// Loopback addresses, `localhost` and names below `localhost` and `test` (RFC 6761).
fn is_local(host: &str) -> bool {
    let name = host.to_ascii_lowercase();
    is_loopback(host)
        || name == "localhost"
        || [".localhost", ".test"].iter().any(|end| name.strip_suffix(end).is_some_and(|left| !left.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::NO_HTTP_HOSTS;

    fn text(text: &str) -> Result<String> {
        parse(&TextOrList::Text(text.to_owned()), &NO_HTTP_HOSTS)
    }

    fn list(elements: &[&str]) -> Result<String> {
        parse(&TextOrList::List(elements.iter().map(|element| Ok((*element).to_owned())).collect()), &NO_HTTP_HOSTS)
    }

    #[test]
    fn uris_are_kept_byte_for_byte() {
        for uri in [
            "https://example.com",
            "HTTPS://Example.COM:8443/Path?a=1&b=%2F",
            "https://example.com/a,b",
            "https://example.com/\u{fc}",
            "https://203.0.113.9/cb",
            "https://127.1/cb",
            "https://[2001:db8::1]/cb",
            "http://localhost:3000/cb",
            "http://app.localhost/cb",
            "http://shop.test",
            "http://127.0.0.1:1/cb",
            "http://127.255.3.4/cb",
            "http://[::1]/cb",
            "com.example.app:/cb",
            "com.example.app:cb",
            "com.example.app://host/cb",
        ] {
            assert_eq!(text(uri).unwrap(), uri);
            assert_eq!(list(&[uri]).unwrap(), uri);
        }
    }

    #[test]
    fn uris_that_must_not_be_redirected_to_are_named_and_why() {
        let (relative, no_host) = ("it is not an absolute URI", "it has no host");
        let (http, dot) = ("http is for loopback hosts and *.test only", "a private scheme needs a dot");
        let (ascii, fragment, user) = ("its host is not ASCII", "it has a fragment", "it has a user");
        let (wildcard, backslash, uri) = ("it has a wildcard", "it has a backslash", "it is not a valid URI");
        for (given, reason) in [
            ("example.com/cb", relative),
            ("/cb", relative),
            ("//example.com/cb", relative),
            ("1a:/cb", relative),
            ("https:cb", no_host),
            ("https:///cb", no_host),
            ("https://", no_host),
            ("https://user@/", no_host),
            ("https://:443/", no_host),
            ("com.example.app:///cb", no_host),
            ("http://example.com/cb", http),
            ("http://docker/x", http),
            ("http://127.1/cb", http),
            ("http://2130706433/cb", http),
            ("http://0x7f.0.0.1/cb", http),
            ("http://127.0.0.01/cb", http),
            ("http://127.0.0.1.example/cb", http),
            ("http://[::ffff:127.0.0.1]/cb", http),
            ("http://[::1/cb", http),
            ("http://.test/cb", http),
            ("http://localhost.example/cb", http),
            ("http://localhost@example.com/cb", http),
            ("http://example.com/#top", http),
            ("javascript:alert(1)", dot),
            ("data:text/html,x", dot),
            ("myapp:/cb", dot),
            ("my-app://cb", dot),
            ("ftp://example.com/", dot),
            ("urn:ietf:wg:oauth:2.0:oob", dot),
            ("com.example.app:", "it has nothing behind its scheme"),
            ("https://ex%61mple.com/", ascii),
            ("https://b\u{fc}cher.example/", ascii),
            ("https://example.com/#top", fragment),
            ("https://example.com/cb#", fragment),
            ("https://user@example.com/", user),
            ("https://user:pass@example.com/", user),
            ("https://@example.com/", user),
            ("http://user@localhost/", user),
            ("https://*.example.com/", wildcard),
            ("https://example.com/*", wildcard),
            ("https://example.com\\@evil.example/", user),
            ("https://example.com/a\\b", backslash),
            ("https://example.com/%zz", uri),
            ("https://example.com/{id}", uri),
            ("https://example.com:port/", uri),
            ("https://[::1/cb", uri),
            ("https://example.com:99999/", "its port is not valid"),
        ] {
            let error = text(given).unwrap_err();
            assert_eq!(error.to_string(), format!("The redirect URI \"{given}\" is invalid: {reason}."));
        }
        for (given, reason) in [
            ("https://a.example/\u{2028}", "it has white space"),
            ("https://a.example/\u{202e}", "it has a control character"),
        ] {
            let said = list(&[given]).unwrap_err().to_string();
            assert!(said.ends_with(&format!("is invalid: {reason}.")), "{said}");
        }
    }

    fn matches(registered: &str, given: &str) -> bool {
        super::matches(registered.as_bytes(), given.as_bytes())
    }

    #[test]
    fn a_redirect_goes_to_what_was_registered_byte_for_byte() {
        for registered in [
            "https://a.example/cb?x=1",
            "https://a.example/\u{fc}",
            "com.example.app:/cb",
            "http://localhost:3000/cb",
            "http://127.0.0.1/cb",
        ] {
            assert!(matches(registered, registered));
            for given in [
                registered.to_uppercase(),
                format!("{registered}/"),
                format!("{registered}?"),
                format!("{registered}#"),
                format!("{registered}#x"),
                format!("{registered}\0"),
                format!(" {registered}"),
                format!("{registered},{registered}"),
                registered.replace("cb", "c%62"),
                registered.replace("/cb", "/x/../cb"),
                registered.replace("cb", "*"),
                registered.replace("://", "://user@"),
                registered.replace("http", "ftp"),
                String::new(),
            ] {
                assert!(given == registered || !matches(registered, &given), "{registered} {given}");
            }
        }
        for (registered, given) in [
            ("https://a.example", "https://a.example/"),
            ("https://a.example/", "https://a.example:443/"),
            ("https://*.example/", "https://a.example/"),
            ("*", "https://a.example/"),
            ("", ""),
        ] {
            assert!(!matches(registered, given), "{registered} {given}");
        }
        assert!(super::matches(b"https://a.example/\xff", b"https://a.example/\xff"));
        assert!(!super::matches(b"http://127.0.0.1/\xff", b"http://127.0.0.1:80/\xfe"));
    }

    #[test]
    fn the_port_of_a_loopback_address_is_left_open() {
        for host in ["127.0.0.1", "127.8.9.10", "[::1]", "[0:0:0:0:0:0:0:1]"] {
            let uris = ["", ":1", ":8080", ":65535"].map(|port| format!("http://{host}{port}/cb?a=b:1"));
            for (registered, given) in uris.iter().flat_map(|one| uris.iter().map(move |other| (one, other))) {
                assert!(matches(registered, given), "{registered} {given}");
            }
            assert!(matches(&format!("http://{host}"), &format!("http://{host}:5")));
            assert!(matches(&format!("http://{host}?x"), &format!("http://{host}:5?x")));
            for end in [
                "/cb",
                "/",
                "",
                ":/cb?a=b:1",
                ":0/cb?a=b:1",
                ":65536/cb?a=b:1",
                ":+5/cb?a=b:1",
                ":-5/cb?a=b:1",
                ": 5/cb?a=b:1",
                ":5 /cb?a=b:1",
                ":5:5/cb?a=b:1",
                ":5\\/cb?a=b:1",
                ":5#/cb?a=b:1",
                "#:5/cb?a=b:1",
                ":\u{665}/cb?a=b:1",
                ":5/CB?a=b:1",
                ":5/cb?a=b:2",
                ":5@evil.example/cb?a=b:1",
                "@evil.example/cb?a=b:1",
                ".evil.example/cb?a=b:1",
                ".evil.example:5/cb?a=b:1",
                "evil/cb?a=b:1",
                ":5.evil.example/cb?a=b:1",
            ] {
                assert!(!matches(&uris[0], &format!("http://{host}{end}")), "{host} {end}");
            }
        }
    }

    #[test]
    fn no_other_port_is_left_open_nor_one_address_for_another() {
        for (registered, given) in [
            ("http://localhost/cb", "http://localhost:8080/cb"),
            ("http://app.localhost/cb", "http://app.localhost:8080/cb"),
            ("http://shop.test:80/cb", "http://shop.test:81/cb"),
            ("https://127.0.0.1/cb", "https://127.0.0.1:8080/cb"),
            ("HTTP://127.0.0.1/cb", "http://127.0.0.1:8080/cb"),
            ("https://a.example/cb", "https://a.example:8080/cb"),
            ("com.example.app://127.0.0.1/cb", "com.example.app://127.0.0.1:1/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.2:8080/cb"),
            ("http://127.0.0.1/cb", "http://[::1]:8080/cb"),
            ("http://127.0.0.1/cb", "http://127.1:8080/cb"),
            ("http://127.0.0.1/cb", "http://localhost:8080/cb"),
            ("http://127.0.0.1/cb", "https://127.0.0.1:8080/cb"),
            ("http://[::1]/cb", "http://[::ffff:127.0.0.1]:8080/cb"),
            ("http://192.0.2.1/cb", "http://192.0.2.1:8080/cb"),
        ] {
            assert!(!matches(registered, given), "{registered} {given}");
            assert!(!matches(given, registered), "{given} {registered}");
        }
    }

    #[test]
    fn hosts_that_are_named_may_have_http() {
        let hosts = HttpHosts::parse("app *.dev").unwrap();
        let parse = |uri: &str| parse(&TextOrList::Text(uri.to_owned()), &hosts);
        for uri in ["http://app:8080/callback", "HTTP://App/", "http://a.dev/cb"] {
            assert_eq!(parse(uri).unwrap(), uri);
            assert_eq!(http_host(&format!("https://b.example {uri}")), Some(host(uri.split('/').nth(2).unwrap())));
        }
        for (uri, reason) in [
            ("http://dev/cb", "http is for loopback hosts and *.test only"),
            ("http://app.example/", "http is for loopback hosts and *.test only"),
            ("http://app@evil.example/", "http is for loopback hosts and *.test only"),
            ("http://app/#top", "it has a fragment"),
            ("http://user@app/", "it has a user"),
        ] {
            assert!(parse(uri).unwrap_err().to_string().ends_with(&format!("invalid: {reason}.")), "{uri}");
        }
        for none in ["", "https://app/", "http://localhost/ http://a.test/", "com.example.app:/http://app"] {
            assert_eq!(http_host(none), None, "{none}");
        }
    }

    #[test]
    fn white_space_separates_the_uris_of_a_string() {
        assert_eq!(text(" https://a.example\t\nhttps://b.example\r\n").unwrap(), "https://a.example https://b.example");
        assert_eq!(text(" \t").unwrap(), "");
    }

    #[test]
    fn a_comma_separates_where_a_new_uri_begins() {
        assert_eq!(
            text("https://a.example,https://b.example/x,y,com.example.app:/cb").unwrap(),
            "https://a.example https://b.example/x,y com.example.app:/cb"
        );
        assert_eq!(text("https://a.example, https://b.example").unwrap(), "https://a.example https://b.example");
        assert_eq!(text("https://a.example/,").unwrap(), "https://a.example/,");
        assert_eq!(text("https://a.example/,b:/c").unwrap(), "https://a.example/,b:/c");
    }

    #[test]
    fn an_element_of_a_list_is_one_uri_whatever_it_holds() {
        assert_eq!(list(&["https://a.example/x,https://b.example"]).unwrap(), "https://a.example/x,https://b.example");
        for (bad, reason) in [
            ("https://a.example https://b.example", "it has white space"),
            (" https://a.example", "it is not an absolute URI"),
            ("", "it is not an absolute URI"),
        ] {
            let said = list(&[bad]).unwrap_err().to_string();
            assert_eq!(said, format!("The redirect URI \"{bad}\" is invalid: {reason}."));
        }
        assert_eq!(list(&[]).unwrap(), "");
    }

    #[test]
    fn an_element_that_is_no_string_is_invalid() {
        let list = TextOrList::List(vec![Ok("https://a.example".to_owned()), Err("array")]);
        let error = parse(&list, &NO_HTTP_HOSTS).unwrap_err();
        assert_eq!(error.to_string(), "The redirect URI \"array\" is invalid: it is not a string.");
    }

    #[test]
    fn thirty_two_uris_and_2_000_characters_are_the_most() {
        let many = vec!["https://a.example"; 33];
        list(&many[..32]).unwrap();
        assert_eq!(list(&many).unwrap_err().to_string(), "At most 32 redirect URIs are allowed.");
        let long = format!("https://a.example/{}", "x".repeat(2_000 - 18));
        text(&long).unwrap();
        assert_eq!(text(&(long + "x")).unwrap_err().to_string(), "The redirect URIs are longer than 2,000 characters.");
    }
}
