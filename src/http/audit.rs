//! What the activity log says of calls that get no further.

use std::fmt::Display;
use std::net::IpAddr;

use super::address;
use crate::error::Result;
use crate::session::{MINUTE, Session};
use crate::store::{About, LogLine, RowId, Store, Verdict};
use crate::text::Quoted;

/// How many lines of a kind one network may cause in a minute.
const MOST: i64 = 10;

/// Writes that a credential shown from this address was wrong, and nothing of what was shown.
pub fn refused(session: &Session, address: Option<IpAddr>, shown: &Quoted) -> Result<()> {
    let what = "API call refused: invalid credentials";
    let (network, of) = network(address, shown);
    log(session, &network, About::Everything, what, &format_args!("{what}{of}"))
}

/// Writes that no role of an API credential has this action.
pub fn denied(
    session: &Session,
    address: Option<IpAddr>,
    shown: &Quoted,
    credential: i64,
    action: &Quoted,
) -> Result<()> {
    let (network, of) = network(address, shown);
    let about = About::Row("API credential", RowId::Known(credential));
    log(session, &network, about, "API credential ", &format_args!("denied the action \"{action}\"{of}"))
}

/// The network of an address, and how a line names the address beside it. A server may tell none.
fn network(address: Option<IpAddr>, shown: &Quoted) -> (String, String) {
    let shown = shown.to_string();
    let network = match address {
        Some(address) => address::network(address),
        None if shown.is_empty() => "unknown".to_owned(),
        None => shown.clone(),
    };
    let of = if shown.is_empty() || network == shown { String::new() } else { format!(" ({shown})") };
    (network, of)
}

/// Writes a line of the kind that begins so, unless its network has caused enough of them.
fn log(session: &Session, network: &str, about: About, kind: &str, what: &dyn Display) -> Result<()> {
    let (now, since) = (session.now()?, session.ago(MINUTE)?);
    if session.read(|store| store.lines_about_calls(network, kind, &since))? >= MOST {
        return Ok(());
    }
    let write = |store: &mut Store| {
        store.queue_for("lines about calls")?;
        if store.lines_about_calls(network, kind, &since)? >= MOST {
            return Ok(());
        }
        store.log(&LogLine { address: network, ..LogLine::of_system(&now, about, what) })
    };
    session.transaction(write, |()| Verdict::Unknown.always())
}
