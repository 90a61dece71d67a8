//! Connections with TLS.

use core::time::Duration;
use std::fs;
use std::path::PathBuf;

use quota_cluster::{RedisSettings, RedisStore, StoreError};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use crate::host::Host;
use crate::redis_server::{RedisServer, free_port};

/// The files of an authority, and of a certificate that it has signed for some names.
struct Files {
    directory: TempDir,
}

impl Files {
    fn new(authority: &str, names: &[&str]) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, authority);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let params = CertificateParams::new(names).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let files = Self { directory: tempfile::tempdir().unwrap() };
        fs::write(files.path("ca.pem"), issuer.pem()).unwrap();
        fs::write(files.path("server.pem"), certificate.pem()).unwrap();
        fs::write(files.path("server.key"), key.serialize_pem()).unwrap();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// Starts a server that also has a port with TLS. `None` if there is none.
fn start(files: &Files) -> Option<(RedisServer, u16)> {
    let path = |name| files.path(name).to_str().unwrap().to_owned();
    let port = free_port();
    let server = RedisServer::start(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &path("server.pem"),
        "--tls-key-file",
        &path("server.key"),
        "--tls-ca-cert-file",
        &path("ca.pem"),
        "--tls-auth-clients",
        "no",
    ])?;
    Some((server, port))
}

fn host(url: &str, ca_file: Option<PathBuf>) -> Host {
    let mut settings = RedisSettings::new(url);
    settings.response_timeout = Duration::from_secs(10);
    settings.tls.ca_file = ca_file;
    Host::new(RedisStore::new(settings).unwrap(), "a")
}

async fn refusal(url: &str, ca_file: Option<PathBuf>) -> String {
    match host(url, ca_file).try_ask(1).await.unwrap_err() {
        StoreError::Unfit(text) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_is_asked_over_tls_by_its_name_or_address() {
    let files = Files::new("ours", &["localhost", "127.0.0.1"]);
    let Some((server, port)) = start(&files) else { return };
    for name in ["localhost", "127.0.0.1"] {
        let mut host = host(&format!("rediss://{name}:{port}"), Some(files.path("ca.pem")));
        host.ask(1).await;
    }
    assert!(server.statistic::<u64>("cmdstat_evalsha", "calls") > 0);
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_refused() {
    let files = Files::new("ours", &["localhost"]);
    let Some((server, port)) = start(&files) else { return };
    let url = format!("rediss://localhost:{port}");
    let text = format!(
        "localhost:{port}: its certificate is not trusted (UnknownIssuer): name its authority by the \
         CA file"
    );
    // Another authority, and those of Mozilla.
    let other = Files::new("other", &["localhost"]);
    assert_eq!(refusal(&url, Some(other.path("ca.pem"))).await, text);
    assert_eq!(refusal(&url, None).await, text);
    // Another name.
    let url = format!("rediss://127.0.0.1:{port}");
    let refused = refusal(&url, Some(files.path("ca.pem"))).await;
    assert!(refused.contains("its certificate is not trusted"), "{refused}");
    assert_eq!(server.statistic::<u64>("cmdstat_evalsha", "calls"), 0);
}

#[tokio::test]
async fn a_ca_file_that_cannot_be_read_is_named() {
    let files = Files::new("ours", &["localhost"]);
    let Some((_server, port)) = start(&files) else { return };
    let url = format!("rediss://localhost:{port}");
    let missing = files.path("missing.pem");
    assert_eq!(
        refusal(&url, Some(missing.clone())).await,
        format!("the CA file {}: No such file or directory (os error 2)", missing.display())
    );
    let key = files.path("server.key");
    assert_eq!(
        refusal(&url, Some(key.clone())).await,
        format!("the CA file {}: it has no certificate", key.display())
    );
}
