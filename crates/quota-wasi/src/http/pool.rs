//! Connections that are kept for later requests.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::{Mutex, PoisonError};

use tokio::runtime::Handle;

use super::authority::Authority;
use super::connection::Connection;

/// The connections that a component keeps for later requests, the oldest first.
///
/// # Invariants
///
/// - I73: a connection is used again only for the same scheme, host and port, at an address that
///   the capabilities allow now, in the runtime that it was made in, and after a response and a
///   request that were read and sent to their ends.
/// - I74: at most [`MOST`](Self::MOST) connections are kept, each for [`KEPT`](Self::KEPT) at most.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<Vec<(Authority, Connection)>>);

impl Pool {
    /// The most connections that are kept.
    pub(crate) const MOST: usize = 16;

    /// The time for which a connection without a request is kept.
    pub(crate) const KEPT: Duration = Duration::from_secs(10);

    /// Takes the connection that was used last, of those that may be used.
    pub(crate) fn take(&self, authority: &Authority, targets: &[SocketAddr]) -> Option<Connection> {
        let runtime = Handle::current().id();
        let (taken, closed) = self.with(|kept| {
            let closed: Vec<_> = kept
                .extract_if(.., |(of, it)| it.is_closed() || (of == authority && !it.is_silent()))
                .collect();
            let fits = |(of, it): &(Authority, Connection)| {
                of == authority && it.runtime() == runtime && targets.contains(&it.remote())
            };
            let taken = kept.iter().rposition(fits).map(|index| kept.remove(index));
            (taken, closed)
        });
        drop(closed);
        taken.map(|(_, connection)| connection)
    }

    /// Keeps a connection. The oldest goes, if there are too many.
    pub(crate) fn put(&self, authority: Authority, connection: Connection) {
        connection.progress().park();
        let gone = self.with(|kept| {
            let mut gone: Vec<_> = kept.extract_if(.., |(_, it)| it.is_closed()).collect();
            if kept.len() >= Self::MOST {
                gone.push(kept.remove(0));
            }
            kept.push((authority, connection));
            gone
        });
        drop(gone);
    }

    fn with<R>(&self, change: impl FnOnce(&mut Vec<(Authority, Connection)>) -> R) -> R {
        // Every change is whole, so a thread that panicked has left a whole list.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
