//! Resolves one component's capabilities from its file and the policy.

use limits_core::{CapabilitySet, Permission};

use crate::resolve::change::Change;
use crate::resolve::policy_layers::{HashPin, PolicyLayers};

/// Returns a component's capabilities, restricted by each table of the policy that lists some.
///
/// An override with the matching hash stands in the ceiling's place. Without it the ceiling counts
/// as well: an override alone never allows what the ceiling does not.
pub(crate) fn grant(
    layers: &PolicyLayers<'_>,
    asked: &CapabilitySet,
    changes: &mut Vec<Change>,
) -> CapabilitySet {
    let over = layers.component_override.as_ref();
    let replaces_ceiling =
        over.is_some_and(|(table, pin)| *pin == HashPin::Matches && table.capabilities.is_some());
    let ceiling = Some(&layers.ceiling).filter(|_| !replaces_ceiling);
    let mut granted = asked.clone();
    for table in ceiling.into_iter().chain(over.map(|(table, _)| table)) {
        let Some(listed) = table.capabilities else { continue };
        granted = granted.restricted_by(table.name.as_str(), listed);
        let has = |set: &CapabilitySet, permission| set.patterns(permission).next().is_some();
        let ungranted = Permission::ALL.iter().copied();
        let ungranted = ungranted.filter(|one| has(asked, *one) && !has(listed, *one)).collect();
        if !asked.is_empty() {
            changes.push(Change::Capabilities { ungranted, rule: table.rule("capabilities") });
        }
    }
    granted
}
