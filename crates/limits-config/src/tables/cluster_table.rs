//! `[cluster]` of the policy: rates that several hosts share.

use std::path::{Path, PathBuf};

use limits_core::{QuotaResource, StoreLoss};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::grammar::store_url::StoreUrl;
use crate::tables::cluster_table::levels::Levels;
use crate::tables::cluster_table::loss_rules::LossRules;

mod levels;
mod loss_rules;
mod values;

/// The keys, each with its type and its default, in the order of the documents.
#[cfg(test)]
pub(crate) const ROWS: [(&str, &str, &str); 11] = [
    ("url", "address", "required without `sentinels`"),
    ("sentinels", "up to 16 addresses", "none"),
    ("master", "text", "required with `sentinels`"),
    ("username", "text", "none"),
    ("password_file", "path", "none"),
    ("ca_file", "path", "none"),
    ("prefix", "text", "`\"wasm-limits:\"`"),
    ("max_hosts", "number", "16"),
    ("wait_replicas", "number", "0"),
    ("share", "words", "`[\"component\"]`"),
    ("on_store_loss", "word, or a table", "`\"closed\"`"),
];

/// `[cluster]` of the policy file: the store of the rates that several hosts share, and the rules
/// of sharing. Only the operator has the table.
///
/// It holds no secret: a password is in a file of its own, and an address with a user or a password
/// is refused.
///
/// ```
/// use limits_config::Policy;
/// use limits_core::{QuotaResource, StoreLoss};
///
/// let policy = Policy::from_toml(
///     r#"
///     [cluster]
///     url = "redis://127.0.0.1:6379"
///     on_store_loss = { message_rate = "share" }
///     "#,
/// )?;
/// let cluster = policy.cluster().expect("the policy has the table");
/// assert!(cluster.shares_components() && !cluster.shares_host());
/// assert_eq!(cluster.on_store_loss(QuotaResource::MessageRate), StoreLoss::Share);
/// assert_eq!(cluster.on_store_loss(QuotaResource::CpuTime), StoreLoss::Closed);
/// # Ok::<(), limits_config::ConfigError>(())
/// ```
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ClusterTable {
    /// The store: `redis://HOST:PORT`, `rediss://HOST:PORT` with TLS, or `unix:///PATH`. A host may
    /// be followed by `/` and the number of a database.
    #[serde(deserialize_with = "values::url")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "String"))]
    url: Option<StoreUrl>,
    /// The sentinels that know the store, such as `["redis://10.0.0.7:26379"]`, in place of `url`.
    #[serde(deserialize_with = "values::sentinels")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "Vec<String>"))]
    sentinels: Vec<StoreUrl>,
    /// The name of the store's primary among the sentinels.
    #[serde(deserialize_with = "values::word")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "String"))]
    master: Option<String>,
    /// The user of the store. It needs `password_file`.
    #[serde(deserialize_with = "values::word")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "String"))]
    username: Option<String>,
    /// The file of the store's password; a line end after it is no part of it. A relative path
    /// begins at the policy's folder.
    #[serde(deserialize_with = "values::path")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "String"))]
    password_file: Option<PathBuf>,
    /// The certificates (PEM) that the store's certificate may come from, in place of the public
    /// ones.
    #[serde(deserialize_with = "values::path")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "String"))]
    ca_file: Option<PathBuf>,
    /// The beginning of all keys in the store. Hosts with different ones share nothing.
    #[serde(deserialize_with = "values::prefix")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "String"))]
    prefix: String,
    /// The hosts that share, at most, 1 to 10000: without the store each may use this part of a
    /// rate if `on_store_loss` is `share`.
    #[serde(deserialize_with = "values::max_hosts")]
    #[cfg_attr(any(test, feature = "schema"), schemars(range(min = 1, max = 10_000)))]
    max_hosts: u32,
    /// The replicas that must have a lease before it is spent, 0 to 16. Fewer than all may grant a
    /// rate twice after a split of the store.
    #[serde(deserialize_with = "values::wait_replicas")]
    #[cfg_attr(any(test, feature = "schema"), schemars(range(min = 0, max = 16)))]
    wait_replicas: u32,
    /// The quotas that are shared: each component's (`component`), the sum over all components
    /// under `[host]` (`host`), or both.
    share: Levels,
    /// The fate of takes while the store is away: refused (`closed`), bounded by a part of the rate
    /// (`share`), or bounded by the whole rate on each host (`open`). One word, or a table by
    /// rate: `{ message_rate = "share" }`.
    on_store_loss: LossRules,
}

