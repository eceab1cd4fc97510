//! TLS, and whom it trusts.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    StreamOwned,
};

use super::socket::Socket;
use super::{Error, Result};
use crate::own_file;
use crate::settings::{Server, Verify};

/// A connection, encrypted or not.
pub enum Stream {
    /// As it is.
    Plain(Socket),
    /// In TLS.
    Encrypted(Box<StreamOwned<ClientConnection, Socket>>),
}

impl Stream {
    /// What it goes over.
    pub fn socket(&mut self) -> &mut Socket {
        match self {
            Self::Plain(socket) => socket,
            Self::Encrypted(stream) => stream.get_mut(),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Encrypted(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Encrypted(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Encrypted(stream) => stream.flush(),
        }
    }
}

/// The client's side of TLS 1.2 and 1.3.
pub struct Client(ClientConnection);

impl Client {
    /// What the DSN asks for: none without `ssl_ca` and `ssl_verify`, or at the machine's own socket.
    pub fn of(server: &Server) -> Result<Option<Self>> {
        if server.socket.is_some() || (server.ssl_ca.is_none() && server.ssl_verify.is_none()) {
            return Ok(None);
        }
        let roots = Arc::new(roots(server)?);
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let mut config = config
            .with_safe_default_protocol_versions()
            .map_err(Error::Tls)?
            .with_root_certificates(Arc::clone(&roots))
            .with_no_client_auth();
        let named = ServerName::try_from(server.host.clone());
        let name = match server.ssl_verify {
            None | Some(Verify::Everything) => {
                named.map_err(|_| Error::Tls(CertificateError::NotValidForName.into()))?
            }
            Some(verify) => {
                let authority = match verify {
                    Verify::Authority => {
                        let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
                        Some(verifier.build().map_err(|_| Error::AuthorityMissing)?)
                    }
                    _ => None,
                };
                config.dangerous().set_certificate_verifier(Arc::new(Lenient { authority, provider }));
                // No matter what it's called, but TLS takes no other names.
                named.unwrap_or(ServerName::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()))
            }
        };
        ClientConnection::new(Arc::new(config), name).map(|client| Some(Self(client))).map_err(Error::Tls)
    }

    /// Shakes hands with the server.
    pub fn encrypt(mut self, mut stream: Stream) -> Result<Stream> {
        let socket = stream.socket();
        while self.0.is_handshaking() {
            if self.0.complete_io(socket)? == (0, 0) {
                return Err(Error::Io(ErrorKind::UnexpectedEof));
            }
        }
        match stream {
            Stream::Plain(socket) => Ok(Stream::Encrypted(Box::new(StreamOwned::new(self.0, socket)))),
            encrypted => Ok(encrypted),
        }
    }
}

/// The public authorities, and those of `ssl_ca`; only those where any name will do: a public one vouches for anybody.
fn roots(server: &Server) -> Result<RootCertStore> {
    let public = webpki_roots::TLS_SERVER_ROOTS.iter().filter(|_| server.ssl_verify != Some(Verify::Authority));
    let mut roots: RootCertStore = public.cloned().collect();
    if let Some(path) = &server.ssl_ca {
        let file = std::fs::read(path).map_err(|error| match error {
            error if own_file::lacks_descriptor(&error) => Error::NoDescriptor,
            _ => Error::AuthorityUnreadable,
        })?;
        let own: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&file).collect();
        let mut own = own.map_err(|_| Error::AuthorityMissing)?;
        if own.is_empty() {
            // It may be one certificate in DER.
            own.push(CertificateDer::from(file));
        }
        if roots.add_parsable_certificates(own).0 == 0 {
            return Err(Error::AuthorityMissing);
        }
    }
    Ok(roots)
}

/// Believes any server, or any for which an authority vouches.
#[derive(Debug)]
struct Lenient {
    authority: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let Some(authority) = &self.authority else { return Ok(ServerCertVerified::assertion()) };
        match authority.verify_server_cert(certificate, between, name, ocsp, now) {
            // The name is looked at last.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        match &self.authority {
            Some(authority) => authority.verify_tls12_signature(message, certificate, signed),
            None => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        match &self.authority {
            Some(authority) => authority.verify_tls13_signature(message, certificate, signed),
            None => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
