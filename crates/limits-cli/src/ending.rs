//! How one execution ended, and why.

use core::error::Error;

use limits_core::{HostError, QuotaError, WasmError};
use limits_wasmtime::{ExecutionReport, printable};
use serde::Serialize;
use wasmtime_wasi::I32Exit;

use crate::outcome::Outcome;

/// How one execution ended.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    pub(crate) exit_code: u8,
    pub(crate) problem: Option<Problem>,
}

/// What went wrong, with numbers where there are any.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Problem {
    pub(crate) message: String,
    /// The limit that was met, in the unit that the message names.
    pub(crate) limit: Option<u64>,
    /// What was in use then.
    pub(crate) used: Option<u64>,
    /// What was asked for on top.
    pub(crate) requested: Option<u64>,
}

impl Problem {
    fn new(message: &str) -> Self {
        Self { message: printable(message), limit: None, used: None, requested: None }
    }

    fn with_numbers(
        mut self,
        limit: impl Into<Option<u64>>,
        used: impl Into<Option<u64>>,
        requested: impl Into<Option<u64>>,
    ) -> Self {
        self.limit = limit.into();
        self.used = used.into();
        self.requested = requested.into();
        self
    }
}

impl Ending {
    pub(crate) fn success() -> Self {
        let outcome = Outcome::Success;
        Self { outcome, exit_code: outcome.exit_code(), problem: None }
    }

    /// The guest said that it failed, with a code if it gave one.
    pub(crate) fn exit(code: i32) -> Self {
        if code == 0 {
            return Self::success();
        }
        Self {
            outcome: Outcome::Exit,
            // WASI gives codes of one byte. Anything else must still not look like success.
            exit_code: u8::try_from(code).unwrap_or(Outcome::Exit.exit_code()),
            problem: Some(Problem::new(&format!("the guest ended itself with exit code {code}"))),
        }
    }

    /// Nothing ran, or nobody wants to know how.
    pub(crate) fn because(outcome: Outcome, message: &str) -> Self {
        Self::new(outcome, Problem::new(message))
    }

    /// Somebody asked to stop when some of several runs were done.
    pub(crate) fn stopped_between_runs(by: &str, done: u64, wanted: u64) -> Self {
        let message = format!("cancelled by {by} after {done} of {wanted} runs");
        Self::because(Outcome::Cancelled, &message)
    }

    fn new(outcome: Outcome, problem: Problem) -> Self {
        Self { outcome, exit_code: outcome.exit_code(), problem: Some(problem) }
    }

    /// Sorts an error of the executor, with what was used by then if anything ran.
    pub(crate) fn of(error: &WasmError, report: Option<&ExecutionReport>) -> Self {
        let problem = Problem::new(&match error {
            WasmError::Quota(refused) => in_words(refused),
            error => error.to_string(),
        });
        match error {
            WasmError::OutOfFuel { max_fuel, consumed } => {
                Self::new(Outcome::OutOfFuel, problem.with_numbers(*max_fuel, *consumed, None))
            }
            WasmError::ExecutionTimeout { timeout_ms, .. } => {
                let elapsed =
                    report.and_then(|report| u64::try_from(report.wall_time.as_millis()).ok());
                Self::new(Outcome::Timeout, problem.with_numbers(*timeout_ms, elapsed, None))
            }
            WasmError::OutOfMemory(refused) => Self::new(
                Outcome::OutOfMemory,
                problem.with_numbers(refused.limit(), refused.used(), refused.requested()),
            ),
            WasmError::LimitExceeded(refused) => Self::new(
                Outcome::LimitExceeded,
                problem.with_numbers(refused.limit(), refused.used(), refused.requested()),
            ),
            WasmError::Quota(refused) => Self::new(
                Outcome::QuotaExceeded,
                problem.with_numbers(refused.limit(), refused.used(), refused.requested()),
            ),
            WasmError::Denied(_) => Self::new(Outcome::Denied, problem),
            WasmError::Cancelled => Self::new(Outcome::Cancelled, problem),
            WasmError::Trap { .. } => Self::trap(problem, report),
            WasmError::Host(host) => match host.downcast_ref::<I32Exit>() {
                Some(I32Exit(code)) => Self::exit(*code),
                // WASI's host functions end a guest only for what the guest did.
                None => {
                    let message = format!("guest trapped: {}", root_cause(error, host));
                    Self::trap(Problem::new(&message), report)
                }
            },
            _ => Self::new(Outcome::Error, problem),
        }
    }

    /// A guest that traps after it was refused memory has most often run out of it.
    fn trap(problem: Problem, report: Option<&ExecutionReport>) -> Self {
        let Some((report, (refused, numbers))) =
            report.and_then(|report| Some((report, refusal(report)?)))
        else {
            return Self::new(Outcome::Trap, problem);
        };
        let [limit, used, requested] = numbers;
        let hinted = Problem {
            message: format!(
                "{} (hint: it had been refused to grow {} before, last: {refused})",
                problem.message,
                times(report.refusals)
            ),
            ..problem
        };
        Self::new(Outcome::Trap, hinted.with_numbers(limit, used, requested))
    }
}

