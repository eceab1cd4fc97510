//! The functions beside calls: those of PHP's namespace `LocalApi`.

use std::borrow::Cow;

use super::given::{self, Given};
use super::written;
use crate::batch;
use crate::command;
use crate::copy::Copy;
use crate::credential::redirect_uri;
use crate::error::{Error, RequestError, Result};
use crate::http::api_credential::{self, Terms};
use crate::http::node::Node;
use crate::prune;
use crate::registry;
use crate::reply::{Fields, Value};
use crate::request::Request;
use crate::rotation;
use crate::session::Session;
use crate::verify;

/// What `batch` takes.
const CALLS: Error =
    Error::Request(RequestError::Argument { position: 1, must: "a list of [command, postData, adminUsername]" });

/// Runs a function with these arguments, and writes what it returns.
pub fn run(session: &Session, name: &[u8], arguments: &[Node<'static>]) -> Vec<u8> {
    let argument = |at: usize| arguments.get(at).unwrap_or(&Node::Null);
    let text = |at: usize| given::text(argument(at)).unwrap_or_default();
    let number = |at: usize| if let Node::Int(number) = argument(at) { *number } else { 0 };
    let nothing = |()| Node::Null;
    let done = match name {
        b"register_service" => registry::register_service(session, number(0), number(1)).map(nothing),
        b"register_scope" => registry::register_scope(session, &text(0), &text(1)).map(nothing),
        b"register_admin" => registry::register_admin(session, &text(0)).map(nothing),
        b"rotate_key" if argument(0) == &Node::Bool(true) => rotation::stage(session).map(|()| Node::Int(0)),
        b"rotate_key" => rotation::rotate(session, || true).map(Node::Int),
        b"prune" => prune::prune(session, number(0), || true).map(Node::Int),
        b"disable_admin" => {
            registry::disable_admin(session, &text(0), argument(1) != &Node::Bool(false)).map(Node::Bool)
        }
        b"scopes" => registry::scopes(session).map(list),
        b"services" => registry::services(session).map(list),
        b"admins" => registry::admins(session).map(list),
        b"api_credentials" => api_credential::all(session).map(list),
        b"revoke_api_credential" => api_credential::revoke(session, &text(0)).map(Node::Bool),
        b"find_credential" => {
            return match verify::find(session, &text(0)) {
                Ok(found) => written::value(found.map_or(Node::Null, written::fields)),
                Err(error) => written::function_fault(&error),
            };
        }
        b"redirect_uri_matches" => match argument(0) {
            Node::List(registered) => {
                let given = text(1);
                let matches = |uri: &Node<'_>| given::text(uri).is_ok_and(|uri| redirect_uri::matches(&uri, &given));
                Ok(Node::Bool(registered.iter().any(matches)))
            }
            _ => Err(RequestError::Argument { position: 1, must: "an array of strings" }.into()),
        },
        b"issue_api_credential" => {
            let actions = match argument(1) {
                Node::List(actions) => actions.iter().map(|action| given::text(action).unwrap_or_default()).collect(),
                _ => vec![b"*".to_vec()],
            };
            let expires_at = given::text(argument(4)).ok().filter(|_| argument(4) != &Node::Null);
            let terms = Terms { hides_secrets: argument(3) == &Node::Bool(false), expires_at: expires_at.as_deref() };
            return match api_credential::issue(session, &text(0), &actions, &text(2), terms) {
                Ok(issued) => written::value(written::fields(vec![
                    ("identifier", Value::Text(issued.identifier)),
                    ("secret", Value::Secret(issued.secret)),
                ])),
                Err(error) => written::function_fault(&error),
            };
        }
        b"copy_store" => {
            return match copy(session, &text(0), &text(1)) {
                Ok(report) => written::value(written::fields(report)),
                Err(error) => written::function_fault(&error),
            };
        }
        b"batch" => return answer_all(session, argument(0)).unwrap_or_else(|error| written::function_fault(&error)),
        unknown => return written::fault(&format!("There is no function {}.", String::from_utf8_lossy(unknown))),
    };
    done.map_or_else(|error| written::function_fault(&error), written::value)
}

fn list(rows: Vec<Fields>) -> Node<'static> {
    Node::List(rows.into_iter().map(written::fields).collect())
}

fn copy(session: &Session, from: &[u8], to: &[u8]) -> Result<Fields> {
    // Who calls from C may open any file anyway.
    let mut copy = Copy::new(from, to, session.settings(), |_| true)?;
    while copy.step()?.is_some() {}
    Ok(copy.report())
}

/// Answers calls with one commit.
fn answer_all(session: &Session, calls: &Node<'static>) -> Result<Vec<u8>> {
    let Node::List(calls) = calls else { return Err(CALLS) };
    let listed = calls.iter().map(listed).collect::<Option<Vec<_>>>().ok_or(CALLS)?;
    let calls: Vec<_> = listed
        .iter()
        .map(|(command, given, admin)| command::read(&Request::new(command, given, admin.as_deref())))
        .collect();
    let mut json = b"{\"value\":[".to_vec();
    for (number, reply) in batch::answer(session, &calls, || true).into_iter().enumerate() {
        if number > 0 {
            json.push(b',');
        }
        json.append(&mut written::reply(reply));
    }
    json.extend_from_slice(b"]}");
    Ok(json)
}

type Listed = (Vec<u8>, Given, Option<Vec<u8>>);

/// One call of the list.
fn listed(call: &Node<'static>) -> Option<Listed> {
    let Node::List(parts) = call else { return None };
    let (command, rest) = parts.split_first()?;
    let post_data = rest.first().cloned().unwrap_or(Node::Map(Vec::new()));
    let admin = match rest.get(1) {
        None | Some(Node::Null) => None,
        Some(admin) => Some(given::text(admin).ok()?),
    };
    let is_text = matches!(command, Node::Text(Cow::Owned(_) | Cow::Borrowed(_)));
    (is_text && rest.len() <= 2).then_some((given::text(command).ok()?, Given::from_node(post_data)?, admin))
}
