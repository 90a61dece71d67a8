//! Paths that capabilities decide on.

/// The absolute path of something, as guests name it, in a directory that they find open.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    path: String,
    /// The length of the directory's own path.
    floor: usize,
}

impl Place {
    /// Returns the place of a directory that guests find open under `guest`, which may be relative:
    /// their working directory is the root.
    pub(crate) fn new(guest: &str) -> Self {
        let path = if guest.is_empty() { String::new() } else { format!("/{guest}") };
        Self { floor: path.len(), path }
    }

    /// Returns the place of a path below this one.
    #[must_use]
    pub(crate) fn join(mut self, below: &str) -> Self {
        if !below.is_empty() {
            self.path.push('/');
            self.path.push_str(below);
        }
        self
    }

    /// Returns the place above this one, or `None` if that is not in the directory.
    pub(crate) fn parent(mut self) -> Option<Self> {
        let end = self.path.rfind('/').filter(|end| *end >= self.floor)?;
        self.path.truncate(end);
        Some(self)
    }

    /// Returns the path from a place at or above this one, in the same directory.
    pub(crate) fn below(&self, above: &Self) -> Option<&str> {
        let rest = self.path.strip_prefix(&above.path)?;
        if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
    }

    /// Returns the path, absolute but not normalised.
    pub(crate) fn as_str(&self) -> &str {
        if self.path.is_empty() { "/" } else { &self.path }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;
    use limits_core::normalize_path;

    #[test]
    fn a_place_is_an_absolute_path_whatever_a_directory_is_called() {
        for (guest, below, path) in [
            ("/data", "a/b", "/data/a/b"),
            ("/data", "", "/data"),
            ("/data/", "a", "/data/a"),
            ("data", "a", "/data/a"),
            ("./data", "a", "/data/a"),
            (".", "a", "/a"),
            (".", "", "/"),
            ("", "a", "/a"),
            ("", "", "/"),
            ("/", "a", "/a"),
            ("/", "", "/"),
        ] {
            let place = Place::new(guest).join(below);
            assert_eq!(normalize_path(place.as_str()).as_deref(), Ok(path), "{guest} {below}");
        }
    }

    #[test]
    fn a_place_has_a_parent_up_to_its_directory() {
        for guest in ["/data", "/", "", "a/b"] {
            let root = Place::new(guest);
            assert_eq!(root.clone().parent(), None);
            let place = root.clone().join("a/b").join("c");
            assert_eq!(place.parent(), Some(root.clone().join("a/b")));
            assert_eq!(root.clone().join("a").parent(), Some(root));
        }
    }

    #[test]
    fn a_place_has_a_path_from_each_above_it() {
        for guest in ["/data", "/", "", "a/b"] {
            let root = Place::new(guest);
            let place = root.clone().join("a/b");
            assert_eq!(place.below(&root), Some("a/b"));
            assert_eq!(place.below(&root.clone().join("a")), Some("b"));
            assert_eq!(place.below(&place), Some(""));
            assert_eq!(root.below(&place), None);
            assert_eq!(root.clone().join("ab").below(&root.join("a")), None);
        }
    }
}
