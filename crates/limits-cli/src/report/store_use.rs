//! The use of one run at its host: output, descriptors and listings.

use limits_config::format_size;
use limits_core::ResourceLimits;
use quota_wasi::StoreUsage;
use serde::Serialize;

use crate::units::{grouped, times};

/// Stdout and stderr of one run together, in bytes.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OutputUse {
    max: u64,
    /// Those that reached the command's streams.
    bytes: u64,
    /// Those past the limit, which were discarded.
    cut: u64,
}

/// Open files and directories of one run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DescriptorUse {
    max: u32,
    peak: u64,
    /// The number of refusals.
    refused: u64,
}

/// Listings of directories by one run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ListingUse {
    /// The entries of one listing, at most.
    max: u64,
    /// The number of refusals.
    refused: u64,
}

impl OutputUse {
    /// Describes the output of one run within `limits`.
    pub(crate) fn new(limits: &ResourceLimits, usage: &StoreUsage) -> Self {
        let (bytes, cut) = (usage.output_bytes(), usage.output_cut_bytes());
        Self { max: limits.max_output_bytes(), bytes, cut }
    }

    /// Writes a line if the limit was met.
    pub(crate) fn line(&self) -> Option<String> {
        let Self { max, cut, .. } = *self;
        let says = || format!("{cut} bytes of output past {}", format_size(max));
        (cut > 0).then(says)
    }
}

impl DescriptorUse {
    /// Describes the descriptors of one run within `limits`.
    pub(crate) fn new(limits: &ResourceLimits, usage: &StoreUsage) -> Self {
        let (peak, refused) = (usage.peak_descriptors(), usage.refused_descriptors());
        Self { max: limits.max_descriptors(), peak, refused }
    }

    /// Writes a line if the limit was met.
    pub(crate) fn line(&self) -> Option<String> {
        let Self { max, refused, .. } = *self;
        (refused > 0).then(|| format!("more than {max} open files, {}", times(refused)))
    }
}

impl ListingUse {
    /// Describes the listings of one run within `limits`.
    pub(crate) fn new(limits: &ResourceLimits, usage: &StoreUsage) -> Self {
        Self { max: limits.max_directory_entries(), refused: usage.refused_listings() }
    }

    /// Writes a line if the limit was met.
    pub(crate) fn line(&self) -> Option<String> {
        let Self { max, refused } = *self;
        let max = grouped(max);
        (refused > 0).then(|| format!("a listing of more than {max} entries, {}", times(refused)))
    }
}
