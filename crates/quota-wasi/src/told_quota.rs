//! A refusal of a quota, as a guest may read it.

use core::fmt;

use limits_core::{QuotaError, Retry};

/// A refusal of a quota, as a guest may read it: with the numbers of its own component, and none of
/// its host's, which other components use as well.
pub(crate) struct ToldQuota<'e>(pub(crate) &'e QuotaError);

impl fmt::Display for ToldQuota<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = self;
        if error.depth() == 0 {
            return fmt::Display::fmt(error, f);
        }
        let (resource, requested) = (error.resource(), error.requested());
        write!(f, "{resource} quota of the host exceeded: {requested} more requested; ")?;
        match error.retry() {
            Retry::Never => f.write_str("more than the whole quota, do not retry"),
            Retry::Now | Retry::After(_) => f.write_str("retry later"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ToldQuota;
    use limits_core::{QuotaTracker, QuotaType, ResourceQuota};
    use std::sync::Arc;

    #[test]
    fn a_guest_reads_the_numbers_of_its_own_quota_and_not_those_of_its_host() {
        let host = Arc::new(QuotaTracker::new(ResourceQuota::new().with_storage(50)));
        host.consume(QuotaType::Storage(31)).unwrap();
        let own = QuotaTracker::with_parent(ResourceQuota::new().with_storage(40), host);
        for (amount, text) in [
            (
                41,
                "storage quota of 40 bytes exceeded: 0 used, 41 more requested; more than the whole \
                  quota, do not retry",
            ),
            (20, "storage quota of the host exceeded: 20 more requested; retry later"),
        ] {
            let refused = own.consume(QuotaType::Storage(amount)).unwrap_err();
            assert_eq!(ToldQuota(&refused).to_string(), text);
        }
    }
}
