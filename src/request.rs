//! What a caller asks: a command, its parameters, and who asks.

use std::cell::RefCell;

use crate::actor::Origin;
use crate::error::{Error, Result};
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

/// One call of one command.
pub struct Request<'a> {
    /// The command's name as written.
    pub command: &'a [u8],
    /// In which admin's name it runs; `None` or empty is the system itself.
    pub admin: Option<&'a [u8]>,
    /// Where it comes from, if that is over HTTP.
    pub origin: Option<&'a Origin>,
    parameters: &'a dyn Parameters,
    /// What was read ahead, so that the host's code runs once for each of these.
    read: RefCell<Vec<(&'static str, Option<Parameter>)>>,
}

impl<'a> Request<'a> {
    /// A request. No parameter is read yet.
    pub fn new(command: &'a [u8], parameters: &'a dyn Parameters, admin: Option<&'a [u8]>) -> Self {
        Self { command, admin, origin: None, parameters, read: RefCell::new(Vec::with_capacity(8)) }
    }

    /// The same from there.
    pub fn from(self, origin: Option<&'a Origin>) -> Self {
        Self { origin, ..self }
    }

    /// Reads parameters now: those that several rules read, and those of rules that run where no code of the host may.
    pub fn read_ahead(&self, names: &[&'static str]) -> Result<()> {
        names.iter().try_for_each(|&name| {
            if self.read.borrow().iter().any(|(known, _)| *known == name) {
                return Ok(());
            }
            let value = self.parameters.read(name)?;
            self.read.borrow_mut().push((name, value));
            Ok(())
        })
    }

    /// Reads all of these ahead, if nobody can tell; returns whether.
    pub fn read_ahead_unseen(&self, names: &[&'static str]) -> Result<bool> {
        let plain = self.parameters.are_plain();
        if plain {
            self.read_ahead(names)?;
        }
        Ok(plain)
    }

    fn read(&self, name: &'static str) -> Result<Option<Parameter>> {
        let known = self.read.borrow().iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        known.map_or_else(|| self.parameters.read(name), Ok)
    }

    /// A string parameter.
    pub fn text(&self, name: &'static str) -> Result<Option<String>> {
        match self.read(name)? {
            Some(Parameter::Text(bytes)) => utf8(name, bytes).map(Some),
            Some(Parameter::List(_) | Parameter::Textless) => Err(Error::NotAString(name)),
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
            Err(Error::NotAString(_)) => Ok(None),
            found => found,
        }
    }

    /// A parameter that, where it's blank, says the empty string.
    pub fn text_or_empty(&self, name: &'static str) -> Result<Option<String>> {
        Ok(self.text(name)?.map(|text| if is_blank(&text) { String::new() } else { text }))
    }

    /// A switch: `true`, `1`, `on`, `yes` in any letter case; anything else is off.
    pub fn flag(&self, name: &'static str) -> Result<bool> {
        let text = self.text(name)?.unwrap_or_default();
        Ok(["true", "1", "on", "yes"].iter().any(|word| text.eq_ignore_ascii_case(word)))
    }

    /// A parameter that may be one string or a list of them.
    pub fn text_or_list(&self, name: &'static str) -> Result<Option<TextOrList>> {
        match self.read(name)? {
            Some(Parameter::List(elements)) => elements
                .into_iter()
                .map(|element| match element {
                    Ok(bytes) => utf8(name, bytes).map(Ok),
                    Err(type_name) => Ok(Err(type_name)),
                })
                .collect::<Result<_>>()
                .map(|list| Some(TextOrList::List(list))),
            _ => Ok(self.text(name)?.map(TextOrList::Text)),
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

fn utf8(name: &'static str, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| Error::NotUtf8(name))
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
    use std::cell::Cell;

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
            assert!(matches!(request.flag("a"), Err(Error::NotAString("a"))));
            assert_eq!(request.required("a").unwrap(), None);
        }
        let (list, other) = (Given::default().with_list("a", &["x"]), Given::default().with_textless("a"));
        assert_eq!(request(&list).text_or_list("a").unwrap(), Some(TextOrList::List(vec![Ok("x".to_owned())])));
        assert!(matches!(request(&other).text_or_list("a"), Err(Error::NotAString("a"))));
    }

    #[test]
    fn the_host_is_asked_once_for_each_parameter() {
        struct Counted(Cell<u32>);
        impl Parameters for Counted {
            fn read(&self, _: &str) -> Result<Option<Parameter>> {
                self.0.set(self.0.get() + 1);
                Ok(None)
            }

            fn are_plain(&self) -> bool {
                false
            }
        }
        let counted = Counted(Cell::new(0));
        let request = Request::new(b"X", &counted, None);
        request.read_ahead(&["a", "b"]).unwrap();
        assert_eq!(request.text("a").unwrap(), None);
        assert_eq!(counted.0.get(), 2);
    }
}
