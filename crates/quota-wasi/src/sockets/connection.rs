//! A TCP connection, which a socket and its two streams share.

use core::sync::atomic::{AtomicU8, Ordering};
use std::io;
use std::net::Shutdown;

use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::held::as_bytes;
use crate::slots::Slot;
use crate::store_usage::StoreUsage;

/// No byte is to be read any more.
const READ_SHUT: u8 = 1;
/// No byte is to be written any more, after those that are being sent.
const WRITE_SHUT: u8 = 2;
/// Bytes are being sent that the guest has written.
const SENDING: u8 = 4;

/// A TCP connection, which a socket and its two streams share. The last of them closes it and hands
/// its slot back.
///
/// # Invariants
///
/// - I51: bytes that a guest has written are sent before its shutdown is. Who sets the second of
///   `SENDING` ended and `WRITE_SHUT` sees the first, and shuts down.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    state: AtomicU8,
    usage: StoreUsage,
    /// Dropped after the stream.
    _slot: Slot,
}

/// The end of what a connection does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Broken {
    /// Its peer, or the guest, has ended it.
    Closed,
    /// The system reports an error.
    Failed(Errno),
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, slot: Slot, usage: StoreUsage) -> Self {
        Self { stream, state: AtomicU8::new(0), usage, _slot: slot }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(crate) fn is_read_shut(&self) -> bool {
        self.has(READ_SHUT)
    }

    pub(crate) fn is_write_shut(&self) -> bool {
        self.has(WRITE_SHUT)
    }

    fn has(&self, bit: u8) -> bool {
        self.state.load(Ordering::Relaxed) & bit != 0
    }

    /// Shuts one direction down, or both. What is being sent is sent before.
    pub(crate) fn shut_down(&self, how: Shutdown) {
        if matches!(how, Shutdown::Read | Shutdown::Both) {
            self.state.fetch_or(READ_SHUT, Ordering::Relaxed);
            self.shut_down_now(rustix::net::Shutdown::Read);
        }
        if matches!(how, Shutdown::Write | Shutdown::Both) {
            // Both orders of this and the end of sending are one order of changes of one word.
            let before = self.state.fetch_or(WRITE_SHUT, Ordering::Relaxed);
            if before & SENDING == 0 {
                self.shut_down_now(rustix::net::Shutdown::Write);
            }
        }
    }

    fn shut_down_now(&self, how: rustix::net::Shutdown) {
        // A connection that its peer has ended has nothing to shut down.
        let _ended = rustix::net::shutdown(&self.stream, how);
    }

    /// Notes that bytes are being sent, until [`end_sending`](Self::end_sending).
    pub(crate) fn begin_sending(&self) {
        self.state.fetch_or(SENDING, Ordering::Relaxed);
    }

    pub(crate) fn end_sending(&self) {
        let before = self.state.fetch_and(!SENDING, Ordering::Relaxed);
        if before & WRITE_SHUT != 0 {
            self.shut_down_now(rustix::net::Shutdown::Write);
        }
    }

    /// Reports whether the kernel may have bytes, or the peer's end.
    pub(crate) fn is_readable(&self) -> bool {
        self.stream.try_io(Interest::READABLE, || Ok(())).is_ok()
    }

    /// Reports whether the kernel may take bytes.
    pub(crate) fn is_writable(&self) -> bool {
        self.stream.try_io(Interest::WRITABLE, || Ok(())).is_ok()
    }

    /// Reads up to `most` bytes that the kernel has: none if it has none now.
    pub(crate) fn receive(&self, most: usize) -> Result<Vec<u8>, Broken> {
        let mut bytes = Vec::new();
        let outcome = self.stream.try_io(Interest::READABLE, || {
            bytes.reserve_exact(most);
            let read = retry(|| recv(&self.stream, spare_capacity(&mut bytes), RecvFlags::empty()));
            let (read, _) = read?;
            if read == 0 {
                return Ok(true);
            }
            if read < most {
                // All that the kernel had: the next wait is for more.
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(false)
        });
        match outcome {
            Ok(true) => Err(Broken::Closed),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(Broken::of(&error)),
            _ => {
                self.usage.received(as_bytes(bytes.len()));
                Ok(bytes)
            }
        }
    }

    /// Returns the end of what is received, if nothing is left before it. Reads no byte.
    pub(crate) fn end(&self) -> Option<Broken> {
        let mut byte = [0];
        match retry(|| recv(&self.stream, &mut byte, RecvFlags::PEEK)) {
            Ok((0, _)) => Some(Broken::Closed),
            Ok(_) | Err(Errno::AGAIN) => None,
            Err(errno) => Some(Broken::Failed(errno)),
        }
    }

    /// Gives bytes to the kernel. Returns how many it took: none if it takes none now.
    pub(crate) fn send(&self, bytes: &[u8]) -> Result<usize, Broken> {
        let mut sent = 0;
        let outcome = self.stream.try_io(Interest::WRITABLE, || {
            sent = retry(|| send(&self.stream, bytes, SendFlags::NOSIGNAL))?;
            if sent < bytes.len() {
                // All that the kernel takes: the next wait is for more room.
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(())
        });
        match outcome {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(Broken::of(&error)),
            _ => {
                self.usage.sent(as_bytes(sent));
                Ok(sent)
            }
        }
    }
}

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    rustix::io::retry_on_intr(&mut call)
}

impl Broken {
    fn of(error: &io::Error) -> Self {
        match Errno::from_io_error(error) {
            Some(Errno::PIPE) => Self::Closed,
            Some(errno) => Self::Failed(errno),
            None => Self::Failed(Errno::IO),
        }
    }
}
