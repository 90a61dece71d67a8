//! The smallest and largest values: no overflow, and exact waits.

use core::time::Duration;
use limits_core::{
    Allowance, Clock, ManualClock, QuotaError, QuotaTracker, QuotaType, ResourceQuota, Retry,
};
use proptest::prelude::*;
use std::sync::Arc;

const DAY_NS: u64 = 86_400_000_000_000;

/// The most that a rate of 1 s can count.
const CAPACITY: u64 = (1 << 35) - 2;

/// The longest wait, and the longest period.
const LONGEST: Duration = Duration::from_nanos(u64::MAX - 2);

fn extreme() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..3_u64,
        (0..3_u64).prop_map(|less| u64::MAX - less),
        (0..5_u64).prop_map(|more| CAPACITY - 2 + more),
        (0..64_u32).prop_map(|bit| 1 << bit),
    ]
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![
        extreme(),
        (0..4_u64, 1..1_100_u64).prop_map(|(early, ms)| ms * 1_000_000 - early),
        (0..4_u64, 1..3_u64).prop_map(|(early, days)| days * DAY_NS - early),
    ]
}

fn quota() -> impl Strategy<Value = ResourceQuota> {
    let period = prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::from_nanos(1)),
        Just(Duration::from_millis(1)),
        Just(Duration::from_secs(1)),
        Just(Duration::from_nanos(DAY_NS)),
        Just(Duration::MAX),
        time().prop_map(Duration::from_nanos),
    ];
    let limit =
        || prop_oneof![4 => extreme().prop_map(Allowance::AtMost), 1 => Just(Allowance::Unlimited)];
    (period, limit(), limit(), limit(), limit()).prop_map(|(period, total, rate, other, cpu)| {
        ResourceQuota::new()
            .with_storage(total)
            .with_storage_entries(total)
            .with_memory(total)
            .with_message_rate(rate)
            .with_network_bandwidth(other)
            .with_cpu_time(cpu)
            .with_reset_period(period)
    })
}

fn amount() -> impl Strategy<Value = QuotaType> {
    (0..7_u8, extreme()).prop_map(|(which, n)| match which {
        0 => QuotaType::Storage(n),
        1 => QuotaType::Memory(n),
        2 => QuotaType::MessageRate(n),
        3 => QuotaType::NetworkBandwidth(n),
        4 => QuotaType::CpuTime(n),
        5 => QuotaType::StorageEntries(n),
        _ => QuotaType::CpuTimeMicros(n),
    })
}

/// One event of a history.
#[derive(Clone, Debug)]
enum Event {
    Time(u64),
    Consume(QuotaType),
    Reserve(Vec<QuotaType>),
    UpTo(QuotaType),
    Charge(QuotaType),
    SetQuota(ResourceQuota),
    Reset,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => time().prop_map(Event::Time),
        6 => amount().prop_map(Event::Consume),
        3 => prop::collection::vec(amount(), 0..4).prop_map(Event::Reserve),
        2 => amount().prop_map(Event::UpTo),
        3 => amount().prop_map(Event::Charge),
        1 => quota().prop_map(Event::SetQuota),
        1 => Just(Event::Reset),
    ]
}

/// Checks that a refusal ends at its time, and not one nanosecond earlier.
fn is_exact(
    error: &QuotaError,
    clock: &ManualClock,
    peek: impl Fn() -> Result<(), QuotaError>,
) -> Result<(), TestCaseError> {
    let now = clock.now_ns();
    prop_assert!(peek().is_err());
    // The longest wait stands for times that no clock of 64 bits shows.
    if let Retry::After(wait) = error.retry()
        && wait < LONGEST
        && let Some(end) = now.checked_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX))
    {
        prop_assert!(end > now);
        clock.set_ns(end - 1);
        prop_assert!(peek().is_err(), "earlier than {error:?}");
        clock.set_ns(end);
        prop_assert!(peek().is_ok(), "later than {error:?}");
        clock.set_ns(now);
    }
    Ok(())
}

proptest! {
    // I1 I4 I8 I10 I12
    #[test]
    fn nothing_overflows_and_every_wait_is_exact(birth in time(), quotas in prop::collection::vec(quota(), 1..4), events in prop::collection::vec(event(), 1..40)) {
        let clock = Arc::new(ManualClock::new());
        clock.set_ns(birth);
        let shown: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let mut tracker = Arc::new(QuotaTracker::with_clock(quotas[0], shown));
        for quota in &quotas[1..] {
            tracker = Arc::new(QuotaTracker::with_parent(*quota, tracker));
        }
        for event in events {
            match event {
                Event::Time(ns) => clock.set_ns(ns),
                Event::Consume(quota) => {
                    let fits = tracker.peek(quota);
                    let taken = tracker.consume(quota);
                    prop_assert_eq!(fits, taken);
                    if let Err(error) = taken {
                        is_exact(&error, &clock, || tracker.peek(quota))?;
                    }
                }
                Event::Reserve(quotas) => {
                    let before = tracker.usage();
                    match tracker.reserve_all(&quotas).map(drop) {
                        Err(error) => {
                            prop_assert_eq!(tracker.usage(), before);
                            // A total may refuse for longer than a rate waits.
                            if quotas.iter().filter_map(|it| it.resource()).all(|it| it.is_rate()) {
                                is_exact(&error, &clock, || tracker.peek_all(&quotas))?;
                            }
                        }
                        Ok(()) => prop_assert!(tracker.peek_all(&quotas).is_ok()),
                    }
                }
                Event::UpTo(quota) => {
                    if let Ok(part) = tracker.reserve_up_to(quota) {
                        let resource = quota.resource().map_or(0, |resource| part.amount(resource));
                        prop_assert!(resource <= quota.amount());
                        part.commit();
                    }
                }
                Event::Charge(quota) => prop_assert!(tracker.charge(quota) <= quota.amount()),
                Event::SetQuota(quota) => {
                    let quota = quota.with_reset_period(tracker.quota().reset_period);
                    prop_assert!(tracker.set_quota(quota).is_ok());
                    prop_assert!(tracker.set_quota(tracker.quota()).is_ok());
                }
                Event::Reset => tracker.reset(),
            }
            let _ = (tracker.usage(), tracker.status(), tracker.is_quota_warning());
        }
    }
}
