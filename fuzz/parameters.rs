//! The parameters of a call.

use crate::credential::Scopes;
use crate::error::{Error, RequestError, Result};
use crate::http::{Wish, address};
use crate::request::{Parameter, Parameters, Request, TextOrList};
use crate::text::is_blank;

/// One parameter, whatever it's called: the first byte says its kind, and a zero byte separates the elements of a list.
struct Given(Option<Parameter>);

impl Given {
    fn of(input: &[u8]) -> Self {
        Self(input.split_first().map(|(kind, rest)| {
            match kind {
                b'[' => Parameter::List(
                    rest.split(|&byte| byte == 0)
                        .map(|element| if element == b"!" { Err("array") } else { Ok(element.to_vec()) })
                        .collect(),
                ),
                b'!' => Parameter::Textless,
                _ => Parameter::Text(rest.to_vec()),
            }
        }))
    }
}

impl Parameters for Given {
    fn read(&self, _: &str) -> Result<Option<Parameter>> {
        Ok(self.0.clone())
    }

    fn are_plain(&self) -> bool {
        true
    }
}

/// Each way of reading a parameter says the same of it.
pub fn request(input: &[u8]) {
    let given = Given::of(input);
    let request = Request::new(b"Command", &given, None);
    let text = request.text("name");
    match (&given.0, &text) {
        (None, Ok(None)) => {}
        (Some(Parameter::Text(bytes)), Ok(Some(text))) => assert_eq!(text.as_bytes(), bytes),
        (Some(Parameter::Text(bytes)), Err(Error::Request(RequestError::NotUtf8("name")))) => {
            assert!(std::str::from_utf8(bytes).is_err())
        }
        (Some(Parameter::List(_) | Parameter::Textless), Err(Error::Request(RequestError::NotAString("name")))) => {}
        (given, text) => panic!("{given:?} is read as {text:?}"),
    }
    let filled = text.clone().ok().flatten().filter(|text| !is_blank(text));
    assert_eq!(request.filled("name").ok().flatten(), filled);
    assert_eq!(request.required("name").ok().flatten(), filled);
    assert_eq!(
        matches!(request.required("name"), Err(Error::Request(RequestError::NotUtf8(_)))),
        matches!(text, Err(Error::Request(RequestError::NotUtf8(_))))
    );
    assert_eq!(request.text_or_empty("name").ok().flatten().unwrap_or_default(), filled.clone().unwrap_or_default());
    let on = ["true", "1", "on", "yes"].contains(&filled.as_deref().unwrap_or_default().to_ascii_lowercase().as_str());
    assert_eq!(request.flag("name").is_ok_and(|is_on| is_on), on);
    if let Ok(scopes @ Some(_)) = request.text_or_list("name") {
        let tokens = match &scopes {
            Some(TextOrList::Text(text)) => {
                text.split(|c: char| c.is_ascii_whitespace() || c == '\x0b').any(|t| !t.is_empty())
            }
            _ => true,
        };
        assert!(tokens || Scopes::parse(scopes.as_ref()).is_err());
    }
    let wish = Wish::read(&given).unwrap();
    assert!(wish.action.chars().count() <= 81 && !wish.action.contains(crate::text::is_control));
    if let Some(address) = address::parse(input) {
        assert_eq!(address::parse(address.to_string().as_bytes()), Some(address));
    }
}
