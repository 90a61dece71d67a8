//! Servers that a guest may not reach, however it spells them.

use limits_core::{CapabilitySet, Permission, ResourceQuota};
use quota_enforce::{QuotaRegistry, SecurityContext};
use quota_wasi::{HttpOptions, WasiQuota};

use super::ask::Ask;
use super::server::{HELLO, Server};
use super::setup::requester;
use crate::guest::Guest;
use crate::host::limits;
use crate::resolver::Teller;

/// Spellings of servers inside, some of which are no authorities at all.
const INSIDE: [&str; 62] = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "127.127.127.127",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0x7F.0x0.0x0.0x1",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "127.0.0.0x1",
    "%31%32%37.0.0.1",
    "0",
    "0.0.0.0",
    "0x0",
    "00.0.0.0",
    "10.0.0.1",
    "10.1",
    "0xa000001",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "192.168.257",
    "3232235777",
    "100.64.0.1",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "169.254.43518",
    "224.0.0.1",
    "255.255.255.255",
    "198.18.0.1",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:a9fe:a9fe]",
    "[0:0:0:0:0:ffff:10.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "inside.example",
    "INSIDE.example.",
    "metadata.example",
    "mapped.example",
    "user@127.0.0.1",
    "example.com:80@127.0.0.1",
    "example.com\\@127.0.0.1",
];

fn everything() -> WasiQuota {
    let mut set = CapabilitySet::new();
    for pattern in ["**", "*:*", "*.example:*", "inside.example:*"] {
        set.grant(Permission::NetworkConnect, pattern).unwrap();
    }
    let teller = Teller::default()
        .tell("inside.example", &["127.0.0.1"])
        .tell("inside.example.", &["127.0.0.1"])
        .tell("metadata.example", &["169.254.169.254", "fd00:ec2::254"])
        .tell("mapped.example", &["::ffff:127.0.0.1", "64:ff9b::7f00:1"]);
    let context = SecurityContext::with_quota("guest", set, ResourceQuota::new());
    let component = QuotaRegistry::new().register(context).unwrap();
    WasiQuota::builder(component).http(HttpOptions::new()).resolver(teller).build().unwrap()
}

#[tokio::test]
async fn a_component_that_may_reach_everything_reaches_nothing_inside() {
    let server = Server::answering(HELLO);
    let port = server.address.port();
    let quota = everything();
    for spelling in INSIDE {
        let mut guest = Guest::of_http(&quota, limits().connect_timeout_ms(2_000)).await;
        let answer = guest.fetch(Ask::http(format!("{spelling}:{port}"))).await;
        assert!(
            matches!(
                answer.as_ref().map_err(String::as_str),
                Err("ErrorCode::DestinationIpProhibited"
                    | "ErrorCode::HttpRequestUriInvalid"
                    | "no authority")
            ),
            "{spelling}: {answer:?}"
        );
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_refusal_names_its_kind() {
    let server = Server::answering(HELLO);
    let (port, quota) = (server.address.port(), everything());
    let mut guest = Guest::of_http(&quota, limits()).await;
    let special = Err("ErrorCode::DestinationIpProhibited".to_owned());
    assert_eq!(guest.fetch(Ask::http(server.address)).await, special);
    assert_eq!(guest.fetch(Ask::http(format!("inside.example:{port}"))).await, special);
    let denials = quota.component().denials();
    assert!(denials.by_capability() >= 2, "{denials:?}");
    let teller = Teller::default().tell("a.example", &["93.184.216.34"]);
    let reach = ["a.example:80", "unknown.example:80"];
    let quota = requester(&reach, ResourceQuota::new()).resolver(teller).build().unwrap();
    let mut guest = Guest::of_http(&quota, limits()).await;
    let denied = Err("ErrorCode::HttpRequestDenied".to_owned());
    assert_eq!(guest.fetch(Ask::http("b.example")).await, denied);
    assert_eq!(guest.fetch(Ask::http("192.0.2.1")).await, denied);
    assert_eq!(guest.fetch(Ask::http("a.example:81")).await, denied);
    let unknown = guest.fetch(Ask::http("unknown.example")).await.unwrap_err();
    assert!(unknown.contains("the name has no address"), "{unknown}");
}

#[tokio::test]
async fn a_name_is_connected_at_the_addresses_of_one_look_up() {
    let server = Server::answering(HELLO);
    let port = server.address.port();
    // The name moves after its first answer.
    let teller =
        Teller::default().tell("a.example", &["127.0.0.1"]).tell("a.example", &["127.0.0.2"]);
    let reach = ["a.example:*", "127.0.0.1:*"];
    let builder = requester(&reach, ResourceQuota::new()).resolver(teller.clone());
    let quota = builder.build().unwrap();
    let ask = || Ask::http(format!("a.example:{port}"));
    let mut guest = Guest::of_http(&quota, limits()).await;
    for _ in 0..2 {
        assert_eq!(guest.fetch(ask()).await.unwrap().status, 200);
    }
    assert_eq!((teller.asked().len(), server.connections()), (1, 1));
    // The next execution asks anew, and is not given the kept connection.
    let mut guest = Guest::of_http(&quota, limits()).await;
    let moved = guest.fetch(ask()).await;
    assert_eq!(moved, Err("ErrorCode::DestinationIpProhibited".to_owned()));
    assert_eq!((teller.asked().len(), server.requests().len()), (2, 2));
}

#[tokio::test]
async fn of_many_addresses_those_are_tried_that_may_be_reached() {
    let server = Server::answering(HELLO);
    let port = server.address.port();
    let told = ["10.0.0.1", "169.254.169.254", "127.0.0.3", "127.0.0.1"];
    let teller = Teller::default().tell("a.example", &told);
    let reach = ["a.example:*", "127.0.0.0/8:*"];
    let quota = requester(&reach, ResourceQuota::new()).resolver(teller).build().unwrap();
    let mut guest = Guest::of_http(&quota, limits()).await;
    // 127.0.0.3 refuses the connection.
    let answer = guest.fetch(Ask::http(format!("a.example:{port}"))).await.unwrap();
    assert_eq!((answer.status, server.connections()), (200, 1));
}
