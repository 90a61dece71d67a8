//! Limits that fit what a component used in measured executions.

use core::time::Duration;

use limits_core::{ResourceLimits, ResourceLimitsBuilder};

use crate::report::ExecutionReport;

/// Memory that a measured execution has at least: 256 MiB.
const LEAST_ROOM: u64 = 256 * 1024 * 1024;
/// Memory that a measured execution gets at most beyond what is declared: 4 GiB, all that one
/// 32-bit memory can have.
const MOST_ROOM: u64 = 4 * 1024 * 1024 * 1024;
/// Declared memory is multiplied by this for a measured execution.
const ROOM_FACTOR: u64 = 10;
/// Guests grow by pages of this size.
const PAGE: u64 = 64 * 1024;
/// The least timeout worth suggesting, in milliseconds: below it the system's scheduler decides.
const LEAST_TIMEOUT_MS: u64 = 10;

/// Resources that several executions of one component used, and limits that fit them.
///
/// Measure under [`roomy_limits`](Self::roomy_limits), and only executions that succeed: one that
/// a limit ended shows the allowed use, not the needed one.
///
/// ```
/// use limits_wasmtime::limits_core::ResourceLimits;
/// use limits_wasmtime::wasmtime::component::Linker;
/// use limits_wasmtime::{Calibration, ComponentExecutor, LimitState, create_engine};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let bytes = wat::parse_str("(component
/// #   (core module $m (func (export \"f\") (result i32) i32.const 20))
/// #   (core instance $i (instantiate $m))
/// #   (func (export \"f\") (result u32) (canon lift (core func $i \"f\"))))")?;
/// let executor = ComponentExecutor::new(create_engine()?)?;
/// let component = executor.compile(&bytes)?;
/// let component = executor.prepare(&component, &Linker::new(executor.engine()))?;
/// let declared = ResourceLimits::builder().memory_bytes(65_536).build()?;
/// let roomy = Calibration::roomy_limits(&declared, 60_000).build()?;
/// let mut reports = Vec::new();
/// for _ in 0..5 {
///     let done = executor
///         .execute_with_limits::<_, (), (u32,)>(&component, &roomy, LimitState::new(), "f", ())
///         .await?;
///     reports.push(done.report);
/// }
/// let calibration = Calibration::from_reports(&reports).expect("five executions were measured");
/// let fitting = calibration.suggest(1.5).build()?;
/// assert!(fitting.max_fuel_per_execution() >= calibration.fuel.max);
/// assert!(fitting.execution_timeout_ms() >= 10); // milliseconds
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Calibration {
    /// Fuel, in units.
    pub fuel: Distribution<u64>,
    /// The peak of all memories and tables of a store, in bytes.
    pub peak_memory_bytes: Distribution<u64>,
    /// Time on a thread.
    pub cpu_time: Distribution<Duration>,
    /// Time from instantiation to the end.
    pub wall_time: Distribution<Duration>,
}

/// The distribution of a measured quantity over several executions.
///
/// Percentiles are nearest-rank: each is a measured number, and with fewer than 100 of them the
/// 99th is the maximum.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Distribution<T> {
    /// The minimum.
    pub min: T,
    /// The median.
    pub median: T,
    /// The 99th percentile.
    pub p99: T,
    /// The maximum.
    pub max: T,
}

impl<T: Copy + Ord> Distribution<T> {
    /// Describes measured numbers. `None` if there are none.
    #[must_use]
    pub fn new(measured: impl IntoIterator<Item = T>) -> Option<Self> {
        let mut sorted: Vec<T> = measured.into_iter().collect();
        sorted.sort_unstable();
        let rank = |percent: usize| {
            let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            sorted.get(index).copied()
        };
        Some(Self { min: rank(0)?, median: rank(50)?, p99: rank(99)?, max: rank(100)? })
    }

    /// Returns minimum, median, 99th percentile and maximum.
    #[must_use]
    pub const fn quartet(self) -> [T; 4] {
        [self.min, self.median, self.p99, self.max]
    }
}

