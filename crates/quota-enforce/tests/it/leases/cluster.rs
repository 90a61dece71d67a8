//! The state of the store, as sinks and metrics hear of it.

use core::time::Duration;
use std::io::Write;
use std::sync::{Arc, Mutex};

use limits_core::StoreLoss;
use quota_enforce::{AuditEvent, AuditKind, AuditSink, ClusterEvent, JsonLinesSink};

use super::{Lender, MESSAGES, locked};
use crate::{context, thousand_of_each};

fn fallback(id: &str) -> ClusterEvent {
    ClusterEvent::Fallback { id: Box::from(id), resource: MESSAGES, policy: StoreLoss::Share }
}

fn lost() -> ClusterEvent {
    ClusterEvent::StoreLost { reason: String::from("connection refused\n") }
}

fn back() -> ClusterEvent {
    ClusterEvent::StoreBack { after: Duration::from_millis(1_500) }
}

fn warning() -> ClusterEvent {
    ClusterEvent::Warning { text: String::from("set maxmemory-policy to noeviction") }
}

/// Keeps component, name, subject and text of each event of the cluster.
#[derive(Debug, Default)]
struct Events(Mutex<Vec<[String; 4]>>);

impl AuditSink for Events {
    fn record(&self, event: &AuditEvent<'_>) {
        let AuditEvent { component, kind, enforced, repeats, .. } = *event;
        assert_eq!((enforced, repeats), (true, Some(0)));
        if let AuditKind::Cluster(event) = kind {
            let subject = kind.subject();
            let texts = [component, kind.name(), subject, &event.to_string()].map(str::to_owned);
            locked(&self.0).push(texts);
        }
    }
}

#[test]
fn sinks_hear_of_the_store_and_of_each_component_that_goes_on_without_it() {
    let events = Arc::new(Events::default());
    let lender = Lender::new(&[MESSAGES], &[]);
    let registry = lender.builder().audit(Arc::<Events>::clone(&events)).build();
    for event in [lost(), fallback("a"), fallback(""), back(), warning()] {
        lender.announce(&event);
    }
    let expected = [
        ["", "store_lost", "", "the store of shared quotas is lost: connection refused\\n"],
        [
            "a",
            "store_fallback",
            "message_rate",
            "the message rate of `a` is `share` without the store",
        ],
        [
            "",
            "store_fallback",
            "message_rate",
            "the host's message rate is `share` without the store",
        ],
        ["", "store_back", "", "the store of shared quotas is back after 2s"],
        ["", "store_warning", "", "set maxmemory-policy to noeviction"],
    ];
    assert_eq!(*locked(&events.0), expected);
    drop(registry);
}

#[test]
fn a_registry_says_whether_the_store_answers() {
    let lender = Lender::new(&[MESSAGES], &[]);
    let (registry, _handle) = lender.thousand();
    assert_eq!(registry.is_store_connected(), Some(true));
    for (event, connected) in
        [(lost(), false), (fallback("a"), false), (warning(), false), (back(), true)]
    {
        lender.announce(&event);
        assert_eq!(registry.is_store_connected(), Some(connected));
    }
}

#[test]
fn the_audit_log_has_a_line_for_each_change() {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            locked(&self.0).extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let log = Arc::new(JsonLinesSink::new(lines.clone()).unwrap());
    let lender = Lender::new(&[MESSAGES], &[]);
    let registry = lender.builder().audit(Arc::<JsonLinesSink>::clone(&log)).build();
    let handle = registry.register(context("a", thousand_of_each())).unwrap();
    assert!(handle.consume(super::messages(1)).is_err());
    for event in [lost(), fallback("a"), back(), warning()] {
        lender.announce(&event);
    }
    assert!(log.flush(Duration::from_secs(60)));
    let text = String::from_utf8(locked(&lines.0).clone()).unwrap();
    let without_time = |line: &str| line.split_once(',').map(|(_, rest)| rest.to_owned());
    let written: Vec<_> = text.lines().skip(1).filter_map(without_time).collect();
    assert_eq!(
        written,
        [
            "\"sequence\":2,\"event\":\"quota_denied\",\"component\":\"a\",\"subject\":\"message_rate\",\
             \"enforced\":true,\"used\":0,\"requested\":1,\"limit\":1000,\"unit\":\"messages\",\
             \"depth\":0,\"retry\":\"after\",\"retry_after_us\":1000,\"leased\":true}",
            "\"sequence\":3,\"event\":\"store_lost\",\"component\":\"\",\"enforced\":true,\
             \"reason\":\"connection refused\\n\"}",
            "\"sequence\":4,\"event\":\"store_fallback\",\"component\":\"a\",\
             \"subject\":\"message_rate\",\"enforced\":true,\"on_store_loss\":\"share\"}",
            "\"sequence\":5,\"event\":\"store_back\",\"component\":\"\",\"enforced\":true,\
             \"away_ms\":1500}",
            "\"sequence\":6,\"event\":\"store_warning\",\"component\":\"\",\"enforced\":true,\
             \"reason\":\"set maxmemory-policy to noeviction\"}",
        ]
    );
    drop(registry);
}
