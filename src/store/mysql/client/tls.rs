//! TLS, and whom it trusts.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

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
use crate::settings::Server;

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
        let roots = roots(server)?;
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let mut config = config
            .with_safe_default_protocol_versions()
            .map_err(Error::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        if server.ssl_verify == Some(false) {
            config.dangerous().set_certificate_verifier(Arc::new(Unverified(provider)));
        }
        let name = ServerName::try_from(server.host.clone())
            .map_err(|_| Error::Tls(CertificateError::NotValidForName.into()))?;
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

/// The public authorities, and those of `ssl_ca`.
fn roots(server: &Server) -> Result<RootCertStore> {
    let mut roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
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

/// Believes any server.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
