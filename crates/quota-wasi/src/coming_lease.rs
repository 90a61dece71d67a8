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

#[cfg(test)]
mod tests {
    use super::{PATIENCE, arrived, is_coming};
    use limits_core::{
        CapabilitySet, Clock, LeaseSignal, LeaseTerms, Leases, ManualClock, QuotaResource,
        QuotaType, ResourceQuota,
    };
    use quota_enforce::{
        ComponentHandle, LeaseListener, Lessor, NotShared, QuotaRegistry, SecurityContext,
    };
    use std::sync::{Arc, Weak};
    use tokio::time::Instant;

    const ONE: QuotaType = QuotaType::MessageRate(1);

    /// A lessor of messages that hears nothing.
    #[derive(Debug)]
    struct Deaf {
        leases: Arc<Leases>,
        clock: Arc<dyn Clock>,
    }

    #[derive(Debug)]
    struct NoSignal;

    impl LeaseSignal for NoSignal {
        fn short(&self, _: QuotaResource) {}
    }

    impl Lessor for Deaf {
        fn component(&self, _: &str, _: &ResourceQuota) -> Result<Option<Arc<Leases>>, NotShared> {
            Ok(Some(Arc::clone(&self.leases)))
        }
        fn host(&self, _: &ResourceQuota) -> Result<Option<Arc<Leases>>, NotShared> {
            Ok(None)
        }
        fn clock(&self) -> Arc<dyn Clock> {
            Arc::clone(&self.clock)
        }
        fn attach(&self, _: Weak<dyn LeaseListener>) {}
    }

    impl Deaf {
        fn new() -> Arc<Self> {
            let leases = Arc::new(Leases::new(&[QuotaResource::MessageRate], Arc::new(NoSignal)));
            Arc::new(Self { leases, clock: Arc::new(ManualClock::new()) })
        }

        fn register(self: &Arc<Self>) -> ComponentHandle {
            let lessor: Arc<dyn Lessor> = Arc::<Self>::clone(self);
            let registry = QuotaRegistry::builder().lessor(lessor).build();
            let context = SecurityContext::new("shop", CapabilitySet::new());
            registry.register(context).unwrap()
        }

        fn lease(&self, units: u64) {
            let terms = LeaseTerms { units, until: u64::MAX, ends: u64::MAX };
            self.leases.of(QuotaResource::MessageRate).unwrap().begin(terms, &self.clock);
        }

        /// The store has no more until then.
        fn is_full_until(&self, time: u64) {
            self.leases.of(QuotaResource::MessageRate).unwrap().set_retry_at(time);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn units_that_are_on_their_way_are_waited_for() {
        let lessor = Deaf::new();
        let shop = lessor.register();
        assert!(is_coming(&shop, ONE));
        let waiter = shop.clone();
        let waiting = tokio::spawn(async move { arrived(&waiter, ONE).await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        lessor.lease(1);
        waiting.await.unwrap();
        assert!(!is_coming(&shop, ONE));
        shop.consume(ONE).unwrap();
        assert_eq!(shop.denials().by_quota(QuotaResource::MessageRate), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_has_no_more_is_not_waited_for() {
        let lessor = Deaf::new();
        let shop = lessor.register();
        lessor.is_full_until(1_000_000_000);
        assert!(!is_coming(&shop, ONE));
        let began = Instant::now();
        arrived(&shop, ONE).await;
        assert_eq!(began.elapsed().as_millis(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends() {
        let shop = Deaf::new().register();
        let began = Instant::now();
        arrived(&shop, ONE).await;
        assert!(is_coming(&shop, ONE) && began.elapsed() >= PATIENCE);
    }

    #[test]
    fn a_quota_of_one_host_is_never_on_its_way() {
        let registry = QuotaRegistry::new();
        let quota = ResourceQuota::new().with_message_rate(0);
        let context = SecurityContext::with_quota("shop", CapabilitySet::new(), quota);
        let shop = registry.register(context).unwrap();
        assert!(!is_coming(&shop, ONE));
    }
}
