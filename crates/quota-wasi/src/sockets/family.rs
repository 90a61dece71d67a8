//! The two families of addresses, and the addresses that fit a socket.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::net::AddressFamily;
use wasmtime_wasi::p2::bindings::sockets::network::IpAddressFamily;

/// The family of a socket's addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Family {
    /// IPv4.
    V4,
    /// IPv6, without IPv4 addresses mapped into it.
    V6,
}

impl Family {
    /// Returns whether a socket of the family may have the address.
    ///
    /// IPv4-mapped addresses would be IPv4 on an IPv6 socket, and IPv4-compatible ones were
    /// abandoned: systems differ in how they read them.
    pub(crate) fn has(self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::V4, IpAddr::V4(_)) => true,
            (Self::V6, IpAddr::V6(address)) => {
                let compatible = matches!(address.segments(), [0, 0, 0, 0, 0, 0, _, _])
                    && !address.is_unspecified()
                    && !address.is_loopback();
                !compatible && address.to_ipv4_mapped().is_none()
            }
            _ => false,
        }
    }

    /// Returns whether a socket of the family may send to the address.
    pub(crate) fn has_remote(self, address: SocketAddr) -> bool {
        self.has(address.ip()) && !address.ip().is_unspecified() && address.port() != 0
    }

    /// Returns the address of a socket that is not bound.
    pub(crate) fn unspecified(self) -> SocketAddr {
        let address = match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Self::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        SocketAddr::new(address, 0)
    }

    /// Returns the system's name of the family.
    pub(crate) fn of_system(self) -> AddressFamily {
        match self {
            Self::V4 => AddressFamily::INET,
            Self::V6 => AddressFamily::INET6,
        }
    }
}

impl From<IpAddressFamily> for Family {
    fn from(family: IpAddressFamily) -> Self {
        match family {
            IpAddressFamily::Ipv4 => Self::V4,
            IpAddressFamily::Ipv6 => Self::V6,
        }
    }
}

impl From<Family> for IpAddressFamily {
    fn from(family: Family) -> Self {
        match family {
            Family::V4 => Self::Ipv4,
            Family::V6 => Self::Ipv6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Family;
    use core::net::{IpAddr, SocketAddr};

    #[test]
    fn a_socket_has_addresses_of_its_family_and_no_ipv4_in_ipv6() {
        let has = |family: Family, text: &str| family.has(text.parse::<IpAddr>().unwrap());
        assert!(has(Family::V4, "0.0.0.0") && has(Family::V4, "127.0.0.1"));
        assert!(has(Family::V6, "::") && has(Family::V6, "::1") && has(Family::V6, "2001:db8::1"));
        assert!(!has(Family::V4, "::1") && !has(Family::V6, "127.0.0.1"));
        assert!(!has(Family::V6, "::ffff:127.0.0.1") && !has(Family::V6, "::127.0.0.1"));
    }

    #[test]
    fn a_remote_has_an_address_and_a_port() {
        let has = |text: &str| Family::V4.has_remote(text.parse::<SocketAddr>().unwrap());
        assert!(has("127.0.0.1:1"));
        assert!(!has("127.0.0.1:0") && !has("0.0.0.0:1") && !has("[::1]:1"));
    }
}
