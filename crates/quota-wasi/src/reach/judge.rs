//! Questions about addresses that an execution knows by names.

use std::sync::Arc;

use limits_core::{CapabilitySet, NetworkTarget, Permission};
use quota_enforce::{ComponentHandle, EnforceError};

/// The most names that one question is about.
const NAMES: usize = 16;

/// Decides on an address that is known by names: whether it is allowed by itself or by a name.
pub(super) fn check(
    component: &ComponentHandle,
    permission: Permission,
    target: NetworkTarget,
    names: &[Arc<str>],
) -> Result<(), EnforceError> {
    let target = fitting(&component.capabilities(), permission, target, names);
    component.check_target(permission, &target)
}

/// The same without counting or reporting.
pub(super) fn allows(
    component: &ComponentHandle,
    permission: Permission,
    target: NetworkTarget,
    names: &[Arc<str>],
) -> bool {
    let set = component.capabilities();
    let target = fitting(&set, permission, target, names);
    set.check_target(permission, &target).is_allowed()
}

/// Returns the target with names by which it is allowed, or else with the first ones.
fn fitting(
    set: &CapabilitySet,
    permission: Permission,
    target: NetworkTarget,
    names: &[Arc<str>],
) -> NetworkTarget {
    let named =
        |some: &[Arc<str>]| some.iter().fold(target.clone(), |target, name| target.known_as(name));
    let mut parts = names.chunks(NAMES).map(named);
    let Some(first) = parts.next() else { return target };
    if names.len() <= NAMES || set.check_target(permission, &first).is_allowed() {
        return first;
    }
    let allowed = |target: &NetworkTarget| set.check_target(permission, target).is_allowed();
    parts.find(allowed).unwrap_or(first)
}
