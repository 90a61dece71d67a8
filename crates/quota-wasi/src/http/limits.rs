//! The limits of an execution's requests.

use core::time::Duration;

use limits_core::ResourceLimits;
use tokio::time::Instant;
use wasmtime_wasi_http::RequestOptions;

/// The limits of an execution's requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestLimits {
    /// Requests of the execution.
    pub(crate) requests: u64,
    /// Requests at a time.
    pub(crate) in_flight: u32,
    /// Bytes of a response's head, and of its trailers.
    pub(crate) head_bytes: u64,
    /// Bytes of a response's body.
    pub(crate) body_bytes: u64,
    /// Bytes of each of the two buffers that the kernel has for a socket.
    pub(crate) socket_buffer_bytes: u64,
    pub(crate) times: Times,
}

/// The times that the parts of a request may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// Look-up and connection.
    pub(crate) connect: Duration,
    /// The TLS handshake.
    pub(crate) tls: Duration,
    /// From the request's end to the response's head.
    pub(crate) first_byte: Duration,
    /// Without a byte of a body.
    pub(crate) idle: Duration,
    /// From the call to the end of the response.
    pub(crate) total: Duration,
}

impl RequestLimits {
    pub(crate) fn new(limits: &ResourceLimits) -> Self {
        Self {
            requests: limits.max_requests(),
            in_flight: limits.max_requests_in_flight(),
            head_bytes: limits.max_response_head_bytes(),
            body_bytes: limits.max_response_bytes(),
            socket_buffer_bytes: limits.max_socket_buffer_bytes(),
            times: Times {
                connect: Duration::from_millis(limits.connect_timeout_ms()),
                tls: Duration::from_millis(limits.tls_timeout_ms()),
                first_byte: Duration::from_millis(limits.first_byte_timeout_ms()),
                idle: Duration::from_millis(limits.idle_timeout_ms()),
                total: Duration::from_millis(limits.request_timeout_ms()),
            },
        }
    }
}

impl Times {
    /// Shortens them to what the guest asks for. A guest lengthens none.
    pub(crate) fn shortened(self, options: Option<RequestOptions>) -> Self {
        let Some(options) = options else { return self };
        let shorter = |time: Duration, asked: Option<Duration>| asked.unwrap_or(time).min(time);
        Self {
            connect: shorter(self.connect, options.connect_timeout),
            first_byte: shorter(self.first_byte, options.first_byte_timeout),
            idle: shorter(self.idle, options.between_bytes_timeout),
            ..self
        }
    }
}

/// Returns the time after a duration; 30 years, if no clock goes as far.
pub(crate) fn after(start: Instant, time: Duration) -> Instant {
    const LONG: Duration = Duration::from_secs(30 * 365 * 86_400);
    start + time.min(LONG)
}

#[cfg(test)]
mod tests {
    use super::{RequestLimits, after};
    use core::time::Duration;
    use limits_core::ResourceLimits;
    use tokio::time::Instant;
    use wasmtime_wasi_http::RequestOptions;

    #[test]
    fn a_guest_shortens_times_and_lengthens_none() {
        let limits = ResourceLimits::builder().memory_bytes(1).build().unwrap();
        let times = RequestLimits::new(&limits).times;
        let of = |millis| {
            let time = Some(Duration::from_millis(millis));
            let options = RequestOptions {
                connect_timeout: time,
                first_byte_timeout: time,
                between_bytes_timeout: time,
            };
            let times = times.shortened(Some(options));
            [times.connect, times.first_byte, times.idle]
        };
        assert_eq!(of(7), [Duration::from_millis(7); 3]);
        assert_eq!(of(0), [Duration::ZERO; 3]);
        assert_eq!(of(u64::MAX), [times.connect, times.first_byte, times.idle]);
        let unchanged = times.shortened(Some(RequestOptions::default()));
        assert_eq!(unchanged.first_byte, times.first_byte);
        assert_eq!(times.shortened(None).idle, times.idle);
    }

    #[test]
    fn no_time_is_too_long_to_count() {
        let now = Instant::now();
        assert!(after(now, Duration::MAX) > now);
    }
}
