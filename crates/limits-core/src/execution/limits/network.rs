//! The limits of one execution on sockets, HTTP requests, messages and pairs of keys and values.

use super::ResourceLimits;
use super::builder::ResourceLimitsBuilder;

/// Defines the limits, one row each: default, getter, setter and maximum over several.
///
/// A row is `name: Type, DEFAULT_NAME = number, "the number and why", "the most" of "units";`, at
/// its end with a further sentence.
macro_rules! network_limits {
    ($(
        $name:ident: $type:ty, $default:ident = $number:expr, $shown:literal,
            $most:literal of $what:literal $(, $note:literal)?;
    )+) => {
        /// The limits on what leaves the host.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub(super) struct NetworkLimits {$($name: $type,)+}

        impl NetworkLimits {
            pub(super) const DEFAULTS: Self = Self {$($name: ResourceLimits::$default,)+};

            /// Returns the maximum of each limit.
            pub(super) fn max(self, other: Self) -> Self {
                Self {$($name: self.$name.max(other.$name),)+}
            }
        }

        impl ResourceLimits {
            $(
                #[doc = concat!("The ", $most, " ", $what, ", by default: ", $shown, ".")]
                pub const $default: $type = $number;
            )+

            $(
                #[doc = concat!("Returns the ", $most, " ", $what, "." $(, " ", $note)?)]
                #[must_use]
                pub const fn $name(&self) -> $type {
                    self.network.$name
                }
            )+
        }

        impl ResourceLimitsBuilder {$(
            #[doc = concat!("Sets the ", $most, " ", $what, "." $(, " ", $note)?)]
            pub const fn $name(mut self, most: $type) -> Self {
                self.others.network.$name = most;
                self
            }
        )+}
    };
}

network_limits! {
    max_sockets: u32, DEFAULT_MAX_SOCKETS = 32,
        "32, enough for a pool of connections, and few of the host's descriptors",
        "largest number of"
        of "TCP and UDP sockets that one execution has at one time, accepted connections included";
    max_lookups: u64, DEFAULT_MAX_LOOKUPS = 256,
        "256, eight for each of 32 sockets",
        "largest number of" of "look-ups of names by one execution";
    max_socket_buffer_bytes: u64, DEFAULT_MAX_SOCKET_BUFFER_BYTES = 256 * 1024,
        "256 KiB, a full pipe of 20 Mbit/s over 100 ms, and 16 MiB of the kernel for 32 sockets",
        "largest number of"
        of "bytes of each of the kernel's two buffers of a socket",
        "A larger size that the guest asks for is lowered.";
    max_requests: u64, DEFAULT_MAX_REQUESTS = 1_000,
        "1 000, as many pages of an API's list as have 100 000 entries of it",
        "largest number of" of "HTTP requests that one execution sends";
    max_requests_in_flight: u32, DEFAULT_MAX_REQUESTS_IN_FLIGHT = 16,
        "16, above the 6 connections for one host of a browser",
        "largest number of" of "HTTP requests of one execution at one time", "Further ones wait.";
    max_response_head_bytes: u64, DEFAULT_MAX_RESPONSE_HEAD_BYTES = 64 * 1024,
        "64 KiB, several times the 8 to 16 KiB of common servers",
        "largest number of" of "bytes of the status line and the headers of one response";
    max_response_bytes: u64, DEFAULT_MAX_RESPONSE_BYTES = 256 * 1024 * 1024,
        "256 MiB, a download of a large file in parts",
        "largest number of" of "bytes of the body of one response";
    connect_timeout_ms: u64, DEFAULT_CONNECT_TIMEOUT_MS = 10_000,
        "10 000, three retries of the kernel's SYN",
        "longest time in milliseconds"
        of "that a TCP connection takes to be made, and a name to be looked up; for HTTP both together";
    tls_timeout_ms: u64, DEFAULT_TLS_TIMEOUT_MS = 10_000,
        "10 000, a handshake of two round trips over a slow line",
        "longest time in milliseconds" of "of one TLS handshake";
    first_byte_timeout_ms: u64, DEFAULT_FIRST_BYTE_TIMEOUT_MS = 30_000,
        "30 000, the half of what common proxies grant a server to answer",
        "longest time in milliseconds"
        of "between the end of an HTTP request and the first byte of its response";
    idle_timeout_ms: u64, DEFAULT_IDLE_TIMEOUT_MS = 30_000,
        "30 000, above the 15 s of common signs of life in a stream of events",
        "longest time in milliseconds" of "between two bytes of an HTTP body";
    request_timeout_ms: u64, DEFAULT_REQUEST_TIMEOUT_MS = 300_000,
        "300 000, the largest response at 1 MiB per second",
        "longest time in milliseconds" of "of one HTTP request with its response";
    max_message_bytes: u64, DEFAULT_MAX_MESSAGE_BYTES = 256 * 1024,
        "256 KiB, the limit of common queue services",
        "largest number of" of "bytes of the topic, the data and the metadata of one message";
    max_value_bytes: u64, DEFAULT_MAX_VALUE_BYTES = 1024 * 1024,
        "1 MiB, the limit of common key-value stores",
        "largest number of" of "bytes of the key and the value of one pair in a key-value store";
}

