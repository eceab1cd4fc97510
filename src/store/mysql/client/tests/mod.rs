//! The client and servers that keep to the protocol, or don't.

mod hostile;
pub mod login;

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::packet::Channel;
use super::socket::Socket;
use crate::settings::{Dsn, Server};

/// A packet with its head.
pub fn packet(sequence: u8, body: &[u8]) -> Vec<u8> {
    let [a, b, c, _] = u32::try_from(body.len()).unwrap().to_le_bytes();
    [&[a, b, c, sequence], body].concat()
}

/// Packets with the numbers from this one on.
pub fn packets(first: u8, bodies: &[Vec<u8>]) -> Vec<u8> {
    let mut sequence = first.wrapping_sub(1);
    let mut number = || {
        sequence = sequence.wrapping_add(1);
        sequence
    };
    bodies.iter().flat_map(|body| packet(number(), body)).collect()
}

/// A number as MySQL writes it.
pub fn number(number: u64) -> Vec<u8> {
    let bytes = number.to_le_bytes();
    match number {
        0..=0xfa => vec![bytes[0]],
        0xfb..=0xffff => [&[0xfc], &bytes[..2]].concat(),
        0x1_0000..=0xff_ffff => [&[0xfd], &bytes[..3]].concat(),
        _ => [&[0xfe], &bytes[..]].concat(),
    }
}

/// A text with its length; `None` is null.
pub fn cell(text: Option<&[u8]>) -> Vec<u8> {
    text.map_or(vec![0xfb], |text| [&number(text.len() as u64), text].concat())
}

/// What a statement without rows is answered.
pub fn done(changed: u64, new_id: u64, status: u16) -> Vec<u8> {
    [&[0], &number(changed)[..], &number(new_id), &status.to_le_bytes(), &[0, 0]].concat()
}

/// What ends columns or rows.
pub fn end(status: u16) -> Vec<u8> {
    [&[0xfe, 0, 0], &status.to_le_bytes()[..]].concat()
}

/// An error of the server.
pub fn error(code: u16, message: &str) -> Vec<u8> {
    [&[0xff], &code.to_le_bytes()[..], b"#HY000", message.as_bytes()].concat()
}

/// The definition of a column, as MariaDB sends it.
pub fn definition() -> Vec<u8> {
    b"\x03def\0\0\0\x01a\0\x0c\x2d\0\xff\xff\xff\xff\xfd\0\0\0\0\0".to_vec()
}

/// The packets of an answer with rows.
pub fn table(columns: usize, rows: &[Vec<Option<Vec<u8>>>], status: u16) -> Vec<Vec<u8>> {
    let mut bodies = vec![number(columns as u64)];
    bodies.extend((0..columns).map(|_| definition()));
    bodies.push(end(status));
    bodies.extend(rows.iter().map(|row| row.iter().flat_map(|text| cell(text.as_deref())).collect()));
    bodies.push(end(status));
    bodies
}

/// A channel that waits this long for the answer to a command, and its other end.
pub fn channel(patience: Duration) -> (Channel, UnixStream) {
    let (here, mut there) = UnixStream::pair().unwrap();
    let mut channel = Channel::new(Socket::from(socket2::Socket::from(here)), patience);
    channel.write_command(3, b"").unwrap();
    there.read_exact(&mut [0; 5]).unwrap();
    (channel, there)
}

/// A channel on which a command is answered by all this, and by nothing else.
pub fn arrived(bytes: Vec<u8>) -> Channel {
    let (channel, mut there) = channel(Duration::from_secs(30));
    std::thread::spawn(move || there.write_all(&bytes));
    channel
}

/// A server at this port of this machine that is waited for so many milliseconds.
pub fn server(port: u16, timeout: u64) -> Server {
    let Dsn::Server(mut server) = Dsn::parse(&format!("mysql://u:secret@127.0.0.1:{port}/d")) else { panic!() };
    server.connect_timeout = Duration::from_millis(timeout);
    server.read_timeout = Duration::from_millis(timeout);
    *server
}
