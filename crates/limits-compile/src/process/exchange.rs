//! Bytes to and from a worker, until a deadline.

use core::time::Duration;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::process::{ChildStderr, ChildStdin, ChildStdout};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::frame::{self, Lengths, PREFIX};
use crate::protocol::Answer;

/// The last bytes of standard error that are kept.
const MOST_WORDS: usize = 4_096;
/// Bytes that are read at one time.
const CHUNK: usize = 256 * 1024;

/// The exchange with a worker: one request, sent while answers are read.
pub(super) struct Exchange<'a> {
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    stderr: Option<ChildStderr>,
    to_send: [&'a [u8]; 2],
    words: Vec<u8>,
    deadline: Option<Instant>,
}

/// The end of an exchange before its last answer.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Broken {
    /// The deadline has passed.
    Late,
    /// The worker closed its output.
    Gone,
    /// An answer has a longer body than allowed.
    TooMuch { most: u64 },
    /// The bytes are no answer.
    Nonsense(String),
}

impl<'a> Exchange<'a> {
    pub(super) fn new(
        stdin: ChildStdin,
        stdout: ChildStdout,
        stderr: ChildStderr,
        to_send: [&'a [u8]; 2],
        deadline: Option<Instant>,
    ) -> io::Result<Self> {
        let blocks_never = |pipe: &dyn AsFd| {
            let flags = fcntl_getfl(pipe.as_fd())?;
            fcntl_setfl(pipe.as_fd(), flags | OFlags::NONBLOCK)
        };
        blocks_never(&stdin)?;
        blocks_never(&stdout)?;
        blocks_never(&stderr)?;
        let (stdin, stderr, words) = (Some(stdin), Some(stderr), Vec::new());
        Ok(Self { stdin, stdout, stderr, to_send, words, deadline })
    }

    /// Reads the next answer, with a body of at most `most_body` bytes.
    pub(super) fn answer(&mut self, most_body: u64) -> Result<(Answer, Vec<u8>), Broken> {
        let prefix: [u8; PREFIX] = self.read(PREFIX)?.try_into().map_err(|_short| Broken::Gone)?;
        let lengths = match Lengths::parse(&prefix, u64::MAX) {
            Ok(lengths) if lengths.body > most_body => {
                return Err(Broken::TooMuch { most: most_body });
            }
            Ok(lengths) => lengths,
            Err(reason) => return Err(Broken::Nonsense(String::from(reason))),
        };
        let header = self.read(lengths.header)?;
        let answer = frame::header(&header).map_err(Broken::Nonsense)?;
        let length =
            usize::try_from(lengths.body).map_err(|_large| Broken::TooMuch { most: most_body })?;
        Ok((answer, self.read(length)?))
    }

    /// Reads exactly `length` bytes. The memory for them grows as they come, however long the
    /// worker says that they are.
    fn read(&mut self, length: usize) -> Result<Vec<u8>, Broken> {
        let mut bytes = Vec::new();
        let mut chunk = vec![0; length.min(CHUNK)];
        while bytes.len() < length {
            // Also while there always is a byte: a worker may write them one by one.
            if self.left().is_zero() {
                return Err(Broken::Late);
            }
            let most = chunk.len().min(length - bytes.len());
            match self.stdout.read(&mut chunk[..most]) {
                Ok(0) => return Err(Broken::Gone),
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                Err(error) if is_passing(&error) => self.wait()?,
                Err(error) => return Err(Broken::Nonsense(error.to_string())),
            }
        }
        Ok(bytes)
    }

    /// Returns the time until the deadline.
    fn left(&self) -> Duration {
        self.deadline
            .map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Waits until the worker has written something, and sends and hears meanwhile.
    fn wait(&mut self) -> Result<(), Broken> {
        loop {
            let left = self.left();
            if left.is_zero() {
                return Err(Broken::Late);
            }
            let (has_answer, takes_more, has_words) = self.poll(left)?;
            if takes_more {
                self.send();
            }
            if has_words {
                self.hear();
            }
            if has_answer {
                return Ok(());
            }
        }
    }

    fn poll(&self, left: Duration) -> Result<(bool, bool, bool), Broken> {
        let mut pipes = vec![PollFd::new(&self.stdout, PollFlags::IN)];
        if let Some(stdin) = &self.stdin {
            pipes.push(PollFd::new(stdin, PollFlags::OUT));
        }
        if let Some(stderr) = &self.stderr {
            pipes.push(PollFd::new(stderr, PollFlags::IN));
        }
        let timeout = Timespec::try_from(left).ok();
        match poll(&mut pipes, timeout.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok((false, false, false)),
            Err(error) => return Err(Broken::Nonsense(error.to_string())),
        }
        let is_ready =
            |pipe: Option<&PollFd<'_>>| pipe.is_some_and(|pipe| !pipe.revents().is_empty());
        let stderr = 1 + usize::from(self.stdin.is_some());
        let takes_more = self.stdin.is_some() && is_ready(pipes.get(1));
        let has_words = self.stderr.is_some() && is_ready(pipes.get(stderr));
        Ok((is_ready(pipes.first()), takes_more, has_words))
    }

    /// Sends what the pipe takes, and closes it after the last byte.
    fn send(&mut self) {
        while let Some(stdin) = &mut self.stdin {
            let [head, body] = &mut self.to_send;
            let next = if head.is_empty() { body } else { head };
            if next.is_empty() {
                self.stdin = None;
                return;
            }
            match stdin.write(next) {
                Ok(count) => *next = &next[count..],
                Err(error) if is_passing(&error) => return,
                // The worker has gone, or reads no more: its answer tells why.
                Err(_) => self.stdin = None,
            }
        }
    }

    /// Reads standard error, and keeps the end of it.
    fn hear(&mut self) {
        let mut part = [0; MOST_WORDS];
        let Some(stderr) = &mut self.stderr else { return };
        match stderr.read(&mut part) {
            Ok(0) => self.stderr = None,
            Ok(count) => {
                self.words.extend(&part[..count]);
                self.words.drain(..self.words.len().saturating_sub(MOST_WORDS));
            }
            Err(error) if is_passing(&error) => {}
            Err(_) => self.stderr = None,
        }
    }

    /// Returns the end of standard error of a worker that has closed its output.
    pub(super) fn last_words(&mut self) -> String {
        // It wrote them before, so they are in the pipe; a worker that writes for ever is cut.
        for _ in 0..16 {
            self.hear();
        }
        String::from_utf8_lossy(&self.words).into_owned()
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
