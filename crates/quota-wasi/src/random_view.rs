//! `wasi:random` with a limit of bytes per call.

use limits_core::{LimitExceeded, LimitKind};
use wasmtime::component::HasData;
use wasmtime_wasi::p2::bindings::random::{insecure, random};
use wasmtime_wasi::random::WasiRandomCtx;

use crate::store_quota::StoreQuota;

/// The type that links [`RandomView`].
#[derive(Debug)]
pub(crate) struct QuotaRandom;

impl HasData for QuotaRandom {
    type Data<'a> = RandomView<'a>;
}

/// The random bytes of one execution.
///
/// A request for too many ends the execution, as without quotas: a program that hears of fewer
/// bytes than it asked for would use the others, which are not random.
pub(crate) struct RandomView<'a> {
    inner: &'a mut WasiRandomCtx,
    store: StoreQuota,
}

impl<'a> RandomView<'a> {
    pub(crate) fn new(inner: &'a mut WasiRandomCtx, store: StoreQuota) -> Self {
        Self { inner, store }
    }

    fn check(&self, requested: u64) -> wasmtime::Result<()> {
        let most = self.store.max_random_bytes();
        if requested <= most {
            return Ok(());
        }
        self.store.usage().refused_random_bytes();
        Err(LimitExceeded::new(LimitKind::RandomBytes, most).with_request(0, requested).into())
    }
}

impl random::Host for RandomView<'_> {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.check(len)?;
        self.inner.get_random_bytes(len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.inner.get_random_u64()
    }
}

impl insecure::Host for RandomView<'_> {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.check(len)?;
        self.inner.get_insecure_random_bytes(len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.inner.get_insecure_random_u64()
    }
}
