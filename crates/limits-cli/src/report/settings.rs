//! Settings and their origins, as reports list them.

use limits_config::{CompileSetting, EffectiveConfig, Origin, Scope, Setting, Value};
use serde::{Serialize, Serializer};

use crate::inputs::manifest::Terms;
use crate::quote::quoted;

/// Returns the limits of an execution.
pub(crate) fn limits(config: &EffectiveConfig) -> Vec<Setting> {
    of_scope(config, Scope::Execution)
}

/// Returns the quotas of the component.
pub(crate) fn quotas(config: &EffectiveConfig) -> Vec<Setting> {
    of_scope(config, Scope::Component)
}

fn of_scope(config: &EffectiveConfig, scope: Scope) -> Vec<Setting> {
    config.settings().filter(|setting| setting.key.scope() == scope).collect()
}

/// Returns a sentence for each change by the policy, and one for an `--id` without an override.
pub(crate) fn changes(terms: &Terms) -> Vec<String> {
    let changes = terms.effective.changes().iter().map(ToString::to_string);
    changes.chain(terms.note.clone()).map(|change| quoted(&change)).collect()
}

pub(crate) fn compile_by_key<S: Serializer>(
    settings: &[CompileSetting],
    s: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Row {
        value: u64,
        origin: Origin,
    }
    s.collect_map(settings.iter().map(|CompileSetting { key, value, origin, .. }| {
        (key.to_string(), Row { value: *value, origin: *origin })
    }))
}

pub(crate) fn by_key<S: Serializer>(limits: &[Setting], s: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Row {
        value: Value,
        origin: Origin,
    }
    s.collect_map(
        limits
            .iter()
            .map(|limit| (limit.key.as_str(), Row { value: limit.value, origin: limit.origin })),
    )
}
