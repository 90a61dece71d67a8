//! Ways by which a guest could reach what it may not.

use core::time::Duration;

use limits_core::{CapabilitySet, Permission, ResourceQuota};
use quota_enforce::{ComponentHandle, QuotaRegistry, SecurityContext};
use quota_wasi::{HttpOptions, WasiQuota};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::guest::Guest;
use crate::host::limits;
use crate::http::ask::Ask;
use crate::http::server::Server;
use crate::resolver::Teller;

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

fn set(patterns: &[&str]) -> CapabilitySet {
    let mut set = CapabilitySet::new();
    for pattern in patterns {
        set.grant(Permission::NetworkConnect, pattern).unwrap();
    }
    set
}

/// A component that asks for the patterns, under a policy of all names and of the loopback.
fn component(registry: &QuotaRegistry, asked: &[&str]) -> ComponentHandle {
    let capabilities = set(asked).restricted_by("policy", &set(&["**", "127.0.0.0/8:*"]));
    let context = SecurityContext::with_quota("guest", capabilities, ResourceQuota::new());
    registry.register(context).unwrap()
}

#[tokio::test]
async fn a_request_is_decided_by_its_own_name_and_not_by_another_of_its_address() {
    // Regression: the address was given for both names, and so each name had the other's ports.
    let server = Server::answering(HELLO);
    let port = server.address.port();
    let asked = [format!("a.example:{port}"), "b.example:1".to_owned()];
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    let teller =
        Teller::default().tell("a.example", &["127.0.0.1"]).tell("b.example", &["127.0.0.1"]);
    let quota = WasiQuota::builder(component(&QuotaRegistry::new(), &asked))
        .http(HttpOptions::new())
        .resolver(teller)
        .build()
        .unwrap();
    let mut guest = Guest::of_http(&quota, limits()).await;
    for name in ["a.example", "A.example."] {
        let answer = guest.fetch(Ask::http(format!("{name}:{port}"))).await;
        assert_eq!(answer.map(|answer| answer.status), Ok(200), "{name}");
        let answer = guest.fetch(Ask::http(format!("b.example:{port}"))).await;
        assert_eq!(answer, Err("ErrorCode::HttpRequestDenied".to_owned()));
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_kept_connection_is_not_used_after_a_revocation() {
    let server = Server::answering(HELLO);
    let port = server.address.port();
    let (registry, asked) = (QuotaRegistry::new(), format!("a.example:{port}"));
    let quota = WasiQuota::builder(component(&registry, &[&asked]))
        .http(HttpOptions::new())
        .resolver(Teller::default().tell("a.example", &["127.0.0.1"]))
        .build()
        .unwrap();
    let mut guest = Guest::of_http(&quota, limits()).await;
    let ask = || Ask::http(format!("a.example:{port}"));
    for _ in 0..2 {
        assert_eq!(guest.fetch(ask()).await.map(|answer| answer.status), Ok(200));
    }
    assert_eq!(server.connections(), 1);
    let names = set(&["**"]);
    for (capabilities, code) in [
        (set(&["b.example:*"]).by_operator(), "ErrorCode::HttpRequestDenied"),
        // The name is allowed still, and its address is not.
        (set(&[&asked]).restricted_by("policy", &names), "ErrorCode::DestinationIpProhibited"),
    ] {
        registry.set_capabilities("guest", &capabilities).unwrap();
        assert_eq!(guest.fetch(ask()).await, Err(code.to_owned()));
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_connection_is_begun_when_it_is_decided_on_and_not_when_the_guest_finishes_it() {
    // Regression: a guest could start to connect, and do so after a revocation.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let quota = WasiQuota::builder(component(&QuotaRegistry::new(), &["127.0.0.1:*"]))
        .tcp()
        .build()
        .unwrap();
    let mut guest = Guest::on_network(&quota, limits()).await;
    let socket = guest.tcp_socket().await.unwrap();
    guest.tcp_to("tcp-start-connect", socket, address).await.unwrap();
    timeout(Duration::from_secs(10), listener.accept()).await.unwrap().unwrap();
}

#[tokio::test]
async fn no_spelling_of_a_special_address_is_requested() {
    let server = Server::answering(HELLO);
    let port = server.address.port();
    let mut wide = set(&["**", "127.**:*", "127.0.*.1:*", "[**]:*"]);
    wide.grant(Permission::NetworkConnect, "*.example:*").unwrap();
    let names = ["a.example", "localhost", "localhost.", "metadata.google.internal"];
    let teller = names.iter().fold(Teller::default(), |teller, name| {
        teller.tell(name, &["127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"])
    });
    let context = SecurityContext::new("guest", wide.by_operator());
    let quota = WasiQuota::builder(QuotaRegistry::new().register(context).unwrap())
        .http(HttpOptions::new())
        .resolver(teller)
        .build()
        .unwrap();
    let mut guest = Guest::of_http(&quota, limits()).await;
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2600::5efe:127.0.0.1]",
        "10.0.0.1",
        "169.254.169.254",
        "168.63.129.16",
        "[fd00:ec2::254]",
        "a.example",
        "LOCALHOST",
        "localhost.",
        "metadata.google.internal",
    ] {
        let answer = guest.fetch(Ask::http(format!("{host}:{port}"))).await;
        assert_eq!(answer, Err("ErrorCode::DestinationIpProhibited".to_owned()), "{host}");
    }
    for host in ["user@127.0.0.1", "a.example@127.0.0.1", "[::1%25lo]", "127.0.0.1#", "[::1"] {
        let answer = guest.fetch(Ask::http(format!("{host}:{port}"))).await;
        assert!(answer.is_err(), "{host}");
    }
    assert_eq!(server.connections(), 0);
}
