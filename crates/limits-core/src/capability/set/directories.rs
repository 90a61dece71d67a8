//! Questions about a directory and what is below it.

use alloc::borrow::Cow;
use alloc::string::String;

use super::CapabilitySet;
use crate::capability::decision::{Decision, Denial, Refusal};
use crate::capability::domain::Domain;
use crate::capability::extent::Extent;
use crate::capability::path;
use crate::capability::pattern::Pattern;
use crate::capability::permission::Permission;
use crate::capability::resource::ResourceError;

/// The answers leave out paths that are too long or too deep for a request, and names that are not
/// UTF-8.
impl CapabilitySet {
    /// Decides whether some path at or below a directory could be allowed: whether each of the
    /// lists has a pattern that matches `dir` or could match something below it.
    ///
    /// For a host that opens a directory to look for entries below it, each of which it then
    /// checks. Two lists may mean different paths, so it is possible that none is allowed.
    ///
    /// ```
    /// use limits_core::{CapabilitySet, Permission};
    ///
    /// let read = Permission::FilesystemRead;
    /// let set = CapabilitySet::builder().grant(read, "/app/*/public/**").build()?;
    /// for dir in ["/", "/app", "/app/shop", "/app/shop/public/a"] {
    ///     assert!(set.check_at_or_below(read, dir).is_allowed());
    /// }
    /// assert_eq!(
    ///     set.check_at_or_below(read, "/app/shop/private").to_string(),
    ///     "filesystem.read at or below `/app/shop/private` denied: \
    ///      no granted pattern matches (1 checked)"
    /// );
    /// # Ok::<(), limits_core::PatternError>(())
    /// ```
    pub fn check_at_or_below<'a>(&'a self, permission: Permission, dir: &'a str) -> Decision<'a> {
        let subject = || path::normalize_path(dir);
        let matches = |pattern: &Pattern, dir: &Cow<'_, str>| pattern.matches_at_or_below(dir);
        let result = self.ask_path(permission, subject, matches);
        Decision::new(permission, Extent::AtOrBelow, dir, result)
    }

    /// Decides whether a directory may be listed: whether `dir` itself is allowed, or every entry
    /// directly below it, whatever its name.
    ///
    /// Patterns of single names together never allow every name.
    ///
    /// ```
    /// use limits_core::{CapabilitySet, Permission};
    ///
    /// let read = Permission::FilesystemRead;
    /// let set =
    ///     CapabilitySet::builder().grant(read, "/app/*").grant(read, "/logs/*.txt").build()?;
    /// assert!(set.check_entries(read, "/app").is_allowed());
    /// assert!(set.check_entries(read, "/app/data").is_allowed());
    /// assert_eq!(
    ///     set.check_entries(read, "/logs").to_string(),
    ///     "filesystem.read of the entries of `/logs` denied: \
    ///      no granted pattern matches every name (2 checked)"
    /// );
    /// # Ok::<(), limits_core::PatternError>(())
    /// ```
    pub fn check_entries<'a>(&'a self, permission: Permission, dir: &'a str) -> Decision<'a> {
        let subject = || path::normalize_path(dir);
        let matches = |pattern: &Pattern, dir: &Cow<'_, str>| pattern.matches_path(dir);
        let result = self.ask_path(permission, subject, matches).or_else(|_| {
            let matches = |pattern: &Pattern, entry: &String| pattern.matches_path(entry);
            self.ask_path(permission, || path::any_entry(dir), matches)
        });
        Decision::new(permission, Extent::Entries, dir, result)
    }

    /// Decides whether every path below a directory is allowed, at any depth and whatever the
    /// names, such as for renaming the directory. Says nothing of `dir` itself.
    ///
    /// It is allowed if each of the lists has one pattern that matches all of them. So the answer
    /// is conservative: `/app/*` and `/app/*/**` together match everything below `/app`, and
    /// neither does alone.
    ///
    /// ```
    /// use limits_core::{CapabilitySet, Permission};
    ///
    /// let write = Permission::FilesystemWrite;
    /// let set = CapabilitySet::builder().grant(write, "/app/**").grant(write, "/tmp/*").build()?;
    /// assert!(set.check_below(write, "/app").is_allowed());
    /// assert_eq!(
    ///     set.check_below(write, "/tmp").to_string(),
    ///     "filesystem.write of everything below `/tmp` denied: \
    ///      no granted pattern matches every name (2 checked)"
    /// );
    /// # Ok::<(), limits_core::PatternError>(())
    /// ```
    pub fn check_below<'a>(&'a self, permission: Permission, dir: &'a str) -> Decision<'a> {
        let matches = |pattern: &Pattern, entry: &String| pattern.matches_all_from(entry);
        let result = self.ask_path(permission, || path::any_entry(dir), matches);
        Decision::new(permission, Extent::Below, dir, result)
    }

    /// Asks each list for a pattern that allows a path.
    fn ask_path<S>(
        &self,
        permission: Permission,
        subject: impl FnOnce() -> Result<S, ResourceError>,
        allows: impl Fn(&Pattern, &S) -> bool,
    ) -> Result<&Pattern, Refusal<'_>> {
        if permission.domain() != Domain::Filesystem {
            return Err(Refusal::own(Denial::NotOfPaths));
        }
        self.ask(permission, subject, allows)
    }
}
