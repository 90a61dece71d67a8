//! The verdict over a history.

use core::fmt;
use core::ops::Range;
use std::collections::BTreeMap;

use crate::history::History;

/// The question to a history.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "parts of a question")]
pub struct Question {
    /// The limit of all hosts in a window.
    pub limit: u64,
    /// The windows that use is measured in. Over is looked for in all.
    pub measured: Range<u64>,
    /// Units that the store has charged, by window, if a proxy has recorded them.
    pub charged: Option<BTreeMap<u64, u64>>,
}

/// One window of a run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a row of the table")]
pub struct Row {
    /// Units that all hosts have taken.
    pub units: u64,
    /// Units past the limit.
    pub over: u64,
    /// Units past the limit by the time after the takes had returned.
    pub returned_over: u64,
    /// Units of leases that were over: those taken when none was in force, and those that a host
    /// has taken past the units that it received for the window.
    pub late: u64,
    /// Units asked for by callers.
    pub asked: u64,
    /// Units that the store granted, and that hosts received.
    pub received: u64,
}

/// The verdict over a history.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "figures of a report")]
pub struct Verdict {
    /// The limit in a window.
    pub limit: u64,
    /// Each window in which a host took or asked.
    pub rows: BTreeMap<u64, Row>,
    /// Units over the limit, in all windows.
    pub over: u64,
    /// The windows with such units.
    pub over_windows: usize,
    /// The most units over in one window.
    pub worst: u64,
    /// Units over the limit by the time after the takes had returned: a thread that is stopped
    /// between its take and the look at the time adds to them.
    pub returned_over: u64,
    /// Units taken of leases that were over.
    pub late: u64,
    /// Units taken in the measured windows, as hundredths of the lower of limit and demand.
    pub use_percent: f64,
    /// The use that is missing, in windows.
    pub lost_windows: f64,
    /// The measured windows.
    pub measured: usize,
    /// Units charged by the store and received by no host, if that was recorded; the largest of a
    /// window.
    pub unreceived: Option<u64>,
    /// Questions of all hosts in the measured windows.
    pub questions: u64,
    /// Questions for each unit asked for.
    pub round_trips_per_request: f64,
    /// Questions of a host in a window, on average.
    pub questions_per_host_window: f64,
}

impl Verdict {
    /// Judges a history.
    #[must_use]
    pub fn of(history: &History, question: &Question) -> Self {
        let limit = question.limit;
        let mut rows: BTreeMap<u64, Row> = BTreeMap::new();
        let mut questions = 0;
        let mut hosts = 0;
        for host in &history.hosts {
            for (window, counts) in &host.takes {
                let row = rows.entry(*window).or_default();
                let received = host.received.get(window).copied().unwrap_or(0);
                row.units += counts.units;
                row.returned_over += counts.returned;
                row.asked += counts.asked;
                // Peers do not write down what they received.
                let unreceived = match host.received.is_empty() {
                    true => 0,
                    false => counts.units.saturating_sub(received),
                };
                row.late += unreceived.max(counts.other);
            }
            for (window, units) in &host.received {
                rows.entry(*window).or_default().received += units;
            }
            let asked: u64 = host.questions.range(question.measured.clone()).map(|(_, n)| n).sum();
            questions += asked;
            hosts += u64::from(asked > 0);
        }
        for row in rows.values_mut() {
            row.over = row.units.saturating_sub(limit);
            row.returned_over = row.returned_over.saturating_sub(limit);
        }
        let sum = |part: fn(&Row) -> u64| rows.values().map(part).sum::<u64>();
        let measured: Vec<u64> = question.measured.clone().collect();
        let mut taken = 0;
        let mut possible = 0;
        let mut asked = 0;
        let mut lost_windows = 0.0;
        for window in &measured {
            let row = rows.get(window).copied().unwrap_or_default();
            let most = limit.min(row.asked);
            taken += row.units.min(limit);
            possible += most;
            asked += row.asked;
            lost_windows += 1.0 - ratio(row.units.min(most), most);
        }
        let unreceived = question.charged.as_ref().map(|charged| {
            let lost = charged.iter().map(|(window, units)| {
                units.saturating_sub(rows.get(window).map_or(0, |row| row.received))
            });
            lost.max().unwrap_or(0)
        });
        let count = u64::try_from(measured.len()).unwrap_or(u64::MAX);
        Self {
            limit,
            over: sum(|row| row.over),
            over_windows: rows.values().filter(|row| row.over > 0).count(),
            worst: rows.values().map(|row| row.over).max().unwrap_or(0),
            returned_over: sum(|row| row.returned_over),
            late: sum(|row| row.late),
            use_percent: 100.0 * ratio(taken, possible),
            lost_windows,
            measured: measured.len(),
            unreceived,
            questions,
            round_trips_per_request: ratio(questions, asked),
            questions_per_host_window: ratio(questions, count.saturating_mul(hosts)),
            rows,
        }
    }
}

