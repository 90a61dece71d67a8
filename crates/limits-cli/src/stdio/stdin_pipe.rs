//! A bounded pipe from the process's standard input to the guest.
//!
//! A thread of its own reads, and only once a guest does: an input that never ends, or never
//! begins, delays neither the guest's deadline nor the end of the process.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::io::{self, Read};
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::sync::Notify;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdinStream};
use wasmtime_wasi::p2::{InputStream, Pollable, StreamError, StreamResult};

/// Bytes read ahead of the guest.
const CAPACITY: usize = 64 * 1024;
/// Bytes of one read.
const STEP: usize = 8 * 1024;
/// Bytes kept where several runs read the same input.
pub(crate) const REPLAY: usize = 16 * 1024 * 1024;

/// The pipe, as one guest sees it.
#[derive(Clone)]
pub(crate) struct StdinPipe {
    shared: Arc<Shared>,
    /// The position of this guest in a kept input, else zero.
    position: Arc<AtomicUsize>,
}

struct Shared {
    state: Mutex<State>,
    /// A guest waits for input.
    wanted: Condvar,
    /// Input has arrived, or the end of it.
    news: Notify,
}

struct State {
    bytes: BytesMut,
    /// The position of the guest that has read most of a kept input, else zero.
    furthest: usize,
    keep_up_to: Option<usize>,
    is_wanted: bool,
    end: Option<End>,
    /// A guest was given an end of the input that is not its end.
    was_cut_short: bool,
}

#[derive(Clone, Copy)]
enum End {
    Eof,
    Failed(io::ErrorKind),
    TooLong,
}

impl State {
    /// Bytes that were read ahead of the furthest guest.
    fn ahead(&self) -> usize {
        self.bytes.len() - self.furthest
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StdinPipe {
    /// Starts the thread that reads `source` once a guest does. With `replay`, up to 16 MiB are
    /// kept, and [`rewound`](Self::rewound) starts again from the beginning.
    ///
    /// # Errors
    ///
    /// The system's, if it has no thread left.
    pub(crate) fn new(replay: bool, source: impl Read + Send + 'static) -> io::Result<Self> {
        Self::keeping(replay.then_some(REPLAY), source)
    }

    fn keeping(keep_up_to: Option<usize>, source: impl Read + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                bytes: BytesMut::new(),
                furthest: 0,
                keep_up_to,
                is_wanted: false,
                end: None,
                was_cut_short: false,
            }),
            wanted: Condvar::new(),
            news: Notify::new(),
        });
        let reader = Arc::clone(&shared);
        std::thread::Builder::new()
            .name(String::from("stdin-reader"))
            .spawn(move || read_until_end(&reader, source))?;
        Ok(Self { shared, position: Arc::default() })
    }

    /// Returns a kept input from its beginning, for another guest, which reads it independently of
    /// the others. An input that is not kept goes on where it is.
    pub(crate) fn rewound(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), position: Arc::default() }
    }

    /// Returns whether a guest read to the end of what is kept of a longer input: its run does not
    /// show what it does with the whole input.
    pub(crate) fn was_cut_short(&self) -> bool {
        self.shared.state().was_cut_short
    }
}

