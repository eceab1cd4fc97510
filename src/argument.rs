//! Arguments of the functions, beside what their types say.

use crate::error::{RequestError, Result};
use crate::text::is_control;

/// Reads an argument that must be text of some form.
pub fn text<'a>(
    position: u32,
    bytes: &'a [u8],
    must: &'static str,
    valid: impl FnOnce(&str) -> bool,
) -> Result<&'a str> {
    std::str::from_utf8(bytes).ok().filter(|text| valid(text)).ok_or(RequestError::Argument { position, must }.into())
}

/// Reads an argument that describes something to people: one line.
pub fn description(position: u32, bytes: &[u8]) -> Result<&str> {
    text(position, bytes, "at most 255 printable characters", |text| {
        text.chars().count() <= 255 && !text.contains(is_control)
    })
}
