//! Registries from an operator's policy, components from their files.

use limits_config::{ComponentConfig, EffectiveConfig, Policy};
use limits_core::{CpuTimePolicy, Permission, QuotaType, RatePolicy};
use quota_enforce::{QuotaRegistry, UsageFile};

fn policy() -> Policy {
    let policy = "host = { storage = \"1KiB\" }\n[ceiling.quota]\nstorage = 900";
    Policy::from_toml(policy).expect("a valid policy")
}

fn effective(policy: &Policy, id: &str) -> EffectiveConfig {
    let config = ComponentConfig::from_toml(
        r#"
        component = { name = "shop", version = "1.0.0" }
        resources.memory.max_bytes = "4MiB"
        resources.cpu = { max_fuel = 7 }
        quota = { storage = "1MB", cpu_time_policy = "deny", network_policy = "deny" }
        capabilities.filesystem.write = ["/data/<id>/**"]
        "#,
    )
    .expect("a valid component");
    policy.apply(&config, &id.parse().expect("a valid id"), None)
}

#[test]
fn a_registry_of_a_policy_has_its_ceilings_and_a_component_all_that_its_file_left() {
    let policy = policy();
    let registry = QuotaRegistry::from_policy(&policy, UsageFile::default()).build();
    let shop = registry.register_effective(&effective(&policy, "shop-7")).unwrap();
    assert_eq!(shop.limits.max_fuel_per_execution(), 7);
    assert_eq!(shop.cpu_time_policy, CpuTimePolicy::Deny);
    let policies = (shop.network_policy, shop.message_policy);
    assert_eq!(policies, (RatePolicy::Deny, RatePolicy::Throttle));
    shop.handle.check(Permission::FilesystemWrite, "/data/shop-7/x").unwrap();
    let refused = shop.handle.consume(QuotaType::Storage(901)).unwrap_err();
    assert_eq!(refused.as_quota().map(|it| (it.depth(), it.limit())), Some((0, 900)));
    shop.handle.consume(QuotaType::Storage(900)).unwrap();
    let other = registry.register_effective(&effective(&policy, "shop-8")).unwrap();
    let refused = other.handle.consume(QuotaType::Storage(125)).unwrap_err();
    assert_eq!(refused.as_quota().map(|it| (it.depth(), it.limit())), Some((1, 1_024)));

    // The next process.
    let registry = QuotaRegistry::from_policy(&policy, registry.usage_file()).build();
    let again = registry.register_effective(&effective(&policy, "shop-7")).unwrap();
    assert_eq!(again.handle.usage().storage_used, 900);
    assert_eq!(registry.parent().map(|host| host.usage().storage_used), Some(900));
}

#[test]
fn a_configured_registration_that_is_not_kept_leaves_nothing() {
    let policy = policy();
    let registry = QuotaRegistry::from_policy(&policy, UsageFile::default()).build();
    let effective = effective(&policy, "shop");
    let registration = registry.prepare_effective(&effective).unwrap();
    let early = registration.component();
    assert!(!early.handle.is_registered());
    drop(registration);
    assert!(registry.is_empty());
    let kept = registry.prepare_effective(&effective).unwrap().keep();
    assert!(kept.handle.is_registered() && !early.handle.is_registered());
}

#[test]
fn a_component_of_a_policy_has_the_patterns_of_both_files_bound_to_its_id() {
    let policy = Policy::from_toml("ceiling.capabilities.filesystem.write = [\"/*/<id>/*\"]");
    let policy = policy.expect("a valid policy");
    let registry = QuotaRegistry::from_policy(&policy, UsageFile::default()).build();
    let shop = registry.register_effective(&effective(&policy, "shop-7")).unwrap().handle;
    let write = Permission::FilesystemWrite;
    shop.check(write, "/data/shop-7/x").unwrap();
    shop.check_entries(write, "/data/shop-7").unwrap();
    assert!(shop.check(write, "/data/shop-8/x").is_err());
    assert_eq!(
        shop.check(write, "/data/shop-7/x/y").unwrap_err().to_string(),
        "filesystem.write of `/data/shop-7/x/y` denied: no pattern of policy [ceiling] matches \
         (1 checked)"
    );
    // A policy that is loaded again, such as after a change of the operator's file.
    let policy = Policy::from_toml("ceiling.capabilities.filesystem.write = [\"**\"]").unwrap();
    registry.set_capabilities("shop-7", effective(&policy, "shop-7").capabilities()).unwrap();
    shop.check(write, "/data/shop-7/x/y").unwrap();
}