/// Returns the last refusal to grow, in words, with its limit, use and request.
fn refusal(report: &ExecutionReport) -> Option<(String, [Option<u64>; 3])> {
    let by_limit = report.last_refusal.map(|refused| {
        let numbers = [Some(refused.limit()), refused.used(), refused.requested()];
        (refused.to_string(), numbers)
    });
    by_limit.or_else(|| {
        let refused = report.last_quota_refusal?;
        let numbers = [refused.limit(), refused.used(), refused.requested()];
        Some((in_words(&refused), numbers.map(Some)))
    })
}

/// Says what a quota refused, and who the parent is if it was the parent's.
fn in_words(refused: &QuotaError) -> String {
    match refused.level() {
        0 => refused.to_string(),
        _ => format!("{refused} (the parent is the policy's [host])"),
    }
}

/// Says how often something happened.
pub(crate) fn times(count: u64) -> String {
    match count {
        1 => String::from("once"),
        count => format!("{count} times"),
    }
}

/// Names what went wrong itself instead of the layers that it went through.
fn root_cause(error: &WasmError, host: &HostError) -> String {
    let mut innermost: Option<&dyn Error> = error.source();
    while let Some(next) = innermost.and_then(Error::source) {
        innermost = Some(next);
    }
    innermost.map_or_else(|| host.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::{Ending, Problem};
    use crate::outcome::Outcome;
    use limits_core::{
        CapabilitySet, FuelMetrics, LimitExceeded, LimitKind, Permission, QuotaError,
        QuotaResource, Retry, WasmError,
    };
    use wasmtime_wasi::I32Exit;

    #[test]
    fn every_error_has_its_outcome_and_its_numbers() {
        let refused = LimitExceeded::new(LimitKind::Memory, 10).with_request(4, 7);
        let quota = QuotaError::new(QuotaResource::Memory, 4, 7, 10, Retry::Now);
        let nothing = CapabilitySet::new();
        let denied = nothing.check(Permission::NetworkConnect, "a:1").into_result().unwrap_err();
        let reason = || String::from("why");
        let table = [
            (WasmError::out_of_fuel(FuelMetrics::new(5, 6)), Outcome::OutOfFuel, [5, 6, 0]),
            (WasmError::execution_timeout(50, None), Outcome::Timeout, [50, 0, 0]),
            (WasmError::OutOfMemory(refused), Outcome::OutOfMemory, [10, 4, 7]),
            (WasmError::LimitExceeded(refused), Outcome::LimitExceeded, [10, 4, 7]),
            (WasmError::Quota(quota), Outcome::QuotaExceeded, [10, 4, 7]),
            (denied.into(), Outcome::Denied, [0, 0, 0]),
            (WasmError::Cancelled, Outcome::Cancelled, [0, 0, 0]),
            (WasmError::Trap { reason: reason() }, Outcome::Trap, [0, 0, 0]),
            (WasmError::HostBusy { max_concurrent: 1 }, Outcome::Error, [0, 0, 0]),
            (WasmError::InvalidComponent { reason: reason() }, Outcome::Error, [0, 0, 0]),
            (WasmError::InvalidCall { reason: reason() }, Outcome::Error, [0, 0, 0]),
            (WasmError::InvalidConfiguration { reason: reason() }, Outcome::Error, [0, 0, 0]),
        ];
        for (error, outcome, numbers) in table {
            let ending = Ending::of(&error, None);
            assert_eq!(ending.outcome, outcome);
            assert_eq!(ending.exit_code, outcome.exit_code());
            let Problem { message, limit, used, requested } = ending.problem.unwrap();
            assert_eq!(message, error.to_string());
            assert_eq!([limit, used, requested].map(Option::unwrap_or_default), numbers);
        }
    }

    #[test]
    fn what_a_guest_did_to_a_host_function_is_the_guests_trap() {
        let ending = Ending::of(&WasmError::host("unknown handle index 77"), None);
        assert_eq!(ending.outcome, Outcome::Trap);
        assert_eq!(ending.problem.unwrap().message, "guest trapped: unknown handle index 77");
    }

    #[test]
    fn an_exit_is_success_only_with_code_zero() {
        assert_eq!(Ending::of(&WasmError::host(I32Exit(0)), None).outcome, Outcome::Success);
        for (code, exit_code) in [(3, 3), (255, 255), (256, 1), (-1, 1)] {
            let ending = Ending::of(&WasmError::host(I32Exit(code)), None);
            assert_eq!((ending.outcome, ending.exit_code), (Outcome::Exit, exit_code));
            assert_eq!(
                ending.problem.unwrap().message,
                format!("the guest ended itself with exit code {code}")
            );
        }
    }

    #[test]
    fn a_guests_words_cannot_forge_lines() {
        let error = WasmError::Trap { reason: String::from("a\nb\u{1b}[2J") };
        let message = Ending::of(&error, None).problem.unwrap().message;
        assert_eq!(message, "guest trapped: a\\nb\\u{1b}[2J");
    }
}
