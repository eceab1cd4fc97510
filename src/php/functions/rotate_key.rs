//! `LocalApi\rotate_key()`.

use std::panic::AssertUnwindSafe;

use ext_php_rs::args::Arg;
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::Zval;
use ext_php_rs::zend::{ExecuteData, run_handler};

use crate::php::engine::{self, parse_arguments};
use crate::php::exception::throw_fault;
use crate::php::process;
use crate::rotation;

/// What PHP sees of it.
pub fn function() -> FunctionBuilder<'static> {
    FunctionBuilder::new("LocalApi\\rotate_key", rotate_key)
        .arg(Arg::new("stage", DataType::Bool).default("false"))
        .required_args(0)
        .returns(DataType::Long, false, false)
}

extern "C" fn rotate_key(execute_data: &mut ExecuteData, answer: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut stage = false;
        if parse_arguments!(execute_data, c"|b", &mut stage).is_none() {
            return;
        }
        let session = process::session();
        let rotated = match stage {
            true => rotation::stage(&session).map(|()| 0),
            false => rotation::rotate(&session, || !engine::timed_out()),
        };
        if let Some(resealed) = throw_fault(rotated) {
            answer.set_long(resealed);
        }
    }));
}
