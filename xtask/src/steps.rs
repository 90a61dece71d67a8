//! Timed steps that run one after another until one fails.

use core::fmt::Write as _;
use core::time::Duration;
use std::time::Instant;

use crate::failure::{Failure, Result};

/// One step: its name and its action.
pub(crate) type Step = (&'static str, fn() -> Result);

/// The result of all steps.
#[derive(Debug)]
pub(crate) struct Summary {
    /// The steps that ran, with their times.
    ran: Vec<(&'static str, Duration)>,
    /// The failure of the last step that ran.
    failure: Option<Failure>,
    /// The steps after a failure.
    left: Vec<&'static str>,
}

/// Runs the steps in order and stops at the first failure.
pub(crate) fn run(steps: &[Step]) -> Summary {
    let mut summary = Summary { ran: Vec::new(), failure: None, left: Vec::new() };
    for &(name, step) in steps {
        if summary.failure.is_some() {
            summary.left.push(name);
            continue;
        }
        eprintln!("\n== {name}");
        let start = Instant::now();
        summary.failure = step().err();
        summary.ran.push((name, start.elapsed()));
    }
    summary
}

impl Summary {
    /// Returns the table of times, the failure if there is one, and the counts as the last line.
    pub(crate) fn report(&self) -> String {
        let mut report = String::from("\n");
        let failed = usize::from(self.failure.is_some());
        let passed = self.ran.len() - failed;
        for (index, (name, time)) in self.ran.iter().enumerate() {
            let verdict = if index < passed { "ok" } else { "FAILED" };
            let _ = writeln!(report, "{name:<12} {:>8.1} s  {verdict}", time.as_secs_f64());
        }
        for name in &self.left {
            let _ = writeln!(report, "{name:<12} {:>8}    not run", "-");
        }
        if let (Some(failure), Some((name, _))) = (&self.failure, self.ran.last()) {
            let _ = writeln!(report, "\n{name}: {failure}");
        }
        let _ = writeln!(report, "\n{passed} passed, {failed} failed");
        report
    }

    /// Fails if a step failed. The report has the reason.
    pub(crate) const fn verdict(&self) -> Result {
        if self.failure.is_some() { Err(Failure::reported()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Step, run};

    const GOOD: Step = ("good", || Ok(()));
    const BAD: Step = ("bad", || Err("it broke".into()));

    #[test]
    fn the_first_failure_stops_the_rest_and_is_reported() {
        let summary = run(&[GOOD, BAD, GOOD]);
        let report = summary.report();
        let lines: Vec<_> = report.lines().collect();
        assert!(lines[1].starts_with("good ") && lines[1].ends_with("ok"));
        assert!(lines[2].starts_with("bad ") && lines[2].ends_with("FAILED"));
        assert!(lines[3].starts_with("good ") && lines[3].ends_with("not run"));
        assert!(lines.contains(&"bad: it broke"));
        assert_eq!(lines.last(), Some(&"1 passed, 1 failed"));
        assert!(summary.verdict().unwrap_err().is_reported());
    }

    #[test]
    fn when_all_is_well_the_counts_come_last() {
        let summary = run(&[GOOD, GOOD]);
        assert_eq!(summary.report().lines().last(), Some("2 passed, 0 failed"));
        assert!(summary.verdict().is_ok());
    }
}
