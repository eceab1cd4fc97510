//! Texts, as rules and messages see them.

use std::fmt;

/// A positive whole number, as an id is one: digits only.
pub fn positive(text: &str) -> Option<i64> {
    whole(text).filter(|&number| number > 0)
}

/// A whole number without a sign: digits only.
pub fn whole(text: &str) -> Option<i64> {
    // `parse` alone would take a sign.
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Empty, or ASCII white space only.
pub fn is_blank(text: &str) -> bool {
    text.bytes().all(is_space)
}

/// ASCII white space, the vertical tab included as in PHP.
pub fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

/// Whether a text has more characters than this.
pub fn is_longer(text: &str, most: usize) -> bool {
    text.chars().nth(most).is_some()
}

/// A caller's input inside a message: 80 characters at most, without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quoted(String);

impl Quoted {
    const LIMIT: usize = 80;

    /// Quotes bytes that may not be UTF-8.
    pub fn lossy(input: &[u8]) -> Self {
        // A character is four bytes at most, so nothing after this can be shown.
        let start = input.get(..(Self::LIMIT + 1) * 4).unwrap_or(input);
        Self::from(String::from_utf8_lossy(start).as_ref())
    }
}

impl From<&str> for Quoted {
    fn from(input: &str) -> Self {
        let mut characters = input.chars();
        let mut quoted: String = characters
            .by_ref()
            .take(Self::LIMIT)
            .map(|c| if is_control(c) { char::REPLACEMENT_CHARACTER } else { c })
            .collect();
        if characters.next().is_some() {
            quoted.push('…');
        }
        Self(quoted)
    }
}

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// C0, DEL, C1, and the overrides that turn the direction of the text around them.
pub fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_is_empty_or_ascii_white_space() {
        for text in ["", " ", "\t\r\n\x0b\x0c "] {
            assert!(is_blank(text));
        }
        for text in ["0", " x ", "\u{a0}"] {
            assert!(!is_blank(text));
        }
    }

    #[test]
    fn whole_numbers_are_digits_only() {
        assert_eq!((whole("0"), whole("007"), positive("007"), positive("0")), (Some(0), Some(7), Some(7), None));
        for text in ["", "+1", "-1", " 1", "1.0", "1e3", "99999999999999999999"] {
            assert_eq!(whole(text), None, "{text}");
        }
    }

    #[test]
    fn a_text_is_as_long_as_it_has_characters() {
        for (text, most, longer) in [("", 0, false), ("a", 0, true), ("ab", 2, false), ("abc", 2, true)] {
            assert_eq!(is_longer(text, most), longer, "{text}");
        }
        assert!(!is_longer("\u{1f600}\u{e9}", 2) && is_longer("\u{1f600}\u{e9}", 1));
    }

    #[test]
    fn quoted_input_is_cut_after_80_characters() {
        assert_eq!(Quoted::from("é".repeat(80).as_str()).to_string(), "é".repeat(80));
        assert_eq!(Quoted::from("é".repeat(81).as_str()).to_string(), "é".repeat(80) + "…");
        for character in ["a", "é", "\u{1f600}"] {
            let lossy = |length| Quoted::lossy(character.repeat(length).as_bytes()).to_string();
            assert_eq!((lossy(80), lossy(81)), (character.repeat(80), character.repeat(80) + "…"));
            assert_eq!(lossy(9_000), character.repeat(80) + "…");
        }
    }

    #[test]
    fn quoted_input_shows_no_control_character() {
        assert_eq!(Quoted::from("a\0b\u{85}c\u{202e}d\u{7f}").to_string(), "a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}");
        assert_eq!(Quoted::lossy(b"a\xff\xfeb").to_string(), "a\u{fffd}\u{fffd}b");
    }
}