/// Returns a quotient; 0 of 0 is 1.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "figures of a report")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let worst = 100.0 * ratio(self.worst, self.limit.max(1));
        writeln!(
            f,
            "over {} units in {} of {} windows (worst {:.1} % of {}), late {}, use {:.2} %, \
             lost {:.2} windows, {} questions ({:.4} a request, {:.1} a host and window)",
            self.over,
            self.over_windows,
            self.rows.len(),
            worst,
            self.limit,
            self.late,
            self.use_percent,
            self.lost_windows,
            self.questions,
            self.round_trips_per_request,
            self.questions_per_host_window,
        )?;
        if let Some(units) = self.unreceived {
            writeln!(f, "charged and not received: at most {units} units in a window")?;
        }
        for (window, row) in self.rows.iter().filter(|(_, row)| row.over + row.late > 0) {
            writeln!(
                f,
                "  window {window}: {} units, {} over, {} late, {} received",
                row.units, row.over, row.late, row.received
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Question, Verdict};
    use crate::history::{Counts, History, HostHistory};

    /// A history of two hosts, which share 10 units in windows 100 to 103.
    fn faultless() -> History {
        let host = HostHistory {
            takes: (100..104)
                .map(|w| (w, Counts { units: 5, returned: 5, asked: 20, other: 0 }))
                .collect(),
            received: (100..104).map(|w| (w, 5)).collect(),
            questions: (100..104).map(|w| (w, 2)).collect(),
            ..HostHistory::default()
        };
        History { hosts: vec![host.clone(), host] }
    }

    fn judged(history: &History) -> Verdict {
        let question = Question {
            limit: 10,
            measured: 100..104,
            charged: Some((100..104).map(|w| (w, 10)).collect()),
        };
        Verdict::of(history, &question)
    }

    #[test]
    fn a_faultless_history_has_nothing_over_late_or_lost() {
        let verdict = judged(&faultless());
        assert_eq!((verdict.over, verdict.over_windows, verdict.late), (0, 0, 0));
        assert_eq!((verdict.returned_over, verdict.unreceived), (0, Some(0)));
        assert_eq!(
            verdict.to_string(),
            "over 0 units in 0 of 4 windows (worst 0.0 % of 10), late 0, use 100.00 %, \
             lost 0.00 windows, 16 questions (0.1000 a request, 2.0 a host and window)\n\
             charged and not received: at most 0 units in a window\n"
        );
    }

    #[test]
    fn one_unit_over_in_one_window_is_red() {
        let mut history = faultless();
        history.hosts[1].takes.get_mut(&102).unwrap().units = 6;
        history.hosts[1].received.insert(102, 6);
        let verdict = judged(&history);
        assert_eq!((verdict.over, verdict.over_windows, verdict.worst, verdict.late), (1, 1, 1, 0));
    }

    #[test]
    fn a_unit_over_outside_of_the_measured_windows_is_red() {
        let mut history = faultless();
        history.hosts[0].takes.insert(99, Counts { units: 11, ..Counts::default() });
        history.hosts[0].received.insert(99, 11);
        assert_eq!(judged(&history).over, 1);
    }

    #[test]
    fn over_in_one_window_is_not_made_up_for_by_another() {
        let mut history = faultless();
        history.hosts[1].takes.get_mut(&101).unwrap().units = 7;
        history.hosts[1].takes.get_mut(&102).unwrap().units = 0;
        assert_eq!(judged(&history).over, 2);
    }

    #[test]
    fn a_unit_of_a_lease_that_was_over_is_late_though_the_limit_has_room() {
        let mut history = faultless();
        history.hosts[0].takes.get_mut(&102).unwrap().units = 2;
        history.hosts[0].received.insert(102, 1);
        let verdict = judged(&history);
        assert_eq!((verdict.over, verdict.late), (0, 1));
        // Another host's lease does not help.
        history.hosts[1].received.insert(102, 9);
        assert_eq!(judged(&history).late, 1);
    }

    #[test]
    fn a_take_that_no_lease_was_in_force_for_is_late_though_the_host_had_units() {
        let mut history = faultless();
        history.hosts[0].takes.get_mut(&102).unwrap().other = 1;
        let verdict = judged(&history);
        assert_eq!((verdict.over, verdict.late), (0, 1));
        assert!(
            verdict.to_string().ends_with("window 102: 10 units, 0 over, 1 late, 10 received\n")
        );
    }

    #[test]
    fn units_that_were_charged_and_not_received_are_told_from_units_over() {
        let mut history = faultless();
        history.hosts[0].takes.get_mut(&103).unwrap().units = 1;
        history.hosts[0].received.insert(103, 1);
        let verdict = judged(&history);
        assert_eq!((verdict.over, verdict.late, verdict.unreceived), (0, 0, Some(4)));
        assert!((verdict.lost_windows - 0.4).abs() < 1e-9);
    }

    #[test]
    fn a_window_without_takes_is_lost_only_if_callers_asked() {
        let mut history = faultless();
        for host in &mut history.hosts {
            host.takes.insert(101, Counts { asked: 50, ..Counts::default() });
            host.takes.remove(&102);
        }
        assert!((judged(&history).lost_windows - 1.0).abs() < 1e-9);
    }
}
