//! The bytes that stdout and stderr of one execution may still write, and when.

use crate::store_usage::StoreUsage;

#[derive(Debug)]
pub(crate) struct OutputBudget {
    _usage: StoreUsage,
}

impl OutputBudget {
    pub(crate) fn new(usage: StoreUsage) -> Self {
        Self { _usage: usage }
    }
}
