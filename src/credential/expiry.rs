//! When a credential expires.

use jiff::SignedDuration;
use jiff::civil::DateTime;

use crate::error::{CredentialError, Result};
use crate::text::Quoted;

/// What a time must look like.
pub const FORMS: &str = "it is no time such as 2030-01-31 09:00:00 or 2030-01-31T10:00:00+01:00";

/// Reads a time in the future as the store writes it, in UTC; blank is none. Whether it has passed is asked later, by
/// [`require_future`].
pub fn parse(text: &str) -> Result<Option<String>> {
    if text.is_empty() {
        return Ok(None);
    }
    time(text).map(Some).ok_or_else(|| CredentialError::ExpiryInvalid(Quoted::from(text), FORMS).into())
}

/// Refuses a time that has passed.
pub fn require_future(expiry: Option<&str>, now: &str) -> Result<()> {
    match expiry {
        Some(expiry) if expiry <= now => {
            Err(CredentialError::ExpiryInvalid(Quoted::from(expiry), "it has passed").into())
        }
        _ => Ok(()),
    }
}

/// Reads `YYYY-MM-DD HH:MM:SS` in UTC, or a time as RFC 3339 has it (section 5.6); a part of a second is cut off.
pub fn time(text: &str) -> Option<String> {
    let (date, rest) = text.split_at_checked(10)?;
    let (time, zone) = rest.split_at_checked(9)?;
    let is_like = |text: &str, pattern: &str| {
        text.len() == pattern.len()
            && text.bytes().zip(pattern.bytes()).all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                wanted => byte.eq_ignore_ascii_case(&wanted),
            })
    };
    let digits = |zone: &str| zone.bytes().take_while(u8::is_ascii_digit).count();
    let zone = match zone.strip_prefix('.') {
        Some(part) if digits(part) > 0 => part.split_at(digits(part)).1,
        Some(_) => return None,
        None => zone,
    };
    let is_utc = zone.is_empty() && is_like(rest, " 00:00:00");
    let has_zone = is_like(zone, "z") || is_like(zone, "+00:00") || is_like(zone, "-00:00");
    if !is_like(date, "0000-00-00")
        || !(is_utc || has_zone && (is_like(time, "t00:00:00") || is_like(time, " 00:00:00")))
    {
        return None;
    }
    let time = time.split_at(1).1;
    let part = |at| zone.get(at).map_or(Some(0), |digits: &str| digits.parse::<i64>().ok());
    let (hours, minutes) = (part(1..3)?, part(4..6)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let offset = SignedDuration::from_mins(hours * 60 + minutes);
    let local: DateTime = format!("{date}T{time}").parse().ok()?;
    // No time zone is asked: the last day of 9999 isn't one that every zone has.
    let utc = if zone.starts_with('-') { local.checked_add(offset) } else { local.checked_sub(offset) }.ok()?;
    (utc.year() >= 1970).then(|| utc.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_utc_or_says_its_zone() {
        for (text, utc) in [
            ("2030-01-31 09:00:00", "2030-01-31 09:00:00"),
            ("2030-01-31T09:00:00Z", "2030-01-31 09:00:00"),
            ("2030-01-31t09:00:00z", "2030-01-31 09:00:00"),
            ("2030-01-31 09:00:00Z", "2030-01-31 09:00:00"),
            ("2030-01-31T09:00:00.999Z", "2030-01-31 09:00:00"),
            ("2030-01-01T00:30:00+01:00", "2029-12-31 23:30:00"),
            ("2030-12-31T23:30:00-01:00", "2031-01-01 00:30:00"),
            ("2028-02-29 00:00:00", "2028-02-29 00:00:00"),
            ("9999-12-31 23:59:59", "9999-12-31 23:59:59"),
            ("9999-12-31T23:59:59Z", "9999-12-31 23:59:59"),
            ("9999-12-31T23:59:59+23:59", "9999-12-31 00:00:59"),
            ("2030-01-01T00:00:00-23:59", "2030-01-01 23:59:00"),
            ("2016-12-31T23:59:60Z", "2016-12-31 23:59:59"),
            ("1970-01-01T00:00:00Z", "1970-01-01 00:00:00"),
        ] {
            assert_eq!(parse(text).unwrap().as_deref(), Some(utc), "{text}");
        }
        assert_eq!(parse("").unwrap(), None);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "tomorrow",
            "2030-01-31",
            "2030-01-31 09:00",
            "2030-01-31T09:00:00",
            "2030-01-31 09:00:00 ",
            " 2030-01-31 09:00:00",
            "2030-02-30 09:00:00",
            "2030-01-31 24:00:00",
            "2030-01-31 09:00:00.5",
            "2030-01-31T09:00:00.Z",
            "2030-01-31T09:00:00+0100",
            "2030-01-31T09:00:00+24:00",
            "2030-01-31T09:00:00+23:60",
            "2030-01-31T09:00:61Z",
            "9999-12-31T23:59:59-00:01",
            "1970-01-01T00:00:00+00:01",
            "0000-00-00 00:00:00",
            "2030-01-31T09:00:00+01:00[Europe/Berlin]",
            "1900-01-01T00:00:00Z",
            "1893456000",
            "+2030-01-31 09:00:0",
            "2030-01-31\u{a0}09:00:00",
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.to_string(), format!("The expiry \"{text}\" is invalid: {FORMS}."));
        }
    }

    #[test]
    fn a_time_that_has_passed_is_refused() {
        let now = "2030-01-31 09:00:00";
        require_future(None, now).unwrap();
        require_future(Some("2030-01-31 09:00:01"), now).unwrap();
        for passed in [now, "2029-12-31 23:59:59"] {
            let error = require_future(Some(passed), now).unwrap_err();
            assert_eq!(error.to_string(), format!("The expiry \"{passed}\" is invalid: it has passed."));
        }
    }
}
