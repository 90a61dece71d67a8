//! Many executions of one component.

use core::time::Duration;

use super::endless;
use crate::guest_case::GuestCase;
use crate::measured::Measured;
use crate::outcome::Outcome::{QuotaExceeded, Timeout, Trap};
use crate::vector::Vector;
use crate::wat;

/// Returns the vectors.
pub(super) fn vectors() -> Vec<Vector> {
    let crash = "(local $n i32) (loop $l
           (local.set $n (i32.add (local.get $n) (i32.const 1)))
           (br_if $l (i32.lt_u (local.get $n) (i32.const 10_000_000))))
         (drop (i32.div_u (i32.const 1) (i32.const 0)))";
    vec![
        Vector::guest(
            "A15",
            "ten million turns, then a trap that hides their fuel, 40 times under a CPU quota",
            GuestCase::new(wat::run(crash), &[Trap, QuotaExceeded])
                .set("quota.cpu_time", "\"50ms/s\"")
                .set("quota.cpu_time_policy", "\"deny\"")
                .timeout_ms(1_000)
                .runs(40, 1)
                .check(|measured| quota(measured, 50)),
        ),
        Vector::guest(
            "A15",
            "the same, 40 times, four at once, that wait for CPU time",
            GuestCase::new(wat::run(crash), &[Trap, Timeout])
                .set("quota.cpu_time", "\"50ms/s\"")
                .runs(40, 4)
                .check(|measured| quota(measured, 50)),
        ),
        Vector::guest(
            "A15",
            "a start function of ten million turns that traps, 40 times under a CPU quota",
            GuestCase::new(
                wat::component(&format!(r#"(func $s {crash}) (start $s) (func (export "run"))"#)),
                &[Trap, QuotaExceeded],
            )
            .set("quota.cpu_time", "\"50ms/s\"")
            .set("quota.cpu_time_policy", "\"deny\"")
            .timeout_ms(1_000)
            .runs(40, 1)
            .check(|measured| quota(measured, 50)),
        ),
        Vector::guest(
            "A15",
            "300 executions of 3 ms each that wait for CPU time: nothing but waiting",
            GuestCase::new(wat::run("(loop $l (br $l))"), &[Timeout])
                .set("quota.cpu_time", "\"1ms/s\"")
                .timeout_ms(3)
                .runs(300, 1)
                .check(|measured| match measured.cpu_time.max(measured.window_cpu_time) {
                    time if time < Duration::from_millis(60) => Ok(()),
                    time => Err(format!("{time:?} of CPU time, where 1 ms a second is allowed")),
                }),
        ),
        Vector::guest(
            "A18",
            "64 endless loops, 32 at once, in windows of 1 ms of the component's choice",
            endless(wat::run("(loop $l (br $l))"))
                .set("quota.cpu_time", "\"1000ms/s\"")
                .set("quota.period", "\"1ms\"")
                .runs(64, 32),
        ),
        Vector::guest(
            "A18",
            "a CPU quota in a window of a day, under an operator's of 100 ms a second",
            GuestCase::new(wat::run("(loop $l (br $l))"), &[Timeout, QuotaExceeded])
                .set("quota.cpu_time", "\"100ms/s\"")
                .set("quota.period", "\"86400s\"")
                .set("quota.cpu_time_policy", "\"deny\"")
                .policy("[ceiling.quota]\ncpu_time = \"100ms/s\"")
                .timeout_ms(30)
                .runs(40, 4)
                .check(|measured| quota(measured, 100)),
        ),
    ]
}

/// The quota holds in each window that the attack lasted, but for slices that were under way. They
/// are measured by the wall clock, so a busy machine adds to them.
fn quota(measured: &Measured, quota_ms: u64) -> Result<(), String> {
    let windows = measured.whole.as_secs() + 2;
    let most = Duration::from_millis(quota_ms * windows + 150);
    match measured.cpu_time.max(measured.window_cpu_time) {
        time if time <= most => Ok(()),
        time => Err(format!("{time:?} of CPU time; {quota_ms} ms a second are allowed")),
    }
}
