//! Rates that hosts share, and that a guest is denied instead of throttled: units that are on their
//! way from the store are waited for, so the guest is denied only what the store denies.

use core::time::Duration;

use limits_core::QuotaType;
use quota_enforce::ComponentHandle;
use tokio::time::{Instant, sleep};

/// The longest wait for units that are on their way.
const PATIENCE: Duration = Duration::from_millis(500);
/// The time between two looks for them: about a round trip.
const LOOK: Duration = Duration::from_millis(1);

/// Tells whether units are not there and are on their way.
pub(crate) fn is_coming(component: &ComponentHandle, quota: QuotaType) -> bool {
    component.peek(quota).is_err_and(|refused| refused.is_coming())
}

/// Waits for units that are on their way, until they are there, the store has no more, or patience
/// ends. Another caller may take them first.
pub(crate) async fn arrived(component: &ComponentHandle, quota: QuotaType) {
    let mut deadline = None;
    while is_coming(component, quota)
        && Instant::now() < *deadline.get_or_insert_with(|| Instant::now() + PATIENCE)
    {
        sleep(LOOK).await;
    }
}
