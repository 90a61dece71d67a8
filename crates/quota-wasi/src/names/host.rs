//! Hosts as guests write them.

use core::net::{IpAddr, Ipv6Addr};

/// The longest text that is read: a name of 253 bytes, each character of which had four.
const MOST_BYTES: usize = 1_024;

/// A host as a guest writes it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Host {
    /// An address, in any of the spellings that resolvers read: `127.1` and `0x7f000001` as well.
    Address(IpAddr),
    /// A name: ASCII in lower case, in punycode where it was not.
    Name(Box<str>),
}

impl Host {
    /// Reads an address, with brackets or without, or a name; `None` if it is neither.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > MOST_BYTES {
            return None;
        }
        let address = match url::Host::parse(text) {
            Ok(url::Host::Domain(name)) => return Some(Self::Name(name.into())),
            Ok(url::Host::Ipv4(address)) => address.into(),
            Ok(url::Host::Ipv6(address)) => address.into(),
            // The parser reads an IPv6 address in brackets only.
            Err(_) => IpAddr::from(text.parse::<Ipv6Addr>().ok()?),
        };
        Some(Self::Address(address.to_canonical()))
    }
}

/// Returns a name without the dot at its end, as patterns see it and answers are remembered.
pub(crate) fn without_root(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::{Host, without_root};
    use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    fn name(text: &str) -> Option<Host> {
        Some(Host::Name(text.into()))
    }

    #[test]
    fn a_name_is_in_lower_case_and_in_punycode() {
        assert_eq!(Host::parse("API.Example.com"), name("api.example.com"));
        assert_eq!(Host::parse("bücher.example"), name("xn--bcher-kva.example"));
        assert_eq!(Host::parse("b%C3%BCcher.example"), name("xn--bcher-kva.example"));
        assert_eq!(Host::parse("example.com."), name("example.com."));
        assert_eq!(without_root("example.com."), "example.com");
        assert_eq!(without_root("example.com"), "example.com");
    }

    #[test]
    fn an_address_in_any_spelling_is_an_address() {
        let v4 = Some(Host::Address(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        for text in [
            "127.0.0.1",
            "127.0.0.1.",
            "127.1",
            "127.0.1",
            "0x7f.1",
            "0x7f000001",
            "0X7F.0.0.1",
            "2130706433",
            "017700000001",
            "0177.0.0.1",
            "0177.0.0.01",
            "127.0.0.0x1",
            "%31%32%37.0.0.1",
            "１２７.0.0.1",
            "127。0。0。1",
            "①②⑦.0.0.1",
            "::ffff:127.0.0.1",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "0:0:0:0:0:ffff:7f00:0001",
        ] {
            assert_eq!(Host::parse(text), v4, "{text}");
        }
        let v6 = Some(Host::Address(IpAddr::V6(Ipv6Addr::LOCALHOST)));
        for text in ["::1", "[::1]", "0:0:0:0:0:0:0:1", "[0000::0001]", "::0.0.0.1"] {
            assert_eq!(Host::parse(text), v6, "{text}");
        }
    }

    #[test]
    fn a_text_that_is_neither_is_refused() {
        let long = "a".repeat(1_025);
        for text in
            ["", " ", "a b", "a/b", "a:80", "user@a", "[::1", "::1]", "fe80::1%1", "1.2.3.4.5"]
        {
            assert_eq!(Host::parse(text), None, "{text}");
        }
        for text in ["256.0.0.1", "0x1ffffffff", "a.1", "a\0b", &long] {
            assert_eq!(Host::parse(text), None, "{text}");
        }
    }
}
