//! Executions whose CPU time is leased.

use core::time::Duration;

use limits_core::{QuotaType, Retry};

use super::{CPU, Lender, SECOND};
use crate::{account, context, thousand_of_each};

const ONE: QuotaType = QuotaType::CpuTimeMicros(1);

#[test]
fn cpu_time_that_is_charged_past_a_lease_is_paid_from_the_next() {
    let lender = Lender::new(&[CPU], &[]);
    let (_registry, handle) = lender.thousand();
    let execution = account(&handle);
    let waits = execution.peek(ONE).unwrap_err();
    assert_eq!(waits.retry(), Retry::After(Duration::from_millis(1)));
    lender.begin("a", CPU, 200);
    execution.peek(ONE).unwrap();
    execution.charge(QuotaType::CpuTimeMicros(250));
    assert!(execution.peek(ONE).is_err(), "50 too many");
    lender.extend("a", CPU, 50);
    assert!(execution.peek(ONE).is_err());
    lender.extend("a", CPU, 1);
    execution.peek(ONE).unwrap();
    execution.charge(QuotaType::CpuTimeMicros(301));
    assert_eq!(handle.lease(CPU).map(|lease| (lease.leased, lease.debt())), Some((251, 300)));
    // Also over the end of the window.
    lender.time.advance(SECOND);
    assert_eq!(handle.usage().cpu_time_used_us, 300);
    lender.begin("a", CPU, 300);
    assert!(execution.peek(ONE).is_err());
    lender.extend("a", CPU, 1);
    execution.peek(ONE).unwrap();
    assert_eq!(handle.denials().total(), 0, "an execution that waits is not denied");
}

#[test]
fn the_lessor_hears_of_cpu_time_before_the_lease_is_spent() {
    let lender = Lender::new(&[CPU], &[]);
    let (_registry, handle) = lender.thousand();
    let execution = account(&handle);
    lender.begin("a", CPU, 1_000);
    lender.leases("a").of(CPU).unwrap().listen(750);
    lender.shortages();
    execution.charge(QuotaType::CpuTimeMicros(749));
    assert_eq!(lender.shortages(), []);
    execution.charge(ONE);
    execution.charge(ONE);
    assert_eq!(lender.shortages(), [CPU], "once");
}

#[test]
fn an_unregistered_components_execution_goes_on_under_its_lease() {
    let lender = Lender::new(&[CPU], &[]);
    let (registry, handle) = lender.thousand();
    let execution = account(&handle);
    lender.begin("a", CPU, 10);
    registry.unregister("a").unwrap();
    execution.peek(ONE).unwrap();
    execution.charge(QuotaType::CpuTimeMicros(10));
    assert!(execution.peek(ONE).is_err());
    lender.extend("a", CPU, 1);
    execution.peek(ONE).unwrap();
}

#[test]
fn an_observed_execution_runs_without_a_lease_and_is_counted_once_for_its_wait() {
    let lender = Lender::new(&[CPU], &[]);
    let registry = lender.builder().observe_only().build();
    let handle = registry.register(context("a", thousand_of_each())).unwrap();
    let execution = account(&handle);
    lender.leases("a").of(CPU).unwrap().set_retry_at(2_000_000_000);
    for _ in 0..3 {
        execution.peek(ONE).unwrap();
        execution.charge(QuotaType::CpuTimeMicros(250));
    }
    assert_eq!(handle.denials().by_quota(CPU), 1);
    assert_eq!(handle.usage().cpu_time_used_us, 750, "debt, which the next lease pays");
}
