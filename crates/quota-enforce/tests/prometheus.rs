//! The samples that Prometheus gets; `docs/monitoring.md` shows some.

use core::time::Duration;
use std::sync::{Arc, Mutex, Weak};

use limits_core::{
    Account, CapabilitySet, Clock, ExecutionEnd, ExecutionOutcome, LeaseSignal, LeaseTerms, Leases,
    ManualClock, Permission, QuotaResource, QuotaType, ResourceQuota, StoreLoss, is_hidden,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use quota_enforce::{
    AuditEvent, AuditKind, AuditSink as _, ClusterEvent, LeaseListener, Lessor, MetricsExporter,
    NotShared, QuotaRegistry, SecurityContext,
};

/// Runs a host whose program has installed a recorder.
fn with_recorder(host: impl FnOnce(&PrometheusHandle)) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, || host(&handle));
}

fn host(labels: usize) -> (QuotaRegistry, Arc<MetricsExporter>) {
    let exporter = Arc::new(MetricsExporter::new(labels));
    let registry = QuotaRegistry::builder()
        .clock(Arc::new(ManualClock::new()))
        .audit(Arc::<MetricsExporter>::clone(&exporter))
        .build();
    (registry, exporter)
}

fn context(id: &str) -> SecurityContext {
    let quota =
        ResourceQuota::new().with_storage(1_000).with_cpu_time(limits_core::Allowance::Unlimited);
    SecurityContext::with_quota(id, CapabilitySet::new(), quota)
}

/// Returns the samples of one metric, sorted.
fn samples(handle: &PrometheusHandle, metric: &str) -> Vec<String> {
    let text = handle.render();
    let mut samples: Vec<_> = text
        .lines()
        .filter(|line| line.strip_prefix(metric).is_some_and(|rest| rest.starts_with(['{', ' '])))
        .map(str::to_owned)
        .collect();
    samples.sort_unstable();
    samples
}

#[test]
fn use_limits_and_denials_are_exported() {
    with_recorder(|prometheus| {
        let (registry, exporter) = host(10);
        let shop = registry.register(context("shop")).unwrap();
        shop.consume(QuotaType::Storage(850)).unwrap();
        shop.consume(QuotaType::CpuTimeMicros(1_500)).unwrap();
        assert!(shop.consume(QuotaType::Storage(200)).is_err());
        assert!(shop.consume(QuotaType::Storage(200)).is_err());
        assert!(shop.check(Permission::FilesystemRead, "/x").is_err());
        exporter.export(&registry);
        assert_eq!(
            samples(prometheus, "quota_used"),
            [
                "quota_used{component=\"shop\",resource=\"cpu_time\"} 1500",
                "quota_used{component=\"shop\",resource=\"memory\"} 0",
                "quota_used{component=\"shop\",resource=\"message_rate\"} 0",
                "quota_used{component=\"shop\",resource=\"network_bandwidth\"} 0",
                "quota_used{component=\"shop\",resource=\"storage\"} 850",
                "quota_used{component=\"shop\",resource=\"storage_entries\"} 0",
            ]
        );
        assert_eq!(
            samples(prometheus, "quota_limit"),
            [
                "quota_limit{component=\"shop\",resource=\"memory\"} 268435456",
                "quota_limit{component=\"shop\",resource=\"message_rate\"} 1000",
                "quota_limit{component=\"shop\",resource=\"network_bandwidth\"} 10485760",
                "quota_limit{component=\"shop\",resource=\"storage\"} 1000",
            ]
        );
        assert_eq!(
            samples(prometheus, "quota_denials_total"),
            [
                "quota_denials_total{component=\"shop\",resource=\"capability\"} 1",
                "quota_denials_total{component=\"shop\",resource=\"storage\"} 2",
            ]
        );
        assert_eq!(samples(prometheus, "quota_components"), ["quota_components 1"]);
    });
}

