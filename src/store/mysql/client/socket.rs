//! A connection to an address of the server, on which nothing waits past a deadline.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockAddr, TcpKeepalive, Type};

use super::{Error, Result};
use crate::settings::Server;

/// After so long without a word the kernel asks whether the server is still there,
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// in this interval,
const PROBE_INTERVAL: Duration = Duration::from_secs(10);
/// so many times.
const PROBES: u32 = 3;

/// How much longer than until its deadline a socket may wait: less than this isn't worth a call of the kernel.
const SLACK: Duration = Duration::from_millis(50);

/// A connected socket. Past its deadline reading and writing fail as [`ErrorKind::WouldBlock`].
pub struct Socket {
    socket: socket2::Socket,
    deadline: Instant,
    /// How long the kernel waits.
    limit: Duration,
}

/// Connects to the server's socket, or to the first of its addresses that takes a connection within `connect_timeout`.
pub fn connect(server: &Server) -> Result<Socket> {
    let timeout = server.connect_timeout;
    if let Some(path) = &server.socket {
        return Ok(connect_local(path, timeout)?.into());
    }
    // Without a descriptor no name resolves.
    drop(socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?);
    let addresses = (server.host.as_str(), server.port).to_socket_addrs().map_err(|_| Error::Unresolved)?;
    let mut fault = None;
    for address in addresses {
        match connect_to(address, timeout) {
            Ok(socket) => return Ok(socket.into()),
            Err(error) => fault = fault.or(Some(error)),
        }
    }
    Err(fault.map_or(Error::Unresolved, Error::from))
}

fn connect_to(address: SocketAddr, timeout: Duration) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    let keep_alive = TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(PROBE_INTERVAL).with_retries(PROBES);
    socket.set_tcp_keepalive(&keep_alive)?;
    // A connection whose other end is gone without a word is noticed while it's idle, or soon after the next packet.
    socket.set_tcp_user_timeout(Some(timeout))?;
    socket.set_tcp_nodelay(true)?;
    socket.connect_timeout(&address.into(), timeout)?;
    Ok(socket)
}

/// A server that is busy lets one wait here: the timeout for writing bounds this, too.
fn connect_local(path: &str, timeout: Duration) -> io::Result<socket2::Socket> {
    let address = SockAddr::unix(path)?;
    loop {
        let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_write_timeout(Some(timeout))?;
        match socket.connect(&address) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done.map(|()| socket),
        }
    }
}

impl From<socket2::Socket> for Socket {
    fn from(socket: socket2::Socket) -> Self {
        Self { socket, deadline: Instant::now(), limit: Duration::ZERO }
    }
}

impl Socket {
    /// From now on nothing waits longer than this.
    pub fn allow(&mut self, time: Duration) {
        let now = Instant::now();
        self.deadline = now.checked_add(time).unwrap_or(now);
    }

    /// When that is over.
    #[cfg(test)]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Reads or writes, again where a signal has interrupted it or the kernel has waited for less than there is time.
    fn wait<T>(&mut self, mut step: impl FnMut(&mut socket2::Socket) -> io::Result<T>) -> io::Result<T> {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::WouldBlock.into());
            }
            if self.limit.abs_diff(left) > SLACK || self.limit.is_zero() {
                // The kernel takes less than a microsecond for no limit at all.
                self.limit = left.max(Duration::from_millis(1));
                self.socket.set_read_timeout(Some(self.limit))?;
                self.socket.set_write_timeout(Some(self.limit))?;
            }
            match step(&mut self.socket) {
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                done => return done,
            }
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.wait(|socket| socket.read(buffer))
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Without the signal that ends a process when the server is gone.
        self.wait(|socket| socket.send_with_flags(bytes, libc::MSG_NOSIGNAL))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
