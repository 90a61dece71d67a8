//! Each crate depends on what the design allows it to know, and on nothing else.

use super::Finding;
use crate::tree::Tree;

/// What each published crate needs to run or to be built; `None` may need anything.
///
/// A new line here is a design decision, so say why in the change that adds it.
const LAYERS: &[(&str, Option<&[&str]>)] = &[
    ("limits-cli", None),
    (
        "limits-config",
        Some(&[
            "byte-unit",
            "limits-core",
            "rustix",
            "schemars",
            "semver",
            "serde",
            "strsim",
            "toml",
        ]),
    ),
    ("limits-core", Some(&[])),
    (
        "limits-wasmtime",
        Some(&["limits-core", "rustix", "tokio", "tracing", "wasmparser", "wasmtime"]),
    ),
    (
        "quota-enforce",
        Some(&["dashmap", "limits-core", "metrics", "rustix", "serde", "serde_json", "tracing"]),
    ),
];

pub(super) fn rule(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (folder, manifest) in tree.published() {
        let path = format!("{folder}/Cargo.toml");
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == manifest.name()) else {
            findings.push(Finding::file(
                path,
                "not in the table of xtask/src/tidy/layers.rs: add what it may know",
            ));
            continue;
        };
        let Some(allowed) = allowed else { continue };
        let needed = manifest.dependencies();
        for extra in needed.iter().filter(|name| !allowed.contains(name)) {
            findings.push(Finding::file(
                &path,
                format!("must not depend on {extra}: drop it, or decide otherwise in xtask/src/tidy/layers.rs"),
            ));
        }
        for unused in allowed.iter().filter(|name| !needed.contains(name)) {
            findings.push(Finding::file(
                &path,
                format!("does not depend on {unused}: drop it from xtask/src/tidy/layers.rs"),
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::rule;
    use crate::tidy::says;

    #[test]
    fn a_dependency_that_the_table_does_not_have_is_found() {
        let manifest = "[package]\nname = \"limits-core\"\n[dependencies]\nserde.workspace = true\n[dev-dependencies]\nproptest.workspace = true\n";
        assert_eq!(
            says(rule, &[("crates/limits-core/Cargo.toml", manifest)]),
            [
                "crates/limits-core/Cargo.toml: must not depend on serde: drop it, or decide otherwise in xtask/src/tidy/layers.rs"
            ]
        );
    }

    #[test]
    fn a_platforms_dependency_counts_and_an_unused_line_of_the_table_is_found() {
        let manifest = "[package]\nname = \"limits-wasmtime\"\n[dependencies]\nlimits-core.workspace = true\nrustix.workspace = true\ntracing.workspace = true\nwasmparser.workspace = true\nwasmtime.workspace = true\n[target.'cfg(unix)'.dependencies]\nlibc.workspace = true\n";
        assert_eq!(
            says(rule, &[("crates/limits-wasmtime/Cargo.toml", manifest)]),
            [
                "crates/limits-wasmtime/Cargo.toml: must not depend on libc: drop it, or decide otherwise in xtask/src/tidy/layers.rs",
                "crates/limits-wasmtime/Cargo.toml: does not depend on tokio: drop it from xtask/src/tidy/layers.rs",
            ]
        );
    }

    #[test]
    fn a_crate_that_nobody_decided_on_is_found_and_an_unpublished_one_is_not() {
        let published = ("crates/new/Cargo.toml", "[package]\nname = \"new\"\n");
        let unpublished = ("tests/Cargo.toml", "[package]\nname = \"tests\"\npublish = false\n");
        assert_eq!(
            says(rule, &[published, unpublished]),
            [
                "crates/new/Cargo.toml: not in the table of xtask/src/tidy/layers.rs: add what it may know"
            ]
        );
    }
}
