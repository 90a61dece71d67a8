//! TLS over a connection, by rustls.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::redis_store::failure::{lost, unfit};
use crate::redis_store::settings::TlsSettings;
use crate::store::StoreError;

/// Secures a connection to a host, whose certificate must have its name or address.
///
/// Not by the client's own TLS, which reads the system's authorities each time, fails without any,
/// and takes the provider of cryptography that the process has.
pub(super) async fn secure(
    stream: TcpStream,
    host: &str,
    peer: &str,
    settings: &TlsSettings,
) -> Result<TlsStream<TcpStream>, StoreError> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| unfit(peer, &format!("`{host}` is no name of a certificate: {error}")))?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unfit(peer, &error))?
        .with_root_certificates(authorities(settings)?)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| {
        // The handshake itself failed, not the connection.
        match error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(reason)) => unfit(
                peer,
                &format!(
                    "its certificate is not trusted ({reason}): name its authority by the CA file"
                ),
            ),
            Some(reason) => unfit(peer, &format!("no TLS with it: {reason}")),
            None => lost(peer, &error),
        }
    })
}

fn authorities(settings: &TlsSettings) -> Result<RootCertStore, StoreError> {
    let Some(file) = &settings.ca_file else {
        return Ok(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() });
    };
    let text = fs::read(file).map_err(|error| broken(file, &error))?;
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| broken(file, &error))?;
        store.add(certificate).map_err(|error| broken(file, &error))?;
    }
    if store.is_empty() {
        return Err(broken(file, &"it has no certificate"));
    }
    Ok(store)
}

fn broken(file: &Path, reason: &impl core::fmt::Display) -> StoreError {
    StoreError::Unfit(format!("the CA file {}: {reason}", file.display()))
}
