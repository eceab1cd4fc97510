//! `LocalApi\prune()`.

use std::panic::AssertUnwindSafe;

use ext_php_rs::args::Arg;
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::Zval;
use ext_php_rs::zend::{ExecuteData, run_handler};

use crate::php::engine::{self, parse_arguments};
use crate::php::exception::throw_fault;
use crate::php::process;
use crate::prune;

/// What PHP sees of it.
pub fn function() -> FunctionBuilder<'static> {
    FunctionBuilder::new("LocalApi\\prune", delete_expired).arg(Arg::new("expiredBefore", DataType::Long)).returns(
        DataType::Long,
        false,
        false,
    )
}

extern "C" fn delete_expired(execute_data: &mut ExecuteData, answer: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut seconds = 0_i64;
        if parse_arguments!(execute_data, c"l", &mut seconds).is_some()
            && let Some(deleted) = throw_fault(prune::prune(&process::session(), seconds, || !engine::timed_out()))
        {
            answer.set_long(deleted);
        }
    }));
}
