//! The end of one execution: outcome, exit code and problem.

use core::error::Error;
use core::time::Duration;

use limits_core::{
    Escaped, HostError, QuotaError, QuotaResource, RefusedGrowth, Rejection, Wait, WasmError,
};
use limits_wasmtime::ExecutionReport;
use serde::Serialize;
use serde_json::Number;
use wasmtime_wasi::I32Exit;

use crate::outcome::Outcome;
use crate::quote::quoted;
use crate::units::{milliseconds, times};

/// Characters of an import's name that a message shows.
const MOST_OF_A_NAME: usize = 128;

/// The end of one execution.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    pub(crate) exit_code: u8,
    pub(crate) problem: Option<Problem>,
}

/// The guest called an import that `--stub-imports` stands in for.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "the guest called `{import}`, an import that only its own host implements: `--stub-imports` \
     stands in for it"
)]
pub(crate) struct StubCalled {
    import: Box<str>,
}

impl StubCalled {
    pub(crate) fn new(interface: Option<&str>, function: &str) -> Self {
        let import = match interface {
            Some(interface) => format!("{interface}#{function}"),
            None => String::from(function),
        };
        Self { import: Escaped::head(&import, MOST_OF_A_NAME).to_string().into() }
    }
}

/// The reason for an end other than success, with its numbers if it has any.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Problem {
    pub(crate) message: String,
    /// The limit, in the unit that the message names.
    pub(crate) limit: Option<Number>,
    /// The use at that time.
    pub(crate) used: Option<Number>,
    /// The request on top of it.
    pub(crate) requested: Option<Number>,
}

impl Problem {
    fn new(message: &str) -> Self {
        Self { message: quoted(message), limit: None, used: None, requested: None }
    }

    fn with_numbers(
        mut self,
        limit: impl Into<Option<u64>>,
        used: impl Into<Option<u64>>,
        requested: impl Into<Option<u64>>,
    ) -> Self {
        self.limit = limit.into().map(Number::from);
        self.used = used.into().map(Number::from);
        self.requested = requested.into().map(Number::from);
        self
    }

    /// The number found is the request: nothing is in use.
    fn with_rejection(self, rejection: &Rejection) -> Self {
        match rejection {
            Rejection::Structure { limit, found, .. } => self.with_numbers(*limit, None, *found),
            Rejection::Budget { limit, .. } => self.with_numbers(*limit, None, None),
            _ => self,
        }
    }

    /// CPU time is in milliseconds here, as everywhere in the report.
    fn with_quota(self, refused: &QuotaError) -> Self {
        let numbers = [refused.limit(), refused.used(), refused.requested()];
        if refused.resource() == QuotaResource::CpuTime {
            let [limit, used, requested] = numbers.map(|us| Number::from_f64(in_ms(us)));
            return Self { limit, used, requested, ..self };
        }
        let [limit, used, requested] = numbers;
        self.with_numbers(limit, used, requested)
    }
}

impl Ending {
    pub(crate) fn success() -> Self {
        let outcome = Outcome::Success;
        Self { outcome, exit_code: outcome.exit_code(), problem: None }
    }

    /// The guest reported its own end, with a code.
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

    /// An outcome with a message and no numbers.
    pub(crate) fn because(outcome: Outcome, message: &str) -> Self {
        Self::new(outcome, Problem::new(message))
    }

    /// An interrupt between several runs.
    pub(crate) fn stopped_between_runs(by: &str, done: u64, wanted: u64) -> Self {
        let message = format!("cancelled by {by} after {done} of {wanted} runs");
        Self::because(Outcome::Cancelled, &message)
    }

    fn new(outcome: Outcome, problem: Problem) -> Self {
        Self { outcome, exit_code: outcome.exit_code(), problem: Some(problem) }
    }

