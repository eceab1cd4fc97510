//! What a caller asks: a command, its parameters, and who asks.

use std::cell::RefCell;

use crate::error::{Error, Result};

/// One parameter as the host gave it. Numbers, booleans and objects that are strings have become text by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parameter {
    /// A string, byte for byte.
    Text(Vec<u8>),
    /// An array's elements in their order; `Err` names the type of one that is no string.
    List(Vec<std::result::Result<Vec<u8>, &'static str>>),
}

/// Where a request's parameters come from. Reading one may run the host's code (`__toString`), so nothing may be
/// borrowed, locked or open meanwhile.
pub trait Parameters {
    /// The parameter of this name: the exact spelling first, then the first without regard to case. `None` when it is
    /// absent, null or of a type that has no text.
    fn read(&self, name: &str) -> Result<Option<Parameter>>;
}

/// One call of one command.
pub struct Request<'a> {
    /// The command's name as written.
    pub command: &'a [u8],
    /// In which admin's name it runs; `None` or empty is the system itself.
    pub admin: Option<&'a [u8]>,
    parameters: &'a dyn Parameters,
    /// What was read, so that the host's code runs once for each parameter.
    read: RefCell<Vec<(&'static str, Option<Parameter>)>>,
}

impl<'a> Request<'a> {
    /// A request. No parameter is read yet.
    pub fn new(command: &'a [u8], parameters: &'a dyn Parameters, admin: Option<&'a [u8]>) -> Self {
        Self { command, admin, parameters, read: RefCell::new(Vec::new()) }
    }

    /// Reads parameters now, for rules that run where no code of the host may.
    pub fn read_ahead(&self, names: &[&'static str]) -> Result<()> {
        names.iter().try_for_each(|name| self.read(name).map(drop))
    }

    fn read(&self, name: &'static str) -> Result<Option<Parameter>> {
        let known = self.read.borrow().iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        match known {
            Some(value) => Ok(value),
            None => {
                let value = self.parameters.read(name)?;
                self.read.borrow_mut().push((name, value.clone()));
                Ok(value)
            }
        }
    }

    /// A string parameter. A list counts as absent.
    pub fn text(&self, name: &'static str) -> Result<Option<String>> {
        match self.read(name)? {
            Some(Parameter::Text(bytes)) => utf8(name, bytes).map(Some),
            Some(Parameter::List(_)) | None => Ok(None),
        }
    }

    /// A string parameter that says something: `None` also where it is blank.
    pub fn filled(&self, name: &'static str) -> Result<Option<String>> {
        Ok(self.text(name)?.filter(|text| !is_blank(text)))
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
            None => Ok(None),
            Some(Parameter::Text(bytes)) => Ok(Some(TextOrList::Text(utf8(name, bytes)?))),
            Some(Parameter::List(elements)) => elements
                .into_iter()
                .map(|element| match element {
                    Ok(bytes) => utf8(name, bytes).map(Ok),
                    Err(type_name) => Ok(Err(type_name)),
                })
                .collect::<Result<_>>()
                .map(|list| Some(TextOrList::List(list))),
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

/// A positive whole number, as an id is one: digits only.
pub fn positive(text: &str) -> Option<i64> {
    whole(text).filter(|&number| number > 0)
}

/// A whole number without a sign: digits only.
pub fn whole(text: &str) -> Option<i64> {
    // `parse` alone would take a sign.
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Empty, or ASCII white space only.
pub fn is_blank(text: &str) -> bool {
    text.bytes().all(is_space)
}

/// ASCII white space, the vertical tab included as in PHP.
pub fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

fn utf8(name: &'static str, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| Error::NotUtf8(name))
}
