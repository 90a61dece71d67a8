//! Special addresses: those of the machine, of its networks, and of no public host.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::judged_address::JudgedAddress;
use super::network::Network;

/// The purpose of an address that is not one of a public host.
///
/// Its text fits behind "is": `private`, `link-local`, `a metadata service`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum SpecialAddress {
    /// For measurements between networks.
    Benchmarking,
    /// All hosts of a network.
    Broadcast,
    /// For examples in texts.
    Documentation,
    /// Hosts on the same link.
    LinkLocal,
    /// The machine itself.
    Loopback,
    /// A cloud's service that tells a machine its settings and credentials.
    Metadata,
    /// A group of hosts.
    Multicast,
    /// Hosts of a private network.
    Private,
    /// Set aside by IANA, for protocols or for the future.
    Reserved,
    /// Between a carrier and its customers.
    Shared,
    /// No address yet, or this network; systems connect to the machine itself.
    Unspecified,
}

impl SpecialAddress {
    /// Returns the text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Benchmarking => "for benchmarking",
            Self::Broadcast => "broadcast",
            Self::Documentation => "for documentation",
            Self::LinkLocal => "link-local",
            Self::Loopback => "loopback",
            Self::Metadata => "a metadata service",
            Self::Multicast => "multicast",
            Self::Private => "private",
            Self::Reserved => "reserved",
            Self::Shared => "shared",
            Self::Unspecified => "unspecified",
        }
    }
}

impl fmt::Display for SpecialAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Returns the purpose of an address that is special, and `None` for one of a public host.
///
/// Special are the addresses that IANA lists as special-purpose, unless they are globally
/// reachable, and those at which clouds answer machines about themselves; of IPv6, also all
/// addresses outside `2000::/3`. An IPv6 address with an IPv4 address inside is judged by that one:
/// IPv4-mapped, IPv4-compatible, NAT64 (`64:ff9b::/96`) and 6to4. One of ISATAP is special if
/// either of the two is.
///
/// It does not know the networks that an operator numbers with public addresses, nor NAT64 prefixes
/// other than the well-known one.
///
/// ```
/// use limits_core::{SpecialAddress, special_address};
///
/// let special = |address: &str| special_address(address.parse().unwrap());
/// assert_eq!(special("10.0.0.5"), Some(SpecialAddress::Private));
/// assert_eq!(special("::ffff:127.0.0.1"), Some(SpecialAddress::Loopback));
/// assert_eq!(special("168.63.129.16"), Some(SpecialAddress::Metadata));
/// assert_eq!(special("93.184.216.34"), None);
/// ```
#[must_use]
pub fn special_address(address: IpAddr) -> Option<SpecialAddress> {
    JudgedAddress::of(address).each_special(|_, purpose| Err(purpose)).err()
}

/// Returns the purpose of an address, whatever is inside it.
pub(super) fn of_itself(address: IpAddr) -> Option<SpecialAddress> {
    let table = match address {
        IpAddr::V4(address) if may_be_special(address) => V4,
        IpAddr::V4(_) => return None,
        IpAddr::V6(address) if is_global_unicast(address) => V6,
        IpAddr::V6(_) => V6_OUTSIDE,
    };
    table.iter().find(|(network, _)| network.contains(address)).map(|(_, special)| *special)
}

/// Returns whether a row has an address with the same first byte: most public addresses have none,
/// and a check of one takes no longer than before there was a table.
const fn may_be_special(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    matches!(first, 0 | 10 | 100 | 127 | 168 | 169 | 172 | 192 | 198 | 203 | 224..)
}

/// Returns whether an address is in `2000::/3`.
const fn is_global_unicast(address: Ipv6Addr) -> bool {
    let [first, ..] = address.segments();
    first >> 13 == 1
}

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Network {
    Network::new_unchecked(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), bits)
}

/// A network by the first, second and last of its groups.
const fn v6(first: u16, second: u16, last: u16, bits: u8) -> Network {
    Network::new_unchecked(IpAddr::V6(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, last)), bits)
}

type Table = &'static [(Network, SpecialAddress)];

