//! `[capabilities]`: what a component may touch.

use core::fmt;
use core::marker::PhantomData;

use limits_core::{CapabilitySet, PatternError, Permission};
use serde::de::{DeserializeSeed, Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::quoted;

/// `[capabilities]`: what a component may touch. Nothing is allowed that is not listed.
///
/// Each list holds at most 256 patterns, none twice, of which at most 16 have two or more `**`. What is
/// read from a file is known to compile.
///
/// ```
/// use limits_config::ComponentConfig;
/// use limits_core::Permission;
///
/// let config = ComponentConfig::from_toml(
///     r#"
///     component = { name = "data-processor", version = "1.0.0" }
///     resources.memory.max_bytes = "4MiB"
///     capabilities.filesystem.read = ["/app/data/**"]
///     "#,
/// )?;
/// let capabilities = config.capabilities.to_capability_set()?;
/// assert!(capabilities.check(Permission::FilesystemRead, "/app/data/x").is_allowed());
/// assert!(!capabilities.check(Permission::FilesystemWrite, "/app/data/x").is_allowed());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CapabilitiesSection {
    /// Files and folders.
    #[serde(skip_serializing_if = "FilesystemCapabilities::is_empty")]
    pub filesystem: FilesystemCapabilities,
    /// Hosts and ports.
    #[serde(skip_serializing_if = "NetworkCapabilities::is_empty")]
    pub network: NetworkCapabilities,
    /// Keys of the host's storage.
    #[serde(skip_serializing_if = "StorageCapabilities::is_empty")]
    pub storage: StorageCapabilities,
    /// Topics.
    #[serde(skip_serializing_if = "MessagingCapabilities::is_empty")]
    pub messaging: MessagingCapabilities,
}

/// Declares a domain: its struct and the names of its permissions.
macro_rules! domain {
    ($(#[$doc:meta])* $name:ident, $with:literal { $($(#[$field_doc:meta])* $field:ident = $permission:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
        #[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
        #[serde(default, deny_unknown_fields)]
        #[non_exhaustive]
        pub struct $name {
            $(
                $(#[$field_doc])*
                #[serde(deserialize_with = $with, skip_serializing_if = "Vec::is_empty")]
                #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Patterns"))]
                pub $field: Vec<String>,
            )+
        }

        impl $name {
            fn is_empty(&self) -> bool {
                *self == Self::default()
            }

            fn lists(&self) -> impl Iterator<Item = (&'static str, &Vec<String>)> {
                [$(($permission, &self.$field)),+].into_iter()
            }

            fn lists_mut(&mut self) -> impl Iterator<Item = (&'static str, &mut Vec<String>)> {
                [$(($permission, &mut self.$field)),+].into_iter()
            }
        }
    };
}

domain! {
    /// `filesystem.*`: patterns of absolute guest paths, such as `/app/data/**`.
    FilesystemCapabilities, "patterns::<_, Filesystem>" {
        /// Files that may be read.
        read = "filesystem.read",
        /// Files that may be written.
        write = "filesystem.write",
        /// Files that may be executed.
        execute = "filesystem.execute",
    }
}

domain! {
    /// `network.*`: patterns of hosts and ports, such as `api.example.com:443`.
    NetworkCapabilities, "patterns::<_, Network>" {
        /// Endpoints that may be connected to.
        connect = "network.connect",
        /// Addresses that may be bound.
        bind = "network.bind",
        /// Addresses that may be listened on.
        listen = "network.listen",
    }
}

domain! {
    /// `storage.*`: patterns of keys, such as `cache:*`.
    StorageCapabilities, "patterns::<_, Storage>" {
        /// Keys that may be read.
        read = "storage.read",
        /// Keys that may be written.
        write = "storage.write",
        /// Keys that may be deleted.
        delete = "storage.delete",
    }
}

domain! {
    /// `messaging.*`: patterns of topics, such as `orders.*`.
    MessagingCapabilities, "patterns::<_, Messaging>" {
        /// Topics that may be sent to.
        send = "messaging.send",
        /// Topics that may be received from.
        receive = "messaging.receive",
    }
}

impl CapabilitiesSection {
    /// Goes through all eleven permissions, such as `filesystem.read`, with their patterns.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &[String])> {
        let Self { filesystem, network, storage, messaging } = self;
        let lists = filesystem.lists().chain(network.lists());
        let lists = lists.chain(storage.lists()).chain(messaging.lists());
        lists.map(|(permission, patterns)| (permission, patterns.as_slice()))
    }

    /// Tells whether nothing is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().all(|(_, patterns)| patterns.is_empty())
    }

    /// Compiles the patterns.
    ///
    /// # Errors
    ///
    /// [`PatternError`] if a text is no pattern, or if a permission has more than 256, or more than 16
    /// with two or more `**`. That cannot be with lists that were read from a file.
    pub fn to_capability_set(&self) -> Result<CapabilitySet, PatternError> {
        let mut set = CapabilitySet::new();
        let listed = |permission: Permission| {
            let list = self.iter().find(|(name, _)| *name == permission.as_str());
            list.map(|(_, patterns)| patterns).unwrap_or_default()
        };
        for permission in Permission::ALL {
            for pattern in listed(permission) {
                set.grant(permission, pattern)?;
            }
        }
        Ok(set)
    }

    pub(crate) fn lists_mut(&mut self) -> impl Iterator<Item = (&'static str, &mut Vec<String>)> {
        let Self { filesystem, network, storage, messaging } = self;
        let lists = filesystem.lists_mut().chain(network.lists_mut());
        lists.chain(storage.lists_mut()).chain(messaging.lists_mut())
    }
}

