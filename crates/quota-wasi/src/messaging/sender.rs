//! Sending: decided, paid for, and handed to the transport.

use core::time::Duration;
use std::sync::{Arc, LazyLock};

use limits_core::{Domain, Pattern, PatternError, Permission, QuotaType, RatePolicy};
use quota_enforce::{ComponentHandle, Grant};
use tokio::time::Instant;

use super::refused::Refused;
use super::transport::{MessageTransport, OutgoingMessage};
use crate::coming_lease::arrived;

/// A wait without an end of its own: the execution's deadline ends it.
const FOR_EVER: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// The messages that a component sends, as all its executions share them.
///
/// # Invariants
///
/// - I90: a message reaches the transport only with its unit of the message rate, by a capability
///   that was in force when the unit had been taken.
/// - I91: the unit is refunded if, and only if, the transport was never asked or has refused. A
///   sending that was dropped before its end counts.
pub(crate) struct Sender {
    component: ComponentHandle,
    transport: Box<dyn MessageTransport>,
    policy: RatePolicy,
}

impl Sender {
    pub(crate) fn new(
        component: ComponentHandle,
        transport: Box<dyn MessageTransport>,
        policy: RatePolicy,
    ) -> Self {
        Self { component, transport, policy }
    }

    /// Sends a message that keeps to the bounds of the execution.
    pub(crate) async fn send(&self, message: OutgoingMessage) -> Result<(), Refused> {
        let grant = self.pay(message.topic()).await?;
        // From here on the message may be on its way.
        let mut unseen = Unseen(Some(grant));
        self.transport.send(message).await.map_err(|error| {
            drop(unseen.0.take());
            Refused::Transport(error)
        })
    }

    async fn pay(&self, topic: &str) -> Result<Grant, Refused> {
        let (permission, one) = (Permission::MessagingSend, QuotaType::MessageRate(1));
        if self.policy == RatePolicy::Deny {
            arrived(&self.component, one).await;
            return Ok(self.component.authorize(permission, topic, one)?);
        }
        let capabilities = self.component.capabilities();
        self.component.check(permission, topic)?;
        let grant = self.component.reserve_wait(one, Instant::now() + FOR_EVER).await?;
        // Of a wait, the end decides.
        if !Arc::ptr_eq(&capabilities, &self.component.capabilities()) {
            self.component.check(permission, topic)?;
        }
        Ok(grant)
    }
}

/// The unit of a message that the transport has and that is kept, unless it is taken out.
struct Unseen(Option<Grant>);

impl Drop for Unseen {
    fn drop(&mut self) {
        if let Some(grant) = self.0.take() {
            grant.commit();
        }
    }
}

/// Checks that a text is a topic.
pub(crate) fn check_topic(topic: &str) -> Result<(), Refused> {
    static ANY: LazyLock<Result<Pattern, PatternError>> =
        LazyLock::new(|| Pattern::new(Domain::Messaging, "**"));
    let problem = match &*ANY {
        Ok(any) => match any.matches(topic) {
            Ok(_) => return Ok(()),
            Err(problem) => problem.to_string(),
        },
        Err(problem) => problem.to_string(),
    };
    Err(Refused::Told(format!("not a topic: {problem}")))
}
