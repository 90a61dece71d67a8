//! One line of JSON.

use std::io;
use std::time::SystemTime;

use limits_core::{Denial, Retry};
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use crate::{AuditEvent, AuditKind};

pub(super) fn to_line(line: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    // Numbers and texts under names that are texts: serialising them cannot fail.
    let _ = line.serialize(&mut Serializer::with_formatter(&mut bytes, Escaping));
    bytes.push(b'\n');
    bytes
}

/// Escapes what JSON alone leaves as it is and terminals and editors do not show, or show as an order.
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_hidden) {
            let (plain, hidden) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut letters = hidden.chars();
            if let Some(letter) = letters.next() {
                // All of them are in the basic plane.
                write!(writer, "\\u{:04x}", u32::from(letter))?;
            }
            rest = letters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

const fn is_hidden(letter: char) -> bool {
    matches!(letter,
        // DEL and the control characters above it, one of which begins terminal sequences.
        '\u{7f}'..='\u{9f}'
        // Marks, embeddings, overrides and isolates of direction.
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        // Ends of lines and paragraphs to some readers.
        | '\u{2028}' | '\u{2029}')
}

pub(super) fn time_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Events that were lost; see [`JsonLinesSink`](super::JsonLinesSink).
#[derive(Serialize)]
pub(super) struct Loss {
    pub(super) time_ms: u64,
    pub(super) event: &'static str,
    pub(super) left_out: u64,
    pub(super) dropped: u64,
    pub(super) failed: u64,
}

/// One event. What does not belong to its kind is left out.
#[derive(Default, Serialize)]
pub(super) struct Line<'a> {
    time_ms: u64,
    event: &'static str,
    component: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    subject: &'static str,
    enforced: bool,
    #[serde(skip_serializing_if = "is_zero")]
    repeats: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested: Option<u64>,
    /// What was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<u64>,
    /// Absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_us: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl<'a> Line<'a> {
    /// The most of a text that a guest wrote, in bytes.
    const MOST: usize = 1_024;

    pub(super) fn of(event: &AuditEvent<'a>, repeats: u64) -> Self {
        let AuditEvent { component, kind, enforced } = *event;
        let line = Self {
            time_ms: time_ms(),
            event: kind.name(),
            component,
            subject: kind.subject(),
            enforced,
            repeats,
            ..Self::default()
        };
        match kind {
            AuditKind::Registered | AuditKind::Unregistered => line,
            AuditKind::CapabilityDenied(decision) | AuditKind::CapabilityGranted(decision) => {
                let target = decision.resource();
                let end = target.floor_char_boundary(Self::MOST);
                Self {
                    target: target.get(..end),
                    rule: decision.rule().map(limits_core::Pattern::as_str),
                    reason: decision.denial().as_ref().map(Denial::to_string),
                    ..line
                }
            }
            AuditKind::QuotaDenied(error) => {
                let retry = match error.retry() {
                    Retry::Now => "now",
                    Retry::After(_) => "after",
                    Retry::Never => "never",
                };
                // Rounded up: whoever waits this long is let in.
                let micros = error.retry().after().map(|wait| wait.as_nanos().div_ceil(1_000));
                let retry_after_us = micros.map(|micros| u64::try_from(micros).unwrap_or(u64::MAX));
                Self {
                    used: Some(error.used()),
                    requested: Some(error.requested()),
                    limit: Some(error.limit()),
                    unit: Some(error.resource().unit()),
                    level: Some(error.level()),
                    retry: Some(retry),
                    retry_after_us,
                    ..line
                }
            }
            AuditKind::QuotaGranted { resource, amount } => {
                Self { amount: Some(amount), unit: Some(resource.unit()), ..line }
            }
            AuditKind::Threshold { resource, from, to, status } => Self {
                from: Some(from.as_str()),
                to: Some(to.as_str()),
                used: Some(status.used()),
                limit: status.limit().at_most(),
                unit: Some(resource.unit()),
                ..line
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::to_line;

    #[test]
    fn nothing_in_a_text_ends_the_line_or_orders_a_terminal_about() {
        let text = "a\n\"b\u{7f}\u{9b}31m\u{85}\u{2028}\u{202e}txt\\ä√";
        let line = String::from_utf8(to_line(&text)).unwrap();
        assert_eq!(line, "\"a\\n\\\"b\\u007f\\u009b31m\\u0085\\u2028\\u202etxt\\\\ä√\"\n");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
    }
}