impl Calibration {
    /// Describes the use of several executions. `None` if there are none.
    #[must_use]
    pub fn from_reports(reports: &[ExecutionReport]) -> Option<Self> {
        let reports = reports.iter();
        Some(Self {
            fuel: Distribution::new(reports.clone().map(|used| used.fuel.consumed()))?,
            peak_memory_bytes: Distribution::new(
                reports.clone().map(|used| used.peak_memory_bytes),
            )?,
            cpu_time: Distribution::new(reports.clone().map(|used| used.cpu_time))?,
            wall_time: Distribution::new(reports.map(|used| used.wall_time))?,
        })
    }

    /// Begins limits that an honest guest does not reach: unlimited fuel, ten times the declared
    /// memory (256 MiB to 4 GiB, and never less than declared), and the given timeout. The declared
    /// bounds on counts stay, and a refusal names the bound that was reached.
    pub fn roomy_limits(declared: &ResourceLimits, timeout_ms: u64) -> ResourceLimitsBuilder {
        let memory = declared.max_memory_bytes();
        let room = memory.saturating_mul(ROOM_FACTOR).clamp(LEAST_ROOM, MOST_ROOM);
        ResourceLimitsBuilder::from(*declared)
            .memory_bytes(room.max(memory))
            .max_fuel(u64::MAX)
            .execution_timeout_ms(timeout_ms)
    }

    /// Begins limits for memory, fuel and time: the maximum [times](Self::times) `headroom`,
    /// rounded up to whole pages, three digits of fuel and whole milliseconds, of which there are
    /// at least 10.
    pub fn suggest(&self, headroom: f64) -> ResourceLimitsBuilder {
        let over = |measured: u64| Self::times(measured, headroom);
        let wall_us = u64::try_from(self.wall_time.max.as_micros()).unwrap_or(u64::MAX);
        let memory = over(self.peak_memory_bytes.max);
        ResourceLimits::builder()
            .memory_bytes(memory.checked_next_multiple_of(PAGE).unwrap_or(u64::MAX))
            .max_fuel(three_digits(over(self.fuel.max)))
            .execution_timeout_ms(over(wall_us).div_ceil(1_000).max(LEAST_TIMEOUT_MS))
    }

    /// Multiplies a measured number by `headroom` and rounds up; the result stops at `u64::MAX`.
    ///
    /// A headroom counts in thousandths. One below 1, and one that is no number, count as 1; one
    /// above 1000 counts as 1000.
    #[must_use]
    pub fn times(measured: u64, headroom: f64) -> u64 {
        // False for what is no number as well.
        let factor = if headroom >= 1.0 { headroom.min(1_000.0) } else { 1.0 };
        #[expect(clippy::as_conversions, reason = "it is from 1 000 to 1 000 000")]
        let thousandths = (factor * 1_000.0).round() as u128;
        let product = u128::from(measured).saturating_mul(thousandths);
        u64::try_from(product.div_ceil(1_000)).unwrap_or(u64::MAX)
    }
}

