//! A proxy before a server, which cuts connections between a commit and its reply.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tempfile::TempDir;

use crate::resp::Value;

/// A proxy on a unix socket. It forwards all, records the leases that the server has charged, and
/// cuts replies to scripts on cue or by chance.
#[derive(Debug)]
pub struct Proxy {
    folder: TempDir,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    server: Mutex<PathBuf>,
    /// Both ends of each connection, to close them.
    open: Mutex<Vec<UnixStream>>,
    per_mille: AtomicU64,
    next: AtomicU64,
    cuts: AtomicU64,
    is_over: AtomicBool,
    /// Units by lessee and ticket: a repeated question has the same.
    charged: Mutex<BTreeMap<(String, u64), (u64, u64)>>,
}

/// The script call of one request, which its reply belongs to.
#[derive(Debug)]
struct Asked {
    lessee: String,
    ticket: u64,
}

impl Proxy {
    /// Starts a proxy before the unix socket of a server.
    ///
    /// # Errors
    ///
    /// Its own socket cannot be made.
    pub fn start(server: &Path) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let listener = UnixListener::bind(folder.path().join("p.sock"))?;
        let state = Arc::new(State {
            server: Mutex::new(server.to_owned()),
            open: Mutex::default(),
            per_mille: AtomicU64::new(0),
            next: AtomicU64::new(0),
            cuts: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            charged: Mutex::default(),
        });
        let accepting = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                if accepting.is_over.load(Ordering::Relaxed) {
                    return;
                }
                // A server that is away refuses; the client sees a closed connection.
                if let Ok(client) = client {
                    let _closed = accepting.connect(client);
                }
            }
        });
        Ok(Self { folder, state })
    }

    /// Returns the address as a client takes it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("p.sock")
    }

    /// Forwards to another server from now on, and cuts all connections.
    pub fn turn_to(&self, server: &Path) {
        let mut open = locked(&self.state.open);
        server.clone_into(&mut locked(&self.state.server));
        for stream in open.drain(..) {
            // It may be closed already.
            let _closed = stream.shutdown(Shutdown::Both);
        }
    }

    /// Cuts the connections of so many of a thousand replies to scripts from now on.
    pub fn cut_per_mille(&self, replies: u64) {
        self.state.per_mille.store(replies, Ordering::Relaxed);
    }

    /// Cuts the connections of the next replies to scripts.
    pub fn cut_next(&self, replies: u64) {
        self.state.next.fetch_add(replies, Ordering::Relaxed);
    }

    /// Returns the number of replies that were cut.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.state.cuts.load(Ordering::Relaxed)
    }

    /// Returns the units that the server has charged, by window.
    #[must_use]
    pub fn charged(&self) -> BTreeMap<u64, u64> {
        let charged = locked(&self.state.charged);
        let mut by_window = BTreeMap::new();
        for (window, units) in charged.values() {
            *by_window.entry(*window).or_insert(0) += units;
        }
        by_window
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::Relaxed);
        // The listener wakes up and sees it.
        let _woken = UnixStream::connect(self.socket());
    }
}

impl State {
    fn connect(self: &Arc<Self>, client: UnixStream) -> io::Result<()> {
        let mut open = locked(&self.open);
        let server = UnixStream::connect(&*locked(&self.server))?;
        open.extend([client.try_clone()?, server.try_clone()?]);
        let asked = Arc::new(Mutex::new(VecDeque::new()));
        let (from, to, queue) = (client.try_clone()?, server.try_clone()?, Arc::clone(&asked));
        thread::spawn(move || {
            let _ended = requests(&from, &to, &queue);
            close(&from, &to);
        });
        let state = Arc::clone(self);
        thread::spawn(move || {
            let _ended = state.replies(&server, &client, &asked);
            close(&server, &client);
        });
        Ok(())
    }

    fn replies(
        &self,
        mut server: &UnixStream,
        mut client: &UnixStream,
        asked: &Mutex<VecDeque<Option<Asked>>>,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        loop {
            while let Some((value, length)) = Value::read(&bytes) {
                let script = locked(asked).pop_front();
                if let Some(asked) = script.flatten() {
                    self.record(asked, &value);
                    if self.is_to_be_cut() {
                        self.cuts.fetch_add(1, Ordering::Relaxed);
                        return Ok(());
                    }
                }
                client.write_all(bytes.get(..length).unwrap_or_default())?;
                bytes.drain(..length);
            }
            read_more(&mut server, &mut bytes)?;
        }
    }

    /// Records a lease of a reply: units granted, units left, the window.
    fn record(&self, asked: Asked, reply: &Value) {
        let part = |at| reply.parts().get(at).and_then(Value::number);
        if let (Some(units), Some(window)) = (part(0), part(2)) {
            let mut charged = locked(&self.charged);
            charged.insert((asked.lessee, asked.ticket), (window, units));
        }
    }

    fn is_to_be_cut(&self) -> bool {
        let next =
            self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        next.is_ok() || fastrand::u64(..1_000) < self.per_mille.load(Ordering::Relaxed)
    }
}

fn requests(
    mut client: &UnixStream,
    mut server: &UnixStream,
    queue: &Mutex<VecDeque<Option<Asked>>>,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        while let Some((value, length)) = Value::read(&bytes) {
            locked(queue).push_back(asked_by(&value));
            server.write_all(bytes.get(..length).unwrap_or_default())?;
            bytes.drain(..length);
        }
        read_more(&mut client, &mut bytes)?;
    }
}

/// Returns the lessee and the ticket of a script call: the fourth and the fifth argument.
fn asked_by(request: &Value) -> Option<Asked> {
    let parts = request.parts();
    let word = parts.first()?.text().to_ascii_uppercase();
    // EVALSHA script 1 key period limit want lessee ticket ...
    matches!(word.as_str(), "EVALSHA" | "EVAL").then_some(())?;
    Some(Asked { lessee: parts.get(7)?.text(), ticket: parts.get(8)?.number()? })
}

fn read_more(from: &mut &UnixStream, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut chunk = [0; 4_096];
    match from.read(&mut chunk)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        length => {
            bytes.extend_from_slice(chunk.get(..length).unwrap_or_default());
            Ok(())
        }
    }
}

fn close(one: &UnixStream, other: &UnixStream) {
    // The other direction may have closed them.
    let _closed = one.shutdown(Shutdown::Both);
    let _closed = other.shutdown(Shutdown::Both);
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
