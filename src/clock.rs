//! The time as the store writes it.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

use crate::error::{Error, Result};

/// Tells the time in UTC.
#[derive(Default)]
pub struct Clock {
    /// The last second told, as text: formatting costs more than most of a call.
    last: RefCell<(u64, String)>,
}

impl Clock {
    /// Now, as `YYYY-MM-DD HH:MM:SS`.
    pub fn now(&self) -> Result<String> {
        let second = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| Error::ClockWrong)?.as_secs();
        let mut last = self.last.borrow_mut();
        if last.0 != second || last.1.is_empty() {
            *last = (second, to_text(second)?);
        }
        Ok(last.1.clone())
    }
}

fn to_text(second: u64) -> Result<String> {
    let timestamp = i64::try_from(second).ok().and_then(|second| Timestamp::from_second(second).ok());
    Ok(timestamp.ok_or(Error::ClockWrong)?.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_and_sort_as_text() {
        assert_eq!(to_text(1_479_461_544).unwrap(), "2016-11-18 09:32:24");
    }

    #[test]
    fn the_same_second_is_the_same_text() {
        let clock = Clock::default();
        let now = clock.now().unwrap();
        assert_eq!(now.len(), 19);
        assert!(clock.now().unwrap() >= now);
    }
}
