//! Endpoints of the network, and the patterns that match them.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use core::net::{Ipv4Addr, Ipv6Addr};

use super::address::Groups;
use super::domain::Domain;
use super::host_name::{is_host_name, is_label_byte, is_number};
use super::pattern_error::PatternProblem;
use super::resource::{self, ResourceError};
use super::segment::{self, Segment, Segments};
use super::segment_compiler::compile_segments;

/// A requested host and port.
#[derive(Debug)]
pub(super) struct Endpoint<'t> {
    host: Host<'t>,
    port: u16,
}

#[derive(Debug)]
enum Host<'t> {
    /// In lower case, without a dot at the end.
    Name(Cow<'t, str>),
    V4([u16; 4]),
    V6([u16; 8]),
}

impl<'t> Endpoint<'t> {
    pub(super) fn parse(text: &'t str) -> Result<Self, ResourceError> {
        resource::check_text(text)?;
        let (host, port) = text.rsplit_once(':').ok_or(ResourceError::Port)?;
        let port = parse_port(port).ok_or(ResourceError::Port)?;
        Ok(Self { host: Host::parse(host)?, port })
    }
}

impl<'t> Host<'t> {
    fn parse(text: &'t str) -> Result<Self, ResourceError> {
        if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            let Ok(address) = inner.parse::<Ipv6Addr>() else { return Err(ResourceError::Host) };
            return Ok(match address.to_ipv4_mapped() {
                Some(mapped) => Self::V4(mapped.octets().map(u16::from)),
                None => Self::V6(address.segments()),
            });
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Self::V4(address.octets().map(u16::from)));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        if !is_host_name(name) {
            return Err(ResourceError::Host);
        }
        Ok(Self::Name(if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        }))
    }
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
    V4(Groups),
    V6(Groups),
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
        self.port.is_none_or(|port| port == endpoint.port)
            && match (&self.host, &endpoint.host) {
                (HostPattern::Any, _) => true,
                (HostPattern::Name(labels), Host::Name(name)) => {
                    segment::matches(labels, Segments::of(name, '.'))
                }
                (HostPattern::V4(groups), Host::V4(address)) => groups.matches(address),
                (HostPattern::V6(groups), Host::V6(address)) => groups.matches(address),
                _ => false,
            }
    }
}

impl HostPattern {
    fn compile(text: &str) -> Result<Self, PatternProblem> {
        if text == "**" {
            return Ok(Self::Any);
        }
        if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            return Groups::v6(inner).map(Self::V6);
        }
        // Digits mean an address: a registered name could otherwise match `10.0.0.*`.
        let digits = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
        let numeric = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit() || byte == b'*');
        let labels = || text.split('.').filter(|label| !label.is_empty());
        let last_is_number = labels().next_back().is_some_and(|label| {
            is_number(label) || (numeric(label) && label.bytes().any(|byte| byte != b'*'))
        });
        if last_is_number || (labels().all(numeric) && labels().any(digits)) {
            return Groups::v4(text).map(Self::V4);
        }
        let allowed = |byte: u8| is_label_byte(byte) || matches!(byte, b'.' | b'*' | b'<' | b'>');
        if !text.bytes().all(allowed) {
            return Err(PatternProblem::Host);
        }
        compile_segments(Domain::Network, text).map(Self::Name)
    }
}
