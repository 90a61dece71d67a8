//! Resolves one component's capabilities from its file and the policy.

use limits_core::CapabilitySet;

use crate::resolve::change::Change;
use crate::resolve::policy_layers::{HashPin, PolicyLayers};

/// Returns those capabilities of a component that the policy grants as well.
///
/// Each table of the policy grants the patterns that it lists in the same words, and all of a
/// permission with `**`.
pub(crate) fn grant(
    layers: &PolicyLayers<'_>,
    asked: &CapabilitySet,
    changes: &mut Vec<Change>,
) -> CapabilitySet {
    let over = layers.component_override.as_ref();
    let decides_alone =
        over.is_some_and(|(table, pin)| *pin == HashPin::Matches && table.capabilities.is_some());
    let ceiling = Some(&layers.ceiling).filter(|_| !decides_alone);
    let mut granted = asked.clone();
    for table in ceiling.into_iter().chain(over.map(|(table, _)| table)) {
        let Some(listed) = table.capabilities else { continue };
        granted.retain(|permission, pattern| {
            let mut patterns = listed.patterns(permission);
            let is_granted = patterns.any(|one| one == pattern || one.as_str() == "**");
            if !is_granted {
                let (pattern, rule) = (pattern.clone(), table.rule("capabilities"));
                changes.push(Change::Capability { permission, pattern, rule });
            }
            is_granted
        });
    }
    granted
}
