//! Settings and their origins, as reports list them.

use limits_config::{EffectiveConfig, Enforcer, Origin, Scope, Setting, Value};
use limits_core::{Domain, Permission};
use serde::{Serialize, Serializer};

use crate::inputs::manifest::Terms;
use crate::quote::quoted;

/// Returns the limits of an execution, all of which the command enforces.
pub(crate) fn enforced(config: &EffectiveConfig) -> Vec<Setting> {
    of_scope(config, Scope::Execution)
}

/// Returns the quotas, of which the command enforces some: see [`is_enforced`].
pub(crate) fn quotas(config: &EffectiveConfig) -> Vec<Setting> {
    of_scope(config, Scope::Component)
}

fn of_scope(config: &EffectiveConfig, scope: Scope) -> Vec<Setting> {
    config.settings().filter(|setting| setting.key.scope() == scope).collect()
}

/// Returns whether the command enforces a setting: the executor or the interfaces of WASI must do
/// so, since the command has no host function that could.
pub(crate) fn is_enforced(setting: &Setting) -> bool {
    matches!(setting.key.enforcer(), Enforcer::Executor | Enforcer::Wasi)
}

/// Returns a sentence for each change by the policy, and one for an `--id` without an override.
pub(crate) fn changes(terms: &Terms) -> Vec<String> {
    let changes = terms.effective.changes().iter().map(ToString::to_string);
    changes.chain(terms.note.clone()).map(|change| quoted(&change)).collect()
}

/// Returns the keys that the component or the policy declares and the command does not enforce.
pub(crate) fn not_enforced(terms: &Terms) -> Vec<String> {
    let config = &terms.effective;
    let quotas = quotas(config)
        .into_iter()
        .chain(terms.host.settings())
        .filter(|quota| quota.origin != Origin::Default && !is_enforced(quota))
        .map(|quota| quota.key.to_string());
    let is_declared =
        |permission: &Permission| config.capabilities().patterns(*permission).next().is_some();
    // The interfaces of files ask for each of theirs; the others are refused, whatever is declared.
    let is_enforced = |permission: &Permission| permission.domain() == Domain::Filesystem;
    let permissions = Permission::ALL.iter().copied();
    let permissions = permissions.filter(|one| is_declared(one) && !is_enforced(one));
    let capabilities = permissions.map(|permission| format!("capabilities.{permission}"));
    quotas.chain(capabilities).collect()
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
