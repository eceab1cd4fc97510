//! Servers that send what they shouldn't.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;

use rand::rngs::ChaCha20Rng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

use super::super::*;
use super::login::{CAPABILITIES, NONCE, greeting, read_packet, switch};
use super::*;
use crate::settings::Verify;

const EXCHANGES: u64 = 4_000;
/// The statements that are sent in an exchange, and what each is answered.
const ROUNDS: usize = 4;

fn bytes(random: &mut ChaCha20Rng, most: usize) -> Vec<u8> {
    let mut bytes = vec![0; random.random_range(0..=most)];
    random.fill_bytes(&mut bytes);
    bytes
}

/// The bodies of the packets with which a server answers a login, each heap after a packet of the client.
fn logins(random: &mut ChaCha20Rng) -> Vec<Vec<Vec<u8>>> {
    let plugin = ["mysql_native_password", "caching_sha2_password", "unknown"].choose(random).unwrap();
    let key = b"\x01-----BEGIN PUBLIC KEY-----\n\
        MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC3MQnEax69b6FTyxsFMlU9gnHE\n\
        g4u0K02EBLzMe3R0VnctPK4cxzN1gTDd1/2n3Pzgw1TFnpyL3cBt3IReuOA/e0T0\n\
        seWC1LLwDbs/S8HMnNZ37H9/MGIl9HWDSEc9ibRKy2bSaJgbVQevX17DS/COuK1c\n\
        s8GPINJJuNIgnYD4owIDAQAB\n\
        -----END PUBLIC KEY-----\n";
    let mut heaps = vec![vec![greeting(CAPABILITIES, plugin)]];
    // To encrypt takes a while in a test.
    match random.random_range(0..21) {
        0..8 => heaps.push(vec![done(0, 0, 2)]),
        8..13 => heaps.extend([vec![switch("mysql_native_password", NONCE)], vec![done(0, 0, 2)]]),
        13..18 => heaps.extend([vec![switch("caching_sha2_password", NONCE)], vec![vec![1, 3], done(0, 0, 2)]]),
        18 => heaps.extend([
            vec![switch("caching_sha2_password", NONCE)],
            vec![vec![1, 4]],
            vec![key.to_vec()],
            vec![done(0, 0, 2)],
        ]),
        19 => heaps.extend([vec![switch("client_ed25519", &[7; 32])], vec![done(0, 0, 2)]]),
        _ => heaps.extend([vec![switch("sha256_password", NONCE)], vec![key.to_vec()], vec![done(0, 0, 2)]]),
    }
    heaps
}

/// The bodies of the packets with which a server answers some statements.
fn answers(random: &mut ChaCha20Rng) -> Vec<Vec<u8>> {
    let count = random.random_range(1..=3);
    let mut bodies = Vec::new();
    for left in (0..count).rev() {
        let status = if left > 0 { 10 } else { 2 };
        match random.random_range(0..8) {
            0..3 => bodies.push(done(random.random(), random.random_range(0..1 << 40), status)),
            3 => {
                bodies.push(error(1062, "Duplicate entry 'x' for column 'name'"));
                break;
            }
            _ => {
                let columns = random.random_range(1..6);
                let mut cell = || random.random_bool(0.8).then(|| bytes(random, 300));
                let rows: Vec<_> = (0..5).map(|_| (0..columns).map(|_| cell()).collect()).collect();
                bodies.extend(table(columns, &rows, status));
            }
        }
    }
    bodies
}

/// Spoils what a server was to send.
fn spoil(random: &mut ChaCha20Rng, first: u8, mut bodies: Vec<Vec<u8>>) -> Vec<u8> {
    let at = random.random_range(0..bodies.len());
    match random.random_range(0..12) {
        0 => return bytes(random, 300),
        1 => drop(bodies.remove(at)),
        2 => bodies[at] = bytes(random, 60),
        3 => {
            let odd = *[0, 1, 0xfb, 0xfc, 0xfd, 0xfe, 0xff].choose(random).unwrap();
            let rest = bodies[at].get(1..).unwrap_or_default();
            bodies[at] = [&[odd], rest].concat();
        }
        4 => {
            let again = vec![bodies[at].clone(); random.random_range(2..2_000)];
            bodies.splice(at..at, again);
        }
        // As long as can be told, or longer than a body can be.
        5 => bodies[at] = [&[0xfe], &(1_u64 << random.random_range(8..64)).to_le_bytes()[..]].concat(),
        6 => {
            let cut = random.random_range(0..=bodies[at].len());
            bodies[at].truncate(cut);
        }
        _ => {
            let mut all = packets(first, &bodies);
            let at = random.random_range(0..all.len());
            match random.random_range(0..5) {
                0 => all.truncate(at),
                1 => drop(all.splice(at..at, bytes(random, 40))),
                // The head of the first packet: its length, or its number.
                2 => all[random.random_range(0..3)] = random.random(),
                3 => all[3] = random.random(),
                _ => {
                    for _ in 0..random.random_range(1..4) {
                        let at = random.random_range(0..all.len());
                        all[at] = random.random();
                    }
                }
            }
            return all;
        }
    }
    packets(first, &bodies)
}

/// Answers one client. In most exchanges something is spoiled: then the rest isn't sent. Returns how much was.
fn serve(client: &mut TcpStream, random: &mut ChaCha20Rng) -> std::io::Result<usize> {
    let mut heaps = logins(random);
    let logins = heaps.len();
    heaps.extend((0..ROUNDS).map(|_| answers(random)));
    // One more than there are spoils nothing.
    let spoiled = random.random_range(0..=heaps.len());
    let (mut next, mut sent) = (0, 0);
    for (index, bodies) in heaps.into_iter().enumerate() {
        if index == spoiled {
            let bytes = spoil(random, next, bodies);
            client.write_all(&bytes)?;
            if random.random_bool(0.995) {
                client.shutdown(Shutdown::Write)?;
            }
            return Ok(sent + bytes.len());
        }
        let bytes = packets(next, &bodies);
        client.write_all(&bytes)?;
        sent += bytes.len();
        next = read_packet(client)?.0.wrapping_add(1);
        assert!(index < logins || next == 1, "a command begins with 0");
    }
    Ok(sent)
}

