//! `LocalApi\respond()`, which `includes/api.php` calls: a request of PHP's as a call, and its answer as a response.

use std::panic::AssertUnwindSafe;
use std::ptr;

use ext_php_rs::args::Arg;
use ext_php_rs::boxed::ZBox;
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::{ZendHashTable, ZendStr, Zval};
use ext_php_rs::zend::{ExecuteData, ExecutorGlobals, ProcessGlobals, SapiGlobals, run_handler};

use crate::command;
use crate::error::{Error, RequestError};
use crate::http::node::{DEEPEST, Node};
use crate::http::{self, Admitted, Refusal, Size, Wish};
use crate::php::call::{self, Call, Outcome};
use crate::php::engine::{self, parse_arguments};
use crate::php::held::{self, RequestEnded, guarded};
use crate::php::parameters::{PhpParameters, elements, resolve};
use crate::php::{answer, date, exception, json, process};
use crate::session::Session;

/// What a caller learns where there is no answer.
const NO_ANSWER: &str = "The command failed; the server's log says why.";

/// What PHP sees of it.
pub fn function() -> FunctionBuilder<'static> {
    let array = |name: &str| Arg::new(name, DataType::Array);
    FunctionBuilder::new("LocalApi\\respond", respond).arg(array("parameters")).arg(array("server")).returns(
        DataType::Array,
        false,
        false,
    )
}

extern "C" fn respond(execute_data: &mut ExecuteData, response: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut parameters: *const ZendHashTable = ptr::null();
        let mut server: *const ZendHashTable = ptr::null();
        if parse_arguments!(execute_data, c"hh", &mut parameters, &mut server).is_none() {
            return;
        }
        if let (Some(parameters), Some(server)) = (engine::array(parameters), engine::array(server)) {
            held::end_request(answer(response, parameters, server));
        }
    }));
}

/// Answers one request. No response and no error means that an exception is pending.
fn answer(response: &mut Zval, given: &ZendHashTable, server: &ZendHashTable) -> Result<(), RequestEnded> {
    let size = measure(given);
    let (parameters, server) = (PhpParameters::new(Some(given)), PhpParameters::new(Some(server)));
    let admitted = Wish::read(&parameters).map(|wish| {
        let session = process::session();
        process::do_owed(&session);
        (wish, http::admit(&session, &parameters, &server, size, exception::log))
    });
    if parameters.ended() || server.ended() {
        return Err(RequestEnded);
    }
    let (wish, status, body) = match admitted {
        Err(_) | Ok((_, Err(Refusal::Fault(Error::Request(RequestError::Interrupted))))) => return Ok(()),
        Ok((wish, Err(refusal))) => {
            if let Refusal::Fault(fault) = &refusal {
                exception::log(fault);
            }
            let body = write(&wish, &Node::error(&refusal.to_string()));
            (wish, refusal.status(), body)
        }
        Ok((wish, Ok(admitted))) => match run(&wish, &admitted, given)? {
            Some(body) => (wish, 200, body),
            None => return Ok(()),
        },
    };
    response.set_hashtable(guarded(|| to_response(&wish, status, &body))?);
    Ok(())
}

/// Runs a command as `localAPI` does, and writes its answer. `None` means that the script is to exit.
fn run(wish: &Wish, admitted: &Admitted, given: &ZendHashTable) -> Result<Option<Vec<u8>>, RequestEnded> {
    let post_data = guarded(|| {
        let mut post_data = Zval::new();
        post_data.set_hashtable(without_own(given));
        post_data
    })?;
    let call = Call {
        command: &admitted.action,
        post_data: post_data.array().map_or(ptr::null(), ptr::from_ref),
        admin: Some(admitted.admin.as_bytes()),
        origin: Some(&admitted.origin),
    };
    let session = process::session();
    let body = if command::is_native(&admitted.action) && !session.settings().is_sandbox() {
        native_body(wish, &session, call)?
    } else {
        body(wish, call)?
    };
    // Destructors are the host's code too.
    held::let_go(post_data)?;
    if engine::is_exiting() {
        return Ok(None);
    }
    let thrown = log_exception(&wish.action)?;
    if body.is_none() && !thrown {
        engine::log(&format!("PHP Warning:  localapi: the answer to \"{}\" cannot be written", wish.action));
    }
    Ok(Some(body.unwrap_or_else(|| write(wish, &Node::error(NO_ANSWER)))))
}

