//! An answer as a PHP array.

use ext_php_rs::boxed::ZBox;
use ext_php_rs::types::{ZendHashTable, ZendStr, Zval};

use super::held::{RequestEnded, guarded};
use super::{date, engine};
use crate::error::{Error, Result};
use crate::reply::{Fields, List, Reply, Value};

/// Builds `['result' => 'success', …]`, or `['result' => 'error', 'message' => …]`. Nothing of the store is held while
/// PHP allocates.
pub fn build(reply: Result<Reply<'_>>) -> std::result::Result<ZBox<ZendHashTable>, RequestEnded> {
    match reply.map(success) {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(Unsent::RequestEnded)) => Err(RequestEnded),
        Ok(Err(Unsent::Store(fault))) | Err(fault) => guarded(|| error(&fault)),
    }
}

/// Builds an array of these keys and values alone.
pub fn fields(fields: &Fields) -> std::result::Result<ZBox<ZendHashTable>, RequestEnded> {
    guarded(|| {
        let mut array = sized(fields.len());
        put_all(&mut array, fields);
        array
    })
}

/// Builds a list of such arrays.
pub fn list(elements: &[Fields]) -> std::result::Result<ZBox<ZendHashTable>, RequestEnded> {
    let mut list = guarded(ZendHashTable::new)?;
    push_all(&mut list, elements, &mut Elements::default())?;
    Ok(list)
}

/// What the elements of a list have in common, made once for all of them.
#[derive(Default)]
struct Elements {
    /// The keys, in their order.
    keys: Vec<(&'static str, ZBox<ZendStr>)>,
    /// The last time that was shown: a credential often has the same twice.
    shown: Option<(i64, Zval)>,
}

impl Elements {
    fn element(&mut self, fields: &Fields) -> ZBox<ZendHashTable> {
        let mut element = sized(fields.len());
        for (at, (name, value)) in fields.iter().enumerate() {
            if self.keys.get(at).is_none_or(|(known, _)| known != name) {
                self.keys.truncate(at);
                self.keys.push((name, ZendStr::new(name, false)));
            }
            let value = match value {
                Value::Time(second) => self.time(*second),
                value => to_php(value),
            };
            if let Some((_, key)) = self.keys.get(at) {
                let _ = element.insert(&**key, value);
            }
        }
        element
    }

    fn time(&mut self, second: i64) -> Zval {
        match &self.shown {
            Some((known, shown)) if *known == second => shown.shallow_clone(),
            _ => self.shown.insert((second, date::shown(second))).1.shallow_clone(),
        }
    }
}

fn push_all(
    list: &mut ZendHashTable,
    rows: &[Fields],
    elements: &mut Elements,
) -> std::result::Result<(), RequestEnded> {
    guarded(|| {
        for fields in rows {
            let _ = list.push(elements.element(fields));
        }
    })
}

fn sized(fields: usize) -> ZBox<ZendHashTable> {
    ZendHashTable::with_capacity(fields.try_into().unwrap_or(0))
}

/// Why nothing, or not all, can be answered.
enum Unsent {
    RequestEnded,
    Store(Error),
}

impl From<RequestEnded> for Unsent {
    fn from(_: RequestEnded) -> Self {
        Self::RequestEnded
    }
}

fn success(reply: Reply<'_>) -> std::result::Result<ZBox<ZendHashTable>, Unsent> {
    let Reply { fields, list } = reply;
    let mut answer = guarded(|| {
        let mut answer = ZendHashTable::new();
        put(&mut answer, "result", text("success"));
        put_all(&mut answer, &fields);
        answer
    })?;
    if let Some(List { key, mut rows, after }) = list {
        let (mut list, mut elements) = (guarded(ZendHashTable::new)?, Elements::default());
        loop {
            let batch = rows.next_batch().map_err(Unsent::Store)?;
            // Out of time: PHP ends the request as soon as this call returns.
            if batch.is_empty() || engine::timed_out() {
                break;
            }
            push_all(&mut list, &batch, &mut elements)?;
        }
        let message = rows.message();
        guarded(|| {
            put(&mut answer, key, array(list));
            if let Some(message) = message {
                put(&mut answer, "message", text(&message));
            }
            put_all(&mut answer, &after);
        })?;
    }
    Ok(answer)
}

fn error(error: &Error) -> ZBox<ZendHashTable> {
    let mut answer = ZendHashTable::new();
    put(&mut answer, "result", text("error"));
    put(&mut answer, "message", text(&error.to_string()));
    answer
}

fn put_all(array: &mut ZendHashTable, fields: &Fields) {
    for (key, value) in fields {
        put(array, key, to_php(value));
    }
}

fn to_php(value: &Value) -> Zval {
    match value {
        Value::Null => Zval::null(),
        Value::Bool(value) => {
            let mut zval = Zval::new();
            zval.set_bool(*value);
            zval
        }
        Value::Int(number) => {
            let mut zval = Zval::new();
            zval.set_long(*number);
            zval
        }
        Value::Text(value) => text(value),
        Value::Secret(secret) => text(secret.reveal()),
        Value::Time(second) => date::shown(*second),
        Value::Texts(texts) => {
            let mut list = ZendHashTable::new();
            for element in texts {
                let _ = list.push(text(element));
            }
            array(list)
        }
        Value::Map(texts) => {
            let mut map = ZendHashTable::new();
            for (key, element) in texts {
                put(&mut map, key, text(element));
            }
            array(map)
        }
    }
}

pub fn array(array: ZBox<ZendHashTable>) -> Zval {
    let mut zval = Zval::new();
    zval.set_hashtable(array);
    zval
}

pub fn text(value: &str) -> Zval {
    let mut zval = Zval::new();
    zval.set_zend_string(ZendStr::new(value, false));
    zval
}

pub fn put(array: &mut ZendHashTable, key: &str, value: Zval) {
    // It fails only where a value can't become a zval, and this one is one.
    let _ = array.insert(key, value);
}