#[cfg(test)]
mod tests {
    use crate::execution::limits::ResourceLimits;
    use crate::execution::limits::builder::ResourceLimitsBuilder;
    use std::vec::Vec;

    /// One number for each limit, in the order of the table.
    fn with(number: impl Fn(u64) -> u64) -> ResourceLimits {
        let count = |place| u32::try_from(number(place)).unwrap();
        let builder: ResourceLimitsBuilder = ResourceLimits::builder()
            .max_sockets(count(0))
            .max_lookups(number(1))
            .max_socket_buffer_bytes(number(2))
            .max_requests(number(3))
            .max_requests_in_flight(count(4))
            .max_response_head_bytes(number(5))
            .max_response_bytes(number(6))
            .connect_timeout_ms(number(7))
            .tls_timeout_ms(number(8))
            .first_byte_timeout_ms(number(9))
            .idle_timeout_ms(number(10))
            .request_timeout_ms(number(11))
            .max_message_bytes(number(12))
            .max_value_bytes(number(13));
        builder.build_with_memory(0)
    }

    fn numbers(limits: &ResourceLimits) -> [u64; 14] {
        [
            limits.max_sockets().into(),
            limits.max_lookups(),
            limits.max_socket_buffer_bytes(),
            limits.max_requests(),
            limits.max_requests_in_flight().into(),
            limits.max_response_head_bytes(),
            limits.max_response_bytes(),
            limits.connect_timeout_ms(),
            limits.tls_timeout_ms(),
            limits.first_byte_timeout_ms(),
            limits.idle_timeout_ms(),
            limits.request_timeout_ms(),
            limits.max_message_bytes(),
            limits.max_value_bytes(),
        ]
    }

    #[test]
    fn each_limit_of_the_network_has_its_default() {
        assert_eq!(
            numbers(&ResourceLimits::builder().build_with_memory(0)),
            [
                32,
                256,
                262_144,
                1_000,
                16,
                65_536,
                268_435_456,
                10_000,
                10_000,
                30_000,
                30_000,
                300_000,
                262_144,
                1_048_576
            ]
        );
    }

    #[test]
    fn each_limit_of_the_network_is_kept_as_its_own() {
        let places: Vec<u64> = (0..14).collect();
        assert_eq!(numbers(&with(|place| place)), *places);
    }

    #[test]
    fn the_maximum_over_several_limits_of_the_network_is_that_of_each() {
        let each: Vec<_> =
            (0..14).map(|most| with(|place| if place == most { 90 } else { place })).collect();
        let largest = with(|_| 90);
        assert_eq!(ResourceLimits::max_of(&each), Some(largest));
        assert_eq!(ResourceLimits::max_of(each.iter().rev()), Some(largest));
    }
}
