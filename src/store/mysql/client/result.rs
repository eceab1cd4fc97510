//! What a server answers to statements: for each how many rows it has changed, or the rows it has found, or an error.

use super::packet::{Channel, ERROR, Fields, append};
use super::{Error, Result};

/// No table of MySQL or MariaDB, and so no result, has more columns.
const MOST_COLUMNS: u64 = 4_096;
/// A packet that ends columns or rows begins with this, and is shorter than any row that does.
const END: u8 = 0xfe;
const END_LENGTH: usize = 9;
/// The definition of a column begins with its catalog, which is `def`.
const DEFINITION: &[u8] = b"\x03def";
/// Of the status: another result follows.
const MORE: u16 = 8;

/// What a server answers to one statement.
#[derive(Debug, Default)]
pub struct Answer {
    /// The rows found.
    pub rows: Rows,
    /// How many were changed.
    pub changed: usize,
    /// The id of the row inserted.
    pub new_id: i64,
}

/// Rows as they have arrived: they need no more memory than that.
#[derive(Debug, Default)]
pub struct Rows {
    columns: usize,
    bytes: Vec<u8>,
}

/// The columns of a row; `None` is null.
pub type Cells<'a> = Vec<Option<&'a [u8]>>;

impl Rows {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Cells<'_>> {
        let mut fields = Fields(&self.bytes);
        std::iter::from_fn(move || {
            if fields.0.is_empty() { None } else { (0..self.columns).map(|_| fields.cell().ok()).collect() }
        })
    }

    fn push(&mut self, row: &[u8]) -> Result<()> {
        let mut fields = Fields(row);
        for _ in 0..self.columns {
            fields.cell()?;
        }
        if fields.0.is_empty() { append(&mut self.bytes, row) } else { Err(Error::Malformed) }
    }
}

/// Reads the results of a command, which may be as many as `most`. Those before an error are in `answers`, too.
pub fn read_all(channel: &mut Channel, most: usize, answers: &mut Vec<Answer>) -> Result<()> {
    channel.begin_answer();
    for _ in 0..most {
        let (answer, status) = read(channel)?;
        answers.push(answer);
        if status & MORE == 0 {
            return Ok(());
        }
        channel.be_patient();
    }
    Err(Error::Malformed)
}

/// One result, and the status with it.
fn read(channel: &mut Channel) -> Result<(Answer, u16)> {
    let packet = channel.read()?;
    let mut fields = Fields(packet);
    let columns = match packet {
        [0, ..] => return done(packet),
        [ERROR, ..] => return Err(error(packet)),
        // Neither is a file of this machine sent, nor does a result begin with its end.
        [] | [0xfb | END, ..] => return Err(Error::Malformed),
        _ => fields.number()?,
    };
    if columns > MOST_COLUMNS || !fields.0.is_empty() {
        return Err(Error::Malformed);
    }
    // A server that has begun to answer may take its time for the rows.
    channel.be_patient();
    for _ in 0..columns {
        if !channel.read()?.starts_with(DEFINITION) {
            return Err(Error::Malformed);
        }
    }
    end(channel.read()?).ok_or(Error::Malformed)??;
    let columns = usize::try_from(columns).map_err(|_| Error::Malformed)?;
    let mut rows = Rows { columns, bytes: Vec::new() };
    loop {
        let packet = channel.read()?;
        if packet.first() == Some(&ERROR) {
            return Err(error(packet));
        }
        match end(packet) {
            Some(status) => return Ok((Answer { rows, ..Answer::default() }, status?)),
            None => rows.push(packet)?,
        }
    }
}

/// The status of a packet that ends columns or rows; `None` where it's another.
fn end(packet: &[u8]) -> Option<Result<u16>> {
    let mut fields = Fields(packet.strip_prefix(&[END]).filter(|_| packet.len() < END_LENGTH)?);
    // Warnings come first.
    Some(fields.short().and_then(|_| fields.short()))
}

/// What a statement without rows has done, and the status.
pub fn done(packet: &[u8]) -> Result<(Answer, u16)> {
    let mut fields = Fields(packet);
    fields.take(1)?;
    let changed = usize::try_from(fields.number()?).unwrap_or(usize::MAX);
    let new_id = i64::try_from(fields.number()?).unwrap_or_default();
    Ok((Answer { rows: Rows::default(), changed, new_id }, fields.short()?))
}

