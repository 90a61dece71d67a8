//! The windows of a component's rates under a policy with rates.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use limits_config::{Change, ComponentConfig, EffectiveConfig, Policy, SettingKey};
use limits_core::{Allowance, ManualClock, QuotaResource, QuotaTracker, QuotaType};
use proptest::prelude::*;

use crate::MINIMAL;

const HASH: [u8; 32] = [0xab; 32];

fn apply(component: &str, policy: &str, hash: Option<&[u8; 32]>) -> EffectiveConfig {
    let config = ComponentConfig::from_toml(&format!("{MINIMAL}{component}")).unwrap();
    Policy::from_toml(policy).unwrap().apply(&config, &config.component.name, hash)
}

fn report(effective: &EffectiveConfig) -> Vec<String> {
    effective.changes().iter().map(ToString::to_string).collect()
}

#[test]
fn a_component_cannot_lift_the_operators_rate_with_a_period_of_its_own() {
    let effective = apply(
        "[quota]\nperiod = \"86400s\"\n",
        "[ceiling.quota]\nmessage_rate = 100\nnetwork_bandwidth = \"20MB/s\"\n\
         cpu_time = \"100ms/s\"\n",
        None,
    );
    let quota = effective.quota();
    assert_eq!(quota.reset_period, Duration::from_secs(1));
    assert_eq!(quota.max_message_rate, Allowance::AtMost(100));
    assert_eq!(quota.max_network_bandwidth, Allowance::AtMost(10 << 20));
    assert_eq!(quota.max_cpu_time_ms, Allowance::AtMost(100));
    assert_eq!(
        report(&effective),
        [
            "quota.message_rate lowered from 1000/s to 100/s by policy [ceiling] quota.message_rate",
            "quota.cpu_time lowered from 1000 ms/s to 100 ms/s by policy [ceiling] quota.cpu_time",
            "quota.period lowered from 86400000 ms to 1000 ms by policy [ceiling] \
             quota.message_rate",
        ]
    );
    let tracker = QuotaTracker::new(quota);
    assert!(tracker.consume(QuotaType::MessageRate(101)).is_err());
}

#[test]
fn a_period_becomes_a_part_of_the_operators() {
    for (component, policy, period, changes) in [
        // A divisor of it stays as it is.
        ("period = \"250ms\"", "ceiling.quota.message_rate = 1000", 250, vec![]),
        ("", "ceiling.quota = { message_rate = 1000, period = \"60s\" }", 1_000, vec![]),
        // A table without rates sets no window.
        ("period = \"60s\"", "ceiling.quota.storage = \"1GB\"", 60_000, vec![]),
        ("period = \"60s\"", "ceiling.quota.message_rate = \"unlimited\"", 60_000, vec![]),
        (
            "period = \"60s\"",
            "ceiling.quota.message_rate = 0",
            60_000,
            vec![
                "quota.message_rate lowered from 1000/s to 0/s by policy [ceiling] \
                 quota.message_rate",
            ],
        ),
        (
            "period = \"700ms\"",
            "ceiling.quota.message_rate = 1000",
            500,
            vec![
                "quota.period lowered from 700 ms to 500 ms by policy [ceiling] quota.message_rate",
            ],
        ),
        (
            "period = \"60s\"",
            "ceiling.quota = { message_rate = 1000, period = \"30s\" }",
            30_000,
            vec!["quota.period lowered from 60000 ms to 30000 ms by policy [ceiling] quota.period"],
        ),
        // A rate would come out as zero in 2 ms.
        (
            "period = \"3ms\"",
            "ceiling.quota.message_rate = 400",
            1_000,
            vec![
                "quota.message_rate lowered from 1000/s to 400/s by policy [ceiling] \
                 quota.message_rate",
                "quota.period raised from 3 ms to 1000 ms by policy [ceiling] quota.message_rate",
            ],
        ),
        // An override bounds as a ceiling does.
        (
            "period = \"60s\"",
            "component.x.quota.message_rate = 5000",
            1_000,
            vec![
                "quota.message_rate raised from 1000/s to 5000/s by policy [component.\"x\"] \
                 quota.message_rate",
                "quota.period lowered from 60000 ms to 1000 ms by policy [component.\"x\"] \
                 quota.message_rate",
            ],
        ),
        // Without a hash an override's period is no longer than the ceiling's.
        (
            "",
            "ceiling.quota.message_rate = 1000\ncomponent.x.quota.period = \"60s\"",
            1_000,
            vec![
                "policy [component.\"x\"] quota.period of 60000 ms is above the ceiling of 1000 ms \
                 and pins no matching sha256: the ceiling counts",
            ],
        ),
        // Windows of 700 ms and of 1 s are both made of those of 100 ms.
        (
            "",
            "ceiling.quota.message_rate = 1000\n\
             component.x.quota = { cpu_time = \"500ms/s\", period = \"700ms\" }",
            100,
            vec![
                "quota.cpu_time lowered from 1000 ms/s to 500 ms/s by policy [component.\"x\"] \
                 quota.cpu_time",
                "policy [component.\"x\"] quota.period of 700 ms is above the ceiling of 100 ms \
                 and pins no matching sha256: the ceiling counts",
                "quota.period lowered from 1000 ms to 100 ms by policy [component.\"x\"] \
                 quota.period",
            ],
        ),
    ] {
        let effective = apply(&format!("[quota]\n{component}\n"), policy, None);
        let expected = Some(Allowance::AtMost(period).into());
        assert_eq!(effective.value(SettingKey::Period), expected, "{component} {policy}");
        assert_eq!(report(&effective), changes, "{component} {policy}");
    }
}

