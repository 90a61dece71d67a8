//! `[capabilities]`: what a component may touch.

use core::fmt;
use std::collections::BTreeSet;

use serde::de::{DeserializeSeed, Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::quoted;

/// The longest pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 4096;

/// `[capabilities]`: what a component may touch. Nothing is allowed that is not listed.
///
/// Each list holds patterns. Here they are only text: not empty, at most 4 096 bytes, without
/// control characters, none twice in a list.
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
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident = $permission:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
        #[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
        #[serde(default, deny_unknown_fields)]
        #[non_exhaustive]
        pub struct $name {
            $(
                $(#[$field_doc])*
                #[serde(deserialize_with = "patterns", skip_serializing_if = "Vec::is_empty")]
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
    FilesystemCapabilities {
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
    NetworkCapabilities {
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
    StorageCapabilities {
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
    MessagingCapabilities {
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

    pub(crate) fn lists_mut(&mut self) -> impl Iterator<Item = (&'static str, &mut Vec<String>)> {
        let Self { filesystem, network, storage, messaging } = self;
        let lists = filesystem.lists_mut().chain(network.lists_mut());
        lists.chain(storage.lists_mut()).chain(messaging.lists_mut())
    }
}

fn patterns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    deserializer.deserialize_seq(Patterns)
}

/// Reads a list of patterns.
struct Patterns;

impl<'de> Visitor<'de> for Patterns {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of patterns, such as [\"/app/data/**\"]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<String>, A::Error> {
        let mut patterns = Vec::new();
        let mut seen = BTreeSet::new();
        while let Some(pattern) = items.next_element_seed(Pattern { seen: &mut seen })? {
            patterns.push(pattern);
        }
        Ok(patterns)
    }
}

/// Reads one pattern, which knows those before it so that an error points at the second of two.
struct Pattern<'s> {
    seen: &'s mut BTreeSet<String>,
}

impl<'de> DeserializeSeed<'de> for Pattern<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Pattern<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pattern in quotes")
    }

    fn visit_str<E: Error>(self, pattern: &str) -> Result<String, E> {
        if pattern.is_empty() {
            return Err(E::custom("a pattern cannot be empty"));
        }
        if pattern.len() > MAX_PATTERN_BYTES {
            return Err(E::custom(format!(
                "a pattern has {} bytes, the most is {MAX_PATTERN_BYTES}",
                pattern.len()
            )));
        }
        if pattern.contains(char::is_control) {
            let shown = quoted(pattern);
            return Err(E::custom(format!("the pattern `{shown}` has a control character")));
        }
        if !self.seen.insert(pattern.to_owned()) {
            return Err(E::custom(format!("the pattern `{}` is listed twice", quoted(pattern))));
        }
        Ok(pattern.to_owned())
    }
}