#[test]
fn the_number_of_labels_is_bounded_however_many_components_come_and_go() {
    with_recorder(|prometheus| {
        let (registry, exporter) = host(2);
        for index in 0..50 {
            let id = format!("c{index:02}");
            let handle = registry.register(context(&id)).unwrap();
            handle.consume(QuotaType::Storage(10)).unwrap();
            assert!(handle.consume(QuotaType::Storage(2_000)).is_err());
            exporter.export(&registry);
            if index < 40 {
                registry.unregister(&id).unwrap();
            }
        }
        exporter.export(&registry);
        let stored: Vec<_> = samples(prometheus, "quota_used")
            .into_iter()
            .filter(|sample| sample.contains("\"storage\""))
            .collect();
        assert_eq!(
            stored,
            [
                "quota_used{component=\"c00\",resource=\"storage\"} 0",
                "quota_used{component=\"c01\",resource=\"storage\"} 0",
                "quota_used{component=\"other\",resource=\"storage\"} 100",
            ]
        );
        assert_eq!(
            samples(prometheus, "quota_denials_total"),
            [
                "quota_denials_total{component=\"c00\",resource=\"storage\"} 1",
                "quota_denials_total{component=\"c01\",resource=\"storage\"} 1",
                "quota_denials_total{component=\"other\",resource=\"storage\"} 48",
            ]
        );
        assert_eq!(samples(prometheus, "quota_components"), ["quota_components 10"]);
    });
}

#[test]
fn when_the_others_are_gone_they_use_nothing() {
    with_recorder(|prometheus| {
        let (registry, exporter) = host(0);
        registry.register(context("a")).unwrap().consume(QuotaType::Storage(10)).unwrap();
        exporter.export(&registry);
        registry.unregister("a").unwrap();
        exporter.export(&registry);
        let stored: Vec<_> = samples(prometheus, "quota_used")
            .into_iter()
            .filter(|sample| sample.contains("\"storage\""))
            .collect();
        assert_eq!(stored, ["quota_used{component=\"other\",resource=\"storage\"} 0"]);
    });
}

#[test]
fn no_limit_outlives_its_component() {
    with_recorder(|prometheus| {
        let (registry, exporter) = host(10);
        let shop = registry.register(context("shop")).unwrap();
        registry.register(context("gone")).unwrap();
        shop.consume(QuotaType::Storage(900)).unwrap();
        exporter.export(&registry);
        let unlimited = limits_core::Allowance::Unlimited;
        registry.set_quota("shop", shop.quota().with_storage(unlimited).with_memory(0)).unwrap();
        registry.unregister("gone").unwrap();
        exporter.export(&registry);
        let limits = samples(prometheus, "quota_limit");
        let of = |labels: &str| {
            let sample = limits.iter().find(|sample| sample.contains(labels)).cloned();
            sample.and_then(|sample| sample.split(' ').nth(1).map(str::to_owned))
        };
        // Used by limit is then nothing, and not what it was under the old one.
        assert_eq!(of("component=\"shop\",resource=\"storage\"").as_deref(), Some("inf"));
        assert_eq!(of("component=\"shop\",resource=\"memory\"").as_deref(), Some("0"));
        assert_eq!(of("component=\"shop\",resource=\"cpu_time\""), None);
        assert_eq!(of("component=\"gone\",resource=\"storage\"").as_deref(), Some("0"));
        assert_eq!(of("component=\"gone\",resource=\"cpu_time\""), None);
        registry.register(context("gone")).unwrap();
        exporter.export(&registry);
        let again = samples(prometheus, "quota_limit");
        assert!(
            again.contains(&String::from(
                "quota_limit{component=\"gone\",resource=\"storage\"} 1000"
            ))
        );
    });
}

/// The end of an execution that waited for its turn twice as long as for CPU time.
fn end(outcome: ExecutionOutcome, cpu_us: u64, throttled_ms: u64) -> ExecutionEnd {
    let mut end = ExecutionEnd::new(outcome);
    end.cpu_time = Duration::from_micros(cpu_us);
    end.throttled_time = Duration::from_millis(throttled_ms);
    end.queued_time = end.throttled_time * 2;
    end
}