fn read_until_end(shared: &Shared, mut source: impl Read) {
    let mut step = vec![0; STEP];
    loop {
        {
            let mut state = shared.state();
            while !state.is_wanted || state.ahead() >= CAPACITY {
                state = shared.wanted.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
        let read = source.read(&mut step);
        let mut state = shared.state();
        match read {
            Ok(0) => state.end = Some(End::Eof),
            Ok(count) => {
                state.bytes.extend_from_slice(&step[..count]);
                if state.keep_up_to.is_some_and(|most| state.bytes.len() > most) {
                    state.end = Some(End::TooLong);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => state.end = Some(End::Failed(error.kind())),
        }
        let is_over = state.end.is_some();
        drop(state);
        shared.news.notify_waiters();
        if is_over {
            return;
        }
    }
}

impl IsTerminal for StdinPipe {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdinStream for StdinPipe {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncRead + Send + Sync> {
        // Used by WASI 0.3 only, which is not linked.
        Box::new(tokio::io::empty())
    }

    fn p2_stream(&self) -> Box<dyn InputStream> {
        Box::new(GuestReader {
            shared: Arc::clone(&self.shared),
            position: Arc::clone(&self.position),
        })
    }
}

/// A stream through which a guest reads; all streams of a guest share one position.
struct GuestReader {
    shared: Arc<Shared>,
    position: Arc<AtomicUsize>,
}

impl GuestReader {
    /// Accessed only under the lock of the state, which orders it.
    fn position(&self) -> usize {
        self.position.load(Ordering::Relaxed)
    }

    fn unread(&self, state: &State) -> usize {
        state.bytes.len() - self.position()
    }

    fn want(&self, state: &mut State) {
        state.is_wanted = true;
        self.shared.wanted.notify_one();
    }
}

#[async_trait]
impl Pollable for GuestReader {
    async fn ready(&mut self) {
        loop {
            let mut news = pin!(self.shared.news.notified());
            // Registered before the check, so that no wake-up falls between the two.
            news.as_mut().enable();
            {
                let mut state = self.shared.state();
                if self.unread(&state) > 0 || state.end.is_some() {
                    return;
                }
                self.want(&mut state);
            }
            news.await;
        }
    }
}

#[async_trait]
impl InputStream for GuestReader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let mut state = self.shared.state();
        let unread = self.unread(&state);
        let count = unread.min(size).min(CAPACITY);
        if count == 0 {
            return match state.end {
                Some(End::Eof) if unread == 0 => Err(StreamError::Closed),
                Some(End::Failed(kind)) if unread == 0 => {
                    Err(StreamError::LastOperationFailed(io::Error::from(kind).into()))
                }
                Some(End::TooLong) if unread == 0 => {
                    state.was_cut_short = true;
                    Err(StreamError::LastOperationFailed(wasmtime::format_err!(
                        "standard input is longer than the {REPLAY} bytes that can be repeated"
                    )))
                }
                _ => {
                    self.want(&mut state);
                    Ok(Bytes::new())
                }
            };
        }
        let from = self.position();
        let bytes = Bytes::copy_from_slice(&state.bytes[from..from + count]);
        if state.keep_up_to.is_some() {
            self.position.store(from + count, Ordering::Relaxed);
            state.furthest = state.furthest.max(from + count);
        } else {
            state.bytes.advance(count);
        }
        self.want(&mut state);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::{CAPACITY, StdinPipe};
    use bytes::Bytes;
    use core::sync::atomic::{AtomicUsize, Ordering};
    use std::io::{self, Read};
    use std::sync::Arc;
    use wasmtime_wasi::cli::StdinStream as _;
    use wasmtime_wasi::p2::{InputStream, StreamError};

    async fn read_all(stream: &mut dyn InputStream) -> Result<Vec<u8>, StreamError> {
        let mut all = Vec::new();
        loop {
            match stream.blocking_read(1000).await {
                Ok(bytes) => all.extend_from_slice(&bytes),
                Err(StreamError::Closed) => return Ok(all),
                Err(error) => return Err(error),
            }
        }
    }

    fn input() -> Vec<u8> {
        (0..=255_u8).cycle().take(3 * CAPACITY).collect()
    }

    #[tokio::test]
    async fn the_guest_reads_the_input_to_its_end() {
        let pipe = StdinPipe::new(false, io::Cursor::new(input())).unwrap();
        assert_eq!(read_all(&mut *pipe.p2_stream()).await.unwrap(), input());
        let pipe = pipe.rewound();
        assert_eq!(read_all(&mut *pipe.p2_stream()).await.unwrap(), Vec::<u8>::new());
    }

    #[tokio::test]
    async fn a_kept_input_starts_again_for_the_next_run() {
        let pipe = StdinPipe::new(true, io::Cursor::new(input())).unwrap();
        let mut first = pipe.p2_stream();
        assert_eq!(first.blocking_read(10).await.unwrap(), Bytes::from(input()[..10].to_vec()));
        for _ in 0..2 {
            let pipe = pipe.rewound();
            assert_eq!(read_all(&mut *pipe.p2_stream()).await.unwrap(), input());
        }
    }

    #[tokio::test]
    async fn an_input_too_long_to_keep_is_an_error_and_not_a_short_input() {
        let pipe = StdinPipe::keeping(Some(CAPACITY), io::repeat(b'x')).unwrap();
        let mut stream = pipe.p2_stream();
        assert!(!stream.blocking_read(CAPACITY).await.unwrap().is_empty());
        assert!(!pipe.was_cut_short());
        let error = read_all(&mut *stream).await.unwrap_err();
        assert!(pipe.was_cut_short());
        assert_eq!(
            error.to_string(),
            "last operation failed: standard input is longer than the 16777216 bytes that can \
             be repeated"
        );
    }

    #[tokio::test]
    async fn nothing_is_read_before_a_guest_asks_and_little_ahead_of_it() {
        struct Counted(Arc<AtomicUsize>);
        impl Read for Counted {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0.fetch_add(buffer.len(), Ordering::Relaxed);
                Ok(buffer.len())
            }
        }
        let read = Arc::new(AtomicUsize::new(0));
        let pipe = StdinPipe::new(false, Counted(Arc::clone(&read))).unwrap();
        let mut stream = pipe.p2_stream();
        assert_eq!(read.load(Ordering::Relaxed), 0);
        assert_eq!(stream.blocking_read(7).await.unwrap().len(), 7);
        let ahead = read.load(Ordering::Relaxed);
        assert!(ahead > 0 && ahead <= 2 * CAPACITY, "{ahead}");
    }

    #[tokio::test]
    async fn a_broken_input_is_an_error() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::from(io::ErrorKind::PermissionDenied))
            }
        }
        let pipe = StdinPipe::new(false, Broken).unwrap();
        let error = read_all(&mut *pipe.p2_stream()).await.unwrap_err();
        assert_eq!(error.to_string(), "last operation failed: permission denied");
    }
}
