//! A JSON object as a request's parameters.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::Result;
use crate::http::node::Node;
use crate::request::{Parameter, Parameters};

/// Parameters in their order.
pub struct Given(Vec<(Cow<'static, str>, Node<'static>)>);

impl Given {
    /// `None` where it's no JSON object.
    pub fn parse(json: &[u8]) -> Option<Self> {
        Node::from_json(json).and_then(Self::from_node)
    }

    /// `None` where it's neither an object nor an empty list, which is what PHP makes of an empty array.
    pub fn from_node(node: Node<'static>) -> Option<Self> {
        match node {
            Node::Map(entries) => Some(Self(entries)),
            Node::Null => Some(Self(Vec::new())),
            _ => None,
        }
    }
}

impl Parameters for Given {
    fn read(&self, name: &str) -> Result<Option<Parameter>> {
        let exact = self.0.iter().find(|(known, _)| known == name);
        let found = exact.or_else(|| self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)));
        Ok(found.and_then(|(_, value)| match value {
            Node::Null => None,
            Node::List(elements) => Some(Parameter::List(elements.iter().map(text).collect())),
            value => Some(text(value).map_or(Parameter::Textless, Parameter::Text)),
        }))
    }

    fn are_plain(&self) -> bool {
        true
    }
}

/// A value as PHP makes it a string; `Err` names the type of one that has none.
pub fn text(value: &Node<'_>) -> std::result::Result<Vec<u8>, &'static str> {
    match value {
        Node::Null => Err("null"),
        Node::List(_) => Err("array"),
        Node::Bool(false) => Ok(Vec::new()),
        Node::Map(entries) => match entries.as_slice() {
            [(key, Node::Text(text))] if key == "base64" => STANDARD.decode(text.as_bytes()).map_err(|_| "object"),
            _ => Err("object"),
        },
        value => Ok(value.text().into_owned().into_bytes()),
    }
}
