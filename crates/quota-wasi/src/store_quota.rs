//! Quotas and limits of one execution.

use core::fmt;
use std::sync::Arc;

use limits_core::ResourceLimits;
use wasmtime_wasi::cli::StdoutStream;

#[cfg(feature = "http")]
use crate::http::context::HttpContext;
#[cfg(feature = "http")]
use crate::http::store_http::StoreHttp;
use crate::keyvalue::cursors::Cursors;
use crate::limited_output::LimitedOutput;
use crate::listing::{Listing, Listings};
use crate::messaging::held::HeldBytes;
use crate::names::store_names::StoreNames;
use crate::opened::{Opened, SideTable};
use crate::output_budget::OutputBudget;
use crate::quota::Shared;
use crate::slots::{SlotKind, Slots};
use crate::store_network::StoreNetwork;
use crate::store_usage::StoreUsage;

/// Nothing, without HTTP.
#[cfg(not(feature = "http"))]
#[derive(Clone, Debug, Default)]
struct HttpContext;

/// Quotas and limits of one execution.
///
/// The host keeps it in its store's data, see [`WasiQuotaView`](crate::WasiQuotaView). A clone is
/// the same execution: one for each store, from [`WasiQuota::store`](crate::WasiQuota::store).
#[derive(Clone)]
pub struct StoreQuota(Arc<Inner>, HttpContext);

struct Inner {
    shared: Arc<Shared>,
    usage: StoreUsage,
    output: Arc<OutputBudget>,
    slots: Arc<Slots>,
    descriptors: SideTable<Opened>,
    listings: Arc<Listings>,
    open_listings: SideTable<Listing>,
    names: StoreNames,
    max_random_bytes: u64,
    max_value_bytes: u64,
    max_message_bytes: u64,
    held_messages: HeldBytes,
    cursors: Cursors,
    network: StoreNetwork,
    #[cfg(feature = "http")]
    http: StoreHttp,
}

impl StoreQuota {
    pub(crate) fn new(shared: Arc<Shared>, limits: &ResourceLimits) -> Self {
        let usage = StoreUsage::default();
        let (bytes, rate) = (limits.max_output_bytes(), limits.max_output_rate());
        let inner = Inner {
            shared,
            output: Arc::new(OutputBudget::new(bytes, rate, usage.clone())),
            slots: Slots::new(SlotKind::Descriptor, limits.max_descriptors(), usage.clone()),
            descriptors: SideTable::new(),
            listings: Listings::new(limits.max_directory_entries(), usage.clone()),
            open_listings: SideTable::new(),
            names: StoreNames::new(limits, usage.clone()),
            max_random_bytes: limits.max_random_bytes(),
            max_value_bytes: limits.max_value_bytes(),
            max_message_bytes: limits.max_message_bytes(),
            held_messages: HeldBytes::new(limits.max_message_bytes()),
            cursors: Cursors::default(),
            network: StoreNetwork::new(limits, &usage),
            #[cfg(feature = "http")]
            http: StoreHttp::new(limits, &usage),
            usage,
        };
        Self(Arc::new(inner), HttpContext::default())
    }

    /// Wraps the host's stream for the guest's stdout.
    ///
    /// stdout and stderr share `max_output_bytes` and `max_output_rate`. Bytes past the former are
    /// discarded and [counted](StoreUsage::output_cut_bytes), and the guest goes on; at the latter,
    /// the guest waits. Over any stretch of time the host's streams get at most the rate times that
    /// time and a quarter of a second.
    pub fn stdout(&self, stream: impl StdoutStream + 'static) -> LimitedOutput {
        LimitedOutput::new(Box::new(stream), Arc::clone(&self.0.output))
    }

    /// Wraps the host's stream for the guest's stderr, see [`stdout`](Self::stdout).
    pub fn stderr(&self, stream: impl StdoutStream + 'static) -> LimitedOutput {
        self.stdout(stream)
    }

    /// Returns the counters of the execution, which outlive its store.
    #[must_use]
    pub fn usage(&self) -> StoreUsage {
        self.0.usage.clone()
    }

    #[cfg(feature = "http")]
    pub(crate) fn http(&self) -> &StoreHttp {
        &self.0.http
    }

    #[cfg(feature = "http")]
    pub(crate) fn http_context(&mut self) -> &mut HttpContext {
        &mut self.1
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    pub(crate) fn slots(&self) -> &Arc<Slots> {
        &self.0.slots
    }

    pub(crate) fn descriptors(&self) -> &SideTable<Opened> {
        &self.0.descriptors
    }

    pub(crate) fn listings(&self) -> &Arc<Listings> {
        &self.0.listings
    }

    pub(crate) fn open_listings(&self) -> &SideTable<Listing> {
        &self.0.open_listings
    }

    pub(crate) fn names(&self) -> &StoreNames {
        &self.0.names
    }

    pub(crate) fn network(&self) -> &StoreNetwork {
        &self.0.network
    }

    pub(crate) fn max_random_bytes(&self) -> u64 {
        self.0.max_random_bytes
    }

    pub(crate) fn max_value_bytes(&self) -> u64 {
        self.0.max_value_bytes
    }

    pub(crate) fn max_message_bytes(&self) -> u64 {
        self.0.max_message_bytes
    }

    pub(crate) fn held_messages(&self) -> &HeldBytes {
        &self.0.held_messages
    }

    pub(crate) fn cursors(&self) -> &Cursors {
        &self.0.cursors
    }
}

impl fmt::Debug for StoreQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreQuota")
            .field("component", &self.0.shared.component.id())
            .field("usage", &self.0.usage)
            .finish_non_exhaustive()
    }
}
