//! A component on disk: its `Component.toml` and its code.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::grammar::component_name::ComponentName;
use crate::policy::Policy;
use crate::resolve::effective_config::EffectiveConfig;
use crate::tables::component_config::ComponentConfig;
use crate::toml::config_error::ConfigError;
use crate::toml::config_file::read_regular_file;
use crate::toml::shown::shown;

/// The name of a component's file in its folder.
const CONFIG: &str = "Component.toml";

/// The files that hold the code unless `Component.toml` names another, in the order in which they
/// are looked for.
const CODE: [&str; 2] = ["component.wasm", "component.wat"];

/// A component on disk: its `Component.toml`, and its code with the SHA-256.
///
/// The code is read once, so that the bytes that are hashed are the bytes that the host compiles.
/// It is not looked into: it may be a binary, text, or neither.
///
/// ```no_run
/// use limits_config::{LoadedComponent, Policy};
///
/// let policy = Policy::from_file("policy.toml")?;
/// let component = LoadedComponent::read("plugins/data-processor")?;
/// let effective = component.effective(&policy, None);
/// println!("{} may use {:?}", effective.id(), effective.limits());
/// let code: Vec<u8> = component.into_code();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct LoadedComponent {
    config: ComponentConfig,
    code_path: PathBuf,
    code: Vec<u8>,
    sha256: [u8; 32],
}

impl LoadedComponent {
    /// The most bytes of code that [`read`](Self::read) accepts: 64 MiB.
    pub const MAX_CODE_BYTES: u64 = 64 * 1024 * 1024;

    /// Reads a component from its folder, or from the path of its `Component.toml`.
    ///
    /// The code is the file that `Component.toml` names, else `component.wasm` or `component.wat`
    /// beside it.
    ///
    /// # Errors
    ///
    /// [`LoadError`] if one of the two files is missing, is not regular or too large, if
    /// `Component.toml` is not valid, or if the code is empty or outside the folder.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        Self::read_bounded(path, Self::MAX_CODE_BYTES)
    }

    /// Reads a component whose code has at most `max_code_bytes`.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_bounded(path: impl AsRef<Path>, max_code_bytes: u64) -> Result<Self, LoadError> {
        let path = path.as_ref();
        let file = if path.is_dir() { path.join(CONFIG) } else { path.to_path_buf() };
        let config = ComponentConfig::from_file(&file)?;
        let code_path = Self::find_code(&file, &config)?;
        let code = match read_regular_file(&code_path, max_code_bytes) {
            Ok(code) if code.is_empty() => return Err(LoadError::Empty { path: code_path }),
            Ok(code) => code,
            Err(source) => return Err(LoadError::Code { path: code_path, source }),
        };
        let sha256 = Sha256::digest(&code).into();
        Ok(Self { config, code_path, code, sha256 })
    }

    /// Finds the code of a component whose `Component.toml` is `file`, for tools that read it
    /// themselves.
    ///
    /// # Errors
    ///
    /// [`LoadError::Missing`] and [`LoadError::Outside`]. A file that `Component.toml` names may be
    /// missing: reading reports that.
    pub fn find_code(file: &Path, config: &ComponentConfig) -> Result<PathBuf, LoadError> {
        let folder = folder_of(file);
        let path = match &config.component.path {
            Some(path) => path.in_folder(folder),
            None => Self::default_code(file)
                // A link that leads nowhere is there, and reading it says so.
                .find(|path| path.symlink_metadata().is_ok())
                .ok_or_else(|| LoadError::Missing { folder: folder.to_path_buf() })?,
        };
        match (fs::canonicalize(&path), fs::canonicalize(folder)) {
            (Ok(real), Ok(folder)) if !real.starts_with(&folder) => {
                Err(LoadError::Outside { path, real })
            }
            _ => Ok(path),
        }
    }

    /// Returns the paths of the code unless `Component.toml` names one, in the order in which they
    /// are looked for.
    pub fn default_code(file: &Path) -> impl Iterator<Item = PathBuf> {
        let folder = folder_of(file);
        CODE.iter().map(move |name| folder.join(name))
    }

    /// Resolves the configuration of the component under a policy. `id` is the identity that the
    /// host gives it, by default the name that it claims; see [`Policy::apply`].
    pub fn effective(&self, policy: &Policy, id: Option<&ComponentName>) -> EffectiveConfig {
        let id = id.unwrap_or(&self.config.component.name);
        policy.apply(&self.config, id, Some(&self.sha256))
    }

    /// Returns the `Component.toml`.
    #[must_use]
    pub const fn config(&self) -> &ComponentConfig {
        &self.config
    }

    /// Returns the path of the code.
    #[must_use]
    pub fn code_path(&self) -> &Path {
        &self.code_path
    }

    /// Returns the code, as it is in the file.
    #[must_use]
    pub fn code(&self) -> &[u8] {
        &self.code
    }

    /// Returns the code without copying it.
    #[must_use]
    pub fn into_code(self) -> Vec<u8> {
        self.code
    }

    /// Returns the SHA-256 of the code, by which a policy pins it.
    #[must_use]
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// The error of reading a component from disk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// `Component.toml` cannot be read or is not valid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// `Component.toml` names no file for the code, and neither default is there.
    #[error(
        "no component found: no `path` in the file, and neither component.wasm nor component.wat \
         in {}",
        shown(folder)
    )]
    Missing {
        /// The folder of `Component.toml`.
        folder: PathBuf,
    },
    /// The code is a link to a file outside the folder of `Component.toml`.
    #[error(
        "the component {} is outside the folder of its Component.toml: it leads to {}",
        shown(path),
        shown(real)
    )]
    Outside {
        /// The path of the code.
        path: PathBuf,
        /// The file that it leads to.
        real: PathBuf,
    },
    /// The code cannot be read, is not a regular file, or is too large.
    #[error("cannot read the component {}: {source}", shown(path))]
    Code {
        /// The path of the code.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The code has no bytes.
    #[error("cannot read the component {}: the file is empty", shown(path))]
    Empty {
        /// The path of the code.
        path: PathBuf,
    },
}
