//! RSA with a server's public key, and OAEP with SHA-1 and no label (RFC 8017, section 7.1).

use std::io::ErrorKind;

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject as _;
use sha1::{Digest as _, Sha1};

use super::packet::Fields;
use super::password::Wiped;
use super::{Error, Result};
use crate::random::Random;

/// The bytes of a hash.
const HASH: usize = 20;
/// The bytes of the largest modulus and exponent that are computed with: servers have 256 and three.
const LARGEST_MODULUS: usize = 1_024;
const LARGEST_EXPONENT: usize = 8;

/// Encrypts a message with a key in PEM, as `SubjectPublicKeyInfo` (RFC 5280, section 4.1.2.7).
pub fn encrypt(key: &[u8], message: &[u8]) -> Result<Vec<u8>> {
    let key = SubjectPublicKeyInfoDer::from_pem_slice(key).map_err(|_| Error::Malformed)?;
    let (modulus, exponent) = parse(&key)?;
    let mut seed = [0; HASH];
    Random::System.fill(&mut seed).map_err(|_| Error::Io(ErrorKind::ConnectionAborted))?;
    raise(&encode(message, seed, modulus.len())?, modulus, exponent)
}

/// The modulus and the exponent, without zeros before them.
fn parse(key: &[u8]) -> Result<(&[u8], &[u8])> {
    const SEQUENCE: u8 = 0x30;
    let mut info = element(&mut Fields(key), SEQUENCE)?;
    // The algorithm: a key of another one has no such content.
    element(&mut info, SEQUENCE)?;
    let mut bits = element(&mut info, 3)?;
    bits.take(1)?;
    let mut numbers = element(&mut bits, SEQUENCE)?;
    let mut number = |most| {
        let Fields(bytes) = element(&mut numbers, 2)?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        bytes.get(zeros..).filter(|bytes| !bytes.is_empty() && bytes.len() <= most).ok_or(Error::Malformed)
    };
    Ok((number(LARGEST_MODULUS)?, number(LARGEST_EXPONENT)?))
}

/// The content of the next element, which must have this tag (X.690, DER).
fn element<'a>(from: &mut Fields<'a>, tag: u8) -> Result<Fields<'a>> {
    if from.byte()? != tag {
        return Err(Error::Malformed);
    }
    let length = match from.byte()? {
        short @ ..=0x7f => usize::from(short),
        0x81 => usize::from(from.byte()?),
        0x82 => usize::from(u16::from_be_bytes(from.array()?)),
        _ => return Err(Error::Malformed),
    };
    from.take(length).map(Fields)
}

/// The message, padded to the length of the modulus.
fn encode(message: &[u8], seed: [u8; HASH], length: usize) -> Result<Wiped> {
    let padding = length.checked_sub(message.len()).and_then(|left| left.checked_sub(2 * HASH + 2));
    let padding = padding.ok_or(Error::Malformed)?;
    let mut block = Wiped::new(Vec::with_capacity(length));
    block.extend(Sha1::digest(b""));
    block.resize(HASH + padding, 0);
    block.push(1);
    block.extend_from_slice(message);
    mask(&mut block, &seed);
    let mut masked_seed = seed;
    mask(&mut masked_seed, &block);
    let mut encoded = Wiped::new(Vec::with_capacity(length));
    encoded.push(0);
    encoded.extend_from_slice(&masked_seed);
    encoded.extend_from_slice(&block);
    Ok(encoded)
}

/// Hides bytes by what MGF1 makes of others.
fn mask(bytes: &mut [u8], by: &[u8]) {
    for (part, count) in bytes.chunks_mut(HASH).zip(0_u32..) {
        let mask = Sha1::new().chain_update(by).chain_update(count.to_be_bytes()).finalize();
        for (byte, mask) in part.iter_mut().zip(mask) {
            *byte ^= mask;
        }
    }
}

