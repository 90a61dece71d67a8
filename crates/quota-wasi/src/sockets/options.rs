//! Options of a socket that both kinds have.

use rustix::fd::AsFd;
use rustix::io::Errno;
use rustix::net::sockopt;
use wasmtime_wasi::p2::SocketResult;
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;

use super::family::Family;

/// One of the two buffers that the kernel has for a socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Buffer {
    /// Bytes that came in.
    Receive,
    /// Bytes that go out.
    Send,
}

impl Buffer {
    /// Returns its size in bytes.
    pub(crate) fn size(self, socket: impl AsFd) -> SocketResult<u64> {
        let bytes = match self {
            Self::Receive => sockopt::socket_recv_buffer_size(socket)?,
            Self::Send => sockopt::socket_send_buffer_size(socket)?,
        };
        // Linux doubles what it is told, for its own bookkeeping, and returns the double.
        let bytes = if cfg!(target_os = "linux") { bytes / 2 } else { bytes };
        Ok(u64::try_from(bytes).unwrap_or(u64::MAX))
    }

    /// Sets its size to that which a guest asks for, `most` bytes at most.
    pub(crate) fn set_size(self, socket: impl AsFd, bytes: u64, most: u64) -> SocketResult<()> {
        if bytes == 0 {
            return Err(ErrorCode::InvalidArgument.into());
        }
        self.set(socket, bytes.min(most))
    }

    /// Lowers its size to `most` bytes, if it has more.
    pub(crate) fn bound(self, socket: impl AsFd, most: u64) -> SocketResult<()> {
        if self.size(&socket)? > most { self.set(socket, most) } else { Ok(()) }
    }

    fn set(self, socket: impl AsFd, bytes: u64) -> SocketResult<()> {
        let most = i32::MAX.unsigned_abs();
        let bytes = u32::try_from(bytes).unwrap_or(most).clamp(1, most);
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let set = match self {
            Self::Receive => sockopt::set_socket_recv_buffer_size(socket, bytes),
            Self::Send => sockopt::set_socket_send_buffer_size(socket, bytes),
        };
        match set {
            // A size is a hint: only some systems refuse one that they do not have.
            Ok(()) | Err(Errno::NOBUFS) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// Returns the hop limit of what a socket sends.
pub(crate) fn hop_limit(socket: impl AsFd, family: Family) -> SocketResult<u8> {
    match family {
        Family::V4 => {
            let hops = u8::try_from(sockopt::ip_ttl(socket)?);
            Ok(hops.or(Err(ErrorCode::NotSupported))?)
        }
        Family::V6 => Ok(sockopt::ipv6_unicast_hops(socket)?),
    }
}

/// Sets the hop limit of what a socket sends.
pub(crate) fn set_hop_limit(socket: impl AsFd, family: Family, hops: u8) -> SocketResult<()> {
    if hops == 0 {
        return Err(ErrorCode::InvalidArgument.into());
    }
    match family {
        Family::V4 => sockopt::set_ip_ttl(socket, hops.into())?,
        Family::V6 => sockopt::set_ipv6_unicast_hops(socket, Some(hops))?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Buffer, hop_limit, set_hop_limit};
    use crate::sockets::family::Family;
    use std::net::UdpSocket;
    use wasmtime_wasi::p2::SocketError;
    use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;

    fn code(error: SocketError) -> ErrorCode {
        error.downcast().unwrap()
    }

    #[test]
    fn buffers_grow_up_to_their_bound_only() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for buffer in [Buffer::Receive, Buffer::Send] {
            buffer.bound(&socket, 65_536).unwrap();
            assert!(buffer.size(&socket).unwrap() <= 65_536);
            buffer.set_size(&socket, u64::MAX, 32_768).unwrap();
            assert_eq!(buffer.size(&socket).unwrap(), 32_768);
            buffer.set_size(&socket, 16_384, 32_768).unwrap();
            assert_eq!(buffer.size(&socket).unwrap(), 16_384);
            buffer.bound(&socket, 32_768).unwrap();
            assert_eq!(buffer.size(&socket).unwrap(), 16_384);
            assert_eq!(
                code(buffer.set_size(&socket, 0, 1).unwrap_err()),
                ErrorCode::InvalidArgument
            );
        }
    }

    #[test]
    fn a_hop_limit_is_at_least_one() {
        for (family, address) in [(Family::V4, "127.0.0.1:0"), (Family::V6, "[::1]:0")] {
            let Ok(socket) = UdpSocket::bind(address) else { continue };
            set_hop_limit(&socket, family, 7).unwrap();
            assert_eq!(hop_limit(&socket, family).unwrap(), 7);
            let refused = set_hop_limit(&socket, family, 0).unwrap_err();
            assert_eq!(code(refused), ErrorCode::InvalidArgument);
        }
    }
}
