//! Registering from an operator's policy and components' files.

use limits_config::{EffectiveConfig, Policy};
use limits_core::{CpuTimePolicy, RatePolicy, ResourceLimits};

use crate::enforce_error::EnforceError;
use crate::handle::ComponentHandle;
use crate::registry::{QuotaRegistry, QuotaRegistryBuilder, Registration};
use crate::security_context::SecurityContext;
use crate::usage_file::UsageFile;

impl QuotaRegistry {
    /// Begins a registry under an operator's policy: its `[host]` bounds all components together,
    /// and `usage` seeds them with what they used before ([empty](UsageFile::default) at the first
    /// start).
    ///
    /// ```
    /// use limits_config::{ComponentConfig, Policy};
    /// use limits_core::QuotaType;
    /// use quota_enforce::{QuotaRegistry, UsageFile};
    ///
    /// let policy = Policy::from_toml(
    ///     r#"
    ///     host.storage = "60MB"
    ///     ceiling.quota.storage = "40MB"
    ///     "#,
    /// )?;
    /// let registry = QuotaRegistry::from_policy(&policy, UsageFile::default()).build();
    ///
    /// let config = ComponentConfig::from_toml(
    ///     r#"
    ///     component = { name = "shop", version = "1.0.0" }
    ///     resources.memory.max_bytes = "4MiB"
    ///     quota.storage = "50MB"
    ///     capabilities.filesystem.write = ["/data/<id>/**"]
    ///     "#,
    /// )?;
    /// // The host decides on the id.
    /// let effective = policy.apply(&config, &"shop-7".parse()?, None);
    /// let shop = registry.register_effective(&effective)?;
    ///
    /// let mb = |count: u64| QuotaType::Storage(count * 1024 * 1024);
    /// quota_enforce::authorize(&shop.handle, "/data/shop-7/orders", "write", mb(40))?.commit();
    /// // The ceiling's 40 MB, not the 50 MB that the file asks for.
    /// assert!(shop.handle.consume(mb(1)).is_err());
    /// // For the execution: `shop.limits`, and an account of `shop.handle` with
    /// // `shop.cpu_time_policy`.
    /// assert_eq!(shop.limits.max_memory_bytes(), 4 * 1024 * 1024);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_policy(policy: &Policy, usage: UsageFile) -> QuotaRegistryBuilder {
        Self::builder().host(policy.host().to_resource_quota()).usage(usage)
    }

    /// Prepares the registration of a component under its effective configuration, as
    /// [`prepare`](Self::prepare) does.
    ///
    /// # Errors
    ///
    /// As [`prepare`](Self::prepare).
    pub fn prepare_effective(
        &self,
        effective: &EffectiveConfig,
    ) -> Result<ConfiguredRegistration<'_>, EnforceError> {
        Ok(ConfiguredRegistration {
            registration: self.prepare(SecurityContext::from(effective))?,
            limits: effective.limits(),
            cpu_time_policy: effective.cpu_time_policy(),
            network_policy: effective.network_policy(),
            message_policy: effective.message_policy(),
        })
    }

    /// Registers a component under its effective configuration: prepares the registration and keeps
    /// it.
    ///
    /// # Errors
    ///
    /// As [`prepare`](Self::prepare).
    pub fn register_effective(
        &self,
        effective: &EffectiveConfig,
    ) -> Result<ConfiguredComponent, EnforceError> {
        Ok(self.prepare_effective(effective)?.keep())
    }
}

/// Id, capabilities and quota of an effective configuration.
impl From<&EffectiveConfig> for SecurityContext {
    fn from(effective: &EffectiveConfig) -> Self {
        let capabilities = effective.capabilities().clone();
        Self::with_quota(effective.id().as_str(), capabilities, effective.quota())
    }
}

/// A [`Registration`] with the rest of the component's configuration.
#[derive(Debug)]
#[must_use = "a registration that is not kept is undone"]
pub struct ConfiguredRegistration<'r> {
    registration: Registration<'r>,
    limits: ResourceLimits,
    cpu_time_policy: CpuTimePolicy,
    network_policy: RatePolicy,
    message_policy: RatePolicy,
}

impl ConfiguredRegistration<'_> {
    /// Returns the component as it will be kept. Its handle refuses until then, as
    /// [`Registration::handle`] describes.
    #[must_use]
    pub fn component(&self) -> ConfiguredComponent {
        ConfiguredComponent {
            handle: self.registration.handle().clone(),
            limits: self.limits,
            cpu_time_policy: self.cpu_time_policy,
            network_policy: self.network_policy,
            message_policy: self.message_policy,
        }
    }

    /// Registers the component.
    #[expect(clippy::must_use_candidate, reason = "the registry has the component as well")]
    pub fn keep(self) -> ConfiguredComponent {
        let component = self.component();
        self.registration.keep();
        component
    }
}

/// A registered component with everything that its executions need.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConfiguredComponent {
    /// The handle for host functions, and for the account of executions.
    pub handle: ComponentHandle,
    /// The limits of each execution.
    pub limits: ResourceLimits,
    /// The policy for executions while the component has no CPU time left.
    pub cpu_time_policy: CpuTimePolicy,
    /// The policy for bytes above the component's network bandwidth.
    pub network_policy: RatePolicy,
    /// The policy for messages above the component's message rate.
    pub message_policy: RatePolicy,
}
