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
    /// The steps that this machine lacks a tool for, with the command that installs it.
    without_tool: Vec<(&'static str, Failure)>,
    /// The failure of the last step that ran.
    failure: Option<Failure>,
    /// The steps after a failure.
    left: Vec<&'static str>,
}

/// The fate of a step that this machine lacks a tool for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WithoutTool {
    /// The step fails.
    Fails,
    /// The step is left out, and the summary says so.
    LeftOut,
}

impl WithoutTool {
    /// Returns [`Fails`](Self::Fails) where the environment has `CI=true`.
    pub(crate) fn by_environment() -> Self {
        let in_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        if in_ci { Self::Fails } else { Self::LeftOut }
    }
}

/// Runs the steps in order and stops at the first failure.
pub(crate) fn run(steps: &[Step], without_tool: WithoutTool) -> Summary {
    let mut summary =
        Summary { ran: Vec::new(), without_tool: Vec::new(), failure: None, left: Vec::new() };
    for &(name, step) in steps {
        if summary.failure.is_some() {
            summary.left.push(name);
            continue;
        }
        eprintln!("\n== {name}");
        let start = Instant::now();
        match step() {
            Err(failure) if failure.is_missing_tool() && without_tool == WithoutTool::LeftOut => {
                eprintln!("left out: {failure}");
                summary.without_tool.push((name, failure));
                continue;
            }
            ended => summary.failure = ended.err(),
        }
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
        for (name, _) in &self.without_tool {
            let _ = writeln!(report, "{name:<12} {:>8}    left out", "-");
        }
        for name in &self.left {
            let _ = writeln!(report, "{name:<12} {:>8}    not run", "-");
        }
        for (name, failure) in &self.without_tool {
            let _ = writeln!(report, "\n{name} was left out: {failure}");
        }
        if let (Some(failure), Some((name, _))) = (&self.failure, self.ran.last()) {
            let _ = writeln!(report, "\n{name}: {failure}");
        }
        let _ = write!(report, "\n{passed} passed, {failed} failed");
        match self.without_tool.len() {
            0 => report.push('\n'),
            count => {
                let _ = writeln!(report, ", {count} left out");
            }
        }
        report
    }

    /// Fails if a step failed. The report has the reason.
    pub(crate) const fn verdict(&self) -> Result {
        if self.failure.is_some() { Err(Failure::reported()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::WithoutTool::{Fails, LeftOut};
    use super::{Step, run};
    use crate::failure::Failure;

    const GOOD: Step = ("good", || Ok(()));
    const BAD: Step = ("bad", || Err("it broke".into()));
    const TOOL: Step = ("tool", || Err(Failure::missing_tool("no cc: `apt-get install cc`")));

    #[test]
    fn the_first_failure_stops_the_rest_and_is_reported() {
        let summary = run(&[GOOD, BAD, GOOD], LeftOut);
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
        let summary = run(&[GOOD, GOOD], LeftOut);
        assert_eq!(summary.report().lines().last(), Some("2 passed, 0 failed"));
        assert!(summary.verdict().is_ok());
    }
    #[test]
    fn a_step_without_its_tool_is_left_out_and_the_last_lines_say_how_to_install_it() {
        let summary = run(&[TOOL, GOOD], LeftOut);
        let report = summary.report();
        let lines: Vec<_> = report.lines().collect();
        assert!(lines[1].starts_with("good ") && lines[1].ends_with("ok"));
        assert!(lines[2].starts_with("tool ") && lines[2].ends_with("left out"));
        assert_eq!(
            lines[lines.len() - 3..],
            [
                "tool was left out: no cc: `apt-get install cc`",
                "",
                "1 passed, 0 failed, 1 left out"
            ]
        );
        assert!(summary.verdict().is_ok());
    }

    #[test]
    fn in_ci_a_step_without_its_tool_fails() {
        let summary = run(&[TOOL, GOOD], Fails);
        let report = summary.report();
        assert!(report.lines().any(|line| line == "tool: no cc: `apt-get install cc`"));
        assert_eq!(report.lines().last(), Some("0 passed, 1 failed"));
        assert!(summary.verdict().is_err());
    }
}
