//! What a caller asks: a command, its parameters, and who asks.

use crate::actor::{Caller, Origin};
use crate::error::{Error, RequestError, Result};
use crate::settings::{HttpHosts, NO_HTTP_HOSTS};
use crate::text::is_blank;

/// One parameter as the host gave it. Numbers, booleans and objects that are strings have become text by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parameter {
    /// A string, byte for byte.
    Text(Vec<u8>),
    /// An array's elements in their order; `Err` names the type of one that is no string.
    List(Vec<std::result::Result<Vec<u8>, &'static str>>),
    /// A value that has no text: an object without `__toString`, or a resource.
    Textless,
}

/// Where a request's parameters come from. Reading one may run the host's code (`__toString`), so nothing may be
/// borrowed, locked or open meanwhile.
pub trait Parameters {
    /// The parameter of this name: the exact spelling first, then the first without regard to case. `None` when it is
    /// absent or null.
    fn read(&self, name: &str) -> Result<Option<Parameter>>;

    /// Whether reading any of them runs none of the host's code, so that it doesn't matter when they are read.
    fn are_plain(&self) -> bool;
}

/// One call of one command. Each parameter is read once.
pub struct Request<'a> {
    /// The command's name as written.
    pub command: &'a [u8],
    /// Who asks.
    pub caller: Caller<'a>,
    /// The hosts that a redirect URI may have `http` for.
    pub http_hosts: &'a HttpHosts,
    parameters: &'a dyn Parameters,
}

impl<'a> Request<'a> {
    /// A request in an admin's name. No parameter is read yet.
    pub fn new(command: &'a [u8], parameters: &'a dyn Parameters, admin: Option<&'a [u8]>) -> Self {
        Self { command, caller: Caller { admin, origin: None }, http_hosts: &NO_HTTP_HOSTS, parameters }
    }

    /// The same from there.
    pub fn from(mut self, origin: Option<&'a Origin>) -> Self {
        self.caller.origin = origin;
        self
    }

    /// The same where redirect URIs may have `http` for these hosts.
    pub fn with_http_hosts(mut self, hosts: &'a HttpHosts) -> Self {
        self.http_hosts = hosts;
        self
    }

    /// Whether reading a parameter runs none of the host's code.
    pub fn is_plain(&self) -> bool {
        self.parameters.are_plain()
    }

    /// A string parameter.
    pub fn text(&self, name: &'static str) -> Result<Option<String>> {
        match self.parameters.read(name)? {
            Some(Parameter::Text(bytes)) => utf8(name, bytes).map(Some),
            Some(Parameter::List(_) | Parameter::Textless) => Err(RequestError::NotAString(name).into()),
            None => Ok(None),
        }
    }

    /// A string parameter that says something: `None` also where it is blank.
    pub fn filled(&self, name: &'static str) -> Result<Option<String>> {
        Ok(self.text(name)?.filter(|text| !is_blank(text)))
    }

    /// The same of a parameter that is required: then one that is no string is as good as none.
    pub fn required(&self, name: &'static str) -> Result<Option<String>> {
        match self.filled(name) {
            Err(Error::Request(RequestError::NotAString(_))) => Ok(None),
            found => found,
        }
    }

    /// A parameter that, where it's blank, says the empty string.
    pub fn text_or_empty(&self, name: &'static str) -> Result<Option<String>> {
        Ok(self.text(name)?.map(|text| if is_blank(&text) { String::new() } else { text }))
    }

    /// A switch: `true`, `1`, `on`, `yes` in any letter case; anything else is off.
    pub fn flag(&self, name: &'static str) -> Result<bool> {
        Ok(self.flag_if_any(name)?.unwrap_or(false))
    }

    /// A switch that stays as it is where it isn't passed.
    pub fn flag_if_any(&self, name: &'static str) -> Result<Option<bool>> {
        Ok(self.text(name)?.map(|text| is_on(&text)))
    }

