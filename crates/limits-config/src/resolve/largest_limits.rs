//! The largest limits of one execution that a policy lets any component have.

use limits_core::{Allowance, ResourceLimits};

use crate::grammar::value::Value;
use crate::policy::Policy;
use crate::resolve::policy_layers::HashPin;
use crate::settings::declared::Declared;
use crate::settings::table::SettingKey;
use crate::settings::translate;

/// A policy that does not bound the memory of a component.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "the policy lets a component ask for any memory: set `max_bytes` of \
     [ceiling.resources.memory], or `memory` of [host]"
)]
#[non_exhaustive]
pub struct UnboundedMemory;

impl Policy {
    /// Returns the largest limits of one execution that the policy lets any component have, to size
    /// an engine's pool.
    ///
    /// Each is the ceiling, or what a larger override with a `sha256` has. Where there is no
    /// ceiling, it is the default, or what a larger override has: a component whose own file asks
    /// for more gets more, and does not fit the pool. Memory has no default.
    ///
    /// ```
    /// use limits_config::Policy;
    ///
    /// let policy = Policy::from_toml(
    ///     r#"
    ///     [ceiling]
    ///     resources.memory = { max_bytes = "16MiB", max_memories = 2 }
    ///     [component.importer]
    ///     resources.memory.max_tables = 40
    ///     "#,
    /// )?;
    /// let largest = policy.largest_limits()?;
    /// assert_eq!((largest.max_memory_bytes(), largest.max_memories()), (16 << 20, 2));
    /// assert_eq!((largest.max_tables(), largest.max_instances()), (40, 128));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`UnboundedMemory`] if neither `[ceiling]` nor `[host]` bounds memory.
    pub fn largest_limits(&self) -> Result<ResourceLimits, UnboundedMemory> {
        let ceiling = self.ceiling();
        let mut largest: Declared = SettingKey::COMPONENT
            .iter()
            .map(|key| (*key, ceiling.get(*key).unwrap_or_else(|| ceiling.default_of(*key))))
            .collect();
        for (settings, pin) in self.overrides() {
            for (key, value) in settings.iter() {
                let is_capped = pin == HashPin::Absent && ceiling.get(key).is_some();
                let rank = |value| key.row().kind.rank(value);
                if !is_capped && largest.get(key).is_some_and(|most| rank(most) < rank(value)) {
                    largest.set(key, Some(value));
                }
            }
        }
        let host = self.host().memory().unwrap_or(Allowance::Unlimited);
        match (ceiling.amount(SettingKey::MaxBytes), host) {
            (None, Allowance::Unlimited) => return Err(UnboundedMemory),
            (None, host) => largest.set(SettingKey::MaxBytes, Some(Value::from(host))),
            (Some(_), host) => {
                let most = largest.amount(SettingKey::MaxBytes).unwrap_or(host).min(host);
                largest.set(SettingKey::MaxBytes, Some(Value::from(most)))
            }
        };
        Ok(translate::limits(&largest))
    }
}

#[cfg(test)]
mod tests {
    use super::UnboundedMemory;
    use crate::policy::Policy;

    fn memory(policy: &str) -> Result<u64, UnboundedMemory> {
        let policy = Policy::from_toml(policy).unwrap();
        policy.largest_limits().map(|limits| limits.max_memory_bytes())
    }

    const CEILING: &str = "[ceiling]\nresources.memory.max_bytes = 1000\n";

    fn with_override(pin: &str, bytes: u64) -> String {
        format!("{CEILING}[component.a]\n{pin}resources.memory.max_bytes = {bytes}\n")
    }

    #[test]
    fn the_ceiling_bounds_all_but_overrides_that_pin_a_hash() {
        let pin = format!("sha256 = \"{}\"\n", "ab".repeat(32));
        assert_eq!(memory(CEILING), Ok(1_000));
        assert_eq!(memory(&with_override("", 5_000)), Ok(1_000));
        assert_eq!(memory(&with_override(&pin, 5_000)), Ok(5_000));
        assert_eq!(memory(&with_override(&pin, 10)), Ok(1_000));
    }

    #[test]
    fn the_hosts_memory_bounds_what_one_component_can_have() {
        let host = "[host]\nmemory = 300\n";
        assert_eq!(memory(host), Ok(300));
        assert_eq!(memory(&format!("{host}{CEILING}")), Ok(300));
        let host = "[host]\nmemory = 3000\n";
        assert_eq!(memory(&format!("{host}{CEILING}")), Ok(1_000));
        let host = "[host]\nmemory = \"unlimited\"\n";
        assert_eq!(memory(&format!("{host}{CEILING}")), Ok(1_000));
        assert_eq!(memory(host), Err(UnboundedMemory));
    }

    #[test]
    fn without_a_ceiling_a_limit_has_its_default_or_that_of_an_override() {
        let text = format!("{CEILING}[component.a]\nresources.memory.max_memories = 50\n");
        let limits = Policy::from_toml(&text).unwrap().largest_limits().unwrap();
        assert_eq!((limits.max_memories(), limits.max_tables()), (50, 32));
        let text = format!("{CEILING}resources.memory.max_memories = 3\n");
        let limits = Policy::from_toml(&text).unwrap().largest_limits().unwrap();
        assert_eq!(limits.max_memories(), 3);
    }

    #[test]
    fn a_policy_without_a_bound_of_memory_says_what_to_set() {
        assert_eq!(
            memory("").unwrap_err().to_string(),
            "the policy lets a component ask for any memory: set `max_bytes` of \
             [ceiling.resources.memory], or `memory` of [host]"
        );
    }
}
