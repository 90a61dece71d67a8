//! Each published crate alone, without the features that other members turn on for its
//! dependencies: it must name all that it uses.

use crate::failure::Result;
use crate::manifest::Manifest;
use crate::{cargo, workspace};

/// The member whose manifest explains itself.
const UNIFIED: &str = "unified-features";

/// The sets of features of a crate that has some, beside its default.
const FEATURES: [&str; 2] = ["--no-default-features", "--all-features"];

pub(crate) fn run() -> Result {
    for manifest in workspace::published()? {
        let mut check = vec!["check", "-p", manifest.name()];
        if uses_wasmtime(&manifest) {
            check.extend(["-p", UNIFIED]);
        }
        cargo::run(&check)?;
        for features in FEATURES.into_iter().filter(|_| manifest.has_features()) {
            cargo::run(&[&check[..], &[features]].concat())?;
        }
    }
    Ok(())
}

fn uses_wasmtime(manifest: &Manifest) -> bool {
    let dependencies = manifest.dependencies();
    dependencies.iter().any(|dependency| dependency.name == "wasmtime" && !dependency.is_dev)
}

#[cfg(test)]
mod tests {
    use super::uses_wasmtime;
    use crate::manifest::Manifest;
    use crate::workspace;
    use std::fs;
    use toml::Value;

    #[test]
    fn no_crate_of_the_unified_features_hides_that_a_published_crate_names_too_little() {
        let text = fs::read_to_string(workspace::root().join("xtask/unified/Cargo.toml")).unwrap();
        let unified = Manifest::parse(&text);
        let published = workspace::published().unwrap();
        let checked = published.iter().filter(|manifest| uses_wasmtime(manifest));
        let mut count = 0;
        for manifest in checked {
            count += 1;
            for dependency in manifest.dependencies().iter().filter(|found| !found.is_dev) {
                let Some(added) = unified.get(&["dependencies", &dependency.name]) else {
                    continue;
                };
                let has_more = added.get("features").is_some();
                let is_inherited = added.get("workspace").and_then(Value::as_bool) == Some(true);
                assert!(
                    is_inherited && !has_more && dependency.inherits,
                    "{} names {}: what it names would not be checked",
                    manifest.name(),
                    dependency.name
                );
            }
        }
        assert_eq!(count, 4, "limits-cli, limits-compile, limits-wasmtime, quota-wasi");
    }
}
