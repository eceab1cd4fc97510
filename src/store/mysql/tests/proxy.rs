//! A proxy before the server, that counts round trips and makes trouble.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::settings::Server;

/// What happens to the next packet that holds a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The connection is cut, and the server never sees the packet.
    CutBefore,
    /// The connection is cut once the server has answered; the answer is lost.
    CutAfter,
    /// The connection is cut at once on the client's side. The server sees the packet later than that.
    Late(Duration),
    /// The server sees the packet, and its answers are swallowed.
    Silence,
    /// The server sees this in the place of the word.
    Instead(&'static str),
}

/// Which ways lead through it.
#[derive(Default)]
struct Shared {
    trips: AtomicUsize,
    /// The last of them is the next.
    plans: Mutex<Vec<(&'static str, Trouble)>>,
    one_statement: AtomicBool,
    fragments: AtomicBool,
    /// A copy of each connection's ends.
    open: Mutex<Vec<(TcpStream, TcpStream)>>,
}

/// The proxy.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Starts one before this server.
    pub fn new(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let (to, kept) = ((server.host.clone(), server.port), Arc::clone(&shared));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&to).unwrap());
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                carry(client, server, &kept);
            }
        });
        Self { port, shared }
    }

    /// The way through it.
    pub fn server(&self, server: &Server) -> Server {
        Server { host: "127.0.0.1".to_owned(), port: self.port, ..server.clone() }
    }

    /// How many packets have been answered since this was last asked.
    pub fn trips(&self) -> usize {
        self.shared.trips.swap(0, Ordering::SeqCst)
    }

    /// Makes trouble once, at the next packet with this word.
    pub fn plan(&self, word: &'static str, trouble: Trouble) {
        *self.shared.plans.lock().unwrap() = vec![(word, trouble)];
    }

    /// Makes more trouble once that is made which was planned.
    pub fn plan_next(&self, word: &'static str, trouble: Trouble) {
        self.shared.plans.lock().unwrap().insert(0, (word, trouble));
    }

    /// Whether the trouble has been made.
    pub fn is_done(&self) -> bool {
        self.shared.plans.lock().unwrap().is_empty()
    }

    /// Takes from clients the right to send several statements in a packet.
    pub fn allow_one_statement(&self) {
        self.shared.one_statement.store(true, Ordering::SeqCst);
    }

    /// Lets bytes of the server arrive one by one.
    pub fn fragment(&self) {
        self.shared.fragments.store(true, Ordering::SeqCst);
    }

    /// Ends every connection on both sides, as a server does that restarts.
    pub fn cut_all(&self) {
        for (client, server) in self.shared.open.lock().unwrap().drain(..) {
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        }
    }
}

fn carry(client: TcpStream, server: TcpStream, shared: &Arc<Shared>) {
    shared.open.lock().unwrap().push((client.try_clone().unwrap(), server.try_clone().unwrap()));
    let silent = Arc::new(AtomicBool::new(false));
    let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let (kept, swallow) = (Arc::clone(shared), Arc::clone(&silent));
    thread::spawn(move || {
        let mut buffer = [0; 65_536];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let size = if kept.fragments.load(Ordering::SeqCst) { 1 } else { count };
            for part in buffer[..count].chunks(size) {
                if !swallow.load(Ordering::SeqCst) && to.write_all(part).is_err() {
                    return;
                }
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        forward(client, server.try_clone().unwrap(), &shared, &silent);
        let _ = server.shutdown(Shutdown::Both);
    });
}

/// Carries the client's packets, until one of the ends is gone.
fn forward(mut client: TcpStream, mut server: TcpStream, shared: &Shared, silent: &AtomicBool) {
    let mut greeted = false;
    while let Some(mut packet) = read_packet(&mut client) {
        if !greeted {
            greeted = true;
            if shared.one_statement.load(Ordering::SeqCst) {
                // CLIENT_MULTI_STATEMENTS of the capabilities that the packet begins with.
                packet[4 + 2] &= !1;
            }
        } else if packet[3] == 0 && packet[4] != 1 {
            shared.trips.fetch_add(1, Ordering::SeqCst);
        }
        let planned =
            |(word, _): &(&'static str, Trouble)| packet.windows(word.len()).any(|part| part == word.as_bytes());
        let trouble = {
            let mut plans = shared.plans.lock().unwrap();
            plans.pop_if(|plan| planned(plan))
        };
        if let Some((word, Trouble::Instead(other))) = trouble {
            packet = replace(&packet, word, other);
        }
        match trouble.map(|(_, trouble)| trouble) {
            None | Some(Trouble::Instead(_)) => {}
            Some(Trouble::CutBefore) => {
                let _ = client.shutdown(Shutdown::Both);
                return;
            }
            Some(Trouble::Late(delay)) => {
                let _ = client.shutdown(Shutdown::Both);
                thread::sleep(delay);
                let _ = server.write_all(&packet);
                thread::sleep(delay);
                return;
            }
            Some(Trouble::CutAfter) => {
                silent.store(true, Ordering::SeqCst);
                server.write_all(&packet).unwrap();
                // The server's answers come one after the other; the last of them takes no longer than this.
                thread::sleep(Duration::from_millis(200));
                let _ = client.shutdown(Shutdown::Both);
                return;
            }
            Some(Trouble::Silence) => silent.store(true, Ordering::SeqCst),
        }
        if server.write_all(&packet).is_err() {
            return;
        }
    }
}

/// A packet with something else in the place of a word.
fn replace(packet: &[u8], word: &str, other: &str) -> Vec<u8> {
    let at = packet.windows(word.len()).position(|part| part == word.as_bytes()).unwrap();
    let mut new = [&packet[..at], other.as_bytes(), &packet[at + word.len()..]].concat();
    let length = u32::try_from(new.len() - 4).unwrap().to_le_bytes();
    new[..3].copy_from_slice(&length[..3]);
    new
}

/// A packet with its head: three bytes of length, one of sequence.
fn read_packet(from: &mut TcpStream) -> Option<Vec<u8>> {
    let mut packet = vec![0; 4];
    from.read_exact(&mut packet).ok()?;
    let length = usize::from(packet[0]) | usize::from(packet[1]) << 8 | usize::from(packet[2]) << 16;
    packet.resize(4 + length, 0);
    from.read_exact(&mut packet[4..]).ok()?;
    Some(packet)
}
