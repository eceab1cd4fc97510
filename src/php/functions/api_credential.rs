//! `LocalApi\issue_api_credential()`, `revoke_api_credential()` and `api_credentials()`.

use std::panic::AssertUnwindSafe;
use std::ptr;

use ext_php_rs::args::Arg;
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::{ZendHashTable, ZendStr, Zval};
use ext_php_rs::zend::{ExecuteData, run_handler};

use crate::error::Result;
use crate::http::api_credential::{self, Terms};
use crate::php::engine::{self, parse_arguments};
use crate::php::exception::throw_fault;
use crate::php::parameters::elements;
use crate::php::{answer, held, process};
use crate::reply::{Fields, Value};

/// What PHP sees of them.
pub fn functions() -> [FunctionBuilder<'static>; 3] {
    let string = |name: &str| Arg::new(name, DataType::String);
    [
        FunctionBuilder::new("LocalApi\\issue_api_credential", issue_api_credential)
            .arg(string("adminUsername"))
            .arg(Arg::new("actions", DataType::Array).default("['*']"))
            .arg(string("description").default("''"))
            .arg(Arg::new("secrets", DataType::Bool).default("true"))
            .arg(string("expiresAt").allow_null().default("null"))
            .required_args(1)
            .returns(DataType::Array, false, false),
        FunctionBuilder::new("LocalApi\\revoke_api_credential", revoke_api_credential)
            .arg(string("identifier"))
            .returns(DataType::Bool, false, false),
        FunctionBuilder::new("LocalApi\\api_credentials", api_credentials).returns(DataType::Array, false, false),
    ]
}

extern "C" fn issue_api_credential(execute_data: &mut ExecuteData, answer: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut admin: *const ZendStr = ptr::null();
        let mut actions: *const ZendHashTable = ptr::null();
        let mut description: *const ZendStr = ptr::null();
        let (mut secrets, mut expires_at): (bool, *const ZendStr) = (true, ptr::null());
        let parsed = parse_arguments!(
            execute_data,
            c"S|hSbS!",
            &mut admin,
            &mut actions,
            &mut description,
            &mut secrets,
            &mut expires_at
        );
        if parsed.is_none() {
            return;
        }
        let actions = match engine::array(actions) {
            None => vec![b"*".to_vec()],
            // One that isn't a string is no name of a command.
            Some(actions) => elements(actions)
                .map(|(_, action)| action.zend_str().map_or_else(Vec::new, |name| name.as_bytes().to_vec()))
                .collect(),
        };
        let (admin, description) = (engine::string(admin), engine::string(description));
        let issued = api_credential::issue(
            &process::session(),
            admin.unwrap_or_default(),
            &actions,
            description.unwrap_or_default(),
            Terms { hides_secrets: !secrets, expires_at: engine::string(expires_at) },
        );
        let Some(issued) = throw_fault(issued) else { return };
        let fields = vec![("identifier", Value::Text(issued.identifier)), ("secret", Value::Secret(issued.secret))];
        let built = answer::fields(&fields);
        drop((fields, actions));
        if let Some(array) = held::end_request(built) {
            answer.set_hashtable(array);
        }
    }));
}

extern "C" fn revoke_api_credential(execute_data: &mut ExecuteData, answer: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        let mut identifier: *const ZendStr = ptr::null();
        if parse_arguments!(execute_data, c"S", &mut identifier).is_some() {
            let identifier = engine::string(identifier).unwrap_or_default();
            if let Some(revoked) = throw_fault(api_credential::revoke(&process::session(), identifier)) {
                answer.set_bool(revoked);
            }
        }
    }));
}

extern "C" fn api_credentials(execute_data: &mut ExecuteData, list: &mut Zval) {
    run_handler(AssertUnwindSafe(|| {
        if parse_arguments!(execute_data, c"",).is_some() {
            give(list, api_credential::all(&process::session()));
        }
    }));
}

/// Returns a list, or throws.
pub fn give(list: &mut Zval, found: Result<Vec<Fields>>) {
    if let Some(elements) = throw_fault(found)
        && let Some(array) = held::end_request(answer::list(&elements))
    {
        list.set_hashtable(array);
    }
}
