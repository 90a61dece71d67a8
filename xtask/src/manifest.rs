//! The parts of a Cargo.toml that the rules look at.

use toml::{Table, Value};

/// The list of a package's dependencies that are there for the features that they turn on, or
/// `true` if all are.
pub(crate) const FEATURES_ONLY: [&str; 4] = ["package", "metadata", "tidy", "features-only"];

/// One dependency, of whatever kind and platform.
#[derive(Debug)]
pub(crate) struct Dependency {
    /// The name that the source uses.
    pub(crate) name: String,
    /// Only tests, examples and benchmarks use it.
    pub(crate) is_dev: bool,
    /// The version comes from the workspace.
    pub(crate) inherits: bool,
}

/// One manifest.
#[derive(Debug)]
pub(crate) struct Manifest(Table);

impl Manifest {
    /// Parses a manifest. Cargo reports one that is no TOML; here it is empty.
    pub(crate) fn parse(text: &str) -> Self {
        Self(text.parse().unwrap_or_default())
    }

    /// Returns the value under a path of keys.
    pub(crate) fn get(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.0.get(*first)?, |value, key| value.get(key))
    }

    /// Returns the text under a path of keys, empty if there is none.
    pub(crate) fn text(&self, path: &[&str]) -> &str {
        self.get(path).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the strings of the array under a path of keys.
    pub(crate) fn list(&self, path: &[&str]) -> impl Iterator<Item = &str> {
        self.get(path).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// Returns the package's name, empty if the manifest has no package.
    pub(crate) fn name(&self) -> &str {
        self.text(&["package", "name"])
    }

    /// Reports whether the package is meant for a registry.
    pub(crate) fn is_published(&self) -> bool {
        self.get(&["package", "publish"]).is_none_or(|publish| publish.as_bool() != Some(false))
    }

    /// Reports whether the package has features.
    pub(crate) fn has_features(&self) -> bool {
        self.get(&["features"]).is_some()
    }

    /// Reports whether the package has no source that uses its dependencies: they are there for the
    /// features that they turn on.
    pub(crate) fn is_for_features(&self) -> bool {
        self.get(&FEATURES_ONLY).and_then(Value::as_bool) == Some(true)
    }

    /// Returns the dependencies of all kinds and platforms.
    pub(crate) fn dependencies(&self) -> Vec<Dependency> {
        let platforms = self.get(&["target"]).and_then(Value::as_table).into_iter();
        let platforms = platforms.flat_map(|table| table.values().filter_map(Value::as_table));
        let mut found = Vec::new();
        for tables in platforms.chain([&self.0]) {
            for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
                for (name, value) in
                    tables.get(kind).and_then(Value::as_table).into_iter().flatten()
                {
                    let inherits = value.get("workspace").and_then(Value::as_bool) == Some(true);
                    let is_dev = kind == "dev-dependencies";
                    found.push(Dependency { name: name.clone(), is_dev, inherits });
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::Manifest;

    const SAMPLE: &str = "\
[package]
name = \"a\" # not b
include = [\"/src\"]
[features]
x = []
[dependencies]
serde.workspace = true
tokio = { workspace = true, features = [\"rt\"] }
[target.'cfg(unix)'.dependencies]
rustix.workspace = true
[dev-dependencies]
proptest = \"1#\"
";

    #[test]
    fn dependencies_of_all_kinds_and_platforms_are_found() {
        let manifest = Manifest::parse(SAMPLE);
        let found: Vec<(String, bool, bool)> = manifest
            .dependencies()
            .into_iter()
            .map(|dependency| (dependency.name, dependency.is_dev, dependency.inherits))
            .collect();
        let own = |name: &str, is_dev, inherits| (name.to_owned(), is_dev, inherits);
        assert_eq!(
            found,
            [
                own("rustix", false, true),
                own("serde", false, true),
                own("tokio", false, true),
                own("proptest", true, false),
            ]
        );
    }

    #[test]
    fn names_features_and_lists_are_found() {
        let manifest = Manifest::parse(SAMPLE);
        assert_eq!(manifest.name(), "a");
        assert!(manifest.has_features() && manifest.is_published());
        assert_eq!(manifest.list(&["package", "include"]).collect::<Vec<_>>(), ["/src"]);
        assert!(!Manifest::parse("[package]\npublish = false\n").is_published());
    }
}
