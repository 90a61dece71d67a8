//! Named methods, each a shorthand for a method of the tracker with a `QuotaType`.

use super::QuotaTracker;
use crate::quota::quota_error::QuotaError;
use crate::quota::quota_type::QuotaType;

impl QuotaTracker {
    /// [Peeks](Self::peek) at bytes of storage.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    pub fn check_storage(&self, bytes: u64) -> Result<(), QuotaError> {
        self.peek(QuotaType::Storage(bytes))
    }

    /// [Peeks](Self::peek) at entries of storage.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    pub fn check_storage_entries(&self, entries: u64) -> Result<(), QuotaError> {
        self.peek(QuotaType::StorageEntries(entries))
    }

    /// [Peeks](Self::peek) at messages.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    pub fn check_message_rate(&self, messages: u64) -> Result<(), QuotaError> {
        self.peek(QuotaType::MessageRate(messages))
    }

    /// [Peeks](Self::peek) at bytes of network bandwidth.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    pub fn check_network_bandwidth(&self, bytes: u64) -> Result<(), QuotaError> {
        self.peek(QuotaType::NetworkBandwidth(bytes))
    }

    /// [Peeks](Self::peek) at milliseconds of CPU time.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    pub fn check_cpu_time(&self, ms: u64) -> Result<(), QuotaError> {
        self.peek(QuotaType::CpuTime(ms))
    }

    /// [Peeks](Self::peek) at bytes of memory.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    pub fn check_memory(&self, bytes: u64) -> Result<(), QuotaError> {
        self.peek(QuotaType::Memory(bytes))
    }

    /// [Consumes](Self::consume) bytes of storage.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    pub fn consume_storage(&self, bytes: u64) -> Result<(), QuotaError> {
        self.consume(QuotaType::Storage(bytes))
    }

    /// [Consumes](Self::consume) entries of storage.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    pub fn consume_storage_entries(&self, entries: u64) -> Result<(), QuotaError> {
        self.consume(QuotaType::StorageEntries(entries))
    }

    /// [Consumes](Self::consume) messages.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    pub fn consume_message_rate(&self, messages: u64) -> Result<(), QuotaError> {
        self.consume(QuotaType::MessageRate(messages))
    }

    /// [Consumes](Self::consume) bytes of network bandwidth.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    pub fn consume_network_bandwidth(&self, bytes: u64) -> Result<(), QuotaError> {
        self.consume(QuotaType::NetworkBandwidth(bytes))
    }

    /// [Consumes](Self::consume) milliseconds of CPU time.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    pub fn consume_cpu_time(&self, ms: u64) -> Result<(), QuotaError> {
        self.consume(QuotaType::CpuTime(ms))
    }

    /// [Consumes](Self::consume) bytes of memory.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    pub fn consume_memory(&self, bytes: u64) -> Result<(), QuotaError> {
        self.consume(QuotaType::Memory(bytes))
    }

    /// [Releases](Self::release) bytes of storage, and returns the amount.
    pub fn release_storage(&self, bytes: u64) -> u64 {
        self.release(QuotaType::Storage(bytes))
    }

    /// [Releases](Self::release) entries of storage, and returns the amount.
    pub fn release_storage_entries(&self, entries: u64) -> u64 {
        self.release(QuotaType::StorageEntries(entries))
    }

    /// [Releases](Self::release) bytes of memory, and returns the amount.
    pub fn release_memory(&self, bytes: u64) -> u64 {
        self.release(QuotaType::Memory(bytes))
    }
}
