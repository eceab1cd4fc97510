//! Packets: a head with length and sequence number, and what they carry. Here are the bounds that every answer has.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::time::Duration;

use zeroize::Zeroizing;

use super::socket::Socket;
use super::tls::{self, Stream};
use super::{Error, Result};

/// A packet is sent in parts of this length; a shorter part is the last one.
const PART: usize = 0xff_ffff;
/// A packet that has more bytes isn't read: what the store holds in one row is a thousand times less.
pub const LONGEST_PACKET: usize = 64 << 20;
/// An answer to a command that has more bytes isn't read: the ids of 10,000,000 credentials are a quarter of this.
const LONGEST_ANSWER: usize = 512 << 20;
/// All that a server sends until the user is logged in.
const LONGEST_LOGIN: usize = 256 << 10;
/// So many bytes earn as much time as there was for the first of them: who sends a byte now and then isn't waited for.
const STEP: usize = 1 << 20;
/// What a server sends at once is read at once.
const BUFFER: usize = 16 << 10;
/// The first byte of a packet that is an error.
pub const ERROR: u8 = 0xff;

/// A connection on which packets go to and fro.
pub struct Channel {
    stream: BufReader<Stream>,
    /// The number of the next packet, in either direction.
    sequence: u8,
    /// The packet that was read last.
    packet: Vec<u8>,
    /// How long to wait: for an answer to begin, for the next [`STEP`] of it, and for the network to take one.
    patience: Duration,
    /// How many bytes are left until the time is given anew,
    step: usize,
    /// and until the answer is too long.
    allowance: usize,
}

impl Channel {
    /// One for the login. All of it has to be done within `patience`.
    pub fn new(socket: Socket, patience: Duration) -> Self {
        let (packet, step, allowance) = (Vec::new(), STEP, LONGEST_LOGIN);
        let stream = BufReader::with_capacity(BUFFER, Stream::Plain(socket));
        let mut channel = Self { stream, sequence: 0, packet, patience, step, allowance };
        channel.be_patient();
        channel
    }

    /// Encrypts what comes from now on.
    pub fn encrypt(self, client: tls::Client) -> Result<Self> {
        // What somebody has put after the greeting must not pass for something that was encrypted.
        if !self.stream.buffer().is_empty() {
            return Err(Error::Malformed);
        }
        let stream = BufReader::with_capacity(BUFFER, client.encrypt(self.stream.into_inner())?);
        Ok(Self { stream, ..self })
    }

    /// Sets how long to wait from now on.
    pub fn be_patient_for(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Gives the server time anew: it has come to another point of its answer.
    pub fn be_patient(&mut self) {
        self.step = STEP;
        self.stream.get_mut().socket().allow(self.patience);
    }

    /// Writes a command.
    pub fn write_command(&mut self, command: u8, argument: &[u8]) -> Result<()> {
        self.sequence = 0;
        let bytes = self.frame(&[&[command], argument].concat());
        for step in bytes.chunks(STEP) {
            self.be_patient();
            self.stream.get_mut().write_all(step)?;
        }
        Ok(self.stream.get_mut().flush()?)
    }

    /// Writes a packet of the login, and wipes its copy.
    pub fn write(&mut self, packet: &[u8]) -> Result<()> {
        let bytes = Zeroizing::new(self.frame(packet));
        self.stream.get_mut().write_all(&bytes)?;
        Ok(self.stream.get_mut().flush()?)
    }

    /// A packet as it is sent.
    fn frame(&mut self, packet: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(packet.len().saturating_add(8));
        let mut rest = packet;
        loop {
            let (part, after) = rest.split_at(rest.len().min(PART));
            let [a, b, c, _] = u32::try_from(part.len()).unwrap_or_default().to_le_bytes();
            bytes.extend([a, b, c, self.sequence]);
            bytes.extend_from_slice(part);
            self.sequence = self.sequence.wrapping_add(1);
            if part.len() < PART {
                return bytes;
            }
            rest = after;
        }
    }

    /// From now on the answer to the command is read.
    pub fn begin_answer(&mut self) {
        self.allowance = LONGEST_ANSWER;
        // One that was long needn't be kept.
        self.packet = Vec::new();
        self.be_patient();
    }

    /// Reads the next packet, its parts joined.
    pub fn read(&mut self) -> Result<&[u8]> {
        self.packet.clear();
        loop {
            let mut head = [0; 4];
            for byte in &mut head {
                *byte = self.arrived()?.first().copied().unwrap_or_default();
                self.consume(1)?;
            }
            let [a, b, c, sequence] = head;
            let length = u32::from_le_bytes([a, b, c, 0]) as usize;
            if sequence != self.sequence {
                return Err(self.out_of_sequence(sequence));
            }
            self.sequence = self.sequence.wrapping_add(1);
            if self.packet.len().saturating_add(length) > LONGEST_PACKET {
                return Err(Error::TooLong);
            }
            self.take(length)?;
            if length < PART {
                return Ok(&self.packet);
            }
        }
    }

    /// A server that ends a session says why on its own account, and not in the order of the answer.
    fn out_of_sequence(&mut self, sequence: u8) -> Error {
        match self.arrived() {
            Ok([ERROR, ..]) if sequence == 0 => Error::Io(ErrorKind::ConnectionAborted),
            Ok(_) => Error::Malformed,
            Err(error) => error,
        }
    }

    fn take(&mut self, length: usize) -> Result<()> {
        let mut left = length;
        while left > 0 {
            self.arrived()?;
            let part = self.stream.buffer();
            let part = part.get(..left).unwrap_or(part);
            append(&mut self.packet, part)?;
            let count = part.len();
            left = left.saturating_sub(count);
            self.consume(count)?;
        }
        Ok(())
    }

    /// What has arrived and isn't consumed, which is waited for.
    fn arrived(&mut self) -> Result<&[u8]> {
        match self.stream.fill_buf() {
            Ok([]) => Err(Error::Io(ErrorKind::UnexpectedEof)),
            done => Ok(done?),
        }
    }

    fn consume(&mut self, count: usize) -> Result<()> {
        self.stream.consume(count);
        self.allowance = self.allowance.checked_sub(count).ok_or(Error::TooLong)?;
        match self.step.checked_sub(count) {
            Some(left) => self.step = left,
            None => self.be_patient(),
        }
        Ok(())
    }
}

/// Appends what a server has sent. Where there is no memory for it, that's the answer's fault.
pub fn append(to: &mut Vec<u8>, bytes: &[u8]) -> Result<()> {
    to.try_reserve(bytes.len()).map_err(|_| Error::TooLong)?;
    to.extend_from_slice(bytes);
    Ok(())
}

/// What a packet has that isn't read yet.
#[derive(Clone, Copy)]
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    /// The next bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Error::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Error::Malformed)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// A number of one byte.
    pub fn byte(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    /// A number of two bytes.
    pub fn short(&mut self) -> Result<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// Text with a null byte after it.
    pub fn text(&mut self) -> Result<&'a [u8]> {
        let length = self.0.iter().position(|byte| *byte == 0).ok_or(Error::Malformed)?;
        let text = self.take(length)?;
        self.take(1)?;
        Ok(text)
    }

