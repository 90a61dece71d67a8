//! The questions that decide, over the capabilities' own.

use core::net::{IpAddr, SocketAddr};
use std::collections::BTreeSet;
use std::sync::Arc;

use limits_core::{CapabilitySet, Permission};
use quota_enforce::{ComponentHandle, EnforceError};

/// Decides on an address and port, known under names.
pub(super) fn check_target(
    component: &ComponentHandle,
    permission: Permission,
    target: SocketAddr,
    names: &[Arc<str>],
) -> Result<(), EnforceError> {
    let set = component.capabilities();
    component.check(permission, &fitting(&set, permission, target, names))
}

/// The same without counting or reporting.
pub(super) fn allows_target(
    component: &ComponentHandle,
    permission: Permission,
    target: SocketAddr,
    names: &[Arc<str>],
) -> bool {
    let set = component.capabilities();
    set.check(permission, &fitting(&set, permission, target, names)).is_allowed()
}

/// Decides whether an address may be reached on some port.
pub(super) fn check_address(
    component: &ComponentHandle,
    permission: Permission,
    address: IpAddr,
    names: &[Arc<str>],
) -> Result<(), EnforceError> {
    let allowed =
        |port: &u16| allows_target(component, permission, SocketAddr::new(address, *port), names);
    let port = ports(component, permission).find(allowed).unwrap_or(0);
    check_target(component, permission, SocketAddr::new(address, port), names)
}

/// Decides whether a name may be looked up: whether it matches with some port.
pub(super) fn check_name(
    component: &ComponentHandle,
    permission: Permission,
    name: &str,
) -> Result<(), EnforceError> {
    let set = component.capabilities();
    let text = |port: u16| format!("{name}:{port}");
    let allowed = |port: &u16| set.check(permission, &text(*port)).is_allowed();
    let port = ports(component, permission).find(allowed).unwrap_or(0);
    component.check(permission, &text(port))
}

/// Returns the text of a target that is allowed, or else the address.
fn fitting(
    set: &CapabilitySet,
    permission: Permission,
    target: SocketAddr,
    names: &[Arc<str>],
) -> String {
    let (address, port) = (target.ip().to_canonical(), target.port());
    let allowed = |text: &String| set.check(permission, text).is_allowed();
    let mut texts = names.iter().map(|name| format!("{name}:{port}"));
    let address = SocketAddr::new(address, port).to_string();
    if allowed(&address) { address } else { texts.find(allowed).unwrap_or(address) }
}

/// Returns the ports that patterns name, and one that stands for all others.
fn ports(component: &ComponentHandle, permission: Permission) -> impl Iterator<Item = u16> {
    let set = component.capabilities();
    let of = |set: &CapabilitySet| -> Vec<u16> {
        let texts = set.patterns(permission).filter_map(|it| it.as_str().rsplit_once(':'));
        texts.filter_map(|(_, port)| port.parse().ok()).collect()
    };
    let restricted = set.restrictions().flat_map(|(_, set)| of(&set));
    let ports: BTreeSet<u16> = of(&set).into_iter().chain(restricted).chain([1]).collect();
    ports.into_iter()
}
