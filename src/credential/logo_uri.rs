//! The picture that a consent screen shows. It's never fetched from here.

use fluent_uri::Iri;
use percent_encoding::percent_decode_str;

use super::described::LONGEST;
use crate::error::{CredentialError, Result};
use crate::text::{Quoted, is_control, is_longer};

/// Checks `logoUri`: an `http` or `https` URL, or a path relative to the client area.
pub fn check(uri: &str) -> Result<()> {
    if is_longer(uri, LONGEST) {
        return Err(CredentialError::LogoUriTooLong.into());
    }
    let invalid = |reason| Err(CredentialError::LogoUriInvalid(Quoted::from(uri), reason).into());
    fault(uri).map_or(Ok(()), invalid)
}

/// The one URI of a list; an empty list says none.
pub fn of_list(list: &[std::result::Result<String, &'static str>]) -> Result<String> {
    match list {
        [] => Ok(String::new()),
        [Ok(uri)] => Ok(uri.clone()),
        [Err(type_name), ..] | [_, Err(type_name), ..] => {
            Err(CredentialError::LogoUriInvalid(Quoted::from(*type_name), "it is not a string").into())
        }
        [_, Ok(second), ..] => {
            Err(CredentialError::LogoUriInvalid(Quoted::from(second.as_str()), "only one is allowed").into())
        }
    }
}

/// What is wrong with it, if anything.
fn fault(uri: &str) -> Option<&'static str> {
    let first_segment = uri.split(['/', '?', '#']).next().unwrap_or_default();
    match first_segment.split_once(':') {
        Some((scheme, _)) if ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) => {
            let host =
                Iri::parse(uri).ok().and_then(|uri| uri.authority().map(|authority| !authority.host().is_empty()));
            (host != Some(true)).then_some("it is not a valid URL")
        }
        Some(_) => Some("its scheme is neither https nor http"),
        None => fault_of_path(uri),
    }
}

/// What keeps a path from staying below the folder that it's resolved in.
fn fault_of_path(uri: &str) -> Option<&'static str> {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    let Ok(decoded) = percent_decode_str(path).decode_utf8() else {
        return Some("it is not valid UTF-8 once decoded");
    };
    let either = |wrong: fn(&str) -> bool| wrong(uri) || wrong(&decoded);
    if either(|text| text.starts_with("//")) {
        Some("it begins with //")
    } else if either(|text| text.contains('\\')) {
        Some("it has a backslash")
    } else if decoded.split('/').any(|segment| segment == "..") {
        Some("it leaves the client area")
    } else if either(|text| text.contains(is_control)) {
        Some("it has a control character")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_urls_and_relative_paths_are_logos() {
        for uri in [
            "https://example.com/logo.png",
            "HTTP://example.com",
            "logo.png",
            "images/my logo.png?v=2#x",
            "/assets/logo.svg",
            "a/..b/c..",
            "bilder/gr\u{fc}n.png",
        ] {
            check(uri).unwrap();
        }
    }

    #[test]
    fn other_schemes_and_paths_that_leave_are_named() {
        let (scheme, url) = ("its scheme is neither https nor http", "it is not a valid URL");
        let (slashes, backslash) = ("it begins with //", "it has a backslash");
        let (leaves, control) = ("it leaves the client area", "it has a control character");
        for (uri, reason) in [
            ("javascript:alert(1)", scheme),
            ("data:image/png;base64,AAAA", scheme),
            ("ftp://example.com/logo.png", scheme),
            (":8080/logo.png", scheme),
            ("https:", url),
            ("https:///logo.png", url),
            ("https://exa mple.com/", url),
            ("//example.com/logo.png", slashes),
            ("/%2fexample.com/logo.png", slashes),
            ("..", leaves),
            ("../logo.png", leaves),
            ("a/../../logo.png", leaves),
            ("a/%2e%2E/logo.png", leaves),
            ("a/..%2flogo.png", leaves),
            ("a\\logo.png", backslash),
            ("a%5c..%5clogo.png", backslash),
            ("%ff.png", "it is not valid UTF-8 once decoded"),
            ("a%00b.png", control),
        ] {
            let error = check(uri).unwrap_err();
            assert_eq!(error.to_string(), format!("The logo URI \"{uri}\" is invalid: {reason}."));
        }
        let error = check("a\nb.png").unwrap_err();
        assert_eq!(error.to_string(), format!("The logo URI \"a\u{fffd}b.png\" is invalid: {control}."));
    }

    #[test]
    fn a_list_holds_one_logo_at_most() {
        assert_eq!(of_list(&[]).unwrap(), "");
        assert_eq!(of_list(&[Ok("a.png".to_owned())]).unwrap(), "a.png");
        let error = of_list(&[Ok("a.png".to_owned()), Ok("b.png".to_owned())]).unwrap_err();
        assert_eq!(error.to_string(), "The logo URI \"b.png\" is invalid: only one is allowed.");
        let error = of_list(&[Err("array")]).unwrap_err();
        assert_eq!(error.to_string(), "The logo URI \"array\" is invalid: it is not a string.");
    }

    #[test]
    fn a_logo_uri_fits_its_column() {
        check(&"x".repeat(255)).unwrap();
        assert_eq!(check(&"x".repeat(256)).unwrap_err().to_string(), "The logo URI is longer than 255 characters.");
    }
}
