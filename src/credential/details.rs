//! The parts of a credential that no other rule depends on.

use super::{logo_uri, redirect_uri, text};
use crate::error::Result;
use crate::request::Request;
use crate::store::Details;

/// Reads `name`, `description`, `logoUri` and `redirectUri` into a credential, each checked if it is passed and left as
/// it was otherwise; what is blank clears. Returns whether any was passed.
pub fn read(
    request: &Request<'_>,
    details: &mut Details,
    logo_uri: impl FnOnce() -> Result<Option<String>>,
) -> Result<bool> {
    let mut passed = false;
    let mut put = |place: &mut String, value: String| {
        *place = value;
        passed = true;
    };
    if let Some(name) = request.text_or_empty("name")? {
        text::check_name(&name)?;
        put(&mut details.name, name);
    }
    if let Some(description) = request.text_or_empty("description")? {
        text::check_description(&description)?;
        put(&mut details.description, description);
    }
    if let Some(uri) = logo_uri()? {
        logo_uri::check(&uri)?;
        put(&mut details.logo_uri, uri);
    }
    if let Some(uris) = request.text_or_list("redirectUri")? {
        put(&mut details.redirect_uri, redirect_uri::parse(&uris)?);
    }
    Ok(passed)
}
