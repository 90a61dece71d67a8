//! Endpoints of the network, and the patterns that match them.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::address::Groups;
use super::domain::Domain;
use super::host_name::{is_host_name, is_label_byte, is_number};
use super::judged_address::JudgedAddress;
use super::network::Network;
use super::pattern_error::PatternProblem;
use super::resource::{self, ResourceError};
use super::segment::{self, Segment, Segments};
use super::segment_compiler::compile_segments;

/// A requested host and port.
#[derive(Debug)]
pub(super) struct Endpoint<'t> {
    host: Host<'t>,
    /// `None` is some port.
    port: Option<u16>,
}

#[derive(Debug)]
enum Host<'t> {
    /// In lower case, without a dot at the end.
    Name(Cow<'t, str>),
    Address(JudgedAddress),
}

impl<'t> Endpoint<'t> {
    pub(super) fn parse(text: &'t str) -> Result<Self, ResourceError> {
        resource::check_text(text)?;
        let (host, port) = text.rsplit_once(':').ok_or(ResourceError::Port)?;
        let port = parse_port(port).ok_or(ResourceError::Port)?;
        Ok(Self { host: Host::parse(host)?, port: Some(port) })
    }

    /// Reads a name, which stands for itself with some port.
    pub(super) fn of_name(text: &'t str) -> Result<Self, ResourceError> {
        resource::check_text(text)?;
        let name = host_name(text).ok_or(ResourceError::Name)?;
        Ok(Self { host: Host::Name(name), port: None })
    }

    /// A name that [`host_name`] returned.
    pub(super) const fn of_host_name(name: &'t str, port: Option<u16>) -> Self {
        Self { host: Host::Name(Cow::Borrowed(name)), port }
    }

    pub(super) const fn of_address(address: JudgedAddress, port: Option<u16>) -> Self {
        Self { host: Host::Address(address), port }
    }

    /// Returns the address; `None` of a name.
    pub(super) const fn address(&self) -> Option<&JudgedAddress> {
        match &self.host {
            Host::Name(_) => None,
            Host::Address(address) => Some(address),
        }
    }

    pub(super) const fn port(&self) -> Option<u16> {
        self.port
    }
}

impl<'t> Host<'t> {
    fn parse(text: &'t str) -> Result<Self, ResourceError> {
        if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            let Ok(address) = inner.parse::<Ipv6Addr>() else { return Err(ResourceError::Host) };
            return Ok(Self::Address(JudgedAddress::of(IpAddr::V6(address))));
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Address(JudgedAddress::of(IpAddr::V4(address))));
        }
        match host_name(text) {
            Some(name) => Ok(Self::Name(name)),
            None => Err(ResourceError::Host),
        }
    }
}

/// Returns a host name in lower case, without a dot at its end; `None` if the text is not a host
/// name, such as an address.
#[inline]
pub(super) fn host_name(text: &str) -> Option<Cow<'_, str>> {
    let name = text.strip_suffix('.').unwrap_or(text);
    if !is_host_name(name) {
        return None;
    }
    Some(if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    })
}

/// Reads a port; leading zeros and signs are refused.
fn parse_port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    text.parse().ok().filter(|_| plain && !leading_zero)
}

/// A pattern of hosts and ports.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct EndpointPattern {
    host: HostPattern,
    /// `None` is any port.
    port: Option<u16>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum HostPattern {
    Any,
    Name(Box<[Segment]>),
    /// Addresses with `*` or `**`.
    Groups(Groups),
    /// A literal address or a network.
    Network(Network),
}

impl EndpointPattern {
    pub(super) fn compile(text: &str) -> Result<Self, PatternProblem> {
        if text == "**" {
            return Ok(Self { host: HostPattern::Any, port: None });
        }
        let (host, port) = text.rsplit_once(':').ok_or(PatternProblem::Port)?;
        let port = match port {
            "*" => None,
            port => {
                let port = parse_port(port).filter(|port| *port != 0);
                Some(port.ok_or(PatternProblem::Port)?)
            }
        };
        Ok(Self { host: HostPattern::compile(host)?, port })
    }

    pub(super) fn bind(&self, id: &str) -> Self {
        let host = match &self.host {
            HostPattern::Name(labels) => {
                HostPattern::Name(labels.iter().map(|label| label.bind(id)).collect())
            }
            other => other.clone(),
        };
        Self { host, port: self.port }
    }

    pub(super) fn is_searching(&self) -> bool {
        matches!(&self.host, HostPattern::Name(labels) if segment::is_searching(labels))
    }

    pub(super) fn matches(&self, endpoint: &Endpoint<'_>) -> bool {
        self.has_port(endpoint.port)
            && match (&self.host, &endpoint.host) {
                (HostPattern::Any, _) => true,
                (HostPattern::Name(labels), Host::Name(name)) => {
                    segment::matches(labels, Segments::of(name, '.'))
                }
                (HostPattern::Groups(groups), Host::Address(judged)) => {
                    groups.matches(judged.address())
                }
                (HostPattern::Network(network), Host::Address(judged)) => {
                    network.contains(judged.address())
                }
                _ => false,
            }
    }

    /// Returns whether the pattern is a literal address or a network with this address in it.
    pub(super) fn covers(&self, address: IpAddr, port: Option<u16>) -> bool {
        let HostPattern::Network(network) = &self.host else { return false };
        self.has_port(port) && network.contains(address)
    }

    /// Returns whether a requested port matches; `None` is some port.
    fn has_port(&self, port: Option<u16>) -> bool {
        self.port.is_none_or(|want| port.is_none_or(|port| port == want))
    }
}

impl HostPattern {
    fn compile(text: &str) -> Result<Self, PatternProblem> {
        if text == "**" {
            return Ok(Self::Any);
        }
        if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            return match inner.contains('*') && !inner.contains('/') {
                true => Groups::v6(inner).map(Self::Groups),
                false => Network::v6(inner).map(Self::Network),
            };
        }
        if text.split_once('/').is_some_and(|(before, _)| is_like_address(before)) {
            return Network::v4(text).map(Self::Network);
        }
        // Digits mean an address: a registered name could otherwise match `10.0.0.*`.
        let digits = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
        let numeric = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit() || byte == b'*');
        let labels = || text.split('.').filter(|label| !label.is_empty());
        let last_is_number = labels().next_back().is_some_and(|label| {
            is_number(label) || (numeric(label) && label.bytes().any(|byte| byte != b'*'))
        });
        if last_is_number || (labels().all(numeric) && labels().any(digits)) {
            return match text.contains('*') {
                true => Groups::v4(text).map(Self::Groups),
                false => Network::v4(text).map(Self::Network),
            };
        }
        let allowed = |byte: u8| is_label_byte(byte) || matches!(byte, b'.' | b'*' | b'<' | b'>');
        if !text.bytes().all(allowed) {
            return Err(PatternProblem::Host);
        }
        compile_segments(Domain::Network, text).map(Self::Name)
    }
}

/// Returns whether a text has a digit or a colon and no character that is not of an address.
fn is_like_address(text: &str) -> bool {
    let of_address =
        |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':' | b'*' | b'[' | b']');
    text.bytes().all(of_address) && text.bytes().any(|byte| byte.is_ascii_digit() || byte == b':')
}
