//! TLS towards Postgres: rustls with ring, and libpq's three degrees of belief in the server's certificate.

use std::sync::Arc;

use airlock_core::snapshot::source::SourceError;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::url::{Roots, Trust};

/// A connector that believes the certificates that `trust` says. Reads the certificate file, if one is named.
pub(super) fn connector(trust: &Trust) -> Result<MakeRustlsConnect, SourceError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("ring has the suites of the default versions");
    let config = match trust {
        Trust::Host(from) => builder.with_root_certificates(roots(from)?).with_no_client_auth(),
        Trust::Authority(from) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyName { roots: Some(roots(from)?), provider }))
            .with_no_client_auth(),
        Trust::Anyone => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyName { roots: None, provider }))
            .with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(config))
}

fn roots(from: &Roots) -> Result<RootCertStore, SourceError> {
    let mut store = RootCertStore::empty();
    match from {
        Roots::File(path) => {
            let unreadable =
                || SourceError::Unavailable("sslrootcert cannot be read as PEM certificates".to_owned());
            for certificate in CertificateDer::pem_file_iter(path).map_err(|_| unreadable())? {
                store.add(certificate.map_err(|_| unreadable())?).map_err(|_| unreadable())?;
            }
            if store.is_empty() {
                return Err(SourceError::Unavailable("sslrootcert holds no certificate".to_owned()));
            }
        }
        Roots::System => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            // Minimal images have no list of their own.
            if store.is_empty() {
                store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            }
        }
    }
    Ok(store)
}

/// Believes a certificate for whatever name: if one of `roots` signed it, or in any case without roots. That the peer
/// has the certificate's key is always checked.
#[derive(Debug)]
struct AnyName {
    roots: Option<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(roots) = &self.roots {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            let algorithms = self.provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
