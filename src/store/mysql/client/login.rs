//! The login: the server's greeting, TLS, and the password.

use super::packet::{Channel, ERROR, Fields, LONGEST_PACKET};
use super::password::{self, Plugin};
use super::socket::Socket;
use super::{Error, Result, result, tls};
use crate::settings::Server;

/// What both sides can do. Without `CLIENT_FOUND_ROWS` a row that has the values already isn't changed, and without
/// `CLIENT_LOCAL_FILES` no server may ask for a file.
mod capability {
    pub const LONG_PASSWORD: u32 = 1;
    pub const CONNECT_WITH_DB: u32 = 1 << 3;
    pub const PROTOCOL_41: u32 = 1 << 9;
    pub const SSL: u32 = 1 << 11;
    pub const TRANSACTIONS: u32 = 1 << 13;
    pub const SECURE_CONNECTION: u32 = 1 << 15;
    pub const MULTI_STATEMENTS: u32 = 1 << 16;
    pub const MULTI_RESULTS: u32 = 1 << 17;
    pub const PLUGIN_AUTH: u32 = 1 << 19;
}

/// What every server has since MySQL 4.1.
const NEEDED: u32 = capability::PROTOCOL_41 | capability::SECURE_CONNECTION;
const WANTED: u32 = NEEDED
    | capability::LONG_PASSWORD
    | capability::TRANSACTIONS
    | capability::MULTI_STATEMENTS
    | capability::MULTI_RESULTS
    | capability::PLUGIN_AUTH;

/// `utf8mb4_general_ci`, which every server has.
const CHARACTERS: u8 = 45;
/// How many packets a server may answer with. A user may have several plugins, each of which takes three at most.
const MOST_PACKETS: usize = 16;

/// What a server says first.
struct Greeting {
    capabilities: u32,
    nonce: Vec<u8>,
    plugin: Plugin,
}

/// Logs in on a new connection.
pub fn log_in(socket: Socket, server: &Server, tls: Option<tls::Client>) -> Result<Channel> {
    let mut channel = Channel::new(socket, server.connect_timeout);
    let greeting = Greeting::parse(channel.read()?)?;
    let mut capabilities = WANTED;
    if !server.database.is_empty() {
        capabilities |= capability::CONNECT_WITH_DB;
    }
    let encrypted = tls.is_some();
    if let Some(tls) = tls {
        if greeting.capabilities & capability::SSL == 0 {
            return Err(Error::Unencrypted);
        }
        capabilities |= capability::SSL;
        channel.write(&head(capabilities))?;
        channel = channel.encrypt(tls)?;
    }
    let mut proof = Proof { server, encrypted, plugin: greeting.plugin, nonce: greeting.nonce, wants_key: false };
    channel.write(&proof.response(capabilities)?)?;
    for _ in 0..MOST_PACKETS {
        let packet = channel.read()?;
        let answer = match packet {
            [0, ..] => {
                result::done(packet)?;
                return Ok(channel);
            }
            [ERROR, ..] => return Err(result::error(packet)),
            [0xfe, request @ ..] => Some(proof.switch(request)?),
            [1, request @ ..] => proof.go_on(request)?,
            _ => return Err(Error::Malformed),
        };
        if let Some(answer) = answer {
            channel.write(&answer)?;
        }
    }
    Err(Error::Malformed)
}

impl Greeting {
    fn parse(packet: &[u8]) -> Result<Self> {
        let mut fields = Fields(packet);
        match fields.byte()? {
            10 => {}
            ERROR => return Err(result::error(packet)),
            _ => return Err(Error::Malformed),
        }
        // The version, and the session's number.
        fields.text()?;
        fields.take(4)?;
        let start = fields.take(8)?;
        fields.take(1)?;
        let low = fields.short()?;
        // Character set and status.
        fields.take(3)?;
        let capabilities = u32::from(low) | u32::from(fields.short()?) << 16;
        if capabilities & NEEDED != NEEDED {
            return Err(Error::Malformed);
        }
        let length = fields.byte()?;
        fields.take(10)?;
        let rest = fields.take(usize::from(length).saturating_sub(8).max(13))?;
        // The server's default, not the user's: it asks for that one if it's another.
        let caches = fields.0.starts_with(Plugin::CachingSha2.name().as_bytes());
        let plugin = if caches { Plugin::CachingSha2 } else { Plugin::Native };
        let nonce = start.iter().chain(rest).copied().take(plugin.nonce_length()).collect();
        Ok(Self { capabilities, nonce, plugin })
    }
}

/// What the client's packets begin with.
fn head(capabilities: u32) -> Vec<u8> {
    let mut packet = capabilities.to_le_bytes().to_vec();
    packet.extend(u32::try_from(LONGEST_PACKET).unwrap_or(u32::MAX).to_le_bytes());
    packet.push(CHARACTERS);
    packet.extend([0; 23]);
    packet
}

/// What the server asks of the user, and what it's answered.
struct Proof<'a> {
    server: &'a Server,
    encrypted: bool,
    plugin: Plugin,
    nonce: Vec<u8>,
    /// Whether the server was asked for its public key.
    wants_key: bool,
}

impl Proof<'_> {
    /// The first packet, with who logs in where.
    fn response(&mut self, capabilities: u32) -> Result<password::Wiped> {
        let answer = self.first_answer();
        let mut packet = password::Wiped::new(head(capabilities));
        packet.extend_from_slice(self.server.user.as_bytes());
        packet.push(0);
        packet.push(u8::try_from(answer.len()).map_err(|_| Error::Malformed)?);
        packet.extend_from_slice(&answer);
        if !self.server.database.is_empty() {
            packet.extend_from_slice(self.server.database.as_bytes());
            packet.push(0);
        }
        packet.extend_from_slice(self.plugin.name().as_bytes());
        packet.push(0);
        Ok(packet)
    }

    /// The server asks for another plugin, and gives another nonce.
    fn switch(&mut self, request: &[u8]) -> Result<password::Wiped> {
        let mut fields = Fields(request);
        // Without a name it's what MySQL had before 4.1.
        self.plugin = Plugin::named(fields.text().map_err(|_| Error::PluginUnknown)?)?;
        self.nonce = fields.take(self.plugin.nonce_length())?.to_vec();
        Ok(self.first_answer())
    }

    fn first_answer(&mut self) -> password::Wiped {
        self.wants_key = self.plugin == Plugin::Sha256 && !self.encrypted;
        self.plugin.first_answer(self.server.password.reveal(), &self.nonce, self.encrypted)
    }

    /// The server has more to say on the same plugin.
    fn go_on(&mut self, request: &[u8]) -> Result<Option<password::Wiped>> {
        let password = self.server.password.reveal();
        match (self.plugin, request) {
            (Plugin::CachingSha2 | Plugin::Sha256, key) if std::mem::take(&mut self.wants_key) => {
                Ok(Some(password::encrypted(password, &self.nonce, key)?.into()))
            }
            // It knows the user from an earlier login.
            (Plugin::CachingSha2, [3]) => Ok(None),
            (Plugin::CachingSha2, [4]) if self.encrypted || self.server.socket.is_some() => {
                Ok(Some(password::in_clear(password)))
            }
            (Plugin::CachingSha2, [4]) => {
                self.wants_key = true;
                Ok(Some(vec![2].into()))
            }
            _ => Err(Error::Malformed),
        }
    }
}
