//! The address that an address is judged by.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::special_address::{self, SpecialAddress};

/// An address as patterns and the table of special addresses judge it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct JudgedAddress {
    /// The IPv4 address inside an IPv6 address that stands for it, or else the address itself.
    address: IpAddr,
    /// The end of an ISATAP tunnel. The owner of any network can give it any number, so patterns
    /// match the whole address, and this one may not be special.
    tunnel: Option<Ipv4Addr>,
}

impl JudgedAddress {
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self { address, tunnel: None },
            IpAddr::V6(v6) => Self {
                address: embedded(v6).map_or(address, IpAddr::V4),
                tunnel: end_of_tunnel(v6),
            },
        }
    }

    pub(super) const fn address(&self) -> IpAddr {
        self.address
    }

    /// Calls `check` with each of its addresses that is special, up to the first error.
    pub(super) fn each_special<E>(
        &self,
        check: impl Fn(IpAddr, SpecialAddress) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(purpose) = special_address::of_itself(self.address) {
            check(self.address, purpose)?;
        }
        let Some(end) = self.tunnel.map(IpAddr::V4) else { return Ok(()) };
        special_address::of_itself(end).map_or(Ok(()), |purpose| check(end, purpose))
    }
}

/// Returns the IPv4 address that an IPv6 address stands for: IPv4-mapped, IPv4-compatible, NAT64
/// by the well-known prefix, and 6to4, of which the host is behind that address.
pub(super) const fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        // Unspecified and loopback, not 0.0.0.0 and 0.0.0.1.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(join(high, low)),
        _ => None,
    }
}

const fn end_of_tunnel(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => Some(join(high, low)),
        _ => None,
    }
}

const fn join(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}
