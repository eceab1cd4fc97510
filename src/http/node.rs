//! An answer as a tree, whichever command gave it: what the formats write.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};

use crate::error;
use crate::reply::{Fields, List, Reply, Value};

/// In how many arrays a value of an answer may be.
pub const DEEPEST: usize = 256;

/// One value of an answer. Texts may be borrowed from the PHP array that it was made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Node<'a> {
    /// PHP's `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(Cow<'a, str>),
    /// An array whose keys are 0, 1, 2, …
    List(Vec<Node<'a>>),
    /// Any other array, in its order.
    Map(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl Node<'_> {
    /// A value in JSON; `None` where it's none, or nested too deeply.
    pub fn from_json(json: &[u8]) -> Option<Node<'static>> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        // It has a limit of its own, which is another.
        reader.disable_recursion_limit();
        Json { depth: 0 }.deserialize(&mut reader).ok()
    }

    /// Keys and values. `show` says what a time is shown as, and may fail in a way of its own.
    pub fn of_fields<E>(fields: Fields, show: impl Fn(i64) -> Result<Node<'static>, E>) -> Result<Node<'static>, E> {
        let mut map = Vec::with_capacity(fields.len());
        put(&mut map, fields, show).map(|()| Node::Map(map))
    }

    /// What a native command has answered, its times as `show` says. `go_on` is asked between two batches of a list.
    pub fn of_reply<E>(
        reply: Reply<'_>,
        show: impl Fn(i64) -> Result<Node<'static>, E>,
        go_on: impl Fn() -> bool,
    ) -> Result<error::Result<Node<'static>>, E> {
        let Reply { fields, list } = reply;
        let mut answer = vec![entry("result", Node::Text(Cow::Borrowed("success")))];
        put(&mut answer, fields, &show)?;
        if let Some(List { key, mut rows, after }) = list {
            let mut elements = Vec::new();
            while go_on() {
                let batch = match rows.next_batch() {
                    Err(error) => return Ok(Err(error)),
                    Ok(batch) if batch.is_empty() => break,
                    Ok(batch) => batch,
                };
                for fields in batch {
                    elements.push(Node::of_fields(fields, &show)?);
                }
            }
            answer.push(entry(key, Node::List(elements)));
            if let Some(message) = rows.message() {
                answer.push(entry("message", Node::Text(Cow::Owned(message))));
            }
            put(&mut answer, after, &show)?;
        }
        Ok(Ok(Node::Map(answer)))
    }

    /// An answer that says no.
    pub fn error(message: &str) -> Node<'_> {
        Node::Map(vec![
            (Cow::Borrowed("result"), Node::Text(Cow::Borrowed("error"))),
            (Cow::Borrowed("message"), Node::Text(Cow::Borrowed(message))),
        ])
    }

    /// A value that isn't an array, for the formats that know text only: `true` is `1`, `false` is `0`, null is empty.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Bool(true) => Cow::Borrowed("1"),
            Self::Bool(false) => Cow::Borrowed("0"),
            Self::Int(number) => Cow::Owned(number.to_string()),
            Self::Float(number) if number.is_finite() => Cow::Owned(number.to_string()),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Null | Self::Float(_) | Self::List(_) | Self::Map(_) => Cow::Borrowed(""),
        }
    }
}

type Entry = (Cow<'static, str>, Node<'static>);

fn entry(key: &'static str, node: Node<'static>) -> Entry {
    (Cow::Borrowed(key), node)
}

fn put<E>(map: &mut Vec<Entry>, fields: Fields, show: impl Fn(i64) -> Result<Node<'static>, E>) -> Result<(), E> {
    for (key, value) in fields {
        let text = |text: String| Node::Text(Cow::Owned(text));
        let node = match value {
            Value::Null => Node::Null,
            Value::Bool(value) => Node::Bool(value),
            Value::Int(number) => Node::Int(number),
            Value::Text(value) => text(value),
            Value::Secret(secret) => text(secret.reveal().to_owned()),
            Value::Time(second) => show(second)?,
            Value::Texts(texts) => Node::List(texts.into_iter().map(text).collect()),
            Value::Map(texts) => {
                Node::Map(texts.into_iter().map(|(key, value)| (Cow::Owned(key), text(value))).collect())
            }
        };
        map.push(entry(key, node));
    }
    Ok(())
}

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(nodes) => {
                let mut list = serializer.serialize_seq(Some(nodes.len()))?;
                nodes.iter().try_for_each(|node| list.serialize_element(node))?;
                list.end()
            }
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, node)| map.serialize_entry(key, node))?;
                map.end()
            }
        }
    }
}

/// A value in JSON, in so many arrays and objects.
struct Json {
    depth: usize,
}

impl Json {
    /// What is in one array or object more.
    fn inner<E: de::Error>(&self) -> Result<Self, E> {
        if self.depth < DEEPEST { Ok(Self { depth: self.depth + 1 }) } else { Err(E::custom("too deep")) }
    }
}

impl<'de> DeserializeSeed<'de> for Json {
    type Value = Node<'static>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Json {
    type Value = Node<'static>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Node::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).map_or(Node::Float(number as f64), Node::Int))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Node::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element_seed(self.inner()?)? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            entries.push((Cow::Owned(key), map.next_value_seed(self.inner()?)?));
        }
        Ok(Node::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_as_php_would_read_it() {
        let json = r#"{"b":[null,true,-1,1.5,9223372036854775808,"\u00e9"],"a":{},"":[]}"#;
        let list = vec![
            Node::Null,
            Node::Bool(true),
            Node::Int(-1),
            Node::Float(1.5),
            Node::Float(9_223_372_036_854_775_808.0),
            Node::Text("é".into()),
        ];
        let map = vec![entry("b", Node::List(list)), entry("a", Node::Map(vec![])), entry("", Node::List(vec![]))];
        assert_eq!(Node::from_json(json.as_bytes()), Some(Node::Map(map)));
        for wrong in ["", "{", "[1,]", "{'a':1}", "\"\x01\"", "nul"] {
            assert_eq!(Node::from_json(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn json_is_read_as_deep_as_an_answer_may_be_and_no_deeper() {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let nested = |depth| Node::from_json(format!("{}1{}", open.repeat(depth), close.repeat(depth)).as_bytes());
            assert!(nested(DEEPEST).is_some() && nested(DEEPEST + 1).is_none());
        }
    }
}
