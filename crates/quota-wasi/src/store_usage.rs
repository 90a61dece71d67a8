//! Counters of one execution.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use crate::service::Service;
use crate::slots::SlotKind;

/// Counters of one execution, which outlive its store. Cheap to clone; every clone reads the same.
#[derive(Clone, Default)]
pub struct StoreUsage(Arc<Counters>);

// For people: no other memory depends on their order.
#[derive(Default)]
struct Counters {
    output_bytes: AtomicU64,
    output_cut_bytes: AtomicU64,
    peak_descriptors: AtomicU64,
    refused_descriptors: AtomicU64,
    refused_listings: AtomicU64,
    refused_random: AtomicU64,
    peak_sockets: AtomicU64,
    refused_sockets: AtomicU64,
    refused_pairs: AtomicU64,
    messages: AtomicU64,
    refused_messages: AtomicU64,
    failed_messages: AtomicU64,
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
    dropped_datagrams: AtomicU64,
    lookups: AtomicU64,
    refused_lookups: AtomicU64,
    requests: AtomicU64,
    refused_requests: AtomicU64,
    refused_services: [AtomicU64; Service::ALL.len()],
}

impl StoreUsage {
    /// Returns the bytes of stdout and stderr that reached the host's streams.
    #[must_use]
    pub fn output_bytes(&self) -> u64 {
        self.0.output_bytes.load(Ordering::Relaxed)
    }

    /// Returns the bytes of stdout and stderr past `max_output_bytes`, which were discarded.
    #[must_use]
    pub fn output_cut_bytes(&self) -> u64 {
        self.0.output_cut_bytes.load(Ordering::Relaxed)
    }

    /// Returns the peak of open files and directories.
    #[must_use]
    pub fn peak_descriptors(&self) -> u64 {
        self.0.peak_descriptors.load(Ordering::Relaxed)
    }

    /// Returns the number of times that `max_descriptors` refused a file or directory.
    #[must_use]
    pub fn refused_descriptors(&self) -> u64 {
        self.0.refused_descriptors.load(Ordering::Relaxed)
    }

    /// Returns the number of times that `max_directory_entries` refused a listing.
    #[must_use]
    pub fn refused_listings(&self) -> u64 {
        self.0.refused_listings.load(Ordering::Relaxed)
    }

    /// Returns the number of times that `max_random_bytes` refused random bytes: at most one, since
    /// the refusal ends the execution.
    #[must_use]
    pub fn refused_random(&self) -> u64 {
        self.0.refused_random.load(Ordering::Relaxed)
    }

    /// Returns the peak of open TCP and UDP sockets.
    #[must_use]
    pub fn peak_sockets(&self) -> u64 {
        self.0.peak_sockets.load(Ordering::Relaxed)
    }

    /// Returns the number of times that `max_sockets` refused a socket.
    #[must_use]
    pub fn refused_sockets(&self) -> u64 {
        self.0.refused_sockets.load(Ordering::Relaxed)
    }

    /// Returns the number of pairs that `max_value_bytes` refused.
    #[must_use]
    pub fn refused_pairs(&self) -> u64 {
        self.0.refused_pairs.load(Ordering::Relaxed)
    }