/// Rounds up to three digits and zeros.
fn three_digits(number: u64) -> u64 {
    let mut unit: u64 = 1;
    while number / unit >= 1_000 {
        unit *= 10;
    }
    number.checked_next_multiple_of(unit).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Calibration, Distribution, LEAST_ROOM, MOST_ROOM, three_digits};
    use core::time::Duration;
    use limits_core::ResourceLimits;

    fn suggested(memory: u64, fuel: u64, wall_us: u64, headroom: f64) -> (u64, u64, u64) {
        let same = |number| Distribution::new([number]).unwrap();
        let calibration = Calibration {
            fuel: same(fuel),
            peak_memory_bytes: same(memory),
            cpu_time: Distribution::new([Duration::ZERO]).unwrap(),
            wall_time: Distribution::new([Duration::from_micros(wall_us)]).unwrap(),
        };
        let limits = calibration.suggest(headroom).build().unwrap();
        (limits.max_memory_bytes(), limits.max_fuel_per_execution(), limits.execution_timeout_ms())
    }

    #[test]
    fn a_suggestion_is_rounded_up_to_what_people_write() {
        assert_eq!(suggested(65_536, 812_345, 30_100, 1.5), (131_072, 1_220_000, 46));
        assert_eq!(suggested(0, 0, 0, 1.5), (0, 0, 10));
        assert_eq!(suggested(u64::MAX, 1, 1, 1.5).0, u64::MAX);
    }

    #[test]
    fn three_digits_are_kept_and_nothing_wraps() {
        let rounded = [0, 7, 999, 1_000, 1_001, 123_456, u64::MAX].map(three_digits);
        assert_eq!(rounded, [0, 7, 999, 1_000, 1_010, 124_000, u64::MAX]);
    }

    #[test]
    fn the_product_is_rounded_up_and_never_wraps() {
        let products = [0, 1, 1_000, u64::MAX].map(|measured| Calibration::times(measured, 1.5));
        assert_eq!(products, [0, 2, 1_500, u64::MAX]);
        assert_eq!(Calibration::times(1_000, 1.1), 1_100);
        let clamped =
            [f64::NAN, f64::INFINITY, -2.0, 0.5, 1e9].map(|by| Calibration::times(1_000, by));
        assert_eq!(clamped, [1_000, 1_000_000, 1_000, 1_000, 1_000_000]);
    }

    #[test]
    fn roomy_limits_are_never_below_the_declared_ones() {
        let of = |bytes| {
            let limits = ResourceLimits::builder().memory_bytes(bytes).max_handles(3).build();
            Calibration::roomy_limits(&limits.unwrap(), 60_000).build().unwrap()
        };
        assert_eq!(of(1).max_memory_bytes(), LEAST_ROOM);
        assert_eq!(of(100 << 20).max_memory_bytes(), 1_000 << 20);
        assert_eq!(of(2 << 30).max_memory_bytes(), MOST_ROOM);
        assert_eq!(of(8 << 30).max_memory_bytes(), 8 << 30);
        assert_eq!(of(1).max_fuel_per_execution(), u64::MAX);
        assert_eq!((of(1).execution_timeout_ms(), of(1).max_handles()), (60_000, 3));
    }

    #[test]
    fn declared_bounds_other_than_memory_fuel_and_time_stay() {
        let declared = |memory, fuel, timeout_ms| {
            let limits = ResourceLimits::builder()
                .memory_bytes(memory)
                .max_fuel(fuel)
                .execution_timeout_ms(timeout_ms)
                .max_instances(1)
                .max_memories(2)
                .max_tables(3)
                .max_table_elements(4)
                .max_copy_bytes(5)
                .max_handles(6)
                .max_resources(7)
                .max_output_bytes(8)
                .max_output_rate(9)
                .max_random_bytes(10)
                .max_descriptors(11)
                .max_directory_entries(12)
                .max_blocking_threads(13)
                .max_sockets(14)
                .max_requests(15);
            limits.build().unwrap()
        };
        let roomy = Calibration::roomy_limits(&declared(1, 1, 1), 60_000).build().unwrap();
        assert_eq!(roomy, declared(LEAST_ROOM, u64::MAX, 60_000));
    }

    #[test]
    fn every_percentile_is_a_measured_number() {
        let of = |measured: Vec<u64>| Distribution::new(measured).map(Distribution::quartet);
        assert_eq!(of(vec![]), None);
        assert_eq!(of(vec![7]), Some([7, 7, 7, 7]));
        assert_eq!(of(vec![3, 1, 2]), Some([1, 2, 3, 3]));
        assert_eq!(of((1..=20).rev().collect()), Some([1, 10, 20, 20]));
        assert_eq!(of((1..=200).collect()), Some([1, 100, 198, 200]));
        assert!(Calibration::from_reports(&[]).is_none());
    }
}