/// The first row that contains an address holds.
const V4: Table = &[
    (v4(10, 0, 0, 0, 8), SpecialAddress::Private),
    (v4(172, 16, 0, 0, 12), SpecialAddress::Private),
    (v4(192, 168, 0, 0, 16), SpecialAddress::Private),
    (v4(127, 0, 0, 0, 8), SpecialAddress::Loopback),
    // Most clouds; containers of AWS and their credentials; Scaleway; Tencent.
    (v4(169, 254, 169, 254, 32), SpecialAddress::Metadata),
    (v4(169, 254, 170, 2, 32), SpecialAddress::Metadata),
    (v4(169, 254, 170, 23, 32), SpecialAddress::Metadata),
    (v4(169, 254, 42, 42, 32), SpecialAddress::Metadata),
    (v4(169, 254, 0, 23, 32), SpecialAddress::Metadata),
    (v4(169, 254, 0, 0, 16), SpecialAddress::LinkLocal),
    // Alibaba, Tencent.
    (v4(100, 100, 100, 200, 32), SpecialAddress::Metadata),
    (v4(100, 88, 222, 5, 32), SpecialAddress::Metadata),
    (v4(100, 64, 0, 0, 10), SpecialAddress::Shared),
    // Azure, Equinix: public addresses.
    (v4(168, 63, 129, 16, 32), SpecialAddress::Metadata),
    (v4(192, 80, 8, 124, 32), SpecialAddress::Metadata),
    // Oracle.
    (v4(192, 0, 0, 192, 32), SpecialAddress::Metadata),
    (v4(192, 0, 0, 0, 24), SpecialAddress::Reserved),
    (v4(192, 0, 2, 0, 24), SpecialAddress::Documentation),
    (v4(198, 51, 100, 0, 24), SpecialAddress::Documentation),
    (v4(203, 0, 113, 0, 24), SpecialAddress::Documentation),
    (v4(198, 18, 0, 0, 15), SpecialAddress::Benchmarking),
    // Relays of 6to4.
    (v4(192, 88, 99, 0, 24), SpecialAddress::Reserved),
    (v4(0, 0, 0, 0, 8), SpecialAddress::Unspecified),
    (v4(224, 0, 0, 0, 4), SpecialAddress::Multicast),
    (v4(255, 255, 255, 255, 32), SpecialAddress::Broadcast),
    (v4(240, 0, 0, 0, 4), SpecialAddress::Reserved),
];

/// Inside `2000::/3`.
const V6: Table = &[
    (v6(0x2001, 0xdb8, 0, 32), SpecialAddress::Documentation),
    // Protocols, Teredo among them, which leads to any IPv4 address.
    (v6(0x2001, 0, 0, 23), SpecialAddress::Reserved),
    (v6(0x3fff, 0, 0, 20), SpecialAddress::Documentation),
];

/// Outside `2000::/3`: the last row contains each address.
const V6_OUTSIDE: Table = &[
    (v6(0, 0, 1, 128), SpecialAddress::Loopback),
    (v6(0, 0, 0, 128), SpecialAddress::Unspecified),
    // AWS and its containers, Google, Scaleway.
    (v6(0xfd00, 0xec2, 0x254, 128), SpecialAddress::Metadata),
    (v6(0xfd00, 0xec2, 0x23, 128), SpecialAddress::Metadata),
    (v6(0xfd20, 0xce, 0x254, 128), SpecialAddress::Metadata),
    (v6(0xfd00, 0x42, 0x42, 128), SpecialAddress::Metadata),
    // OpenStack: fe80::a9fe:a9fe.
    (OPENSTACK, SpecialAddress::Metadata),
    (v6(0xfc00, 0, 0, 7), SpecialAddress::Private),
    (v6(0xfe80, 0, 0, 10), SpecialAddress::LinkLocal),
    // Once for sites, as private addresses are.
    (v6(0xfec0, 0, 0, 10), SpecialAddress::Private),
    (v6(0xff00, 0, 0, 8), SpecialAddress::Multicast),
    // NAT64 of one operator: 64:ff9b:1::/48.
    (LOCAL_NAT64, SpecialAddress::Private),
    (v6(0, 0, 0, 0), SpecialAddress::Reserved),
];

const OPENSTACK: Network =
    Network::new_unchecked(IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe)), 128);

const LOCAL_NAT64: Network =
    Network::new_unchecked(IpAddr::V6(Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0)), 48);
