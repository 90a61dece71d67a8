//! Options of a TCP socket.

use core::time::Duration;

use rustix::fd::BorrowedFd;
use rustix::net::sockopt;
use wasmtime_wasi::p2::SocketResult;
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;

/// The most seconds and probes that Linux has for a connection that is kept alive.
const MOST_SECONDS: u64 = 32_767;
const MOST_PROBES: u32 = 127;
/// The most connections that wait to be accepted.
const MOST_BACKLOG: u32 = 128;

/// A time of a connection that is kept alive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum KeepAlive {
    /// Before the first probe.
    Idle,
    /// Between probes.
    Interval,
}

impl KeepAlive {
    /// Returns the time, in nanoseconds.
    pub(crate) fn nanos(self, socket: BorrowedFd<'_>) -> SocketResult<u64> {
        let time = match self {
            Self::Idle => sockopt::tcp_keepidle(socket)?,
            Self::Interval => sockopt::tcp_keepintvl(socket)?,
        };
        Ok(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Sets the time, in nanoseconds, to a second at least.
    pub(crate) fn set(self, socket: BorrowedFd<'_>, nanos: u64) -> SocketResult<()> {
        let (least, most) = (Duration::from_secs(1), Duration::from_secs(MOST_SECONDS));
        let time = Duration::from_nanos(nanos).clamp(least, most);
        match self {
            Self::Idle => sockopt::set_tcp_keepidle(socket, time)?,
            Self::Interval => sockopt::set_tcp_keepintvl(socket, time)?,
        }
        Ok(())
    }
}

/// Sets the number of probes, to one at least.
pub(crate) fn set_keep_alive_count(socket: BorrowedFd<'_>, probes: u32) -> SocketResult<()> {
    Ok(sockopt::set_tcp_keepcnt(socket, probes.clamp(1, MOST_PROBES))?)
}

/// Returns the number of connections that may wait to be accepted, of that which a guest asks for.
pub(crate) fn backlog(wanted: u64) -> SocketResult<u32> {
    let wanted = not_zero(wanted)?;
    Ok(u32::try_from(wanted).unwrap_or(MOST_BACKLOG).min(MOST_BACKLOG))
}

/// The backlog of a socket of which a guest asks nothing.
pub(crate) const DEFAULT_BACKLOG: u32 = MOST_BACKLOG;

/// WASI has no zero for these options, whatever state a socket is in.
pub(crate) fn not_zero<N: PartialEq + From<u8>>(number: N) -> Result<N, ErrorCode> {
    if number == N::from(0) { Err(ErrorCode::InvalidArgument) } else { Ok(number) }
}
