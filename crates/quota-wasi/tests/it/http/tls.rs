//! Requests with TLS.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use limits_core::ResourceQuota;
use quota_wasi::{HttpOptions, WasiQuota};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use super::ask::Ask;
use super::server::{HELLO, Server};
use super::setup::component;
use crate::guest::Guest;
use crate::host::limits;
use crate::resolver::Teller;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server with a certificate for a name, signed by the authority or by itself.
fn server(name: &str, by: Option<&Authority>, change: impl Fn(&mut CertificateParams)) -> Server {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    change(&mut params);
    let certificate = match by {
        Some(authority) => params.signed_by(&key, authority).unwrap(),
        None => params.self_signed(&key).unwrap(),
    };
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    Server::run(move |peer| {
        let mut tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = rustls::Stream::new(&mut tls, peer);
        let (mut ahead, mut part) = (Vec::new(), [0; 4_096]);
        loop {
            let read = stream.read(&mut part)?;
            if read == 0 {
                return Ok(());
            }
            ahead.extend(&part[..read]);
            if ahead.ends_with(b"\r\n\r\n") {
                ahead.clear();
                stream.write_all(HELLO.as_bytes())?;
            }
        }
    })
}

/// A component that reaches this host by any name, and trusts the authority.
fn trusting(authority: &Authority) -> WasiQuota {
    let options = HttpOptions::new().root_certificate(authority.der()).unwrap();
    with(options)
}

fn with(options: HttpOptions) -> WasiQuota {
    let reach = ["*.example:*", "127.0.0.1:*"];
    let teller = Teller::default()
        .tell("good.example", &["127.0.0.1"])
        .tell("good.example.", &["127.0.0.1"]);
    let component = component(&reach, ResourceQuota::new());
    WasiQuota::builder(component).http(options).resolver(teller).build().unwrap()
}

async fn get(quota: &WasiQuota, authority: String) -> Result<u16, String> {
    let mut guest = Guest::of_http(quota, limits()).await;
    guest.fetch(Ask::https(authority)).await.map(|answer| answer.status)
}

#[tokio::test]
async fn a_certificate_of_a_trusted_authority_is_good() {
    let authority = authority();
    let by_name = server("good.example", Some(&authority), |_| ());
    let by_address = server("127.0.0.1", Some(&authority), |_| ());
    let quota = trusting(&authority);
    for host in ["good.example", "GOOD.example", "good.example."] {
        let answer = get(&quota, format!("{host}:{}", by_name.address.port())).await;
        assert_eq!(answer, Ok(200), "{host}");
    }
    assert_eq!(get(&quota, by_address.address.to_string()).await, Ok(200));
    let pem = HttpOptions::new().no_default_roots().root_certificates(authority.pem().as_bytes());
    let quota = with(pem.unwrap());
    let answer = get(&quota, format!("good.example:{}", by_name.address.port())).await;
    assert_eq!(answer, Ok(200));
}

#[tokio::test]
async fn a_certificate_that_is_not_good_ends_the_request() {
    let authority = authority();
    let wrong_name = server("other.example", Some(&authority), |_| ());
    let own = server("good.example", None, |_| ());
    let expired = server("good.example", Some(&authority), |params| {
        params.not_before = date_time_ymd(2_001, 1, 1);
        params.not_after = date_time_ymd(2_002, 1, 1);
    });
    let early = server("good.example", Some(&authority), |params| {
        params.not_before = date_time_ymd(2_100, 1, 1);
        params.not_after = date_time_ymd(2_101, 1, 1);
    });
    let quota = trusting(&authority);
    let bad = Err("ErrorCode::TlsCertificateError".to_owned());
    for server in [wrong_name, own, expired, early] {
        let answer = get(&quota, format!("good.example:{}", server.address.port())).await;
        assert_eq!(answer, bad);
    }
    let good = server("good.example", Some(&authority), |_| ());
    let quota = with(HttpOptions::new());
    assert_eq!(get(&quota, format!("good.example:{}", good.address.port())).await, bad);
}

#[tokio::test]
async fn a_server_without_tls_ends_the_handshake() {
    let plain = Server::run(|peer| {
        peer.more()?;
        peer.send(HELLO)?;
        peer.until_gone()
    });
    let gone = Server::run(|peer| peer.more().map(|_| ()));
    let quota = trusting(&authority());
    let answer = get(&quota, plain.address.to_string()).await;
    assert_eq!(answer, Err("ErrorCode::TlsProtocolError".to_owned()));
    let answer = get(&quota, gone.address.to_string()).await;
    assert_eq!(answer, Err("ErrorCode::ConnectionTerminated".to_owned()));
}

#[tokio::test]
async fn the_bytes_of_tls_are_in_the_bill() {
    let authority = authority();
    let server = server("127.0.0.1", Some(&authority), |_| ());
    let quota = trusting(&authority);
    let mut guest = Guest::of_http(&quota, limits()).await;
    for _ in 0..3 {
        let answer = guest.fetch(Ask::https(server.address)).await.unwrap();
        assert_eq!(answer.body, b"hello");
    }
    let (sent, received) = server.bytes();
    let usage = guest.usage();
    assert_eq!((usage.sent_bytes(), usage.received_bytes()), (sent, received));
    assert_eq!(server.connections(), 1);
    // Far more than three requests and answers without it.
    assert!(sent > 500 && received > 1_000, "{sent} {received}");
}

#[test]
fn certificates_that_cannot_be_used_are_named() {
    let error = |result: Result<HttpOptions, _>| -> String {
        let error: quota_wasi::CertificateError = result.unwrap_err();
        error.to_string()
    };
    let text = error(HttpOptions::new().root_certificate(b"nonsense"));
    assert!(text.starts_with("certificate 1 cannot be used as a root: "), "{text}");
    let text = error(HttpOptions::new().root_certificates(b"nonsense"));
    assert_eq!(text, "no certificate in the text");
    let pem = b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
    let text = error(HttpOptions::new().root_certificates(pem));
    assert!(text.starts_with("not a text in PEM: "), "{text}");
}
