//! The use of all resources of one level: the component's quotas, or the host's ceilings.

use core::time::Duration;

use limits_config::{Origin, Setting, format_size};
use limits_core::{Allowance, QuotaResource};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::guest::account::{AccountUse, PeakUse};
use crate::report::text::WARNING;
use crate::units::{grouped, milliseconds, three_decimals, times};

/// The value without a limit.
const UNLIMITED: &str = "unlimited";

/// A level of trackers, by its table of settings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Level {
    /// `[quota]` of one component.
    Component,
    /// `[host]`, over all components.
    Host,
}

/// The use of all resources of one level by all runs together. Serialised, it is a map from the
/// resources' keys.
#[derive(Clone, Debug)]
pub(crate) struct LevelUse {
    level: Level,
    rows: Vec<ResourceUse>,
    /// The window of the rates.
    period: Duration,
}

/// The use of one resource.
#[derive(Clone, Copy, Debug)]
struct ResourceUse {
    used: PeakUse,
    origin: Origin,
}

impl LevelUse {
    /// Adds the origins of the limits, which `settings` have, to the use of a level.
    pub(crate) fn new(level: Level, used: &AccountUse, settings: &[Setting]) -> Self {
        let table = match level {
            Level::Component => "quota",
            Level::Host => "host",
        };
        let row = |used: &PeakUse| {
            let is_its_own = |setting: &Setting| {
                let name = setting.key.as_str().strip_prefix(table);
                name.and_then(|name| name.strip_prefix('.')) == Some(used.resource.key())
            };
            let setting = settings.iter().copied().find(is_its_own);
            ResourceUse {
                used: *used,
                origin: setting.map_or(Origin::Default, |setting| setting.origin),
            }
        };
        Self { level, rows: used.peaks.iter().map(row).collect(), period: used.period }
    }

    /// Writes a line for each resource that was refused, whose limit is declared, or that the
    /// component used: use of the host without a ceiling is the component's own.
    pub(crate) fn lines(&self) -> Vec<String> {
        let is_told = |row: &&ResourceUse| {
            let PeakUse { peak, denied, .. } = row.used;
            let is_declared = row.origin != Origin::Default;
            is_declared || denied > 0 || (self.level == Level::Component && peak.used() > 0)
        };
        self.rows.iter().filter(is_told).map(|row| row.line(self.period)).collect()
    }
}

impl Serialize for LevelUse {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(self.rows.iter().map(|row| (row.used.resource.key(), row)))
    }
}

impl ResourceUse {
    fn line(&self, period: Duration) -> String {
        let PeakUse { resource, peak, denied } = self.used;
        let limit = match peak.limit() {
            Allowance::AtMost(limit) => bound(resource, limit),
            Allowance::Unlimited => String::from(UNLIMITED),
        };
        let when = match resource.is_rate() {
            true => format!("in {period:?}"),
            false => String::from("at one time"),
        };
        let set_by = match self.origin {
            Origin::Policy => ", set by policy",
            _ => "",
        };
        let denials = match denied {
            0 => String::new(),
            count => format!(", {WARNING}denied {}{WARNING:#}", times(count)),
        };
        format!(
            "{resource}: {} of {limit} {when}, {:.1} %{set_by}{denials}",
            amount(resource, peak.used()),
            peak.percentage(),
        )
    }
}

impl Serialize for ResourceUse {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Row {
            used: Value,
            limit: Value,
            percent: f64,
            denied: u64,
            origin: Origin,
        }
        let PeakUse { resource, peak, denied } = self.used;
        let limit = peak.limit().at_most();
        Row {
            used: number(resource, peak.used()),
            limit: limit.map_or_else(|| UNLIMITED.into(), |limit| number(resource, limit)),
            percent: three_decimals(peak.percentage()),
            denied,
            origin: self.origin,
        }
        .serialize(s)
    }
}

/// Whether a resource is counted in microseconds; reports have CPU time in milliseconds.
fn is_time(resource: QuotaResource) -> bool {
    resource == QuotaResource::CpuTime
}

pub(crate) fn number(resource: QuotaResource, units: u64) -> Value {
    match is_time(resource) {
        true => milliseconds(Duration::from_micros(units)).into(),
        false => units.into(),
    }
}

pub(crate) fn amount(resource: QuotaResource, units: u64) -> String {
    match resource.unit() {
        _ if is_time(resource) => format!("{:.3} ms", milliseconds(Duration::from_micros(units))),
        "bytes" => format_size(units),
        _ => grouped(units),
    }
}

pub(crate) fn bound(resource: QuotaResource, units: u64) -> String {
    match is_time(resource) {
        true => format!("{} ms", milliseconds(Duration::from_micros(units))),
        false => amount(resource, units),
    }
}
