//! The use and limits that a host reports of rates that it shares with others.

use std::sync::Arc;

use limits_core::QuotaType;
use quota_enforce::{QuotaRegistry, RefusalView, StatusView, UsageLevel};

use super::{HOST, Lender, MESSAGES, SECOND, messages, only_messages};
use crate::{Notebook, context, thousand_of_each};

#[test]
fn the_use_is_that_of_this_host_and_the_limit_that_of_all() {
    let lender = Lender::new(&[MESSAGES], &[MESSAGES]);
    let registry = lender.builder().host(only_messages(2_000)).record_peaks().build();
    let handle = registry.register(context("a", thousand_of_each())).unwrap();
    lender.begin("a", MESSAGES, 300);
    lender.begin(HOST, MESSAGES, 400);
    handle.consume(messages(250)).unwrap();
    let status = StatusView::from(handle.status()).message_rate;
    assert_eq!((status.used, status.limit, status.available), (250, Some(1_000), Some(750)));
    assert_eq!(status.level, UsageLevel::Normal);
    let lease = handle.lease(MESSAGES).unwrap();
    assert_eq!((lease.leased, lease.used, lease.left()), (300, 250, 50));
    let host = registry.parent().unwrap().status().message_rate;
    assert_eq!((host.used(), host.limit().at_most()), (250, Some(2_000)));
    // A window that is over is forgotten, but for the peaks.
    lender.time.advance(SECOND);
    assert_eq!(handle.usage().message_count, 0);
    assert_eq!(handle.peak_usage().unwrap().message_count, 250);
    assert_eq!(registry.host_peak_usage().unwrap().message_count, 250);
}

#[test]
fn a_level_is_reached_by_the_use_of_one_host() {
    let notebook = Arc::new(Notebook::default());
    let lender = Lender::new(&[MESSAGES], &[]);
    let registry = lender.builder().audit(Arc::<Notebook>::clone(&notebook)).build();
    let handle = registry.register(context("a", thousand_of_each())).unwrap();
    lender.begin("a", MESSAGES, 300);
    handle.consume(messages(300)).unwrap();
    assert_eq!(notebook.take(), ["a registered"], "the lease is spent, and 30 % are used here");
    lender.extend("a", MESSAGES, 650);
    handle.consume(messages(500)).unwrap();
    handle.consume(messages(150)).unwrap();
    assert_eq!(
        notebook.take(),
        [
            "a threshold message_rate normal -> warning at 800",
            "a threshold message_rate warning -> critical at 950",
        ]
    );
    for _ in 0..3 {
        lender.time.advance(SECOND);
        handle.refresh_levels();
    }
    assert_eq!(notebook.take(), ["a threshold message_rate critical -> normal at 0"]);
}

#[test]
fn a_refusal_says_that_units_were_not_leased() {
    let lender = Lender::new(&[MESSAGES], &[]);
    let (_registry, handle) = lender.thousand();
    let view = |quota| {
        let refused = *handle.consume(quota).unwrap_err().as_quota().unwrap();
        serde_json::to_string(&RefusalView::from(refused)).unwrap()
    };
    assert_eq!(
        view(messages(1)),
        "{\"resource\":\"message_rate\",\"used\":0,\"requested\":1,\"limit\":1000,\
         \"unit\":\"messages\",\"depth\":0,\"retry\":\"after\",\"retry_after_us\":1000,\
         \"leased\":true}"
    );
    assert!(!view(QuotaType::Storage(1_001)).contains("leased"));
}

#[test]
fn a_stored_use_has_only_the_debt_of_a_rate_whose_use_the_store_keeps() {
    let lender = Lender::new(&[MESSAGES], &[]);
    let (registry, handle) = lender.thousand();
    lender.begin("a", MESSAGES, 300);
    handle.consume(messages(300)).unwrap();
    handle.consume(QuotaType::NetworkBandwidth(70)).unwrap();
    handle.consume(QuotaType::Storage(5)).unwrap();
    assert_eq!(handle.snapshot().message_count, 0);
    assert_eq!(handle.snapshot().network_bandwidth_used, 70);
    handle.charge(messages(20));
    assert_eq!((handle.usage().message_count, handle.snapshot().message_count), (320, 20));
    let file = registry.usage_file();
    // In the next process.
    let lender = Lender::new(&[MESSAGES], &[]);
    let registry = lender.builder().usage(file).build();
    let quota = thousand_of_each();
    let handle = registry.register(context("a", quota)).unwrap();
    assert_eq!(handle.usage().storage_used, 5);
    lender.begin("a", MESSAGES, 20);
    assert!(handle.consume(messages(1)).is_err(), "its debt comes first");
    lender.extend("a", MESSAGES, 1);
    handle.consume(messages(1)).unwrap();
}

#[test]
fn an_observing_registry_leases_as_well_and_counts_the_denials_that_it_would_make() {
    let lender = Lender::new(&[MESSAGES], &[]);
    let registry = lender.builder().observe_only().build();
    let handle = registry.register(context("a", thousand_of_each())).unwrap();
    lender.begin("a", MESSAGES, 10);
    handle.consume(messages(8)).unwrap();
    handle.consume(messages(5)).unwrap();
    assert_eq!(handle.denials().by_quota(MESSAGES), 1);
    assert_eq!(lender.wanted("a", MESSAGES), 5, "the lessor hears of it");
    let lease = handle.lease(MESSAGES).unwrap();
    assert_eq!((lease.used, lease.left()), (8, 2), "what was refused is not used");
}

#[test]
fn a_reset_forgives_the_debt_of_a_lease_and_not_its_use() {
    let lender = Lender::new(&[MESSAGES], &[]);
    let (registry, handle) = lender.thousand();
    lender.begin("a", MESSAGES, 10);
    handle.charge(messages(25));
    registry.reset_usage("a").unwrap();
    assert_eq!(handle.usage().message_count, 10);
    assert!(handle.consume(messages(1)).is_err(), "the store has counted them");
}

#[test]
fn a_registry_without_a_lessor_says_nothing_of_leases() {
    let registry = QuotaRegistry::new();
    let handle = registry.register(context("a", thousand_of_each())).unwrap();
    handle.consume(messages(7)).unwrap();
    assert_eq!(handle.snapshot().message_count, 7);
}
