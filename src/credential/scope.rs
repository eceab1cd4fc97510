//! What a credential may ask for (RFC 6749 §3.3).

use crate::error::{CredentialError, Result};
use crate::request::TextOrList;
use crate::store::ScopeTable;
use crate::text::Quoted;

/// How many scopes one credential may have.
const MOST: usize = 64;

/// The tokens of `scope`, between any ASCII white space, repeated ones once. `Err` names the type of an element of a
/// list that is no string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes(Vec<std::result::Result<String, &'static str>>);

impl Scopes {
    /// Reads `scope`, of which each element of a list may hold several tokens. It must hold at least one.
    pub fn parse(input: Option<&TextOrList>) -> Result<Self> {
        let mut tokens = Vec::new();
        match input {
            None => {}
            Some(TextOrList::Text(text)) => add(&mut tokens, text),
            Some(TextOrList::List(list)) => list.iter().for_each(|element| match element {
                Ok(text) => add(&mut tokens, text),
                Err(type_name) => tokens.push(Err(*type_name)),
            }),
        }
        if tokens.is_empty() { Err(CredentialError::ScopeRequired.into()) } else { Ok(Self(tokens)) }
    }

    /// The ids of the tokens, in their order; each must be in the table.
    pub fn ids(&self, table: &ScopeTable) -> Result<Vec<i64>> {
        let id = |token: &std::result::Result<String, &'static str>| match token {
            Ok(token) => {
                table.id(token).ok_or_else(|| CredentialError::ScopeInvalid(Quoted::from(token.as_str())).into())
            }
            Err(type_name) => Err(CredentialError::ScopeInvalid(Quoted::from(*type_name)).into()),
        };
        self.0.iter().map(id).collect()
    }

    /// The tokens, as one text.
    pub fn text(&self) -> String {
        self.0.iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// Refuses more scopes than a credential may have.
    pub fn check_count(&self) -> Result<()> {
        if self.0.len() > MOST { Err(CredentialError::TooManyScopes.into()) } else { Ok(()) }
    }
}

fn add(tokens: &mut Vec<std::result::Result<String, &'static str>>, text: &str) {
    // The vertical tab separates too, as in PHP.
    for token in text.split('\x0b').flat_map(str::split_ascii_whitespace) {
        // Beyond the most that are allowed repeats no longer matter, and so a long list costs no more to compare.
        if tokens.len() > MOST || !tokens.iter().any(|known| known.as_deref() == Ok(token)) {
            tokens.push(Ok(token.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::store::Scope;

    fn table(rows: &[(i64, &str)]) -> ScopeTable {
        let scope = |name: &str| Scope { name: name.to_owned(), description: String::new() };
        rows.iter().map(|(id, name)| (*id, scope(name))).collect()
    }

    fn scopes(text: &str) -> Result<Scopes> {
        Scopes::parse(Some(&TextOrList::Text(text.to_owned())))
    }

    fn list(elements: &[std::result::Result<&str, &'static str>]) -> Result<Scopes> {
        Scopes::parse(Some(&TextOrList::List(elements.iter().map(|element| element.map(str::to_owned)).collect())))
    }

    fn parse(text: &str) -> Result<Vec<String>> {
        scopes(text).map(|scopes| scopes.0.into_iter().map(std::result::Result::unwrap).collect())
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
        for none in [Scopes::parse(None), scopes(""), scopes(" \t\r\n"), list(&[]), list(&[Ok(""), Ok(" ")])] {
            assert_eq!(none.unwrap_err().to_string(), "At least one valid scope is required.");
        }
    }

    #[test]
    fn an_element_of_a_list_holds_one_token_or_several() {
        assert_eq!(list(&[Ok("a b"), Ok("a"), Ok(" c\td ")]).unwrap(), scopes("a b c d").unwrap());
        let many: Vec<String> = (0..65).map(|number| format!("s{number}")).collect();
        let many: Vec<_> = many.iter().map(|token| Ok(token.as_str())).collect();
        list(&many[..64]).unwrap().check_count().unwrap();
        assert!(matches!(list(&many).unwrap().check_count(), Err(Error::Credential(CredentialError::TooManyScopes))));
    }

    #[test]
    fn an_element_that_is_no_string_is_an_invalid_scope_whatever_scopes_there_are() {
        let table = table(&[(1, "a"), (2, "array")]);
        let error = list(&[Ok("a"), Err("array"), Ok("b")]).unwrap().ids(&table).unwrap_err();
        assert_eq!(error.to_string(), "The requested scope \"array\" is invalid.");
    }

    #[test]
    fn the_first_token_without_a_row_is_named() {
        let table = table(&[(1, "a"), (2, "b")]);
        assert_eq!(scopes("b a").unwrap().ids(&table).unwrap(), [2, 1]);
        let error = scopes("a B c").unwrap().ids(&table).unwrap_err();
        assert_eq!(error.to_string(), "The requested scope \"B\" is invalid.");
    }

    #[test]
    fn sixty_four_different_scopes_are_the_most() {
        let many = |n: usize| (0..n).map(|i| format!("s{i} s{i} ")).collect::<String>();
        scopes(&many(64)).unwrap().check_count().unwrap();
        let error = scopes(&many(65)).unwrap().check_count().unwrap_err();
        assert_eq!(error.to_string(), "At most 64 scopes are allowed.");
    }
}