    /// Classifies an error of the executor, with the report of the execution if there was one.
    pub(crate) fn of(error: &WasmError, report: Option<&ExecutionReport>) -> Self {
        let problem = Problem::new(&message(error));
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
            WasmError::Quota(refused) => {
                Self::new(Outcome::QuotaExceeded, problem.with_quota(refused))
            }
            WasmError::Denied(_) => Self::new(Outcome::Denied, problem),
            WasmError::Rejected(rejection) => {
                Self::new(Outcome::Rejected, problem.with_rejection(rejection))
            }
            WasmError::Cancelled => Self::new(Outcome::Cancelled, problem),
            // A trap after the host had no memory for the guest is not the guest's fault.
            WasmError::Trap { refused: Some(RefusedGrowth::Host(_)), .. }
            | WasmError::HostExhausted(_)
            | WasmError::HostBusy { .. } => Self::new(Outcome::Host, problem),
            WasmError::Trap { .. } => Self::trap(problem, report),
            WasmError::Host(host) => Self::host_function(error, host, report),
            _ => Self::new(Outcome::Error, problem),
        }
    }

    /// Classifies the error of a host function.
    fn host_function(
        error: &WasmError,
        host: &HostError,
        report: Option<&ExecutionReport>,
    ) -> Self {
        if let Some(I32Exit(code)) = host.downcast_ref() {
            return Self::exit(*code);
        }
        if let Some(called) = host.downcast_ref::<StubCalled>() {
            return Self::because(Outcome::Error, &called.to_string());
        }
        if host.downcast_ref::<WasmError>().is_some() {
            // The end of another execution.
            return Self::new(Outcome::Host, Problem::new(&message(error)));
        }
        // Host functions of WASI end a guest only for what the guest did.
        let message = format!("guest trapped: {}", root_cause(error, host));
        Self::trap(Problem::new(&message), report)
    }

    /// A trap, with a hint if the guest had been refused memory: that is the usual cause.
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

