//! Answers about names that are used again.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::HashMap;

use tokio::time::Instant;

/// Answers about names that are used again, so that a request costs no look-up when the one before
/// it was to the same server. There are at most as many as [pins](super::pins::Pins).
#[derive(Debug, Default)]
pub(crate) struct Answers(HashMap<Box<str>, Answer>);

/// The last answer about a name.
#[derive(Debug)]
struct Answer {
    addresses: Vec<IpAddr>,
    at: Instant,
}

impl Answers {
    /// The time for which an answer is used.
    const FRESH: Duration = Duration::from_secs(30);

    /// Remembers an answer.
    pub(crate) fn keep(&mut self, name: &str, addresses: Vec<IpAddr>, now: Instant) {
        self.0.insert(name.into(), Answer { addresses, at: now });
    }

    /// Returns the last answer about a name, unless it is too old.
    pub(crate) fn fresh(&self, name: &str, now: Instant) -> Option<&[IpAddr]> {
        let answer = self.0.get(name)?;
        let age = now.saturating_duration_since(answer.at);
        (age < Self::FRESH).then_some(answer.addresses.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::Answers;
    use core::net::{IpAddr, Ipv4Addr};
    use core::time::Duration;
    use tokio::time::Instant;

    #[test]
    fn an_answer_is_used_again_for_half_a_minute() {
        let (mut answers, start) = (Answers::default(), Instant::now());
        let address = |last| IpAddr::V4(Ipv4Addr::new(93, 184, 216, last));
        let later = |millis| start + Duration::from_millis(millis);
        answers.keep("a.example", vec![address(1)], start);
        assert_eq!(answers.fresh("a.example", later(29_999)), Some(&[address(1)][..]));
        assert_eq!(answers.fresh("a.example", later(30_000)), None);
        assert_eq!(answers.fresh("b.example", start), None);
        answers.keep("a.example", vec![address(2)], later(30_000));
        assert_eq!(answers.fresh("a.example", later(59_999)), Some(&[address(2)][..]));
    }
}
