//! The use of the services of the host by one run: network, messages and keys.

use limits_config::format_size;
use limits_core::ResourceLimits;
use quota_wasi::StoreUsage;
use serde::Serialize;

use crate::units::{grouped, times};

/// Bytes of TCP, UDP and HTTP together, as they leave and reach the host.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct NetworkUse {
    sent: u64,
    received: u64,
    /// Received datagrams that the guest did not see.
    dropped_datagrams: u64,
}

/// Open TCP and UDP sockets.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct SocketUse {
    max: u32,
    peak: u64,
    /// The number of refusals.
    refused: u64,
}

/// Things of which a run may have so many: look-ups of names, or HTTP requests.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct CountedUse {
    max: u64,
    count: u64,
    /// Those beyond `max`.
    refused: u64,
}

/// Messages.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct MessageUse {
    /// The most bytes of one.
    max_bytes: u64,
    sent: u64,
    /// Those that were too large.
    refused: u64,
    /// Those that could not be written.
    failed: u64,
}

/// Pairs of keys and values.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct PairUse {
    /// The most bytes of one.
    max_bytes: u64,
    /// Those that were too large.
    refused: u64,
}

/// The use of the services of the host by one run. The fields are keys of the JSON.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct ServiceUse {
    network: NetworkUse,
    sockets: SocketUse,
    lookups: CountedUse,
    requests: CountedUse,
    messages: MessageUse,
    pairs: PairUse,
}

impl ServiceUse {
    /// Describes the use by one run within `limits`.
    pub(crate) fn new(limits: &ResourceLimits, usage: &StoreUsage) -> Self {
        Self {
            network: NetworkUse {
                sent: usage.sent_bytes(),
                received: usage.received_bytes(),
                dropped_datagrams: usage.dropped_datagrams(),
            },
            sockets: SocketUse {
                max: limits.max_sockets(),
                peak: usage.peak_sockets(),
                refused: usage.refused_sockets(),
            },
            lookups: CountedUse {
                max: limits.max_lookups(),
                count: usage.lookups(),
                refused: usage.refused_lookups(),
            },
            requests: CountedUse {
                max: limits.max_requests(),
                count: usage.requests(),
                refused: usage.refused_requests(),
            },
            messages: MessageUse {
                max_bytes: limits.max_message_bytes(),
                sent: usage.messages(),
                refused: usage.refused_messages(),
                failed: usage.failed_messages(),
            },
            pairs: PairUse { max_bytes: limits.max_value_bytes(), refused: usage.refused_pairs() },
        }
    }

    /// Writes the use of the network in one line, if there was any.
    pub(crate) fn network(&self) -> Option<String> {
        let NetworkUse { sent, received, dropped_datagrams } = self.network;
        let (sent, received) = (named(sent, "sent"), named(received, "received"));
        let counts = [
            (self.sockets.peak, "socket at a time", "sockets at a time"),
            (self.lookups.count, "look-up", "look-ups"),
            (self.requests.count, "request", "requests"),
            (dropped_datagrams, "datagram dropped", "datagrams dropped"),
        ];
        let counts = counts.into_iter().filter(|(count, ..)| *count > 0).map(counted);
        let parts: Vec<String> = [sent, received].into_iter().flatten().chain(counts).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    /// Writes the messages in one line, if there were any.
    pub(crate) fn messages(&self) -> Option<String> {
        let MessageUse { sent, failed, .. } = self.messages;
        let failures = match failed {
            0 => String::new(),
            failed => format!(", {} could not be written", grouped(failed)),
        };
        (sent > 0 || failed > 0).then(|| format!("{} sent{failures}", grouped(sent)))
    }

    /// Writes a line for each limit that was met.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = String> {
        let Self { sockets, lookups, requests, messages, pairs, .. } = self;
        let more = |max: u64, things: &str| format!("more than {} {things}", grouped(max));
        let large = |thing: &str, max: u64| format!("{thing} of more than {}", format_size(max));
        let met = [
            (sockets.refused, more(sockets.max.into(), "sockets")),
            (lookups.refused, more(lookups.max, "look-ups of names")),
            (requests.refused, more(requests.max, "HTTP requests")),
            (messages.refused, large("a message", messages.max_bytes)),
            (pairs.refused, large("a key and value", pairs.max_bytes)),
        ];
        let met = met.into_iter().filter(|(count, _)| *count > 0);
        met.map(|(count, what)| format!("{what}, {}", times(count)))
    }
}

fn named(bytes: u64, verb: &str) -> Option<String> {
    (bytes > 0).then(|| format!("{} {verb}", format_size(bytes)))
}

fn counted((count, one, more): (u64, &str, &str)) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { more })
}

#[cfg(test)]
mod tests {
    use super::{CountedUse, MessageUse, NetworkUse, PairUse, ServiceUse, SocketUse};
    use limits_core::ResourceLimits;
    use quota_wasi::StoreUsage;

    #[test]
    fn a_run_without_services_has_no_line() {
        let limits = ResourceLimits::builder().memory_bytes(1).build().unwrap();
        let used = ServiceUse::new(&limits, &StoreUsage::default());
        assert_eq!((used.network(), used.messages()), (None, None));
        assert_eq!(used.refusals().count(), 0);
    }

    #[test]
    fn use_and_refusals_are_told_in_numbers() {
        let used = ServiceUse {
            network: NetworkUse { sent: 4, received: 5_000, dropped_datagrams: 1 },
            sockets: SocketUse { max: 2, peak: 2, refused: 1 },
            lookups: CountedUse { max: 1, count: 1, refused: 3 },
            requests: CountedUse { max: 1_000, count: 1_000, refused: 1 },
            messages: MessageUse { max_bytes: 1_024, sent: 7, refused: 1, failed: 2 },
            pairs: PairUse { max_bytes: 2_048, refused: 2 },
        };
        assert_eq!(
            used.network().unwrap(),
            "4 B sent, 5000 (4.88 KiB) received, 2 sockets at a time, 1 look-up, 1_000 requests, 1 \
             datagram dropped"
        );
        assert_eq!(used.messages().unwrap(), "7 sent, 2 could not be written");
        let refusals: Vec<String> = used.refusals().collect();
        assert_eq!(
            refusals,
            [
                "more than 2 sockets, once",
                "more than 1 look-ups of names, 3 times",
                "more than 1_000 HTTP requests, once",
                "a message of more than 1024 (1 KiB), once",
                "a key and value of more than 2048 (2 KiB), 2 times"
            ]
        );
    }
}
