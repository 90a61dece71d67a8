//! The addresses that an execution was given for names.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;

/// The addresses that an execution was given for names.
///
/// # Invariants
///
/// - I60: an address stands for a name only if a look-up of this execution has answered it. It does
///   to the end of the execution, whatever later look-ups answer.
/// - I61: there are at most [`MOST`](Self::MOST) pairs of an address and a name.
#[derive(Debug, Default)]
pub(crate) struct Pins {
    names: HashMap<IpAddr, Vec<Arc<str>>>,
    answers: HashMap<Arc<str>, Answer>,
    pairs: usize,
}

/// The last answer about a name.
#[derive(Debug)]
struct Answer {
    addresses: Vec<IpAddr>,
    at: Instant,
}

impl Pins {
    /// The most pairs: 32 addresses in each of 256 look-ups.
    pub(crate) const MOST: usize = 8_192;

    /// The time for which an answer may be used again.
    const FRESH: Duration = Duration::from_secs(30);

    /// Remembers an answer. Returns the addresses that there was room for.
    pub(crate) fn add(&mut self, name: &str, addresses: Vec<IpAddr>, now: Instant) -> Vec<IpAddr> {
        let name = match self.answers.get_key_value(name) {
            Some((known, _)) => Arc::clone(known),
            None => Arc::from(name),
        };
        let addresses: Vec<_> =
            addresses.into_iter().filter(|address| self.pin(&name, *address)).collect();
        if !addresses.is_empty() {
            self.answers.insert(name, Answer { addresses: addresses.clone(), at: now });
        }
        addresses
    }

    fn pin(&mut self, name: &Arc<str>, address: IpAddr) -> bool {
        let known = self.names.get(&address).is_some_and(|names| names.contains(name));
        if known {
            return true;
        }
        if self.pairs >= Self::MOST {
            return false;
        }
        self.pairs += 1;
        self.names.entry(address).or_default().push(Arc::clone(name));
        true
    }

    /// Returns the names that an address was given for.
    pub(crate) fn names_of(&self, address: IpAddr) -> &[Arc<str>] {
        self.names.get(&address).map_or(&[], Vec::as_slice)
    }

    /// Returns the last answer about a name, unless it is too old to be used again.
    pub(crate) fn fresh(&self, name: &str, now: Instant) -> Option<&[IpAddr]> {
        let answer = self.answers.get(name)?;
        let age = now.saturating_duration_since(answer.at);
        (age < Self::FRESH).then_some(answer.addresses.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::Pins;
    use core::net::IpAddr;
    use core::time::Duration;
    use tokio::time::Instant;

    fn address(last: u32) -> IpAddr {
        IpAddr::from((0xC000_0200 + last).to_be_bytes())
    }

    fn names(pins: &Pins, address: IpAddr) -> Vec<&str> {
        pins.names_of(address).iter().map(|name| &**name).collect()
    }

    #[test]
    fn an_address_keeps_its_names_whatever_is_answered_later() {
        // I60.
        let (mut pins, now) = (Pins::default(), Instant::now());
        pins.add("a.example", vec![address(1)], now);
        pins.add("a.example", vec![address(2)], now);
        pins.add("b.example", vec![address(1)], now);
        assert_eq!(names(&pins, address(1)), ["a.example", "b.example"]);
        assert_eq!(names(&pins, address(2)), ["a.example"]);
        assert!(names(&pins, address(3)).is_empty());
        assert_eq!(pins.fresh("a.example", now), Some(&[address(2)][..]));
    }

    #[test]
    fn an_answer_is_used_again_for_half_a_minute() {
        let (mut pins, now) = (Pins::default(), Instant::now());
        pins.add("a.example", vec![address(1)], now);
        let later = |millis| now + Duration::from_millis(millis);
        assert!(pins.fresh("a.example", later(29_999)).is_some());
        assert!(pins.fresh("a.example", later(30_000)).is_none());
        assert!(pins.fresh("b.example", now).is_none());
        assert_eq!(names(&pins, address(1)), ["a.example"]);
    }

    #[test]
    fn pairs_are_bounded_and_known_ones_stay() {
        // I61.
        let (mut pins, now) = (Pins::default(), Instant::now());
        for name in 0..256_u32 {
            let addresses = (name * 32..name * 32 + 32).map(address).collect();
            assert_eq!(pins.add(&format!("{name}.example"), addresses, now).len(), 32);
        }
        assert!(pins.add("more.example", vec![address(1)], now).is_empty());
        assert!(pins.fresh("more.example", now).is_none());
        let both = vec![address(1), address(9_000)];
        assert_eq!(pins.add("0.example", both, now), [address(1)]);
    }
}
