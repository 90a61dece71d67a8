//! The name of a resource after its check.

use core::ops::Deref;
use std::borrow::Cow;
use std::path::Path;

use limits_core::{Domain, Permission, normalize_path};

/// The name of a resource that a component may use: a path in the form that the patterns judged,
/// any other name as the guest wrote it.
///
/// That form of a path has no `.`, `..` or `//`. Only a check that has passed makes one, so a host
/// function that opens a `CheckedResource` cannot open the path as the guest wrote it: behind a
/// symbolic link, `..` would lead out of the directory that was judged. Where there may be links,
/// open it below a directory handle.
///
/// In a registry that only observes, a check of a name that is none passes as well; the name is
/// then as the guest wrote it.
///
/// ```
/// use std::path::Path;
///
/// use limits_core::{CapabilitySet, Permission, QuotaType};
/// use quota_enforce::{EnforceError, QuotaRegistry, SecurityContext, guard};
///
/// let capabilities =
///     CapabilitySet::builder().grant(Permission::FilesystemWrite, "/data/**").build()?;
/// let shop = QuotaRegistry::new().register(SecurityContext::new("shop", capabilities))?;
/// let written = guard(
///     &shop,
///     "/data/link/../orders",
///     Permission::FilesystemWrite,
///     QuotaType::Storage(3),
///     |path| {
///         // ... std::fs::write(&path, b"one")? ...
///         let path: &Path = path.as_ref();
///         Ok::<_, EnforceError>(path.to_owned())
///     },
/// )?;
/// assert_eq!(written, Path::new("/data/orders"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct CheckedResource<'r>(Cow<'r, str>);

impl<'r> CheckedResource<'r> {
    /// Takes a name whose check has passed.
    pub(crate) fn new(permission: Permission, name: &'r str) -> Self {
        let judged = match permission.domain() {
            Domain::Filesystem => normalize_path(name).unwrap_or(Cow::Borrowed(name)),
            _ => Cow::Borrowed(name),
        };
        Self(judged)
    }

    /// Returns the name as a text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name as a text of its own.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0.into_owned()
    }

    /// Makes it borrow nothing.
    #[must_use]
    pub fn into_owned(self) -> CheckedResource<'static> {
        CheckedResource(Cow::Owned(self.0.into_owned()))
    }
}

impl Deref for CheckedResource<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for CheckedResource<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl AsRef<Path> for CheckedResource<'_> {
    fn as_ref(&self) -> &Path {
        Path::new(&*self.0)
    }
}
