//! Look-ups of names by guests.

use core::future::Future as _;
use core::mem;
use core::net::IpAddr;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::vec;

use tokio::task::JoinError;
use wasmtime::component::Resource;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddress, Network};
use wasmtime_wasi::p2::{DynPollable, Pollable, SocketError, SocketResult, subscribe};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};

use super::bindings::ip_name_lookup::{Host, HostResolveAddressStream};
use super::view::SocketsView;
use crate::names::lookup_error::LookupError;
use crate::reach::Begun;
use crate::service::Service;

type Answer = Result<Vec<IpAddr>, LookupError>;

/// A look-up of a name.
///
/// - I66: it goes on without the guest, so that it has one of the component's threads for no longer
///   than it needs it, and ends with the resource or the store.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings name it so")]
pub struct Resolution(State);

#[derive(Debug)]
enum State {
    Running(AbortOnDropJoinHandle<Answer>),
    Ended(Answer),
    Answered(vec::IntoIter<IpAddr>),
    Failed(ErrorCode),
}

impl State {
    /// A resolver that has panicked, or whose runtime is gone, knows no address.
    fn of(ended: Result<Answer, JoinError>) -> Self {
        Self::Ended(ended.unwrap_or(Err(LookupError::Unresolvable(None))))
    }
}

impl Resolution {
    /// Returns the next address, `None` after the last.
    fn next(&mut self) -> SocketResult<Option<IpAddr>> {
        if let State::Running(task) = &mut self.0
            && let Poll::Ready(ended) =
                Pin::new(&mut **task).poll(&mut Context::from_waker(Waker::noop()))
        {
            self.0 = State::of(ended);
        }
        self.open()?;
        match &mut self.0 {
            State::Answered(addresses) => Ok(addresses.next()),
            State::Failed(code) => Err((*code).into()),
            State::Running(_) | State::Ended(_) => Err(ErrorCode::WouldBlock.into()),
        }
    }

    /// Tells a refusal or a failure of the guest's look-up from a mistake of the host.
    fn open(&mut self) -> SocketResult<()> {
        if !matches!(self.0, State::Ended(_)) {
            return Ok(());
        }
        let ended = mem::replace(&mut self.0, State::Failed(ErrorCode::Unknown));
        if let State::Ended(answer) = ended {
            self.0 = match answer {
                Ok(addresses) => State::Answered(addresses.into_iter()),
                Err(error) => {
                    State::Failed(SocketError::from(error).downcast().map_err(SocketError::trap)?)
                }
            };
        }
        Ok(())
    }
}

#[async_trait]
impl Pollable for Resolution {
    async fn ready(&mut self) {
        if let State::Running(task) = &mut self.0 {
            self.0 = State::of((&mut **task).await);
        }
    }
}

impl Host for SocketsView<'_> {
    async fn resolve_addresses(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> SocketResult<Resource<Resolution>> {
        self.table.get(&network)?;
        let on = &self.store.shared().network;
        if !on.tcp && !on.udp {
            self.store.usage().refuse_service(Service::NameLookup);
            return Err(ErrorCode::PermanentResolverFailure.into());
        }
        // A refusal is told at once.
        let state = match self.store.reach().begin(&name)? {
            Begun::Address(address) => State::Ended(Ok(vec![address])),
            Begun::Name(name) => {
                let store = self.store.clone();
                State::Running(spawn(async move { store.reach().look_up(name).await }))
            }
        };
        Ok(self.table.push(Resolution(state))?)
    }
}

impl HostResolveAddressStream for SocketsView<'_> {
    async fn resolve_next_address(
        &mut self,
        this: Resource<Resolution>,
    ) -> SocketResult<Option<IpAddress>> {
        Ok(self.table.get_mut(&this)?.next()?.map(IpAddress::from))
    }

    async fn subscribe(
        &mut self,
        this: Resource<Resolution>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, this)
    }

    async fn drop(&mut self, this: Resource<Resolution>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
