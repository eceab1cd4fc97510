//! `LocalApi\copy_store()`: everything of a store in another place.

use std::panic::AssertUnwindSafe;
use std::ptr;

use ext_php_rs::args::Arg;
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::{ZendStr, Zval};
use ext_php_rs::zend::{ExecuteData, run_handler};

use crate::copy::{Copy, Progress};
use crate::php::callable::Callable;
use crate::php::engine::{self, parse_arguments};
use crate::php::exception::throw_fault;
use crate::php::held::{self, RequestEnded, guarded};
use crate::php::{answer, process};
use crate::reply::Fields;

/// What PHP sees of it.
pub fn function() -> FunctionBuilder<'static> {
    FunctionBuilder::new("LocalApi\\copy_store", copy_store)
        .arg(Arg::new("from", DataType::String))
        .arg(Arg::new("to", DataType::String))
        .arg(Arg::new("progress", DataType::Callable).allow_null().default("null"))
        .required_args(2)
        .returns(DataType::Array, false, false)
}

extern "C" fn copy_store(execute_data: &mut ExecuteData, report: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut from: *const ZendStr = ptr::null();
        let mut to: *const ZendStr = ptr::null();
        let (mut progress, mut resolved) = engine::no_callable();
        let parsed = parse_arguments!(execute_data, c"SS|f!", &mut from, &mut to, &mut progress, &mut resolved);
        if parsed.is_none() {
            return;
        }
        let (from, to) = (engine::string(from).unwrap_or_default(), engine::string(to).unwrap_or_default());
        let progress = Callable::from_argument(&progress, &resolved);
        let copied = copy(from, to, progress.as_ref());
        let let_go = held::let_go(progress);
        let built = copied.and_then(|fields| fields.map(|fields| answer::fields(&fields)).transpose());
        if let Some(Some(array)) = held::end_request(let_go.and(built)) {
            report.set_hashtable(array);
        }
    }));
}

/// `None` where an exception is pending, or time is up: then the next call goes on.
fn copy(from: &[u8], to: &[u8], progress: Option<&Callable>) -> Result<Option<Fields>, RequestEnded> {
    let session = process::session();
    let Some(mut copy) = throw_fault(Copy::new(from, to, session.settings(), engine::is_in_open_basedir)) else {
        return Ok(None);
    };
    loop {
        if engine::timed_out() {
            return Ok(None);
        }
        let Some(step) = throw_fault(copy.step()) else { return Ok(None) };
        let Some(reached) = step else { return Ok(Some(copy.report())) };
        if let Some(progress) = progress {
            // The host's code may fork, or never come back.
            copy.close();
            if !guarded(|| tell(progress, reached))? {
                return Ok(None);
            }
        }
    }
}

/// Whether no exception came back.
fn tell(progress: &Callable, reached: Progress) -> bool {
    let number = |number| {
        let mut value = Zval::new();
        value.set_long(number);
        value
    };
    progress.call(&mut [number(reached.done), number(reached.total)]).is_some()
}
