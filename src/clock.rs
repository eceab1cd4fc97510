//! The time as the store writes it.

use std::cell::{Cell, RefCell};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::error::{Result, SystemError};

/// Tells the time in UTC.
#[derive(Default)]
pub struct Clock {
    /// The last second told, as text: formatting costs more than most of a call.
    last: RefCell<(u64, String)>,
    /// The last second before now that was told.
    earlier: RefCell<(u64, String)>,
    /// The second at which the sandbox has stopped it.
    stopped: Cell<Option<u64>>,
    /// How many seconds the sandbox has moved it.
    moved: Cell<i64>,
}

impl Clock {
    /// Now, as `YYYY-MM-DD HH:MM:SS`.
    pub fn now(&self) -> Result<String> {
        tell(self.second()?, &self.last)
    }

    /// So many seconds before now.
    pub fn ago(&self, seconds: u64) -> Result<String> {
        tell(self.second()?.saturating_sub(seconds), &self.earlier)
    }

    /// So many seconds after now.
    pub fn after(&self, seconds: u64) -> Result<String> {
        to_text(self.second()?.saturating_add(seconds))
    }

    /// Moves the clock by so many seconds, or has it tell the true time again. It stays as it is where it would come to
    /// tell no time that the store can hold.
    pub fn travel(&self, seconds: Option<i64>) -> Result<()> {
        let before = self.moved.get();
        let moved = seconds.map_or(Some(0), |seconds| before.checked_add(seconds)).ok_or(SystemError::ClockWrong)?;
        self.moved.set(moved);
        self.now().map(drop).inspect_err(|_| self.moved.set(before))
    }

    /// Stops the clock at a second since 1970, or lets it go on.
    pub fn stop(&self, second: Option<u64>) {
        self.stopped.set(second);
    }

    fn second(&self) -> Result<u64> {
        let second = match self.stopped.get() {
            Some(second) => second,
            None => SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| SystemError::ClockWrong)?.as_secs(),
        };
        second.checked_add_signed(self.moved.get()).ok_or(SystemError::ClockWrong.into())
    }
}

/// A second as text, from what was told last if it's that.
fn tell(second: u64, last: &RefCell<(u64, String)>) -> Result<String> {
    let mut last = last.borrow_mut();
    if last.0 != second || last.1.is_empty() {
        *last = (second, to_text(second)?);
    }
    Ok(last.1.clone())
}

/// A second since 1970 as the store writes it.
pub fn to_text(second: u64) -> Result<String> {
    let timestamp = i64::try_from(second).ok().and_then(|second| Timestamp::from_second(second).ok());
    Ok(timestamp.ok_or(SystemError::ClockWrong)?.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// The seconds since 1970 of a time that the store holds; `None` where it's none.
pub fn parse(text: &str) -> Option<i64> {
    let time: DateTime = text.trim().parse().ok()?;
    // A time zone would know no time of the last day of 9999.
    Some(time.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0)).as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn times_are_utc_and_sort_as_text() {
        assert_eq!(to_text(1_479_461_544).unwrap(), "2016-11-18 09:32:24");
        assert_eq!(parse("2016-11-18 09:32:24"), Some(1_479_461_544));
        assert_eq!(parse("9999-12-31 23:59:59"), Some(253_402_300_799));
        assert_eq!(parse("1969-12-31 23:59:59"), Some(-1));
        for text in ["", "0000-00-00 00:00:00", "yesterday"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_stopped_clock_tells_one_time() {
        let clock = Clock::default();
        let before = clock.now().unwrap();
        clock.stop(Some(1_479_461_544));
        assert_eq!([clock.now().unwrap(), clock.now().unwrap()], ["2016-11-18 09:32:24"; 2]);
        clock.stop(None);
        assert!(clock.now().unwrap() >= before);
    }

    #[test]
    fn a_clock_that_is_moved_goes_on_from_there() {
        let clock = Clock::default();
        clock.stop(Some(1_479_461_544));
        clock.travel(Some(86_400)).unwrap();
        clock.travel(Some(-1)).unwrap();
        assert_eq!(clock.now().unwrap(), "2016-11-19 09:32:23");
        assert_eq!(clock.after(1).unwrap(), "2016-11-19 09:32:24");
        for beyond in [i64::MIN, i64::MAX, -1_479_600_000, 300_000_000_000] {
            assert!(matches!(clock.travel(Some(beyond)), Err(Error::System(SystemError::ClockWrong))), "{beyond}");
            assert_eq!(clock.now().unwrap(), "2016-11-19 09:32:23");
        }
        clock.travel(None).unwrap();
        assert_eq!(clock.now().unwrap(), "2016-11-18 09:32:24");
    }

    #[test]
    fn the_same_second_is_the_same_text() {
        let clock = Clock::default();
        let now = clock.now().unwrap();
        assert_eq!(now.len(), 19);
        assert!(clock.now().unwrap() >= now);
    }
}
