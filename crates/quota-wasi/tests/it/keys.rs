//! The calls of a guest of keys and values.

use std::sync::LazyLock;

use limits_core::{
    CapabilitySet, Permission, ResourceLimits, ResourceLimitsBuilder, ResourceQuota,
};
use quota_enforce::{ComponentHandle, QuotaRegistry, SecurityContext};
use quota_wasi::{KeyValueStore, WasiQuota};
use wasmtime::component::{Component, ComponentType, Lift, ResourceAny};
use wasmtime::{Engine, Error};

use crate::guest::Guest;
use crate::host::limits;
use crate::puppet::puppet_of;
use crate::services::KEYS;

static PUPPET: LazyLock<(Engine, Component)> = LazyLock::new(|| {
    let (engine, text) = (Engine::default(), puppet_of(&KEYS, "0.2.0-draft"));
    let component = Component::new(&engine, wat::parse_str(text).unwrap()).unwrap();
    (engine, component)
});

/// An error of `wasi:keyvalue`.
#[derive(Clone, ComponentType, Debug, Eq, Lift, PartialEq)]
#[component(variant)]
pub(crate) enum Failure {
    #[component(name = "no-such-store")]
    NoSuchStore,
    #[component(name = "access-denied")]
    AccessDenied,
    #[component(name = "other")]
    Other(String),
}

pub(crate) type Answer<T> = Result<T, Failure>;

pub(crate) fn other<T>(text: &str) -> Answer<T> {
    Err(Failure::Other(text.to_owned()))
}

pub(crate) const DENIED: Answer<()> = Err(Failure::AccessDenied);

#[derive(ComponentType, Debug, Eq, Lift, PartialEq)]
#[component(record)]
pub(crate) struct Page {
    pub(crate) keys: Vec<String>,
    pub(crate) cursor: Option<u64>,
}

/// A component that may do everything with its pairs, within a quota.
pub(crate) fn keeper(registry: &QuotaRegistry, id: &str, quota: ResourceQuota) -> ComponentHandle {
    let all = [Permission::StorageRead, Permission::StorageWrite, Permission::StorageDelete];
    with_patterns(registry, id, quota, &all.map(|permission| (permission, "**")))
}

pub(crate) fn with_patterns(
    registry: &QuotaRegistry,
    id: &str,
    quota: ResourceQuota,
    patterns: &[(Permission, &str)],
) -> ComponentHandle {
    let mut may = CapabilitySet::new();
    for (permission, pattern) in patterns {
        may.grant(*permission, pattern).unwrap();
    }
    registry.register(SecurityContext::with_quota(id, may, quota)).unwrap()
}

pub(crate) fn kept(component: ComponentHandle, store: impl KeyValueStore + 'static) -> WasiQuota {
    WasiQuota::builder(component).keyvalue(store).build().unwrap()
}

/// The entries and bytes of storage that a component uses.
pub(crate) fn used(quota: &WasiQuota) -> (u64, u64) {
    let usage = quota.component().usage();
    (usage.storage_entries_used, usage.storage_used)
}

impl Guest {
    /// A guest of keys and values.
    pub(crate) async fn of_keys(quota: &WasiQuota) -> Self {
        Self::of_keys_within(quota, limits()).await
    }

    pub(crate) async fn of_keys_within(quota: &WasiQuota, limits: ResourceLimitsBuilder) -> Self {
        let limits: ResourceLimits = limits.build().unwrap();
        Self::of_services(&PUPPET, quota.store(&limits)).await
    }

    pub(crate) async fn bucket(&mut self) -> ResourceAny {
        self.open_bucket("").await.unwrap()
    }

    pub(crate) async fn open_bucket(&mut self, identifier: &str) -> Answer<ResourceAny> {
        self.call("open", (identifier,)).await
    }

    pub(crate) async fn get(&mut self, bucket: ResourceAny, key: &str) -> Answer<Option<Vec<u8>>> {
        self.call("get", (bucket, key)).await
    }

    pub(crate) async fn set(&mut self, bucket: ResourceAny, key: &str, value: &[u8]) -> Answer<()> {
        self.call("set", (bucket, key, value)).await
    }

    pub(crate) async fn delete(&mut self, bucket: ResourceAny, key: &str) -> Answer<()> {
        self.call("delete", (bucket, key)).await
    }

    pub(crate) async fn exists(&mut self, bucket: ResourceAny, key: &str) -> Answer<bool> {
        self.call("exists", (bucket, key)).await
    }

    pub(crate) async fn page(&mut self, bucket: ResourceAny, cursor: Option<u64>) -> Answer<Page> {
        self.call("list-keys", (bucket, cursor)).await
    }

    /// All keys that a listing shows, page by page.
    pub(crate) async fn keys(&mut self, bucket: ResourceAny) -> Vec<String> {
        let (mut keys, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.page(bucket, cursor).await.unwrap();
            keys.extend(page.keys);
            cursor = page.cursor;
            if cursor.is_none() {
                return keys;
            }
        }
    }

    pub(crate) async fn increment(
        &mut self,
        bucket: ResourceAny,
        key: &str,
        delta: u64,
    ) -> Answer<u64> {
        self.call("increment", (bucket, key, delta)).await
    }

    pub(crate) async fn get_many(
        &mut self,
        bucket: ResourceAny,
        keys: &[&str],
    ) -> Answer<Vec<Option<(String, Vec<u8>)>>> {
        self.call("get-many", (bucket, keys)).await
    }

    pub(crate) async fn set_many(
        &mut self,
        bucket: ResourceAny,
        pairs: &[(&str, &[u8])],
    ) -> Answer<()> {
        self.call("set-many", (bucket, pairs)).await
    }

    pub(crate) async fn delete_many(&mut self, bucket: ResourceAny, keys: &[&str]) -> Answer<()> {
        self.call("delete-many", (bucket, keys)).await
    }

    pub(crate) async fn try_open(&mut self) -> Result<Answer<ResourceAny>, Error> {
        self.try_call("open", ("",)).await
    }
}
