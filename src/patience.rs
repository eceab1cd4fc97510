//! How often a transaction is tried again that was undone for another's sake.

use std::time::{Duration, Instant};

use crate::random::Random;

/// So often at least, however short the time is.
const ATTEMPTS: u32 = 8;
/// The longest pause before the second attempt. It doubles with each, up to 64 times that.
const FIRST_PAUSE: Duration = Duration::from_millis(4);
const DOUBLINGS: u32 = 6;

/// The patience of one call.
pub struct Patience {
    attempts: u32,
    end: Instant,
}

impl Patience {
    /// Patience for as long as others are waited for.
    pub fn new(busy_timeout: Duration) -> Self {
        let now = Instant::now();
        Self { attempts: 1, end: now.checked_add(busy_timeout).unwrap_or(now) }
    }

    /// Pauses before the next attempt; `false` where it's at an end. Those that have met would meet again, were their
    /// pauses not random.
    pub fn pause(&mut self) -> bool {
        if self.attempts >= ATTEMPTS && Instant::now() >= self.end {
            return false;
        }
        let longest = FIRST_PAUSE * 2_u32.pow(self.attempts.saturating_sub(1).min(DOUBLINGS));
        let mut share = [0; 2];
        if Random::System.fill(&mut share).is_ok() {
            std::thread::sleep(longest * u32::from(u16::from_le_bytes(share)) / u32::from(u16::MAX));
        }
        self.attempts += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_attempts_are_made_in_no_time() {
        let mut patience = Patience::new(Duration::ZERO);
        assert_eq!((0..20).filter(|_| patience.pause()).count(), 7);
    }

    #[test]
    fn there_are_more_as_long_as_there_is_time() {
        let mut patience = Patience { attempts: ATTEMPTS, end: Instant::now() + Duration::from_secs(60) };
        assert!(patience.pause());
    }
}
