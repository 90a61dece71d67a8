//! Packages, as they would go to a registry.

use core::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::failure::Result;
use crate::{cargo, workspace};

/// The files of every package beside its source.
const CONTENTS: [&str; 3] = ["README.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// The packages that are compiled from their archives. The others would compile Wasmtime once more
/// each; `cargo xtask tidy` checks that the files they include are packed.
const COMPILED: [&str; 3] = ["limits-config", "limits-core", "quota-enforce"];

/// The version of every package: the workspace's.
const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) fn run() -> Result {
    let published = workspace::published()?;
    let names = published.iter().flat_map(|manifest| ["-p", manifest.name()]);
    // The steps before this one have fetched every dependency.
    let package = ["package", "--allow-dirty", "--offline", "--no-verify"];
    cargo::run(&package.into_iter().chain(names).collect::<Vec<_>>())?;
    compile()?;
    for manifest in &published {
        let listed = cargo::output(&["package", "--list", "--allow-dirty", "-p", manifest.name()])?;
        missing(manifest.name(), &listed)?;
    }
    Ok(())
}

/// Compiles packages from their archives.
///
/// Cargo can do so itself, but knows a package by its version only: it would use files that an
/// earlier run has unpacked and compiled. Here they are as old as this run.
fn compile() -> Result {
    let scratch = workspace::scratch()?;
    let unpacked = scratch.join("packed");
    let failed =
        |what: &str, path: &Path, error| format!("cannot {what} {}: {error}", path.display());
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked).map_err(|error| failed("remove", &unpacked, error))?;
    }
    fs::create_dir_all(&unpacked).map_err(|error| failed("make", &unpacked, error))?;
    for name in COMPILED {
        let packed = scratch.with_file_name("package").join(format!("{name}-{VERSION}.crate"));
        let status =
            Command::new("tar").arg("-xzmf").arg(&packed).arg("-C").arg(&unpacked).status();
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(format!("tar of {}: {status}", packed.display()).into()),
            Err(error) => return Err(failed("unpack with tar", &packed, error).into()),
        }
    }
    let manifest = unpacked.join("Cargo.toml");
    fs::write(&manifest, together()).map_err(|error| failed("write", &manifest, error))?;
    let (lock, copy) = (workspace::root().join("Cargo.lock"), unpacked.join("Cargo.lock"));
    fs::copy(&lock, &copy).map_err(|error| failed("copy", &lock, error))?;
    let [manifest, target] = [manifest, workspace::target()].map(|path| path.display().to_string());
    cargo::run(&["check", "--offline", "--manifest-path", &manifest, "--target-dir", &target])
}

/// Returns the manifest of a workspace in which the unpacked packages use each other.
fn together() -> String {
    let mut manifest = String::from("[workspace]\nresolver = \"3\"\nmembers = [\"*-*\"]\n");
    manifest.push_str("[patch.crates-io]\n");
    for name in COMPILED {
        let _ = writeln!(manifest, "{name} = {{ path = \"{name}-{VERSION}\" }}");
    }
    manifest
}

fn missing(package: &str, listed: &str) -> Result {
    let has = |wanted: &str| listed.lines().any(|line| line == wanted);
    if let Some(absent) = CONTENTS.iter().find(|wanted| !has(wanted)) {
        return Err(format!(
            "package {package} has no {absent}: is the file there and in `include` of its manifest?"
        )
        .into());
    }
    if !has("src/lib.rs") && !has("src/main.rs") {
        return Err(format!("package {package} has no source: is /src in `include`?").into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::missing;

    #[test]
    fn a_package_without_its_licence_or_source_is_refused() {
        let whole = "Cargo.toml\nLICENSE-APACHE\nLICENSE-MIT\nREADME.md\nsrc/lib.rs\n";
        assert!(missing("a", whole).is_ok());
        assert_eq!(
            missing("a", &whole.replace("LICENSE-MIT\n", "")).unwrap_err().to_string(),
            "package a has no LICENSE-MIT: is the file there and in `include` of its manifest?"
        );
        assert_eq!(
            missing("a", &whole.replace("src/lib.rs\n", "")).unwrap_err().to_string(),
            "package a has no source: is /src in `include`?"
        );
    }
}
