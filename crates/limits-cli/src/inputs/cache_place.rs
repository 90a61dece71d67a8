//! The places of compiled components and of the key that authenticates them.

use std::path::{Path, PathBuf};

use etcetera::{BaseStrategy as _, choose_base_strategy};

/// The folder of the command in the user's directories.
const FOLDER: &str = "wasm-limits";
/// The file of the key.
const KEY: &str = "cache.key";

/// The directory of compiled components, and the file of the key that authenticates them. They lie
/// apart: who may write the one need not be able to read the other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct CachePlace {
    pub(crate) dir: PathBuf,
    pub(crate) key_file: PathBuf,
}

/// The user has no home directory, and so no place for a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no home directory for their key")]
pub(crate) struct Homeless;

impl CachePlace {
    /// Returns the place that the user's directories give by the XDG rules, or its key with
    /// `chosen` as the directory.
    ///
    /// # Errors
    ///
    /// [`Homeless`].
    pub(crate) fn find(chosen: Option<&Path>) -> Result<Self, Homeless> {
        let homeless = |_| Homeless;
        let user = choose_base_strategy().map_err(homeless)?;
        if !user.home_dir().is_absolute() {
            return Err(Homeless);
        }
        let (caches, states) =
            (user.cache_dir(), user.state_dir().unwrap_or_else(|| user.data_dir()));
        Ok(Self {
            dir: chosen.map_or_else(|| caches.join(FOLDER), Path::to_path_buf),
            key_file: states.join(FOLDER).join(KEY),
        })
    }
}
