//! The script that decides a question, and its replies.

use core::time::Duration;
use std::sync::Arc;

use redis::{Pipeline, Value};

use crate::store::{Answer, Question};

/// The largest number that the script counts exactly: 2^53 - 1.
const MOST: u64 = (1 << 53) - 1;

/// The script and its hash, under which a server has it.
#[derive(Debug)]
pub(super) struct Script {
    text: &'static str,
    hash: String,
}

/// An answer, and the server's time of it in microseconds.
#[derive(Debug)]
pub(super) struct Timed {
    pub(super) answer: Answer,
    pub(super) now: u64,
}

impl Script {
    pub(super) fn new() -> Self {
        let text = include_str!("lease.lua");
        Self { text, hash: redis::Script::new(text).get_hash().to_owned() }
    }

    /// Adds the command that loads the script.
    pub(super) fn load(&self, pipeline: &mut Pipeline) {
        pipeline.cmd("SCRIPT").arg("LOAD").arg(self.text);
    }

    /// Adds a call that only tries whether the user may run the script.
    pub(super) fn probe(&self, pipeline: &mut Pipeline) {
        pipeline.cmd("EVALSHA").arg(&self.hash).arg(0);
    }

    /// Adds a question.
    pub(super) fn ask(&self, question: &Question, reign: &str, pipeline: &mut Pipeline) {
        // A window past all numbers is none that the server is in.
        let (window, units) = match question.give {
            Some(give) if give.window <= MOST => (give.window, give.units),
            _ => (0, 0),
        };
        pipeline
            .cmd("EVALSHA")
            .arg(&self.hash)
            .arg(1)
            .arg(question.key.as_ref())
            .arg(u64::try_from(question.period.as_micros()).unwrap_or(u64::MAX))
            .arg(question.limit)
            .arg(question.want.min(MOST))
            .arg(question.lessee.as_ref())
            .arg(question.ticket)
            .arg(reign)
            .arg(window)
            .arg(units.min(MOST));
    }
}

impl Timed {
    /// Reads a reply. `None` if it is none of the script.
    pub(super) fn read(reply: &Value, question: &Question, reign: &Arc<str>) -> Option<Self> {
        let Value::Array(numbers) = reply else { return None };
        let mut numbers = numbers.iter().map(|number| match number {
            Value::Int(number) => u64::try_from(*number).ok(),
            _ => None,
        });
        let mut next = || numbers.next().flatten();
        // No answer of any server makes a lease longer than a period.
        let span = |micros| Duration::from_micros(micros).min(question.period);
        let answer = Answer {
            reign: Arc::clone(reign),
            granted: next()?,
            remaining: next()?,
            window: next()?,
            window_left: span(next()?),
            lessees: next()?,
            newborn: next()?,
            life: span(next()?),
            limit: next()?,
        };
        Some(Self { answer, now: next()? })
    }
}

#[cfg(test)]
mod tests {
    use super::{Script, Timed};
    use crate::store::{Give, Question};
    use core::time::Duration;
    use redis::{Value, pipe};
    use std::sync::Arc;

    fn question() -> Question {
        Question {
            key: "k".into(),
            period: Duration::from_millis(100),
            limit: 10,
            want: u64::MAX,
            lessee: "me".into(),
            ticket: 3,
            give: Some(Give { window: 4, units: u64::MAX }),
        }
    }

    fn sent(question: &Question) -> Vec<String> {
        let mut pipeline = pipe();
        Script::new().ask(question, "r", &mut pipeline);
        let packed = String::from_utf8(pipeline.get_packed_pipeline()).unwrap();
        packed.split("\r\n").skip(2).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn a_question_is_sent_in_whole_numbers_that_the_script_counts() {
        let most = "9007199254740991";
        let arguments = ["1", "k", "100000", "10", most, "me", "3", "r", "4", most];
        assert_eq!(sent(&question())[2..], arguments);
        let give = Some(Give { window: u64::MAX, units: 1 });
        assert_eq!(sent(&Question { give, ..question() })[10..], ["0", "0"]);
    }

    #[test]
    fn an_answer_is_read_and_its_spans_are_at_most_a_period() {
        let read = |numbers: &[i64]| {
            let numbers = numbers.iter().map(|number| Value::Int(*number)).collect();
            Timed::read(&Value::Array(numbers), &question(), &Arc::from("r"))
        };
        let timed = read(&[1, 2, 3, 100_001, 5, 6, 25_000, 8, 9]).unwrap();
        let answer = timed.answer;
        assert_eq!((answer.granted, answer.remaining, answer.window), (1, 2, 3));
        assert_eq!(answer.window_left, Duration::from_millis(100));
        assert_eq!((answer.lessees, answer.newborn, answer.limit), (5, 6, 8));
        assert_eq!((answer.life, timed.now), (Duration::from_millis(25), 9));
        assert!(read(&[1, 2, 3, -4, 5, 6, 25_000, 8, 9]).is_none());
        assert!(read(&[1, 2, 3, 4, 5, 6, 7, 8]).is_none());
        assert!(Timed::read(&Value::Okay, &question(), &Arc::from("r")).is_none());
    }
}
