//! `LocalApi\\batch()`: many calls of native commands with one durable commit. In the sandbox it's a loop of
//! `localAPI()`.

use std::panic::AssertUnwindSafe;
use std::ptr;

use ext_php_rs::args::Arg;
use ext_php_rs::boxed::ZBox;
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::{ZendHashTable, Zval};
use ext_php_rs::zend::{ExecuteData, run_handler};

use crate::error::{Error, RequestError};
use crate::php::call::{self, Call, Outcome};
use crate::php::engine::{self, parse_arguments};
use crate::php::held::{self, RequestEnded, guarded};
use crate::php::parameters::{PhpParameters, resolve};
use crate::php::{answer, process};
use crate::request::Request;
use crate::{batch, command};

const MUST: &str = "must be a list of [command, postData, adminUsername]";

/// One call of the list. It has references of its own: code that runs while a value is read may change the list.
struct Listed {
    command: Zval,
    post_data: Option<Zval>,
    admin: Option<Zval>,
}

impl Listed {
    fn read(element: &Zval) -> Option<Self> {
        let parts = resolve(element).array().filter(|parts| parts.len() <= 3)?;
        let part = |at: u64| parts.get_index(at.try_into().ok()?).map(resolve);
        let given = [0, 1, 2].iter().filter(|&&at| part(at).is_some()).count();
        let command = part(0).filter(|command| command.is_string())?;
        let optional = |at, is: fn(&Zval) -> bool| match part(at) {
            None => Some(None),
            Some(value) if value.is_null() => Some(None),
            Some(value) if is(value) => Some(Some(value.shallow_clone())),
            Some(_) => None,
        };
        let (post_data, admin) = (optional(1, Zval::is_array)?, optional(2, Zval::is_string)?);
        (given == parts.len()).then(|| Self { command: command.shallow_clone(), post_data, admin })
    }

    fn call(&self) -> Call<'_> {
        Call {
            command: text(&self.command).unwrap_or_default(),
            post_data: self.post_data.as_ref().and_then(Zval::array).map_or(ptr::null(), ptr::from_ref),
            admin: self.admin.as_ref().and_then(text),
            origin: None,
        }
    }
}

/// What PHP sees of it.
pub fn function() -> FunctionBuilder<'static> {
    FunctionBuilder::new("LocalApi\\batch", batch).arg(Arg::new("calls", DataType::Array)).returns(
        DataType::Array,
        false,
        false,
    )
}

extern "C" fn batch(execute_data: &mut ExecuteData, answers: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut calls: *const ZendHashTable = ptr::null();
        if parse_arguments!(execute_data, c"h", &mut calls).is_none() {
            return;
        }
        let Some(listed) = listed(calls) else {
            return engine::argument_value_error(1, MUST);
        };
        let is_sandbox = process::session().settings().is_sandbox();
        let answered = if is_sandbox { answer_each(&listed) } else { answer_all(&listed) };
        let answered = held::let_go(listed).and(answered);
        if let Some(Some(list)) = held::end_request(answered) {
            answers.set_hashtable(list);
        }
    }));
}

fn listed(calls: *const ZendHashTable) -> Option<Vec<Listed>> {
    let calls = engine::array(calls)?;
    if !calls.has_sequential_keys() && !calls.is_empty() {
        return None;
    }
    let mut elements = calls.iter();
    std::iter::from_fn(|| elements.next_zval()).map(|(_, element)| Listed::read(element)).collect()
}

/// Answers the calls one by one. `None` where an exception is pending: what was answered before it has happened.
fn answer_each(listed: &[Listed]) -> Result<Option<ZBox<ZendHashTable>>, RequestEnded> {
    let mut answers = guarded(ZendHashTable::new)?;
    for one in listed {
        match call::answer(one.call())? {
            Outcome::Answer(answer) => guarded(|| {
                let _ = answers.push(answer);
            })?,
            Outcome::Passed | Outcome::Threw => return held::let_go(answers).map(|()| None),
        }
        // PHP ends the request as soon as this call returns.
        if engine::timed_out() {
            break;
        }
    }
    Ok(Some(answers))
}

/// Answers the calls with one commit. `None` where an exception is pending; nothing is stored then.
fn answer_all(listed: &[Listed]) -> Result<Option<ZBox<ZendHashTable>>, RequestEnded> {
    let parameters: Vec<_> = listed.iter().map(|one| PhpParameters::new(engine::array(one.call().post_data))).collect();
    let session = process::session();
    let http_hosts = &session.settings().redirect_http_hosts;
    let mut calls = Vec::with_capacity(listed.len());
    for (one, parameters) in listed.iter().zip(&parameters) {
        let call = one.call();
        let request = Request::new(call.command, parameters, call.admin).with_http_hosts(http_hosts);
        let read = command::read(&request);
        if parameters.ended() {
            return Err(RequestEnded);
        }
        if matches!(read, Err(Error::Request(RequestError::Interrupted))) {
            return Ok(None);
        }
        calls.push(read);
    }
    let replies = batch::answer(&session, &calls, || !engine::timed_out());
    let mut answers = guarded(ZendHashTable::new)?;
    for reply in replies {
        let array = answer::build(reply)?;
        guarded(|| {
            let _ = answers.push(array);
        })?;
    }
    Ok(Some(answers))
}

fn text(value: &Zval) -> Option<&[u8]> {
    value.zend_str().map(|text| text.as_bytes())
}
