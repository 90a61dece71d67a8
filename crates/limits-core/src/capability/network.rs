//! Networks: the addresses that begin with the same bits.

use alloc::format;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::judged_address;
use super::pattern_error::PatternProblem;

/// A network in CIDR notation; a single address is a network of all its bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Network {
    /// Has no bit set behind the prefix.
    base: IpAddr,
    /// The bits of the prefix: at most 32 or 128.
    bits: u8,
}

impl Network {
    /// A network of the table of special addresses, whose test checks it.
    pub(super) const fn new_unchecked(base: IpAddr, bits: u8) -> Self {
        Self { base, bits }
    }

    /// Reads an IPv4 address such as `10.0.0.1`, or a network such as `10.0.0.0/8`.
    pub(super) fn v4(text: &str) -> Result<Self, PatternProblem> {
        let (address, bits) = split(text, 32)?;
        let Ok(address) = address.parse::<Ipv4Addr>() else { return Err(unread(text)) };
        Self { base: IpAddr::V4(address), bits }.checked()
    }

    /// Reads an IPv6 address or network without its brackets, such as `2001:db8::/32`.
    pub(super) fn v6(text: &str) -> Result<Self, PatternProblem> {
        let (address, bits) = split(text, 128)?;
        let Ok(address) = address.parse::<Ipv6Addr>() else { return Err(unread(text)) };
        let network = Self { base: IpAddr::V6(address), bits }.checked()?;
        // A request for such an address is matched by the IPv4 address inside, so the pattern
        // would match nothing.
        match network.embedded(address) {
            None => Ok(network),
            Some(inside) => {
                Err(PatternProblem::Embedded { inside: format!("{inside}").into_boxed_str() })
            }
        }
    }

    /// Returns the network of the IPv4 addresses inside, if each address of it has one.
    fn embedded(self, address: Ipv6Addr) -> Option<Self> {
        let inside = judged_address::embedded(address)?;
        let [first, ..] = address.segments();
        let before = if first == 0x2002 { 16 } else { 96 };
        let bits = self.bits.checked_sub(before)?.min(32);
        Some(Self { base: IpAddr::V4(inside), bits })
    }

    fn checked(self) -> Result<Self, PatternProblem> {
        let base = match self.base {
            IpAddr::V4(base) => IpAddr::V4(Ipv4Addr::from(u32::from(base) & mask_v4(self.bits))),
            IpAddr::V6(base) => IpAddr::V6(Ipv6Addr::from(u128::from(base) & mask_v6(self.bits))),
        };
        if base == self.base {
            return Ok(self);
        }
        let network = Self { base, bits: self.bits };
        Err(PatternProblem::HostBits { network: format!("{network}").into_boxed_str() })
    }

    /// Returns whether an address is in the network. Families never contain each other.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                (u32::from(base) ^ u32::from(address)) & mask_v4(self.bits) == 0
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                (u128::from(base) ^ u128::from(address)) & mask_v6(self.bits) == 0
            }
            _ => false,
        }
    }
}

/// Shows the network as a pattern's host: in brackets for IPv6, without the bits of one address.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.base, self.bits) {
            (IpAddr::V4(base), 32) => write!(f, "{base}"),
            (IpAddr::V4(base), bits) => write!(f, "{base}/{bits}"),
            (IpAddr::V6(base), 128) => write!(f, "[{base}]"),
            (IpAddr::V6(base), bits) => write!(f, "[{base}/{bits}]"),
        }
    }
}

/// Cuts an address from the bits of its prefix; without them, all bits count.
fn split(text: &str, most: u8) -> Result<(&str, u8), PatternProblem> {
    let Some((address, bits)) = text.split_once('/') else { return Ok((text, most)) };
    let plain = bits.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = bits.len() > 1 && bits.starts_with('0');
    let bits = bits.parse().ok().filter(|bits| plain && !leading_zero && *bits <= most);
    Ok((address, bits.ok_or(PatternProblem::Network)?))
}

fn unread(text: &str) -> PatternProblem {
    if text.contains('/') { PatternProblem::Network } else { PatternProblem::Address }
}

const fn mask_v4(bits: u8) -> u32 {
    match bits {
        0 => 0,
        bits => u32::MAX << (32 - bits),
    }
}

const fn mask_v6(bits: u8) -> u128 {
    match bits {
        0 => 0,
        bits => u128::MAX << (128 - bits),
    }
}
