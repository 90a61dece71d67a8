//! The workspace on disk: its root, its target folder, its published packages.

use std::path::{Path, PathBuf};

use crate::failure::Result;
use crate::manifest::Manifest;

/// Returns the folder of the root manifest.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// Returns the folder that cargo builds in.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Returns the folder under `target/` for the files of verbs, and makes it if there is none.
pub(crate) fn scratch() -> Result<PathBuf> {
    let scratch = target().join("xtask");
    std::fs::create_dir_all(&scratch)
        .map_err(|error| format!("cannot make {}: {error}", scratch.display()))?;
    Ok(scratch)
}

/// Returns the manifests of the packages under `crates/`, in the order of their names.
pub(crate) fn published() -> Result<Vec<Manifest>> {
    let folder = root().join("crates");
    let entries = std::fs::read_dir(&folder)
        .map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path().join("Cargo.toml");
        if path.is_file() {
            let text = std::fs::read_to_string(&path)
                .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            found.push(Manifest::parse(&text));
        }
    }
    found.retain(Manifest::is_published);
    found.sort_by(|a, b| a.name().cmp(b.name()));
    Ok(found)
}
