//! The picture that a consent screen shows. It's never fetched from here.

use fluent_uri::Iri;
use percent_encoding::percent_decode_str;

use super::text::{LONGEST, is_longer};
use crate::error::{Error, Quoted, Result, is_control};

/// Checks `logoUri`: an `http` or `https` URL, or a path relative to the client area.
pub fn check(uri: &str) -> Result<()> {
    if is_longer(uri, LONGEST) {
        Err(Error::LogoUriTooLong)
    } else if is_web_url(uri) || is_path(uri) {
        Ok(())
    } else {
        Err(Error::LogoUriInvalid(Quoted::from(uri)))
    }
}

/// The one URI of a list; an empty list says none.
pub fn of_list(list: &[std::result::Result<String, &'static str>]) -> Result<String> {
    match list {
        [] => Ok(String::new()),
        [Ok(uri)] => Ok(uri.clone()),
        [Err(type_name), ..] | [_, Err(type_name), ..] => Err(Error::LogoUriInvalid(Quoted::from(*type_name))),
        [_, Ok(second), ..] => Err(Error::LogoUriInvalid(Quoted::from(second.as_str()))),
    }
}

fn is_web_url(uri: &str) -> bool {
    let Ok(uri) = Iri::parse(uri) else {
        return false;
    };
    ["http", "https"].iter().any(|scheme| uri.scheme().as_str().eq_ignore_ascii_case(scheme))
        && uri.authority().is_some_and(|authority| !authority.host().is_empty())
}

/// A path that stays below the folder it's resolved in.
fn is_path(uri: &str) -> bool {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    let Ok(decoded) = percent_decode_str(path).decode_utf8() else {
        return false;
    };
    let first_segment = uri.split(['/', '?', '#']).next().unwrap_or_default();
    !first_segment.contains(':')
        && !uri.starts_with("//")
        && !uri.contains('\\')
        && !uri.contains(is_control)
        && !decoded.contains('\\')
        && !decoded.contains(is_control)
        && !decoded.starts_with("//")
        && !decoded.split('/').any(|segment| segment == "..")
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
        for uri in [
            "javascript:alert(1)",
            "data:image/png;base64,AAAA",
            "ftp://example.com/logo.png",
            "https:",
            "https:///logo.png",
            "//example.com/logo.png",
            "/%2fexample.com/logo.png",
            "..",
            "../logo.png",
            "a/../../logo.png",
            "a/%2e%2E/logo.png",
            "a/..%2flogo.png",
            "a\\logo.png",
            "a%5c..%5clogo.png",
            "%ff.png",
        ] {
            let error = check(uri).unwrap_err();
            assert_eq!(error.to_string(), format!("The logo URI \"{uri}\" is invalid."));
        }
        assert!(check("a\nb.png").is_err());
        assert!(check("a%00b.png").is_err());
    }

    #[test]
    fn a_list_holds_one_logo_at_most() {
        assert_eq!(of_list(&[]).unwrap(), "");
        assert_eq!(of_list(&[Ok("a.png".to_owned())]).unwrap(), "a.png");
        let error = of_list(&[Ok("a.png".to_owned()), Ok("b.png".to_owned())]).unwrap_err();
        assert_eq!(error.to_string(), "The logo URI \"b.png\" is invalid.");
        assert_eq!(of_list(&[Err("array")]).unwrap_err().to_string(), "The logo URI \"array\" is invalid.");
    }

    #[test]
    fn a_logo_uri_fits_its_column() {
        check(&"x".repeat(255)).unwrap();
        assert_eq!(check(&"x".repeat(256)).unwrap_err().to_string(), "The logo URI is longer than 255 characters.");
    }
}
