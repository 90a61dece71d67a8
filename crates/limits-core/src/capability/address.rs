//! Patterns of IP addresses with `*` or `**`.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::pattern_error::PatternProblem;

/// The groups of an address: `*` is `None`, and `**` at the end leaves the rest open.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Groups {
    first: Box<[Option<u16>]>,
    open: bool,
    family: Family,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Family {
    V4,
    V6,
}

impl Groups {
    /// Reads an IPv4 pattern such as `10.0.*.1` or `10.**`.
    pub(super) fn v4(text: &str) -> Result<Self, PatternProblem> {
        let group = |group: &str| {
            let leading_zero = group.len() > 1 && group.starts_with('0');
            let plain = !leading_zero && group.bytes().all(|byte| byte.is_ascii_digit());
            group.parse::<u8>().ok().filter(|_| plain).map(u16::from)
        };
        Self::read(text, Family::V4, group)
    }

    /// Reads an IPv6 pattern without its brackets, such as `2001:db8:**`.
    pub(super) fn v6(text: &str) -> Result<Self, PatternProblem> {
        let group = |group: &str| {
            let plain = group.len() <= 4 && group.bytes().all(|byte| byte.is_ascii_hexdigit());
            u16::from_str_radix(group, 16).ok().filter(|_| plain)
        };
        Self::read(text, Family::V6, group)
    }

    fn read(
        text: &str,
        family: Family,
        group: impl Fn(&str) -> Option<u16>,
    ) -> Result<Self, PatternProblem> {
        let (separator, count) = match family {
            Family::V4 => ('.', 4),
            Family::V6 => (':', 8),
        };
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
        Ok(Self { first: first.into_boxed_slice(), open, family })
    }

    /// Returns whether an address matches.
    pub(super) fn matches(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => {
                self.family == Family::V4 && self.match_groups(&address.octets().map(u16::from))
            }
            IpAddr::V6(address) => {
                self.family == Family::V6 && self.match_groups(&address.segments())
            }
        }
    }

    fn match_groups(&self, groups: &[u16]) -> bool {
        let pairs = self.first.iter().zip(groups);
        (self.open || self.first.len() == groups.len())
            && pairs.into_iter().all(|(want, group)| want.is_none_or(|want| want == *group))
    }
}
