//! Look-ups of names, under capabilities and limits.

mod answers;
mod pins;
mod spellings;
mod system;
mod waits;

use core::net::IpAddr;

use limits_core::Permission;
use quota_enforce::QuotaRegistry;
use quota_wasi::WasiQuota;

use crate::network::{capabilities, connecting};
use crate::resolver::Teller;

/// A component that may connect to what the patterns match, and a resolver that answers it.
fn quota(connect: &[&str], teller: &Teller) -> WasiQuota {
    let component = QuotaRegistry::new().register(connecting(connect)).unwrap();
    WasiQuota::builder(component).tcp().resolver(teller.clone()).build().unwrap()
}

fn ips(addresses: &[&str]) -> Vec<IpAddr> {
    addresses.iter().map(|address| address.parse().unwrap()).collect()
}

/// Capabilities to connect by one list.
fn connect(patterns: &[&str]) -> limits_core::CapabilitySet {
    let patterns: Vec<_> = patterns.iter().map(|it| (Permission::NetworkConnect, *it)).collect();
    capabilities(&patterns)
}
