//! Finding and reading a component.

use std::path::{Path, PathBuf};

use limits_config::{ComponentConfig, LoadedComponent, read_regular_file};
use sha2::{Digest as _, Sha256};

use crate::inputs::binary::ComponentBinary;
use crate::outcome::failure::Failure;
use crate::outcome::system_error::SystemError;

/// Bytes that component text may have. Parsing takes up to a hundred times as much memory: text
/// is for people who write it by hand.
const MAX_TEXT_BYTES: u64 = 4 * 1024 * 1024;

/// The first bytes of a binary.
const MAGIC: &[u8] = b"\0asm";

/// The mark that some editors put before a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

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

    /// Reads the component once: the hash is that of the bytes that are compiled.
    ///
    /// # Errors
    ///
    /// [`Failure::Component`] if it is not a regular file, is empty or larger than 64 MiB, or
    /// cannot be read; [`Failure::ComponentTextTooLarge`] if it is text and larger than 4 MiB.
    pub(crate) fn read(path: PathBuf) -> Result<Self, Failure> {
        match read_regular_file(&path, LoadedComponent::MAX_CODE_BYTES) {
            Ok(bytes) if bytes.is_empty() => {
                let reason = SystemError::Other(String::from("the file is empty"));
                Err(Failure::Component { path, reason })
            }
            Ok(bytes) => {
                let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                if !bytes.starts_with(MAGIC) && length > MAX_TEXT_BYTES {
                    let (bytes, most) = (length, MAX_TEXT_BYTES);
                    return Err(Failure::ComponentTextTooLarge { path, bytes, most });
                }
                Ok(Self { path, bytes })
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

    /// Returns the component in binary: translated if it is text, and made of a core module of
    /// WASI preview 1 if it is one.
    ///
    /// # Errors
    ///
    /// [`Failure::ComponentText`] if it is neither binary nor text; [`Failure::Module`].
    pub(crate) fn into_component(self) -> Result<ComponentBinary, Failure> {
        let path = self.path.clone();
        let binary = self.into_binary()?;
        ComponentBinary::new(binary).map_err(|reason| Failure::Module { path, reason })
    }

    fn into_binary(self) -> Result<Vec<u8>, Failure> {
        if self.bytes.starts_with(MAGIC) {
            return Ok(self.bytes);
        }
        let text = self.bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&self.bytes);
        match wat::Parser::new().parse_bytes(Some(&self.path), text) {
            Ok(binary) => Ok(binary.into_owned()),
            Err(error) => Err(Failure::ComponentText { reason: one_line(&error), path: self.path }),
        }
    }
}

/// Shortens an error of the parser, which has the reason in its first line and the place in the
/// second.
fn one_line(error: &wat::Error) -> String {
    let text = error.to_string();
    let mut lines = text.lines().map(str::trim);
    let what = lines.next().unwrap_or_default();
    match lines.next().and_then(|line| line.strip_prefix("-->")) {
        // The position follows the last two colons, whatever the path looks like.
        Some(place) => match place.trim().rsplitn(3, ':').take(2).collect::<Vec<_>>()[..] {
            [column, line] => format!("{what} at line {line}, column {column}"),
            _ => String::from(what),
        },
        None => String::from(what),
    }
}

#[cfg(test)]
mod tests {
    use super::ComponentFile;
    use crate::outcome::failure::Failure;
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
    fn text_and_binary_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("component");
        let binary = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            ComponentFile::read(path.clone()).unwrap().into_binary()
        };
        let translated = binary(b"(component)").unwrap();
        assert!(translated.starts_with(b"\0asm"));
        assert_eq!(binary(&translated).unwrap(), translated);
        assert_eq!(binary("\u{feff}(component)".as_bytes()).unwrap(), translated);
        let error = binary(b"(component\n  (oops))").unwrap_err();
        assert!(matches!(error, Failure::ComponentText { .. }));
        assert!(error.to_string().ends_with(" at line 2, column 4"), "{error}");
        let error = binary(b"\xff\xfe").unwrap_err();
        assert!(error.to_string().contains("neither a binary component nor"), "{error}");
    }

    #[test]
    fn a_file_is_pinned_by_the_hash_of_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("component");
        fs::write(&path, "abc").unwrap();
        let file = ComponentFile::read(path).unwrap();
        assert_eq!((file.sha256()[..4].to_vec(), file.len()), (vec![0xba, 0x78, 0x16, 0xbf], 3));
    }

    #[test]
    fn what_is_not_a_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let error = ComponentFile::read(dir.path().to_path_buf()).err().unwrap();
        assert!(error.to_string().starts_with("cannot read the component "), "{error}");
        let path = dir.path().join("empty");
        fs::write(&path, "").unwrap();
        let error = ComponentFile::read(path).err().unwrap();
        assert!(error.to_string().ends_with(": the file is empty"), "{error}");
    }
}
