//! Finding and reading a component.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use limits_compile::Source;
use limits_config::{ComponentConfig, LoadedComponent, read_regular_file};
use sha2::{Digest as _, Sha256};

use crate::outcome::failure::Failure;
use crate::outcome::system_error::SystemError;

/// The content of a component's file.
pub(crate) struct ComponentFile {
    pub(crate) path: PathBuf,
    bytes: Vec<u8>,
}

impl ComponentFile {
    /// Returns the path of the component: `chosen`, else the one of its Component.toml.
    ///
    /// # Errors
    ///
    /// [`Failure::Load`] if there is none, or if it is a link that leads out of the folder.
    pub(crate) fn find(
        chosen: Option<&Path>,
        manifest: &Path,
        config: &ComponentConfig,
    ) -> Result<PathBuf, Failure> {
        match chosen {
            Some(chosen) => Ok(chosen.to_path_buf()),
            None => Ok(LoadedComponent::find_code(manifest, config)?),
        }
    }

    /// Reads the component once, of at most `most` bytes: the hash is that of the bytes that are
    /// compiled.
    ///
    /// # Errors
    ///
    /// [`Failure::Component`] if it is not a regular file, is empty or cannot be read;
    /// [`Failure::ComponentTooLarge`].
    pub(crate) fn read(path: PathBuf, most: u64) -> Result<Self, Failure> {
        match read_regular_file(&path, most) {
            Ok(bytes) if bytes.is_empty() => {
                let reason = SystemError::Other(String::from("the file is empty"));
                Err(Failure::Component { path, reason })
            }
            Ok(bytes) => Ok(Self { path, bytes }),
            Err(error) if error.kind() == ErrorKind::FileTooLarge => {
                Err(Failure::ComponentTooLarge { path, reason: error.to_string() })
            }
            Err(error) => Err(Failure::Component { path, reason: SystemError::of(&error) }),
        }
    }

    /// Returns the SHA-256 of the file, by which a policy pins it: also of a core module as it is,
    /// not of the component that is made of it.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.bytes).into()
    }

    /// Returns the size of the file in bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the bytes to compile: binary, text, or a core module of WASI preview 1.
    pub(crate) fn source(&self) -> Source<'_> {
        Source::new(&self.bytes).with_text().with_modules()
    }
}

#[cfg(test)]
mod tests {
    use super::ComponentFile;
    use limits_config::ComponentConfig;
    use std::fs;
    use std::path::Path;

    fn config(path: &str) -> ComponentConfig {
        ComponentConfig::from_toml(&format!(
            "[component]\nname = \"a\"\nversion = \"1.0.0\"\n{path}\n\
             [resources.memory]\nmax_bytes = 0\n"
        ))
        .unwrap()
    }

    #[test]
    fn the_component_is_looked_for_in_the_documented_order() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = dir.path().join("Component.toml");
        let find = |chosen: Option<&str>, path| {
            ComponentFile::find(chosen.map(Path::new), &manifest, &config(path))
        };
        let missing = find(None, "").unwrap_err();
        assert_eq!(
            missing.to_string(),
            format!(
                "no component found: no `path` in the file, and neither component.wasm nor \
                 component.wat in {}; --component names one",
                dir.path().display()
            )
        );
        fs::write(dir.path().join("component.wat"), "").unwrap();
        assert_eq!(find(None, "").unwrap(), dir.path().join("component.wat"));
        fs::write(dir.path().join("component.wasm"), "").unwrap();
        assert_eq!(find(None, "").unwrap(), dir.path().join("component.wasm"));
        assert_eq!(find(None, "path = \"b.wasm\"").unwrap(), dir.path().join("b.wasm"));
        assert_eq!(find(Some("c.wasm"), "path = \"b.wasm\"").unwrap(), Path::new("c.wasm"));
    }

    #[test]
    fn a_file_is_pinned_by_the_hash_of_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("component");
        fs::write(&path, "abc").unwrap();
        let file = ComponentFile::read(path, 3).unwrap();
        assert_eq!((file.sha256()[..4].to_vec(), file.len()), (vec![0xba, 0x78, 0x16, 0xbf], 3));
    }

    #[test]
    fn what_is_not_a_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let error = ComponentFile::read(dir.path().to_path_buf(), 3).err().unwrap();
        assert!(error.to_string().starts_with("cannot read the component "), "{error}");
        let path = dir.path().join("empty");
        fs::write(&path, "").unwrap();
        let error = ComponentFile::read(path.clone(), 3).err().unwrap();
        assert!(error.to_string().ends_with(": the file is empty"), "{error}");
        fs::write(&path, "abcd").unwrap();
        let error = ComponentFile::read(path, 3).err().unwrap();
        assert!(error.to_string().contains(": the file has 4 bytes, the most that is "), "{error}");
    }
}
