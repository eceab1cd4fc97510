//! The commands that are answered natively, one file each.

mod create_oauth_credential;

use crate::actor::Actor;
use crate::api::Api;
use crate::error::Result;
use crate::reply::Reply;
use crate::request::Request;

/// Answers a request. Who asks is known by then.
pub type Command = for<'a> fn(&'a Api, &Request<'_>, &Actor) -> Result<Reply<'a>>;

const COMMANDS: &[(&str, Command)] = &[("CreateOAuthCredential", create_oauth_credential::run)];

/// The command of this name, in any letter case.
pub fn find(name: &[u8]) -> Option<Command> {
    COMMANDS.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name)).map(|&(_, run)| run)
}