/// Reads the table, which names a store.
pub(crate) fn some<'de, D: Deserializer<'de>>(d: D) -> Result<Option<ClusterTable>, D::Error> {
    let table = ClusterTable::deserialize(d)?;
    if table.sentinels.is_empty() && table.url.is_none() {
        return Err(D::Error::missing_field("url"));
    }
    if !table.sentinels.is_empty() && table.master.is_none() {
        return Err(D::Error::missing_field("master"));
    }
    Ok(Some(table))
}

impl Default for ClusterTable {
    fn default() -> Self {
        Self {
            url: None,
            sentinels: Vec::new(),
            master: None,
            username: None,
            password_file: None,
            ca_file: None,
            prefix: String::from(Self::DEFAULT_PREFIX),
            max_hosts: Self::DEFAULT_MAX_HOSTS,
            wait_replicas: 0,
            share: Levels::default(),
            on_store_loss: LossRules::default(),
        }
    }
}

impl ClusterTable {
    /// The beginning of all keys where the policy has none.
    pub const DEFAULT_PREFIX: &'static str = "wasm-limits:";
    /// The most hosts where the policy has no number.
    pub const DEFAULT_MAX_HOSTS: u32 = 16;

    /// Returns the address of the store; `None` if sentinels know it.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_ref().map(StoreUrl::as_str)
    }

    /// Goes through the addresses of the sentinels. Without any there is a [`url`](Self::url).
    pub fn sentinels(&self) -> impl Iterator<Item = &str> {
        self.sentinels.iter().map(StoreUrl::as_str)
    }

    /// Returns the name of the primary among the sentinels; there is one if there are sentinels.
    #[must_use]
    pub fn master(&self) -> Option<&str> {
        self.master.as_deref()
    }

    /// Returns the user of the store.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// Returns the file of the store's password. A relative path of a policy that was read from a
    /// file begins at that file's folder.
    #[must_use]
    pub fn password_file(&self) -> Option<&Path> {
        self.password_file.as_deref()
    }

    /// Returns the file of the certificates that the store's may come from, with the folder of
    /// [`password_file`](Self::password_file).
    #[must_use]
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// Tells whether connections to the store have TLS.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.url.iter().chain(&self.sentinels).any(StoreUrl::has_tls)
    }

    /// Returns the beginning of all keys in the store.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the most hosts that share.
    #[must_use]
    pub const fn max_hosts(&self) -> u32 {
        self.max_hosts
    }

    /// Returns the replicas that must have a lease before it is spent.
    #[must_use]
    pub const fn wait_replicas(&self) -> u32 {
        self.wait_replicas
    }

    /// Tells whether the rates of each component are shared.
    #[must_use]
    pub const fn shares_components(&self) -> bool {
        self.share.component
    }

    /// Tells whether the rates of the host, over all components, are shared.
    #[must_use]
    pub const fn shares_host(&self) -> bool {
        self.share.host
    }

    /// Returns the rule for a rate while the store is away. A resource that is no rate is not
    /// shared, and has the default.
    #[must_use]
    pub fn on_store_loss(&self, resource: QuotaResource) -> StoreLoss {
        self.on_store_loss.of(resource)
    }

    /// Lets relative paths begin at the policy's folder.
    pub(crate) fn in_folder(&mut self, folder: &Path) {
        for file in [&mut self.password_file, &mut self.ca_file].into_iter().flatten() {
            *file = folder.join(&*file);
        }
    }
}