#[test]
fn the_period_of_an_override_for_its_hash_counts_as_it_is() {
    let policy = format!(
        "ceiling.quota.message_rate = 100\n\
         [component.x]\nsha256 = \"{}\"\nquota.period = \"60s\"\n",
        "AB".repeat(32)
    );
    let matching = apply("", &policy, Some(&HASH));
    assert_eq!(matching.quota().reset_period, Duration::from_secs(60));
    assert_eq!(matching.quota().max_message_rate, Allowance::AtMost(6_000));
    for hash in [None, Some(&[0; 32])] {
        let other = apply("", &policy, hash);
        assert_eq!(other.quota().reset_period, Duration::from_secs(1));
        assert_eq!(other.quota().max_message_rate, Allowance::AtMost(100));
    }
}

/// The rates of one table.
#[derive(Clone, Debug)]
struct Rates {
    messages: Option<u64>,
    bandwidth: Option<u64>,
    cpu_time: Option<u64>,
    period: Option<u64>,
}

impl Rates {
    fn lines(&self, prefix: &str) -> String {
        let Self { messages, bandwidth, cpu_time, period } = self;
        let line = |key: &str, value: Option<String>| {
            value.map(|value| format!("{prefix}quota.{key} = {value}\n")).unwrap_or_default()
        };
        [
            line("message_rate", messages.map(|rate| rate.to_string())),
            line("network_bandwidth", bandwidth.map(|rate| rate.to_string())),
            line("cpu_time", cpu_time.map(|rate| format!("\"{rate}ms/s\""))),
            line("period", period.map(|ms| format!("\"{ms}ms\""))),
        ]
        .concat()
    }

    fn get(&self, resource: QuotaResource) -> Option<u64> {
        match resource {
            QuotaResource::MessageRate => self.messages,
            QuotaResource::NetworkBandwidth => self.bandwidth,
            _ => self.cpu_time,
        }
    }

    fn window_ms(&self) -> u64 {
        self.period.unwrap_or(1_000)
    }
}

const RATES: [QuotaResource; 3] =
    [QuotaResource::MessageRate, QuotaResource::NetworkBandwidth, QuotaResource::CpuTime];

