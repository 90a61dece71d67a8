//! Paths that capabilities decide on.

/// The absolute path of something, as guests name it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Place(String);

impl Place {
    /// Returns the place of a directory that guests find open under `guest`, which may be relative:
    /// their working directory is the root.
    pub(crate) fn new(guest: &str) -> Self {
        Self(String::new()).join(guest)
    }

    /// Returns the place of a path below this one.
    #[must_use]
    pub(crate) fn join(mut self, below: &str) -> Self {
        if !below.is_empty() {
            self.0.push('/');
            self.0.push_str(below);
        }
        self
    }

    /// Returns the path, absolute but not normalised.
    pub(crate) fn as_str(&self) -> &str {
        if self.0.is_empty() { "/" } else { &self.0 }
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
}
