//! Hosts of other designs, over the same client: their limits are those of the same windows.

use core::time::Duration;
use std::io;
use std::thread;

use redis::{Client, Connection, RedisResult, Script};

use crate::history::{Counts, Recorder, questions_file, takes_file};
use crate::spec::{HostSpec, Limiter};
use crate::taker::{Take, Taken, Taker};
use crate::window::{Windows, now_us};

/// A lease of the plain kind: from what the key of a window has left, up to the amount wanted. A
/// key that is gone is a new one, with the whole limit.
const PLAIN_LEASE: &str = "
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
local grant = math.max(0, math.min(tonumber(ARGV[2]), tonumber(ARGV[1]) - used))
redis.call('INCRBY', KEYS[1], grant)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return grant";

const TIMEOUT: Duration = Duration::from_millis(500);

/// Runs a host of another design until its time is over.
///
/// # Errors
///
/// The counts cannot be written.
pub fn run(spec: &HostSpec) -> io::Result<()> {
    let takers: Vec<_> = (0..spec.threads)
        .map(|thread| {
            let file = Recorder::create(&takes_file(&spec.folder, thread), spec.places.clone())?;
            let mut peer = Peer::new(spec.clone(), thread)?;
            let mut taker = Taker::new(file, spec.windows());
            let spec = spec.clone();
            Ok(thread::spawn(move || taker.run(&spec, &mut peer)))
        })
        .collect::<io::Result<_>>()?;
    takers.into_iter().try_for_each(|taker| {
        taker.join().map_err(|_panic| io::Error::other("a thread that takes has panicked"))?
    })
}

/// One thread of a peer, with a connection of its own.
struct Peer {
    spec: HostSpec,
    connection: Option<Connection>,
    script: Script,
    questions: Recorder,
    asked: (u64, u64),
    /// The window of the host's clock, and the units left of its lease.
    lease: (u64, u64),
    /// The window that the store has no units left for.
    full: u64,
}

impl Peer {
    fn new(spec: HostSpec, thread: usize) -> io::Result<Self> {
        // Each thread asks: their questions are in files of their own.
        let name = format!("questions-{thread}");
        let path = match thread {
            0 => questions_file(&spec.folder),
            _ => spec.folder.join(name),
        };
        let questions = Recorder::create(&path, spec.places.clone())?;
        Ok(Self {
            spec,
            connection: None,
            script: Script::new(PLAIN_LEASE),
            questions,
            asked: (0, 0),
            lease: (0, 0),
            full: 0,
        })
    }

    fn windows(&self) -> Windows {
        self.spec.windows()
    }

    fn connection(&mut self) -> RedisResult<&mut Connection> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let client = Client::open(self.spec.store.url.as_str())?;
                let connection = client.get_connection_with_timeout(TIMEOUT)?;
                connection.set_read_timeout(Some(TIMEOUT))?;
                connection
            }
        };
        Ok(self.connection.insert(connection))
    }

    fn count_question(&mut self) {
        let window = self.windows().now();
        let count = if self.asked.0 == window { self.asked.1 + 1 } else { 1 };
        self.asked = (window, count);
        // Questions after the end of the run have no place.
        let _written = self.questions.write(window, Counts { other: count, ..Counts::default() });
    }

    /// Counts a request by itself.
    fn increment(&mut self, window: u64) -> RedisResult<bool> {
        let (limit, life) = (self.spec.limit, self.life_ms());
        let key = format!("peer:{window}");
        let connection = self.connection()?;
        let (used, _): (u64, u64) = redis::pipe()
            .cmd("INCR")
            .arg(&key)
            .cmd("PEXPIRE")
            .arg(&key)
            .arg(life)
            .query(connection)?;
        Ok(used <= limit)
    }

    /// Leases a thousandth of the limit, and one unit at least.
    fn lease(&mut self, window: u64) -> RedisResult<u64> {
        let (limit, life, script) = (self.spec.limit, self.life_ms(), self.script.clone());
        let mut call = script.key(format!("peer:{window}"));
        call.arg(limit).arg((limit / 1_000).max(1)).arg(life);
        call.invoke(self.connection()?)
    }

    const fn life_ms(&self) -> u64 {
        2 * self.spec.period_us / 1_000
    }
}

impl Take for Peer {
    fn take(&mut self) -> Option<Taken> {
        // Before the question, which favours the peer.
        let instant_us = now_us();
        let window = self.windows().at(instant_us.saturating_add_signed(self.spec.ahead_us));
        let outcome = match self.spec.limiter {
            Limiter::Cluster | Limiter::Incr => {
                self.count_question();
                self.increment(window)
            }
            Limiter::PlainLease => {
                if self.lease.0 != window {
                    self.lease = (window, 0);
                }
                if self.lease.1 == 0 && self.full != window {
                    self.count_question();
                    match self.lease(window) {
                        Ok(0) => self.full = window,
                        Ok(units) => self.lease.1 = units,
                        Err(error) => return self.failed(&error),
                    }
                }
                let is_granted = self.lease.1 > 0;
                self.lease.1 = self.lease.1.saturating_sub(1);
                Ok(is_granted)
            }
        };
        match outcome {
            Ok(is_granted) => is_granted.then_some(Taken { instant_us, units: 1, is_late: false }),
            Err(error) => self.failed(&error),
        }
    }
}

impl Peer {
    /// Connects anew for the next take. A peer refuses while its store is away.
    fn failed(&mut self, _error: &redis::RedisError) -> Option<Taken> {
        self.connection = None;
        None
    }
}
