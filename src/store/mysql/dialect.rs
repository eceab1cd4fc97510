//! What MySQL says differently from SQLite, in whose words the statements are written.
//!
//! A statement is sent as text with its values in it: texts as hexadecimal literals, which no quoting rule, escape or
//! character set of a session can read as anything else.

use std::fmt::Write as _;

use crate::store::engine::{Bind, RowId};

/// The id of the row that `INSERT` has made last in this session, kept from the inserts that follow.
pub const NEW_ROW: &str = "@localapi_row";

/// Compares byte for byte. MySQL's collations, the binary ones included, take trailing spaces for nothing.
const BYTES: &str = " COLLATE BINARY";

/// Ends a comparison that takes capital and small letters for the same.
const ESCAPE: &str = " ESCAPE '!'";

/// A statement in MySQL's words, with its values.
pub fn render(sql: &str, values: &[Bind<'_>]) -> String {
    fill(&translate(sql, values), values)
}

fn translate(sql: &str, values: &[Bind<'_>]) -> String {
    let mut translated = sql.replace("INSERT OR FAIL INTO", "INSERT INTO");
    if let Some((insert, action)) = translated.split_once(" ON CONFLICT (") {
        let (column, action) = action.split_once(") DO ").unwrap_or((action, ""));
        let action = match action.strip_prefix("UPDATE SET ") {
            Some(assignments) => new_values(assignments),
            None => format!("{column} = {column}"),
        };
        translated = format!("{insert} ON DUPLICATE KEY UPDATE {action}");
    }
    // Not within one that has been translated.
    let mut rest = std::mem::take(&mut translated);
    while let Some((comparison, after)) = rest.split_once(ESCAPE) {
        let (before, pattern) = comparison.rsplit_once(" LIKE ").unwrap_or((comparison, ""));
        let (before, column) = before.split_at(before.rfind([' ', '(']).map_or(0, |at| at + 1));
        let _ = write!(
            translated,
            "{before}lower(CONVERT({column} USING utf8mb4)) LIKE lower({pattern}) COLLATE utf8mb4_bin{ESCAPE}"
        );
        rest = after.to_owned();
    }
    translated.push_str(&rest);
    while let Some((before, after)) = translated.split_once(BYTES) {
        let start = before.rfind([' ', '(']).map_or(0, |at| at + 1);
        let (start, operand) = before.split_at(start);
        translated = match start.strip_suffix(" = ") {
            // The first comparison can use an index, where the column's character set may have the characters.
            Some(start) => {
                let (start, column) = start.split_at(start.rfind([' ', '(']).map_or(0, |at| at + 1));
                let bytes = bytes_of(column);
                let collation = if is_ascii(operand, values) { "" } else { " COLLATE utf8mb4_bin" };
                format!("{start}({column} = {operand}{collation} AND {bytes} = CAST({operand} AS BINARY)){after}")
            }
            None => format!("{start}{}{after}", bytes_of(operand)),
        };
    }
    translated
}

/// Whether a placeholder's value has only characters that every character set has.
fn is_ascii(operand: &str, values: &[Bind<'_>]) -> bool {
    let number: Option<usize> = operand.strip_prefix('?').and_then(|number| number.parse().ok());
    match number.and_then(|number| values.get(number.checked_sub(1)?)) {
        Some(Bind::Text(text)) => text.is_ascii(),
        _ => true,
    }
}

fn bytes_of(column: &str) -> String {
    format!("CAST(CONVERT({column} USING utf8mb4) AS BINARY)")
}

/// `excluded.name` is `VALUES(name)`.
fn new_values(assignments: &str) -> String {
    let mut parts = assignments.split("excluded.");
    let mut translated = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
        let (column, rest) = part.split_at(end);
        let _ = write!(translated, "VALUES({column}){rest}");
    }
    translated
}

/// Puts the values in the place of `?1`, `?2` and so on, or of `?` one by one, but not inside quotes.
fn fill(sql: &str, values: &[Bind<'_>]) -> String {
    let mut filled = String::with_capacity(sql.len() + 64 * values.len());
    let (mut next, mut quoted) = (0, false);
    let mut rest = sql;
    while let Some(at) = rest.find(['?', '\'']) {
        let (before, from) = rest.split_at(at);
        filled.push_str(before);
        let after = from.get(1..).unwrap_or_default();
        if quoted || from.starts_with('\'') {
            quoted ^= from.starts_with('\'');
            filled.push_str(from.get(..1).unwrap_or_default());
            rest = after;
            continue;
        }
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = after.split_at(digits);
        next = number.parse().unwrap_or(next + 1);
        if let Some(value) = values.get(next - 1) {
            literal(&mut filled, value);
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

fn literal(sql: &mut String, value: &Bind<'_>) {
    // Writing to a String can't fail.
    let _ = match *value {
        Bind::Int(number) | Bind::Id(RowId::Known(number)) => write!(sql, "{number}"),
        Bind::Id(RowId::New) => write!(sql, "{NEW_ROW}"),
        Bind::Null => write!(sql, "NULL"),
        Bind::Text(text) => {
            hexadecimal(sql, text);
            Ok(())
        }
        Bind::TextAround(before, row, after) => {
            sql.push_str("CONCAT(");
            hexadecimal(sql, before);
            sql.push_str(", ");
            literal(sql, &Bind::Id(row));
            sql.push_str(", ");
            hexadecimal(sql, after);
            sql.push(')');
            Ok(())
        }
    };
}

fn hexadecimal(sql: &mut String, text: &str) {
    let _ = write!(sql, "_utf8mb4 x'{}'", base16ct::lower::encode_string(text.as_bytes()));
}

/// Statements as the store has them, with texts of strangers in them: nothing of those but their digits is in what is sent,
/// and these digits are the texts.
///
/// # Panics
///
/// Where that isn't so.
#[cfg(feature = "fuzzing")]
pub fn fuzz(input: &[u8]) {
    const STATEMENTS: [&str; 4] = [
        "SELECT id, '?2' FROM t WHERE identifier = ?1 COLLATE BINARY AND name = ?2",
        "INSERT INTO t (a, b) VALUES (?1, ?2) ON CONFLICT (a) DO UPDATE SET b = excluded.b",
        "INSERT OR FAIL INTO t (a, b) VALUES (?, ?)",
        "UPDATE t SET a = ?2 WHERE b = ?1 ORDER BY name COLLATE BINARY DESC",
    ];
    let Ok(text) = std::str::from_utf8(input) else { return };
    let half = text.chars().count() / 2;
    let (first, second) = text.split_at(text.char_indices().nth(half).map_or(text.len(), |(at, _)| at));
    let plain = |text: &str| if text.is_ascii() { "a" } else { "\u{e9}" };
    for sql in STATEMENTS {
        let sent = render(sql, &[Bind::Text(first), Bind::TextAround(second, RowId::New, first)]);
        let usual = render(sql, &[Bind::Text(plain(first)), Bind::TextAround("", RowId::New, "")]);
        let parts = |sent: &str| -> (String, Vec<String>) {
            let mut literals = Vec::new();
            let mut rest = String::new();
            for (number, part) in sent.split("_utf8mb4 x'").enumerate() {
                let (literal, after) =
                    if number == 0 { ("", part) } else { part.split_once('\'').unwrap_or(("?", "")) };
                if number > 0 {
                    literals.push(literal.to_owned());
                }
                rest.push_str(after);
            }
            (rest, literals)
        };
        let ((sent, literals), (usual, _)) = (parts(&sent), parts(&usual));
        assert_eq!(sent, usual);
        let known = [first, second].map(|text| base16ct::lower::encode_string(text.as_bytes()));
        assert!(literals.len() >= 3 && literals.iter().all(|literal| known.contains(literal)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_hexadecimal_whatever_it_holds() {
        let sql = render("SELECT ?1, '?2', ?2", &[Bind::Text("'; --\\é\0"), Bind::Int(-7)]);
        assert_eq!(sql, "SELECT _utf8mb4 x'273b202d2d5cc3a900', '?2', -7");
    }

    #[test]
    fn values_without_a_number_are_taken_one_by_one() {
        assert_eq!(render("IN (?, ?)", &[Bind::Int(5), Bind::Int(6)]), "IN (5, 6)");
    }

    #[test]
    fn an_id_that_is_not_known_yet_is_a_variable() {
        let values = [Bind::Id(RowId::New), Bind::TextAround("a", RowId::New, "b"), Bind::Id(RowId::Known(3))];
        assert_eq!(
            render("VALUES (?1, ?2, ?3)", &values),
            "VALUES (@localapi_row, CONCAT(_utf8mb4 x'61', @localapi_row, _utf8mb4 x'62'), 3)"
        );
    }

    #[test]
    fn a_conflict_is_a_duplicate_key() {
        assert_eq!(
            translate("INSERT INTO t (id, a) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING", &[]),
            "INSERT INTO t (id, a) VALUES (?1, ?2) ON DUPLICATE KEY UPDATE id = id"
        );
        assert_eq!(
            translate(
                "INSERT INTO t (a) VALUES (?1) ON CONFLICT (a) DO UPDATE SET b = excluded.b, c_d = excluded.c_d",
                &[]
            ),
            "INSERT INTO t (a) VALUES (?1) ON DUPLICATE KEY UPDATE b = VALUES(b), c_d = VALUES(c_d)"
        );
        assert_eq!(translate("INSERT OR FAIL INTO t VALUES (1)", &[]), "INSERT INTO t VALUES (1)");
    }

    #[test]
    fn text_that_a_column_may_not_have_is_compared_in_unicode() {
        assert_eq!(
            translate("username = ?1 COLLATE BINARY", &[Bind::Text("\u{e9}")]),
            "(username = ?1 COLLATE utf8mb4_bin AND CAST(CONVERT(username USING utf8mb4) AS BINARY) = CAST(?1 AS BINARY))"
        );
    }

    #[test]
    fn a_search_takes_capital_and_small_letters_for_the_same() {
        assert_eq!(
            translate("WHERE (c.name LIKE ?1 ESCAPE '!' OR d LIKE ?1 ESCAPE '!') AND x LIKE 'v1:%'", &[]),
            "WHERE (lower(CONVERT(c.name USING utf8mb4)) LIKE lower(?1) COLLATE utf8mb4_bin ESCAPE '!' OR \
             lower(CONVERT(d USING utf8mb4)) LIKE lower(?1) COLLATE utf8mb4_bin ESCAPE '!') AND x LIKE 'v1:%'"
        );
    }

    #[test]
    fn text_is_compared_and_sorted_by_its_bytes() {
        assert_eq!(
            translate("WHERE c.identifier = ?1 COLLATE BINARY AND x", &[Bind::Text("a")]),
            "WHERE (c.identifier = ?1 AND CAST(CONVERT(c.identifier USING utf8mb4) AS BINARY) = CAST(?1 AS BINARY)) AND x"
        );
        assert_eq!(
            translate("ORDER BY name COLLATE BINARY DESC, id DESC", &[]),
            "ORDER BY CAST(CONVERT(name USING utf8mb4) AS BINARY) DESC, id DESC"
        );
    }
}
