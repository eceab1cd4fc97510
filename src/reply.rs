//! What a command answers, in the order in which the caller sees it.

use crate::error::Result;
use crate::secret_text::SecretText;

/// A successful answer, without its `result`.
pub struct Reply<'a> {
    /// Its keys and values.
    pub fields: Fields,
    /// A list that follows them, read while the answer is built.
    pub list: Option<List<'a>>,
}

/// Keys and values in their order.
pub type Fields = Vec<(&'static str, Value)>;

/// One value of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// PHP's `null`.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text.
    Text(String),
    /// A secret on its way to the caller, wiped when dropped.
    Secret(SecretText),
    /// Seconds since 1970, shown in PHP's default time zone as `18th November 2016 9:32:24am`.
    Time(i64),
    /// A list of texts.
    Texts(Vec<String>),
    /// Texts by their names.
    Map(Vec<(String, String)>),
}

/// A list that may be longer than memory should hold twice.
pub struct List<'a> {
    /// Its key.
    pub key: &'static str,
    /// Its elements.
    pub rows: Box<dyn Rows + 'a>,
    /// What follows it.
    pub after: Fields,
}

/// The elements of a list, a batch at a time. Nothing is locked or open between two batches.
pub trait Rows {
    /// The next batch; empty when there is none.
    fn next_batch(&mut self) -> Result<Vec<Fields>>;

    /// What the caller should know of the list, once it has been read: the answer's `message`.
    fn message(&self) -> Option<String> {
        None
    }
}

impl From<Fields> for Reply<'_> {
    fn from(fields: Fields) -> Self {
        Self { fields, list: None }
    }
}
