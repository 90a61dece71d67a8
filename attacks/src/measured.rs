//! The measurements of an attack, and the verdict.

use core::time::Duration;
use std::collections::BTreeMap;

use crate::guest_case::GuestCase;
use crate::outcome::Outcome;

/// An execution may take ten times its deadline and this long: the machine is busy, and one step of
/// the attack may be uninterruptible.
const GRACE: Duration = Duration::from_millis(250);
/// An attack of this length leaves the neighbour time for an answer.
const LONG: Duration = Duration::from_millis(250);

/// The measurements of one attack: one or more executions of a guest.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Measured {
    /// The executions by their outcome.
    pub outcomes: BTreeMap<Outcome, u32>,
    /// The message of the execution that failed last.
    pub message: String,
    /// The time from the file to the component that can run.
    pub compile: Duration,
    /// The memory of the process that compiled, at its peak.
    pub compile_peak: Option<u64>,
    /// The longest execution.
    pub longest: Duration,
    /// The deadline of each.
    pub deadline: Duration,
    /// The time from the beginning of the first execution to the end of the last.
    pub whole: Duration,
    /// CPU time of all executions; in the command, of one.
    pub cpu_time: Duration,
    /// The most CPU time in one window of the quota.
    pub window_cpu_time: Duration,
    /// The bytes by which the host's process has grown at its peak.
    pub growth: u64,
    /// The bytes of memory that the guests may have at one time.
    pub allowed_memory: u64,
    /// The answers of the neighbour, where it had one.
    pub neighbour: Option<Answers>,
}

/// The answers of a neighbour during an attack.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Answers {
    /// The number of right ones.
    pub right: usize,
    /// The first one that was wrong or failed.
    pub wrong: Option<String>,
    /// The time of the slowest.
    pub slowest: Duration,
}

impl Measured {
    /// Returns the time by which the longest execution passed its deadline.
    #[must_use]
    pub fn lateness(&self) -> Duration {
        self.longest.saturating_sub(self.deadline)
    }

    /// Returns the most frequent outcome.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcomes.iter().max_by_key(|(_, count)| **count).map(|(outcome, _)| *outcome)
    }

    /// Returns everything that is not as the case promises.
    #[must_use]
    pub fn judge(&self, case: &GuestCase) -> Vec<String> {
        let mut faults = Vec::new();
        for outcome in self.outcomes.keys().filter(|outcome| !case.ends.contains(outcome)) {
            faults.push(format!("ended as {outcome}, not as {:?}: {}", case.ends, self.message));
        }
        if self.outcomes.is_empty() {
            faults.push(String::from("was not executed"));
        }
        if !self.message.contains(case.says) {
            faults.push(format!("said `{}`, without `{}`", self.message, case.says));
        }
        if self.longest > self.deadline * 10 + GRACE {
            faults.push(format!("took {:?} under a deadline of {:?}", self.longest, self.deadline));
        }
        let allowed = self.allowed_memory.saturating_add(case.growth);
        if self.growth > allowed {
            faults.push(format!("the host grew by {} bytes; {allowed} are allowed", self.growth));
        }
        if let Some(neighbour) = &self.neighbour {
            if let Some(wrong) = &neighbour.wrong {
                faults.push(format!("the neighbour was disturbed: {wrong}"));
            }
            if neighbour.right == 0 && self.whole >= LONG {
                faults.push(format!("the neighbour had no answer in {:?}", self.whole));
            }
        }
        faults.extend(case.check.and_then(|check| check(self).err()));
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::{Answers, GRACE, Measured};
    use crate::guest_case::{GuestCase, MARGIN};
    use crate::outcome::Outcome;
    use core::time::Duration;

    fn good() -> Measured {
        Measured {
            outcomes: [(Outcome::Timeout, 1)].into(),
            message: String::from("execution timed out"),
            longest: Duration::from_millis(51),
            deadline: Duration::from_millis(50),
            whole: Duration::from_secs(1),
            growth: MARGIN,
            neighbour: Some(Answers { right: 1, ..Answers::default() }),
            ..Measured::default()
        }
    }

    fn case() -> GuestCase {
        GuestCase::new("", &[Outcome::Timeout]).says("timed out")
    }

    #[test]
    fn an_attack_that_is_contained_has_no_fault() {
        assert_eq!(good().judge(&case()), Vec::<String>::new());
    }

    #[test]
    fn each_broken_promise_is_a_fault() {
        type Spoil = fn(&mut Measured);
        let spoil: [(Spoil, &str); 8] = [
            (|it| it.outcomes = [(Outcome::Trap, 1)].into(), "ended as trap"),
            (|it| it.outcomes.clear(), "was not executed"),
            (|it| it.message.clear(), "without `timed out`"),
            (|it| it.longest = it.deadline * 10 + GRACE * 2, "took"),
            (|it| it.growth += 1, "the host grew"),
            (|it| it.neighbour = Some(Answers::default()), "no answer"),
            (
                |it| {
                    let answers = it.neighbour.as_mut().unwrap();
                    answers.wrong = Some(String::from("7"));
                },
                "the neighbour was disturbed: 7",
            ),
            (|it| it.cpu_time = Duration::from_secs(9), "too much CPU time"),
        ];
        for (spoil, fault) in spoil {
            let mut measured = good();
            spoil(&mut measured);
            let case = case().check(|it| match it.cpu_time {
                Duration::ZERO => Ok(()),
                _ => Err(String::from("too much CPU time")),
            });
            let faults = measured.judge(&case);
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert!(faults[0].contains(fault), "{faults:?}");
        }
    }
}
