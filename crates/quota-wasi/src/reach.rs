//! The decision whom a guest may reach, the only one for sockets, look-ups and HTTP.

pub(crate) mod denied;
mod judge;
#[cfg(feature = "http")]
mod targets;

use core::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use limits_core::{NetworkTarget, Permission};
use tokio::time::timeout;

use crate::names::NameLookup;
use crate::names::host::{Host, without_root};
use crate::names::lookup_error::LookupError;
use crate::names::pins::Pins;
use crate::names::store_names::{CountedName, StoreNames};
use crate::quota::Shared;
use crate::store_quota::StoreQuota;

use self::denied::Denied;

/// The most addresses of one answer.
const MOST_ADDRESSES: usize = 32;

/// Decides whom an execution may reach, by the capabilities that its component has now.
///
/// A refusal is counted and reported once, as a denial.
///
/// # Invariants
///
/// - I63: an address may be connected or sent to only if a pattern matches it, or one of the names
///   that this execution was given it for. So an answer of a resolver decides nothing later.
/// - I64: a look-up is of a name that the capabilities allow, and its answer has only addresses
///   that may be reached.
/// - I65: a look-up ends within `connect_timeout_ms`, and holds one of the component's blocking
///   threads from before its resolver is asked until neither caller nor thread is at work.
#[derive(Clone, Copy)]
pub(crate) struct Reach<'a> {
    shared: &'a Arc<Shared>,
    names: &'a StoreNames,
}

/// A look-up that has begun.
#[derive(Debug)]
pub(crate) enum Begun {
    /// Of an address in text, which is its own answer.
    Address(IpAddr),
    /// Of a name.
    Name(CountedName),
}

impl StoreQuota {
    /// Returns who decides whom the execution may reach.
    pub(crate) fn reach(&self) -> Reach<'_> {
        Reach { shared: self.shared(), names: self.names() }
    }
}

impl Reach<'_> {
    /// Decides on a connection.
    pub(crate) fn connect(self, to: SocketAddr) -> Result<(), Denied> {
        self.decide(Permission::NetworkConnect, to)
    }

    /// Decides on a datagram that is sent.
    pub(crate) fn send_to(self, to: SocketAddr) -> Result<(), Denied> {
        self.decide(Permission::NetworkConnect, to)
    }

    /// Tells whether a datagram may be received: whether one may be sent to its sender. Nothing is
    /// counted or reported, since the sender need not be known to the guest.
    pub(crate) fn hears(self, from: SocketAddr) -> bool {
        let names = self.names.names_of(from.ip().to_canonical());
        let (component, target) = (&self.shared.component, NetworkTarget::new(from));
        judge::allows(component, Permission::NetworkConnect, target, &names)
    }

    /// Tells whether datagrams of all senders may be received on a local address: whether the guest
    /// may bind it, and has chosen its port.
    pub(crate) fn hears_all(self, local: SocketAddr) -> bool {
        let target = NetworkTarget::new(local);
        local.port() != 0
            && judge::allows(&self.shared.component, Permission::NetworkBind, target, &[])
    }

    /// Decides on a local address. One that the system would choose as well, without an address and
    /// a port, is free.
    pub(crate) fn bind(self, local: SocketAddr) -> Result<(), Denied> {
        if local.ip().is_unspecified() && local.port() == 0 {
            return Ok(());
        }
        self.decide(Permission::NetworkBind, local)
    }

    /// Decides on a local address for connections of others.
    pub(crate) fn listen(self, local: SocketAddr) -> Result<(), Denied> {
        self.decide(Permission::NetworkListen, local)
    }

    /// Begins to look a name up for a guest: decides and counts.
    pub(crate) fn begin(self, text: &str) -> Result<Begun, LookupError> {
        match Host::parse(text).ok_or(LookupError::Invalid)? {
            Host::Address(address) => {
                self.decide_on_address(address, None)?;
                Ok(Begun::Address(address))
            }
            Host::Name(name) => {
                self.decide_on_name(&name)?;
                Ok(Begun::Name(self.names.count(name)?))
            }
        }
    }

    /// Asks the resolver about a name that may be looked up. Returns the addresses that may be
    /// reached on some port.
    pub(crate) async fn look_up(self, name: CountedName) -> Result<Vec<IpAddr>, LookupError> {
        let known_as: Box<str> = without_root(name.as_str()).into();
        let most = self.names.timeout();
        let late = |_| LookupError::TimedOut { millis: most.as_millis() };
        let found = timeout(most, self.ask(name)).await.map_err(late)??;
        let mut different = Vec::new();
        for address in found.into_iter().map(|address| address.to_canonical()) {
            if !different.contains(&address) && different.len() < MOST_ADDRESSES {
                different.push(address);
            }
        }
        let addresses =
            allowed(different, |address| self.decide_on_address(*address, Some(&known_as)))?;
        let pinned = self.names.pin(&known_as, addresses);
        if pinned.is_empty() {
            return Err(LookupError::TooManyAddresses { most: Pins::MOST });
        }
        Ok(pinned)
    }

    async fn ask(self, name: CountedName) -> Result<Vec<IpAddr>, LookupError> {
        let lookup = NameLookup::new(name, self.shared.threads.place().await);
        let answer = self.shared.resolver.resolve(&lookup).await;
        answer.map_err(|error| LookupError::Unresolvable(Some(error)))
    }

    fn decide(self, permission: Permission, target: SocketAddr) -> Result<(), Denied> {
        let names = self.names.names_of(target.ip().to_canonical());
        let target = NetworkTarget::new(target);
        judge::check(&self.shared.component, permission, target, &names).map_err(Denied::new)
    }

    fn decide_on_name(self, name: &str) -> Result<(), Denied> {
        let component = &self.shared.component;
        component.check_name(Permission::NetworkConnect, without_root(name)).map_err(Denied::new)
    }

    /// Decides whether an address may be reached on some port, once it stands for a name as well.
    fn decide_on_address(self, address: IpAddr, known_as: Option<&str>) -> Result<(), Denied> {
        let mut names: Vec<_> = known_as.map(Arc::from).into_iter().collect();
        names.extend(self.names.names_of(address));
        let (component, target) = (&self.shared.component, NetworkTarget::at_some_port(address));
        judge::check(component, Permission::NetworkConnect, target, &names).map_err(Denied::new)
    }
}

/// Returns those that may be reached; an error if none may.
fn allowed<T>(
    all: impl IntoIterator<Item = T>,
    decide: impl Fn(&T) -> Result<(), Denied>,
) -> Result<Vec<T>, LookupError> {
    let (mut allowed, mut refused) = (Vec::new(), None);
    for one in all {
        match decide(&one) {
            Ok(()) => allowed.push(one),
            Err(denied) => refused = refused.or(Some(denied)),
        }
    }
    match refused {
        Some(denied) if allowed.is_empty() => Err(denied.into()),
        None if allowed.is_empty() => Err(LookupError::Unresolvable(None)),
        _ => Ok(allowed),
    }
}
