//! Where the authorization server may send a user back to.

use fluent_uri::Iri;
use fluent_uri::component::Host;
use fluent_uri::pct_enc::Encoder;

use super::text::is_longer;
use crate::error::{Error, Quoted, Result, is_control};
use crate::request::{TextOrList, is_space};

/// How many redirect URIs one credential may have.
const MOST: usize = 32;
/// The length of the column, in characters.
const LONGEST: usize = 2_000;

/// Reads `redirectUri` and joins its URIs by one space, each byte for byte as given.
pub fn parse(input: &TextOrList) -> Result<String> {
    let uris: Vec<&str> = match input {
        TextOrList::Text(text) => split(text),
        TextOrList::List(list) => list.iter().map(|element| element.as_deref().unwrap_or_else(|name| name)).collect(),
    };
    if uris.len() > MOST {
        return Err(Error::TooManyRedirectUris);
    }
    let joined = uris.join(" ");
    if is_longer(&joined, LONGEST) {
        return Err(Error::RedirectUrisTooLong);
    }
    // The type name of an element that is no string is no absolute URI either.
    match uris.into_iter().find(|uri| !is_valid(uri)) {
        Some(uri) => Err(Error::RedirectUriInvalid(Quoted::from(uri))),
        None => Ok(joined),
    }
}

/// White space separates; so does a comma, where a new absolute URI begins behind it: JavaScript joins arrays that way,
/// and a comma may also belong to a URI.
fn split(text: &str) -> Vec<&str> {
    let mut uris = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii() && is_space(c as u8));
        if rest.is_empty() {
            return uris;
        }
        let (uri, behind) = rest.split_at(end_of_first(rest));
        if !uri.is_empty() {
            uris.push(uri);
        }
        rest = behind.strip_prefix(',').unwrap_or(behind);
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
    let Some((scheme, behind)) = text.split_once(':') else {
        return false;
    };
    is_scheme(scheme) && (behind.starts_with("//") || scheme.contains('.'))
}

/// RFC 3986 §3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// Whether OAuth may redirect to this URI: `https` anywhere, `http` to this machine or a test host, and a private-use
/// scheme (RFC 8252 §7.1). Never with a fragment (RFC 6749 §3.1.2), a user or a wildcard.
fn is_valid(uri: &str) -> bool {
    if uri.contains(|c: char| c.is_whitespace() || is_control(c) || matches!(c, '*' | '\\' | '#')) {
        return false;
    }
    let Ok(uri) = Iri::parse(uri) else {
        return false;
    };
    let scheme = uri.scheme().as_str().to_ascii_lowercase();
    let authority = uri.authority();
    if authority.is_some_and(|authority| authority.has_userinfo() || authority.port_to_u16().is_err()) {
        return false;
    }
    let host = authority.map(|authority| (authority.host(), authority.host_parsed()));
    match scheme.as_str() {
        "https" => host.is_some_and(|(text, _)| is_host(text)),
        "http" => host.is_some_and(|(text, host)| is_host(text) && is_local(text, &host)),
        _ => scheme.contains('.') && (host.is_some_and(|(text, _)| is_host(text)) || !uri.path().is_empty()),
    }
}

/// A host as a certificate could name it: ASCII, not empty, nothing percent-encoded.
fn is_host(text: &str) -> bool {
    !text.is_empty() && text.is_ascii() && !text.contains('%')
}

/// Loopback addresses, `localhost` and names below `localhost` and `test` (RFC 6761). Other spellings of an address,
/// `127.1` say, are names here and not local.
fn is_local<E: Encoder>(text: &str, host: &Host<'_, E>) -> bool {
    match host {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        _ => {
            let name = text.to_ascii_lowercase();
            name == "localhost"
                || [".localhost", ".test"].iter().any(|end| name.strip_suffix(end).is_some_and(|left| !left.is_empty()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Result<String> {
        parse(&TextOrList::Text(text.to_owned()))
    }

    fn list(elements: &[&str]) -> Result<String> {
        parse(&TextOrList::List(elements.iter().map(|element| Ok((*element).to_owned())).collect()))
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
    fn uris_that_must_not_be_redirected_to_are_named() {
        for uri in [
            "example.com/cb",
            "/cb",
            "//example.com/cb",
            "javascript:alert(1)",
            "data:text/html,x",
            "myapp:/cb",
            "ftp://example.com/",
            "https:cb",
            "https:///cb",
            "https://",
            "https://example.com/#top",
            "https://example.com/cb#",
            "https://user@example.com/",
            "https://user:pass@example.com/",
            "https://*.example.com/",
            "https://example.com/*",
            "https://example.com\\@evil.example/",
            "https://ex%61mple.com/",
            "https://b\u{fc}cher.example/",
            "https://example.com:99999/",
            "https://example.com/%zz",
            "https://example.com/{id}",
            "http://example.com/cb",
            "http://127.1/cb",
            "http://2130706433/cb",
            "http://0x7f.0.0.1/cb",
            "http://127.0.0.1.example/cb",
            "http://[::ffff:127.0.0.1]/cb",
            "http://.test/cb",
            "http://localhost.example/cb",
            "com.example.app:",
        ] {
            let error = text(uri).unwrap_err();
            assert_eq!(error.to_string(), format!("The redirect URI \"{uri}\" is invalid."));
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
        for bad in ["https://a.example https://b.example", " https://a.example", ""] {
            assert_eq!(list(&[bad]).unwrap_err().to_string(), format!("The redirect URI \"{bad}\" is invalid."));
        }
        assert_eq!(list(&[]).unwrap(), "");
    }

    #[test]
    fn an_element_that_is_no_string_is_invalid() {
        let error = parse(&TextOrList::List(vec![Ok("https://a.example".to_owned()), Err("array")])).unwrap_err();
        assert_eq!(error.to_string(), "The redirect URI \"array\" is invalid.");
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
