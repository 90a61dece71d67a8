//! Permissions.

use alloc::boxed::Box;
use alloc::string::String;
use core::error::Error;
use core::fmt;
use core::str::FromStr;

use super::domain::Domain;
use crate::escaped::quoted;

/// A permission: a domain and an action.
///
/// Its text is `domain.action`. A bare action is read as well if it is unambiguous: `read`, `write`
/// and `execute` belong to the filesystem, `connect`, `bind` and `listen` to the network, `send`
/// and `receive` to messaging. Storage is always qualified, so a bare `delete` is refused.
///
/// ```
/// use limits_core::{Domain, Permission};
///
/// let write: Permission = "write".parse()?;
/// assert_eq!(write, Permission::FilesystemWrite);
/// assert_eq!(write.to_string(), "filesystem.write");
/// assert_eq!("storage.write".parse::<Permission>()?.domain(), Domain::Storage);
/// # Ok::<(), limits_core::PermissionError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Permission {
    /// `filesystem.read`
    FilesystemRead,
    /// `filesystem.write`
    FilesystemWrite,
    /// `filesystem.execute`
    FilesystemExecute,
    /// `network.connect`
    NetworkConnect,
    /// `network.bind`
    NetworkBind,
    /// `network.listen`
    NetworkListen,
    /// `storage.read`
    StorageRead,
    /// `storage.write`
    StorageWrite,
    /// `storage.delete`
    StorageDelete,
    /// `messaging.send`
    MessagingSend,
    /// `messaging.receive`
    MessagingReceive,
}

impl Permission {
    /// All permissions, by domain.
    pub const ALL: &'static [Self] = &[
        Self::FilesystemRead,
        Self::FilesystemWrite,
        Self::FilesystemExecute,
        Self::NetworkConnect,
        Self::NetworkBind,
        Self::NetworkListen,
        Self::StorageRead,
        Self::StorageWrite,
        Self::StorageDelete,
        Self::MessagingSend,
        Self::MessagingReceive,
    ];

    /// Returns the domain, which decides the syntax of patterns and resources.
    #[must_use]
    pub const fn domain(self) -> Domain {
        match self {
            Self::FilesystemRead | Self::FilesystemWrite | Self::FilesystemExecute => {
                Domain::Filesystem
            }
            Self::NetworkConnect | Self::NetworkBind | Self::NetworkListen => Domain::Network,
            Self::StorageRead | Self::StorageWrite | Self::StorageDelete => Domain::Storage,
            Self::MessagingSend | Self::MessagingReceive => Domain::Messaging,
        }
    }

    /// Returns the qualified name, such as `filesystem.read`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FilesystemRead => "filesystem.read",
            Self::FilesystemWrite => "filesystem.write",
            Self::FilesystemExecute => "filesystem.execute",
            Self::NetworkConnect => "network.connect",
            Self::NetworkBind => "network.bind",
            Self::NetworkListen => "network.listen",
            Self::StorageRead => "storage.read",
            Self::StorageWrite => "storage.write",
            Self::StorageDelete => "storage.delete",
            Self::MessagingSend => "messaging.send",
            Self::MessagingReceive => "messaging.receive",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Permission {
    type Err = PermissionError;

    fn from_str(text: &str) -> Result<Self, PermissionError> {
        let named = |permission: &Self| {
            let name = permission.as_str();
            let bare = name.split_once('.').map(|(_, action)| action);
            name == text || (permission.domain() != Domain::Storage && bare == Some(text))
        };
        Self::ALL.iter().copied().find(named).ok_or_else(|| PermissionError(Box::from(text)))
    }
}

impl TryFrom<&str> for Permission {
    type Error = PermissionError;

    fn try_from(text: &str) -> Result<Self, PermissionError> {
        text.parse()
    }
}

impl TryFrom<&String> for Permission {
    type Error = PermissionError;

    fn try_from(text: &String) -> Result<Self, PermissionError> {
        text.parse()
    }
}

impl TryFrom<String> for Permission {
    type Error = PermissionError;

    fn try_from(text: String) -> Result<Self, PermissionError> {
        text.parse()
    }
}

/// A text that is not a permission.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PermissionError(Box<str>);

impl fmt::Display for PermissionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = &*self.0;
        write!(f, "`{}` is not a permission", quoted(text))?;
        let storage = |permission: &&Permission| {
            permission.domain() == Domain::Storage
                && permission.as_str().split_once('.').is_some_and(|(_, action)| action == text)
        };
        if let Some(meant) = Permission::ALL.iter().find(storage) {
            return write!(f, ": storage is always qualified, write `{meant}`");
        }
        f.write_str(": expected one of ")?;
        for (index, permission) in Permission::ALL.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{permission}")?;
        }
        Ok(())
    }
}

impl Error for PermissionError {}

#[cfg(test)]
mod tests {
    use super::{Domain, Permission};
    use std::string::ToString as _;

    #[test]
    fn every_permission_is_read_from_its_name_and_its_name_begins_with_its_domain() {
        for &permission in Permission::ALL {
            assert_eq!(permission.to_string().parse(), Ok(permission));
            let domain = permission.domain().as_str();
            assert!(permission.as_str().starts_with(domain), "{permission}");
        }
    }

    #[test]
    fn each_bare_action_belongs_to_one_domain() {
        for (word, permission) in [
            ("read", Permission::FilesystemRead),
            ("write", Permission::FilesystemWrite),
            ("execute", Permission::FilesystemExecute),
            ("connect", Permission::NetworkConnect),
            ("bind", Permission::NetworkBind),
            ("listen", Permission::NetworkListen),
            ("send", Permission::MessagingSend),
            ("receive", Permission::MessagingReceive),
        ] {
            assert_eq!(word.parse(), Ok(permission), "{word}");
            assert_ne!(permission.domain(), Domain::Storage);
        }
    }

    #[test]
    fn a_text_that_is_not_a_permission_is_refused_with_the_names_expected() {
        let says = |text: &str| text.parse::<Permission>().unwrap_err().to_string();
        assert_eq!(
            says("delete"),
            "`delete` is not a permission: storage is always qualified, write `storage.delete`"
        );
        assert_eq!(
            says("filesystem.reed"),
            "`filesystem.reed` is not a permission: expected one of filesystem.read, \
             filesystem.write, filesystem.execute, network.connect, network.bind, network.listen, \
             storage.read, storage.write, storage.delete, messaging.send, messaging.receive"
        );
        // Regression: an empty permission skipped the check.
        assert!("".parse::<Permission>().is_err());
        assert!("*".parse::<Permission>().is_err());
        assert!("READ".parse::<Permission>().is_err());
    }
}
