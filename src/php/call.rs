//! One call of `localAPI()`: who answers it.

use std::rc::Rc;

use ext_php_rs::exception::PhpException;
use ext_php_rs::types::{ZendHashTable, Zval};
use ext_php_rs::zend::ce;

use super::callable::Callable;
use super::held::{self, RequestEnded, guarded};
use super::parameters::PhpParameters;
use super::sandbox::{self, Fake};
use super::{answer, engine, exception, handlers, process};
use crate::actor::Origin;
use crate::command;
use crate::error::{Error, RequestError};
use crate::reply::Reply;
use crate::request::Request;
use crate::session::Session;
use crate::text::Quoted;

/// Stands for all commands that are neither native nor have a handler or a fake of their own.
const REST: &[u8] = b"*";

/// How deep handlers may call localAPI, or answer a request, again.
const DEEPEST: usize = 64;

/// One call, as PHP made it.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The command's name as written.
    pub command: &'a [u8],
    /// `$postData`; null is an empty one.
    pub post_data: *const ZendHashTable,
    /// `$adminUsername`.
    pub admin: Option<&'a [u8]>,
    /// Where it comes from, if that is over HTTP.
    pub origin: Option<&'a Origin>,
}

/// What became of a call.
pub enum Outcome {
    /// An answer.
    Answer(Zval),
    /// A handler passed it on.
    Passed,
    /// An exception is pending.
    Threw,
}

/// Answers a call: the native command, or the handler of its name, or the one for all the rest. In the sandbox fakes
/// come before all of them, handlers before the native command, and calls are recorded.
pub fn answer(call: Call<'_>) -> Result<Outcome, RequestEnded> {
    if !process::session().settings().is_sandbox() {
        return answer_from(call, Source::PRODUCTION);
    }
    let record = sandbox::record(call)?;
    let outcome = answer_from(call, Source::SANDBOX)?;
    if let Outcome::Answer(answer) = &outcome {
        sandbox::record_result(record, answer);
    }
    Ok(outcome)
}

/// Who may have an answer. Each passes on what it has none for.
#[derive(Clone, Copy)]
enum Source {
    Fake,
    Handler,
    /// The rest begins after this one where the command is native.
    Native,
    FakeOfRest,
    HandlerOfRest,
}

impl Source {
    const PRODUCTION: &[Self] = &[Self::Native, Self::Handler, Self::HandlerOfRest];
    const SANDBOX: &[Self] = &[Self::Fake, Self::Handler, Self::Native, Self::FakeOfRest, Self::HandlerOfRest];
}

fn answer_from(call: Call<'_>, sources: &[Source]) -> Result<Outcome, RequestEnded> {
    let native = command::is_native(call.command);
    for source in sources {
        let outcome = match source {
            Source::Native if native => break,
            Source::Native => Outcome::Passed,
            Source::Handler => ask(call, handlers::find(call.command))?,
            Source::HandlerOfRest => ask(call, handlers::find(REST))?,
            Source::Fake => ask_fake(call, sandbox::fake(call.command))?,
            Source::FakeOfRest => ask_fake(call, sandbox::fake(REST))?,
        };
        if !matches!(outcome, Outcome::Passed) {
            return Ok(outcome);
        }
    }
    // Over HTTP the one who asks can't do anything about a command that isn't there.
    if native || call.origin.is_some() { answer_natively(call) } else { answer_nothing(call) }
}

/// Answers a command that nothing answers.
fn answer_nothing(call: Call<'_>) -> Result<Outcome, RequestEnded> {
    let could = if process::session().settings().is_sandbox() {
        if sandbox::prevents_stray_calls() {
            return guarded(|| {
                sandbox::throw_stray(call);
                Outcome::Threw
            });
        }
        "LocalApi\\Sandbox::fake() or LocalApi\\handle()"
    } else {
        "LocalApi\\handle() or the sandbox (localapi.sandbox=1)"
    };
    finish(Err(RequestError::Unanswered(Quoted::lossy(call.command), could).into()))
}

fn ask_fake(call: Call<'_>, fake: Option<Fake>) -> Result<Outcome, RequestEnded> {
    match fake {
        None => Ok(Outcome::Passed),
        Some(Fake::Answer(array)) => Ok(Outcome::Answer(array)),
        Some(Fake::Callable(callable)) => ask(call, Some(callable)),
    }
}

/// Asks a handler, if there is one.
fn ask(call: Call<'_>, handler: Option<Rc<Callable>>) -> Result<Outcome, RequestEnded> {
    let Some(handler) = handler else { return Ok(Outcome::Passed) };
    if engine::own_calls(DEEPEST + 1) > DEEPEST {
        return finish(Err(RequestError::TooDeep(Quoted::lossy(call.command)).into()));
    }
    let outcome = guarded(|| run(call, &handler));
    // It may have been replaced while it ran, and then it's gone with this.
    held::let_go(handler)?;
    outcome
}

fn run(call: Call<'_>, handler: &Callable) -> Outcome {
    let admin = call.admin.map_or_else(Zval::null, engine::new_string);
    let mut arguments = [engine::shared_array(call.post_data), engine::new_string(call.command), admin];
    match handler.call(&mut arguments) {
        None => Outcome::Threw,
        Some(answer) if answer.is_array() => Outcome::Answer(answer),
        Some(answer) if answer.is_null() => Outcome::Passed,
        Some(other) => {
            let (command, given) = (Quoted::lossy(call.command), engine::type_name(&other));
            let message = format!("The handler of \"{command}\" must return an array or null, {given} returned");
            PhpException::new(message, 0, ce::type_error()).throw();
            Outcome::Threw
        }
    }
}

fn answer_natively(call: Call<'_>) -> Result<Outcome, RequestEnded> {
    let session = process::session();
    reply(&session, call)?.map_or(Ok(Outcome::Threw), finish)
}

/// What a native command replies; `None` means that an exception is pending.
pub fn reply<'s>(
    session: &'s Session,
    call: Call<'_>,
) -> Result<Option<crate::error::Result<Reply<'s>>>, RequestEnded> {
    let parameters = PhpParameters::new(engine::array(call.post_data));
    let http_hosts = &session.settings().redirect_http_hosts;
    let request = Request::new(call.command, &parameters, call.admin).from(call.origin).with_http_hosts(http_hosts);
    let reply = command::answer(session, &request);
    if parameters.ended() {
        return Err(RequestEnded);
    }
    match reply {
        Err(Error::Request(RequestError::Interrupted)) => Ok(None),
        reply => {
            if let (Some(_), Err(error)) = (call.origin, &reply) {
                exception::log(error);
            }
            Ok(Some(reply))
        }
    }
}

fn finish(reply: crate::error::Result<Reply<'_>>) -> Result<Outcome, RequestEnded> {
    let mut array = Zval::new();
    array.set_hashtable(answer::build(reply)?);
    Ok(Outcome::Answer(array))
}
