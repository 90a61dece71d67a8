//! Paths of the code of components.

use core::str::FromStr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};

use crate::toml::shown::quoted;

/// The path of a component's code, relative to the folder of its `Component.toml` and inside it.
///
/// Segments are separated by `/` and none of them is empty, `.` or `..`. A backslash or a colon is
/// refused, since some systems give them a meaning, and so is a control character; other hidden
/// characters are part of real file names. Only the text is checked: a symbolic link inside the
/// folder can still lead out of it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct ComponentPath(String);

impl ComponentPath {
    /// Returns the path as it was given.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }

    /// Returns the path inside a folder.
    #[must_use]
    pub fn in_folder(&self, folder: &Path) -> PathBuf {
        folder.join(&self.0)
    }
}

impl FromStr for ComponentPath {
    type Err = PathError;

    fn from_str(path: &str) -> Result<Self, PathError> {
        let plain = |segment: &str| !matches!(segment, "" | "." | "..");
        let has_a_meaning = |letter: char| letter.is_control() || matches!(letter, '\\' | ':');
        if path.split('/').all(plain) && !path.contains(has_a_meaning) {
            Ok(Self(path.to_owned()))
        } else {
            Err(PathError(path.to_owned()))
        }
    }
}

impl<'de> Deserialize<'de> for ComponentPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = String::deserialize(deserializer)?;
        path.parse().map_err(serde::de::Error::custom)
    }
}

/// The error of a text that is not a path inside the folder of `Component.toml`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "`{}` is not a relative path inside this file's folder, such as component.wasm",
    quoted(_0)
)]
pub struct PathError(String);

#[cfg(test)]
mod tests {
    use super::ComponentPath;
    use std::path::Path;

    #[test]
    fn a_path_stays_in_its_folder() {
        for path in ["component.wasm", "target/wasm32-wasip2/a b.wasm", "...", "é.wat"] {
            let parsed: ComponentPath = path.parse().unwrap();
            assert_eq!(parsed.as_path(), Path::new(path));
            assert_eq!(parsed.in_folder(Path::new("/x")), Path::new("/x").join(path));
        }
    }

    #[test]
    fn a_path_that_could_leave_it_is_refused() {
        for path in [
            "",
            ".",
            "..",
            "/etc/passwd",
            "../a",
            "a/../b",
            "a/..",
            "./a",
            "a//b",
            "a/",
            "C:a",
            "a\\..\\b",
            "a\0b",
            "a\nb",
        ] {
            let error = path.parse::<ComponentPath>().unwrap_err().to_string();
            assert!(error.contains("is not a relative path inside"), "{error}");
            assert!(!error.contains(['\0', '\n']), "{error}");
        }
    }
}
