//! The calls of a guest of sockets, whose resources are this crate's or wasmtime-wasi's.

use core::net::IpAddr;

use wasmtime::component::ResourceAny;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddress};

use crate::guest::Guest;

/// An answer of WASI's sockets.
pub(crate) type Answered<T> = Result<T, ErrorCode>;

impl Guest {
    /// The network, which stands for all.
    pub(crate) async fn network(&mut self) -> ResourceAny {
        self.call("instance-network", ()).await
    }

    pub(crate) async fn drop_any(&mut self, resource: ResourceAny) {
        resource.resource_drop_async(&mut self.store).await.unwrap();
    }

    /// Starts to look a name up.
    pub(crate) async fn start_lookup(&mut self, name: &str) -> Answered<ResourceAny> {
        let network = self.network().await;
        let started = self.call("resolve-addresses", (network, name)).await;
        self.drop_any(network).await;
        started
    }

    pub(crate) async fn next_address(&mut self, lookup: ResourceAny) -> Answered<Option<IpAddr>> {
        let next: Answered<Option<IpAddress>> = self.call("resolve-next-address", (lookup,)).await;
        Ok(next?.map(|address| match address {
            IpAddress::Ipv4((a, b, c, d)) => [a, b, c, d].into(),
            IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => [a, b, c, d, e, f, g, h].into(),
        }))
    }

    /// Waits until a resource is ready, by the export that makes its pollable.
    pub(crate) async fn wait_on(&mut self, subscribe: &str, resource: ResourceAny) {
        let pollable: ResourceAny = self.call(subscribe, (resource,)).await;
        let block = self.instance.get_typed_func::<(ResourceAny,), ()>(&mut self.store, "block");
        block.unwrap().call_async(&mut self.store, (pollable,)).await.unwrap();
        self.drop_any(pollable).await;
    }

    /// Looks a name up, as programs do.
    pub(crate) async fn look_up(&mut self, name: &str) -> Answered<Vec<IpAddr>> {
        let lookup = self.start_lookup(name).await?;
        let addresses = self.addresses(lookup).await;
        self.drop_any(lookup).await;
        addresses
    }

    async fn addresses(&mut self, lookup: ResourceAny) -> Answered<Vec<IpAddr>> {
        let mut addresses = Vec::new();
        loop {
            match self.next_address(lookup).await {
                Ok(Some(address)) => addresses.push(address),
                Ok(None) => return Ok(addresses),
                Err(ErrorCode::WouldBlock) => self.wait_on("lookup-subscribe", lookup).await,
                Err(code) => return Err(code),
            }
        }
    }
}
