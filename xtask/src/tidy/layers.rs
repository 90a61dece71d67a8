//! Each published crate has the dependencies that the design allows, and no others.

use std::collections::BTreeSet;

use super::Finding;
use crate::tree::Tree;

/// The dependencies of each published crate, those of its tests aside; `None` allows any.
///
/// A new line is a design decision. The commit that adds it has the reason.
const LAYERS: &[(&str, Option<&[&str]>)] = &[
    ("limits-cli", None),
    (
        "limits-config",
        Some(&[
            "byte-unit",
            "hex",
            "limits-core",
            "rustix",
            "schemars",
            "semver",
            "serde",
            "sha2",
            "strsim",
            "thiserror",
            "toml",
        ]),
    ),
    ("limits-core", Some(&[])),
    (
        "limits-wasmtime",
        Some(&["limits-core", "rustix", "strsim", "tokio", "tracing", "wasmparser", "wasmtime"]),
    ),
    (
        "quota-enforce",
        Some(&[
            "arc-swap",
            "dashmap",
            "limits-core",
            "metrics",
            "rustix",
            "serde",
            "serde_json",
            "thiserror",
            "tracing",
        ]),
    ),
];

pub(super) fn rule(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (folder, manifest) in tree.published() {
        let path = format!("{folder}/Cargo.toml");
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == manifest.name()) else {
            findings.push(Finding::file(
                path,
                "has no row in xtask/src/tidy/layers.rs: add its dependencies",
            ));
            continue;
        };
        let Some(allowed) = allowed else { continue };
        let needed = manifest.dependencies().into_iter().filter(|dependency| !dependency.is_dev);
        let needed: BTreeSet<String> = needed.map(|dependency| dependency.name).collect();
        for extra in needed.iter().filter(|name| !allowed.contains(&name.as_str())) {
            let message = format!(
                "must not depend on {extra}: remove it, or decide otherwise in xtask/src/tidy/layers.rs"
            );
            findings.push(Finding::file(&path, message));
        }
        for unused in allowed.iter().filter(|name| !needed.contains(**name)) {
            let message =
                format!("does not depend on {unused}: remove it from xtask/src/tidy/layers.rs");
            findings.push(Finding::file(&path, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::rule;
    use crate::tidy::messages;

    #[test]
    fn a_dependency_that_the_table_does_not_have_is_found() {
        let manifest = "[package]\nname = \"limits-core\"\n[dependencies]\nserde.workspace = true\n[dev-dependencies]\nproptest.workspace = true\n";
        assert_eq!(
            messages(rule, &[("crates/limits-core/Cargo.toml", manifest)]),
            [
                "crates/limits-core/Cargo.toml: must not depend on serde: remove it, or decide otherwise in xtask/src/tidy/layers.rs"
            ]
        );
    }

    #[test]
    fn a_platforms_dependency_counts_and_an_unused_line_of_the_table_is_found() {
        let manifest = "[package]\nname = \"limits-wasmtime\"\n[dependencies]\nlimits-core.workspace = true\nrustix.workspace = true\ntracing.workspace = true\nwasmparser.workspace = true\nwasmtime.workspace = true\n[target.'cfg(unix)'.dependencies]\nlibc.workspace = true\n";
        assert_eq!(
            messages(rule, &[("crates/limits-wasmtime/Cargo.toml", manifest)]),
            [
                "crates/limits-wasmtime/Cargo.toml: must not depend on libc: remove it, or decide otherwise in xtask/src/tidy/layers.rs",
                "crates/limits-wasmtime/Cargo.toml: does not depend on tokio: remove it from xtask/src/tidy/layers.rs",
            ]
        );
    }

    #[test]
    fn a_crate_without_a_row_is_found_and_an_unpublished_one_is_not() {
        let published = ("crates/new/Cargo.toml", "[package]\nname = \"new\"\n");
        let unpublished = ("tests/Cargo.toml", "[package]\nname = \"tests\"\npublish = false\n");
        assert_eq!(
            messages(rule, &[published, unpublished]),
            ["crates/new/Cargo.toml: has no row in xtask/src/tidy/layers.rs: add its dependencies"]
        );
    }
}
