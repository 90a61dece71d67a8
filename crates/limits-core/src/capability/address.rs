//! Patterns of IP addresses.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::Ipv6Addr;

use super::pattern_error::PatternProblem;

/// The groups of an address: `*` is `None`, and `**` at the end leaves the rest open.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Groups {
    first: Box<[Option<u16>]>,
    open: bool,
}

impl Groups {
    /// Reads an IPv4 pattern such as `10.0.*.1` or `10.**`.
    pub(super) fn v4(text: &str) -> Result<Self, PatternProblem> {
        let group = |group: &str| {
            let leading_zero = group.len() > 1 && group.starts_with('0');
            let plain = !leading_zero && group.bytes().all(|byte| byte.is_ascii_digit());
            group.parse::<u8>().ok().filter(|_| plain).map(u16::from)
        };
        Self::read(text, '.', 4, group)
    }

    /// Reads an IPv6 pattern without its brackets: an address, or groups such as `2001:db8:**`.
    pub(super) fn v6(text: &str) -> Result<Self, PatternProblem> {
        if !text.contains('*') {
            let Ok(address) = text.parse::<Ipv6Addr>() else { return Err(PatternProblem::Address) };
            // Requests for a mapped address are matched as IPv4.
            if address.to_ipv4_mapped().is_some() {
                return Err(PatternProblem::Address);
            }
            let first = address.segments().into_iter().map(Some).collect();
            return Ok(Self { first, open: false });
        }
        let group = |group: &str| {
            let plain = group.len() <= 4 && group.bytes().all(|byte| byte.is_ascii_hexdigit());
            u16::from_str_radix(group, 16).ok().filter(|_| plain)
        };
        Self::read(text, ':', 8, group)
    }

    fn read(
        text: &str,
        separator: char,
        count: usize,
        group: impl Fn(&str) -> Option<u16>,
    ) -> Result<Self, PatternProblem> {
        let (groups, open) = match text.strip_suffix("**") {
            Some("") => ("", true),
            Some(groups) => match groups.strip_suffix(separator) {
                Some(groups) => (groups, true),
                None => return Err(PatternProblem::Address),
            },
            None => (text, false),
        };
        let mut first = Vec::new();
        for text in groups.split(separator).filter(|_| !groups.is_empty()) {
            first.push(match text {
                "*" => None,
                text => Some(group(text).ok_or(PatternProblem::Address)?),
            });
        }
        let fits = if open { first.len() < count } else { first.len() == count };
        if !fits {
            return Err(PatternProblem::Address);
        }
        Ok(Self { first: first.into_boxed_slice(), open })
    }

    /// Returns whether the groups of an address match.
    pub(super) fn matches(&self, groups: &[u16]) -> bool {
        let pairs = self.first.iter().zip(groups);
        (self.open || self.first.len() == groups.len())
            && pairs.into_iter().all(|(want, group)| want.is_none_or(|want| want == *group))
    }
}