/// The answer of a native command. `None` means that an exception is pending.
fn native_body(wish: &Wish, session: &Session, call: Call<'_>) -> Result<Option<Vec<u8>>, RequestEnded> {
    let Some(reply) = call::reply(session, call)? else { return Ok(None) };
    let node = match reply {
        Ok(reply) => Node::of_reply(
            reply,
            |second| date::text(second).map(|text| Node::Text(text.into())),
            || !engine::timed_out(),
        )?
        .inspect_err(exception::log),
        Err(error) => Err(error),
    };
    Ok(Some(match node {
        Ok(node) => write(wish, &node),
        Err(error) => write(wish, &Node::error(&error.to_string())),
    }))
}

/// The answer of a handler or a fake, or of whatever answers in the sandbox. `None` means that an exception is pending,
/// or that no format can write it.
fn body(wish: &Wish, call: Call<'_>) -> Result<Option<Vec<u8>>, RequestEnded> {
    let answer = match call::answer(call)? {
        Outcome::Answer(answer) => answer,
        Outcome::Passed | Outcome::Threw => return Ok(None),
    };
    let node = match has_objects(&answer, 0) {
        _ if ExecutorGlobals::has_exception() => None,
        true => guarded(|| json::encode(&answer))?.and_then(|json| Node::from_json(&json)),
        false => node(&answer, 0),
    };
    let body = node.filter(|_| !ExecutorGlobals::has_exception()).map(|node| write(wish, &node));
    // Destructors are the host's code too.
    held::let_go(answer)?;
    Ok(body)
}

/// Takes the exception that is pending, and tells PHP's log. Whether there was one.
fn log_exception(action: &str) -> Result<bool, RequestEnded> {
    let Some(mut exception) = ExecutorGlobals::take_exception() else {
        return Ok(false);
    };
    let text = guarded(move || {
        let mut zval = Zval::new();
        zval.set_object(&mut exception);
        let text = engine::to_string(&zval);
        // Showing it may have thrown another.
        drop(ExecutorGlobals::take_exception());
        text
    })?;
    let text = text.map_or_else(|| "an exception".to_owned(), |text| String::from_utf8_lossy(&text).into_owned());
    engine::log(&format!("PHP Warning:  localapi: uncaught in the action \"{action}\": {text}"));
    Ok(true)
}

fn write(wish: &Wish, answer: &Node<'_>) -> Vec<u8> {
    // Memory takes all that is written to it.
    wish.format.write(&wish.action, answer).unwrap_or_default()
}

/// `['status' => …, 'headers' => […], 'body' => …]`.
fn to_response(wish: &Wish, status: u16, body: &[u8]) -> ZBox<ZendHashTable> {
    let mut headers = ZendHashTable::new();
    answer::put(&mut headers, "Content-Type", answer::text(wish.format.content_type()));
    answer::put(&mut headers, "Cache-Control", answer::text("no-store"));
    answer::put(&mut headers, "X-Content-Type-Options", answer::text("nosniff"));
    if status == 405 {
        answer::put(&mut headers, "Allow", answer::text("POST"));
    }
    let mut response = ZendHashTable::new();
    let (mut code, mut text) = (Zval::new(), Zval::new());
    code.set_long(i64::from(status));
    text.set_zend_string(ZendStr::new(body, false));
    answer::put(&mut response, "status", code);
    answer::put(&mut response, "headers", answer::array(headers));
    answer::put(&mut response, "body", text);
    response
}