    /// A number whose first byte says how many it has; `None` is null.
    pub fn number_or_null(&mut self) -> Result<Option<u64>> {
        let mut bytes = [0; 8];
        let count = match self.byte()? {
            0xfb => return Ok(None),
            0xfc => 2,
            0xfd => 3,
            0xfe => 8,
            ERROR => return Err(Error::Malformed),
            small => return Ok(Some(u64::from(small))),
        };
        for (byte, given) in bytes.iter_mut().zip(self.take(count)?) {
            *byte = *given;
        }
        Ok(Some(u64::from_le_bytes(bytes)))
    }

    /// The same where null makes no sense.
    pub fn number(&mut self) -> Result<u64> {
        self.number_or_null()?.ok_or(Error::Malformed)
    }

    /// A text that has its length before it; `None` is null.
    pub fn cell(&mut self) -> Result<Option<&'a [u8]>> {
        match self.number_or_null()? {
            Some(length) => self.take(usize::try_from(length).map_err(|_| Error::Malformed)?).map(Some),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::thread;

    use proptest::prelude::*;

    use super::super::tests::{arrived, cell, channel, number, packet, packets};
    use super::*;

    /// What is read after a command, of all this.
    fn read(bytes: Vec<u8>) -> Result<Vec<u8>> {
        let mut channel = arrived(bytes);
        channel.begin_answer();
        channel.read().map(<[u8]>::to_vec)
    }

    proptest! {
        #[test]
        fn numbers_and_texts_are_read_as_they_were_written(value: u64, text: Option<Vec<u8>>) {
            let bytes = [number(value), cell(text.as_deref()), b"text\0".to_vec(), vec![1, 2, 3]].concat();
            let mut fields = Fields(&bytes);
            prop_assert_eq!(fields.number().unwrap(), value);
            prop_assert_eq!(fields.cell().unwrap(), text.as_deref());
            prop_assert_eq!(fields.text().unwrap(), b"text");
            prop_assert_eq!((fields.byte().unwrap(), fields.short().unwrap()), (1, 0x0302));
            prop_assert!(fields.byte().is_err() && fields.text().is_err() && fields.cell().is_err());
        }

        #[test]
        fn fields_of_anything_end_where_it_ends(bytes: Vec<u8>, steps in proptest::collection::vec(0..6_u8, 0..20)) {
            let mut fields = Fields(&bytes);
            for step in steps {
                let before = fields.0.len();
                let read = match step {
                    0 => fields.byte().map(drop),
                    1 => fields.short().map(drop),
                    2 => fields.text().map(drop),
                    3 => fields.number().map(drop),
                    4 => fields.cell().map(drop),
                    _ => fields.array::<8>().map(drop),
                };
                prop_assert!(fields.0.len() < before || (read.is_err() && fields.0.len() == before));
            }
        }
    }

    #[test]
    fn a_number_in_a_longer_form_than_it_needs_is_read() {
        assert_eq!(Fields(&[0xfe, 5, 0, 0, 0, 0, 0, 0, 0]).number().unwrap(), 5);
        assert!(Fields(&[0xfe, 5, 0, 0, 0, 0, 0, 0]).number().is_err());
        assert!(Fields(&[0xff]).number().is_err() && Fields(&[0xfb]).number().is_err());
    }

    #[test]
    fn what_is_written_is_read_whatever_its_length() {
        for length in [0, 1, PART - 2, PART - 1, PART, 2 * PART - 1] {
            let (mut from, mut there) = channel(Duration::from_secs(30));
            let sent = vec![7; length];
            let expected = [&[3], sent.as_slice()].concat();
            let written = thread::spawn(move || from.write_command(3, &sent).map(|()| from.sequence));
            let mut bytes = Vec::new();
            there.read_to_end(&mut bytes).unwrap();
            // The answer goes on counting.
            assert_eq!(usize::from(written.join().unwrap().unwrap()), expected.len() / PART + 1);
            let mut to = arrived(bytes);
            to.begin_answer();
            to.sequence = 0;
            assert!(to.read().unwrap() == expected, "{length}");
        }
    }

    #[test]
    fn packets_come_in_their_order() {
        let bodies = [b"a".to_vec(), Vec::new(), b"b".to_vec()];
        let mut channel = arrived(packets(1, &bodies));
        channel.begin_answer();
        for body in bodies {
            assert_eq!(channel.read().unwrap(), body);
        }
        assert!(matches!(channel.read(), Err(Error::Io(ErrorKind::UnexpectedEof))));
        for sequence in [0, 2, 255] {
            assert!(matches!(read(packet(sequence, b"a")), Err(Error::Malformed)));
        }
        assert!(matches!(read(packet(2, &[ERROR, 0, 0])), Err(Error::Malformed)));
    }

    #[test]
    fn memory_is_taken_for_what_arrives_and_not_for_what_is_announced() {
        for announced in [[0xff, 0xff, 0xff, 1], [0xfe, 0xff, 0xff, 1]] {
            let mut channel = arrived([&announced[..], b"abc"].concat());
            channel.begin_answer();
            assert!(matches!(channel.read(), Err(Error::Io(ErrorKind::UnexpectedEof))));
            assert!(channel.packet.capacity() < 64, "{}", channel.packet.capacity());
        }
        // And it's not kept.
        let mut channel = arrived([packet(1, &[1; 1 << 20]), packet(2, b"a")].concat());
        channel.begin_answer();
        channel.read().unwrap();
        assert!(channel.packet.capacity() < 4 << 20, "{}", channel.packet.capacity());
        channel.begin_answer();
        channel.read().unwrap();
        assert!(channel.packet.capacity() < 64, "{}", channel.packet.capacity());
    }

    #[test]
    fn parts_are_joined_up_to_a_length() {
        let parts = |count: u8| (1..=count).flat_map(|sequence| packet(sequence, &[9; PART])).collect::<Vec<u8>>();
        let joined = read([parts(2), packet(3, b"ab")].concat()).unwrap();
        assert_eq!(joined.len(), 2 * PART + 2);
        assert!(matches!(read(parts(5)), Err(Error::TooLong)));
    }

    #[test]
    fn before_the_login_little_is_read() {
        let mut channel = arrived(packet(1, &[1; LONGEST_LOGIN]));
        assert!(matches!(channel.read(), Err(Error::TooLong)));
    }

    #[test]
    fn who_sends_a_byte_now_and_then_is_not_waited_for() {
        let (mut channel, mut there) = channel(Duration::from_millis(200));
        thread::spawn(move || {
            for byte in packet(1, &[0; 300]) {
                thread::sleep(Duration::from_millis(10));
                let _ = there.write_all(&[byte]);
            }
        });
        channel.begin_answer();
        assert!(matches!(channel.read(), Err(Error::Io(ErrorKind::WouldBlock))));
    }

    #[test]
    fn who_goes_on_sending_is_waited_for() {
        let mut channel = arrived([packet(1, &[0; STEP / 2]), packet(2, &[0; STEP / 2]), packet(3, b"a")].concat());
        channel.begin_answer();
        let begun = channel.stream.get_mut().socket().deadline();
        channel.read().unwrap();
        assert_eq!(channel.stream.get_mut().socket().deadline(), begun);
        channel.read().unwrap();
        assert!(channel.stream.get_mut().socket().deadline() > begun);
    }
}
