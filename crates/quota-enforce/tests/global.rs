//! The process-wide registry and its functions, in a process of their own.

use core::error::Error;
use std::sync::Arc;

use limits_core::{CapabilitySet, ManualClock, Permission, QuotaTracker, QuotaType, ResourceQuota};
use quota_enforce::{
    AlreadyInstalled, EnforceError, QuotaRegistry, SecurityContext, check_capability,
    check_capability_with_quota, consume_quota, get_quota_status, global, has_quota_critical,
    has_quota_warning, install, register_component, release_quota, unregister_component,
    with_quota,
};

/// As in a `main`: the error goes into whatever holds errors.
fn install_late(registry: QuotaRegistry) -> Result<(), Box<dyn Error + Send + Sync>> {
    install(registry)?;
    Ok(())
}

#[test]
fn the_global_functions_work_on_one_registry() {
    let clock = Arc::new(ManualClock::new());
    let parent = Arc::new(QuotaTracker::with_clock(ResourceQuota::new(), clock));
    install(QuotaRegistry::builder().parent(Arc::clone(&parent)).build()).unwrap();
    let late = QuotaRegistry::new();
    late.register(SecurityContext::new("late", CapabilitySet::new())).unwrap();
    let refused = install_late(late).unwrap_err().downcast::<AlreadyInstalled>().unwrap();
    assert_eq!(
        refused.to_string(),
        "a process-wide registry is installed already, or was used before `install`: \
         install yours first"
    );
    assert!(refused.into_registry().get("late").is_some());

    let capabilities = CapabilitySet::builder()
        .grant(Permission::FilesystemWrite, "/data/<id>/*")
        .grant(Permission::MessagingSend, "orders.*")
        .build()
        .unwrap();
    let quota = ResourceQuota::new().with_storage(1_000).with_message_rate(10);
    let context = || SecurityContext::with_quota("shop", capabilities.clone(), quota);
    let handle = register_component(context()).unwrap();
    assert_eq!(global().get("shop"), Some(handle.clone()));
    assert!(matches!(register_component(context()), Err(EnforceError::AlreadyRegistered { .. })));

    check_capability("shop", "/data/shop/a", "write").unwrap();
    check_capability("shop", "/data/shop/a", "filesystem.write").unwrap();
    let denied = check_capability("shop", "/data/other/a", "write").unwrap_err();
    assert_eq!(
        denied.to_string(),
        "filesystem.write of `/data/other/a` denied: no granted pattern matches (1 checked)"
    );
    let no_permission = check_capability("shop", "/data/shop/a", "").unwrap_err();
    assert!(matches!(no_permission, EnforceError::Permission(_)));

    let bytes = QuotaType::Storage;
    check_capability_with_quota("shop", "/data/shop/a", "write", bytes(1_000)).unwrap();
    let refused =
        check_capability_with_quota("shop", "/data/shop/a", "write", bytes(1_001)).unwrap_err();
    assert!(refused.as_quota().is_some());
    assert_eq!(get_quota_status("shop").unwrap().storage.used(), 0, "a check takes nothing");

    consume_quota("shop", bytes(800)).unwrap();
    assert!(has_quota_warning("shop").unwrap() && !has_quota_critical("shop").unwrap());
    consume_quota("shop", bytes(150)).unwrap();
    assert!(has_quota_critical("shop").unwrap());
    assert!(consume_quota("shop", bytes(51)).is_err());
    assert_eq!(release_quota("shop", bytes(900)), Ok(900));
    assert!(release_quota("shop", QuotaType::MessageRate(1)).is_err());
    assert_eq!(get_quota_status("shop").unwrap().storage.used(), 50);

    let sent: Result<u8, EnforceError> =
        with_quota!("shop", "orders.new", "send", QuotaType::MessageRate(1) => { Ok(1) });
    assert_eq!(sent, Ok(1));
    let id = String::from("shop");
    let refused: Result<u8, EnforceError> =
        with_quota!(&id, "orders.new", "send", QuotaType::MessageRate(10) => { Ok(1) });
    assert!(refused.is_err());
    assert_eq!(get_quota_status("shop").unwrap().message_rate.used(), 1);

    let last = unregister_component("shop").unwrap();
    assert_eq!(parent.usage().storage_used, 50, "what it stored is there");
    assert_eq!(last.release(bytes(50)), Ok(50));
    assert_eq!(parent.usage().storage_used, 0);
    let gone = EnforceError::NotRegistered { id: Box::from("shop") };
    assert_eq!(check_capability("shop", "/data/shop/a", "write"), Err(gone.clone()));
    assert_eq!(consume_quota("shop", bytes(1)), Err(gone.clone()));
    assert_eq!(get_quota_status("shop").unwrap_err(), gone);
    assert_eq!(has_quota_warning("shop"), Err(gone.clone()));
    assert_eq!(has_quota_critical("shop"), Err(gone.clone()));
    assert_eq!(release_quota("shop", bytes(1)), Err(gone.clone()));
    assert_eq!(unregister_component("shop"), Err(gone));
    assert!(handle.consume(bytes(1)).is_err());
}
