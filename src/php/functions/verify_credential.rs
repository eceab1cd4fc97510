//! `LocalApi\verify_credential()`.

use std::panic::AssertUnwindSafe;
use std::ptr;

use ext_php_rs::args::Arg;
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::{ZendStr, Zval};
use ext_php_rs::zend::{ExecuteData, run_handler};

use crate::php::engine::{self, parse_arguments};
use crate::php::exception::throw_fault;
use crate::php::{answer, held, process};
use crate::verify::verify;

/// What PHP sees of it.
pub fn function() -> FunctionBuilder<'static> {
    FunctionBuilder::new("LocalApi\\verify_credential", verify_credential)
        .arg(Arg::new("clientIdentifier", DataType::String))
        .arg(Arg::new("clientSecret", DataType::String))
        .returns(DataType::Array, false, true)
}

extern "C" fn verify_credential(execute_data: &mut ExecuteData, answer: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut identifier: *const ZendStr = ptr::null();
        let mut secret: *const ZendStr = ptr::null();
        if parse_arguments!(execute_data, c"SS", &mut identifier, &mut secret).is_none() {
            return;
        }
        let identifier = engine::string(identifier).unwrap_or_default();
        let secret = engine::string(secret).unwrap_or_default();
        let built = match throw_fault(verify(&process::session(), identifier, secret)) {
            Some(Some(fields)) => answer::fields(&fields).map(Some),
            Some(None) | None => Ok(None),
        };
        if let Some(Some(array)) = held::end_request(built) {
            answer.set_hashtable(array);
        }
    }));
}
