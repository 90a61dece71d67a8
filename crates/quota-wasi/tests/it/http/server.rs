//! A server of HTTP/1.1, written by hand: it does what its script says, byte by byte.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicU64, Ordering};
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

pub(crate) const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-of: server\r\n\r\nhello";

/// A server on loopback, until its process ends. Each connection has a thread, which runs the
/// script.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
}

/// The connections, bytes and requests that a server has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    connections: AtomicU64,
    read: AtomicU64,
    written: AtomicU64,
    requests: Mutex<Vec<String>>,
}

/// One connection, as its script has it.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    /// The number of the connection, from 1.
    pub(crate) number: u64,
    seen: Arc<Seen>,
    ahead: Vec<u8>,
}

impl Server {
    pub(crate) fn run(
        script: impl Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, script) = (Arc::new(Seen::default()), Arc::new(script));
        let server = Self { address, seen: Arc::clone(&seen) };
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, script) = (Arc::clone(&seen), Arc::clone(&script));
                let number = seen.connections.fetch_add(1, Ordering::SeqCst) + 1;
                let mut peer = Peer { stream: stream.unwrap(), number, seen, ahead: Vec::new() };
                thread::spawn(move || {
                    // A client that goes away ends its script.
                    let _ended = script(&mut peer);
                });
            }
        });
        server
    }

    /// A server that answers every request of a connection in the same way.
    pub(crate) fn answering(response: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self::run(move |peer| {
            while peer.request()?.is_some() {
                peer.send(response.as_ref())?;
            }
            Ok(())
        })
    }

    pub(crate) fn connections(&self) -> u64 {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// Bytes that came to the sockets, and those that went.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        (self.seen.read.load(Ordering::SeqCst), self.seen.written.load(Ordering::SeqCst))
    }

    /// The heads of all requests.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap().clone()
    }
}

impl Peer {
    /// Reads the head of a request, with its body if its length is told; none at the end.
    pub(crate) fn request(&mut self) -> io::Result<Option<(String, Vec<u8>)>> {
        let Some(head) = self.head()? else { return Ok(None) };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |digits| digits.trim().parse().unwrap());
        while self.ahead.len() < length {
            if self.more()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let body = self.ahead.drain(..length).collect();
        Ok(Some((head, body)))
    }

    /// Reads the head of a request.
    pub(crate) fn head(&mut self) -> io::Result<Option<String>> {
        loop {
            let end = self.ahead.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                let head: Vec<u8> = self.ahead.drain(..end + 4).collect();
                let head = String::from_utf8(head).unwrap();
                self.seen.requests.lock().unwrap().push(head.clone());
                return Ok(Some(head));
            }
            if self.more()? == 0 {
                return Ok(None);
            }
        }
    }

    /// Reads what there is; zero bytes at the end.
    pub(crate) fn more(&mut self) -> io::Result<usize> {
        let mut part = vec![0; 16 * 1024];
        let read = self.read(&mut part)?;
        self.ahead.extend(&part[..read]);
        Ok(read)
    }

    /// Reads the body of a request that comes in pieces, and returns it.
    pub(crate) fn chunked(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = usize::from_str_radix(&line, 16).unwrap();
            while self.ahead.len() < size + 2 {
                if self.more()? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            body.extend(self.ahead.drain(..size));
            self.ahead.drain(..2);
            if size == 0 {
                return Ok(body);
            }
        }
    }

    /// The bytes that were read ahead.
    pub(crate) fn taken(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.ahead)
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.ahead.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.ahead.drain(..end + 2).collect();
                return Ok(String::from_utf8(line[..end].to_vec()).unwrap());
            }
            if self.more()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.write_all(bytes.as_ref())
    }

    /// Waits until the client has gone.
    pub(crate) fn until_gone(&mut self) -> io::Result<()> {
        while self.more()? > 0 {}
        Ok(())
    }
}

impl io::Read for Peer {
    fn read(&mut self, part: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(part)?;
        self.seen.read.fetch_add(u64::try_from(read).unwrap(), Ordering::SeqCst);
        Ok(read)
    }
}

impl io::Write for Peer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Counted before the client can have them.
        let count = |bytes: usize| u64::try_from(bytes).unwrap();
        self.seen.written.fetch_add(count(bytes.len()), Ordering::SeqCst);
        let written = self.stream.write(bytes);
        let left = bytes.len() - *written.as_ref().unwrap_or(&0);
        self.seen.written.fetch_sub(count(left), Ordering::SeqCst);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
