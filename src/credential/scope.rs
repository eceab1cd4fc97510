//! What a credential may ask for (RFC 6749 §3.3).

use crate::error::{Error, Quoted, Result};
use crate::store::ScopeTable;

/// How many scopes one credential may have.
const MOST: usize = 64;

/// The tokens of `scope`, between any ASCII white space, repeated ones once.
#[derive(Debug, PartialEq, Eq)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// Reads `scope`; it must hold at least one token.
    pub fn parse(text: Option<&str>) -> Result<Self> {
        let mut tokens: Vec<String> = Vec::new();
        // The vertical tab separates too, as in PHP.
        for token in text.unwrap_or_default().split('\x0b').flat_map(str::split_ascii_whitespace) {
            // Beyond the most that are allowed repeats no longer matter, and so a long list costs no more to compare.
            if tokens.len() > MOST || !tokens.iter().any(|known| known == token) {
                tokens.push(token.to_owned());
            }
        }
        if tokens.is_empty() { Err(Error::ScopeRequired) } else { Ok(Self(tokens)) }
    }

    /// The ids of the tokens, in their order; each must be in the table.
    pub fn ids(&self, table: &ScopeTable) -> Result<Vec<i64>> {
        self.0
            .iter()
            .map(|token| table.id(token).ok_or_else(|| Error::ScopeInvalid(Quoted::from(token.as_str()))))
            .collect()
    }

    /// Refuses more scopes than a credential may have.
    pub fn check_count(&self) -> Result<()> {
        if self.0.len() > MOST { Err(Error::TooManyScopes) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<String>> {
        Scopes::parse(Some(text)).map(|scopes| scopes.0)
    }

    #[test]
    fn any_ascii_white_space_separates_tokens() {
        assert_eq!(parse("a\tb\nc\r\nd\x0be\x0cf  g ").unwrap(), ["a", "b", "c", "d", "e", "f", "g"]);
    }

    #[test]
    fn a_no_break_space_belongs_to_its_token() {
        assert_eq!(parse("a\u{a0}b").unwrap(), ["a\u{a0}b"]);
    }

    #[test]
    fn a_repeated_token_counts_once_and_letter_case_matters() {
        assert_eq!(parse("a A a").unwrap(), ["a", "A"]);
    }

    #[test]
    fn no_token_is_an_error() {
        for text in [None, Some(""), Some(" \t\r\n")] {
            assert_eq!(Scopes::parse(text).unwrap_err().to_string(), "At least one valid scope is required.");
        }
    }

    #[test]
    fn the_first_token_without_a_row_is_named() {
        let table = ScopeTable::from_iter([("a".to_owned(), 1), ("b".to_owned(), 2)]);
        assert_eq!(Scopes::parse(Some("b a")).unwrap().ids(&table).unwrap(), [2, 1]);
        let error = Scopes::parse(Some("a B c")).unwrap().ids(&table).unwrap_err();
        assert_eq!(error.to_string(), "The requested scope \"B\" is invalid.");
    }

    #[test]
    fn sixty_four_different_scopes_are_the_most() {
        let many = |n: usize| (0..n).map(|i| format!("s{i} s{i} ")).collect::<String>();
        Scopes::parse(Some(&many(64))).unwrap().check_count().unwrap();
        let error = Scopes::parse(Some(&many(65))).unwrap().check_count().unwrap_err();
        assert_eq!(error.to_string(), "At most 64 scopes are allowed.");
    }
}
