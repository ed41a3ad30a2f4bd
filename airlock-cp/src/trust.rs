//! Whose certificates are trusted when the control plane itself dials: the system's authorities, and those that the operator
//! adds.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::error::StartError;

/// Authorities that are trusted beside the system's. Cloning shares them.
#[derive(Clone, Default)]
pub struct Trust {
    added: Arc<[CertificateDer<'static>]>,
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trust(the system's and {} more)", self.added.len())
    }
}

impl Trust {
    /// Adds the certificates of a PEM file, if one is named.
    ///
    /// # Errors
    /// [`StartError::CaFile`] when it cannot be read, holds none, or one that cannot be trusted as it is.
    pub fn read(ca_file: Option<&Path>) -> Result<Self, StartError> {
        let Some(path) = ca_file else { return Ok(Self::default()) };
        let pem = std::fs::read(path).map_err(|_| StartError::CaFile("the file cannot be read"))?;
        let added: Vec<_> = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<_, _>>()
            .map_err(|_| StartError::CaFile("the file is no PEM"))?;
        if added.is_empty() {
            return Err(StartError::CaFile("the file holds no certificate"));
        }
        let mut tried = RootCertStore::empty();
        if added.iter().any(|certificate| tried.add(certificate.clone()).is_err()) {
            return Err(StartError::CaFile("a certificate in the file cannot be an authority's"));
        }
        Ok(Self { added: added.into() })
    }

    /// The system's authorities (or those of `SSL_CERT_FILE`), and what was added. Reads the system's each time.
    pub(crate) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots.add_parsable_certificates(self.added.iter().cloned());
        roots
    }

    /// What was added.
    pub(crate) fn added(&self) -> &[CertificateDer<'static>] {
        &self.added
    }
}
