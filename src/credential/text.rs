//! The texts that describe a credential to people.

use crate::error::{Error, Result};
use crate::text::{is_control, is_longer};

/// The length of the columns that hold a text, in characters.
pub const LONGEST: usize = 255;

/// Checks `name`: one line.
pub fn check_name(name: &str) -> Result<()> {
    check("name", name, is_control)
}

/// Checks `description`: line breaks and tabs are allowed.
pub fn check_description(description: &str) -> Result<()> {
    check("description", description, |c| is_control(c) && !matches!(c, '\n' | '\r' | '\t'))
}

fn check(what: &'static str, text: &str, forbidden: impl Fn(char) -> bool) -> Result<()> {
    if is_longer(text, LONGEST) {
        Err(Error::TextTooLong(what))
    } else if text.chars().any(forbidden) {
        Err(Error::TextWithControls(what))
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
        let error = check_description(&"x".repeat(256)).unwrap_err();
        assert_eq!(error.to_string(), "The description is longer than 255 characters.");
    }

    #[test]
    fn control_characters_and_bidirectional_overrides_are_refused() {
        for bad in ["\0", "\u{1f}", "\u{7f}", "\u{9f}", "\u{202a}", "\u{202e}", "\u{2066}", "\u{2069}"] {
            let error = check_name(&format!("a{bad}b")).unwrap_err();
            assert_eq!(error.to_string(), "The name contains control characters.");
            let error = check_description(&format!("a{bad}b")).unwrap_err();
            assert_eq!(error.to_string(), "The description contains control characters.");
        }
        check_name("a\u{200f}b\u{a0}").unwrap();
    }

    #[test]
    fn line_breaks_and_tabs_belong_to_descriptions_only() {
        check_description("a\tb\r\nc").unwrap();
        for bad in ["\t", "\r", "\n"] {
            assert!(check_name(bad).is_err());
        }
    }
}
