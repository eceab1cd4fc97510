//! `includes/api.php`: who may call, and how the answer is written. The commands are the same as everywhere.

pub mod address;
pub mod api_credential;
mod audit;
pub mod format;
pub mod login;
pub mod node;

use crate::actor::Origin;
use crate::error::{Error, Result};
use crate::request::{Parameter, Parameters};
use crate::session::Session;
use crate::text::{Quoted, is_blank};
use format::Format;
use login::Login;

/// The longest body, in bytes.
const LONGEST: u64 = 1 << 20;
/// The most parameters, each element of an array being one.
const MOST: usize = 1_000;
/// How many arrays a parameter may be in.
const DEEPEST: usize = 3;

/// The parameters that are about the call and not for the command.
const OWN: [&str; 7] = ["action", "responsetype", "identifier", "secret", "username", "password", "accesskey"];

/// How much a request has brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// How many parameters.
    pub count: usize,
    /// In how many arrays the deepest is.
    pub depth: usize,
    /// The bytes of all names and values, or of the body, as far as they are known.
    pub bytes: u64,
    /// Whether there was more, which PHP has dropped.
    pub cut: bool,
}

/// Why a call gets no further.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Another method than POST.
    #[error("Only POST is accepted")]
    Method,
    /// A body in JSON: PHP makes no parameters of it.
    #[error("The request must be a form")]
    MediaType,
    /// More than 1 MiB, more than 1,000 parameters, or one in more than three arrays.
    #[error("The request is too large")]
    TooLarge,
    /// The address isn't in `localapi.api_allowed_ips`, and the access key isn't shown.
    #[error("Invalid IP {0}")]
    Address(Quoted),
    /// No credential is shown, or a wrong one.
    #[error("Invalid or missing credentials")]
    Credentials,
    /// No command is named.
    #[error("Empty action request")]
    NoAction,
    /// No role of the credential has this action.
    #[error("Invalid Permissions: API action \"{0}\" is not allowed")]
    Permission(Quoted),
    /// The store can't say who calls. A stranger learns no more than this.
    #[error("The service is unavailable")]
    Fault(#[from] Error),
}

impl Refusal {
    /// The status of the answer. What a command itself says has 200: clients throw the body of any other away.
    pub fn status(&self) -> u16 {
        match self {
            Self::Method => 405,
            Self::MediaType => 415,
            Self::TooLarge => 413,
            Self::Address(_) | Self::Credentials | Self::Permission(_) => 403,
            Self::NoAction => 400,
            Self::Fault(_) => 503,
        }
    }
}

/// A call that may be answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The command, as sent.
    pub action: Vec<u8>,
    /// The admin in whose name it runs.
    pub admin: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// How the caller wants the answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Wish {
    /// The format of the body.
    pub format: Format,
    /// The action, lower-cased, as an answer may show it.
    pub action: String,
}

impl Wish {
    /// Reads `responsetype` and `action`.
    pub fn read(parameters: &dyn Parameters) -> Result<Self> {
        let format = text(parameters, "responsetype")?.map_or(Format::Json, |name| Format::parse(&name));
        let action = text(parameters, "action")?.unwrap_or_default();
        Ok(Self { format, action: Quoted::lossy(&action.to_ascii_lowercase()).to_string() })
    }
}

/// Whether a parameter is about the call itself: commands and handlers don't get it.
pub fn is_own(name: &[u8]) -> bool {
    OWN.iter().any(|own| own.as_bytes().eq_ignore_ascii_case(name))
}

/// Whether a request has no more parameters, and none deeper, than anyone has to send.
pub fn is_within_limits(size: &Size) -> bool {
    size.count <= MOST && size.depth <= DEEPEST
}

/// Passes a call through the gates, in their order. `report` gets the fault that keeps a
/// refusal from being logged: it changes nothing for the caller.
pub fn admit(
    session: &Session,
    parameters: &dyn Parameters,
    server: &dyn Parameters,
    size: Size,
    report: impl Fn(&Error),
) -> Result<Admitted, Refusal> {
    session.begin_call();
    if text(server, "REQUEST_METHOD")?.as_deref() != Some(b"POST") {
        return Err(Refusal::Method);
    }
    if is_too_large(text(server, "CONTENT_LENGTH")?.as_deref(), size) {
        return Err(Refusal::TooLarge);
    }
    if is_json(text(server, "CONTENT_TYPE")?.as_deref(), text(server, "CONTENT_LENGTH")?.as_deref()) {
        return Err(Refusal::MediaType);
    }
    let address = text(server, "REMOTE_ADDR")?.unwrap_or_default();
    let known = address::parse(&address);
    let shown = known.map_or_else(|| Quoted::lossy(&address), |known| Quoted::from(known.to_string().as_str()));
    let allowed = known.is_some_and(|address| address::is_allowed(address, &session.settings().api_allowed_ips));
    if !allowed && !login::has_access_key(parameters, session)? {
        return Err(Refusal::Address(shown));
    }
    let login = Login::read(parameters)?.ok_or(Refusal::Credentials)?;
    let Some(caller) = login.caller(session)? else {
        audit::refused(session, known, &shown).unwrap_or_else(|error| report(&error));
        return Err(Refusal::Credentials);
    };
    let action = text(parameters, "action")?.filter(|action| !is_blank(&String::from_utf8_lossy(action)));
    let action = action.ok_or(Refusal::NoAction)?;
    let lower = action.to_ascii_lowercase();
    if !caller.may(&String::from_utf8_lossy(&lower)) {
        let lower = Quoted::lossy(&lower);
        if let Some(credential) = caller.credential {
            audit::denied(session, known, &shown, credential, &lower).unwrap_or_else(|error| report(&error));
        }
        return Err(Refusal::Permission(lower));
    }
    let origin =
        Origin { address: shown.to_string(), credential: caller.credential, hides_secrets: caller.hides_secrets };
    Ok(Admitted { action, admin: caller.admin, origin })
}

/// Whether there is a body in JSON. Only a length of 0 says that there is no body.
fn is_json(content_type: Option<&[u8]>, length: Option<&[u8]>) -> bool {
    let essence = content_type.and_then(|text| text.split(|&byte| byte == b';').next()).unwrap_or_default();
    let essence = essence.trim_ascii().to_ascii_lowercase();
    (essence.ends_with(b"/json") || essence.ends_with(b"+json")) && length != Some(b"0")
}

/// Whether a request is more than anyone has to send. Where the server doesn't say how long the body is, its content
/// is measured.
fn is_too_large(length: Option<&[u8]>, size: Size) -> bool {
    let length = length.filter(|text| !text.is_empty() && text.iter().all(u8::is_ascii_digit));
    let bytes = match length.map(|text| String::from_utf8_lossy(text)) {
        Some(text) => text.parse().unwrap_or(u64::MAX),
        None => size.bytes,
    };
    size.cut || bytes > LONGEST || !is_within_limits(&size)
}

fn text(parameters: &dyn Parameters, name: &str) -> Result<Option<Vec<u8>>> {
    Ok(match parameters.read(name)? {
        Some(Parameter::Text(text)) => Some(text),
        Some(Parameter::List(_) | Parameter::Textless) | None => None,
    })
}

#[cfg(test)]
mod tests;