/// Returns the message. An earlier refusal of memory is the hint of [`Ending::trap`].
fn message(error: &WasmError) -> String {
    match error {
        WasmError::Quota(refused) => in_words(refused),
        WasmError::Trap { reason, refused: Some(RefusedGrowth::Quota(_)) } => {
            format!("guest trapped: {reason}")
        }
        WasmError::ExecutionTimeout {
            timeout_ms,
            fuel_consumed,
            waited: Some(Wait::CpuTime(waited)),
        } => {
            let timeout = WasmError::execution_timeout(*timeout_ms, *fuel_consumed);
            let refused = in_words(&waited.refused);
            format!("{timeout}; it waited {:.0?} for CPU time: {refused}", waited.time)
        }
        error => error.to_string(),
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

/// Writes the refusal of a quota, and explains the parent if that refused.
fn in_words(refused: &QuotaError) -> String {
    let text = match refused.period() {
        Some(period) if refused.resource() == QuotaResource::CpuTime => cpu_time(refused, period),
        _ => refused.to_string(),
    };
    match refused.depth() {
        0 => text,
        _ => format!("{text} (the parent is the policy's [host])"),
    }
}

/// Writes the refusal of CPU time, in milliseconds. The request is always the smallest unit, so it
/// is left out.
fn cpu_time(refused: &QuotaError, period: Duration) -> String {
    let whose = if refused.depth() == 0 { "" } else { "the parent's " };
    let (limit, used) = (in_ms(refused.limit()), in_ms(refused.used()));
    format!("{whose}CPU time quota of {limit} ms per {period:?} exceeded: {used} ms used")
}

fn in_ms(us: u64) -> f64 {
    milliseconds(Duration::from_micros(us))
}

/// Returns the innermost error, without the layers around it.
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
    use core::time::Duration;
    use limits_core::{
        CapabilitySet, CpuWait, FuelMetrics, HostResource, HostShortage, InvalidCall,
        LimitExceeded, LimitKind, Permission, QuotaError, QuotaResource, RefusedGrowth, Retry,
        Wait, WasmError,
    };
    use wasmtime_wasi::I32Exit;

    #[test]
    fn every_error_has_its_outcome_and_its_numbers() {
        let refused = LimitExceeded::new(LimitKind::Memory, 10).with_request(4, 7);
        let quota = QuotaError::new(QuotaResource::Memory, 10).with_request(4, 7);
        let nothing = CapabilitySet::new();
        let denied = nothing.check(Permission::NetworkConnect, "a:1").into_result().unwrap_err();
        let reason = || String::from("why");
        let shortage = || HostShortage::new(HostResource::Memory, "mmap failed");
        let table = [
            (WasmError::out_of_fuel(FuelMetrics::new(5, 6)), Outcome::OutOfFuel, [5, 6, 0]),
            (WasmError::execution_timeout(50, None), Outcome::Timeout, [50, 0, 0]),
            (WasmError::OutOfMemory(refused), Outcome::OutOfMemory, [10, 4, 7]),
            (WasmError::LimitExceeded(refused), Outcome::LimitExceeded, [10, 4, 7]),
            (WasmError::Quota(quota), Outcome::QuotaExceeded, [10, 4, 7]),
            (denied.into(), Outcome::Denied, [0, 0, 0]),
            (WasmError::Cancelled, Outcome::Cancelled, [0, 0, 0]),
            (WasmError::trap(reason()), Outcome::Trap, [0, 0, 0]),
            (WasmError::HostBusy { max_concurrent: 1, pooled: None }, Outcome::Host, [0, 0, 0]),
            (
                WasmError::HostBusy { max_concurrent: 1, pooled: Some("memories") },
                Outcome::Host,
                [0, 0, 0],
            ),
            (WasmError::HostExhausted(shortage()), Outcome::Host, [0, 0, 0]),
            (
                WasmError::Trap {
                    reason: reason(),
                    refused: Some(RefusedGrowth::Host(shortage())),
                },
                Outcome::Host,
                [0, 0, 0],
            ),
            // The end of another execution.
            (WasmError::host(WasmError::trap(reason())), Outcome::Host, [0, 0, 0]),
            (WasmError::host(WasmError::Cancelled), Outcome::Host, [0, 0, 0]),
            (WasmError::InvalidComponent { reason: reason() }, Outcome::Error, [0, 0, 0]),
            (InvalidCall::NotAFunction { export: reason() }.into(), Outcome::Error, [0, 0, 0]),
            (WasmError::InvalidConfiguration { reason: reason() }, Outcome::Error, [0, 0, 0]),
        ];
        for (error, outcome, numbers) in table {
            let ending = Ending::of(&error, None);
            assert_eq!(ending.outcome, outcome);
            assert_eq!(ending.exit_code, outcome.exit_code());
            let Problem { message, limit, used, requested } = ending.problem.unwrap();
            assert_eq!(message, error.to_string());
            let shown = [limit, used, requested];
            let shown = shown.map(|number| number.and_then(|number| number.as_u64()).unwrap_or(0));
            assert_eq!(shown, numbers);
        }
    }

    #[test]
    fn cpu_time_that_was_refused_is_in_milliseconds_as_in_the_table_below_it() {
        let retry = Retry::After(Duration::from_millis(300));
        let refused = QuotaError::new(QuotaResource::CpuTime, 200_000)
            .with_request(200_250, 1)
            .with_retry(retry)
            .per(Duration::from_secs(1));
        let problem = |refused| Ending::of(&WasmError::Quota(refused), None).problem.unwrap();
        let own = problem(refused);
        assert_eq!(own.message, "CPU time quota of 200 ms per 1s exceeded: 200.25 ms used");
        assert_eq!(
            serde_json::to_value([own.limit, own.used, own.requested]).unwrap(),
            serde_json::json!([200.0, 200.25, 0.001])
        );
        assert_eq!(
            problem(refused.at_depth(1)).message,
            "the parent's CPU time quota of 200 ms per 1s exceeded: 200.25 ms used (the parent is \
             the policy's [host])"
        );
    }

    #[test]
    fn a_timeout_says_what_it_waited_for() {
        let refused = QuotaError::new(QuotaResource::CpuTime, 50_000)
            .with_request(50_000, 1)
            .per(Duration::from_secs(1));
        let waited = Some(Wait::CpuTime(CpuWait { time: Duration::from_millis(299), refused }));
        let error = WasmError::ExecutionTimeout { timeout_ms: 300, fuel_consumed: Some(7), waited };
        assert_eq!(
            Ending::of(&error, None).problem.unwrap().message,
            "execution timed out after 300 ms, 7 fuel used; it waited 299ms for CPU time: CPU time \
             quota of 50 ms per 1s exceeded: 50 ms used"
        );
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
        let error = WasmError::trap("a\nb\u{1b}[2J");
        let message = Ending::of(&error, None).problem.unwrap().message;
        assert_eq!(message, "guest trapped: a\\nb\\u{1b}[2J");
    }
}