fn rates() -> impl Strategy<Value = Rates> {
    let rate = || proptest::option::of(prop_oneof![0_u64..2_000, 0_u64..5_000_000]);
    let period = proptest::option::of(prop_oneof![
        1_u64..=60,
        (1_u64..=60).prop_map(|part| part * 10),
        (1_u64..=30).prop_map(|part| part * 100),
    ]);
    (rate(), rate(), rate(), period).prop_map(|(messages, bandwidth, cpu_time, period)| Rates {
        messages,
        bandwidth,
        cpu_time,
        period,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn in_no_window_of_the_operators_does_a_component_get_more_than_the_operator_wrote(
        asked in rates(),
        ceiling in rates(),
        over in rates(),
        pinned: bool,
        matches: bool,
        late in 0_u64..5_000,
    ) {
        // A file is refused if a rate of its own comes out as zero.
        let asked = Rates {
            messages: asked.messages.map(|rate| rate * 1_000),
            bandwidth: asked.bandwidth.map(|rate| rate * 1_000),
            cpu_time: asked.cpu_time.map(|rate| rate * 1_000),
            period: asked.period,
        };
        let pin = format!("component.x.sha256 = \"{}\"\n", "AB".repeat(32));
        let pin = if pinned { &*pin } else { "" };
        let policy = [pin, &ceiling.lines("ceiling."), &over.lines("component.x.")].concat();
        let hash = if matches { HASH } else { [0; 32] };
        let config = ComponentConfig::from_toml(&(asked.lines("") + MINIMAL)).unwrap();
        let policy = Policy::from_toml(&policy).unwrap();
        let effective = policy.apply(&config, &config.component.name, Some(&hash));
        let quota = effective.quota();
        let window = u64::try_from(quota.reset_period.as_millis()).unwrap();

        let is_period =
            |change: &Change| matches!(change, Change::Setting { key: SettingKey::Period, .. });
        let told = effective.changes().iter().any(is_period);
        prop_assert_eq!(told, window != asked.window_ms());

        // Rates of an override with the matching hash pass the ceiling, and its period counts for
        // all rates.
        let lifted = |resource| {
            let over = over.get(resource).is_some() || over.period.is_some();
            !pin.is_empty() && matches && over
        };
        let mut bounds = Vec::new();
        for resource in RATES {
            bounds.extend(over.get(resource).map(|rate| (resource, rate, over.window_ms())));
            let ceiling = ceiling.get(resource).map(|rate| (resource, rate, ceiling.window_ms()));
            bounds.extend(ceiling.filter(|_| !lifted(resource)));
        }

        // The greediest component takes all there is as soon as a window begins. The operator's
        // windows begin with the tracker, whenever that is.
        let clock = Arc::new(ManualClock::new());
        clock.advance(Duration::from_millis(late));
        let tracker = QuotaTracker::with_clock(quota, clock.clone());
        let mut sums: BTreeMap<(usize, u64), u128> = BTreeMap::new();
        let longest = ceiling.window_ms().max(over.window_ms()).max(window);
        for at in (0..2 * longest).step_by(usize::try_from(window).unwrap()) {
            for resource in RATES {
                let all = QuotaType::of(resource, u64::MAX);
                let Ok(taken) = tracker.reserve_up_to(all) else { continue };
                let amount = u128::from(taken.amount(resource));
                taken.commit();
                for (index, (bounded, _, ms)) in bounds.iter().enumerate() {
                    if *bounded == resource {
                        *sums.entry((index, at / ms)).or_default() += amount;
                    }
                }
            }
            clock.advance(Duration::from_millis(window));
        }
        for ((index, number), sum) in sums {
            let (resource, rate, ms) = bounds[index];
            let unit = if resource == QuotaResource::CpuTime { 1_000 } else { 1 };
            let most = u128::from(rate) * u128::from(ms) / 1_000 * unit;
            prop_assert!(
                sum <= most,
                "{resource:?}: {sum} of {most} in window {number} of {ms} ms, counted per {window} ms",
            );
        }
    }
}