/// The parameters for the command: a handler has no use for the caller's secret.
fn without_own(given: &ZendHashTable) -> ZBox<ZendHashTable> {
    let mut post_data = given.to_owned();
    let names = elements(given).filter_map(|(key, _)| key.zend_str().map(|name| name.as_bytes().to_vec()));
    // The names that are taken out are ASCII.
    for name in names.filter(|name| http::is_own(name)) {
        post_data.remove(String::from_utf8_lossy(&name).as_ref());
    }
    post_data
}

/// How much a request has brought.
fn measure(given: &ZendHashTable) -> Size {
    let mut size = Size::default();
    measure_array(given, 0, &mut size);
    let (request, process) = (SapiGlobals::get(), ProcessGlobals::get());
    size.cut = says_cut(&process);
    if !request.request_info.request_method.is_null() {
        // It may have said something else since. Of a request it keeps no more parameters than this.
        size.cut |= usize::try_from(process.max_input_vars).is_ok_and(|most| size.count >= most);
        // What it has read of the body, whether or not it has made parameters of that.
        size.bytes = size.bytes.max(u64::try_from(request.read_post_bytes).unwrap_or(0));
    }
    size
}

/// Whether PHP's last error is that it has dropped a part of this request before the script began. PHP's functions may
/// be disabled, so none is asked.
fn says_cut(process: &ProcessGlobals) -> bool {
    // SAFETY: null, or a string that PHP keeps until its next error.
    let message = unsafe { process.last_error_message.as_ref() }.map_or(&b""[..], ZendStr::as_bytes);
    let message = String::from_utf8_lossy(message);
    process.last_error_lineno == 0 && (message.contains(" exceeded ") || message.contains("exceeds the limit"))
}

fn measure_array(array: &ZendHashTable, depth: usize, size: &mut Size) {
    size.depth = size.depth.max(depth);
    if !http::is_within_limits(size) {
        return;
    }
    for (key, value) in elements(array) {
        size.bytes += length(&key);
        match value.array() {
            Some(array) => measure_array(array, depth + 1, size),
            None => {
                size.count += 1;
                size.bytes += length(value);
            }
        }
    }
}

fn length(value: &Zval) -> u64 {
    value.zend_str().map_or(0, |text| u64::try_from(text.as_bytes().len()).unwrap_or(u64::MAX))
}

/// Whether an answer holds objects: then PHP's own JSON says what it is.
fn has_objects(value: &Zval, depth: usize) -> bool {
    let value = resolve(value);
    value.is_object()
        || depth < DEEPEST
            && value.array().is_some_and(|array| elements(array).any(|(_, element)| has_objects(element, depth + 1)))
}

/// A PHP value as a node; `None` where arrays are nested too deeply, as one is that holds itself.
fn node(value: &Zval, depth: usize) -> Option<Node<'_>> {
    let value = resolve(value);
    if let Some(text) = value.zend_str() {
        return Some(Node::Text(String::from_utf8_lossy(text.as_bytes())));
    }
    if let Some(array) = value.array() {
        return if depth < DEEPEST { array_node(array, depth + 1) } else { None };
    }
    Some(match (value.bool(), value.long(), value.double()) {
        (Some(value), ..) => Node::Bool(value),
        (_, Some(number), _) => Node::Int(number),
        (_, _, Some(number)) => Node::Float(number),
        _ => Node::Null,
    })
}

fn array_node(array: &ZendHashTable, depth: usize) -> Option<Node<'_>> {
    let is_list = (0_i64..).zip(elements(array)).all(|(index, (key, _))| key.long() == Some(index));
    if is_list {
        return elements(array).map(|(_, value)| node(value, depth)).collect::<Option<_>>().map(Node::List);
    }
    let entry = |(key, value): (Zval, _)| {
        let key = match (key.zend_str(), key.long()) {
            (Some(text), _) => String::from_utf8_lossy(text.as_bytes()).into_owned(),
            (_, index) => index.unwrap_or_default().to_string(),
        };
        Some((key.into(), node(value, depth)?))
    };
    elements(array).map(entry).collect::<Option<_>>().map(Node::Map)
}
