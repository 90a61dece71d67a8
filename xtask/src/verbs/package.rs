//! Packages: what would go to the registry.

use crate::failure::Result;
use crate::{cargo, workspace};

/// What every package must hold, next to its source.
const CONTENTS: [&str; 3] = ["README.md", "LICENSE-APACHE", "LICENSE-MIT"];

pub(crate) fn run() -> Result {
    let published = workspace::published()?;
    let mut pack = vec!["package", "--no-verify", "--allow-dirty"];
    for manifest in &published {
        pack.extend(["-p", manifest.name()]);
    }
    cargo::run(&pack)?;
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
