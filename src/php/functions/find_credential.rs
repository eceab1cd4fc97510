//! `LocalApi\find_credential()` and `redirect_uri_matches()`: what an authorization endpoint asks.

use std::panic::AssertUnwindSafe;
use std::ptr;

use ext_php_rs::args::Arg;
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::{ZendHashTable, ZendStr, Zval};
use ext_php_rs::zend::{ExecuteData, run_handler};

use crate::credential::redirect_uri;
use crate::php::engine::{self, parse_arguments};
use crate::php::exception::throw_fault;
use crate::php::parameters::elements;
use crate::php::{answer, held, process};
use crate::verify;

/// What PHP sees of them.
pub fn functions() -> [FunctionBuilder<'static>; 2] {
    [
        FunctionBuilder::new("LocalApi\\find_credential", find_credential)
            .arg(Arg::new("clientIdentifier", DataType::String))
            .returns(DataType::Array, false, true),
        FunctionBuilder::new("LocalApi\\redirect_uri_matches", redirect_uri_matches)
            .arg(Arg::new("registered", DataType::Array))
            .arg(Arg::new("given", DataType::String))
            .returns(DataType::Bool, false, false),
    ]
}

extern "C" fn find_credential(execute_data: &mut ExecuteData, answer: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut identifier: *const ZendStr = ptr::null();
        if parse_arguments!(execute_data, c"S", &mut identifier).is_none() {
            return;
        }
        let identifier = engine::string(identifier).unwrap_or_default();
        if let Some(Some(fields)) = throw_fault(verify::find(&process::session(), identifier)) {
            let built = answer::fields(&fields);
            drop(fields);
            if let Some(array) = held::end_request(built) {
                answer.set_hashtable(array);
            }
        }
    }));
}

extern "C" fn redirect_uri_matches(execute_data: &mut ExecuteData, answer: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut registered: *const ZendHashTable = ptr::null();
        let mut given: *const ZendStr = ptr::null();
        if parse_arguments!(execute_data, c"hS", &mut registered, &mut given).is_none() {
            return;
        }
        let registered: Option<Vec<&[u8]>> = engine::array(registered)
            .map(|uris| elements(uris).map(|(_, uri)| uri.zend_str().map(|uri| uri.as_bytes())).collect())
            .unwrap_or_default();
        let given = engine::string(given).unwrap_or_default();
        match registered {
            Some(uris) => answer.set_bool(uris.iter().any(|uri| redirect_uri::matches(uri, given))),
            None => engine::argument_value_error(1, "must be an array of strings"),
        }
    }));
}