/// Talks to the server as a session does. Returns how many commands were answered.
fn talk(server: &Server) -> Result<usize> {
    let mut connection = Connection::open(server)?;
    for round in 0..ROUNDS {
        match connection.query("SELECT 1; SELECT 2; SELECT 3", 3) {
            Ok(answers) => {
                for answer in answers {
                    let cells: Vec<usize> = answer.rows.iter().map(|row| row.len()).collect();
                    assert!(cells.iter().all(|count| *count == cells[0] && *count > 0));
                }
            }
            Err(Error::Answered { .. }) => {}
            Err(error) => return Err(error),
        }
        assert!(connection.idle, "{round}");
    }
    Ok(ROUNDS)
}

#[test]
fn whatever_a_server_sends_a_call_comes_back() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = server(listener.local_addr().unwrap().port(), 100);
    std::thread::spawn(move || {
        for (seed, client) in (0..).zip(listener.incoming()) {
            let mut client = client.unwrap();
            client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let _ = serve(&mut client, &mut ChaCha20Rng::seed_from_u64(seed));
            // What the client has sent meanwhile must not make the kernel take back what was sent to it.
            let _ = client.read_to_end(&mut Vec::new());
        }
    });
    let (report, reports) = mpsc::channel();
    std::thread::spawn(move || {
        for _ in 0..EXCHANGES {
            report.send(talk(&server)).unwrap();
        }
    });
    let (mut right, mut wrong) = (0, [0; 4]);
    for seed in 0..EXCHANGES {
        match reports.recv_timeout(Duration::from_secs(60)) {
            Ok(Ok(_)) => right += 1,
            Ok(Err(Error::Malformed)) => wrong[0] += 1,
            Ok(Err(Error::Io(_))) => wrong[1] += 1,
            Ok(Err(Error::Answered { .. })) => wrong[2] += 1,
            Ok(Err(Error::TooLong | Error::PluginUnknown)) => wrong[3] += 1,
            other => panic!("with seed {seed}: {other:?}"),
        }
    }
    // All kinds have occurred, or this test has tried nothing.
    assert!(right > 100 && wrong.iter().all(|count| *count > 0), "{right} {wrong:?}");
}

#[test]
fn whatever_a_server_sends_instead_of_tls_is_no_login() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server { ssl_verify: Some(Verify::Nothing), ..server(listener.local_addr().unwrap().port(), 5_000) };
    let done = std::thread::spawn(move || {
        for (seed, client) in (0..200).zip(listener.incoming()) {
            let (mut client, random) = (client.unwrap(), &mut ChaCha20Rng::seed_from_u64(seed));
            client.write_all(&packet(0, &greeting(CAPABILITIES, "mysql_native_password"))).unwrap();
            read_packet(&mut client).unwrap();
            for _ in 0..random.random_range(0..4) {
                // A record: an alert, a handshake or data.
                let body = bytes(random, 400);
                let length = u16::try_from(body.len()).unwrap().to_be_bytes();
                let _ = client.write_all(&[&[random.random_range(20..24), 3, 3], &length[..], &body].concat());
            }
            let _ = client.shutdown(Shutdown::Write);
            let _ = client.read_to_end(&mut Vec::new());
        }
    });
    for seed in 0..200 {
        let result = Connection::open(&server).map(drop);
        assert!(matches!(result, Err(Error::Tls(_) | Error::Io(_))), "{seed}: {result:?}");
    }
    done.join().unwrap();
}

#[test]
fn an_answer_without_end_is_not_read_without_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = server(listener.local_addr().unwrap().port(), 60_000);
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        client.write_all(&packet(0, &greeting(CAPABILITIES, "mysql_native_password"))).unwrap();
        client.write_all(&packet(2, &done(0, 0, 2))).unwrap();
        read_packet(&mut client).unwrap();
        read_packet(&mut client).unwrap();
        // Each says that another result follows. What a server wants to tell with it isn't kept.
        let result = [done(0, 0, 10), vec![b'x'; 1 << 20]].concat();
        for sequence in (0..=u8::MAX).cycle() {
            if client.write_all(&packet(sequence.wrapping_add(1), &result)).is_err() {
                break;
            }
        }
    });
    let result = Connection::open(&server).unwrap().query("SELECT 1", usize::MAX);
    assert!(matches!(result, Err(Error::TooLong)), "{result:?}");
}

#[test]
fn why_a_server_has_ended_the_session_on_its_own_account_is_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = server(listener.local_addr().unwrap().port(), 5_000);
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        client.write_all(&packet(0, &greeting(CAPABILITIES, "mysql_native_password"))).unwrap();
        read_packet(&mut client).unwrap();
        client.write_all(&packet(2, &done(0, 0, 2))).unwrap();
        // As MySQL 8 does after `wait_timeout`.
        client.write_all(&packet(0, &error(4031, "The client was disconnected by the server"))).unwrap();
        let _ = client.read_to_end(&mut Vec::new());
    });
    let mut connection = Connection::open(&server).unwrap();
    let result = connection.query("SELECT 1", 1);
    assert!(matches!(result, Err(Error::Io(ErrorKind::ConnectionAborted))), "{result:?}");
}
