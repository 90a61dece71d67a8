//! The folder of a guest: its `Component.toml`, its code, and the operator's policy.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::Result;
use crate::guest_case::GuestCase;

/// A folder that is removed on drop.
#[derive(Debug)]
pub(crate) struct Folder {
    root: TempDir,
}

impl Folder {
    pub(crate) fn new() -> Result<Self> {
        let root = tempfile::Builder::new().prefix("attack-").tempdir()?;
        for name in ["component", "data", "cache", "state"] {
            fs::create_dir(root.path().join(name))?;
        }
        Ok(Self { root })
    }

    /// Makes the folder of a guest.
    pub(crate) fn of(case: &GuestCase) -> Result<Self> {
        let folder = Self::new()?;
        fs::write(folder.component().join("Component.toml"), case.config())?;
        let bytes = case.code.bytes();
        let name = if bytes.starts_with(b"\0asm") { "component.wasm" } else { "component.wat" };
        fs::write(folder.component().join(name), &bytes)?;
        if let Some(policy) = case.policy {
            fs::write(folder.path("policy.toml"), policy)?;
        }
        Ok(folder)
    }

    /// The folder of the component.
    pub(crate) fn component(&self) -> PathBuf {
        self.path("component")
    }

    /// The directory that a guest may be given.
    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.path().join(name)
    }
}
