//! Status, denials and refusals as JSON.

use limits_core::{Permission, QuotaResource, QuotaType};
use quota_enforce::{QuotaRegistry, RefusalView, StatusView};
use serde_json::to_string;

use crate::thousand;

#[test]
fn status_and_denials_are_serialised_under_stable_names() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Storage(800)).unwrap();
    handle.charge(QuotaType::CpuTimeMicros(1_000_001));
    assert!(handle.consume(QuotaType::MessageRate(2_000)).is_err());
    assert!(handle.check(Permission::FilesystemRead, "/x").is_err());
    assert_eq!(
        to_string(&StatusView::from(handle.status())).unwrap(),
        concat!(
            r#"{"storage":{"used":800,"limit":1000,"available":200,"unit":"bytes","level":"warning"},"#,
            r#""storage_entries":{"used":0,"unit":"entries","level":"normal"},"#,
            r#""message_rate":{"used":0,"limit":1000,"available":1000,"unit":"messages","level":"normal"},"#,
            r#""network_bandwidth":{"used":0,"limit":1000,"available":1000,"unit":"bytes","level":"normal"},"#,
            r#""cpu_time":{"used":1000001,"limit":1000000,"available":0,"unit":"µs","level":"critical"},"#,
            r#""memory":{"used":0,"limit":1000,"available":1000,"unit":"bytes","level":"normal"}}"#,
        )
    );
    assert_eq!(
        to_string(&handle.denials()).unwrap(),
        r#"{"capability":1,"storage":0,"storage_entries":0,"message_rate":1,"network_bandwidth":0,"cpu_time":0,"memory":0}"#
    );
}

#[test]
fn a_refusal_names_its_limit_and_the_time_to_retry() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let refused = |quota| {
        let error = handle.consume(quota).unwrap_err();
        to_string(&RefusalView::from(*error.as_quota().unwrap())).unwrap()
    };
    handle.consume(QuotaType::Storage(900)).unwrap();
    handle.consume(QuotaType::MessageRate(900)).unwrap();
    assert_eq!(
        refused(QuotaType::Storage(101)),
        r#"{"resource":"storage","used":900,"requested":101,"limit":1000,"unit":"bytes","depth":0,"retry":"now"}"#
    );
    assert_eq!(
        refused(QuotaType::MessageRate(101)),
        r#"{"resource":"message_rate","used":900,"requested":101,"limit":1000,"unit":"messages","depth":0,"retry":"after","retry_after_us":1000000}"#
    );
    assert_eq!(
        refused(QuotaType::Memory(1_001)),
        r#"{"resource":"memory","used":0,"requested":1001,"limit":1000,"unit":"bytes","depth":0,"retry":"never"}"#
    );
    assert_eq!(handle.denials().by_quota(QuotaResource::Memory), 1);
}