    /// A parameter that may be one string or a list of them.
    pub fn text_or_list(&self, name: &'static str) -> Result<Option<TextOrList>> {
        match self.parameters.read(name)? {
            Some(Parameter::Text(bytes)) => utf8(name, bytes).map(|text| Some(TextOrList::Text(text))),
            Some(Parameter::List(elements)) => elements
                .into_iter()
                .map(|element| match element {
                    Ok(bytes) => utf8(name, bytes).map(Ok),
                    Err(type_name) => Ok(Err(type_name)),
                })
                .collect::<Result<_>>()
                .map(|list| Some(TextOrList::List(list))),
            Some(Parameter::Textless) => Err(RequestError::NotAString(name).into()),
            None => Ok(None),
        }
    }
}

/// A parameter that may be one string or a list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextOrList {
    /// One string.
    Text(String),
    /// A list; `Err` names the type of an element that is no string.
    List(Vec<std::result::Result<String, &'static str>>),
}

/// Whether a switch is on.
fn is_on(text: &str) -> bool {
    ["true", "1", "on", "yes"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Keeps what is wrong with a parameter for the rule that tells it. Only where PHP has thrown meanwhile nothing follows.
pub fn later<T>(read: Result<T>) -> Result<Result<T>> {
    match read {
        Err(error @ Error::Request(RequestError::Interrupted)) => Err(error),
        read => Ok(read),
    }
}

fn utf8(name: &'static str, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| RequestError::NotUtf8(name).into())
}

#[cfg(test)]
pub mod fixture {
    //! Parameters for tests.

    use super::*;

    /// Parameters in their order, as a PHP array has them.
    #[derive(Default)]
    pub struct Given(Vec<(String, Option<Parameter>)>);

    impl Given {
        /// Adds a text.
        pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
            self.0.push((name.to_owned(), Some(Parameter::Text(value.as_ref().to_vec()))));
            self
        }

        /// Adds a value that has no text.
        pub fn with_textless(mut self, name: &str) -> Self {
            self.0.push((name.to_owned(), Some(Parameter::Textless)));
            self
        }

        /// Adds a list of texts.
        pub fn with_list(mut self, name: &str, values: &[&str]) -> Self {
            let list = values.iter().map(|value| Ok(value.as_bytes().to_vec())).collect();
            self.0.push((name.to_owned(), Some(Parameter::List(list))));
            self
        }
    }

    impl Parameters for Given {
        fn read(&self, name: &str) -> Result<Option<Parameter>> {
            Ok(self.0.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.clone()))
        }

        fn are_plain(&self) -> bool {
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::Given;
    use super::*;

    fn request(given: &Given) -> Request<'_> {
        Request::new(b"X", given, None)
    }

    #[test]
    fn a_flag_is_one_of_four_words() {
        for (text, on) in [("true", true), ("1", true), ("ON", true), ("Yes", true), ("0", false), ("", false)] {
            assert_eq!(request(&Given::default().with("a", text)).flag("a").unwrap(), on, "{text}");
        }
        assert!(!request(&Given::default()).flag("a").unwrap());
    }

    #[test]
    fn bytes_that_are_not_utf8_are_named_when_they_are_read() {
        let given = Given::default().with("a", b"\xff").with("b", "x");
        let request = request(&given);
        assert_eq!(request.text("b").unwrap().as_deref(), Some("x"));
        assert_eq!(request.text("a").unwrap_err().to_string(), "The parameter \"a\" must be valid UTF-8.");
    }

    #[test]
    fn what_is_no_string_is_refused_where_one_is_expected_and_absent_where_one_is_required() {
        for given in [Given::default().with_list("a", &["x"]), Given::default().with_textless("a")] {
            let request = request(&given);
            for read in [Request::text, Request::filled, Request::text_or_empty] {
                assert_eq!(read(&request, "a").unwrap_err().to_string(), "The parameter \"a\" must be a string.");
            }
            assert!(matches!(request.flag("a"), Err(Error::Request(RequestError::NotAString("a")))));
            assert_eq!(request.required("a").unwrap(), None);
        }
        let (list, other) = (Given::default().with_list("a", &["x"]), Given::default().with_textless("a"));
        assert_eq!(request(&list).text_or_list("a").unwrap(), Some(TextOrList::List(vec![Ok("x".to_owned())])));
        assert!(matches!(request(&other).text_or_list("a"), Err(Error::Request(RequestError::NotAString("a")))));
    }
}
