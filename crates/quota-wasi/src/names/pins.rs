//! The addresses that an execution was given for names.

use core::net::IpAddr;
use std::collections::HashMap;
use std::sync::Arc;

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
    pairs: usize,
}

impl Pins {
    /// The most pairs: 32 addresses in each of 256 look-ups.
    pub(crate) const MOST: usize = 8_192;

    /// Remembers an answer. Returns the addresses that there was room for.
    pub(crate) fn add(&mut self, name: &str, mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
        let name = Arc::from(name);
        addresses.retain(|address| self.pin(&name, *address));
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
}

#[cfg(test)]
mod tests {
    use super::Pins;
    use core::net::IpAddr;

    fn address(last: u32) -> IpAddr {
        IpAddr::from((0xC000_0200 + last).to_be_bytes())
    }

    fn names(pins: &Pins, address: IpAddr) -> Vec<&str> {
        pins.names_of(address).iter().map(|name| &**name).collect()
    }

    #[test]
    fn an_address_keeps_its_names_whatever_is_answered_later() {
        // I60.
        let mut pins = Pins::default();
        pins.add("a.example", vec![address(1)]);
        pins.add("a.example", vec![address(2)]);
        pins.add("b.example", vec![address(1)]);
        assert_eq!(names(&pins, address(1)), ["a.example", "b.example"]);
        assert_eq!(names(&pins, address(2)), ["a.example"]);
        assert!(names(&pins, address(3)).is_empty());
    }

    #[test]
    fn pairs_are_bounded_and_known_ones_stay() {
        // I61.
        let mut pins = Pins::default();
        for name in 0..256_u32 {
            let addresses = (name * 32..name * 32 + 32).map(address).collect();
            assert_eq!(pins.add(&format!("{name}.example"), addresses).len(), 32);
        }
        assert!(pins.add("more.example", vec![address(1)]).is_empty());
        let both = vec![address(1), address(9_000)];
        assert_eq!(pins.add("0.example", both), [address(1)]);
    }
}
