//! `localAPI()`, and `LocalApi\call()`, which is the same.

use std::panic::AssertUnwindSafe;
use std::ptr;

use ext_php_rs::args::Arg;
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::{ZendHashTable, ZendStr, Zval};
use ext_php_rs::zend::{ExecuteData, run_handler};

use crate::php::call::{self, Call, Outcome};
use crate::php::engine::{self, parse_arguments};
use crate::php::held;

/// What PHP sees of it.
pub fn functions() -> [FunctionBuilder<'static>; 2] {
    ["localAPI", "LocalApi\\call"].map(|name| {
        FunctionBuilder::new(name, local_api)
            .arg(Arg::new("command", DataType::String))
            .arg(Arg::new("postData", DataType::Array).allow_null().default("[]"))
            .arg(Arg::new("adminUsername", DataType::String).allow_null().default("null"))
            .required_args(1)
            .returns(DataType::Array, false, false)
    })
}

extern "C" fn local_api(execute_data: &mut ExecuteData, answer: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut command: *const ZendStr = ptr::null();
        let mut post_data: *const ZendHashTable = ptr::null();
        let mut admin: *const ZendStr = ptr::null();
        if parse_arguments!(execute_data, c"S|h!S!", &mut command, &mut post_data, &mut admin).is_none() {
            return;
        }
        let call = Call {
            command: engine::string(command).unwrap_or_default(),
            post_data,
            admin: engine::string(admin),
            origin: None,
        };
        if let Some(Outcome::Answer(array)) = held::end_request(call::answer(call)) {
            *answer = array;
        }
    }));
}
