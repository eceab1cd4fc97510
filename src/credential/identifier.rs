//! The public half of a credential: `COMPANY-NAME.` and 16 random bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::Result;
use crate::random::Random;

/// The column holds 80: 24 characters of base64 and the dot leave 55.
const LONGEST_PREFIX: usize = 55;

/// A new `clientIdentifier`.
pub fn generate(prefix: &str, random: &Random) -> Result<String> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes)?;
    let mut identifier = String::with_capacity(prefix.len() + 25);
    identifier.push_str(prefix);
    identifier.push('.');
    STANDARD.encode_string(bytes, &mut identifier);
    Ok(identifier)
}

/// What stands before the dot, from `localapi.company_name`: upper case, each run of other characters one hyphen.
pub fn prefix(company_name: &str) -> String {
    let mut prefix = String::new();
    for c in any_ascii::any_ascii(company_name).chars() {
        if c.is_ascii_alphanumeric() {
            prefix.push(c.to_ascii_uppercase());
        } else if !prefix.is_empty() && !prefix.ends_with('-') {
            prefix.push('-');
        }
    }
    prefix.truncate(LONGEST_PREFIX);
    prefix.truncate(prefix.trim_end_matches('-').len());
    if prefix.is_empty() { "LOCALAPI".to_owned() } else { prefix }
}

/// What stands before the dot where a seed has made the rest: such an identifier is not for use.
pub fn test_prefix(prefix: &str) -> String {
    let mut prefix = format!("TEST-{prefix}");
    prefix.truncate(LONGEST_PREFIX);
    prefix.truncate(prefix.trim_end_matches('-').len());
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_the_company_name_in_upper_case_with_hyphens() {
        assert_eq!(prefix("Company Name"), "COMPANY-NAME");
        assert_eq!(prefix("  Möller & Söhne, GmbH. "), "MOLLER-SOHNE-GMBH");
        assert_eq!(prefix("4 You_2"), "4-YOU-2");
        assert_eq!(prefix("Straße"), "STRASSE");
        assert_eq!(prefix("Компания"), "KOMPANIYA");
    }

    #[test]
    fn a_company_without_letters_becomes_localapi() {
        for name in ["", "  ", "-_-", "\u{200b}"] {
            assert_eq!(prefix(name), "LOCALAPI");
        }
    }

    #[test]
    fn the_prefix_leaves_room_in_the_column() {
        assert_eq!(prefix(&"a".repeat(56)), "A".repeat(55));
        assert_eq!(prefix(&format!("{} b", "a".repeat(54))), "A".repeat(54));
        assert_eq!(generate(&prefix(&"a".repeat(99)), &Random::System).unwrap().len(), 80);
    }

    #[test]
    fn a_seeded_identifier_shows_that_it_is_one() {
        assert_eq!(test_prefix(&prefix("Company Name")), "TEST-COMPANY-NAME");
        assert_eq!(test_prefix(&prefix(&"a".repeat(55))), format!("TEST-{}", "A".repeat(50)));
        assert_eq!(test_prefix(&prefix(&format!("{} b", "a".repeat(49)))), format!("TEST-{}", "A".repeat(49)));
    }

    #[test]
    fn an_identifier_ends_in_sixteen_random_bytes() {
        let identifier = generate("X", &Random::System).unwrap();
        let (prefix, bytes) = identifier.split_once('.').unwrap();
        assert_eq!((prefix, STANDARD.decode(bytes).unwrap().len()), ("X", 16));
        assert_ne!(identifier, generate("X", &Random::System).unwrap());
    }
}
