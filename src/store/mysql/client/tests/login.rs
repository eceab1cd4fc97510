//! Logins at a server that keeps to the protocol, but for what a test changes.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::super::*;
use super::*;
use crate::settings::Verify;

pub const NONCE: &[u8; 20] = b"12345678abcdefghijkl";
/// All that MariaDB 10.11 says to be able to do, and TLS.
pub const CAPABILITIES: u32 = 0x81ff_fffe;
const TLS: u32 = 1 << 11;

/// The first packet of a server.
pub fn greeting(capabilities: u32, plugin: &str) -> Vec<u8> {
    let [a, b, c, d] = capabilities.to_le_bytes();
    let (start, rest) = NONCE.split_at(8);
    let parts: [&[u8]; 8] = [
        b"\x0a5.5.5-10.11.6-MariaDB\0\x01\0\0\0",
        start,
        &[0, a, b, 45, 2, 0, c, d, 21],
        &[0; 10],
        rest,
        b"\0",
        plugin.as_bytes(),
        b"\0",
    ];
    parts.concat()
}

/// What a server says that asks for another plugin.
pub fn switch(plugin: &str, nonce: &[u8]) -> Vec<u8> {
    [b"\xfe", plugin.as_bytes(), b"\0", nonce, b"\0"].concat()
}

/// Reads a packet of the client: its number and its body.
pub fn read_packet(from: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 4];
    from.read_exact(&mut head)?;
    let mut body = vec![0; u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize];
    from.read_exact(&mut body)?;
    Ok((head[3], body))
}

/// A server for one connection that sends each of these when the client has sent a packet, the first at once; and what
/// the client has sent to it.
pub fn serve(answers: Vec<Vec<u8>>) -> (u16, JoinHandle<Vec<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let said = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut said = Vec::new();
        let mut sequence = 0;
        for answer in answers {
            client.write_all(&packet(sequence, &answer)).unwrap();
            let Ok((number, body)) = read_packet(&mut client) else { break };
            said.push(body);
            sequence = number.wrapping_add(1);
        }
        said
    });
    (port, said)
}

/// What becomes of a login that is answered like this, and what was sent.
fn log_in(password: &str, answers: Vec<Vec<u8>>) -> (Result<()>, Vec<Vec<u8>>) {
    let (port, said) = serve(answers);
    let server = Server { password: password.to_owned().into(), ..server(port, 5_000) };
    let result = Connection::open(&server).map(drop);
    (result, said.join().unwrap())
}

/// Whether a server that has the hash of the password's hash lets these bytes in.
fn proves<D: Digest>(said: &[u8], password: &str, mask: impl Fn(&[u8]) -> Vec<u8>) -> bool {
    let twice = D::digest(D::digest(password)).to_vec();
    let mask = D::digest(mask(&twice));
    let once: Vec<u8> = said.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    D::digest(once).to_vec() == twice
}

#[test]
fn the_first_answer_has_the_user_the_database_and_the_proof_and_no_password() {
    let (done, said) = log_in("secret", vec![greeting(CAPABILITIES, "mysql_native_password"), done(0, 0, 2)]);
    done.unwrap();
    let response = &said[0];
    let capabilities = u32::from_le_bytes(*response.first_chunk().unwrap());
    // Neither CLIENT_FOUND_ROWS, CLIENT_COMPRESS, CLIENT_LOCAL_FILES, CLIENT_SSL nor CLIENT_DEPRECATE_EOF.
    assert_eq!(capabilities & (2 | 32 | 128 | TLS | 1 << 24), 0);
    let (proof, rest) = response[32..].strip_prefix(b"u\0\x14").unwrap().split_at(20);
    assert_eq!(rest, b"d\0mysql_native_password\0");
    assert!(proves::<Sha1>(proof, "secret", |twice| [NONCE, twice].concat()));
    assert!(!proves::<Sha1>(proof, "Secret", |twice| [NONCE, twice].concat()));
}

#[test]
fn a_server_may_know_the_user_from_an_earlier_login() {
    let answers = vec![greeting(CAPABILITIES, "caching_sha2_password"), vec![1, 3]];
    let (port, said) = serve(answers);
    // What follows comes without a word of the client: it's this test's end.
    let result = Connection::open(&server(port, 300)).map(drop);
    assert!(matches!(result, Err(Error::Io(_))), "{result:?}");
    let said = said.join().unwrap();
    let (proof, rest) = said[0][32..].strip_prefix(b"u\0\x20").unwrap().split_at(32);
    assert_eq!((rest, said.len()), (&b"d\0caching_sha2_password\0"[..], 1));
    assert!(proves::<Sha256>(proof, "secret", |twice| [twice, NONCE].concat()));
}

#[test]
fn a_server_may_ask_for_another_plugin_with_another_nonce() {
    let other = b"ABCDEFGHabcdefghijkl";
    let answers = vec![
        greeting(CAPABILITIES, "auth_socket"),
        switch("caching_sha2_password", other),
        switch("mysql_native_password", NONCE),
        done(0, 0, 2),
    ];
    let (done, said) = log_in("secret", answers);
    done.unwrap();
    assert!(proves::<Sha256>(&said[1], "secret", |twice| [twice, other].concat()));
    assert!(proves::<Sha1>(&said[2], "secret", |twice| [NONCE, twice].concat()));
}

