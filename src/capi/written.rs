//! Answers as JSON.

use std::borrow::Cow;
use std::convert::Infallible;

use crate::error::{Error, RequestError, Result};
use crate::http::node::Node;
use crate::reply::{Fields, Reply};

/// The answer to a command.
pub fn reply(reply: Result<Reply<'_>>) -> Vec<u8> {
    let node = reply.and_then(|reply| {
        let Ok(node) = Node::of_reply(reply, second, || true);
        node
    });
    node.map_or_else(|error| self::error(&error.to_string()), |node| json(&node))
}

/// An answer that says no.
pub fn error(message: &str) -> Vec<u8> {
    json(&Node::error(message))
}

/// What a function returns.
pub fn value(value: Node<'_>) -> Vec<u8> {
    json(&Node::Map(vec![(Cow::Borrowed("value"), value)]))
}

/// Why a function returns nothing.
pub fn fault(message: &str) -> Vec<u8> {
    json(&Node::Map(vec![(Cow::Borrowed("message"), Node::Text(Cow::Borrowed(message)))]))
}

/// The same of an error: where an argument is wrong it's named.
pub fn function_fault(error: &Error) -> Vec<u8> {
    match error {
        Error::Request(RequestError::Argument { position, must }) => {
            let message = Node::Text(Cow::Owned(format!("must be {must}")));
            let argument = Node::Int(i64::from(*position));
            json(&Node::Map(vec![(Cow::Borrowed("message"), message), (Cow::Borrowed("argument"), argument)]))
        }
        error => fault(&error.to_string()),
    }
}

/// Keys and values.
pub fn fields(fields: Fields) -> Node<'static> {
    let Ok(node) = Node::of_fields(fields, second);
    node
}

/// A time is a number of seconds: whoever reads it knows its time zone.
fn second(second: i64) -> std::result::Result<Node<'static>, Infallible> {
    Ok(Node::Int(second))
}

/// Memory takes all that is written to it, and a tree has no key that isn't text.
fn json(node: &Node<'_>) -> Vec<u8> {
    serde_json::to_vec(node).unwrap_or_default()
}
