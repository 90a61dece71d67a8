//! The host's settings of HTTP requests.

use core::fmt;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use thiserror::Error;

/// The host's settings of HTTP requests: which certificate authorities their TLS trusts.
///
/// Mozilla's, by default. The host's own files are not read.
#[derive(Clone)]
#[must_use = "options do nothing until a builder has them"]
pub struct HttpOptions {
    roots: RootCertStore,
}

/// A certificate that no server could be checked against.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A certificate that is not one of X.509, version 3.
    #[error("certificate {number} cannot be used as a root: {reason}")]
    Unusable {
        /// The place of the certificate in its text, from 1.
        number: usize,
        /// The reason.
        reason: String,
    },
    /// A text that is not PEM.
    #[error("not a text in PEM: {reason}")]
    NotPem {
        /// The reason.
        reason: String,
    },
    /// A text without certificates.
    #[error("no certificate in the text")]
    Empty,
}

impl HttpOptions {
    /// Trusts Mozilla's certificate authorities.
    pub fn new() -> Self {
        Self { roots: webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect() }
    }

    /// Trusts none of Mozilla's certificate authorities: only those that are added after this call.
    pub fn no_default_roots(mut self) -> Self {
        self.roots = RootCertStore::empty();
        self
    }

    /// Trusts a certificate authority too, by its certificate in DER.
    ///
    /// # Errors
    ///
    /// [`CertificateError::Unusable`] if it is not a certificate of X.509, version 3.
    pub fn root_certificate(mut self, der: &[u8]) -> Result<Self, CertificateError> {
        self.add(1, CertificateDer::from_slice(der).into_owned())?;
        Ok(self)
    }

    /// Trusts the certificate authorities of a text in PEM too. Other sections of it are ignored.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] if the text is not PEM, has no certificate, or one that cannot be used.
    pub fn root_certificates(mut self, pem: &[u8]) -> Result<Self, CertificateError> {
        let mut count = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let not_pem = |error: rustls::pki_types::pem::Error| CertificateError::NotPem {
                reason: error.to_string(),
            };
            count += 1;
            self.add(count, certificate.map_err(not_pem)?)?;
        }
        if count == 0 { Err(CertificateError::Empty) } else { Ok(self) }
    }

    fn add(
        &mut self,
        number: usize,
        certificate: CertificateDer<'static>,
    ) -> Result<(), CertificateError> {
        let unusable =
            |error: rustls::Error| CertificateError::Unusable { number, reason: error.to_string() };
        self.roots.add(certificate).map_err(unusable)
    }

    pub(crate) fn into_roots(self) -> RootCertStore {
        self.roots
    }
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions").field("roots", &self.roots.len()).finish()
    }
}
