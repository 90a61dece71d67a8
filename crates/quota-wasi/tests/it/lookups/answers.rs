//! The answers that guests get.

use std::io;

use quota_enforce::QuotaRegistry;
use quota_wasi::{Service, WasiQuota};
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;

use super::{ips, quota};
use crate::guest::Guest;
use crate::host::limits;
use crate::network::connecting;
use crate::resolver::{Teller, Told};

#[tokio::test]
async fn names_are_looked_up_only_where_the_host_switched_sockets_on() {
    let teller = Teller::default().tell("api.example", &["93.184.216.34"]);
    let component = QuotaRegistry::new().register(connecting(&["**"])).unwrap();
    let builder = || WasiQuota::builder(component.clone()).resolver(teller.clone());
    let mut guest = Guest::on_network(&builder().build().unwrap(), limits()).await;
    assert_eq!(guest.look_up("api.example").await, Err(ErrorCode::PermanentResolverFailure));
    assert_eq!(guest.look_up("8.8.8.8").await, Err(ErrorCode::PermanentResolverFailure));
    assert_eq!(guest.usage().refused_services(Service::NameLookup), 2);
    assert!(teller.asked().is_empty());
    for builder in [builder().tcp(), builder().udp()] {
        let mut guest = Guest::on_network(&builder.build().unwrap(), limits()).await;
        assert_eq!(guest.look_up("api.example").await, Ok(ips(&["93.184.216.34"])));
    }
}

#[tokio::test]
async fn a_name_is_asked_for_as_patterns_see_it() {
    // I64: in other case, in Unicode, with a dot at its end.
    let teller = Teller::default()
        .tell("api.example", &["93.184.216.34", "2606:2800:220:1::1"])
        .tell("api.example.", &["93.184.216.35"])
        .tell("xn--bcher-kva.example", &["93.184.216.36"]);
    let quota = quota(&["api.example:443", "xn--bcher-kva.example:*"], &teller);
    let mut guest = Guest::on_network(&quota, limits()).await;
    for (name, found) in [
        ("api.example", &["93.184.216.34", "2606:2800:220:1::1"][..]),
        ("API.exAmple", &["93.184.216.34", "2606:2800:220:1::1"]),
        ("api.example.", &["93.184.216.35"]),
        ("bücher.example", &["93.184.216.36"]),
        ("BÜCHER.example", &["93.184.216.36"]),
        ("XN--BCHER-KVA.example", &["93.184.216.36"]),
    ] {
        assert_eq!(guest.look_up(name).await, Ok(ips(found)), "{name}");
    }
    let asked = teller.asked().len();
    for name in ["example", "www.api.example", "api.example.evil", "other.example", "localhost"] {
        assert_eq!(guest.look_up(name).await, Err(ErrorCode::AccessDenied), "{name}");
    }
    let long = format!("{}.example", "a".repeat(1_024));
    for name in ["", "a b", "api.example:443", "http://api.example", "a\0b", &long] {
        assert_eq!(guest.look_up(name).await, Err(ErrorCode::InvalidArgument), "{name}");
    }
    // The resolver heard of none of these.
    assert_eq!(teller.asked().len(), asked);
    assert_eq!(guest.usage().lookups(), 6);
}

#[tokio::test]
async fn special_addresses_are_left_out_of_an_answer() {
    // I64: as of a public name that has private addresses behind a CNAME.
    let mixed = ["10.0.0.5", "93.184.216.34", "169.254.169.254", "::1", "::ffff:127.0.0.1"];
    let teller = Teller::default().tell("mixed.example", &mixed).tell("own.example", &mixed[..1]);
    let quota = quota(&["**"], &teller);
    let mut guest = Guest::on_network(&quota, limits()).await;
    assert_eq!(guest.look_up("mixed.example").await, Ok(ips(&["93.184.216.34"])));
    assert_eq!(guest.look_up("own.example").await, Err(ErrorCode::AccessDenied));
    assert_eq!(quota.component().denials().by_capability(), 5);
}

#[tokio::test]
async fn special_addresses_are_given_out_where_the_operator_names_them() {
    let teller = Teller::default().tell("db.example", &["10.0.0.5", "10.1.0.5", "127.0.0.1"]);
    let quota = quota(&["db.example:5432", "10.0.0.0/16:5432"], &teller);
    let mut guest = Guest::on_network(&quota, limits()).await;
    assert_eq!(guest.look_up("db.example").await, Ok(ips(&["10.0.0.5"])));
}

#[tokio::test]
async fn an_answer_has_32_addresses_at_most_and_each_once() {
    let many: Vec<String> = (0..80).map(|last| format!("93.184.216.{}", last / 2)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let teller = Teller::default().tell("many.example", &many);
    let mut guest = Guest::on_network(&quota(&["**"], &teller), limits()).await;
    let found = guest.look_up("many.example").await.unwrap();
    let first: Vec<&str> = many.iter().step_by(2).take(32).copied().collect();
    assert_eq!(found, ips(&first));
}

#[tokio::test]
async fn every_failure_of_a_resolver_is_a_name_without_address() {
    let kinds = [
        io::ErrorKind::NotFound,
        io::ErrorKind::TimedOut,
        io::ErrorKind::PermissionDenied,
        io::ErrorKind::ConnectionRefused,
        io::ErrorKind::WouldBlock,
        io::ErrorKind::OutOfMemory,
        io::ErrorKind::Other,
    ];
    let teller = Teller::default().tell("empty.example", &[]);
    let teller =
        kinds.iter().fold(teller, |all, kind| all.answer("bad.example", Told::Error(*kind)));
    let mut guest = Guest::on_network(&quota(&["**"], &teller), limits()).await;
    for kind in kinds {
        let failed = guest.look_up("bad.example").await;
        assert_eq!(failed, Err(ErrorCode::NameUnresolvable), "{kind}");
    }
    assert_eq!(guest.look_up("empty.example").await, Err(ErrorCode::NameUnresolvable));
}

#[tokio::test]
async fn look_ups_of_an_execution_are_bounded() {
    // I62.
    let teller = Teller::default().tell("api.example", &["93.184.216.34"]);
    let quota = quota(&["**"], &teller);
    let mut guest = Guest::on_network(&quota, limits().max_lookups(3)).await;
    for _ in 0..3 {
        assert!(guest.look_up("api.example").await.is_ok());
        // An address is no look-up, nor is a refusal.
        assert_eq!(guest.look_up("8.8.8.8").await, Ok(ips(&["8.8.8.8"])));
        assert_eq!(guest.look_up("10.0.0.1").await, Err(ErrorCode::AccessDenied));
    }
    for _ in 0..2 {
        let refused = guest.look_up("api.example").await;
        assert_eq!(refused, Err(ErrorCode::TemporaryResolverFailure));
    }
    assert_eq!((guest.usage().lookups(), guest.usage().refused_lookups()), (3, 2));
    assert_eq!(teller.asked().len(), 3);
    // Each execution has its own.
    let mut other = Guest::on_network(&quota, limits().max_lookups(1)).await;
    assert!(other.look_up("api.example").await.is_ok());
}