/// Says at compile time what a list of patterns allows.
trait List {
    /// Any permission of the list's domain: all of them take the same patterns.
    const PERMISSION: Permission;
}

macro_rules! lists {
    ($($domain:ident: $permission:ident),+) => {
        $(
            struct $domain;

            impl List for $domain {
                const PERMISSION: Permission = Permission::$permission;
            }
        )+
    };
}

lists!(
    Filesystem: FilesystemRead,
    Network: NetworkConnect,
    Storage: StorageRead,
    Messaging: MessagingSend
);

fn patterns<'de, D: Deserializer<'de>, T: List>(deserializer: D) -> Result<Vec<String>, D::Error> {
    deserializer.deserialize_seq(Patterns(PhantomData::<T>))
}

/// Reads a list of patterns.
struct Patterns<T>(PhantomData<T>);

impl<'de, T: List> Visitor<'de> for Patterns<T> {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of patterns, such as [\"/app/data/**\"]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<String>, A::Error> {
        let mut patterns = Vec::new();
        let mut set = CapabilitySet::new();
        let permission = T::PERMISSION;
        while let Some(pattern) =
            items.next_element_seed(OnePattern { permission, set: &mut set })?
        {
            patterns.push(pattern);
        }
        Ok(patterns)
    }
}

/// Reads one pattern into the set of those before it, so that an error points at the one that is too
/// many, or the second of two.
struct OnePattern<'s> {
    permission: Permission,
    set: &'s mut CapabilitySet,
}

impl<'de> DeserializeSeed<'de> for OnePattern<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for OnePattern<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pattern in quotes")
    }

    fn visit_str<E: Error>(self, pattern: &str) -> Result<String, E> {
        if pattern.is_empty() {
            return Err(E::custom("a pattern cannot be empty"));
        }
        let shown = quoted(pattern);
        if pattern.contains(char::is_control) {
            return Err(E::custom(format!("the pattern `{shown}` has a control character")));
        }
        let before = self.set.len();
        if let Err(error) = self.set.grant(self.permission, pattern) {
            let problem = error.problem();
            return Err(E::custom(format!("the pattern `{shown}` is refused: {problem}")));
        }
        if self.set.len() == before {
            return Err(E::custom(format!("the pattern `{shown}` is listed twice")));
        }
        Ok(pattern.to_owned())
    }
}
