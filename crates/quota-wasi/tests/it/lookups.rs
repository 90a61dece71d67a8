//! Look-ups of names, under capabilities and limits.

use limits_core::{CapabilitySet, Permission, ResourceQuota};
use quota_enforce::{QuotaRegistry, SecurityContext};
use quota_wasi::{Service, WasiQuota, WasiQuotaBuilder};
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;

use crate::guest::Guest;
use crate::host::limits;
use crate::resolver::Teller;

/// A component that may connect to what the patterns match.
fn component(connect: &[&str]) -> WasiQuotaBuilder {
    let mut set = CapabilitySet::new();
    for pattern in connect {
        set.grant(Permission::NetworkConnect, pattern).unwrap();
    }
    let context = SecurityContext::with_quota("guest", set, ResourceQuota::new());
    WasiQuota::builder(QuotaRegistry::new().register(context).unwrap())
}

#[tokio::test]
async fn a_name_that_a_pattern_allows_is_looked_up() {
    let teller = Teller::default().tell("api.example", &["93.184.216.34", "2606:2800:220:1::1"]);
    let quota = component(&["api.example:443"]).tcp().resolver(teller.clone()).build().unwrap();
    let mut guest = Guest::on_network(&quota, limits()).await;
    let found = guest.look_up("API.example").await.unwrap();
    assert_eq!(
        found,
        [
            "93.184.216.34".parse().unwrap(),
            "2606:2800:220:1::1".parse::<core::net::IpAddr>().unwrap()
        ]
    );
    assert_eq!(guest.look_up("other.example").await, Err(ErrorCode::AccessDenied));
    assert_eq!(teller.asked(), ["api.example"]);
}

#[tokio::test]
async fn names_are_looked_up_only_where_the_host_switched_sockets_on() {
    let teller = Teller::default().tell("api.example", &["93.184.216.34"]);
    let quota = component(&["**"]).resolver(teller.clone()).build().unwrap();
    let mut guest = Guest::on_network(&quota, limits()).await;
    let usage = guest.store.data().quota.as_ref().unwrap().usage();
    assert_eq!(guest.look_up("api.example").await, Err(ErrorCode::PermanentResolverFailure));
    assert_eq!(usage.refused_services(Service::NameLookup), 1);
    assert!(teller.asked().is_empty());
}