/// An error of the server. Before it knows what a client can read, it leaves out the state.
pub fn error(packet: &[u8]) -> Error {
    let mut fields = Fields(packet);
    match fields.take(1).and_then(|_| fields.short()) {
        Ok(code) => {
            let text = match fields.0 {
                [b'#', _, _, _, _, _, text @ ..] => text,
                text => text,
            };
            // The servers' own are shorter.
            let message = String::from_utf8_lossy(text.get(..512).unwrap_or(text)).into_owned();
            Error::Answered { code, message }
        }
        Err(error) => error,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{arrived, cell, definition, done, end, error, number, packets, table};
    use super::*;

    fn answer(bodies: &[Vec<u8>], most: usize) -> Result<Vec<Answer>> {
        let mut answers = Vec::new();
        read_all(&mut arrived(packets(1, bodies)), most, &mut answers).map(|()| answers)
    }

    fn owned(rows: &Rows) -> Vec<Vec<Option<Vec<u8>>>> {
        rows.iter().map(|row| row.into_iter().map(|cell| cell.map(<[u8]>::to_vec)).collect()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn rows_are_read_as_they_were_written(
            rows in (1..9_usize).prop_flat_map(|columns| {
                proptest::collection::vec(proptest::collection::vec(any::<Option<Vec<u8>>>(), columns), 0..20)
            }),
        ) {
            // Of no rows the number of columns isn't told.
            let columns = rows.first().map_or(1, Vec::len);
            let answers = answer(&table(columns, &rows, 2), 1).unwrap();
            prop_assert_eq!(owned(&answers[0].rows), rows);
        }
    }

    #[test]
    fn each_statement_has_its_result() {
        let row = vec![vec![Some(b"1".to_vec())]];
        let bodies = [vec![done(3, 7, 10)], table(1, &row, 10), vec![done(0, 0, 10)], table(1, &[], 2)].concat();
        let answers = answer(&bodies, 4).unwrap();
        let told: Vec<_> = answers.iter().map(|answer| (owned(&answer.rows), answer.changed, answer.new_id)).collect();
        assert_eq!(told, [(vec![], 3, 7), (row, 0, 0), (vec![], 0, 0), (vec![], 0, 0)]);
        // More than were asked for.
        assert!(matches!(answer(&bodies, 3), Err(Error::Malformed)));
    }

    #[test]
    fn the_first_error_is_the_last_result() {
        let rows = table(2, &[vec![None, None]], 2);
        let (start, _) = rows.split_at(rows.len() - 1);
        for before in [vec![], vec![done(1, 0, 10)], start.to_vec()] {
            let Err(Error::Answered { code, message }) = answer(&[before, vec![error(1062, "Taken")]].concat(), 2)
            else {
                panic!()
            };
            assert_eq!((code, message.as_str()), (1062, "Taken"));
        }
        let long = answer(&[error(1, &"x".repeat(100_000))], 1);
        assert!(matches!(long, Err(Error::Answered { message, .. }) if message.len() < 1_000));
    }

    #[test]
    fn as_many_columns_as_a_table_can_have_are_read_and_no_more() {
        let row = vec![vec![None; 4_096]];
        let answers = answer(&table(4_096, &row, 2), 1).unwrap();
        assert_eq!(owned(&answers[0].rows), row);
        for columns in [4_097, 1 << 16, 1 << 24, 1 << 40, u64::MAX] {
            assert!(matches!(answer(&[number(columns)], 1), Err(Error::Malformed)), "{columns}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_no_answer() {
        let row = cell(Some(b"abc"));
        let header = [number(2), definition(), definition(), end(2)];
        let with = |rows: &[Vec<u8>]| [&header, rows].concat();
        for bodies in [
            vec![vec![]],
            // Done, and cut off.
            vec![vec![0]],
            vec![vec![0, 1, 0xfc, 1]],
            vec![vec![0, 0, 0, 2]],
            vec![vec![0, 0xfb, 0, 2, 0]],
            // An error without a code.
            vec![vec![0xff]],
            vec![vec![0xff, 1]],
            // The end of nothing, a file that is asked for, a number with something after it.
            vec![end(2)],
            vec![b"\xfb/etc/passwd".to_vec()],
            vec![vec![1, 1]],
            // What is no definition, fewer definitions than columns, and more.
            vec![number(1), end(2), end(2)],
            vec![number(1), row.clone(), end(2)],
            vec![number(2), definition(), end(2), end(2)],
            vec![number(1), definition(), definition(), end(2)],
            vec![number(1), definition(), vec![0xfe], end(2)],
            // A row that is too short, or too long, or tells a wrong length.
            with(&[vec![]]),
            with(std::slice::from_ref(&row)),
            with(&[[row.clone(), row.clone(), row.clone()].concat()]),
            with(&[[row.clone(), vec![4, b'a']].concat()]),
            with(&[[row.clone(), vec![0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]].concat()]),
            // An end that is cut off.
            with(&[vec![0xfe, 0, 0, 2]]),
        ] {
            assert!(matches!(answer(&bodies, 1), Err(Error::Malformed)), "{bodies:?}");
        }
    }

    #[test]
    fn rows_need_no_more_memory_than_what_has_arrived() {
        let rows = vec![vec![None; 1_000]; 1_000];
        let answers = answer(&table(1_000, &rows, 2), 1).unwrap();
        assert!(answers[0].rows.bytes.capacity() <= 2_000_000, "{}", answers[0].rows.bytes.capacity());
    }
}
