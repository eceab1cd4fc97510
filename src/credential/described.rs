//! What describes a credential to people, and where it sends them: the parts that no other rule depends on.

use super::{logo_uri, redirect_uri};
use crate::error::{CredentialError, Result};
use crate::request::Request;
use crate::store::Details;
use crate::text::{is_control, is_longer};

/// The length of the columns that hold a text, in characters.
pub const LONGEST: usize = 255;

/// What is passed of these parts, in the order in which their rules run; `None` is what isn't. What is blank clears.
#[derive(Debug, Clone, Default)]
pub struct Described {
    name: Option<String>,
    description: Option<String>,
    logo_uri: Option<String>,
    redirect_uri: Option<String>,
}

impl Described {
    /// Reads `description`, the logo's URI and `redirectUri`, and checks them and the name.
    pub fn read(
        request: &Request<'_>,
        name: Option<String>,
        logo_uri: impl FnOnce() -> Result<Option<String>>,
    ) -> Result<Self> {
        name.as_deref().map_or(Ok(()), check_name)?;
        let description = request.text_or_empty("description")?;
        description.as_deref().map_or(Ok(()), |text| check_description("description", text))?;
        let logo_uri = logo_uri()?;
        logo_uri.as_deref().map_or(Ok(()), logo_uri::check)?;
        let redirect_uri = request.text_or_list("redirectUri")?;
        let redirect_uri = redirect_uri.map(|uris| redirect_uri::parse(&uris, request.http_hosts)).transpose()?;
        Ok(Self { name, description, logo_uri, redirect_uri })
    }

    /// What is passed, part by part.
    pub fn parts(&self) -> [&str; 4] {
        let parts = [&self.name, &self.description, &self.logo_uri, &self.redirect_uri];
        parts.map(|part| part.as_deref().unwrap_or_default())
    }

    /// Puts what is passed into a credential's details. Whether anything was.
    pub fn put_into(self, details: &mut Details) -> bool {
        let mut passed = false;
        for (place, value) in [
            (&mut details.name, self.name),
            (&mut details.description, self.description),
            (&mut details.logo_uri, self.logo_uri),
            (&mut details.redirect_uri, self.redirect_uri),
        ] {
            if let Some(value) = value {
                *place = value;
                passed = true;
            }
        }
        passed
    }
}

/// Checks `name`: one line.
fn check_name(name: &str) -> Result<()> {
    check("name", name, is_control)
}

/// Checks a description, or a part of one: line breaks and tabs are allowed.
pub fn check_description(what: &'static str, description: &str) -> Result<()> {
    check(what, description, |c| is_control(c) && !matches!(c, '\n' | '\r' | '\t'))
}

fn check(what: &'static str, text: &str, forbidden: impl Fn(char) -> bool) -> Result<()> {
    if is_longer(text, LONGEST) {
        Err(CredentialError::TextTooLong(what).into())
    } else if text.chars().any(forbidden) {
        Err(CredentialError::TextWithControls(what).into())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_characters() {
        check_name(&"é".repeat(255)).unwrap();
        let error = check_name(&"é".repeat(256)).unwrap_err();
        assert_eq!(error.to_string(), "The name is longer than 255 characters.");
        let error = check_description("description", &"x".repeat(256)).unwrap_err();
        assert_eq!(error.to_string(), "The description is longer than 255 characters.");
    }

    #[test]
    fn control_characters_and_bidirectional_overrides_are_refused() {
        for bad in ["\0", "\u{1f}", "\u{7f}", "\u{9f}", "\u{202a}", "\u{202e}", "\u{2066}", "\u{2069}"] {
            let error = check_name(&format!("a{bad}b")).unwrap_err();
            assert_eq!(error.to_string(), "The name contains control characters.");
            let error = check_description("description", &format!("a{bad}b")).unwrap_err();
            assert_eq!(error.to_string(), "The description contains control characters.");
        }
        check_name("a\u{200f}b\u{a0}").unwrap();
    }

    #[test]
    fn line_breaks_and_tabs_belong_to_descriptions_only() {
        check_description("description", "a\tb\r\nc").unwrap();
        for bad in ["\t", "\r", "\n"] {
            assert!(check_name(bad).is_err());
        }
    }
}
