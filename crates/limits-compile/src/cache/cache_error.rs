//! A reason why a cache cannot be used.

use std::io;
use std::path::PathBuf;

use limits_core::Escaped;

/// Characters of a path that an error shows, from its end.
const MOST_OF_A_PATH: usize = 200;

/// A reason why a cache cannot be used. Components compile without it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The directory of the entries.
    #[error("the cache {}: {error}", shown(dir))]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The key file cannot be read or made.
    #[error("the key file of the cache, {}: {error}", shown(file))]
    KeyFile {
        /// The file.
        file: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The key file is one that another user may have made or read.
    #[error(
        "the key file of the cache, {}, {defect}: remove it if you do not trust its history, and \
         the next run makes a new one",
        shown(file)
    )]
    UnsafeKey {
        /// The file.
        file: PathBuf,
        /// The reason why its contents are no secret, or no key.
        defect: KeyDefect,
    },
}

/// The reason why the contents of a key file are not used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyDefect {
    /// The file is a link, a directory, a pipe or a device.
    #[error("is no regular file")]
    NoFile,
    /// Another user owns the file.
    #[error("belongs to user {owner}, not to user {user}")]
    Owner {
        /// The owner of the file.
        owner: u32,
        /// The user of this process.
        user: u32,
    },
    /// Other users have permissions.
    #[error("has the mode {mode:04o}, which lets other users in; the mode must be 0600")]
    Mode {
        /// The permission bits.
        mode: u32,
    },
    /// The contents are no key.
    #[error("has {bytes} bytes, not the 32 of a key")]
    Length {
        /// The length of the file.
        bytes: u64,
    },
}

fn shown(path: &std::path::Path) -> String {
    Escaped::tail(&path.display().to_string(), MOST_OF_A_PATH).to_string()
}

#[cfg(test)]
mod tests {
    use super::{CacheError, KeyDefect};
    use std::io;
    use std::path::PathBuf;

    #[test]
    fn errors_read_as_documented() {
        let key = |defect| CacheError::UnsafeKey { file: PathBuf::from("/k"), defect };
        let advice = "remove it if you do not trust its history, and the next run makes a new one";
        let error = || io::Error::from(io::ErrorKind::PermissionDenied);
        for (error, text) in [
            (
                CacheError::Directory { dir: PathBuf::from("/c\n"), error: error() },
                String::from("the cache /c\\n: permission denied"),
            ),
            (
                CacheError::KeyFile { file: PathBuf::from("/k"), error: error() },
                String::from("the key file of the cache, /k: permission denied"),
            ),
            (
                key(KeyDefect::NoFile),
                format!("the key file of the cache, /k, is no regular file: {advice}"),
            ),
            (
                key(KeyDefect::Owner { owner: 7, user: 8 }),
                format!(
                    "the key file of the cache, /k, belongs to user 7, not to user 8: {advice}"
                ),
            ),
            (
                key(KeyDefect::Mode { mode: 0o640 }),
                format!(
                    "the key file of the cache, /k, has the mode 0640, which lets other users in; \
                     the mode must be 0600: {advice}"
                ),
            ),
            (
                key(KeyDefect::Length { bytes: 3 }),
                format!(
                    "the key file of the cache, /k, has 3 bytes, not the 32 of a key: {advice}"
                ),
            ),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }
}
