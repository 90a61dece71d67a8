//! A server on loopback for guests, which counts its connections.

use core::net::{Ipv4Addr, SocketAddr};
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// A peer that is silent for this long is left.
const SILENCE: Duration = Duration::from_secs(30);

/// A server on a port of its own. Its threads end with the process.
pub(super) struct Server {
    address: SocketAddr,
    connections: Arc<AtomicU64>,
}

impl Server {
    /// Starts a server that talks to each connection on a thread of its own.
    pub(super) fn start(talk: fn(TcpStream) -> io::Result<()>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let connections = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&connections);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Read by `connections` after the guest has ended: it had an answer before.
                count.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || -> io::Result<()> {
                    stream.set_read_timeout(Some(SILENCE))?;
                    stream.set_write_timeout(Some(SILENCE))?;
                    stream.set_nodelay(true)?;
                    talk(stream)
                });
            }
        });
        Ok(Self { address, connections })
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns the number of connections so far.
    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Sends back all that comes.
pub(super) fn echo(stream: TcpStream) -> io::Result<()> {
    io::copy(&mut stream.try_clone()?, &mut { stream }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::{Server, echo};
    use core::net::Ipv4Addr;
    use std::io::{Read as _, Write as _};
    use std::net::{Shutdown, TcpStream};

    #[test]
    fn a_server_echoes_and_counts() {
        let server = Server::start(echo).unwrap();
        for count in 1..=2 {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap();
            stream.write_all(b"hello").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut back = String::new();
            stream.read_to_string(&mut back).unwrap();
            assert_eq!((back.as_str(), server.connections()), ("hello", count));
        }
    }
}
