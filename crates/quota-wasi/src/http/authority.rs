//! The server of a request, as its guest names it.

use rustls::pki_types::ServerName;

use crate::names::host::{Host, without_root};

/// The server of a request, as its guest names it.
///
/// - I70: an authority has no user, one host, and a port from 1 to 65 535, or that of its scheme.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Authority {
    host: Host,
    port: u16,
    tls: bool,
}

impl Authority {
    /// Reads `HOST` or `HOST:PORT`, an IPv6 address in brackets; `None` if it is neither.
    pub(crate) fn parse(text: &str, tls: bool) -> Option<Self> {
        if text.contains('@') {
            return None;
        }
        let end = if text.starts_with('[') {
            text.find(']')?.checked_add(1)?
        } else {
            text.find(':').unwrap_or(text.len())
        };
        let (host, rest) = text.split_at_checked(end)?;
        let port = match rest.strip_prefix(':') {
            Some(digits) => port(digits)?,
            None if rest.is_empty() => {
                if tls {
                    443
                } else {
                    80
                }
            }
            None => return None,
        };
        Some(Self { host: Host::parse(host)?, port, tls })
    }

    /// Returns the host in its one spelling.
    pub(crate) fn host(&self) -> String {
        match &self.host {
            Host::Address(address) => address.to_string(),
            Host::Name(name) => name.to_string(),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the name that the server's certificate must have; `None` without TLS, or if no
    /// certificate can have it.
    pub(crate) fn server_name(&self) -> Option<ServerName<'static>> {
        match &self.host {
            Host::Address(address) => Some(ServerName::from(*address)),
            Host::Name(name) => ServerName::try_from(without_root(name).to_owned()).ok(),
        }
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.tls
    }
}

fn port(digits: &str) -> Option<u16> {
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|port| *port != 0)
}

#[cfg(test)]
mod tests {
    use super::Authority;

    fn read(text: &str) -> Option<(String, u16)> {
        Authority::parse(text, false).map(|it| (it.host(), it.port()))
    }

    #[test]
    fn a_port_is_that_of_the_authority_or_of_its_scheme() {
        let expected = |host: &str, port| Some((host.to_owned(), port));
        assert_eq!(read("a.example"), expected("a.example", 80));
        assert_eq!(read("A.example:8080"), expected("a.example", 8_080));
        assert_eq!(read("127.1:1"), expected("127.0.0.1", 1));
        assert_eq!(read("[::1]"), expected("::1", 80));
        assert_eq!(read("[::1]:65535"), expected("::1", 65_535));
        assert_eq!(Authority::parse("a.example", true).unwrap().port(), 443);
    }

    #[test]
    fn an_authority_that_could_be_read_in_two_ways_is_refused() {
        // I70.
        for text in [
            "",
            ":80",
            "a.example:",
            "a.example:0",
            "a.example:65536",
            "a.example:+80",
            "a.example:80:80",
            "a.example:80@b.example",
            "user@a.example",
            "user:password@a.example",
            "@a.example",
            "a.example\\@b.example",
            "a.example/b",
            "a.example#b",
            "a.example?b",
            "a.example b",
            "[::1",
            "[::1]80",
            "[::1]:",
            "[]",
            "::1",
            "[a.example]",
            "[fe80::1%25eth0]",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
