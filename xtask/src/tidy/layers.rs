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
        "limits-compile",
        Some(&[
            "blake3",
            "hex",
            "landlock",
            "libc",
            "limits-core",
            "limits-wasmtime",
            "nix",
            "rayon",
            "rustix",
            "seccompiler",
            "serde",
            "serde_json",
            "tempfile",
            "thiserror",
            "tracing",
            "wasi-preview1-component-adapter-provider",
            "wasmparser",
            "wasmtime",
            "wat",
            "wit-component",
        ]),
    ),
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
    ("limits-fair", Some(&[])),
    (
        "limits-wasmtime",
        Some(&[
            "limits-core",
            "limits-fair",
            "nix",
            "rustix",
            "strsim",
            "tokio",
            "tracing",
            "wasmparser",
            "wasmtime",
        ]),
    ),
    (
        "quota-cluster",
        Some(&[
            "fastrand",
            "limits-config",
            "limits-core",
            "quota-enforce",
            "redis",
            "rustix",
            "rustls",
            "thiserror",
            "tokio",
            "tokio-rustls",
            "tracing",
            "webpki-roots",
        ]),
    ),
    (
        "quota-enforce",
        Some(&[
            "arc-swap",
            "dashmap",
            "limits-config",
            "limits-core",
            "metrics",
            "rustix",
            "serde",
            "serde_json",
            "tempfile",
            "thiserror",
            "tokio",
            "tracing",
        ]),
    ),
    (
        "quota-wasi",
        Some(&[
            "bytes",
            "cap-primitives",
            "http",
            "http-body",
            "http-body-util",
            "hyper",
            "limits-core",
            "quota-enforce",
            "redb",
            "rustix",
            "rustls",
            "thiserror",
            "tokio",
            "tokio-rustls",
            "tracing",
            "url",
            "wasmtime",
            "wasmtime-wasi",
            "wasmtime-wasi-http",
            "webpki-roots",
        ]),
    ),
];

pub(super) fn rule(tree: &Tree) -> Vec<Finding> {
    check(tree, LAYERS)
}

fn check(tree: &Tree, layers: &[(&str, Option<&[&str]>)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (folder, manifest) in tree.published() {
        let path = format!("{folder}/Cargo.toml");
        let Some((_, allowed)) = layers.iter().find(|(name, _)| *name == manifest.name()) else {
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
    use super::check;
    use crate::tidy::{Finding, messages};
    use crate::tree::Tree;

    fn rule(tree: &Tree) -> Vec<Finding> {
        check(tree, &[("a", Some(&["serde", "tokio"])), ("b", None)])
    }

    #[test]
    fn a_dependency_outside_the_table_and_a_row_without_its_dependency_are_found() {
        let manifest = "[package]\nname = \"a\"\n[dependencies]\nserde = \"1\"\n\
                        [target.'cfg(unix)'.dependencies]\nlibc = \"1\"\n\
                        [dev-dependencies]\nproptest = \"1\"\n";
        assert_eq!(
            messages(rule, &[("crates/a/Cargo.toml", manifest)]),
            [
                "crates/a/Cargo.toml: must not depend on libc: remove it, or decide otherwise in xtask/src/tidy/layers.rs",
                "crates/a/Cargo.toml: does not depend on tokio: remove it from xtask/src/tidy/layers.rs",
            ]
        );
    }

    #[test]
    fn a_crate_without_a_row_is_found_and_an_unpublished_one_is_not() {
        let samples = [
            ("crates/b/Cargo.toml", "[package]\nname = \"b\"\n[dependencies]\nany = \"1\"\n"),
            ("crates/new/Cargo.toml", "[package]\nname = \"new\"\n"),
            ("tests/Cargo.toml", "[package]\nname = \"tests\"\npublish = false\n"),
        ];
        assert_eq!(
            messages(rule, &samples),
            ["crates/new/Cargo.toml: has no row in xtask/src/tidy/layers.rs: add its dependencies"]
        );
    }
}
