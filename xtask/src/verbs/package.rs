//! Packages: what would go to the registry.

use crate::failure::Result;
use crate::{cargo, workspace};

/// What every package must hold, next to its source.
const CONTENTS: [&str; 3] = ["README.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// What is also compiled from its package. The others would compile Wasmtime once more each; for
/// them tidy checks that what they include is packed.
const COMPILED: [&str; 6] = ["-p", "limits-core", "-p", "limits-config", "-p", "quota-enforce"];

/// The steps before this one have fetched all there is to fetch.
const PACKAGE: [&str; 3] = ["package", "--allow-dirty", "--offline"];

pub(crate) fn run() -> Result {
    let published = workspace::published()?;
    let names = published.iter().flat_map(|manifest| ["-p", manifest.name()]);
    cargo::run(&PACKAGE.into_iter().chain(["--no-verify"]).chain(names).collect::<Vec<_>>())?;
    cargo::run(&[&PACKAGE[..], &COMPILED[..]].concat())?;
    for manifest in &published {
        let listed = cargo::output(&["package", "--list", "--allow-dirty", "-p", manifest.name()])?;
        missing(manifest.name(), &listed)?;
    }
    Ok(())
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