#[test]
fn a_signature_is_made_with_the_password() {
    let nonce = [7; 32];
    let answers =
        vec![greeting(CAPABILITIES, "mysql_native_password"), switch("client_ed25519", &nonce), done(0, 0, 2)];
    let (done, said) = log_in("secret", answers);
    done.unwrap();
    // What MariaDB keeps of the password: SELECT ed25519_password('secret').
    let key = "ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY";
    let key = base64::Engine::decode(&base64::engine::general_purpose::STANDARD_NO_PAD, key).unwrap();
    let key = ed25519_dalek::VerifyingKey::from_bytes(&key.try_into().unwrap()).unwrap();
    let signature = ed25519_dalek::Signature::from_slice(&said[1]).unwrap();
    key.verify_strict(&nonce, &signature).unwrap();
    assert!(key.verify_strict(&[8; 32], &signature).is_err());
}

#[test]
fn an_empty_password_is_an_empty_proof() {
    for plugin in ["mysql_native_password", "caching_sha2_password", "sha256_password"] {
        let (done, said) = log_in("", vec![greeting(CAPABILITIES, plugin), switch(plugin, NONCE), done(0, 0, 2)]);
        done.unwrap();
        assert_eq!((&said[0][32..35], said[1].as_slice()), (&b"u\0\0"[..], &b""[..]), "{plugin}");
    }
}

#[test]
fn nobody_is_told_the_password_in_clear_or_a_file() {
    let unknown = ["mysql_clear_password", "mysql_old_password", "dialog", "parsec", ""];
    for request in unknown.map(|plugin| switch(plugin, NONCE)).into_iter().chain([vec![0xfe]]) {
        let (result, said) = log_in("secret", vec![greeting(CAPABILITIES, "mysql_native_password"), request]);
        assert!(matches!(result, Err(Error::PluginUnknown)), "{result:?}");
        assert_eq!(said.len(), 1);
    }
    // Nor is one that caches told it where others may listen: it's asked for its key.
    let answers = vec![greeting(CAPABILITIES, "caching_sha2_password"), vec![1, 4], b"\x01no key".to_vec()];
    let (result, said) = log_in("secret", answers);
    assert!(matches!(result, Err(Error::Malformed)), "{result:?}");
    assert_eq!(said[1..], [vec![2]]);
    let (port, said) = serve(vec![
        greeting(CAPABILITIES, "mysql_native_password"),
        done(0, 0, 2),
        [b"\xfb", &b"/etc/passwd"[..]].concat(),
    ]);
    let result = Connection::open(&server(port, 5_000)).unwrap().query("SELECT 1", 1);
    assert!(matches!(result, Err(Error::Malformed)), "{result:?}");
    assert_eq!(said.join().unwrap().len(), 2);
}

#[test]
fn a_server_that_asks_for_plugins_without_end_is_not_answered_without_end() {
    let mut answers = vec![greeting(CAPABILITIES, "mysql_native_password")];
    answers.extend((0..100).map(|_| switch("mysql_native_password", NONCE)));
    let (result, said) = log_in("secret", answers);
    assert!(matches!(result, Err(Error::Malformed)), "{result:?}");
    assert!(said.len() < 20, "{}", said.len());
}

#[test]
fn a_server_that_refuses_is_heard_before_and_after_its_greeting() {
    let refusal = [&[0xff, 0x10, 0x04], &b"Too many connections"[..]].concat();
    let answers =
        [vec![refusal], vec![greeting(CAPABILITIES, "mysql_native_password"), error(1040, "Too many connections")]];
    for answers in answers {
        let (result, _) = log_in("secret", answers);
        let Err(Error::Answered { code, message }) = result else { panic!("{result:?}") };
        assert_eq!((code, message.as_str()), (1040, "Too many connections"));
    }
}

#[test]
fn without_tls_nothing_is_said_where_it_was_asked_for() {
    let (port, said) = serve(vec![greeting(CAPABILITIES & !TLS, "mysql_native_password")]);
    let result = Connection::open(&Server { ssl_verify: Some(Verify::Nothing), ..server(port, 5_000) }).map(drop);
    assert!(matches!(result, Err(Error::Unencrypted)), "{result:?}");
    assert_eq!(said.join().unwrap(), [] as [Vec<u8>; 0]);
}

#[test]
fn what_comes_before_tls_is_not_taken_for_what_was_encrypted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let said = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let early = [packet(0, &greeting(CAPABILITIES, "mysql_native_password")), packet(2, &done(0, 0, 2))].concat();
        client.write_all(&early).unwrap();
        let mut said = Vec::new();
        let _ = client.read_to_end(&mut said);
        said
    });
    let result = Connection::open(&Server { ssl_verify: Some(Verify::Nothing), ..server(port, 5_000) }).map(drop);
    assert!(matches!(result, Err(Error::Malformed)), "{result:?}");
    assert_eq!(said.join().unwrap().len(), 4 + 32, "only that TLS is wanted");
}

#[test]
fn a_server_too_old_to_hide_passwords_is_refused() {
    for lacking in [1 << 9, 1 << 15] {
        let (result, said) = log_in("secret", vec![greeting(CAPABILITIES & !lacking, "mysql_native_password")]);
        assert!(matches!(result, Err(Error::Malformed)), "{result:?}");
        assert_eq!(said.len(), 0);
    }
}