#[test]
fn executions_are_counted_as_they_end_without_a_scrape_or_registration() {
    with_recorder(|prometheus| {
        let (registry, _exporter) = host(1);
        let shop = Arc::<dyn Account>::from(registry.register(context("shop")).unwrap());
        let beyond = Arc::<dyn Account>::from(registry.register(context("beyond")).unwrap());
        shop.ended(&end(ExecutionOutcome::Success, 1_250_000, 0));
        shop.ended(&end(ExecutionOutcome::Timeout, 250_000, 750));
        registry.unregister("shop").unwrap();
        shop.ended(&end(ExecutionOutcome::Success, 500_000, 0));
        let again = Arc::<dyn Account>::from(registry.register(context("shop")).unwrap());
        again.ended(&end(ExecutionOutcome::Success, 1, 0));
        beyond.ended(&end(ExecutionOutcome::Trap, 3_000_000, 500));
        assert_eq!(
            samples(prometheus, "executions_total"),
            [
                "executions_total{component=\"other\",outcome=\"trap\"} 1",
                "executions_total{component=\"shop\",outcome=\"success\"} 3",
                "executions_total{component=\"shop\",outcome=\"timeout\"} 1",
            ]
        );
        assert_eq!(
            samples(prometheus, "cpu_seconds_total"),
            [
                "cpu_seconds_total{component=\"other\"} 3",
                "cpu_seconds_total{component=\"shop\"} 2.000001",
            ]
        );
        assert_eq!(
            samples(prometheus, "throttled_seconds_total"),
            [
                "throttled_seconds_total{component=\"other\"} 0.5",
                "throttled_seconds_total{component=\"shop\"} 0.75",
            ]
        );
        assert_eq!(
            samples(prometheus, "queued_seconds_total"),
            [
                "queued_seconds_total{component=\"other\"} 1",
                "queued_seconds_total{component=\"shop\"} 1.5",
            ]
        );
    });
}

#[test]
fn the_hosts_use_and_limits_are_exported() {
    with_recorder(|prometheus| {
        let exporter = Arc::new(MetricsExporter::new(10));
        let unlimited = limits_core::Allowance::Unlimited;
        let quota = ResourceQuota::new()
            .with_storage(1_500)
            .with_storage_entries(7)
            .with_memory(0)
            .with_cpu_time(unlimited)
            .with_message_rate(unlimited)
            .with_network_bandwidth(unlimited);
        let registry = QuotaRegistry::builder().host(quota).build();
        for id in ["one", "other one"] {
            registry.register(context(id)).unwrap().consume(QuotaType::Storage(400)).unwrap();
        }
        exporter.export(&registry);
        assert_eq!(
            samples(prometheus, "quota_host_used"),
            [
                "quota_host_used{resource=\"cpu_time\"} 0",
                "quota_host_used{resource=\"memory\"} 0",
                "quota_host_used{resource=\"message_rate\"} 0",
                "quota_host_used{resource=\"network_bandwidth\"} 0",
                "quota_host_used{resource=\"storage\"} 800",
                "quota_host_used{resource=\"storage_entries\"} 0",
            ]
        );
        assert_eq!(
            samples(prometheus, "quota_host_limit"),
            [
                "quota_host_limit{resource=\"memory\"} 0",
                "quota_host_limit{resource=\"storage\"} 1500",
                "quota_host_limit{resource=\"storage_entries\"} 7",
            ]
        );
        registry.parent().unwrap().set_quota(quota.with_storage(unlimited)).unwrap();
        exporter.export(&registry);
        assert!(
            samples(prometheus, "quota_host_limit")
                .contains(&String::from("quota_host_limit{resource=\"storage\"} inf"))
        );
    });
}

#[test]
fn labels_show_every_hidden_character() {
    with_recorder(|prometheus| {
        let (registry, exporter) = host(10_000);
        let shop = registry.register(context("shop")).unwrap();
        let capabilities = shop.capabilities();
        let decision = capabilities.check(Permission::FilesystemRead, "/x");
        // Ids of another registry, which nothing has checked.
        for letter in ('\0'..=char::MAX).filter(|letter| is_hidden(*letter)) {
            let id = format!("a{letter}b");
            exporter.record(&AuditEvent::new(&id, AuditKind::CapabilityDenied(decision), true));
            exporter.execution_ended(&id, &end(ExecutionOutcome::Success, 1, 0));
        }
        let text = prometheus.render();
        assert!(text.contains("a\\\\u{202e}b"));
        assert!(!text.chars().any(|letter| letter != '\n' && is_hidden(letter)));
    });
}