fn raise(base: &[u8], modulus: &[u8], exponent: &[u8]) -> Result<Vec<u8>> {
    let bits = u32::try_from(modulus.len() * 8).map_err(|_| Error::Malformed)?;
    let number = |bytes| BoxedUint::from_be_slice(bytes, bits).map_err(|_| Error::Malformed);
    let odd = Odd::new(number(modulus)?).into_option().ok_or(Error::Malformed)?;
    let power = BoxedMontyForm::new(number(base)?, &BoxedMontyParams::new(odd))
        .pow(&BoxedUint::from_be_slice_vartime(exponent))
        .retrieve()
        .to_be_bytes();
    // The number may be wider than the modulus by less than a machine's word.
    let surplus = power.len().saturating_sub(modulus.len());
    power.get(surplus..).map(<[u8]>::to_vec).ok_or(Error::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC3MQnEax69b6FTyxsFMlU9gnHE
g4u0K02EBLzMe3R0VnctPK4cxzN1gTDd1/2n3Pzgw1TFnpyL3cBt3IReuOA/e0T0
seWC1LLwDbs/S8HMnNZ37H9/MGIl9HWDSEc9ibRKy2bSaJgbVQevX17DS/COuK1c
s8GPINJJuNIgnYD4owIDAQAB
-----END PUBLIC KEY-----
";
    /// What the holder of the key raises by.
    const PRIVATE: &str = "8eb32163a2fa0820ebefa4f8405d0bef652c9022d4719d85bd801f3dbe3161ea74dd85362feeb0542935d2\
        a9cccab5273b428d477f9d7c8a59ba7a9b9659b73c0a995857090165646a6dd75be01b2d61ac8e6823e39d\
        9a5fd28590ecde1baf3c02ba32b2f35f2d373afa2065f62f90df8999659036148deb3dfc384882025581";

    fn der() -> SubjectPublicKeyInfoDer<'static> {
        SubjectPublicKeyInfoDer::from_pem_slice(KEY.as_bytes()).unwrap()
    }

    /// What the holder of the key reads (RFC 8017, section 7.1.2).
    fn decrypt(cipher: &[u8]) -> Vec<u8> {
        let key = der();
        let (modulus, _) = parse(&key).unwrap();
        let private: Vec<u8> =
            (0..PRIVATE.len()).step_by(2).map(|at| u8::from_str_radix(&PRIVATE[at..at + 2], 16).unwrap()).collect();
        let mut encoded = raise(cipher, modulus, &private).unwrap();
        assert_eq!(encoded[0], 0);
        let (seed, block) = encoded[1..].split_at_mut(HASH);
        mask(seed, block);
        mask(block, seed);
        let (hash, padded) = block.split_at(HASH);
        assert_eq!(hash, Sha1::digest(b"").as_slice());
        let zeros = padded.iter().take_while(|byte| **byte == 0).count();
        assert_eq!(padded[zeros], 1);
        padded[zeros + 1..].to_vec()
    }

    #[test]
    fn the_holder_of_the_key_reads_the_message() {
        for length in [0, 1, 33, 86] {
            let message: Vec<u8> = (0..length).collect();
            let cipher = encrypt(KEY.as_bytes(), &message).unwrap();
            assert_eq!(cipher.len(), 128);
            assert_eq!(decrypt(&cipher), message);
            assert_ne!(encrypt(KEY.as_bytes(), &message).unwrap(), cipher);
        }
        assert!(matches!(encrypt(KEY.as_bytes(), &[0; 87]), Err(Error::Malformed)));
    }

    #[test]
    fn a_key_that_is_none_is_refused() {
        let without_end = KEY.split("-----END").next().unwrap();
        for key in ["", "no key", without_end, "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n"] {
            assert!(matches!(encrypt(key.as_bytes(), b"a"), Err(Error::Malformed)), "{key}");
        }
        let modulus = [1, 2, 3, 4].repeat(32);
        assert!(matches!(raise(b"a", &modulus, &[3]), Err(Error::Malformed)), "an even modulus");
    }

    proptest! {
        #[test]
        fn a_key_that_is_spoiled_is_refused_or_used(at in 0..162_usize, byte: u8, length in 0..162_usize) {
            let mut key = der().to_vec();
            key[at] = byte;
            for key in [&key[..], &key[..length]] {
                if let Ok((modulus, exponent)) = parse(key)
                    && let Ok(encoded) = encode(b"password", [7; HASH], modulus.len())
                    && let Ok(cipher) = raise(&encoded, modulus, exponent)
                {
                    prop_assert_eq!(cipher.len(), modulus.len());
                }
            }
        }
    }
}
