//! The calls of a guest of messages.

use std::sync::LazyLock;

use limits_core::{CapabilitySet, Permission, ResourceLimitsBuilder, ResourceQuota};
use quota_enforce::{ComponentHandle, QuotaRegistry, SecurityContext};
use quota_wasi::WasiQuota;
use wasmtime::Engine;
use wasmtime::component::{Component, ComponentType, Lift, ResourceAny};

use crate::guest::Guest;
use crate::host::limits;
use crate::puppet::{Part, puppet_of};
use crate::services::MESSAGES;

static PUPPET: LazyLock<(Engine, Component)> = LazyLock::new(|| {
    let (engine, text) = (Engine::default(), puppet_of(&MESSAGES, "0.2.0-draft"));
    let component = Component::new(&engine, wat::parse_str(text).unwrap()).unwrap();
    (engine, component)
});

/// The same, of a guest that gives messages away with the sending, as the interface says; the
/// other lends them, so that a test can send one twice.
static GIVING: LazyLock<(Engine, Component)> = LazyLock::new(|| {
    let calls = MESSAGES.calls.replace("message (borrow $message)", "message (own $message)");
    let giving = Part { calls: calls.leak(), ..MESSAGES };
    let (engine, text) = (Engine::default(), puppet_of(&giving, "0.2.0-draft"));
    let component = Component::new(&engine, wat::parse_str(text).unwrap()).unwrap();
    (engine, component)
});

/// An error of `wasi:messaging`.
#[derive(Clone, ComponentType, Debug, Eq, Lift, PartialEq)]
#[component(variant)]
pub(crate) enum Failure {
    #[component(name = "timeout")]
    Timeout,
    #[component(name = "connection")]
    Connection(String),
    #[component(name = "permission-denied")]
    PermissionDenied(String),
    #[component(name = "other")]
    Other(String),
}

pub(crate) type Answer<T> = Result<T, Failure>;

pub(crate) fn other<T>(text: &str) -> Answer<T> {
    Err(Failure::Other(text.to_owned()))
}

pub(crate) fn denied<T>() -> Answer<T> {
    Err(Failure::PermissionDenied("no capability to send to the topic".to_owned()))
}

/// A component that may send to the topics that a pattern matches.
pub(crate) fn sender(
    registry: &QuotaRegistry,
    id: &str,
    pattern: &str,
    quota: ResourceQuota,
) -> ComponentHandle {
    let may = CapabilitySet::builder().grant(Permission::MessagingSend, pattern).build().unwrap();
    registry.register(SecurityContext::with_quota(id, may, quota)).unwrap()
}

impl Guest {
    /// A guest of messages.
    pub(crate) async fn of_messages(quota: &WasiQuota) -> Self {
        Self::of_messages_within(quota, limits()).await
    }

    pub(crate) async fn of_messages_within(
        quota: &WasiQuota,
        limits: ResourceLimitsBuilder,
    ) -> Self {
        Self::of_services(&PUPPET, quota.store(&limits.build().unwrap())).await
    }

    /// A guest that gives its messages away.
    pub(crate) async fn giving_messages(quota: &WasiQuota, limits: ResourceLimitsBuilder) -> Self {
        Self::of_services(&GIVING, quota.store(&limits.build().unwrap())).await
    }

    pub(crate) async fn connect_client(&mut self, name: &str) -> Answer<ResourceAny> {
        self.call("connect", (name,)).await
    }

    pub(crate) async fn disconnect(&mut self, client: ResourceAny) -> Answer<()> {
        self.call("disconnect", (client,)).await
    }

    pub(crate) async fn message(&mut self, data: &[u8]) -> ResourceAny {
        self.try_message(data).await.unwrap()
    }

    pub(crate) async fn try_message(
        &mut self,
        data: &[u8],
    ) -> Result<ResourceAny, wasmtime::Error> {
        self.try_call("new-message", (data,)).await
    }

    pub(crate) async fn send_message(
        &mut self,
        client: ResourceAny,
        topic: &str,
        message: ResourceAny,
    ) -> Answer<()> {
        self.call("send", (client, topic, message)).await
    }

    /// Calls a setter, which has no result.
    pub(crate) async fn change<P>(&mut self, name: &str, params: P) -> Result<(), wasmtime::Error>
    where
        P: wasmtime::component::ComponentNamedList + wasmtime::component::Lower + Send + Sync,
    {
        let function = self.instance.get_typed_func::<P, ()>(&mut self.store, name).unwrap();
        function.call_async(&mut self.store, params).await
    }
}