    /// Returns the number of messages that the transport has accepted.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.0.messages.load(Ordering::Relaxed)
    }

    /// Returns the number of messages that were refused for their size or their entries of
    /// metadata. Those that a capability or the message rate refused are
    /// [denials](quota_enforce::ComponentHandle::denials) of the component.
    #[must_use]
    pub fn refused_messages(&self) -> u64 {
        self.0.refused_messages.load(Ordering::Relaxed)
    }

    /// Returns the number of messages that the transport has not accepted.
    #[must_use]
    pub fn failed_messages(&self) -> u64 {
        self.0.failed_messages.load(Ordering::Relaxed)
    }

    /// Returns the number of calls that were refused because the host has not switched a service
    /// on.
    #[must_use]
    pub fn refused_services(&self, service: Service) -> u64 {
        self.0.refused_services[service.index()].load(Ordering::Relaxed)
    }

    /// Counts a call that was refused because the host has not switched a service on. The
    /// interfaces of this crate do so; a host's own that refuses in their place may as well.
    pub fn refuse_service(&self, service: Service) {
        self.0.refused_services[service.index()].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused_pair(&self) {
        self.0.refused_pairs.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn sent_message(&self) {
        self.0.messages.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused_message(&self) {
        self.0.refused_messages.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn failed_message(&self) {
        self.0.failed_messages.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the bytes that the execution has sent.
    #[must_use]
    pub fn sent_bytes(&self) -> u64 {
        self.0.sent_bytes.load(Ordering::Relaxed)
    }

    /// Returns the bytes that the execution has received.
    #[must_use]
    pub fn received_bytes(&self) -> u64 {
        self.0.received_bytes.load(Ordering::Relaxed)
    }

    /// Returns the number of received datagrams that were dropped before the guest saw them: of
    /// senders that it may not send to, or beyond a quota that denies or is never enough.
    #[must_use]
    pub fn dropped_datagrams(&self) -> u64 {
        self.0.dropped_datagrams.load(Ordering::Relaxed)
    }

    /// Returns the number of names that were looked up.
    #[must_use]
    pub fn lookups(&self) -> u64 {
        self.0.lookups.load(Ordering::Relaxed)
    }

    /// Returns the number of times that `max_lookups` refused to look a name up.
    #[must_use]
    pub fn refused_lookups(&self) -> u64 {
        self.0.refused_lookups.load(Ordering::Relaxed)
    }

    pub(crate) fn sent(&self, bytes: u64) {
        self.0.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, bytes: u64) {
        self.0.received_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn dropped_datagram(&self) {
        self.0.dropped_datagrams.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn looked_up(&self) {
        self.0.lookups.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused_lookup(&self) {
        self.0.refused_lookups.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of HTTP requests that the execution began.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// Returns the number of HTTP requests that `max_requests` refused.
    #[must_use]
    pub fn refused_requests(&self) -> u64 {
        self.0.refused_requests.load(Ordering::Relaxed)
    }

    #[cfg(feature = "http")]
    pub(crate) fn began_request(&self) {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
    }

    #[cfg(feature = "http")]
    pub(crate) fn refused_request(&self) {
        self.0.refused_requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn wrote_output(&self, bytes: u64) {
        self.0.output_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn cut_output(&self, bytes: u64) {
        self.0.output_cut_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn saw_open(&self, kind: SlotKind, open: u32) {
        let peak = match kind {
            SlotKind::Descriptor => &self.0.peak_descriptors,
            SlotKind::Socket => &self.0.peak_sockets,
        };
        peak.fetch_max(open.into(), Ordering::Relaxed);
    }

    pub(crate) fn refused_open(&self, kind: SlotKind) {
        let refused = match kind {
            SlotKind::Descriptor => &self.0.refused_descriptors,
            SlotKind::Socket => &self.0.refused_sockets,
        };
        refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused_listing(&self) {
        self.0.refused_listings.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused_random_bytes(&self) {
        self.0.refused_random.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for StoreUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreUsage")
            .field("output_bytes", &self.output_bytes())
            .field("output_cut_bytes", &self.output_cut_bytes())
            .field("peak_descriptors", &self.peak_descriptors())
            .field("refused_descriptors", &self.refused_descriptors())
            .field("refused_listings", &self.refused_listings())
            .field("refused_random", &self.refused_random())
            .field("peak_sockets", &self.peak_sockets())
            .field("refused_sockets", &self.refused_sockets())
            .field("refused_pairs", &self.refused_pairs())
            .field("messages", &self.messages())
            .field("refused_messages", &self.refused_messages())
            .field("failed_messages", &self.failed_messages())
            .field("sent_bytes", &self.sent_bytes())
            .field("received_bytes", &self.received_bytes())
            .field("dropped_datagrams", &self.dropped_datagrams())
            .field("lookups", &self.lookups())
            .field("refused_lookups", &self.refused_lookups())
            .field("requests", &self.requests())
            .field("refused_requests", &self.refused_requests())
            .field("refused_services", &self.0.refused_services)
            .finish()
    }
}
