//! Several statements as one compound statement of MariaDB.
//!
//! Where a node of a Galera cluster ends a transaction in a packet of several statements, for the sake of another node's,
//! it runs the rest of the packet on its own and answers that all is well. A compound statement ends there, with an error.

use super::Sql;
use super::client::Answer;

/// Inside of a compound statement only queries have answers: this is one to the statement before it.
const TELL: &str = "SELECT ROW_COUNT(), LAST_INSERT_ID(); ";

/// The statements as one. It has an answer to each of them, and one more.
pub fn text(statements: &[Sql]) -> String {
    let mut sql = String::from("BEGIN NOT ATOMIC ");
    for statement in statements {
        sql.push_str(&statement.sql);
        sql.push_str("; ");
        if !statement.is_query() {
            sql.push_str(TELL);
        }
    }
    sql.push_str("END");
    sql
}

/// What the server would have answered to a statement alone.
pub fn answer(statement: &Sql, answer: Answer) -> Answer {
    if statement.is_query() {
        return answer;
    }
    let told = answer.rows.iter().next().unwrap_or_default();
    let number = |column: usize| {
        let text = std::str::from_utf8((*told.get(column)?)?).ok()?;
        text.parse::<i64>().ok()
    };
    let changed = number(0).and_then(|count| usize::try_from(count).ok()).unwrap_or_default();
    let new_id = number(1).unwrap_or_default();
    Answer { changed, new_id, ..Answer::default() }
}