/// A lessor whose store comes and goes by a test's hand.
#[derive(Debug)]
struct Lender {
    clock: Arc<dyn Clock>,
    lent: Mutex<Option<Arc<Leases>>>,
    listener: Mutex<Option<Weak<dyn LeaseListener>>>,
}

impl LeaseSignal for Lender {
    fn short(&self, _: QuotaResource) {}
}

impl Lender {
    fn announce(&self, event: &ClusterEvent) {
        let listener = self.listener.lock().expect("no thread panics with it").clone();
        listener
            .and_then(|listener| listener.upgrade())
            .expect("a registry")
            .cluster_changed(event);
    }
}

impl Lessor for Lender {
    fn component(&self, _: &str, _: &ResourceQuota) -> Result<Option<Arc<Leases>>, NotShared> {
        Ok(self.lent.lock().expect("no thread panics with it").clone())
    }

    fn host(&self, _: &ResourceQuota) -> Result<Option<Arc<Leases>>, NotShared> {
        Ok(None)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    fn attach(&self, listener: Weak<dyn LeaseListener>) {
        *self.listener.lock().expect("no thread panics with it") = Some(listener);
    }
}

fn lender() -> Arc<Lender> {
    Arc::new(Lender {
        clock: Arc::new(ManualClock::new()),
        lent: Mutex::default(),
        listener: Mutex::default(),
    })
}

#[test]
fn the_store_of_shared_quotas_and_the_leases_are_exported() {
    const MESSAGES: QuotaResource = QuotaResource::MessageRate;
    with_recorder(|prometheus| {
        let exporter = Arc::new(MetricsExporter::new(10));
        let lender = lender();
        let leases = Arc::new(Leases::new(&[MESSAGES], Arc::<Lender>::clone(&lender)));
        *lender.lent.lock().unwrap() = Some(Arc::clone(&leases));
        let registry = QuotaRegistry::builder()
            .audit(Arc::<MetricsExporter>::clone(&exporter))
            .lessor(Arc::<Lender>::clone(&lender))
            .build();
        let shop = registry.register(context("shop")).unwrap();
        let terms = LeaseTerms { units: 40, until: 1_000, ends: 1_000 };
        leases.of(MESSAGES).unwrap().begin(terms, &lender.clock);
        shop.consume(QuotaType::MessageRate(7)).unwrap();
        exporter.export(&registry);
        let message_rate = "{component=\"shop\",resource=\"message_rate\"}";
        assert_eq!(samples(prometheus, "quota_leased"), [format!("quota_leased{message_rate} 40")]);
        assert!(samples(prometheus, "quota_used").contains(&format!("quota_used{message_rate} 7")));
        let connected = |is: u8| [format!("quota_cluster_store_connected {is}")];
        assert_eq!(samples(prometheus, "quota_cluster_store_connected"), connected(1));

        lender.announce(&ClusterEvent::StoreLost { reason: String::from("refused") });
        assert_eq!(samples(prometheus, "quota_cluster_store_connected"), connected(0), "at once");
        for id in ["shop", ""] {
            let (id, resource, policy) = (Box::from(id), MESSAGES, StoreLoss::Share);
            lender.announce(&ClusterEvent::Fallback { id, resource, policy });
        }
        lender.announce(&ClusterEvent::StoreBack { after: Duration::from_secs(1) });
        lender.announce(&ClusterEvent::Warning { text: String::from("set it") });
        exporter.export(&registry);
        assert_eq!(samples(prometheus, "quota_cluster_store_connected"), connected(1));
        for (counter, sample) in [
            ("quota_cluster_store_losses_total", "quota_cluster_store_losses_total 1"),
            (
                "quota_cluster_fallbacks_total",
                "quota_cluster_fallbacks_total{resource=\"message_rate\",policy=\"share\"} 2",
            ),
            ("quota_cluster_warnings_total", "quota_cluster_warnings_total 1"),
        ] {
            assert_eq!(samples(prometheus, counter), [sample]);
        }
        assert!(samples(prometheus, "quota_denials_total").is_empty());
    });
}

#[test]
fn a_registry_without_a_lessor_has_no_gauge_of_a_store() {
    with_recorder(|prometheus| {
        let (registry, exporter) = host(10);
        exporter.export(&registry);
        assert!(samples(prometheus, "quota_cluster_store_connected").is_empty());
    });
}
