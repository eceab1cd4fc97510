//! Answers as JSON.

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::http::node::Node;
use crate::reply::{Fields, List, Reply, Value};

/// The answer to a command.
pub fn reply(reply: Result<Reply<'_>>) -> Vec<u8> {
    with_reply(reply, json)
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
        Error::Argument { position, must } => {
            let message = Node::Text(Cow::Owned(format!("must be {must}")));
            let argument = Node::Int(i64::from(*position));
            json(&Node::Map(vec![(Cow::Borrowed("message"), message), (Cow::Borrowed("argument"), argument)]))
        }
        error => fault(&error.to_string()),
    }
}

/// Keys and values.
pub fn fields(fields: &Fields) -> Node<'_> {
    Node::Map(entries(fields))
}

/// Hands an answer to `work` as a tree.
pub fn with_reply<T>(reply: Result<Reply<'_>>, work: impl FnOnce(&Node<'_>) -> T) -> T {
    match reply.and_then(read) {
        Err(error) => work(&Node::error(&error.to_string())),
        Ok((fields, list)) => {
            let mut answer = vec![(Cow::Borrowed("result"), Node::Text(Cow::Borrowed("success")))];
            answer.append(&mut entries(&fields));
            if let Some((key, rows, message)) = &list {
                answer.push((Cow::Borrowed(*key), Node::List(rows.iter().map(self::fields).collect())));
                if let Some(message) = message {
                    answer.push((Cow::Borrowed("message"), Node::Text(Cow::Borrowed(message))));
                }
            }
            work(&Node::Map(answer))
        }
    }
}

type Read = (Fields, Option<(&'static str, Vec<Fields>, Option<String>)>);

/// Reads a list to its end.
fn read(reply: Reply<'_>) -> Result<Read> {
    let Reply { fields, list } = reply;
    let Some(List { key, mut rows }) = list else { return Ok((fields, None)) };
    let mut all = Vec::new();
    loop {
        let mut batch = rows.next_batch()?;
        if batch.is_empty() {
            return Ok((fields, Some((key, all, rows.message()))));
        }
        all.append(&mut batch);
    }
}

fn entries(fields: &Fields) -> Vec<(Cow<'_, str>, Node<'_>)> {
    let node = |value| match value {
        &Value::Null => Node::Null,
        &Value::Int(number) | &Value::Time(number) => Node::Int(number),
        Value::Text(text) => Node::Text(Cow::Borrowed(text)),
        Value::Secret(secret) => Node::Text(Cow::Borrowed(secret.reveal())),
        Value::Texts(texts) => Node::List(texts.iter().map(|text| Node::Text(Cow::Borrowed(text))).collect()),
    };
    fields.iter().map(|(key, value)| (Cow::Borrowed(*key), node(value))).collect()
}

/// Memory takes all that is written to it, and a tree has no key that isn't text.
fn json(node: &Node<'_>) -> Vec<u8> {
    serde_json::to_vec(node).unwrap_or_default()
}
