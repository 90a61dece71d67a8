//! Refusals of quotas as serialised for monitoring.

use limits_core::{QuotaError, Retry};
use serde::Serialize;

/// A [`QuotaError`] to be serialised. The names are stable, and those of a line of
/// [`JsonLinesSink`](crate::JsonLinesSink).
///
/// Where `depth` is not 0, the numbers are those of all components together: keep them from guests.
///
/// ```
/// use core::time::Duration;
///
/// use limits_core::{QuotaError, QuotaResource, Retry};
/// use quota_enforce::RefusalView;
///
/// let retry = Retry::After(Duration::from_nanos(249_999_001));
/// let error =
///     QuotaError::new(QuotaResource::MessageRate, 1_000).with_request(998, 5).with_retry(retry);
/// assert_eq!(
///     serde_json::to_string(&RefusalView::from(error))?,
///     "{\"resource\":\"message_rate\",\"used\":998,\"requested\":5,\"limit\":1000,\
///      \"unit\":\"messages\",\"depth\":0,\"retry\":\"after\",\"retry_after_us\":250000}"
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RefusalView {
    /// The resource, as a [key](limits_core::QuotaResource::key).
    pub resource: &'static str,
    /// Units in use.
    pub used: u64,
    /// Units that were requested.
    pub requested: u64,
    /// Units allowed.
    pub limit: u64,
    /// The unit of these numbers: `bytes`, `messages` or `µs`.
    pub unit: &'static str,
    /// The depth of the tracker that refused: 0 for the component's own quota, 1 for the parent's.
    pub depth: u32,
    /// When to retry: `now` (as soon as units are released), `after` some time, `never`.
    pub retry: &'static str,
    /// Microseconds to wait, rounded up; absent unless `retry` is `after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_us: Option<u64>,
    /// Whether hosts share the limit: `used` is then the use on this host, which has not enough of
    /// it leased. Absent if not.
    #[serde(skip_serializing_if = "is_false")]
    pub leased: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
pub(crate) const fn is_false(value: &bool) -> bool {
    !*value
}

impl From<QuotaError> for RefusalView {
    fn from(error: QuotaError) -> Self {
        let micros = error.retry().after().map(|wait| wait.as_nanos().div_ceil(1_000));
        Self {
            resource: error.resource().key(),
            used: error.used(),
            requested: error.requested(),
            limit: error.limit(),
            unit: error.resource().unit(),
            depth: error.depth(),
            retry: match error.retry() {
                Retry::Now => "now",
                Retry::After(_) => "after",
                Retry::Never => "never",
            },
            retry_after_us: micros.map(|micros| u64::try_from(micros).unwrap_or(u64::MAX)),
            leased: error.is_leased(),
        }
    }
}
